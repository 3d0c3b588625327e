// Image: 8-bit pixels in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "sardonyx/status.h"

namespace sardonyx::vision {

enum class Color { kRgb, kBgr, kGray };
constexpr int ChannelsOf(Color color) { return color == Color::kGray ? 1 : 3; }
std::string_view ColorName(Color color);  // "rgb", "bgr", "gray"

// Rows from top to bottom without padding between them; channels interleaved ([height, width, channels]).
struct Image {
  int width = 0;
  int height = 0;
  int channels = 0;  // 1 or 3 (4 only inside a decoder)
  std::vector<uint8_t> pixels;

  size_t row_bytes() const { return static_cast<size_t>(width) * static_cast<size_t>(channels); }
  uint8_t* row(int y) { return pixels.data() + static_cast<size_t>(y) * row_bytes(); }
  const uint8_t* row(int y) const { return pixels.data() + static_cast<size_t>(y) * row_bytes(); }
};

// More pixels than any picture that a model is shown; three bytes each.
inline constexpr uint64_t kMaxPixels = uint64_t{1} << 27;

// A black image. kCorrupt for sizes that are not positive, kResource for more than `max_pixels` pixels or no memory.
StatusOr<Image> MakeImage(int64_t width, int64_t height, int channels, uint64_t max_pixels = kMaxPixels);

// Channels in another order or number. Gray is ITU-R 601 luma, (19595 R + 38470 G + 7471 B) / 65536 rounded, as Pillow
// computes it; gray becomes color with three equal channels. `from` is how `image` is to be read.
StatusOr<Image> ConvertColor(Image image, Color from, Color to);

// Undoes an EXIF orientation (1 to 8, as in the tag 0x0112; anything else is 1): the result stands upright.
StatusOr<Image> ApplyOrientation(Image image, int orientation);

}  // namespace sardonyx::vision
