#include "kernels/reduce/loss.h"

namespace sardonyx::kernels {

std::optional<int64_t> NegativeLogLikelihood(const double* x, const int64_t* labels, const double* class_weights,
                                             std::optional<int64_t> ignore, int64_t batch, int64_t classes, int64_t inner, double* losses,
                                             double* weights) {
  for (int64_t b = 0; b < batch; ++b) {
    for (int64_t i = 0; i < inner; ++i) {
      const int64_t at = b * inner + i, label = labels[at];
      losses[at] = weights[at] = 0;
      if (ignore && label == *ignore) continue;
      if (label < 0 || label >= classes) return label;
      weights[at] = class_weights == nullptr ? 1.0 : class_weights[label];
      losses[at] = -x[(b * classes + label) * inner + i] * weights[at];
    }
  }
  return std::nullopt;
}

}  // namespace sardonyx::kernels
