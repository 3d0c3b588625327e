#include "kernels/gemm/activation.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace sardonyx::kernels {

std::optional<Activation> ParseActivation(std::string_view name) {
  struct Row {
    std::string_view name;
    Activation activation;
  };
  static constexpr Row kRows[] = {
      {"relu", {ActivationKind::kRelu}},
      {"clip", {ActivationKind::kClip, -INFINITY, INFINITY}},
      {"leakyrelu", {ActivationKind::kLeakyRelu, 0.01f}},
      {"thresholdedrelu", {ActivationKind::kThresholdedRelu, 1.0f}},
      {"hardsigmoid", {ActivationKind::kHardSigmoid, 0.2f, 0.5f}},
      {"affine", {ActivationKind::kAffine, 1.0f, 0.0f}},
      {"sigmoid", {ActivationKind::kSigmoid}},
      {"tanh", {ActivationKind::kTanh}},
      {"scaledtanh", {ActivationKind::kScaledTanh, 1.0f, 1.0f}},
      {"elu", {ActivationKind::kElu, 1.0f}},
      {"softsign", {ActivationKind::kSoftsign}},
      {"softplus", {ActivationKind::kSoftplus}},
      {"silu", {ActivationKind::kSilu}},
      {"swish", {ActivationKind::kSilu}},
      {"hardswish", {ActivationKind::kHardSwish}},
      {"gelu", {ActivationKind::kGelu}},
      {"gelutanh", {ActivationKind::kGeluTanh}},
  };
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (lower.empty() || lower == "none") return Activation{};
  for (const Row& row : kRows)
    if (row.name == lower) return row.activation;
  return std::nullopt;
}

template <class T>
T Activate(const Activation& activation, T x) {
  const T a = activation.alpha, b = activation.beta;
  switch (activation.kind) {
    case ActivationKind::kNone:
      return x;
    case ActivationKind::kRelu:
      return x < 0 ? T(0) : x;
    case ActivationKind::kClip:
      return x < a ? a : (x > b ? b : x);
    case ActivationKind::kLeakyRelu:
      return x >= 0 ? x : a * x;
    case ActivationKind::kThresholdedRelu:
      return x > a ? x : T(0);
    case ActivationKind::kHardSigmoid:
      return std::min(std::max(a * x + b, T(0)), T(1));
    case ActivationKind::kAffine:
      return a * x + b;
    case ActivationKind::kSigmoid:
      return T(1) / (T(1) + std::exp(-x));
    case ActivationKind::kTanh:
      return std::tanh(x);
    case ActivationKind::kScaledTanh:
      return a * std::tanh(b * x);
    case ActivationKind::kElu:
      return x >= 0 ? x : a * std::expm1(x);
    case ActivationKind::kSoftsign:
      return x / (T(1) + std::abs(x));
    case ActivationKind::kSoftplus:
      return std::max(x, T(0)) + std::log1p(std::exp(-std::abs(x)));
    case ActivationKind::kSilu:
      return x / (T(1) + std::exp(-x));
    case ActivationKind::kHardSwish:
      return x * std::min(std::max(x / T(6) + T(0.5), T(0)), T(1));
    case ActivationKind::kGelu:
      return x / T(2) * (T(1) + std::erf(x * T(0.70710678118654752440)));
    case ActivationKind::kGeluTanh:
      return x / T(2) * (T(1) + std::tanh(T(0.79788456080286535588) * (x + T(0.044715) * x * x * x)));
  }
  return x;
}
template float Activate<float>(const Activation&, float);
template double Activate<double>(const Activation&, double);

}  // namespace sardonyx::kernels
