// Derivatives of convolutions and pooling.
#include <algorithm>
#include <functional>
#include <numeric>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "optimize/gradient/rule.h"

namespace sardonyx::optimize {
namespace {

using I = std::vector<int64_t>;

struct Window {
  int64_t spatial = 0;  // axes
  I strides, dilations, begins, ends;
  I kernel;  // of a pool

  std::vector<ir::Attribute> Attributes() const { return {ir::Attribute("strides", strides), ir::Attribute("dilations", dilations)}; }
  // Axes 2, 3 ... of a tensor.
  I Axes() const {
    I axes(static_cast<size_t>(spatial));
    std::iota(axes.begin(), axes.end(), 2);
    return axes;
  }
};

// Pads of SAME_UPPER and SAME_LOWER follow from the dims, which must be known.
Status ReadSamePads(RuleContext& c, const I& kernel, bool upper, Window* w) {
  const ir::Shape* x = c.x().shape();
  for (size_t i = 0; i < static_cast<size_t>(w->spatial); ++i) {
    if (!(*x)[i + 2].is_constant() || kernel.empty()) return Unsupported("auto_pad with dims that are not known");
    const int64_t size = (*x)[i + 2].value(), stride = w->strides[i];
    const int64_t total = std::max<int64_t>(0, ((size + stride - 1) / stride - 1) * stride + (kernel[i] - 1) * w->dilations[i] + 1 - size);
    w->begins[i] = upper ? total / 2 : total - total / 2;
    w->ends[i] = total - w->begins[i];
  }
  return {};
}

StatusOr<Window> ReadWindow(RuleContext& c) {
  Window w;
  ASSIGN_OR_RETURN(const int64_t rank, c.Rank(0));
  if (rank < 3) return Invalid(fmt::format("input of rank {}", rank));
  w.spatial = rank - 2;
  const auto n = static_cast<size_t>(w.spatial);
  const auto read = [&](std::string_view name, size_t count, int64_t fallback, I* out) -> Status {
    *out = c.Ints(name);
    if (out->empty()) out->assign(count, fallback);
    if (out->size() != count) return Invalid(fmt::format("{} has {} numbers, not {}", name, out->size(), count));
    return {};
  };
  I pads;
  RETURN_IF_ERROR(read("strides", n, 1, &w.strides));
  RETURN_IF_ERROR(read("dilations", n, 1, &w.dilations));
  RETURN_IF_ERROR(read("pads", 2 * n, 0, &pads));
  if (std::any_of(pads.begin(), pads.end(), [](int64_t pad) { return pad < 0; })) return Unsupported("negative pads");
  w.begins.assign(pads.begin(), pads.begin() + w.spatial);
  w.ends.assign(pads.begin() + w.spatial, pads.end());
  w.kernel = c.Ints("kernel_shape");
  I kernel = w.kernel;
  if (kernel.empty() && c.num_inputs() > 1 && c.x(1).shape() && c.x(1).shape()->is_static())
    for (size_t i = 2; i < c.x(1).shape()->rank(); ++i) kernel.push_back((*c.x(1).shape())[i].value());
  if (!kernel.empty() && kernel.size() != n) return Invalid(fmt::format("kernel of {} axes for {}", kernel.size(), n));
  for (const I* sizes : {&w.strides, &w.dilations, &kernel, &w.kernel})
    if (std::any_of(sizes->begin(), sizes->end(), [](int64_t size) { return size < 1 || size > INT32_MAX; }))
      return Invalid("strides, dilations and kernel must be positive");
  const std::string auto_pad = c.String("auto_pad", "NOTSET");
  if (auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER") RETURN_IF_ERROR(ReadSamePads(c, kernel, auto_pad == "SAME_UPPER", &w));
  return w;
}

// int64[spatial]: the dims after the first two.
Term SpatialDims(const Term& x) {
  if (x.shape() && x.shape()->is_static() && x.shape()->rank() >= 2) {
    const Dims dims = *x.shape()->concrete();
    return x.emitter().Ints(I(dims.begin() + 2, dims.end()));
  }
  return x.Op("Shape", {}, {ir::Attribute("start", int64_t{2})});
}

// The part of `x` that begins at `begins` and has the spatial dims `dims`.
Term Cut(const Window& w, const Term& x, const I& begins, const Term& dims) {
  Emitter& e = x.emitter();
  const Term first = e.Ints(begins);
  return x.Op("Slice", {first, first + dims, e.Ints(w.Axes())});
}

// The same of an x that may be shorter, as strides leave the end of the input out: zeros follow.
Term CutOrFill(const Window& w, const Term& x, const I& begins, const Term& dims) {
  Emitter& e = x.emitter();
  const I zeros(static_cast<size_t>(w.spatial), 0);
  const Term lack = (e.Ints(begins) + dims - x.Op("Shape", {}, {ir::Attribute("start", int64_t{2})})).Op("Max", {e.Ints(zeros)});
  return Cut(w, x.Op("Pad", {e.Concatenated({e.Ints(zeros), lack}, 0), Term(), e.Ints(w.Axes())}), begins, dims);
}

// The first two axes swapped.
Term SwapBatchAndChannels(const Term& x, const Window& w) {
  I permutation = {1, 0};
  for (const int64_t axis : w.Axes()) permutation.push_back(axis);
  return x.Transposed(permutation);
}

ir::Attribute Group(int64_t group) { return ir::Attribute("group", group); }

// The gradient of the weights [group * outputs, inputs, kernel] of a convolution of x that gives y: a convolution of x with
// dy, in which images take the channels' place, strides that of dilations, and dilations that of strides.
Term WeightGradient(const Window& w, int64_t group, const Term& x, const Term& dy, const Term& weights) {
  Emitter& e = x.emitter();
  Term images = SwapBatchAndChannels(x, w);
  if (group > 1) {
    const Term batch = x.Dim(0), inputs = weights.Dim(1), dims = SpatialDims(x);
    I permutation = {2, 1, 0};
    for (const int64_t axis : w.Axes()) permutation.push_back(axis + 1);
    images = x.Reshaped(e.Concatenated({batch, e.Ints({group}), inputs, dims}, 0)).Transposed(permutation);
    images = images.Reshaped(e.Concatenated({inputs, batch * e.Ints({group}), dims}, 0));
  }
  I pads = w.begins;
  pads.insert(pads.end(), w.ends.begin(), w.ends.end());
  const Term all =
      images.Op("Conv", {SwapBatchAndChannels(dy, w)},
                {ir::Attribute("strides", w.dilations), ir::Attribute("dilations", w.strides), ir::Attribute("pads", pads), Group(group)});
  return SwapBatchAndChannels(Cut(w, all, I(static_cast<size_t>(w.spatial), 0), SpatialDims(weights)), w);
}

Term BiasGradient(const Window& w, const Term& dy) {
  I axes = w.Axes();
  axes.push_back(0);
  return dy.SumOver(axes, false);
}

Status Conv(RuleContext& c) {
  ASSIGN_OR_RETURN(const Window w, ReadWindow(c));
  const int64_t group = c.Int("group", 1);
  if (c.wants(0)) {
    std::vector<ir::Attribute> attributes = w.Attributes();
    attributes.push_back(Group(group));
    c.Give(0, CutOrFill(w, c.dy().Op("ConvTranspose", {c.x(1)}, attributes), w.begins, SpatialDims(c.x(0))));
  }
  if (c.wants(1)) c.Give(1, WeightGradient(w, group, c.x(0), c.dy(), c.x(1)));
  if (c.wants(2)) c.Give(2, BiasGradient(w, c.dy()));
  return {};
}

Status ConvTranspose(RuleContext& c) {
  if (c.HasAttribute("output_shape") || c.String("auto_pad", "NOTSET") != "NOTSET")
    return Unsupported("ConvTranspose with output_shape or auto_pad");
  ASSIGN_OR_RETURN(const Window w, ReadWindow(c));
  const int64_t group = c.Int("group", 1);
  if (c.wants(0)) {
    std::vector<ir::Attribute> attributes = w.Attributes();
    I pads = w.begins;
    pads.insert(pads.end(), w.ends.begin(), w.ends.end());
    attributes.push_back(ir::Attribute("pads", pads));
    attributes.push_back(Group(group));
    c.Give(0, Cut(w, c.dy().Op("Conv", {c.x(1)}, attributes), I(static_cast<size_t>(w.spatial), 0), SpatialDims(c.x(0))));
  }
  if (c.wants(1)) c.Give(1, WeightGradient(w, group, c.dy(), c.x(0), c.x(1)));
  if (c.wants(2)) c.Give(2, BiasGradient(w, c.dy()));
  return {};
}

// [1, 1, kernel] ones.
Term OnesKernel(const Window& w, const Term& like) {
  Emitter& e = like.emitter();
  I shape = {1, 1};
  shape.insert(shape.end(), w.kernel.begin(), w.kernel.end());
  return e.Number(1, like.dtype()).Op("Expand", {e.Ints(shape)});
}

// Each window's number, for all elements of x that it covers, summed there.
Term SpreadWindows(const Window& w, const Term& numbers, const Term& x) {
  Emitter& e = x.emitter();
  const auto planes = [&](const Term& term) { return term.Reshaped(e.Concatenated({e.Ints({-1, 1}), SpatialDims(term)}, 0)); };
  const Term full = planes(numbers).Op("ConvTranspose", {OnesKernel(w, x)}, w.Attributes());
  return CutOrFill(w, full, w.begins, SpatialDims(x)).Reshaped(x.Shape());
}

// How many elements each window averages: [1, 1, windows]. Padding counts if the node says so, but what ceil_mode lets a
// window reach beyond it never does.
Term WindowSizes(const Window& w, bool counts_pads, const Term& x, const Term& y) {
  Emitter& e = x.emitter();
  const Term one = e.Number(1, x.dtype()), axes = e.Ints(w.Axes());
  I pads = w.begins, beyond(static_cast<size_t>(w.spatial), 0);
  pads.insert(pads.end(), w.ends.begin(), w.ends.end());
  for (size_t i = 0; i < w.kernel.size(); ++i) beyond.push_back((w.kernel[i] - 1) * w.dilations[i] + w.strides[i]);
  const Term ones = one.Op("Expand", {e.Concatenated({e.Ints({1, 1}), SpatialDims(x)}, 0)});
  const Term padded = ones.Op("Pad", {e.Ints(pads), counts_pads ? one : Term(), axes}).Op("Pad", {e.Ints(beyond), Term(), axes});
  return Cut(w, padded.Op("Conv", {OnesKernel(w, x)}, w.Attributes()), I(static_cast<size_t>(w.spatial), 0), SpatialDims(y));
}

Status AveragePool(RuleContext& c) {
  ASSIGN_OR_RETURN(const Window w, ReadWindow(c));
  if (w.kernel.empty()) return Invalid("no kernel_shape");
  c.Give(0, SpreadWindows(w, c.dy() / WindowSizes(w, c.Int("count_include_pad") != 0, c.x(), c.y()), c.x()));
  return {};
}

// |x|^(p - 1) sign(x) * y^(1 - p), of y the p-norm.
Term NormSlope(const Term& x, double p) {
  if (p == 1) return Sign(x);
  return p == 2 ? x : Sign(x) * x.Op("Abs").Op("Pow", {x.emitter().Number(p - 1, x.dtype())});
}
Term NormFactor(const Term& dy, const Term& y, double p) {
  if (p == 1) return dy;
  const Term safe = Where(Equal(y, y.emitter().Number(0, y.dtype())), 1 + y, y);
  return dy / (p == 2 ? safe : safe.Op("Pow", {y.emitter().Number(p - 1, y.dtype())}));
}

// p was a float attribute in the first version.
double ReadP(const RuleContext& c) { return c.opset_version() < 2 ? c.Float("p", 2) : static_cast<double>(c.Int("p", 2)); }

Status LpPool(RuleContext& c) {
  ASSIGN_OR_RETURN(const Window w, ReadWindow(c));
  if (w.kernel.empty()) return Invalid("no kernel_shape");
  c.Give(0, NormSlope(c.x(), ReadP(c)) * SpreadWindows(w, NormFactor(c.dy(), c.y(), ReadP(c)), c.x()));
  return {};
}

Status GlobalLpPool(RuleContext& c) {
  c.Give(0, NormSlope(c.x(), ReadP(c)) * NormFactor(c.dy(), c.y(), ReadP(c)));
  return {};
}

Status GlobalAveragePool(RuleContext& c) {
  const Term x = c.x();
  c.Give(0, (c.dy() * c.y().Size().As(x.dtype()) / x.Size().As(x.dtype())).Op("Expand", {x.Shape()}));
  return {};
}

// To the largest elements, in equal parts.
Status GlobalMaxPool(RuleContext& c) {
  ASSIGN_OR_RETURN(const int64_t rank, c.Rank(0));
  I axes;
  for (int64_t i = 2; i < rank; ++i) axes.push_back(i);
  const Term chosen = Equal(c.x(), c.y()).As(c.x().dtype());
  c.Give(0, c.dy() * chosen / chosen.SumOver(axes, true));
  return {};
}

// To where the node itself says that it found the largest.
Status MaxPool(RuleContext& c) {
  if (c.Int("storage_order") != 0) return Unsupported("MaxPool with storage_order 1");
  if (c.dy(0).empty()) return {};
  Term indices;
  if (c.opset_version() >= 8) {
    ASSIGN_OR_RETURN(indices, c.RequireOutput(1, DataType::kInt64));
  } else {  // one output only
    indices = c.emitter().Ops("MaxPool", {c.x()}, c.node().attributes(), 2)[1];
    indices.value()->type.dtype = DataType::kInt64;
  }
  c.Give(0, ReturnToPositions(c.x(), indices, c.dy(0)));
  return {};
}

constexpr DerivativeEntry kRules[] = {
    {"AveragePool", AveragePool},
    {"Conv", Conv},
    {"ConvTranspose", ConvTranspose},
    {"GlobalAveragePool", GlobalAveragePool},
    {"GlobalLpPool", GlobalLpPool},
    {"GlobalMaxPool", GlobalMaxPool},
    {"LpPool", LpPool},
    {"MaxPool", MaxPool},
};

}  // namespace

std::span<const DerivativeEntry> WindowDerivatives() { return kRules; }

}  // namespace sardonyx::optimize
