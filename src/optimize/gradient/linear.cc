// Derivatives of linear operators: Resize, DFT, Col2Im and what places elements. Each gives the transposed map.
#include <fmt/format.h>

#include "base/status_macros.h"
#include "optimize/gradient/rule.h"

namespace sardonyx::optimize {
namespace {

using I = std::vector<int64_t>;

// The same operator and attributes, of the same version, on other inputs.
Term Again(RuleContext& c, const std::vector<Term>& inputs) {
  const Term y = c.emitter().Op(c.node().op_type, inputs, c.node().attributes());
  y.value()->producer()->opset_version = c.opset_version();
  return y;
}

// ---- Resize and Upsample by interpolation

// One number of `list` (scales or sizes) for the axes [1, axis] of a matrix: the first stays.
Term ForMatrix(const Term& list, int64_t i, const Term& first) {
  Emitter& e = list.emitter();
  return e.Concatenated({first, list.Op("Slice", {e.Ints({i}), e.Ints({i + 1})})}, 0);
}

bool HasSizes(const RuleContext& c) { return c.opset_version() >= 11 && c.HasInput(3); }

// The weights by which axis `axis` of x goes into that of y: the operator applied to the identity, [size of x, size of y].
// entry: which of the node's scales or sizes is the axis's.
Term ResizeWeights(RuleContext& c, int64_t axis, int64_t entry) {
  Emitter& e = c.emitter();
  const Term size = c.x().Dim(axis);
  const Term square = e.Number(0, c.x().dtype()).Op("Expand", {e.Concatenated({size, size}, 0)});
  const Term identity = square.Op("EyeLike");
  if (c.node().op_type == "Upsample" && c.opset_version() < 9) {
    const std::vector<float> scales = c.node().GetFloats("scales");
    const float scale = static_cast<size_t>(axis) < scales.size() ? scales[static_cast<size_t>(axis)] : 1.0f;
    const Term y = Again(c, {identity});
    y.value()->producer()->SetAttribute(ir::Attribute("scales", std::vector<float>{1.0f, scale}));
    return y;
  }
  const Term one = e.Number(1, DataType::kFloat).Unsqueezed({0});
  if (c.opset_version() < 11) return Again(c, {identity, ForMatrix(c.x(1), entry, one)});
  // Before opset 13 what is not used had to be there too, if empty.
  const bool all = c.opset_version() < 13, by_size = HasSizes(c);
  std::vector<Term> inputs = {identity, all ? c.x(1) : Term()};
  inputs.push_back(by_size ? (all ? c.x(2) : Term()) : ForMatrix(c.x(2), entry, one));
  if (by_size) inputs.push_back(e.Concatenated({size, c.y().Dim(axis)}, 0));
  const Term y = Again(c, inputs);
  y.value()->producer()->RemoveAttribute("axes");  // the matrix has all of its own
  return y;
}

// Sizes alone decide, so equal ones change nothing. (A scale of 1.1 may leave the size, but not the elements.)
bool StaysAsItIs(RuleContext& c, int64_t axis) {
  const Term a = c.x(), b = c.y();
  const auto i = static_cast<size_t>(axis);
  return HasSizes(c) && a.shape() && b.shape() && i < a.shape()->rank() && i < b.shape()->rank() && (*a.shape())[i] == (*b.shape())[i];
}

// Each axis is resized by itself, so each is multiplied by its transposed weights.
Status Interpolate(RuleContext& c) {
  ASSIGN_OR_RETURN(const int64_t rank, c.Rank(0));
  if (c.opset_version() >= 11 && !HasSizes(c) && !c.HasInput(2)) return Invalid("neither scales nor sizes");
  I axes = c.Ints("axes");
  if (axes.empty())
    for (int64_t i = 0; i < rank; ++i) axes.push_back(i);
  Term dx = c.dy();
  for (size_t entry = 0; entry < axes.size(); ++entry) {
    const int64_t axis = axes[entry] < 0 ? axes[entry] + rank : axes[entry];
    if (axis < 0 || axis >= rank) return Invalid(fmt::format("axis {} of rank {}", axes[entry], rank));
    if (StaysAsItIs(c, axis)) continue;
    I swap;
    for (int64_t i = 0; i < rank; ++i) swap.push_back(i == axis ? rank - 1 : (i == rank - 1 ? axis : i));
    const Term weights = ResizeWeights(c, axis, static_cast<int64_t>(entry));
    dx = dx.Transposed(swap).Op("MatMul", {weights.Transposed({1, 0})}).Transposed(swap);
  }
  c.Give(0, dx);
  return {};
}

Status Resize(RuleContext& c) {
  if (!c.wants(0)) return {};
  if (c.String("coordinate_transformation_mode") == "tf_crop_and_resize") return Unsupported("Resize with tf_crop_and_resize");
  if (c.node().op_type == "Upsample" && c.opset_version() < 7) return Unsupported("Upsample of opset 1");
  if (c.String("keep_aspect_ratio_policy", "stretch") != "stretch") return Unsupported("Resize with keep_aspect_ratio_policy");
  return c.String("mode", "nearest") == "nearest" ? GiveMoved(c) : Interpolate(c);
}

// ---- DFT

// The transposed transform is the conjugate one, so the inverse but for a factor.
Status Dft(RuleContext& c) {
  const bool inverse = c.Int("inverse") != 0, onesided = c.Int("onesided") != 0;
  if (inverse && onesided) return Unsupported("a one-sided inverse DFT");
  Emitter& e = c.emitter();
  const Term x = c.x();
  const Term axis = c.opset_version() < 20 ? e.Ints({c.Int("axis", 1)})
                                           : (c.HasInput(2) ? c.x(2).As(DataType::kInt64).Reshaped(e.Ints({1})) : e.Ints({-2}));
  const auto dim = [&](const Term& of) { return of.Op("Shape").Op("Gather", {axis}); };
  const Term length = c.HasInput(1) ? c.x(1).As(DataType::kInt64).Reshaped(e.Ints({1})) : dim(x);
  const Term zero = e.Ints({0});
  // What a one-sided transform leaves out has no gradient; then all of `length` is transformed.
  const auto extended = [&](const Term& term, const Term& to) {
    const Term lack = (to - dim(term)).Op("Max", {zero});
    return term.Op("Pad", {e.Concatenated({zero, lack}, 0), Term(), axis}).Op("Slice", {zero, to, axis});
  };
  const Term scalar = axis.Op("Squeeze", {zero});
  const Term turned = extended(c.dy(), length).Op("DFT", {Term(), scalar}, {ir::Attribute("inverse", int64_t{!inverse})});
  const Term count = length.As(x.dtype());
  Term dx = extended(inverse ? turned / count : turned * count, dim(x));
  const Term parts = x.Dim(-1);  // 1: the imaginary part was not there
  c.Give(0, dx.Op("Slice", {zero, parts, e.Ints({-1})}));
  return {};
}

// ---- Col2Im: the blocks of dy, cut out by a convolution with the identity.

Status Col2Im(RuleContext& c) {
  const auto block = c.ConstantInts(2);
  ASSIGN_OR_RETURN([[maybe_unused]] const int64_t rank, c.Rank(0));
  const ir::Shape* y = c.y().shape();
  if (!block || !y || y->rank() != block->size() + 2 || !(*y)[1].is_constant())
    return Unsupported("Col2Im of blocks or channels that are not known");
  Emitter& e = c.emitter();
  int64_t count = 1;
  for (const int64_t size : *block) {
    if (size < 1 || size > 4096 || (count *= size) > 4096) return Unsupported("Col2Im of blocks of more than 4096 elements");
  }
  const int64_t channels = (*y)[1].value();
  I kernel = {channels * count, 1};
  kernel.insert(kernel.end(), block->begin(), block->end());
  const Term identity = e.Number(0, c.x().dtype()).Op("Expand", {e.Ints({count, count})}).Op("EyeLike");
  const Term weights = identity.Op("Tile", {e.Ints({channels, 1})}).Reshaped(e.Ints(kernel));
  std::vector<ir::Attribute> attributes = {ir::Attribute("group", channels)};
  for (const char* name : {"strides", "pads", "dilations"})
    if (c.HasAttribute(name)) attributes.push_back(ir::Attribute(name, c.Ints(name)));
  c.Give(0, c.dy().Op("Conv", {weights}, attributes).Reshaped(c.x().Shape()));
  return {};
}

// ---- What places elements

Status MaxUnpool(RuleContext& c) {
  if (c.HasInput(2)) return Unsupported("MaxUnpool with output_shape");
  c.Give(0, c.dy().Reshaped(c.emitter().Ints({-1})).Op("Gather", {c.x(1)}));
  return {};
}

Status TensorScatter(RuleContext& c) {
  std::vector<Term> indices;
  if (c.HasInput(2)) indices.push_back(c.x(2));
  const auto scatter = [&](const Term& cache, const Term& update) {
    std::vector<Term> inputs = {cache, update};
    inputs.insert(inputs.end(), indices.begin(), indices.end());
    return Again(c, inputs);
  };
  if (c.wants(0)) c.Give(0, scatter(c.dy(), c.x(1).Filled(0)));
  if (c.wants(1)) {
    const Term update = c.x(1), sources = scatter(update.Size().Op("Expand", {c.x(0).Shape()}), Positions(update));
    c.Give(1, ReturnToPositions(update, sources, c.dy()));
  }
  return {};
}

// values [off, on]: each takes the gradient of where it stands.
Status OneHot(RuleContext& c) {
  if (!c.wants(2)) return {};
  Emitter& e = c.emitter();
  const DataType dtype = c.x(2).dtype();
  const Term zero_one = e.Concatenated({e.Number(0, dtype).Unsqueezed({0}), e.Number(1, dtype).Unsqueezed({0})}, 0);
  const Term hot = Again(c, {c.x(0), c.x(1), zero_one});
  hot.value()->type.dtype = dtype;
  const auto total = [](const Term& term) { return term.Op("ReduceSum", {}, {ir::Attribute("keepdims", int64_t{0})}).Unsqueezed({0}); };
  const Term on = total(c.dy() * hot);
  c.Give(2, e.Concatenated({total(c.dy()) - on, on}, 0));
  return {};
}

// What depends on the shape of x alone.
Status Nothing(RuleContext&) { return {}; }

constexpr DerivativeEntry kRules[] = {
    {"Col2Im", Col2Im},
    {"DFT", Dft},
    {"EyeLike", Nothing},
    {"MaxUnpool", MaxUnpool},
    {"OneHot", OneHot},
    {"RandomNormalLike", Nothing},
    {"RandomUniformLike", Nothing},
    {"Resize", Resize},
    {"TensorScatter", TensorScatter},
    {"Upsample", Resize},
};

}  // namespace

std::span<const DerivativeEntry> LinearDerivatives() { return kRules; }

}  // namespace sardonyx::optimize
