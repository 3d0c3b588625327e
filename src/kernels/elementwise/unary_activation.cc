#include <cmath>

#include "kernels/elementwise/math.h"
#include "kernels/elementwise/unary.h"

namespace sardonyx::kernels {
namespace {

struct Sigmoid : NoParameters {
  using NoParameters::NoParameters;
  template <class T>
  T operator()(T x) const {
    return math::Sigmoid(x);
  }
};
struct LeakyRelu {
  float alpha;
  explicit LeakyRelu(const float* p) : alpha(p[0]) {}
  template <class T>
  T operator()(T x) const {
    return x < T(0) ? x * static_cast<T>(alpha) : x;
  }
};
struct Elu {
  float alpha;
  explicit Elu(const float* p) : alpha(p[0]) {}
  template <class T>
  T operator()(T x) const {
    return x < T(0) ? static_cast<T>(alpha) * math::Expm1(x) : x;
  }
};
struct Celu {  // max(0, x) + min(0, alpha (exp(x / alpha) - 1))
  float alpha;
  explicit Celu(const float* p) : alpha(p[0]) {}
  template <class T>
  T operator()(T x) const {
    const T a = static_cast<T>(alpha), below = a * math::Expm1(x / a);
    const T result = (x > T(0) ? x : T(0)) + (below < T(0) ? below : T(0));
    return x == x ? result : x;
  }
};
struct Selu {
  float alpha, gamma;
  explicit Selu(const float* p) : alpha(p[0]), gamma(p[1]) {}
  template <class T>
  T operator()(T x) const {
    return static_cast<T>(gamma) * (x > T(0) ? x : static_cast<T>(alpha) * math::Expm1(x));
  }
};
struct ThresholdedRelu {
  float alpha;
  explicit ThresholdedRelu(const float* p) : alpha(p[0]) {}
  template <class T>
  T operator()(T x) const {
    return x > static_cast<T>(alpha) ? x : T(0);  // NaN is not greater
  }
};
struct Softplus : NoParameters {
  using NoParameters::NoParameters;
  template <class T>
  T operator()(T x) const {
    return math::Softplus(x);
  }
};
struct Softsign : NoParameters {
  using NoParameters::NoParameters;
  template <class T>
  T operator()(T x) const {
    return x / (T(1) + std::fabs(x));
  }
};
template <class T>
T HardSigmoidOf(T x, T alpha, T beta) {
  const T y = alpha * x + beta;
  const T bounded = y < T(0) ? T(0) : y;
  return bounded > T(1) ? T(1) : bounded;
}
struct HardSigmoid {
  float alpha, beta;
  explicit HardSigmoid(const float* p) : alpha(p[0]), beta(p[1]) {}
  template <class T>
  T operator()(T x) const {
    return HardSigmoidOf<T>(x, static_cast<T>(alpha), static_cast<T>(beta));
  }
};
struct HardSwish : NoParameters {
  using NoParameters::NoParameters;
  template <class T>
  T operator()(T x) const {
    return x * HardSigmoidOf<T>(x, T(1) / T(6), T(0.5));
  }
};
struct Mish : NoParameters {  // x tanh(softplus(x))
  using NoParameters::NoParameters;
  template <class T>
  T operator()(T x) const {
    return x * math::Tanh(math::Softplus(x));
  }
};
struct Gelu : NoParameters {
  using NoParameters::NoParameters;
  template <class T>
  T operator()(T x) const {
    return T(0.5) * x * (T(1) + math::Erf(x * T(0.70710678118654752440)));
  }
};
struct GeluTanh : NoParameters {
  using NoParameters::NoParameters;
  template <class T>
  T operator()(T x) const {
    const T inner = T(0.79788456080286535588) * (x + T(0.044715) * x * x * x);  // sqrt(2 / pi)
    return T(0.5) * x * (T(1) + math::Tanh(inner));
  }
};
struct Swish {
  float alpha;
  explicit Swish(const float* p) : alpha(p[0]) {}
  template <class T>
  T operator()(T x) const {
    return x * math::Sigmoid(static_cast<T>(alpha) * x);
  }
};

}  // namespace

RowKernel FindUnaryActivation(UnaryOp op, DataType dtype) {
  switch (op) {
    case UnaryOp::kSigmoid:
      return UnaryOfFloats<Sigmoid>(dtype, 3);
    case UnaryOp::kLeakyRelu:
      return UnaryOfFloats<LeakyRelu>(dtype);
    case UnaryOp::kElu:
      return UnaryOfFloats<Elu>(dtype, 4);
    case UnaryOp::kCelu:
      return UnaryOfFloats<Celu>(dtype, 4);
    case UnaryOp::kSelu:
      return UnaryOfFloats<Selu>(dtype, 4);
    case UnaryOp::kThresholdedRelu:
      return UnaryOfFloats<ThresholdedRelu>(dtype);
    case UnaryOp::kSoftplus:
      return UnaryOfFloats<Softplus>(dtype, 6);
    case UnaryOp::kSoftsign:
      return UnaryOfFloats<Softsign>(dtype, 1);
    case UnaryOp::kHardSigmoid:
      return UnaryOfFloats<HardSigmoid>(dtype);
    case UnaryOp::kHardSwish:
      return UnaryOfFloats<HardSwish>(dtype);
    case UnaryOp::kMish:
      return UnaryOfFloats<Mish>(dtype, 10);
    case UnaryOp::kGelu:
      return UnaryOfFloats<Gelu>(dtype, 5);
    case UnaryOp::kGeluTanh:
      return UnaryOfFloats<GeluTanh>(dtype, 5);
    case UnaryOp::kSwish:
      return UnaryOfFloats<Swish>(dtype, 4);
    default:
      return {};
  }
}

}  // namespace sardonyx::kernels
