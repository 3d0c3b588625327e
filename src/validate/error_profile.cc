#include "validate/error_profile.h"

#include <algorithm>
#include <cmath>

#include "validate/compare.h"

namespace sardonyx::validate {

double ErrorProfile::LowerEdge(int bin) { return std::pow(10.0, (bin - kZero) / 2.0); }

void ErrorProfile::Add(const Tensor& got, const Tensor& expected, int64_t max_samples) {
  if (!(got.dims() == expected.dims()) || got.dtype() == DataType::kString || expected.dtype() == DataType::kString) return;
  const Tensor a = got.Aligned(), b = expected.Aligned();
  const int64_t count = a.num_elements();
  const int64_t step = std::max<int64_t>(1, count / std::max<int64_t>(1, max_samples));
  for (int64_t i = 0; i < count; ++i) {
    const double x = ElementAsDouble(a, i), y = ElementAsDouble(b, i);
    if (!std::isfinite(x) || !std::isfinite(y)) {
      ++special;
      continue;
    }
    if (i % step == 0 && i / step < max_samples) samples.emplace_back(y, x);
    const double error = std::fabs(x - y);
    if (error == 0)
      ++exact;
    else
      ++bins[static_cast<size_t>(std::clamp(static_cast<int>(std::floor(2 * std::log10(error))) + kZero, 0, kBins - 1))];
  }
}

}  // namespace sardonyx::validate
