// Pictures of every format.
#include <cstdlib>

#include "vision/decode.h"
#include "vision/resize.h"

namespace vision = sardonyx::vision;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto image = vision::DecodeImage({data, size}, {.max_pixels = 1 << 16});
  if (!image.ok()) return 0;
  const auto count = static_cast<size_t>(image->width) * static_cast<size_t>(image->height) * 3;
  if (image->channels != 3 || image->pixels.size() != count) std::abort();
  if (!vision::Resize(*image, 5, 3, vision::ResizeFilter::kLanczos).ok()) std::abort();
  return 0;
}
