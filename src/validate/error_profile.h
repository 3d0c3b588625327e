// How the errors of an output are spread: what a report draws.
#pragma once

#include <array>
#include <utility>
#include <vector>

#include "sardonyx/tensor.h"

namespace sardonyx::validate {

struct ErrorProfile {
  // Bin i counts absolute errors in [10^((i - kZero) / 2), 10^((i - kZero + 1) / 2)); the first and last take what lies beyond.
  static constexpr int kBins = 28, kZero = 22;
  static double LowerEdge(int bin);

  int64_t exact = 0;    // elements without any error
  int64_t special = 0;  // NaN or infinite in one or both
  std::array<int64_t, kBins> bins{};
  // Some pairs (expected, got), evenly spaced in the tensors.
  std::vector<std::pair<double, double>> samples;

  // Tensors of equal shape and numeric type; others add nothing. Adds up to `max_samples` pairs.
  void Add(const Tensor& got, const Tensor& expected, int64_t max_samples = 80);
};

}  // namespace sardonyx::validate
