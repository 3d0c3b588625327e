// Normalizations.
#include <algorithm>
#include <numeric>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

// A vector of one number a channel, where the source gives none.
V PerChannel(Call& c, V given, V x, double value) {
  if (given != nullptr) return given;
  return Full(c.b, c.b.Unsqueeze(c.b.SizeOf(x, 1), {0}), c.b.NumberLike(value, x));
}
// [C] as [C, 1, 1...], for axis 1.
V OnAxis1(Call& c, V vector, V x) {
  if (c.b.rank(x) <= 2) return vector;
  std::vector<int64_t> shape(c.b.rank(x) - 1, 1);
  shape[0] = -1;
  return c.b.Reshape(vector, shape);
}

Outputs BatchNorm(Call& c) {
  V x = c.tensor("input");
  const bool training = c.param() == "batch" || (c.param() != "inference" && c.Bool("training", false)) || c.is_none("running_mean");
  V weight = c.tensor_or_null("weight"), bias = c.tensor_or_null("bias");
  const double epsilon = c.Double("eps", 1e-5);
  if (!training) {
    V mean = c.tensor("running_mean"), variance = c.tensor("running_var");
    const bool flat = c.b.known_rank(x) == size_t{1};
    if (flat) x = c.b.Unsqueeze(x, {0});
    V scale = PerChannel(c, weight, x, 1), shift = PerChannel(c, bias, x, 0);
    V y = c.b.Op("BatchNormalization", {x, scale, shift, mean, variance}, {{"epsilon", epsilon}});
    if (flat) y = c.b.Squeeze(y, {0});
    V none = Full(c.b, c.b.Ints({0}), c.b.NumberLike(0, x));
    return Outputs{y, none, none, none};
  }
  // Statistics of the batch itself: over all axes but 1.
  std::vector<int64_t> axes;
  for (int64_t i = 0; i < static_cast<int64_t>(c.b.rank(x)); ++i)
    if (i != 1) axes.push_back(i);
  V mean = nullptr;
  V variance = Variance(c, x, axes, 0, true);
  mean = c.b.Reduce("ReduceMean", x, axes, true);
  V inverse = c.b.Op("Reciprocal", {c.b.Op("Sqrt", {c.b.Add(variance, c.b.NumberLike(epsilon, x))})});
  V y = c.b.Mul(c.b.Sub(x, mean), inverse);
  if (weight) y = c.b.Mul(y, OnAxis1(c, weight, x));
  if (bias) y = c.b.Add(y, OnAxis1(c, bias, x));
  V flat_mean = c.b.Squeeze(mean, axes), flat_inverse = c.b.Squeeze(inverse, axes);
  if (c.target().find("_functional") == std::string_view::npos || c.is_none("running_mean")) {
    V reserve = Full(c.b, c.b.Ints({0}), c.b.Number(int64_t{0}, DataType::kUint8));  // for the derivative
    return Outputs{y, flat_mean, flat_inverse, reserve};
  }
  // What the running statistics become.
  const double momentum = c.Double("momentum", 0.1);
  V unbiased = c.b.Squeeze(Variance(c, x, axes, 1, true), axes);
  const auto moved = [&](V running, V now) {
    return c.b.Add(c.b.Mul(running, c.b.NumberLike(1 - momentum, running)), c.b.Mul(now, c.b.NumberLike(momentum, running)));
  };
  return Outputs{y, flat_mean, flat_inverse, moved(c.tensor("running_mean"), flat_mean), moved(c.tensor("running_var"), unbiased)};
}

// x normalized over its last axes.
Outputs LayerNorm(Call& c) {
  V x = c.tensor("input");
  const auto rank = static_cast<int64_t>(c.b.rank(x));
  const auto count = static_cast<int64_t>(c.arg("normalized_shape").is_list() ? c.arg("normalized_shape").list().size() : 1);
  const int64_t axis = rank - count;
  V weight = c.tensor_or_null("weight"), bias = c.tensor_or_null("bias");
  if (weight == nullptr) {
    V shape = c.IntVector("normalized_shape");
    weight = Full(c.b, shape, c.b.NumberLike(1, x));
  }
  const bool all = c.target().starts_with("aten.native_layer_norm");
  const double epsilon = c.Double("eps", 1e-5);
  if (!all) return c.b.Op("LayerNormalization", {x, weight, bias}, {{"axis", axis - rank}, {"epsilon", epsilon}});
  std::vector<V> made =
      c.b.Ops("LayerNormalization", {x, weight, bias}, c.node().outputs.size() > 1 ? 3 : 1, {{"axis", axis - rank}, {"epsilon", epsilon}});
  for (V& one : made) one = c.b.Cast(one, c.b.dtype(x));
  return made;
}

Outputs RmsNorm(Call& c) {
  V x = c.tensor("input");
  const auto rank = static_cast<int64_t>(c.b.rank(x));
  const auto count = static_cast<int64_t>(c.arg("normalized_shape").list().size());
  const double machine = c.b.dtype(x) == DataType::kDouble     ? 2.220446049250313e-16
                         : c.b.dtype(x) == DataType::kFloat16  ? 0.0009765625
                         : c.b.dtype(x) == DataType::kBfloat16 ? 0.0078125
                                                               : 1.1920928955078125e-07;
  const double epsilon = c.Double("eps", machine);
  V weight = c.tensor_or_null("weight");
  if (c.b.Has("RMSNormalization")) {
    if (weight == nullptr) weight = Full(c.b, c.IntVector("normalized_shape"), c.b.NumberLike(1, x));
    return c.b.Op("RMSNormalization", {x, weight}, {{"axis", -count}, {"epsilon", epsilon}});
  }
  std::vector<int64_t> axes;
  for (int64_t i = rank - count; i < rank; ++i) axes.push_back(i);
  const DataType type = c.b.dtype(x);
  const bool narrow = type == DataType::kFloat16 || type == DataType::kBfloat16;
  V wide = narrow ? c.b.Cast(x, DataType::kFloat) : x;
  V mean = c.b.Reduce("ReduceMean", c.b.Mul(wide, wide), axes, true);
  V inverse = c.b.Op("Reciprocal", {c.b.Op("Sqrt", {c.b.Add(mean, c.b.NumberLike(epsilon, wide))})});
  V y = c.b.Cast(c.b.Mul(wide, inverse), type);
  return weight ? c.b.Mul(y, weight) : y;
}

Outputs GroupNorm(Call& c) {
  V x = c.tensor("input");
  const bool native = !c.is_none("group");
  const int64_t groups = c.Int(native ? "group" : "num_groups");
  const double epsilon = c.Double("eps", 1e-5);
  V weight = c.tensor_or_null("weight"), bias = c.tensor_or_null("bias");
  const bool few = c.node().outputs.size() <= 1;
  if (c.b.opset() >= 21 && few && (weight || bias))
    return c.b.Op("GroupNormalization", {x, PerChannel(c, weight, x, 1), PerChannel(c, bias, x, 0)},
                  {{"epsilon", epsilon}, {"num_groups", groups}});
  // Each group as one channel of an instance normalization.
  V grouped = c.b.Reshape(x, c.b.Stack1D({c.b.SizeOf(x, 0), c.b.Int(groups), c.b.Int(-1)}));
  V ones = Full(c.b, c.b.Ints({groups}), c.b.NumberLike(1, x)), zeros = Full(c.b, c.b.Ints({groups}), c.b.NumberLike(0, x));
  V y = c.b.Op("InstanceNormalization", {grouped, ones, zeros}, {{"epsilon", epsilon}});
  std::vector<V> sizes;
  for (int64_t i = 0; i < static_cast<int64_t>(c.b.rank(x)); ++i) sizes.push_back(c.b.SizeOf(x, i));
  y = c.b.Reshape(y, c.b.Stack1D(sizes));
  if (weight) y = c.b.Mul(y, OnAxis1(c, weight, x));
  if (bias) y = c.b.Add(y, OnAxis1(c, bias, x));
  if (few) return y;
  V mean = c.b.Reduce("ReduceMean", grouped, {2}, false);
  V variance = Variance(c, grouped, {2}, 0, false);
  return Outputs{y, mean, c.b.Op("Reciprocal", {c.b.Op("Sqrt", {c.b.Add(variance, c.b.NumberLike(epsilon, x))})})};
}

Outputs InstanceNorm(Call& c) {
  V x = c.tensor("input");
  V weight = c.tensor_or_null("weight"), bias = c.tensor_or_null("bias");
  if (!c.Bool("use_input_stats", true) && !c.is_none("running_mean"))
    return c.b.Op("BatchNormalization",
                  {x, PerChannel(c, weight, x, 1), PerChannel(c, bias, x, 0), c.tensor("running_mean"), c.tensor("running_var")},
                  {{"epsilon", c.Double("eps", 1e-5)}});
  return c.b.Op("InstanceNormalization", {x, PerChannel(c, weight, x, 1), PerChannel(c, bias, x, 0)}, {{"epsilon", c.Double("eps", 1e-5)}});
}

Outputs LocalResponseNorm(Call& c) {
  return c.b.Op(
      "LRN", {c.tensor("input")},
      {{"alpha", c.Double("alpha", 1e-4)}, {"beta", c.Double("beta", 0.75)}, {"bias", c.Double("k", 1.0)}, {"size", c.Int("size")}});
}

// w = g * v / |v|, the norm over all axes but one.
Outputs WeightNorm(Call& c) {
  V v = c.tensor("v"), g = c.tensor("g");
  const auto rank = static_cast<int64_t>(c.b.rank(v));
  std::vector<int64_t> axes;
  const int64_t keep = c.Int("dim", 0);
  for (int64_t i = 0; i < rank; ++i)
    if (keep == -1 || i != NormalAxis(keep, rank)) axes.push_back(i);
  V norm = c.b.Reduce("ReduceL2", v, axes, true);
  V y = c.b.Mul(v, c.b.Div(g, norm));
  return Outputs{y, norm};
}

Outputs NormExceptOne(Call& c) {
  V v = c.tensor("v");
  std::vector<int64_t> axes;
  const int64_t keep = c.Int("dim", 0), rank = c.rank("v");
  for (int64_t i = 0; i < rank; ++i)
    if (keep == -1 || i != keep) axes.push_back(i);
  return VectorNorm(c, v, static_cast<double>(c.Int("pow", 2)), axes, keep != -1);
}

// Slices along an axis whose norm is above a limit are scaled down to it.
Outputs Renormalize(Call& c) {
  V x = c.tensor("self");
  std::vector<int64_t> others;
  for (int64_t i = 0; i < c.rank("self"); ++i)
    if (i != c.Axis("dim", c.rank("self"))) others.push_back(i);
  V norm = VectorNorm(c, x, c.Double("p", 2), others, true);
  V limit = c.NumberAs("maxnorm", c.b.dtype(x));
  V factor = c.b.Div(limit, c.b.Add(norm, c.b.NumberLike(1e-7, x)));
  return c.b.Mul(x, c.b.Where(c.b.Op("Greater", {norm, limit}), factor, c.b.NumberLike(1, x)));
}

constexpr RuleRow kRows[] = {
    {"aten.batch_norm", BatchNorm, ""},
    {"aten.native_batch_norm", BatchNorm, ""},
    {"aten._native_batch_norm_legit", BatchNorm, ""},
    {"aten._native_batch_norm_legit.no_stats", BatchNorm, "batch"},
    {"aten._native_batch_norm_legit_functional", BatchNorm, ""},
    {"aten._native_batch_norm_legit_no_training", BatchNorm, "inference"},
    {"aten._batch_norm_no_update", BatchNorm, "inference"},
    {"aten._batch_norm_with_update_functional", BatchNorm, "batch"},
    {"aten._batch_norm_with_update", BatchNorm, "batch"},
    {"aten._batch_norm_impl_index", BatchNorm, ""},
    {"aten.layer_norm", LayerNorm},
    {"aten.native_layer_norm", LayerNorm},
    {"aten.rms_norm", RmsNorm},
    {"aten._fused_rms_norm", RmsNorm},
    {"aten.group_norm", GroupNorm},
    {"aten.native_group_norm", GroupNorm},
    {"aten.instance_norm", InstanceNorm},
    {"aten.local_response_norm", LocalResponseNorm},
    {"aten._weight_norm", WeightNorm},
    {"aten._weight_norm_interface", WeightNorm},
    {"aten.renorm", Renormalize},
    {"aten.norm_except_dim", NormExceptOne},
};

}  // namespace

std::span<const RuleRow> Normalizations() { return kRows; }

}  // namespace sardonyx::pytorch::rules
