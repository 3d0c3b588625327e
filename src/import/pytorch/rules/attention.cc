// Attention, in PyTorch's fused forms.
#include <cmath>
#include <limits>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

// Heads of keys and values repeated to as many as the queries have.
V RepeatHeads(Call& c, V x, V like) {
  const std::optional<int64_t> have = c.b.static_dim(x, -3), want = c.b.static_dim(like, -3);
  if (have && want && *have == *want) return x;
  if (have && want && (*have == 0 || *want % *have != 0)) return c.Unsupported("attention whose heads cannot be grouped");
  if (c.b.dim(x, -3) == c.b.dim(like, -3) && !c.b.dim(x, -3).is_unknown()) return x;
  const IValue times =
      have && want ? IValue(*want / *have) : IValue(NumberValue{c.b.Div(c.b.SizeOf(like, -3), c.b.SizeOf(x, -3)), Kind::kInt});
  return Apply(c, "aten.repeat_interleave.self_int", {AsArgument(x), times, IValue(int64_t{-3})});
}

// [.., L, S]: true where position s is not after l.
V CausalMask(Call& c, V query, V key) {
  V rows = c.b.Unsqueeze(Arange(c.b, c.b.SizeOf(query, -2)), {1}), columns = c.b.Unsqueeze(Arange(c.b, c.b.SizeOf(key, -2)), {0});
  return c.b.Op("LessOrEqual", {columns, rows});
}

// What is added to scores: booleans say where to look.
V Additive(Call& c, V mask, V like) {
  if (c.b.dtype(mask) != DataType::kBool) return c.b.Cast(mask, c.b.dtype(like));
  return c.b.Where(mask, c.b.NumberLike(0, like), c.b.NumberLike(-std::numeric_limits<double>::infinity(), like));
}

// How much each query looks at each key, masks added, before the softmax.
V Scores(Call& c, V query, V key, V mask, bool causal, std::optional<double> scale) {
  ops::GraphBuilder& b = c.b;
  V factor = nullptr;
  if (scale) {
    factor = b.NumberLike(*scale, query);
  } else if (const std::optional<int64_t> size = b.static_dim(query, -1)) {
    factor = b.NumberLike(1 / std::sqrt(static_cast<double>(*size)), query);
  } else {
    factor = b.Op("Reciprocal", {b.Op("Sqrt", {b.Cast(b.SizeOf(query, -1), b.dtype(query))})});
  }
  V scores = b.Mul(b.Op("MatMul", {query, b.SwapAxes(key, -1, -2)}), factor);
  if (causal) scores = b.Add(scores, Additive(c, CausalMask(c, query, key), scores));
  return mask ? b.Add(scores, Additive(c, mask, scores)) : scores;
}
// A row that may look nowhere gives 0.
V Weights(Call& c, V scores, V mask) {
  V weights = c.b.Op("Softmax", {scores}, {{"axis", -1}});
  if (mask && c.b.dtype(mask) == DataType::kBool) weights = c.b.Where(IsNan(c.b, weights), c.b.NumberLike(0, weights), weights);
  return weights;
}

V Attend(Call& c, V query, V key, V value, V mask, bool causal, std::optional<double> scale, bool grouped) {
  ops::GraphBuilder& b = c.b;
  const bool heads = b.known_rank(query) == size_t{4} && b.known_rank(key) == size_t{4};
  if (b.Has("Attention") && heads) {
    std::vector<ops::Attr> attributes;
    if (causal) attributes.push_back({"is_causal", 1});
    if (scale) attributes.push_back({"scale", *scale});
    if (mask && b.dtype(mask) != DataType::kBool) mask = b.Cast(mask, b.dtype(query));
    return b.Op("Attention", {query, key, value, mask}, std::move(attributes));
  }
  if (grouped) {
    key = RepeatHeads(c, key, query);
    value = RepeatHeads(c, value, query);
  }
  return b.Op("MatMul", {Weights(c, Scores(c, query, key, mask, causal, scale), mask), value});
}

Outputs ScaledDotProduct(Call& c) {
  if (c.Double("dropout_p", 0.0) != 0) return c.Unsupported("dropout in attention: export the model after model.eval()");
  V query = c.tensor("query"), key = c.tensor("key"), value = c.tensor("value");
  V mask = !c.is_none("attn_mask") ? c.tensor("attn_mask") : c.tensor_or_null("attn_bias");
  std::optional<double> scale;
  if (!c.is_none("scale")) scale = c.Double("scale");
  const bool causal = c.Bool("is_causal", false);
  V y = Attend(c, query, key, value, mask, causal, scale, c.Bool("enable_gqa", false));
  std::vector<V> outputs = {y};
  if (c.node().outputs.size() > 1) {
    // The weights, or the logarithms of what they were divided by; they leave no node where nothing reads them.
    V scores = Scores(c, query, c.Bool("enable_gqa", false) ? RepeatHeads(c, key, query) : key, mask, causal, scale);
    const bool weights = c.target().find("_math") != std::string_view::npos;
    outputs.push_back(weights ? Weights(c, scores, mask) : c.b.Reduce("ReduceLogSumExp", scores, {-1}, false));
  }
  // Seeds: for the derivative.
  while (outputs.size() < c.node().outputs.size()) outputs.push_back(c.b.Int(0));
  return outputs;
}

// nn.MultiheadAttention in inference, as one operator.
struct Heads {
  V output, weights;
};
Heads MultiHead(Call& c, V query, V key, V value, int64_t heads, V weight, V bias, V mask) {
  ops::GraphBuilder& b = c.b;
  const std::optional<int64_t> width = b.static_dim(query, -1);
  if (!width || heads <= 0) return {c.Unsupported("attention whose width is not known"), nullptr};
  const int64_t e = *width, each = e / heads;
  const auto project = [&](V x, int64_t part) {
    V w = b.Slice(weight, 0, part * e, (part + 1) * e), o = bias ? b.Slice(bias, 0, part * e, (part + 1) * e) : nullptr;
    V y = Linear(c, x, w, o);
    y = b.Reshape(y, b.Stack1D({b.SizeOf(x, 0), b.SizeOf(x, 1), b.Int(heads), b.Int(each)}));
    return b.Transpose(y, {0, 2, 1, 3});
  };
  V q = b.Mul(project(query, 0), b.NumberLike(1 / std::sqrt(static_cast<double>(each)), query)), k = project(key, 1), v = project(value, 2);
  V scores = b.Op("MatMul", {q, b.SwapAxes(k, -1, -2)});
  if (mask) scores = b.Add(scores, b.dtype(mask) == DataType::kBool ? Additive(c, Not(b, mask), scores) : b.Cast(mask, b.dtype(scores)));
  V weights = b.Op("Softmax", {scores}, {{"axis", -1}});
  V y = b.Transpose(b.Op("MatMul", {weights, v}), {0, 2, 1, 3});
  return {b.Reshape(y, b.Stack1D({b.SizeOf(query, 0), b.SizeOf(query, 1), b.Int(e)})), weights};
}
// Masks of the native operators: 0 over positions, 1 over keys of each sequence (true: left out), 2 of every head.
V NativeMask(Call& c) {
  if (c.is_none("mask")) return nullptr;
  V mask = c.tensor("mask");
  const int64_t kind = c.Int("mask_type", 2);
  if (kind == 1) return c.b.Unsqueeze(mask, {1, 2});
  return mask;
}

Outputs NativeMultiHead(Call& c) {
  const Heads made = MultiHead(c, c.tensor("query"), c.tensor("key"), c.tensor("value"), c.Int("num_head"), c.tensor("qkv_weight"),
                               c.tensor("qkv_bias"), NativeMask(c));
  V y = Linear(c, made.output, c.tensor("proj_weight"), c.tensor("proj_bias"));
  if (!c.Bool("need_weights", true) || made.weights == nullptr) return Outputs{y, c.b.Number(0.0, DataType::kFloat)};
  return Outputs{y, c.Bool("average_attn_weights", true) ? c.b.Reduce("ReduceMean", made.weights, {1}, false) : made.weights};
}

// nn.TransformerEncoder leaves padding out of the computation: a nested tensor has the elements that a mask keeps.
Outputs NestedFromMask(Call& c) {
  TensorValue nested{c.tensor("t"), false, {}, {}};
  nested.kept = c.b.Cast(c.tensor("mask"), DataType::kBool);
  return nested;
}
Outputs ToPadded(Call& c) {
  ops::GraphBuilder& b = c.b;
  if (!c.arg("self").is_tensor() || c.arg("self").tensor().kept == nullptr) return c.Unsupported("a tensor that is not nested");
  V x = c.arg("self").tensor().value, kept = c.arg("self").tensor().kept;
  V y = b.Where(b.Unsqueeze(kept, {2}), x, c.NumberAs("padding", b.dtype(x)));
  if (!c.is_none("output_size")) return y;
  V longest = Maximum(b, b.Reduce("ReduceSum", b.Cast(kept, DataType::kInt64), {1}, false), {0}, true);
  return b.Op("Slice", {y, b.Ints({0}), longest, b.Ints({1})});
}

Outputs TransformerEncoderLayer(Call& c) {
  ops::GraphBuilder& b = c.b;
  V kept = c.arg("src").is_tensor() ? c.arg("src").tensor().kept : nullptr;
  V x = kept ? c.arg("src").tensor().value : c.tensor("src");
  const double epsilon = c.Double("eps", 1e-5);
  const bool first = c.Bool("norm_first", false);
  const auto norm = [&](V value, std::string_view weight, std::string_view bias) {
    return b.Op("LayerNormalization", {value, c.tensor(weight), c.tensor(bias)}, {{"axis", -1}, {"epsilon", epsilon}});
  };
  V mask = kept ? b.Unsqueeze(Not(b, kept), {1, 2}) : NativeMask(c);
  const auto attend = [&](V value) {
    const Heads made = MultiHead(c, value, value, value, c.Int("num_heads"), c.tensor("qkv_weight"), c.tensor("qkv_bias"), mask);
    return Linear(c, made.output, c.tensor("proj_weight"), c.tensor("proj_bias"));
  };
  const auto feed = [&](V value) {
    V hidden = Linear(c, value, c.tensor("ffn_weight_1"), c.tensor("ffn_bias_1"));
    const IValue wrapped(TensorValue{hidden, false, {}, {}});
    hidden = c.translator.Apply(c.Bool("use_gelu", false) ? "aten.gelu.default" : "aten.relu.default", {wrapped})[0].tensor().value;
    return Linear(c, hidden, c.tensor("ffn_weight_2"), c.tensor("ffn_bias_2"));
  };
  if (first) {
    x = b.Add(x, attend(norm(x, "norm_weight_1", "norm_bias_1")));
    x = b.Add(x, feed(norm(x, "norm_weight_2", "norm_bias_2")));
  } else {
    x = norm(b.Add(x, attend(x)), "norm_weight_1", "norm_bias_1");
    x = norm(b.Add(x, feed(x)), "norm_weight_2", "norm_bias_2");
  }
  TensorValue result{x, false, {}, {}};
  result.kept = kept;
  return result;
}

constexpr RuleRow kRows[] = {
    {"aten.scaled_dot_product_attention", ScaledDotProduct},
    {"aten._scaled_dot_product_attention_math", ScaledDotProduct},
    {"aten._scaled_dot_product_flash_attention", ScaledDotProduct},
    {"aten._scaled_dot_product_flash_attention_for_cpu", ScaledDotProduct},
    {"aten._scaled_dot_product_efficient_attention", ScaledDotProduct},
    {"aten._scaled_dot_product_cudnn_attention", ScaledDotProduct},
    {"aten._scaled_dot_product_fused_attention_overrideable", ScaledDotProduct},
    {"aten._native_multi_head_attention", NativeMultiHead},
    {"aten._transformer_encoder_layer_fwd", TransformerEncoderLayer},
    {"aten._nested_tensor_from_mask", NestedFromMask},
    {"aten.to_padded_tensor", ToPadded},
    {"aten.nested_to_padded_tensor", ToPadded},
};

}  // namespace

std::span<const RuleRow> Attention() { return kRows; }

}  // namespace sardonyx::pytorch::rules
