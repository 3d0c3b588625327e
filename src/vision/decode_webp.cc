#include <webp/decode.h>

#include <cstring>

#include "base/status_macros.h"
#include "vision/codecs.h"
#include "vision/tiff_directory.h"

namespace sardonyx::vision {
namespace {

// The content of the chunk EXIF of the RIFF file (WebP Container Specification); empty if there is none.
std::span<const uint8_t> ExifChunk(std::span<const uint8_t> bytes) {
  for (size_t at = 12; at + 8 <= bytes.size();) {
    uint32_t size;
    std::memcpy(&size, bytes.data() + at + 4, 4);
    const size_t left = bytes.size() - at - 8;
    if (size > left) break;
    if (std::memcmp(bytes.data() + at, "EXIF", 4) == 0) return bytes.subspan(at + 8, size);
    at += 8 + size_t{size} + (size & 1);
  }
  return {};
}

Status ErrorOf(VP8StatusCode code) {
  switch (code) {
    case VP8_STATUS_OUT_OF_MEMORY: return Resource("no memory");
    case VP8_STATUS_UNSUPPORTED_FEATURE: return Unsupported("a feature that libwebp does not decode");
    case VP8_STATUS_NOT_ENOUGH_DATA: return Corrupt("the file ends too early");
    default: return Corrupt("damaged data");
  }
}

}  // namespace

StatusOr<Decoded> DecodeWebp(std::span<const uint8_t> bytes, uint64_t max_pixels) {
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config)) return Internal("libwebp does not match its header");
  const VP8StatusCode header = WebPGetFeatures(bytes.data(), bytes.size(), &config.input);
  if (header != VP8_STATUS_OK) return ErrorOf(header);
  if (config.input.has_animation) return Unsupported("an animation; save one of its frames");
  Decoded decoded;
  ASSIGN_OR_RETURN(decoded.image, MakeImage(config.input.width, config.input.height, 3, max_pixels));
  config.output.colorspace = MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA = {decoded.image.pixels.data(), static_cast<int>(decoded.image.row_bytes()), decoded.image.pixels.size()};
  const VP8StatusCode pixels = WebPDecode(bytes.data(), bytes.size(), &config);
  WebPFreeDecBuffer(&config.output);
  if (pixels != VP8_STATUS_OK) return ErrorOf(pixels);
  decoded.orientation = ExifOrientation(ExifChunk(bytes));
  return decoded;
}

}  // namespace sardonyx::vision
