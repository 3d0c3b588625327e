#include "kernels/resize/resize_axis.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace sardonyx::kernels {
namespace {

// Entries of 16 bytes.
constexpr int64_t kMaxTableEntries = int64_t{1} << 27;

// Where output `x` lies in the input's coordinates.
double SourceCoordinate(const ResizeOptions& options, const ResizeAxis& axis, int64_t output) {
  const double x = static_cast<double>(output), input = static_cast<double>(axis.input);
  const double width = axis.scale * input;  // the output's exact, perhaps fractional, length
  switch (options.transform) {
    case CoordinateTransform::kHalfPixel:
      return (x + 0.5) / axis.scale - 0.5;
    case CoordinateTransform::kHalfPixelSymmetric: {
      const double adjustment = static_cast<double>(axis.output) / width;
      return input / 2 * (1 - adjustment) + (x + 0.5) / axis.scale - 0.5;
    }
    case CoordinateTransform::kPytorchHalfPixel:
      return axis.output > 1 ? (x + 0.5) / axis.scale - 0.5 : 0;
    case CoordinateTransform::kAlignCorners:
      return axis.output > 1 ? x * (input - 1) / (width - 1) : 0;
    case CoordinateTransform::kAsymmetric:
      return x / axis.scale;
    case CoordinateTransform::kTfCropAndResize:
      if (axis.output == 1) return 0.5 * (axis.roi_begin + axis.roi_end) * (input - 1);
      return axis.roi_begin * (input - 1) + x * (axis.roi_end - axis.roi_begin) * (input - 1) / static_cast<double>(axis.output - 1);
    case CoordinateTransform::kTfHalfPixelForNn:
      return (x + 0.5) / axis.scale;
  }
  return x;
}

double CubicKernel(double x, double a) {
  x = std::abs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((x - 5) * x + 8) * x * a - 4 * a;
  return 0;
}

int64_t NearestIndex(NearestMode mode, double x) {
  const double floor = std::floor(x), fraction = x - floor;
  bool up = false;
  switch (mode) {
    case NearestMode::kRoundPreferFloor:
      up = fraction > 0.5;
      break;
    case NearestMode::kRoundPreferCeil:
      up = fraction >= 0.5;
      break;
    case NearestMode::kFloor:
      break;
    case NearestMode::kCeil:
      up = fraction > 0;
      break;
  }
  return static_cast<int64_t>(floor) + up;
}

// Weights of one output; `first` is the input before x (x itself counts as after it), offset by the filter's reach.
void FillWeights(const ResizeOptions& options, double x, double first, double stretch, int64_t taps, double* weight) {
  double sum = 0;
  for (int64_t t = 0; t < taps; ++t) {
    const double distance = (first + static_cast<double>(t) - x) * stretch;
    weight[t] = options.mode == ResizeMode::kLinear ? std::clamp(1 - std::abs(distance), 0.0, 1.0)
                                                    : CubicKernel(distance, options.cubic_coefficient);
    sum += weight[t];
  }
  if (stretch < 1 && sum != 0)
    for (int64_t t = 0; t < taps; ++t) weight[t] /= sum;
}

void ExcludeOutside(int64_t first, int64_t input, int64_t taps, double* weight) {
  double sum = 0;
  for (int64_t t = 0; t < taps; ++t) {
    if (first + t < 0 || first + t >= input) weight[t] = 0;
    sum += weight[t];
  }
  if (sum != 0)
    for (int64_t t = 0; t < taps; ++t) weight[t] /= sum;
}

// Coordinates far outside (a hostile roi or scale) are as good as just outside; NaN counts as the first element.
double Bounded(double x, int64_t input) {
  return std::isnan(x) ? 0 : std::clamp(x, -static_cast<double>(input) - 8, 2 * static_cast<double>(input) + 8);
}

bool IsIdentity(const ResizeAxis& axis) {
  if (axis.input != axis.output || !axis.extrapolated.empty()) return false;
  for (int64_t o = 0; o < axis.output; ++o) {
    double own = 0;  // clamping may name the same input twice
    for (int64_t t = o * axis.taps; t < (o + 1) * axis.taps; ++t) {
      if (axis.index[static_cast<size_t>(t)] == o) own += axis.weight[static_cast<size_t>(t)];
      else if (axis.weight[static_cast<size_t>(t)] != 0) return false;
    }
    if (own != 1) return false;
  }
  return true;
}

}  // namespace

StatusOr<ResizeMode> ParseResizeMode(std::string_view name) {
  if (name == "nearest") return ResizeMode::kNearest;
  if (name == "linear" || name == "bilinear") return ResizeMode::kLinear;  // Upsample-1 says "bilinear"
  if (name == "cubic") return ResizeMode::kCubic;
  return Invalid(fmt::format("mode '{}' is none of nearest, linear, cubic", name));
}

StatusOr<NearestMode> ParseNearestMode(std::string_view name) {
  if (name == "round_prefer_floor") return NearestMode::kRoundPreferFloor;
  if (name == "round_prefer_ceil") return NearestMode::kRoundPreferCeil;
  if (name == "floor") return NearestMode::kFloor;
  if (name == "ceil") return NearestMode::kCeil;
  return Invalid(fmt::format("nearest_mode '{}' is none of round_prefer_floor, round_prefer_ceil, floor, ceil", name));
}

StatusOr<CoordinateTransform> ParseCoordinateTransform(std::string_view name) {
  if (name == "half_pixel") return CoordinateTransform::kHalfPixel;
  if (name == "half_pixel_symmetric") return CoordinateTransform::kHalfPixelSymmetric;
  if (name == "pytorch_half_pixel") return CoordinateTransform::kPytorchHalfPixel;
  if (name == "align_corners") return CoordinateTransform::kAlignCorners;
  if (name == "asymmetric") return CoordinateTransform::kAsymmetric;
  if (name == "tf_crop_and_resize") return CoordinateTransform::kTfCropAndResize;
  if (name == "tf_half_pixel_for_nn") return CoordinateTransform::kTfHalfPixelForNn;
  return Invalid(fmt::format("coordinate_transformation_mode '{}' is unknown", name));
}

Status BuildResizeTable(const ResizeOptions& options, ResizeAxis& axis) {
  const bool crop = options.transform == CoordinateTransform::kTfCropAndResize;
  const double stretch = options.antialias ? std::min(axis.scale, 1.0) : 1.0;
  int64_t reach = 1;
  if (options.mode != ResizeMode::kNearest) {
    const double support = (options.mode == ResizeMode::kLinear ? 1.0 : 2.0) / stretch;
    if (!(support < 1e9)) return Resource(fmt::format("a scale of {} stretches the filter over {} elements", axis.scale, support));
    reach = static_cast<int64_t>(std::floor(-support) + 1) * -1 + 1;
  }
  axis.taps = options.mode == ResizeMode::kNearest ? 1 : 2 * reach;
  if (axis.output > 0 && axis.taps > kMaxTableEntries / axis.output)
    return Resource(fmt::format("resizing {} elements to {} needs a table of {} x {}", axis.input, axis.output, axis.output, axis.taps));
  axis.index.assign(static_cast<size_t>(axis.output * axis.taps), 0);
  axis.weight.assign(axis.index.size(), 1);
  axis.extrapolated.clear();
  for (int64_t o = 0; o < axis.output; ++o) {
    const double exact = SourceCoordinate(options, axis, o), x = Bounded(exact, axis.input);
    if (crop && !(exact >= 0 && exact <= static_cast<double>(axis.input - 1))) {
      axis.extrapolated.resize(static_cast<size_t>(axis.output));
      axis.extrapolated[static_cast<size_t>(o)] = 1;
    }
    int64_t* index = axis.index.data() + o * axis.taps;
    if (options.mode == ResizeMode::kNearest) {
      index[0] = std::clamp<int64_t>(NearestIndex(options.nearest, x), 0, axis.input - 1);
      continue;
    }
    double* weight = axis.weight.data() + o * axis.taps;
    const int64_t first = static_cast<int64_t>(std::ceil(x)) - reach;
    FillWeights(options, x, static_cast<double>(first), stretch, axis.taps, weight);
    if (options.exclude_outside) ExcludeOutside(first, axis.input, axis.taps, weight);
    for (int64_t t = 0; t < axis.taps; ++t) index[t] = std::clamp<int64_t>(first + t, 0, axis.input - 1);
  }
  axis.identity = IsIdentity(axis);
  return Status();
}

}  // namespace sardonyx::kernels
