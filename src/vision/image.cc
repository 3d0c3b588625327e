#include "vision/image.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx::vision {

std::string_view ColorName(Color color) { return color == Color::kRgb ? "rgb" : color == Color::kBgr ? "bgr" : "gray"; }

StatusOr<Image> MakeImage(int64_t width, int64_t height, int channels, uint64_t max_pixels) {
  if (width <= 0 || height <= 0) return Corrupt(fmt::format("an image of {} x {} pixels", width, height));
  const auto w = static_cast<uint64_t>(width), h = static_cast<uint64_t>(height);
  if (w > max_pixels / h || w > INT32_MAX || h > INT32_MAX)
    return Resource(fmt::format("an image of {} x {} pixels; at most {} pixels are read", width, height, max_pixels));
  Image image{static_cast<int>(width), static_cast<int>(height), channels, {}};
  try {
    image.pixels.resize(w * h * static_cast<uint64_t>(channels));
  } catch (const std::bad_alloc&) {
    return Resource(fmt::format("no memory for an image of {} x {} pixels", width, height));
  }
  return image;
}

StatusOr<Image> ConvertColor(Image image, Color from, Color to) {
  if (from == to) return image;
  const size_t count = static_cast<size_t>(image.width) * static_cast<size_t>(image.height);
  if (from != Color::kGray && to != Color::kGray) {
    for (size_t i = 0; i < count; ++i) std::swap(image.pixels[3 * i], image.pixels[3 * i + 2]);
    return image;
  }
  ASSIGN_OR_RETURN(Image result, MakeImage(image.width, image.height, ChannelsOf(to), count));
  const uint8_t* in = image.pixels.data();
  uint8_t* out = result.pixels.data();
  if (to == Color::kGray) {
    const size_t red = from == Color::kRgb ? 0 : 2;
    for (size_t i = 0; i < count; ++i, in += 3)
      out[i] = static_cast<uint8_t>((19595u * in[red] + 38470u * in[1] + 7471u * in[2 - red] + 32768u) >> 16);
  } else {
    for (size_t i = 0; i < count; ++i) std::memset(out + 3 * i, in[i], 3);
  }
  return result;
}

StatusOr<Image> ApplyOrientation(Image image, int orientation) {
  if (orientation <= 1 || orientation > 8) return image;
  // Where the upright pixel (x, y) lies in the stored picture. 5 to 8 swap the axes; then which of the stored axes runs
  // backwards (EXIF 2.32, 4.6.4, tag Orientation).
  const bool swap = orientation >= 5;
  const bool flip_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const int width = swap ? image.height : image.width, height = swap ? image.width : image.height;
  ASSIGN_OR_RETURN(Image upright, MakeImage(width, height, image.channels, UINT64_MAX));
  const auto channels = static_cast<size_t>(image.channels);
  uint8_t* out = upright.pixels.data();
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x, out += channels) {
      int from_x = swap ? y : x, from_y = swap ? x : y;
      if (flip_x) from_x = image.width - 1 - from_x;
      if (flip_y) from_y = image.height - 1 - from_y;
      std::memcpy(out, image.row(from_y) + static_cast<size_t>(from_x) * channels, channels);
    }
  }
  return upright;
}

}  // namespace sardonyx::vision
