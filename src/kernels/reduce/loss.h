// Negative log likelihood of class labels.
#pragma once

#include <cstdint>
#include <optional>

namespace sardonyx::kernels {

// For log probabilities x [batch, classes, inner] and labels [batch, inner]:
//   losses[b, i] = -x[b, label, i] * w[label],  weights[b, i] = w[label]   (w is 1 where `class_weights` is null)
// and 0 for both where the label is `ignore`. Returns the first label that is no class, if there is one.
std::optional<int64_t> NegativeLogLikelihood(const double* x, const int64_t* labels, const double* class_weights,
                                             std::optional<int64_t> ignore, int64_t batch, int64_t classes, int64_t inner, double* losses,
                                             double* weights);

}  // namespace sardonyx::kernels
