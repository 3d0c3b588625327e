// Figures of many runs.
#pragma once

#include <span>

namespace sardonyx::bench {

// In the unit of the samples.
struct Statistics {
  double mean = 0, std_dev = 0, min = 0, max = 0, p50 = 0, p95 = 0, p99 = 0;
};

// Percentiles interpolate between the two nearest samples, as numpy.percentile does. All zero without samples.
Statistics Summarize(std::span<const double> samples);

// The geometric mean of positive numbers; 0 without any.
double GeometricMean(std::span<const double> numbers);

}  // namespace sardonyx::bench
