#include "kernels/ml/svm.h"

#include <algorithm>
#include <cmath>

#include "kernels/ml/post_transform.h"

namespace sardonyx::kernels {
namespace {

float Dot(const float* a, const float* b, int64_t count) {
  float sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

std::optional<SvmKernelType> ParseSvmKernelType(std::string_view name) {
  if (name == "LINEAR") return SvmKernelType::kLinear;
  if (name == "POLY") return SvmKernelType::kPoly;
  if (name == "RBF") return SvmKernelType::kRbf;
  if (name == "SIGMOID") return SvmKernelType::kSigmoid;
  return std::nullopt;
}

float SvmKernel::operator()(const float* a, const float* b, int64_t features) const {
  switch (type) {
    case SvmKernelType::kLinear:
      return Dot(a, b, features);
    case SvmKernelType::kPoly:
      return std::pow(gamma * Dot(a, b, features) + coef0, degree);
    case SvmKernelType::kSigmoid:
      return std::tanh(gamma * Dot(a, b, features) + coef0);
    case SvmKernelType::kRbf:
      break;
  }
  float distance = 0;
  for (int64_t i = 0; i < features; ++i) distance += (a[i] - b[i]) * (a[i] - b[i]);
  return std::exp(-gamma * distance);
}

void SvmClassifier::Decide(const float* x, std::span<float> decisions, std::span<int64_t> votes) const {
  const int64_t count = features == 0 ? 0 : static_cast<int64_t>(vectors.size()) / features;
  std::vector<float> values(static_cast<size_t>(count));
  for (int64_t v = 0; v < count; ++v) values[v] = kernel(x, vectors.data() + v * features, features);
  std::vector<int64_t> first(static_cast<size_t>(classes), 0);
  for (int64_t c = 1; c < classes; ++c) first[c] = first[c - 1] + vectors_per_class[c - 1];
  // The machine of i and j weighs the vectors of i with row j - 1 of the coefficients and those of j with row i.
  const auto weigh = [&](int64_t row, int64_t of_class) {
    double sum = 0;
    for (int64_t v = first[of_class]; v < first[of_class] + vectors_per_class[of_class]; ++v)
      sum += coefficients[row * count + v] * values[v];
    return sum;
  };
  size_t pair = 0;
  for (int64_t i = 0; i < classes; ++i) {
    for (int64_t j = i + 1; j < classes; ++j, ++pair) {
      const double decision = weigh(j - 1, i) + weigh(i, j) + rho[pair];
      decisions[pair] = static_cast<float>(decision);
      ++votes[decision > 0 ? i : j];
    }
  }
}

void SvmProbabilities(int64_t classes, std::span<const float> decisions, std::span<const float> prob_a, std::span<const float> prob_b,
                      std::span<float> p) {
  const int64_t k = classes;
  std::vector<float> r(static_cast<size_t>(k * k), 0.f), q(r.size(), 0.f), qp(static_cast<size_t>(k), 0.f);
  size_t pair = 0;
  for (int64_t i = 0; i < k; ++i) {
    for (int64_t j = i + 1; j < k; ++j, ++pair) {
      const float estimate = 1 - Logistic(decisions[pair] * prob_a[pair] + prob_b[pair]);
      r[i * k + j] = std::clamp(estimate, 1e-7f, 1 - 1e-7f);
      r[j * k + i] = 1 - r[i * k + j];
    }
  }
  for (int64_t i = 0; i < k; ++i) {
    p[i] = 1.f / static_cast<float>(k);
    for (int64_t j = 0; j < k; ++j) {
      if (j == i) continue;
      q[i * k + i] += r[j * k + i] * r[j * k + i];
      q[i * k + j] = -r[j * k + i] * r[i * k + j];
    }
  }
  const float epsilon = 0.005f / static_cast<float>(k);
  for (int iteration = 0; iteration < 100; ++iteration) {
    float pqp = 0, error = 0;
    for (int64_t i = 0; i < k; ++i) {
      qp[i] = Dot(q.data() + i * k, p.data(), k);
      pqp += p[i] * qp[i];
    }
    for (int64_t i = 0; i < k; ++i) error = std::max(error, std::abs(qp[i] - pqp));
    if (error < epsilon) break;
    for (int64_t i = 0; i < k; ++i) {
      const float step = (pqp - qp[i]) / q[i * k + i];
      p[i] += step;
      pqp = (pqp + step * (step * q[i * k + i] + 2 * qp[i])) / (1 + step) / (1 + step);
      for (int64_t j = 0; j < k; ++j) {
        qp[j] = (qp[j] + step * q[i * k + j]) / (1 + step);
        p[j] /= 1 + step;
      }
    }
  }
}

}  // namespace sardonyx::kernels
