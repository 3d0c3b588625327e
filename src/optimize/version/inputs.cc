// Attributes that became inputs.
#include <algorithm>
#include <limits>
#include <numeric>

#include "base/status_macros.h"
#include "optimize/version/adapter.h"

namespace sardonyx::optimize::version {
namespace {

// --- axes of Squeeze, Unsqueeze (13) and Reduce... (18; ReduceSum 13)

Status AxesUp(NodeEditor& e) { return e.IntsToInput("axes", 1); }

Status AxesDown(NodeEditor& e) { return e.InputToInts(1, "axes"); }

Status ReduceDown(NodeEditor& e) {
  if (e.Int("noop_with_empty_axes") != 0) {
    if (e.HasInput(1)) {
      ASSIGN_OR_RETURN(const std::vector<int64_t> axes, e.ConstantInts(1));
      if (!axes.empty()) e.Remove("noop_with_empty_axes");
    }
    if (e.Has("noop_with_empty_axes")) return Unsupported("noop_with_empty_axes = 1 has no older form");
  }
  RETURN_IF_ERROR(AxesDown(e));
  // Empty axes are all axes, which no attribute says more plainly.
  if (e.Has("axes") && e.node().GetInts("axes").empty()) e.Remove("axes");
  return {};
}

// --- Reshape

Status ReshapeUp(NodeEditor& e) { return e.IntsToInput("shape", 1); }

Status ReshapeDown(NodeEditor& e) { return e.InputToInts(1, "shape"); }

// Without allowzero a 0 stands for the input's dim in its place. Exporters set it everywhere, though hardly any dim is 0.
Status AllowZeroDown(NodeEditor& e) {
  if (e.Int("allowzero") == 0) return {};
  if (const StatusOr<std::vector<int64_t>> shape = e.ConstantInts(1); shape.ok()) {
    if (std::find(shape->begin(), shape->end(), 0) != shape->end())
      return Unsupported("a dim of 0 in its shape means zero by allowzero = 1");
  } else {
    const std::vector<ir::Dim>* elements = e.Elements(1);
    const ir::Shape* input = e.shape(0);
    if (!elements) return Unsupported("its shape is not known, and may have a dim of 0, which only allowzero = 1 can say");
    bool certain = true;
    for (size_t i = 0; i < elements->size(); ++i) {
      const ir::Dim& dim = (*elements)[i];
      const bool zero_or_unknown = dim.is_unknown() || dim.is_constant(0);
      const bool same = input && i < input->rank() && dim == (*input)[i];
      if (zero_or_unknown && !same) return Unsupported("a dim of its shape is not known, and may be 0, which only allowzero = 1 can say");
      certain = certain && (same || dim.is_constant());
    }
    if (!certain) e.Note("its shape is taken to have no dim of 0, which only allowzero = 1 can say");
  }
  e.Remove("allowzero");
  e.SetChanged();
  return {};
}

// --- Tile

Status TileUp(NodeEditor& e) {
  ASSIGN_OR_RETURN(const int64_t rank, e.Rank(0));
  ASSIGN_OR_RETURN(const double tiles, e.ConstantNumber(1));
  ASSIGN_OR_RETURN(const double axis, e.ConstantNumber(2));
  if (!(axis >= 0 && axis < static_cast<double>(rank)))
    return Unsupported(fmt::format("axis is {}, but the input has rank {}", axis, rank));
  if (!(tiles >= 0 && tiles < 1e9)) return Unsupported(fmt::format("it repeats its input {} times", tiles));
  std::vector<int64_t> repeats(static_cast<size_t>(rank), 1);
  repeats[static_cast<size_t>(axis)] = static_cast<int64_t>(tiles);
  e.DropInput(2);
  e.SetInput(1, e.AddInts("repeats", repeats));
  return {};
}

// One Tile an axis.
Status TileDown(NodeEditor& e) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> repeats, e.ConstantInts(1));
  ASSIGN_OR_RETURN(const DataType dtype, e.Dtype(0));
  std::string source = "input";
  for (size_t axis = 0; axis < repeats.size(); ++axis) {
    if (repeats[axis] == 1) continue;
    e.Add("tiles_{} = Constant <value = {} {{{}}}> ()", axis, DataTypeName(dtype), repeats[axis]);
    e.Add("axis_{} = Constant <value = {} {{{}}}> ()", axis, DataTypeName(dtype), axis);
    e.Add("tiled_{} = Tile ({}, tiles_{}, axis_{})", axis, source, axis, axis);
    source = fmt::format("tiled_{}", axis);
  }
  e.Add("output = Identity ({})", source);
  return e.Replace();
}

// --- Slice

Status SliceUp(NodeEditor& e) {
  RETURN_IF_ERROR(e.IntsToInput("starts", 1));
  RETURN_IF_ERROR(e.IntsToInput("ends", 2));
  return e.IntsToInput("axes", 3);
}

Status SliceDown(NodeEditor& e) {
  if (e.HasInput(4)) {
    ASSIGN_OR_RETURN(const std::vector<int64_t> steps, e.ConstantInts(4));
    if (std::any_of(steps.begin(), steps.end(), [](int64_t step) { return step != 1; }))
      return Unsupported("steps other than 1 came with opset 10");
  }
  if (e.HasInput(3)) {
    ASSIGN_OR_RETURN(std::vector<int64_t> axes, e.ConstantInts(3));
    for (int64_t& axis : axes) {
      if (axis >= 0) continue;
      ASSIGN_OR_RETURN(const int64_t rank, e.Rank(0));
      axis += rank;
    }
    e.Set("axes", std::move(axes));
  }
  e.DropInput(4);
  e.DropInput(3);
  RETURN_IF_ERROR(e.InputToInts(2, "ends"));
  return e.InputToInts(1, "starts");
}

// --- Split

// An input for the sizes came and went with opset 1 and 2.
Status SplitOfOpset1Up(NodeEditor& e) {
  if (e.HasInput(1)) return Unsupported("its sizes are an input, which opset 2 has no place for");
  return {};
}

Status SplitUp(NodeEditor& e) { return e.IntsToInput("split", 1); }

Status SplitDown(NodeEditor& e) { return e.InputToInts(1, "split"); }

Status NumOutputsUp(NodeEditor& e) {
  if (e.HasInput(1)) return {};
  e.Set("num_outputs", static_cast<int64_t>(e.node().outputs().size()));
  e.SetChanged();
  return {};
}

// Parts of equal size could always be had; since opset 18 the last may be smaller.
Status NumOutputsDown(NodeEditor& e) {
  if (e.HasInput(1)) return {};
  const int64_t parts = e.Int("num_outputs", static_cast<int64_t>(e.node().outputs().size()));
  if (parts < 1 || parts != static_cast<int64_t>(e.node().outputs().size()))
    return Unsupported(fmt::format("num_outputs is {}, but it has {} outputs", parts, e.node().outputs().size()));
  ASSIGN_OR_RETURN(const int64_t axis, e.Axis("axis"));
  e.Remove("num_outputs");
  e.SetChanged();
  if (const std::optional<int64_t> dim = e.Dim(0, static_cast<size_t>(axis))) {
    if (*dim % parts == 0) return {};
    const int64_t part = (*dim + parts - 1) / parts;
    std::vector<int64_t> sizes(static_cast<size_t>(parts), part);
    for (int64_t i = 0, rest = *dim; i < parts; ++i, rest -= part) sizes[static_cast<size_t>(i)] = std::clamp<int64_t>(rest, 0, part);
    e.SetInput(1, e.AddInts("split", sizes));
    return {};
  }
  ir::Value* shape = e.AddNode("Shape", {e.node().input(0)}, {}, "shape");
  ir::Value* dim = e.AddNode("Gather", {shape, e.AddInts("axis", {axis})}, {}, "dim");
  ir::Value* rounded_up = e.AddNode("Add", {dim, e.AddInts("parts_less_one", {parts - 1})}, {}, "rounded_up");
  ir::Value* part = e.AddNode("Div", {rounded_up, e.AddInts("parts", {parts})}, {}, "part");
  ir::Value* before = e.AddNode("Mul", {part, e.AddInts("parts_before", {parts - 1})}, {}, "before");
  std::vector<ir::Value*> sizes(static_cast<size_t>(parts), part);
  sizes.back() = e.AddNode("Sub", {dim, before}, {}, "last");
  e.SetInput(1, e.AddNode("Concat", sizes, {ir::Attribute("axis", int64_t{0})}, "split"));
  return {};
}

// --- Pad

Status PadOfOpset1Up(NodeEditor& e) {
  e.Set("pads", e.node().GetInts("paddings"));
  e.Remove("paddings");
  e.SetChanged();
  return {};
}

Status PadOfOpset1Down(NodeEditor& e) {
  e.Set("paddings", e.node().GetInts("pads"));
  e.Remove("pads");
  e.SetChanged();
  return {};
}

Status PadUp(NodeEditor& e) {
  const float value = e.Float("value");
  if (value != 0) {
    ASSIGN_OR_RETURN(const DataType dtype, e.Dtype(0));
    ASSIGN_OR_RETURN(ir::Value * constant, e.AddNumber("constant_value", dtype, static_cast<double>(value)));
    e.SetInput(2, constant);
  }
  e.Remove("value");
  return e.IntsToInput("pads", 1);
}

Status PadDown(NodeEditor& e) {
  if (e.HasInput(2)) {
    ASSIGN_OR_RETURN(const double value, e.ConstantNumber(2));
    e.DropInput(2);
    e.Set("value", static_cast<float>(value));
  }
  return e.InputToInts(1, "pads");
}

// Pads of some axes become pads of all.
Status PadAxesDown(NodeEditor& e) {
  if (!e.HasInput(3)) return {};
  ASSIGN_OR_RETURN(const std::vector<int64_t> axes, e.ConstantInts(3));
  ASSIGN_OR_RETURN(const int64_t rank, e.Rank(0));
  std::vector<int64_t> places(2 * axes.size());  // of each pad among those of all axes
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t axis = axes[i] < 0 ? axes[i] + rank : axes[i];
    if (axis < 0 || axis >= rank) return Unsupported(fmt::format("axis {} of an input of rank {}", axes[i], rank));
    places[i] = axis;
    places[i + axes.size()] = axis + rank;
  }
  std::vector<int64_t> all(static_cast<size_t>(2 * rank), 0);
  const StatusOr<std::vector<int64_t>> pads = e.ConstantInts(1);
  if (!pads.ok()) {
    ir::Value* none = e.AddInts("no_pads", all);
    ir::Value* given = e.node().input(1);
    e.SetInput(1, e.AddNode("ScatterElements", {none, e.AddInts("places", places), given}, {}, "pads"));
  } else if (pads->size() != places.size()) {
    return Unsupported(fmt::format("{} pads for {} axes", pads->size(), axes.size()));
  } else {
    for (size_t i = 0; i < places.size(); ++i) all[static_cast<size_t>(places[i])] = (*pads)[i];
    e.SetInput(1, e.AddInts("pads", all));
  }
  e.DropInput(3);
  return {};
}

Status WrapDown(NodeEditor& e) {
  if (e.String("mode", "constant") == "wrap") return Unsupported("mode 'wrap' came with opset 19");
  return {};
}

// --- TopK

Status TopKUp(NodeEditor& e) {
  e.SetInput(1, e.AddInts("k", {e.Int("k")}));
  e.Remove("k");
  return {};
}

Status TopKDown(NodeEditor& e) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> k, e.ConstantInts(1));
  if (k.size() != 1) return Unsupported(fmt::format("K has {} elements", k.size()));
  e.DropInput(1);
  e.Set("k", k[0]);
  return {};
}

// The smallest are the largest of the negated, which order alike elements alike. Any order serves where none is asked for.
Status LargestDown(NodeEditor& e) {
  if (e.Has("sorted")) e.SetChanged();
  e.Remove("sorted");
  if (e.Int("largest", 1) != 0) return {};
  ASSIGN_OR_RETURN(const DataType dtype, e.Dtype(0));
  if (!IsFloatingPoint(dtype)) return Unsupported(fmt::format("the smallest of {} came with opset 11", DataTypeName(dtype)));
  e.Remove("largest");
  e.SetInput(0, e.AddNode("Neg", {e.node().input(0)}, {}, "negated"));
  if (e.node().output(0)) {
    const auto [fresh, old] = e.DetachOutput(0);
    e.AddNodeBehind("Neg", {fresh}, {}, old);
  }
  return {};
}

// --- Clip

// Version 1 has no bound where none is said, version 6 the greatest floats.
Status ClipOfOpset1Up(NodeEditor& e) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (!e.Has("min")) e.Set("min", -kInfinity);
  if (!e.Has("max")) e.Set("max", kInfinity);
  e.SetChanged();
  return {};
}

Status ClipOfOpset1Down(NodeEditor& e) {
  e.Set("min", e.Float("min"));
  e.Set("max", e.Float("max"));
  e.SetChanged();
  return {};
}

Status ClipUp(NodeEditor& e) {
  ASSIGN_OR_RETURN(const DataType dtype, e.Dtype(0));
  for (const auto& [name, index] : {std::pair("min", size_t{1}), std::pair("max", size_t{2})}) {
    const double bound = static_cast<double>(e.Float(name));
    e.Remove(name);
    // What is infinite, or becomes so in half precision, bounds nothing.
    if (std::abs(bound) == std::numeric_limits<double>::infinity() || (dtype == DataType::kFloat16 && std::abs(bound) >= 65520)) continue;
    ASSIGN_OR_RETURN(ir::Value * constant, e.AddNumber(name, dtype, bound));
    e.SetInput(index, constant);
  }
  e.SetChanged();
  return {};
}

Status ClipDown(NodeEditor& e) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const StatusOr<double> low = e.HasInput(1) ? e.ConstantNumber(1) : -static_cast<double>(kInfinity);
  const StatusOr<double> high = e.HasInput(2) ? e.ConstantNumber(2) : static_cast<double>(kInfinity);
  if (low.ok() && high.ok()) {
    e.DropInput(2);
    e.DropInput(1);
    e.Set("min", static_cast<float>(*low));
    e.Set("max", static_cast<float>(*high));
    return {};
  }
  if (e.HasInput(1)) e.Add("{} = Max (input, min)", e.HasInput(2) ? "above" : "output");
  if (e.HasInput(2)) e.Add("output = Min ({}, max)", e.HasInput(1) ? "above" : "input");
  return e.Replace();
}

// Integers were not clipped, nor compared by Max and Min, before opset 12.
Status ClipIntegersDown(NodeEditor& e) {
  ASSIGN_OR_RETURN(const DataType dtype, e.Dtype(0));
  if (!IsInteger(dtype)) return {};
  if (e.HasInput(1)) {
    e.Add("below = Less (input, min)");
    e.Add("{} = Where (below, min, input)", e.HasInput(2) ? "raised" : "output");
  }
  if (e.HasInput(2)) {
    const std::string_view value = e.HasInput(1) ? "raised" : "input";
    e.Add("above = Greater ({}, max)", value);
    e.Add("output = Where (above, max, {})", value);
  }
  if (!e.HasInput(1) && !e.HasInput(2)) e.Add("output = Identity (input)");
  return e.Replace();
}

constexpr Adapter kRows[] = {
    {"Squeeze", 13, AxesUp, AxesDown},
    {"Unsqueeze", 13, AxesUp, AxesDown},
    {"ReduceSum", 13, AxesUp, ReduceDown},
    {"ReduceL1", 18, AxesUp, ReduceDown},
    {"ReduceL2", 18, AxesUp, ReduceDown},
    {"ReduceLogSum", 18, AxesUp, ReduceDown},
    {"ReduceLogSumExp", 18, AxesUp, ReduceDown},
    {"ReduceMax", 18, AxesUp, ReduceDown},
    {"ReduceMean", 18, AxesUp, ReduceDown},
    {"ReduceMin", 18, AxesUp, ReduceDown},
    {"ReduceProd", 18, AxesUp, ReduceDown},
    {"ReduceSumSquare", 18, AxesUp, ReduceDown},
    {"Reshape", 5, ReshapeUp, ReshapeDown},
    {"Reshape", 14, nullptr, AllowZeroDown},
    {"Tile", 6, TileUp, TileDown},
    {"Slice", 10, SliceUp, SliceDown},
    {"Split", 2, SplitOfOpset1Up},
    {"Split", 13, SplitUp, SplitDown},
    {"Split", 18, NumOutputsUp, NumOutputsDown},
    {"Pad", 2, PadOfOpset1Up, PadOfOpset1Down},
    {"Pad", 11, PadUp, PadDown},
    {"Pad", 18, nullptr, PadAxesDown},
    {"Pad", 19, nullptr, WrapDown},
    {"TopK", 10, TopKUp, TopKDown},
    {"TopK", 11, nullptr, LargestDown},
    {"Clip", 6, ClipOfOpset1Up, ClipOfOpset1Down},
    {"Clip", 11, ClipUp, ClipDown},
    {"Clip", 12, nullptr, ClipIntegersDown},
};

}  // namespace

std::span<const Adapter> InputAdapters() { return kRows; }

}  // namespace sardonyx::optimize::version
