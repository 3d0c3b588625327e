// Convolutions with what stands around them.
#include <algorithm>
#include <cmath>

#include "optimize/passes/conditions.h"
#include "optimize/passes/passes.h"

namespace sardonyx::optimize {
namespace {

// ---- y = scale * conv(x) + shift, channel by channel, folded into weights and bias.

struct ConvParts {
  const Tensor* weights = nullptr;
  std::vector<float> bias;  // one a feature map
  int64_t maps = 0;
  bool transposed = false;  // ConvTranspose: weights are [in, maps / group, ...]
};

std::optional<ConvParts> ReadConv(Match& m) {
  ConvParts parts;
  parts.weights = m.constant("w");
  if (!parts.weights || parts.weights->dtype() != DataType::kFloat || parts.weights->rank() < 3) return std::nullopt;
  const Dims& dims = parts.weights->dims();
  const int64_t group = m.node("conv")->GetInt("group", 1);
  if (dims.num_elements() == 0 || group < 1 || dims[0] % group != 0) return std::nullopt;
  parts.transposed = m.node("conv")->op_type == "ConvTranspose";
  parts.maps = parts.transposed ? dims[1] * group : dims[0];
  parts.bias.assign(static_cast<size_t>(parts.maps), 0.0f);
  if (!m.has("b")) return parts;
  const Tensor* bias = m.constant("b");
  if (!bias || bias->dtype() != DataType::kFloat || bias->num_elements() != parts.maps) return std::nullopt;
  std::copy_n(bias->data<float>().begin(), parts.maps, parts.bias.begin());
  return parts;
}

// Which feature map each run of weights belongs to: map(run) with runs of `length` elements.
void ScaleWeights(const ConvParts& parts, int64_t group, const std::vector<float>& scale, std::span<float> weights) {
  const Dims& dims = parts.weights->dims();
  const int64_t length = parts.transposed ? dims.Product(2, dims.rank()) : dims.Product(1, dims.rank());
  const int64_t per_group = parts.transposed ? dims[1] : 0, in_per_group = parts.transposed ? dims[0] / std::max<int64_t>(1, group) : 1;
  for (int64_t run = 0; run * length < static_cast<int64_t>(weights.size()); ++run) {
    const int64_t map = parts.transposed ? (run / per_group) / in_per_group * per_group + run % per_group : run;
    for (float& weight : weights.subspan(static_cast<size_t>(run * length), static_cast<size_t>(length)))
      weight *= scale[static_cast<size_t>(map)];
  }
}

// Sets w2 and b2. False where the result would not be finite.
bool FoldInto(Match& m, const ConvParts& parts, const std::vector<float>* scale, const std::vector<float>& shift) {
  std::vector<float> bias = parts.bias;
  for (size_t i = 0; i < bias.size(); ++i) bias[i] = (scale ? bias[i] * (*scale)[i] : bias[i]) + shift[i];
  if (!std::all_of(bias.begin(), bias.end(), [](float b) { return std::isfinite(b); })) return false;
  if (scale) {
    if (!std::all_of(scale->begin(), scale->end(), [](float s) { return std::isfinite(s); })) return false;
    StatusOr<Tensor> weights = Tensor::Allocate(DataType::kFloat, parts.weights->dims());
    if (!weights.ok()) return false;
    const std::span<float> data = weights->mutable_data<float>();
    std::copy(parts.weights->data<float>().begin(), parts.weights->data<float>().end(), data.begin());
    ScaleWeights(parts, m.node("conv")->GetInt("group", 1), *scale, data);
    m.SetConstant("w2", *std::move(weights));
  } else {
    m.SetValue("w2", m.value("w"));
  }
  m.SetConstant("b2", Tensor::From(Dims{parts.maps}, bias));
  return true;
}

bool FoldBatchNormalization(Match& m) {
  const std::optional<ConvParts> parts = ReadConv(m);
  if (!parts || m.root().GetInt("training_mode", 0) != 0 || m.root().GetInt("spatial", 1) != 1) return false;
  if (m.opset_version(m.root()) < 7 && m.root().GetInt("is_test", 0) == 0) return false;
  const float epsilon = m.root().GetFloat("epsilon", 1e-5f);
  std::vector<float> scale, shift;
  const Tensor* tensors[4] = {m.constant("gamma"), m.constant("beta"), m.constant("mean"), m.constant("var")};
  for (const Tensor* tensor : tensors)
    if (!tensor || tensor->dtype() != DataType::kFloat || tensor->num_elements() != parts->maps) return false;
  for (size_t i = 0; i < static_cast<size_t>(parts->maps); ++i) {
    const double s = tensors[0]->data<float>()[i] / std::sqrt(static_cast<double>(tensors[3]->data<float>()[i]) + epsilon);
    scale.push_back(static_cast<float>(s));
    shift.push_back(static_cast<float>(tensors[1]->data<float>()[i] - s * tensors[2]->data<float>()[i]));
  }
  return FoldInto(m, *parts, &scale, shift);
}

// The constant c of a sum or product with the convolution's result, channel by channel.
std::optional<std::vector<float>> ChannelConstant(Match& m, const ConvParts& parts) {
  const size_t rank = parts.weights->rank();
  return VectorAlong(m, "c", rank - 1, rank, parts.maps);
}

bool FoldSum(Match& m) {
  const std::optional<ConvParts> parts = ReadConv(m);
  const auto shift = parts ? ChannelConstant(m, *parts) : std::nullopt;
  return shift && FoldInto(m, *parts, nullptr, *shift);
}

bool FoldDifference(Match& m) {
  const std::optional<ConvParts> parts = ReadConv(m);
  auto shift = parts ? ChannelConstant(m, *parts) : std::nullopt;
  if (!shift) return false;
  for (float& s : *shift) s = -s;
  return FoldInto(m, *parts, nullptr, *shift);
}

bool FoldProduct(Match& m) {
  const std::optional<ConvParts> parts = ReadConv(m);
  const auto scale = parts ? ChannelConstant(m, *parts) : std::nullopt;
  return scale && FoldInto(m, *parts, &*scale, std::vector<float>(static_cast<size_t>(parts->maps), 0.0f));
}

constexpr Rule kFold[] = {
    {"conv-batch-norm", "BatchNormalization(conv: Conv(x, @w, @b?), @gamma, @beta, @mean, @var)", "Conv(x, w2, b2){*conv}",
     FoldBatchNormalization},
    {"conv-transpose-batch-norm", "BatchNormalization(conv: ConvTranspose(x, @w, @b?), @gamma, @beta, @mean, @var)",
     "ConvTranspose(x, w2, b2){*conv}", FoldBatchNormalization},
    {"conv-add", "Add(conv: Conv(x, @w, @b?), @c)", "Conv(x, w2, b2){*conv}", FoldSum},
    {"conv-transpose-add", "Add(conv: ConvTranspose(x, @w, @b?), @c)", "ConvTranspose(x, w2, b2){*conv}", FoldSum},
    {"conv-sub", "Sub(conv: Conv(x, @w, @b?), @c)", "Conv(x, w2, b2){*conv}", FoldDifference},
    {"conv-mul", "Mul(conv: Conv(x, @w, @b?), @c)", "Conv(x, w2, b2){*conv}", FoldProduct},
};

// ---- FusedConv of com.microsoft: Y = activation(conv(X, W) + B + Z).

bool CanFuse(Match& m) { return IsFloating(m.dtype("x")) && m.node("conv")->GetString("activation", "").empty(); }

bool AddsResidual(Match& m) { return CanFuse(m) && SameShape(m.value("conv"), m.value("z")); }

bool HasNoParameters(Match& m) {
  if (!CanFuse(m)) return false;
  // Swish is Silu among FusedConv's activations.
  m.SetAttribute("activation", m.root().op_type == "Swish" ? std::string("Silu") : m.root().op_type);
  return m.root().op_type != "Swish" || m.root().GetFloat("alpha", 1) == 1;
}

bool IsErfGelu(Match& m) { return CanFuse(m) && m.root().GetString("approximate", "none") == "none"; }

bool HasAlphaBeta(Match& m) {
  if (!CanFuse(m)) return false;
  const std::string& op = m.root().op_type;
  m.SetAttribute("activation", op);
  if (op == "HardSigmoid")
    m.SetAttribute("parameters", std::vector<float>{m.root().GetFloat("alpha", 0.2f), m.root().GetFloat("beta", 0.5f)});
  else
    m.SetAttribute("parameters", std::vector<float>{m.root().GetFloat("alpha", op == "LeakyRelu" ? 0.01f : 1.0f)});
  return true;
}

// Bounds are attributes before opset 11, inputs since.
bool ClipsByConstants(Match& m) {
  if (!CanFuse(m)) return false;
  float low = m.root().GetFloat("min", -INFINITY), high = m.root().GetFloat("max", INFINITY);
  for (size_t i : {1, 2}) {
    const ir::Value* bound = m.root().input(i);
    if (!bound) continue;
    const std::optional<Tensor> tensor = ConstantTensor(bound);
    const std::optional<double> number = tensor ? ScalarOf(*tensor) : std::nullopt;
    if (!number) return false;
    (i == 1 ? low : high) = static_cast<float>(*number);
  }
  m.SetAttribute("parameters", std::vector<float>{low, high});
  return low <= high;
}

#define CONV "conv: Conv/com.microsoft.FusedConv(x, @w, b?, r?)"
#define FUSED "com.microsoft.FusedConv(x, w, b, r)"
constexpr Rule kFuse[] = {
    {"conv-residual", "Add(conv: Conv/com.microsoft.FusedConv(x, @w, b?), z)", "com.microsoft.FusedConv(x, w, b, z){*conv}", AddsResidual},
    {"conv-activation", "Relu/Sigmoid/Tanh/HardSwish/Softplus/Softsign/Swish(" CONV ")", FUSED "{*conv, activation=$activation}",
     HasNoParameters},
    {"conv-gelu", "Gelu(" CONV ")", FUSED "{*conv, activation=\"Gelu\"}", IsErfGelu},
    {"conv-activation-parameters", "LeakyRelu/HardSigmoid/Elu(" CONV ")",
     FUSED "{*conv, activation=$activation, activation_params=$parameters}", HasAlphaBeta},
    {"conv-clip", "Clip(" CONV ", ...)", FUSED "{*conv, activation=\"Clip\", activation_params=$parameters}", ClipsByConstants},
};

// ---- PointwiseDepthwiseConv: what inverted residuals begin with, so that the wide tensor between both is never there as a whole.

bool IsAll(const ir::Node& node, std::string_view name, int64_t number) {
  const std::vector<int64_t> list = node.GetInts(name);
  return std::all_of(list.begin(), list.end(), [&](int64_t i) { return i == number; });
}

bool IsPointwise(const ir::Node& conv, const Dims& w) {
  return w.rank() == 4 && w[2] == 1 && w[3] == 1 && conv.GetInt("group", 1) == 1 && IsAll(conv, "strides", 1) && IsAll(conv, "pads", 0);
}

bool ExpandsBeyondCaches(Match& m) {
  // Smaller tensors stay in the second-level cache between the two convolutions.
  constexpr int64_t kMinElements = 128 << 10;
  const Tensor *w = m.constant("w"), *v = m.constant("v");
  const std::optional<std::vector<int64_t>> wide = StaticDims(m.value("expand"));
  for (const char* name : {"w", "b", "v", "c"})
    if (m.has(name) && (!m.constant(name) || m.constant(name)->dtype() != DataType::kFloat)) return false;
  if (!IsFloat(m, "x") || !wide || wide->size() != 4 || (*wide)[1] * (*wide)[2] * (*wide)[3] < kMinElements) return false;
  if (!IsPointwise(*m.node("expand"), w->dims())) return false;
  const int64_t channels = w->dims()[0];
  constexpr int64_t kMaxKernel = 7;
  if (v->rank() != 4 || v->dims()[0] != channels || v->dims()[1] != 1 || m.node("conv")->GetInt("group", 1) != channels) return false;
  if (v->dims()[2] < 2 || v->dims()[2] > kMaxKernel || v->dims()[3] > kMaxKernel) return false;
  m.SetAttribute("activation", m.node("expand")->GetString("activation", ""));
  m.SetAttribute("parameters", m.node("expand")->GetFloats("activation_params"));
  return true;
}

#define ANY_CONV "Conv/com.microsoft.FusedConv"
constexpr Rule kExpand[] = {
    {"conv-pointwise-depthwise", "conv: " ANY_CONV "(expand: " ANY_CONV "(x, @w, b?), @v, c?)",
     "sardonyx.PointwiseDepthwiseConv(x, w, b, v, c){*conv, pointwise_activation=$activation, pointwise_activation_params=$parameters}",
     ExpandsBeyondCaches},
};

}  // namespace

std::span<const Rule> ConvFoldRules() { return kFold; }
std::span<const Rule> ConvFuseRules() { return kFuse; }
std::span<const Rule> ConvExpandRules() { return kExpand; }

}  // namespace sardonyx::optimize
