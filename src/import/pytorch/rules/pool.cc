// Pooling.
#include <algorithm>
#include <functional>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

std::vector<int64_t> Spread(std::vector<int64_t> list, size_t count, int64_t fallback) {
  if (list.empty()) list.assign(count, fallback);
  if (list.size() == 1) list.assign(count, list[0]);
  list.resize(count, fallback);
  return list;
}

// Calls f with a batch axis, and takes it off again.
Outputs Batched(Call& c, size_t spatial, const std::function<std::vector<V>(V)>& f) {
  V x = c.tensor("self");
  const bool unbatched = c.b.known_rank(x) == spatial + 1;
  std::vector<V> results = f(unbatched ? c.b.Unsqueeze(x, {0}) : x);
  if (unbatched)
    for (V& result : results) result = c.b.Squeeze(result, {0});
  return results;
}

size_t Spatial(Call& c) { return static_cast<size_t>(c.param()[0] - '0'); }

struct Window {
  std::vector<int64_t> kernel, stride, padding, dilation;
  bool ceil = false;
};
Window WindowOf(Call& c, size_t spatial) {
  Window w;
  w.kernel = Spread(c.Ints("kernel_size"), spatial, 1);
  const std::vector<int64_t> stride = c.Ints("stride");
  w.stride = stride.empty() ? w.kernel : Spread(stride, spatial, 1);
  w.padding = Spread(c.Ints("padding"), spatial, 0);
  w.dilation = Spread(c.Ints("dilation"), spatial, 1);
  w.ceil = c.Bool("ceil_mode", false);
  return w;
}
std::vector<int64_t> Twice(std::vector<int64_t> pads) {
  const std::vector<int64_t> once = pads;
  pads.insert(pads.end(), once.begin(), once.end());
  return pads;
}

// ONNX counts indices over the whole tensor, PyTorch over one channel's plane.
V PlaneIndices(Call& c, V x, V indices, size_t spatial) {
  V plane = c.b.Int(1);
  for (size_t i = 0; i < spatial; ++i) plane = c.b.Mul(plane, c.b.SizeOf(x, static_cast<int64_t>(i) + 2));
  return c.b.Op("Mod", {indices, plane});
}

Outputs MaxPool(Call& c) {
  const size_t spatial = Spatial(c);
  const Window w = WindowOf(c, spatial);
  const bool indices = c.target().find("with_indices") != std::string_view::npos;
  return Batched(c, spatial, [&](V x) {
    std::vector<ops::Attr> attributes = {{"kernel_shape", w.kernel}, {"strides", w.stride}, {"pads", Twice(w.padding)}};
    if (std::any_of(w.dilation.begin(), w.dilation.end(), [](int64_t n) { return n != 1; }))
      attributes.push_back({"dilations", w.dilation});
    if (w.ceil) attributes.push_back({"ceil_mode", 1});
    const DataType type = c.b.dtype(x);
    const bool cast = IsInteger(type) && type != DataType::kInt8 && type != DataType::kUint8;
    if (cast) x = c.b.Cast(x, DataType::kDouble);
    std::vector<V> made = c.b.Ops("MaxPool", {x}, indices ? 2 : 1, std::move(attributes));
    if (cast) made[0] = c.b.Cast(made[0], type);
    if (indices) made[1] = PlaneIndices(c, x, made[1], spatial);
    return made;
  });
}

Outputs AveragePool(Call& c) {
  const size_t spatial = Spatial(c);
  const Window w = WindowOf(c, spatial);
  const bool count_pad = c.Bool("count_include_pad", true);
  const DataType type = c.dtype("self");
  if (IsInteger(type)) {
    // Towards zero, as integers divide; the little more makes up for a mean that is rounded below a whole number.
    std::vector<IValue> arguments = c.arguments();
    V wide = c.b.Cast(c.tensor("self"), DataType::kDouble);
    arguments[0] = IValue(TensorValue{wide, false, {}, {}});
    V mean = c.translator.Apply(c.target(), std::move(arguments))[0].tensor().value;
    V nudged = c.b.Add(mean, c.b.Mul(c.b.Op("Sign", {mean}), c.b.NumberLike(1e-6, mean)));
    return c.b.Cast(Truncate(c.b, nudged), type);
  }
  return Batched(c, spatial, [&](V x) -> std::vector<V> {
    if (!c.is_none("divisor_override")) {
      // The sum of each window, over the divisor: an average of all its elements times their number. Zeros are added for windows that
      // reach beyond the end, which the average would leave out.
      double size = 1;
      for (const int64_t k : w.kernel) size *= static_cast<double>(k);
      std::vector<int64_t> pads(2 * (spatial + 2), 0);
      for (size_t i = 0; i < spatial; ++i) {
        pads[2 + i] = w.padding[i];
        pads[spatial + 4 + i] = w.padding[i] + (w.ceil ? w.stride[i] - 1 : 0);
      }
      V padded = c.b.Op("Pad", {x, c.b.Ints(pads)});
      V mean = c.b.Op("AveragePool", {padded}, {{"kernel_shape", w.kernel}, {"strides", w.stride}});
      for (size_t i = 0; w.ceil && i < spatial; ++i) {
        // No window begins in the padding behind the end.
        const auto axis = static_cast<int64_t>(i) + 2;
        V begins = c.b.Div(c.b.Add(c.b.SizeOf(x, axis), c.b.Int(w.padding[i] - 1)), c.b.Int(w.stride[i]));
        mean = c.b.Slice(mean, axis, c.b.Int(0), c.b.Add(begins, c.b.Int(1)));
      }
      return {c.b.Mul(mean, c.b.NumberLike(size / static_cast<double>(c.Int("divisor_override")), x))};
    }
    const bool any = std::any_of(w.padding.begin(), w.padding.end(), [](int64_t n) { return n != 0; });
    std::vector<ops::Attr> attributes = {{"kernel_shape", w.kernel}, {"strides", w.stride}};
    if (any) attributes.push_back({"pads", Twice(w.padding)});
    if (any && count_pad) attributes.push_back({"count_include_pad", 1});
    if (w.ceil) attributes.push_back({"ceil_mode", 1});
    return {c.b.Op("AveragePool", {x}, std::move(attributes))};
  });
}

// Windows of adaptive pooling along one axis: [floor(i n / m), ceil((i + 1) n / m)).
V AdaptiveAxis(Call& c, V x, int64_t axis, int64_t m, bool maximum) {
  ops::GraphBuilder& b = c.b;
  V n = b.SizeOf(x, axis), count = b.Int(m);
  std::vector<V> parts;
  for (int64_t i = 0; i < m; ++i) {
    V begin = b.Div(b.Mul(b.Int(i), n), count), end = b.Div(b.Add(b.Mul(b.Int(i + 1), n), b.Int(m - 1)), count);
    V part = b.Slice(x, axis, begin, end);
    parts.push_back(c.b.Reduce(maximum ? "ReduceMax" : "ReduceMean", part, {axis}, true));
  }
  return c.b.Concat(parts, axis);
}
Outputs AdaptivePool(Call& c) {
  const size_t spatial = Spatial(c);
  const bool maximum = c.param().ends_with("max");
  const IValue& wanted = c.arg("output_size");
  const std::vector<IValue> sizes = wanted.is_list() ? wanted.list() : std::vector<IValue>(spatial, wanted);
  return Batched(c, spatial, [&](V x) -> std::vector<V> {
    const bool indices = maximum && c.node().outputs.size() > 1;
    bool all_one = true, even = true, known = true;
    std::vector<int64_t> n(spatial), m(spatial), kernel(spatial);
    for (size_t i = 0; i < spatial; ++i) {
      const int64_t axis = static_cast<int64_t>(i) + 2;
      const std::optional<int64_t> size = c.b.static_dim(x, axis);
      const IValue& item = sizes[sizes.size() == 1 ? 0 : i];
      if (!item.is_int() && !item.is_none()) {
        known = false;
        continue;
      }
      m[i] = item.is_none() ? size.value_or(0) : item.integer();
      n[i] = size.value_or(-1);
      all_one &= m[i] == 1;
      known &= size.has_value() || m[i] == 1 || (!indices && !item.is_none() && m[i] > 0);
      even &= m[i] > 0 && size && n[i] % m[i] == 0;
      kernel[i] = m[i] > 0 ? n[i] / m[i] : 1;
    }
    if (!known) return {c.Unsupported("adaptive pooling of a size that is not known")};
    if (all_one && !indices) return {c.b.Op(maximum ? "GlobalMaxPool" : "GlobalAveragePool", {x})};
    if (all_one) {
      // One window: the place of the plane's largest element.
      V planes = c.b.Reshape(x, c.b.Stack1D({c.b.SizeOf(x, 0), c.b.SizeOf(x, 1), c.b.Int(-1)}));
      V at = c.b.Op("ArgMax", {planes}, {{"axis", 2}, {"keepdims", 1}});
      for (size_t i = 1; i < spatial; ++i) at = c.b.Unsqueeze(at, {-1});
      return {c.b.Op("GlobalMaxPool", {x}), at};
    }
    if (even) {
      std::vector<V> made =
          c.b.Ops(maximum ? "MaxPool" : "AveragePool", {x}, indices ? 2 : 1, {{"kernel_shape", kernel}, {"strides", kernel}});
      if (indices) made[1] = PlaneIndices(c, x, made[1], spatial);
      return made;
    }
    V y = x;
    for (size_t i = 0; i < spatial; ++i)
      if (m[i] != n[i] && !(sizes[sizes.size() == 1 ? 0 : i].is_none())) y = AdaptiveAxis(c, y, static_cast<int64_t>(i) + 2, m[i], maximum);
    if (!indices) return {y};
    // Where in its window each maximum is: the first element of the plane that equals it and lies in the window.
    int64_t plane = 1;
    for (const int64_t size : n) plane *= size;
    int64_t cells = 1;
    for (const int64_t size : m) cells *= size;
    if (plane * cells > (1 << 22)) return {c.Unsupported("indices of an adaptive pooling of that size")};
    std::vector<bool> inside(static_cast<size_t>(plane * cells));
    for (int64_t cell = 0; cell < cells; ++cell)
      for (int64_t at = 0; at < plane; ++at) {
        bool in = true;
        for (int64_t i = static_cast<int64_t>(spatial), cell_rest = cell, at_rest = at; i-- > 0;) {
          const auto k = static_cast<size_t>(i);
          const int64_t w = cell_rest % m[k], p = at_rest % n[k];
          in &= p >= w * n[k] / m[k] && p < ((w + 1) * n[k] + m[k] - 1) / m[k];
          cell_rest /= m[k];
          at_rest /= n[k];
        }
        inside[static_cast<size_t>(cell * plane + at)] = in;
      }
    StatusOr<Tensor> mask = Tensor::Allocate(DataType::kBool, {cells, plane});
    if (!mask.ok()) return {c.Unsupported("indices of an adaptive pooling of that size")};
    std::copy(inside.begin(), inside.end(), mask->mutable_data<bool>().begin());
    V batch = c.b.SizeOf(x, 0), channels = c.b.SizeOf(x, 1);
    V values = c.b.Reshape(x, c.b.Stack1D({batch, channels, c.b.Int(1), c.b.Int(plane)}));
    V found = c.b.Reshape(y, c.b.Stack1D({batch, channels, c.b.Int(cells), c.b.Int(1)}));
    V hit = c.b.Op("And", {c.b.Op("Equal", {values, found}), c.b.Constant(*std::move(mask))});
    V at = c.b.Op("ArgMax", {c.b.Cast(hit, DataType::kInt32)}, {{"axis", 3}, {"keepdims", 0}});
    std::vector<V> shape = {batch, channels};
    for (const int64_t size : m) shape.push_back(c.b.Int(size));
    return {y, c.b.Reshape(at, c.b.Stack1D(shape))};
  });
}

Outputs MaxUnpool(Call& c) {
  // Scattered into a plane of zeros, at PyTorch's indices of a plane.
  V x = c.tensor("self"), indices = c.tensor("indices");
  const size_t spatial = Spatial(c);
  const bool unbatched = c.b.known_rank(x) == spatial + 1;
  if (unbatched) {
    x = c.b.Unsqueeze(x, {0});
    indices = c.b.Unsqueeze(indices, {0});
  }
  V batch = c.b.SizeOf(x, 0), channels = c.b.SizeOf(x, 1), plane = c.b.Int(1);
  std::vector<V> shape = {batch, channels};
  for (const IValue& size : c.arg("output_size").list()) {
    V scalar = c.b.Cast(c.ToNumber(size), DataType::kInt64);
    plane = c.b.Mul(plane, scalar);
    shape.push_back(scalar);
  }
  V flat_shape = c.b.Stack1D({batch, channels, c.b.Int(-1)});
  V zeros = Full(c.b, c.b.Stack1D({batch, channels, plane}), c.b.NumberLike(0, x));
  V y = c.b.Op("ScatterElements", {zeros, c.b.Reshape(indices, flat_shape), c.b.Reshape(x, flat_shape)}, {{"axis", 2}});
  y = c.b.Reshape(y, c.b.Stack1D(shape));
  return unbatched ? c.b.Squeeze(y, {0}) : y;
}

constexpr RuleRow kRows[] = {
    {"aten.max_pool1d", MaxPool, "1"},
    {"aten.max_pool1d_with_indices", MaxPool, "1"},
    {"aten.max_pool2d", MaxPool, "2"},
    {"aten.max_pool2d_with_indices", MaxPool, "2"},
    {"aten.max_pool3d", MaxPool, "3"},
    {"aten.max_pool3d_with_indices", MaxPool, "3"},
    {"aten.avg_pool1d", AveragePool, "1"},
    {"aten.avg_pool2d", AveragePool, "2"},
    {"aten.avg_pool3d", AveragePool, "3"},
    {"aten.adaptive_avg_pool1d", AdaptivePool, "1avg"},
    {"aten.adaptive_avg_pool2d", AdaptivePool, "2avg"},
    {"aten._adaptive_avg_pool2d", AdaptivePool, "2avg"},
    {"aten.adaptive_avg_pool3d", AdaptivePool, "3avg"},
    {"aten._adaptive_avg_pool3d", AdaptivePool, "3avg"},
    {"aten.adaptive_max_pool1d", AdaptivePool, "1max"},
    {"aten.adaptive_max_pool2d", AdaptivePool, "2max"},
    {"aten.adaptive_max_pool3d", AdaptivePool, "3max"},
    {"aten.max_unpool2d", MaxUnpool, "2"},
    {"aten.max_unpool3d", MaxUnpool, "3"},
};

}  // namespace

std::span<const RuleRow> Pooling() { return kRows; }

}  // namespace sardonyx::pytorch::rules
