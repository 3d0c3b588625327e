#include "vision/resize.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx::vision {
namespace {

// Weights are fixed point, as Pillow's are: 22 bits of fraction leave 8 for the pixel and 2 for the overshoot of
// filters with negative lobes.
constexpr int kFraction = 32 - 8 - 2;

double Sinc(double x) { return x == 0.0 ? 1.0 : std::sin(x * std::numbers::pi) / (x * std::numbers::pi); }

double Cubic(double x) {
  constexpr double a = -0.5;
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  return x < 2.0 ? (((x - 5.0) * x + 8.0) * x - 4.0) * a : 0.0;
}

double Weight(ResizeFilter filter, double x) {
  switch (filter) {
    case ResizeFilter::kBox: return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
    case ResizeFilter::kBilinear: return std::max(0.0, 1.0 - std::abs(x));
    case ResizeFilter::kBicubic: return Cubic(std::abs(x));
    case ResizeFilter::kLanczos: return x >= -3.0 && x < 3.0 ? Sinc(x) * Sinc(x / 3.0) : 0.0;
    case ResizeFilter::kNearest: break;
  }
  return 0.0;
}

double Support(ResizeFilter filter) {
  switch (filter) {
    case ResizeFilter::kBox: return 0.5;
    case ResizeFilter::kBilinear: return 1.0;
    case ResizeFilter::kBicubic: return 2.0;
    case ResizeFilter::kLanczos: return 3.0;
    case ResizeFilter::kNearest: break;
  }
  return 0.0;
}

// For each output position: the first input position that counts, how many do, and their weights, which sum to one.
struct Taps {
  std::vector<int> first, count;
  std::vector<int32_t> weights;  // `stride` for each output position
  int stride = 0;
};

Taps MakeTaps(int in, int out, ResizeFilter filter) {
  const double scale = static_cast<double>(in) / out, stretch = std::max(scale, 1.0), support = Support(filter) * stretch;
  Taps taps;
  taps.stride = static_cast<int>(std::ceil(support)) * 2 + 1;
  taps.weights.resize(static_cast<size_t>(out) * static_cast<size_t>(taps.stride));
  std::vector<double> row(static_cast<size_t>(taps.stride));
  for (int i = 0; i < out; ++i) {
    const double center = (i + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(center - support + 0.5));
    const int count = std::min(in, static_cast<int>(center + support + 0.5)) - first;
    double sum = 0.0;
    for (int k = 0; k < count; ++k) sum += row[static_cast<size_t>(k)] = Weight(filter, (first + k - center + 0.5) / stretch);
    for (int k = 0; k < count; ++k) {
      const double weight = row[static_cast<size_t>(k)] / (sum == 0.0 ? 1.0 : sum);
      taps.weights[static_cast<size_t>(i) * static_cast<size_t>(taps.stride) + static_cast<size_t>(k)] =
          static_cast<int32_t>(std::lround(weight * (1 << kFraction)));
    }
    taps.first.push_back(first);
    taps.count.push_back(count);
  }
  return taps;
}

uint8_t Round(int32_t sum) { return static_cast<uint8_t>(std::clamp((sum + (1 << (kFraction - 1))) >> kFraction, 0, 255)); }

template <int kChannels>
void ResizeRow(const Taps& taps, int width, const uint8_t* in, uint8_t* out) {
  for (int x = 0; x < width; ++x, out += kChannels) {
    const auto i = static_cast<size_t>(x);
    const int32_t* weights = taps.weights.data() + i * static_cast<size_t>(taps.stride);
    const uint8_t* pixel = in + static_cast<size_t>(taps.first[i]) * kChannels;
    int32_t sums[kChannels] = {};
    for (int k = 0; k < taps.count[i]; ++k, pixel += kChannels)
      for (int c = 0; c < kChannels; ++c) sums[c] += pixel[c] * weights[k];
    for (int c = 0; c < kChannels; ++c) out[c] = Round(sums[c]);
  }
}

StatusOr<Image> ResizeWidth(const Image& image, int width, ResizeFilter filter) {
  ASSIGN_OR_RETURN(Image result, MakeImage(width, image.height, image.channels));
  const Taps taps = MakeTaps(image.width, width, filter);
  for (int y = 0; y < image.height; ++y) {
    if (image.channels == 3)
      ResizeRow<3>(taps, width, image.row(y), result.row(y));
    else
      ResizeRow<1>(taps, width, image.row(y), result.row(y));
  }
  return result;
}

StatusOr<Image> ResizeHeight(const Image& image, int height, ResizeFilter filter) {
  ASSIGN_OR_RETURN(Image result, MakeImage(image.width, height, image.channels));
  const Taps taps = MakeTaps(image.height, height, filter);
  const size_t bytes = image.row_bytes();
  std::vector<int32_t> sums(bytes);
  for (int y = 0; y < height; ++y) {
    const auto i = static_cast<size_t>(y);
    std::fill(sums.begin(), sums.end(), 0);
    for (int k = 0; k < taps.count[i]; ++k) {
      const uint8_t* in = image.row(taps.first[i] + k);
      const int32_t weight = taps.weights[i * static_cast<size_t>(taps.stride) + static_cast<size_t>(k)];
      for (size_t b = 0; b < bytes; ++b) sums[b] += in[b] * weight;
    }
    uint8_t* out = result.row(y);
    for (size_t b = 0; b < bytes; ++b) out[b] = Round(sums[b]);
  }
  return result;
}

// The pixel whose area the output pixel's center falls into.
StatusOr<Image> ResizeNearest(const Image& image, int width, int height) {
  ASSIGN_OR_RETURN(Image result, MakeImage(width, height, image.channels));
  const auto channels = static_cast<size_t>(image.channels);
  const double scale_x = static_cast<double>(image.width) / width, scale_y = static_cast<double>(image.height) / height;
  std::vector<size_t> columns(static_cast<size_t>(width));
  for (int x = 0; x < width; ++x)
    columns[static_cast<size_t>(x)] = static_cast<size_t>(std::min(image.width - 1, static_cast<int>((x + 0.5) * scale_x))) * channels;
  for (int y = 0; y < height; ++y) {
    const uint8_t* in = image.row(std::min(image.height - 1, static_cast<int>((y + 0.5) * scale_y)));
    uint8_t* out = result.row(y);
    for (const size_t column : columns) out = std::copy_n(in + column, channels, out);
  }
  return result;
}

}  // namespace

std::string_view ResizeFilterName(ResizeFilter filter) {
  switch (filter) {
    case ResizeFilter::kNearest: return "nearest";
    case ResizeFilter::kBox: return "box";
    case ResizeFilter::kBilinear: return "bilinear";
    case ResizeFilter::kBicubic: return "bicubic";
    case ResizeFilter::kLanczos: return "lanczos";
  }
  return "unknown";
}

std::optional<ResizeFilter> ParseResizeFilter(std::string_view name) {
  for (const auto filter :
       {ResizeFilter::kNearest, ResizeFilter::kBox, ResizeFilter::kBilinear, ResizeFilter::kBicubic, ResizeFilter::kLanczos})
    if (name == ResizeFilterName(filter)) return filter;
  return std::nullopt;
}

StatusOr<Image> Resize(const Image& image, int width, int height, ResizeFilter filter) {
  if (width <= 0 || height <= 0) return Usage(fmt::format("a picture cannot be resized to {} x {}", width, height));
  if (static_cast<uint64_t>(width) > kMaxPixels / static_cast<uint64_t>(height))
    return Resource(fmt::format("resizing to {} x {}: at most {} pixels are made", width, height, kMaxPixels));
  if (width == image.width && height == image.height) return image;
  if (filter == ResizeFilter::kNearest) return ResizeNearest(image, width, height);
  // Widths first, then heights, rounded to 8 bits in between, as Pillow does.
  if (width == image.width) return ResizeHeight(image, height, filter);
  ASSIGN_OR_RETURN(const Image narrowed, ResizeWidth(image, width, filter));
  return height == image.height ? narrowed : ResizeHeight(narrowed, height, filter);
}

}  // namespace sardonyx::vision
