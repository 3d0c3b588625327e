// Bodies of com.microsoft's small fused operators: sums with activations, normalization, element-wise quantized arithmetic.
#include <fmt/ranges.h>

#include "ops/function_builders.h"

namespace sardonyx::ops::builders {
namespace {

int Number(DataType dtype) { return static_cast<int>(dtype); }

// y = x * sigmoid(x)
void Silu(FunctionBuilder& b, std::string_view x, std::string_view y) {
  b.Add("{}_gate = Sigmoid ({})", y, x);
  b.Add("{} = Mul ({}, {}_gate)", y, x, y);
}

// y = x / sqrt(mean(x^2) + epsilon) along the last axis, of a float x.
void RootMeanSquare(FunctionBuilder& b, std::string_view x, std::string_view y, float epsilon) {
  const std::string last = b.Ints({-1}), epsilon_name = b.NumberLike(epsilon, x);
  b.Add("{}_square = Mul ({}, {})", y, x, x);
  b.Add("{}_mean = ReduceMean ({}_square, {})", y, y, last);
  b.Add("{}_shifted = Add ({}_mean, {})", y, y, epsilon_name);
  b.Add("{}_root = Sqrt ({}_shifted)", y, y);
  b.Add("{} = Div ({}, {}_root)", y, x, y);
}

// y = the group normalization of x [N, ..., C] or [N, C, ...], with SiLU where the activation says so; computed in gamma's type.
bool Groups(FunctionBuilder& b, std::string_view x, std::string_view y) {
  const int64_t groups = b.Int("groups"), activation = b.Int("activation");
  if (groups < 1 || activation < 0 || activation > 1) return false;
  const bool last = b.Int("channels_last", 1) != 0;
  std::string from = fmt::format("{}_precise", x);
  b.Add("{} = CastLike ({}, gamma)", from, x);
  if (last) {
    b.Add("first = Transpose <perm = [0, 3, 1, 2]> ({})", from);
    from = "first";
  }
  b.Add("normalized = GroupNormalization <num_groups = {}, epsilon: float = {:.9}> ({}, gamma, beta)", groups, b.Float("epsilon", 1e-5f),
        from);
  std::string to = "normalized";
  if (activation == 1) {
    Silu(b, "normalized", "activated");
    to = "activated";
  }
  if (last) {
    b.Add("channels_last = Transpose <perm = [0, 2, 3, 1]> ({})", to);
    to = "channels_last";
  }
  b.Add("{} = CastLike ({}, {})", y, to, x);
  return true;
}

// Streams [..., C * H] as [..., C, H] in float, by the attribute num_branches (0: they come so).
void Branches(FunctionBuilder& b, std::string_view x, std::string_view y) {
  const int64_t branches = b.Int("num_branches");
  b.Add("{}_float = Cast <to = 1> ({})", y, x);
  if (branches == 0) {
    b.Add("{} = Identity ({}_float)", y, y);
    return;
  }
  b.Add("{}_leading = Shape <end = -1> ({})", y, x);
  b.Add("{}_shape = Concat <axis = 0> ({}_leading, {})", y, y, b.Ints({branches, -1}));
  b.Add("{} = Reshape ({}_float, {}_shape)", y, y, y);
}

}  // namespace

bool BiasDropout(FunctionBuilder& b) {
  b.Add("biased = Add (data, bias)");
  const std::string dropped = b.HasInput(2) ? "dropped" : "output";
  b.Add("{}, mask = Dropout <seed: int = @seed> (biased{}{})", dropped,
        b.HasInput(3)   ? ", ratio"
        : b.HasInput(4) ? ", "
                        : "",
        b.HasInput(4) ? ", training_mode" : "");
  if (b.HasInput(2)) b.Add("output = Add (dropped, residual)");
  return true;
}

// The softmax runs over all axes from `axis` on. A bias of fewer dims is broadcast along inner or outer axes.
bool BiasSoftmax(FunctionBuilder& b) {
  const std::optional<size_t> rank = b.InputRank(0), bias_rank = b.InputRank(1);
  if (!rank || !bias_rank) return false;
  const int64_t count = static_cast<int64_t>(*rank), given = b.Int("axis", 1), axis = given < 0 ? given + count : given;
  if (axis < 0 || axis >= count) return false;
  std::string bias = "bias";
  const int64_t missing = count - static_cast<int64_t>(*bias_rank);
  if (b.Int("is_inner_broadcast") != 0 && missing > 0) {
    std::vector<int64_t> axes;
    for (int64_t i = 0; i < missing; ++i) axes.push_back(axis - missing + i);
    if (axes.front() < 0) return false;
    b.Add("bias_full = Unsqueeze (bias, {})", b.Ints(axes));
    bias = "bias_full";
  }
  b.Add("sum = Add (data, {})", bias);
  b.Add("shape = Shape (sum)");
  b.Add("rows = Flatten <axis = {}> (sum)", axis);
  b.Add("softmax = Softmax <axis = 1> (rows)");
  b.Add("output = Reshape (softmax, shape)");
  return true;
}

// Left half times the Gelu of the right half.
bool BiasSplitGelu(FunctionBuilder& b) {
  b.Add("biased = Add (X, bias)");
  b.Add("left, right = Split <axis = -1, num_outputs = 2> (biased)");
  b.Add("gate = Gelu (right)");
  b.Add("Y = Mul (left, gate)");
  return true;
}

bool FusedMatMulActivation(FunctionBuilder& b) {
  b.Add(
      "product = com.microsoft.FusedMatMul <alpha: float = @alpha, transA: int = @transA, transB: int = @transB, "
      "transBatchA: int = @transBatchA, transBatchB: int = @transBatchB> (A, B)");
  static constexpr std::pair<std::string_view, std::string_view> kActivations[] = {
      {"Elu", "alpha: float = @activation_alpha"},
      {"HardSigmoid", "alpha: float = @activation_alpha, beta: float = @activation_beta"},
      {"LeakyRelu", "alpha: float = @activation_alpha"},
      {"LogSoftmax", "axis: int = @activation_axis"},
      {"Relu", ""},
      {"Selu", "alpha: float = @activation_alpha, gamma: float = @activation_gamma"},
      {"Sigmoid", ""},
      {"Softmax", "axis: int = @activation_axis"},
      {"Softplus", ""},
      {"Softsign", ""},
      {"Tanh", ""},
      {"ThresholdedRelu", "alpha: float = @activation_alpha"},
  };
  for (const auto& [name, attributes] : kActivations) {
    if (name != b.String("activation")) continue;
    b.Add("Y = {} <{}> (product)", name, attributes);
    return true;
  }
  return false;
}

bool GroupNorm(FunctionBuilder& b) { return Groups(b, "X", "Y"); }

// S, the sum of X, skip [N, H, W, C], [N, 1, 1, C] or [N, C], and bias [C]; Y, its normalization.
bool SkipGroupNorm(FunctionBuilder& b) {
  const std::optional<size_t> skip_rank = b.InputRank(3);
  if (!skip_rank || b.Int("channels_last", 1) == 0) return false;
  std::string skip = "skip";
  if (*skip_rank == 2) {
    b.Add("skip_full = Unsqueeze (skip, {})", b.Ints({1, 2}));
    skip = "skip_full";
  }
  b.Add("{} = Add (X, {})", b.HasInput(4) ? "skipped" : "S", skip);
  if (b.HasInput(4)) b.Add("S = Add (skipped, bias)");
  return Groups(b, "S", "Y");
}

bool IsAllFinite(FunctionBuilder& b) {
  if (b.node().inputs().empty()) return false;
  const bool nan = b.Int("isinf_only") == 0, inf = b.Int("isnan_only") == 0;
  if (!nan && !inf) return false;
  std::string total;
  for (size_t i = 0; i < b.node().inputs().size(); ++i) {
    b.Add("float_{} = Cast <to = {}> ({})", i, Number(b.InputDtype(i) == DataType::kDouble ? DataType::kDouble : DataType::kFloat),
          b.InputName(i));
    if (nan) b.Add("nan_{} = IsNaN (float_{})", i, i);
    if (inf) b.Add("inf_{} = IsInf (float_{})", i, i);
    if (nan && inf) b.Add("bad_{} = Or (nan_{}, inf_{})", i, i, i);
    b.Add("bad_count_{} = Cast <to = 7> ({}_{})", i, nan && inf ? "bad" : nan ? "nan" : "inf", i);
    b.Add("count_{} = ReduceSum <keepdims = 0> (bad_count_{})", i, i);
    if (i > 0) b.Add("total_{} = Add ({}, count_{})", i, total, i);
    total = fmt::format("{}_{}", i > 0 ? "total" : "count", i);
  }
  b.Add("output = Equal ({}, {})", total, b.Scalar(0));
  return true;
}

bool MulInteger(FunctionBuilder& b) {
  const auto centered = [&](std::string_view input, std::string_view zero_point, bool has_zero_point, std::string_view name) {
    b.Add("{}_wide = Cast <to = 6> ({})", name, input);
    if (has_zero_point) b.Add("{}_zero = Cast <to = 6> ({})", name, zero_point);
    b.Add("{} = {}", name, has_zero_point ? fmt::format("Sub ({0}_wide, {0}_zero)", name) : fmt::format("Identity ({}_wide)", name));
  };
  centered("A", "A_zero_point", b.HasInput(1), "a");
  centered("B", "B_zero_point", b.HasInput(3), "b");
  b.Add("C = Mul (a, b)");
  return true;
}

bool ReduceSumInteger(FunctionBuilder& b) {
  const ir::Attribute* axes = b.node().attribute("axes");
  const auto* list = axes ? std::get_if<std::vector<int64_t>>(&axes->value) : nullptr;
  if (list == nullptr || b.InputDtype(0) == DataType::kUndefined) return false;
  b.Add("wide = Cast <to = {}> (data)", Number(b.InputDtype(0) == DataType::kInt8 ? DataType::kInt32 : DataType::kUint32));
  b.Add("reduced = ReduceSum <keepdims = {}> (wide, {})", b.Int("keepdims", 1) != 0 ? 1 : 0, b.Ints(*list));
  return true;
}

// Rounded to X's type after the scale, after the sigmoid and after the product.
bool ScaledSilu(FunctionBuilder& b) {
  b.Add("x = Cast <to = 1> (X)");
  if (b.HasInput(1)) {
    b.Add("factor = Cast <to = 1> (scale)");
  } else {
    b.Add("factor = Constant <value = float {{{:.9}}}> ()", b.Float("alpha", 1));
  }
  b.Add("scaled_float = Mul (x, factor)");
  b.Add("scaled = CastLike (scaled_float, X)");
  Silu(b, "scaled", "Y");
  return true;
}

// The mean of squares is taken over as many elements as the scale has.
bool GatedRmsNorm(FunctionBuilder& b) {
  const std::string activation = b.String("activation", "silu");
  if (activation != "silu" && activation != "swish" && activation != "sigmoid") return false;
  b.Add("x_float = Cast <to = 1> (X)");
  b.Add("gate_float = Cast <to = 1> (gate)");
  b.Add("scale_float = Cast <to = 1> (scale)");
  b.Add("shape = Shape (X)");
  b.Add("channels = Shape (scale)");
  b.Add("row_shape = Concat <axis = 0> ({}, channels)", b.Ints({-1}));
  b.Add("x = Reshape (x_float, row_shape)");
  RootMeanSquare(b, "x", "normalized", b.Float("epsilon", 1e-5f));
  b.Add("scaled_rows = Mul (normalized, scale_float)");
  b.Add("scaled = Reshape (scaled_rows, shape)");
  if (activation == "sigmoid") {
    b.Add("factor = Sigmoid (gate_float)");
  } else {
    Silu(b, "gate_float", "factor");
  }
  b.Add("y = Mul (scaled, factor)");
  b.Add("Y = CastLike (y, X)");
  return true;
}

bool BranchwiseRmsNorm(FunctionBuilder& b) {
  b.Add("shape = Shape (X)");
  Branches(b, "X", "x");
  RootMeanSquare(b, "x", "normalized", b.Float("epsilon", 1e-5f));
  std::string y = "normalized";
  if (b.HasInput(1)) {
    const std::optional<size_t> rank = b.InputRank(1);
    if (!rank) return false;
    b.Add("scale_float = Cast <to = 1> (scale)");
    // [C * H], [C, H] or [H].
    b.Add("branch_shape = Shape <start = -2> (x)");
    b.Add("scale_size = Size (scale)");
    b.Add("scale_count = Reshape (scale_size, {})", b.Ints({1}));
    b.Add("hidden = Shape <start = -1> (x)");
    b.Add("scale_branches = Div (scale_count, hidden)");
    b.Add("scale_shape = Concat <axis = 0> (scale_branches, hidden)");
    b.Add("scale_full = Reshape (scale_float, scale_shape)");
    b.Add("scaled = Mul (normalized, scale_full)");
    y = "scaled";
  }
  b.Add("flat = Reshape ({}, shape)", y);
  b.Add("Y = CastLike (flat, X)");
  return true;
}

// post_mix [..., C], [..., C, 1] or [..., C, H] times the block's output, on top of the streams, mixed or as they are.
bool HyperConnectionPostMix(FunctionBuilder& b) {
  const std::optional<size_t> stream_rank = b.InputRank(0), mix_rank = b.InputRank(2);
  if (!stream_rank || !mix_rank) return false;
  const size_t grouped_rank = *stream_rank + (b.Int("num_branches") != 0 ? 1 : 0);
  b.Add("shape = Shape (streams)");
  Branches(b, "streams", "x");
  b.Add("post = Cast <to = 1> (post_mix)");
  std::string post = "post";
  if (*mix_rank + 1 == grouped_rank) {
    b.Add("post_column = Unsqueeze (post, {})", b.Ints({-1}));
    post = "post_column";
  }
  b.Add("block = Cast <to = 1> (block_output)");
  b.Add("block_row = Unsqueeze (block, {})", b.Ints({-2}));
  b.Add("injected = Mul ({}, block_row)", post);
  std::string mixed = "x";
  if (b.HasInput(3)) {
    b.Add("mix = Cast <to = 1> (stream_mix)");
    b.Add("mixed = com.microsoft.FusedMatMul <transA = 1> (mix, x)");
    mixed = "mixed";
  }
  b.Add("sum = Add ({}, injected)", mixed);
  b.Add("flat = Reshape (sum, shape)");
  b.Add("output = CastLike (flat, streams)");
  return true;
}

bool HyperConnectionPreMix(FunctionBuilder& b) {
  const std::optional<size_t> stream_rank = b.InputRank(0), mix_rank = b.InputRank(1);
  if (!stream_rank || !mix_rank) return false;
  const size_t grouped_rank = *stream_rank + (b.Int("num_branches") != 0 ? 1 : 0);
  Branches(b, "streams", "x");
  b.Add("pre = Cast <to = 1> (pre_mix)");
  b.Add("x_shape = Shape (x)");
  b.Add("leading = Shape <end = -1> (x)");
  if (*mix_rank + 1 == grouped_rank) {  // [..., C], or [..., C * H] of flat streams
    b.Add("mix_shape = Concat <axis = 0> (leading, {})", b.Ints({-1}));
    b.Add("mix = Reshape (pre, mix_shape)");
  } else {
    b.Add("mix = Identity (pre)");
  }
  b.Add("weighted = Mul (x, mix)");
  b.Add("sum = ReduceSum <keepdims = 0> (weighted, {})", b.Ints({-2}));
  b.Add("factor = Constant <value = float {{{:.9}}}> ()", b.Float("reduction_scale", 1));
  b.Add("scaled = Mul (sum, factor)");
  b.Add("output = CastLike (scaled, streams)");
  return true;
}

// gate = sigmoid(sign(dot) * sqrt(max(|dot|, 1e-6))), dot of the normalized key and query over sqrt(hidden).
bool EngramGate(FunctionBuilder& b) {
  const float epsilon = b.Float("epsilon", 1e-5f);
  for (const std::string_view side : {"key", "query"}) {
    b.Add("{}_float = Cast <to = 1> ({})", side, side);
    RootMeanSquare(b, fmt::format("{}_float", side), fmt::format("{}_normalized", side), epsilon);
    b.Add("{}_scale = Cast <to = 1> ({}_norm_scale)", side, side);
    b.Add("{0}_scaled = Mul ({0}_normalized, {0}_scale)", side);
  }
  b.Add("products = Mul (key_scaled, query_scaled)");
  b.Add("dot = ReduceSum <keepdims = 1> (products, {})", b.Ints({-1}));
  b.Add("hidden = Shape <start = -1> (key)");
  b.Add("hidden_float = Cast <to = 1> (hidden)");
  b.Add("hidden_root = Sqrt (hidden_float)");
  b.Add("score = Div (dot, hidden_root)");
  b.Add("magnitude = Abs (score)");
  b.Add("floor = Constant <value = float {{1e-6}}> ()");
  b.Add("bounded = Max (magnitude, floor)");
  b.Add("root = Sqrt (bounded)");
  b.Add("sign = Sign (score)");
  b.Add("signed_root = Mul (sign, root)");
  b.Add("gate = Sigmoid (signed_root)");
  b.Add("value_float = Cast <to = 1> (value)");
  b.Add("value_row = Unsqueeze (value_float, {})", b.Ints({-2}));
  b.Add("gated = Mul (gate, value_row)");
  b.Add("output = CastLike (gated, value)");
  if (!b.HasOutput(1)) return true;
  if (!b.HasInput(5)) return false;
  RootMeanSquare(b, "gated", "gated_normalized", epsilon);
  b.Add("conv_scale = Cast <to = 1> (conv_norm_scale)");
  b.Add("gated_scaled = Mul (gated_normalized, conv_scale)");
  b.Add("gated_value_normed = CastLike (gated_scaled, value)");
  return true;
}

}  // namespace sardonyx::ops::builders
