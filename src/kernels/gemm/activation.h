// Activations that products are finished with (fused convolutions and matrix products, recurrent cells).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sardonyx::kernels {

enum class ActivationKind : uint8_t {
  kNone,
  kRelu,             // max(0, x)
  kClip,             // min(max(x, alpha), beta)
  kLeakyRelu,        // x >= 0 ? x : alpha * x
  kThresholdedRelu,  // x > alpha ? x : 0
  kHardSigmoid,      // min(max(alpha * x + beta, 0), 1)
  kAffine,           // alpha * x + beta
  kSigmoid,          // 1 / (1 + exp(-x))
  kTanh,
  kScaledTanh,  // alpha * tanh(beta * x)
  kElu,         // x >= 0 ? x : alpha * (exp(x) - 1)
  kSoftsign,    // x / (1 + |x|)
  kSoftplus,    // log(1 + exp(x))
  kSilu,        // x * sigmoid(x)
  kHardSwish,   // x * min(max(x / 6 + 1/2, 0), 1)
  kGelu,        // x/2 * (1 + erf(x / sqrt(2)))
  kGeluTanh,    // x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 * x^3)))
};

struct Activation {
  ActivationKind kind = ActivationKind::kNone;
  float alpha = 0;
  float beta = 0;
};

// The activation of an ONNX name ("Relu", "HardSigmoid"; letter case is free) with the defaults that RNN, GRU and LSTM
// give its alpha and beta. nullopt for an unknown name.
std::optional<Activation> ParseActivation(std::string_view name);

// One element, computed in T: the definition that the vector code is tested against.
template <class T>
T Activate(const Activation& activation, T x);

// data[i] = activation(data[i]) for `count` elements, by SIMD. Errors of exp and tanh stay within 4 ULP.
void ActivateF32(const Activation& activation, float* data, int64_t count);

}  // namespace sardonyx::kernels
