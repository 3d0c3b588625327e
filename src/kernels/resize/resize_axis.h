// Resampling of one axis as a table: which inputs each output is a weighted sum of. Resize is one such table an axis.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "sardonyx/status.h"

namespace sardonyx::kernels {

enum class ResizeMode : uint8_t { kNearest, kLinear, kCubic };
enum class NearestMode : uint8_t { kRoundPreferFloor, kRoundPreferCeil, kFloor, kCeil };
enum class CoordinateTransform : uint8_t {
  kHalfPixel,
  kHalfPixelSymmetric,
  kPytorchHalfPixel,
  kAlignCorners,
  kAsymmetric,
  kTfCropAndResize,
  kTfHalfPixelForNn,  // opset 11 only: (x + 0.5) / scale
};
// kInvalid for names that no version of Resize has.
StatusOr<ResizeMode> ParseResizeMode(std::string_view name);
StatusOr<NearestMode> ParseNearestMode(std::string_view name);
StatusOr<CoordinateTransform> ParseCoordinateTransform(std::string_view name);

struct ResizeOptions {
  ResizeMode mode = ResizeMode::kNearest;
  NearestMode nearest = NearestMode::kRoundPreferFloor;
  CoordinateTransform transform = CoordinateTransform::kHalfPixel;
  bool antialias = false;
  bool exclude_outside = false;
  double cubic_coefficient = -0.75;
  double extrapolation_value = 0;
};

struct ResizeAxis {
  int64_t input = 1, output = 1;
  double scale = 1;                   // output / input, possibly not exactly
  double roi_begin = 0, roi_end = 1;  // of kTfCropAndResize, in parts of the input

  // Filled by BuildResizeTable: `taps` (index, weight) an output.
  int64_t taps = 0;
  std::vector<int64_t> index = {};
  std::vector<double> weight = {};
  std::vector<uint8_t> extrapolated = {};  // per output; empty when none is
  bool identity = false;              // every output is the input of its place
};

// Precondition: input > 0 unless output is 0. kResource when the table would be unreasonably large.
Status BuildResizeTable(const ResizeOptions& options, ResizeAxis& axis);

}  // namespace sardonyx::kernels
