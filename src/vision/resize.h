// Resizing that equals Pillow's Image.resize, which the preprocessing of most published models was done with.
#pragma once

#include <optional>
#include <string_view>

#include "vision/image.h"

namespace sardonyx::vision {

enum class ResizeFilter { kNearest, kBox, kBilinear, kBicubic, kLanczos };
std::string_view ResizeFilterName(ResizeFilter filter);  // "nearest", ...
std::optional<ResizeFilter> ParseResizeFilter(std::string_view name);

// All but nearest are antialiased: when shrinking, the filter is stretched to cover what one output pixel covers. Bicubic
// has a = -0.5, Lanczos three lobes. kUsage for sizes that are not positive, kResource beyond kMaxPixels.
StatusOr<Image> Resize(const Image& image, int width, int height, ResizeFilter filter = ResizeFilter::kBilinear);

}  // namespace sardonyx::vision
