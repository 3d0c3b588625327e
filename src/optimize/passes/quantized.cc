// Operators of 8-bit numbers from float ones between DequantizeLinear and QuantizeLinear, and from MatMulInteger.
#include <algorithm>
#include <cmath>

#include "optimize/passes/conditions.h"
#include "optimize/passes/passes.h"

namespace sardonyx::optimize {
namespace {

bool IsEightBits(DataType dtype) { return dtype == DataType::kInt8 || dtype == DataType::kUint8; }

// `scale` (float) and `zero` (8 bits, zeros where it is omitted, then bound to a new constant) have one element, or, with
// `channels`, that many.
bool ReadQuantization(Match& m, std::string_view scale, std::string_view zero, DataType dtype, int64_t channels = 1) {
  const Tensor* s = m.constant(scale);
  if (!s || s->dtype() != DataType::kFloat || !IsEightBits(dtype) || (s->num_elements() != 1 && s->num_elements() != channels)) return false;
  if (m.has(zero)) {
    const Tensor* z = m.constant(zero);
    return z && z->dtype() == dtype && z->num_elements() == s->num_elements();
  }
  StatusOr<Tensor> zeros = Tensor::Allocate(dtype, s->dims());
  if (!zeros.ok()) return false;
  m.SetConstant(zero, *std::move(zeros));
  return true;
}

int64_t ZeroPoint(Match& m, std::string_view zero) {
  const Tensor* z = m.has(zero) ? m.constant(zero) : nullptr;
  return !z ? 0 : z->dtype() == DataType::kInt8 ? z->data<int8_t>()[0] : z->data<uint8_t>()[0];
}

// Relu or Clip in front of the QuantizeLinear of y changes nothing: what it takes away lies beyond the ends of the 8-bit range.
bool ActivationIsInRange(Match& m) {
  const ir::Node* activation = m.node("activation");
  if (!activation) return true;
  const bool is_signed = m.dtype("y") == DataType::kInt8;
  const double low = (is_signed ? -128 : 0) - static_cast<double>(ZeroPoint(m, "zy"));
  const double high = (is_signed ? 127 : 255) - static_cast<double>(ZeroPoint(m, "zy"));
  const std::optional<double> scale = m.scalar("sy");
  if (!scale || low != 0) return false;
  if (activation->op_type == "Relu") return true;
  float bounds[2] = {activation->GetFloat("min", -INFINITY), activation->GetFloat("max", INFINITY)};
  for (size_t i : {1, 2}) {
    if (!activation->input(i)) continue;
    const std::optional<Tensor> bound = ConstantTensor(activation->input(i));
    const std::optional<double> number = bound ? ScalarOf(*bound) : std::nullopt;
    if (!number) return false;
    bounds[i - 1] = static_cast<float>(*number);
  }
  return bounds[0] <= 0 && bounds[1] >= high * *scale * (1 - 1e-5);
}

bool ReadOutput(Match& m) { return ReadQuantization(m, "sy", "zy", m.dtype("y")) && ActivationIsInRange(m); }

// The bias as int32 in units of sx * sw: quantized in the file so, or float. Bound as "bias".
bool ReadBias(Match& m, int64_t channels) {
  if (!m.has("bq") && !m.has("b")) return true;
  const Tensor *sx = m.constant("sx"), *sw = m.constant("sw");
  const Tensor* quantized = m.has("bq") ? m.constant("bq") : nullptr;
  const Tensor* real = m.has("b") ? m.constant("b") : nullptr;
  const Tensor* sb = m.has("sb") ? m.constant("sb") : nullptr;
  if (quantized && (quantized->dtype() != DataType::kInt32 || !sb || sb->dtype() != DataType::kFloat)) return false;
  if (real && real->dtype() != DataType::kFloat) return false;
  if (m.has("zb")) return false;
  const Tensor* given = quantized ? quantized : real;
  if (!given || given->num_elements() != channels) return false;
  std::vector<int32_t> bias;
  for (int64_t i = 0; i < channels; ++i) {
    const size_t at = static_cast<size_t>(i);
    const double unit = static_cast<double>(sx->data<float>()[0]) * sw->data<float>()[sw->num_elements() == 1 ? 0 : at];
    double value = quantized ? quantized->data<int32_t>()[at] * static_cast<double>(sb->data<float>()[sb->num_elements() == 1 ? 0 : at])
                             : real->data<float>()[at];
    value = std::nearbyint(value / unit);
    if (!(std::abs(value) <= 2147483647.0)) return false;
    bias.push_back(static_cast<int32_t>(value));
  }
  m.SetConstant("bias", Tensor::From(Dims{channels}, bias));
  return true;
}

// The weights' channels lie along `axis`; scales are along it as well, or one.
bool ReadWeights(Match& m, int64_t axis, int64_t channels) {
  const Tensor* scale = m.constant("sw");
  if (!scale || !ReadQuantization(m, "sw", "zw", m.dtype("w"), channels)) return false;
  const int64_t rank = static_cast<int64_t>(m.shape("w")->rank());
  const int64_t given = m.node("weights")->GetInt("axis", 1);
  return scale->num_elements() == 1 || (given < 0 ? given + rank : given) == axis;
}

bool IsConv(Match& m) {
  const auto w = StaticDims(m.value("w"));
  if (!w || w->size() < 3) return false;
  return ReadQuantization(m, "sx", "zx", m.dtype("x")) && ReadWeights(m, 0, (*w)[0]) && ReadBias(m, (*w)[0]) && ReadOutput(m);
}

bool IsFloatGemm(Match& m) {
  const auto w = StaticDims(m.value("w"));
  if (!w || w->size() != 2) return false;
  const bool transposed = m.node("gemm")->GetInt("transB", 0) != 0;
  const int64_t channels = (*w)[transposed ? 0 : 1];
  return ReadQuantization(m, "sx", "zx", m.dtype("x")) && ReadWeights(m, transposed ? 0 : 1, channels) && ReadBias(m, channels);
}
bool IsGemm(Match& m) { return IsFloatGemm(m) && ReadOutput(m); }

bool IsFloatProduct(Match& m) {
  const auto w = StaticDims(m.value("w"));
  return w && w->size() == 2 && ReadQuantization(m, "sx", "zx", m.dtype("x")) && ReadWeights(m, 1, (*w)[1]);
}
bool IsProduct(Match& m) { return IsFloatProduct(m) && ReadOutput(m); }

bool IsSum(Match& m) {
  return m.dtype("a") == m.dtype("b") && m.dtype("a") == m.dtype("y") && ReadQuantization(m, "sa", "za", m.dtype("a")) &&
         ReadQuantization(m, "sb", "zb", m.dtype("b")) && ReadOutput(m);
}

bool HasOneInput(Match& m) { return m.dtype("x") == m.dtype("y") && ReadQuantization(m, "sx", "zx", m.dtype("x")) && ReadOutput(m); }

// ReduceMean over all spatial axes, which it keeps.
bool IsGlobalMean(Match& m) {
  const ir::Node& mean = *m.node("mean");
  const ir::Shape* shape = m.shape("x");
  const auto axes = AxesOf(mean);
  if (!shape || shape->rank() < 3 || !axes || axes->size() + 2 != shape->rank() || mean.GetInt("keepdims", 1) == 0) return false;
  const auto rank = static_cast<int64_t>(shape->rank());
  std::vector<bool> reduced(shape->rank(), false);
  for (int64_t axis : *axes) {
    if (axis < -rank || axis >= rank) return false;
    reduced[static_cast<size_t>(axis < 0 ? axis + rank : axis)] = true;
  }
  return !reduced[0] && !reduced[1] && std::count(reduced.begin(), reduced.end(), true) == rank - 2 && HasOneInput(m);
}

// In and out are quantized alike: what only moves numbers moves their codes.
bool SameQuantization(Match& m) {
  if (m.dtype("x") != m.dtype("y") || !IsEightBits(m.dtype("x"))) return false;
  const std::optional<double> sx = m.scalar("sx"), sy = m.scalar("sy");
  const Tensor *zx = m.has("zx") ? m.constant("zx") : nullptr, *zy = m.has("zy") ? m.constant("zy") : nullptr;
  if (!sx || sx != sy || (zx && zx->num_elements() != 1) || (zy && zy->num_elements() != 1)) return false;
  return ZeroPoint(m, "zx") == ZeroPoint(m, "zy");
}

#define X "DequantizeLinear^(x, @sx, @zx?)"
#define W "weights: DequantizeLinear^(@w, @sw, @zw?)"
#define B "(DequantizeLinear^(@bq, @sb, @zb?) | @b?)"
#define OUT(inner) "y: QuantizeLinear((activation: Relu/Clip(" inner ", ...) | " inner "), @sy, @zy?)"
#define PASSED(inner) "y: QuantizeLinear(" inner ", @sy, @zy?)"
constexpr Rule kRules[] = {
    {"qlinear-conv", OUT("conv: Conv(" X ", " W ", " B ")"), "QLinearConv@10(x, sx, zx, w, sw, zw, sy, zy, bias){*conv}", IsConv},
    // A Relu within the range of the codes cuts them at the zero point.
    {"qlinear-conv-relu", PASSED("Relu(conv: Conv(" X ", " W ", " B "))"),
     "Max@12(QLinearConv@10(x, sx, zx, w, sw, zw, sy, zy, bias){*conv}, zy)", IsConv},
    {"qgemm", OUT("gemm: Gemm(" X ", " W ", " B "){alpha=1, beta=1, transA=0}"),
     "com.microsoft.QGemm(x, sx, zx, w, sw, zw, bias, sy, zy){*gemm}", IsGemm},
    {"qlinear-matmul", OUT("MatMul(" X ", " W ")"), "QLinearMatMul@10(x, sx, zx, w, sw, zw, sy, zy)", IsProduct},
    {"qlinear-add", OUT("Add(DequantizeLinear^(a, @sa, @za?), DequantizeLinear^(b, @sb, @zb?))"),
     "com.microsoft.QLinearAdd(a, sa, za, b, sb, zb, sy, zy)", IsSum},
    {"qlinear-mul", OUT("Mul(DequantizeLinear^(a, @sa, @za?), DequantizeLinear^(b, @sb, @zb?))"),
     "com.microsoft.QLinearMul(a, sa, za, b, sb, zb, sy, zy)", IsSum},
    {"qlinear-sigmoid", PASSED("Sigmoid(" X ")"), "com.microsoft.QLinearSigmoid(x, sx, zx, sy, zy)", HasOneInput},
    {"qlinear-leaky-relu", PASSED("act: LeakyRelu(" X ")"), "com.microsoft.QLinearLeakyRelu(x, sx, zx, sy, zy){*act}", HasOneInput},
    {"qlinear-global-average-pool", PASSED("GlobalAveragePool(" X ")"), "com.microsoft.QLinearGlobalAveragePool(x, sx, zx, sy, zy)",
     HasOneInput},
    {"qlinear-mean", PASSED("mean: ReduceMean(" X ", ...)"), "com.microsoft.QLinearGlobalAveragePool(x, sx, zx, sy, zy)", IsGlobalMean},
    {"qlinear-mean-reshaped", PASSED("Reshape(mean: ReduceMean(" X ", ...), shape)"),
     "p = com.microsoft.QLinearGlobalAveragePool(x, sx, zx, sy, zy); Reshape@14(p, shape)", IsGlobalMean},
    {"quantized-max-pool", PASSED("pool: MaxPool(" X ")"), "MaxPool@12(x){*pool}", SameQuantization},
    {"quantized-reshape", PASSED("move: Reshape(" X ", shape)"), "Reshape@14(x, shape){*move}", SameQuantization},
    {"quantized-transpose", PASSED("move: Transpose(" X ")"), "Transpose@13(x){*move}", SameQuantization},
    {"quantized-twice", PASSED(X), "x", SameQuantization},
};

// Products of 8-bit numbers whose result is wanted in float.
constexpr Rule kFloatRules[] = {
    {"qgemm-to-float", "gemm: Gemm(" X ", " W ", " B "){alpha=1, beta=1, transA=0}",
     "com.microsoft.QGemm(x, sx, zx, w, sw, zw, bias){*gemm}", IsFloatGemm},
    {"matmul-to-float", "MatMul(" X ", " W ")", "com.microsoft.MatMulIntegerToFloat(x, w, sx, sw, zx, zw)", IsFloatProduct},
};

// ---- Dynamic quantization: MatMulInteger, whose int32 result is made float and scaled.

bool IsDynamicProduct(Match& m) {
  const auto w = StaticDims(m.value("w"));
  const Tensor* scale = m.constant("sw");
  if (!w || w->size() != 2 || !scale || scale->dtype() != DataType::kFloat || !IsFloat(m, "sa")) return false;
  if (scale->num_elements() != 1 && (scale->num_elements() != (*w)[1] || scale->rank() != 1)) return false;
  const ir::Shape* shape = m.shape("sa");
  if (!shape || shape->rank() > 1 || (shape->rank() == 1 && !(*shape)[0].is_constant(1))) return false;
  if (!m.has("bias")) return true;
  const Tensor* bias = m.constant("bias");
  return bias && bias->dtype() == DataType::kFloat && bias->dims() == Dims{(*w)[1]};
}

#define PRODUCT "Cast(MatMulInteger(a, @w, za?, @zw?)){to=1}"
#define SCALED "(Mul(" PRODUCT ", Mul^(sa, @sw)) | Mul(Mul(" PRODUCT ", sa), @sw))"
constexpr Rule kDynamic[] = {
    {"matmul-integer-to-float", "Add(" SCALED ", @bias)", "com.microsoft.MatMulIntegerToFloat(a, w, sa, sw, za, zw, bias)", IsDynamicProduct},
    {"matmul-integer-to-float-without-bias", "Mul(" PRODUCT ", Mul^(sa, @sw))", "com.microsoft.MatMulIntegerToFloat(a, w, sa, sw, za, zw)",
     IsDynamicProduct},
};

}  // namespace

std::span<const Rule> QuantizedRules() { return kRules; }
std::span<const Rule> QuantizedToFloatRules() { return kFloatRules; }
std::span<const Rule> DynamicQuantizedRules() { return kDynamic; }

}  // namespace sardonyx::optimize
