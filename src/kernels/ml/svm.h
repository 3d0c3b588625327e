// Linear and kernel machines of ai.onnx.ml.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/thread_pool.h"

namespace sardonyx::kernels {

// out[r, t] = x[r, :] . coefficients[t, :] + intercepts[t]; x is [rows, features], coefficients [targets, features].
// Without intercepts they are 0.
void LinearScores(const float* x, int64_t rows, int64_t features, std::span<const float> coefficients, int64_t targets,
                  std::span<const float> intercepts, float* out, ThreadPool* pool);

// out[r, c] = (x[r, c] - offsets[c]) * scales[c]; out may be x.
void ScaleRows(const float* x, int64_t rows, int64_t columns, const float* offsets, const float* scales, float* out);

enum class SvmKernelType : uint8_t { kLinear, kPoly, kRbf, kSigmoid };
std::optional<SvmKernelType> ParseSvmKernelType(std::string_view name);  // "LINEAR", "POLY", "RBF", "SIGMOID"

struct SvmKernel {
  SvmKernelType type = SvmKernelType::kLinear;
  float gamma = 0, coef0 = 0, degree = 0;
  // K(a, b): a.b; (gamma a.b + coef0)^degree; exp(-gamma |a - b|^2); tanh(gamma a.b + coef0).
  float operator()(const float* a, const float* b, int64_t features) const;
};

// A support vector classifier of `classes` classes: a machine for each pair i < j of classes.
struct SvmClassifier {
  SvmKernel kernel;
  int64_t features = 0;
  int64_t classes = 0;
  std::vector<int64_t> vectors_per_class;
  std::vector<float> vectors;       // [sum of vectors_per_class, features]
  std::vector<float> coefficients;  // [classes - 1, vectors]
  std::vector<float> rho;           // per pair
  int64_t pairs() const { return classes * (classes - 1) / 2; }
  // Decision values of one row, in the order (0,1), (0,2), ..., (1,2), ...: positive votes for the first of the pair.
  // Adds a vote per pair to `votes` [classes].
  void Decide(const float* x, std::span<float> decisions, std::span<int64_t> votes) const;
};

// Platt scaling: probability of each class from the decision values of all pairs (Wu, Lin and Weng, "Probability
// estimates for multi-class classification by pairwise coupling", second method, as LIBSVM has it).
void SvmProbabilities(int64_t classes, std::span<const float> decisions, std::span<const float> prob_a, std::span<const float> prob_b,
                      std::span<float> probabilities);

}  // namespace sardonyx::kernels
