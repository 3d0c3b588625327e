// Gradients, as far as they are operators of their own: exported training steps have them. The others are decomposed by PyTorch.
#include <algorithm>
#include <functional>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

// Which of the gradients are asked for; the others are None.
Outputs Wanted(Call& c, const std::vector<std::function<V()>>& gradients) {
  const IValue& mask = c.arg("output_mask");
  Outputs outputs;
  for (size_t i = 0; i < gradients.size(); ++i) {
    const bool wanted = !mask.is_list() || (i < mask.list().size() && mask.list()[i].is_bool() && mask.list()[i].boolean());
    outputs.values.push_back(wanted ? AsArgument(gradients[i]()) : IValue());
  }
  return outputs;
}

std::vector<int64_t> Spread(std::vector<int64_t> list, size_t count, int64_t fallback) {
  if (list.empty()) list.assign(count, fallback);
  if (list.size() == 1) list.assign(count, list[0]);
  list.resize(count, fallback);
  return list;
}

Outputs Hardtanh(Call& c) {
  ops::GraphBuilder& b = c.b;
  V gradient = c.tensor("grad_output"), x = c.tensor("self");
  V above = b.Op("Greater", {x, c.NumberAs("min_val", b.dtype(x))}), below = b.Op("Less", {x, c.NumberAs("max_val", b.dtype(x))});
  return b.Where(b.Op("And", {above, below}), gradient, b.NumberLike(0, gradient));
}

Outputs Embedding(Call& c) {
  ops::GraphBuilder& b = c.b;
  V gradient = c.tensor("grad_output"), index = b.Reshape(b.Cast(c.tensor("indices"), DataType::kInt64), {-1, 1});
  V width = b.SizeOf(gradient, -1), rows = c.Number("num_weights"), zero = b.NumberLike(0, gradient);
  V updates = b.Reshape(gradient, b.Stack1D({b.Int(-1), width}));
  if (const int64_t padding = c.Int("padding_idx", -1); padding >= 0)
    updates = b.Where(b.Op("Equal", {index, b.Int(padding)}), zero, updates);
  const auto summed = [&](V zeros, V values) { return b.Op("ScatterND", {zeros, index, values}, {{"reduction", "add"}}); };
  if (c.Bool("scale_grad_by_freq", false)) {
    V times = summed(Full(b, b.Unsqueeze(rows, {0}), zero), FullLike(b, b.Squeeze(index, {1}), b.NumberLike(1, gradient)));
    updates = b.Div(updates, b.Gather(times, index, 0));
  }
  return summed(Full(b, b.Stack1D({rows, width}), zero), updates);
}

// x = (y - mean) rstd: what reaches y of the gradient g of x, both [.., n], over the axes that were normalized together.
V NormalizedGradient(ops::GraphBuilder& b, V x, V g, V rstd, const std::vector<int64_t>& axes) {
  V mean = b.Reduce("ReduceMean", g, axes, true), along = b.Mul(x, b.Reduce("ReduceMean", b.Mul(g, x), axes, true));
  return b.Mul(b.Sub(b.Sub(g, mean), along), rstd);
}

Outputs LayerNorm(Call& c) {
  ops::GraphBuilder& b = c.b;
  V gradient = c.tensor("grad_out"), input = c.tensor("input"), rstd = c.tensor("rstd"), weight = c.tensor_or_null("weight");
  V x = b.Mul(b.Sub(input, c.tensor("mean")), rstd);
  const auto rank = static_cast<int64_t>(b.rank(input)), count = static_cast<int64_t>(c.Ints("normalized_shape").size());
  std::vector<int64_t> inner, outer;
  for (int64_t i = 0; i < rank; ++i) (i < rank - count ? outer : inner).push_back(i);
  const auto over_rows = [&](V value) { return outer.empty() ? value : b.Reduce("ReduceSum", value, outer, false); };
  return Wanted(c, {[&] { return NormalizedGradient(b, x, weight ? b.Mul(gradient, weight) : gradient, rstd, inner); },
                    [&] { return over_rows(b.Mul(gradient, x)); }, [&] { return over_rows(gradient); }});
}

Outputs GroupNorm(Call& c) {
  ops::GraphBuilder& b = c.b;
  V input = c.tensor("input"), weight = c.tensor_or_null("weight");
  V batch = c.Number("N"), groups = b.Int(c.Int("group")), each = b.Int(-1), channels = b.Div(c.Number("C"), groups);
  V split = b.Stack1D({batch, groups, channels, each});
  V gradient = b.Reshape(c.tensor("grad_out"), split), x = b.Reshape(input, split);
  const auto of_group = [&](std::string_view name) { return b.Unsqueeze(c.tensor(name), {2, 3}); };
  V rstd = of_group("rstd");
  x = b.Mul(b.Sub(x, of_group("mean")), rstd);
  V scaled = weight ? b.Mul(gradient, b.Unsqueeze(b.Reshape(weight, b.Stack1D({groups, channels})), {2})) : gradient;
  const auto per_channel = [&](V value) { return b.Flatten(b.Reduce("ReduceSum", value, {0, 3}, false)); };
  return Wanted(c, {[&] { return b.Reshape(NormalizedGradient(b, x, scaled, rstd, {2, 3}), b.ShapeOf(input)); },
                    [&] { return per_channel(b.Mul(gradient, x)); }, [&] { return per_channel(gradient); }});
}

// ---- Pooling: planes are the last two axes.

Outputs MaxPool(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.tensor("self"), plane = b.Mul(b.SizeOf(x, -2), b.SizeOf(x, -1));
  const auto rows = [&](V value) { return b.Reshape(value, b.Concat({b.Slice(b.ShapeOf(value), 0, 0, -2), b.Ints({-1})}, 0)); };
  V zeros = Full(b, b.Concat({b.Slice(b.ShapeOf(x), 0, 0, -2), b.Unsqueeze(plane, {0})}, 0), b.NumberLike(0, x));
  V y = b.Op("ScatterElements", {zeros, rows(b.Cast(c.tensor("indices"), DataType::kInt64)), rows(c.tensor("grad_output"))},
             {{"axis", -1}, {"reduction", "add"}});
  return b.Reshape(y, b.ShapeOf(x));
}

// Windows [begin, end) along an axis, as columns [windows, 1], and how many elements each divides by.
struct Windows {
  V begin, end, size;
};
// The gradient of a mean over windows that are a product of those of rows and of columns: a product of matrices.
V MeanGradient(ops::GraphBuilder& b, V x, V gradient, const Windows& rows, const Windows& columns, V divisor) {
  const auto matrix = [&](const Windows& w, int64_t axis) {
    V at = b.Unsqueeze(Arange(b, b.SizeOf(x, axis)), {0});
    return b.Cast(b.Op("And", {b.Op("GreaterOrEqual", {at, w.begin}), b.Op("Less", {at, w.end})}), b.dtype(x));
  };
  V size = divisor ? divisor : b.Mul(rows.size, b.SwapAxes(columns.size, 0, 1));
  V each = b.Div(gradient, b.Cast(size, b.dtype(x)));
  return b.Op("MatMul", {b.Op("MatMul", {b.SwapAxes(matrix(rows, -2), 0, 1), each}), matrix(columns, -1)});
}
Outputs AveragePool(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.tensor("self"), gradient = c.tensor("grad_output");
  const std::vector<int64_t> kernel = Spread(c.Ints("kernel_size"), 2, 1), padding = Spread(c.Ints("padding"), 2, 0);
  const std::vector<int64_t> given = c.Ints("stride"), stride = given.empty() ? kernel : Spread(given, 2, 1);
  const bool count_padding = c.Bool("count_include_pad", true);
  const auto windows = [&](size_t i) {
    const int64_t axis = static_cast<int64_t>(i) - 2;
    V size = b.SizeOf(x, axis), zero = b.Int(0);
    V begin = b.Unsqueeze(b.Sub(b.Mul(Arange(b, b.SizeOf(gradient, axis)), b.Int(stride[i])), b.Int(padding[i])), {1});
    V end = b.Op("Min", {b.Add(begin, b.Int(kernel[i])), b.Add(size, b.Int(padding[i]))});
    V inside_begin = b.Op("Max", {begin, zero}), inside_end = b.Op("Min", {end, size});
    return Windows{inside_begin, inside_end, count_padding ? b.Sub(end, begin) : b.Sub(inside_end, inside_begin)};
  };
  return MeanGradient(b, x, gradient, windows(0), windows(1), c.is_none("divisor_override") ? nullptr : c.Number("divisor_override"));
}
Outputs AdaptiveAveragePool(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.tensor("self"), gradient = c.tensor("grad_output");
  const auto windows = [&](int64_t axis) {
    V n = b.SizeOf(x, axis), m = b.SizeOf(gradient, axis), at = b.Unsqueeze(Arange(b, m), {1}), one = b.Int(1);
    V begin = b.Div(b.Mul(at, n), m), end = b.Div(b.Sub(b.Add(b.Mul(b.Add(at, one), n), m), one), m);
    return Windows{begin, end, b.Sub(end, begin)};
  };
  return MeanGradient(b, x, gradient, windows(-2), windows(-1), nullptr);
}

// ---- Convolution

struct Shape {
  std::vector<int64_t> stride, padding, dilation, output_padding;
  int64_t groups = 1;
  size_t spatial = 0;
};
std::vector<int64_t> Twice(std::vector<int64_t> pads) {
  const std::vector<int64_t> once = pads;
  pads.insert(pads.end(), once.begin(), once.end());
  return pads;
}
// The first elements of y along its spatial axes, as many as `like` has; zeros where there are fewer.
V Fitted(ops::GraphBuilder& b, V y, V like, size_t spatial) {
  for (size_t i = 0; i < spatial; ++i) {
    const auto axis = static_cast<int64_t>(i) + 2;
    V wanted = b.SizeOf(like, axis), lack = b.Op("Max", {b.Sub(wanted, b.SizeOf(y, axis)), b.Int(0)});
    if (b.dim(y, axis) == b.dim(like, axis)) continue;
    y = b.Slice(b.Op("Pad", {y, b.Stack1D({b.Int(0), lack}), nullptr, b.Ints({axis})}), axis, b.Int(0), wanted);
  }
  return y;
}
V InputGradient(Call& c, const Shape& s, V gradient, V x, V weight, bool transposed) {
  ops::GraphBuilder& b = c.b;
  std::vector<int64_t> pads = Twice(s.padding);
  // Backwards only what lies before is cut off; behind, the size says. What no window reached has no gradient.
  for (size_t i = s.spatial; i < pads.size() && !transposed; ++i) pads[i] = 0;
  std::vector<ops::Attr> attributes = {{"dilations", s.dilation}, {"group", s.groups}, {"pads", pads}, {"strides", s.stride}};
  if (transposed) return b.Op("Conv", {gradient, weight}, std::move(attributes));
  return Fitted(b, b.Op("ConvTranspose", {gradient, weight}, std::move(attributes)), x, s.spatial);
}
// A convolution in which the batch is what is summed over: of x [N, g c, ..] with y [N, g k, ..], giving [g k, c, kernel].
V WeightGradient(Call& c, const Shape& s, V x, V y, V weight) {
  ops::GraphBuilder& b = c.b;
  const auto rank = static_cast<int64_t>(s.spatial) + 2;
  V groups = b.Int(s.groups), batch = b.SizeOf(x, 0), each = b.Div(b.SizeOf(x, 1), groups);
  std::vector<V> split = {batch, groups, each}, joined = {each, b.Mul(groups, batch)};
  std::vector<int64_t> perm = {2, 1, 0}, swap = {1, 0};
  for (int64_t i = 2; i < rank; ++i) {
    split.push_back(b.SizeOf(x, i));
    joined.push_back(b.SizeOf(x, i));
    perm.push_back(i + 1);
    swap.push_back(i);
  }
  V input = b.Reshape(b.Transpose(b.Reshape(x, b.Stack1D(split)), perm), b.Stack1D(joined));
  V made = b.Op("Conv", {input, b.Transpose(y, swap)},
                {{"dilations", s.stride}, {"group", s.groups}, {"pads", Twice(s.padding)}, {"strides", s.dilation}});
  return Fitted(b, b.Transpose(made, swap), weight, s.spatial);
}
Outputs Convolution(Call& c) {
  ops::GraphBuilder& b = c.b;
  V gradient = c.tensor("grad_output"), x = c.tensor("input"), weight = c.tensor("weight");
  Shape s;
  s.spatial = b.rank(x) - 2;
  s.stride = Spread(c.Ints("stride"), s.spatial, 1);
  s.padding = Spread(c.Ints("padding"), s.spatial, 0);
  s.dilation = Spread(c.Ints("dilation"), s.spatial, 1);
  s.groups = c.Int("groups", 1);
  const bool transposed = c.Bool("transposed", false);
  std::vector<int64_t> others = {0};
  for (int64_t i = 2; i < static_cast<int64_t>(b.rank(x)); ++i) others.push_back(i);
  return Wanted(c, {[&] { return InputGradient(c, s, gradient, x, weight, transposed); },
                    [&] { return transposed ? WeightGradient(c, s, gradient, x, weight) : WeightGradient(c, s, x, gradient, weight); },
                    [&] { return b.Reduce("ReduceSum", gradient, others, false); }});
}

constexpr RuleRow kRows[] = {
    {"aten.hardtanh_backward", Hardtanh},
    {"aten.embedding_dense_backward", Embedding},
    {"aten.native_layer_norm_backward", LayerNorm},
    {"aten.native_group_norm_backward", GroupNorm},
    {"aten.max_pool2d_with_indices_backward", MaxPool},
    {"aten.avg_pool2d_backward", AveragePool},
    {"aten._adaptive_avg_pool2d_backward", AdaptiveAveragePool},
    {"aten.convolution_backward", Convolution},
};

}  // namespace

std::span<const RuleRow> BackwardPasses() { return kRows; }

}  // namespace sardonyx::pytorch::rules
