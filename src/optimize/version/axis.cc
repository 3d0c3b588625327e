// Opset 11 gave operators negative axes, and Gather, Scatter and OneHot negative indices.
#include <algorithm>
#include <numeric>

#include "base/status_macros.h"
#include "optimize/version/adapter.h"

namespace sardonyx::optimize::version {
namespace {

// Attribute "axis", counted within the rank of input 0.
Status CountAxisFromFront(NodeEditor& e) {
  if (e.Int("axis") >= 0) return {};
  ASSIGN_OR_RETURN(const int64_t axis, e.Axis("axis"));
  e.Set("axis", axis);
  e.SetChanged();
  return {};
}

// Attribute "axes", counted within `rank`.
Status CountFromFront(NodeEditor& e, int64_t extra_rank) {
  std::vector<int64_t> axes = e.node().GetInts("axes");
  if (std::none_of(axes.begin(), axes.end(), [](int64_t axis) { return axis < 0; })) return {};
  ASSIGN_OR_RETURN(const int64_t rank, e.Rank(0));
  for (int64_t& axis : axes)
    if (axis < 0) axis += rank + extra_rank;
  e.Set("axes", std::move(axes));
  e.SetChanged();
  return {};
}

Status CountAxesFromFront(NodeEditor& e) { return CountFromFront(e, 0); }

Status CountUnsqueezedAxesFromFront(NodeEditor& e) { return CountFromFront(e, static_cast<int64_t>(e.node().GetInts("axes").size())); }

// Makes the indices of input 1 count from the front of `size`, an int64 tensor of rank 0.
Status WrapIndices(NodeEditor& e, size_t i, ir::Value* size) {
  ASSIGN_OR_RETURN(const DataType dtype, e.Dtype(i));
  ir::Value* indices = e.node().input(i);
  if (dtype != DataType::kInt64) size = e.AddNode("Cast", {size}, {ir::Attribute("to", static_cast<int64_t>(dtype))}, "size_cast");
  ASSIGN_OR_RETURN(ir::Value * zero, e.AddNumber("zero", dtype, 0));
  ir::Value* negative = e.AddNode("Less", {indices, zero}, {}, "negative");
  ir::Value* wrapped = e.AddNode("Add", {indices, size}, {}, "wrapped");
  e.SetInput(i, e.AddNode("Where", {negative, wrapped, indices}, {}, "indices"));
  return {};
}

bool AreNotNegative(const NodeEditor& e, size_t i) {
  const StatusOr<std::vector<int64_t>> values = e.ConstantInts(i);
  return values.ok() && std::none_of(values->begin(), values->end(), [](int64_t value) { return value < 0; });
}

// Gather and Scatter: along "axis" of input 0.
Status WrapAlongAxis(NodeEditor& e) {
  RETURN_IF_ERROR(CountAxisFromFront(e));
  if (AreNotNegative(e, 1)) return {};
  const int64_t axis = e.Int("axis");
  ir::Value* size = nullptr;
  if (const std::optional<int64_t> dim = e.Dim(0, static_cast<size_t>(axis))) {
    ASSIGN_OR_RETURN(size, e.AddNumber("size", DataType::kInt64, static_cast<double>(*dim)));
  } else {
    ir::Value* shape = e.AddNode("Shape", {e.node().input(0)}, {}, "shape");
    ASSIGN_OR_RETURN(ir::Value * index, e.AddNumber("axis", DataType::kInt64, static_cast<double>(axis)));
    size = e.AddNode("Gather", {shape, index}, {}, "size");
  }
  return WrapIndices(e, 1, size);
}

// Before OneHot: indices below zero are counted from the depth, if that is asked for; those that are below zero even then become
// the depth itself, which is in no class in either version.
Status MapNegativeClasses(NodeEditor& e, bool count_from_depth) {
  if (AreNotNegative(e, 0)) return {};
  ASSIGN_OR_RETURN(DataType dtype, e.Dtype(0));
  ASSIGN_OR_RETURN(const DataType depth_dtype, e.Dtype(1));
  for (const DataType none_negative : {DataType::kUint8, DataType::kUint16, DataType::kUint32, DataType::kUint64})
    if (dtype == none_negative) return {};
  const auto cast = [&](ir::Value* value, DataType to, std::string_view hint) {
    return e.AddNode("Cast", {value}, {ir::Attribute("to", static_cast<int64_t>(to))}, hint);
  };
  ir::Value *indices = e.node().input(0), *depth = e.node().input(1);
  if (!e.shape(1) || e.shape(1)->rank() != 0) depth = e.AddNode("Reshape", {depth, e.AddInts("scalar", {})}, {}, "scalar_depth");
  // Both are cut to integers before use.
  if (!IsInteger(dtype)) indices = cast(indices, dtype = DataType::kInt64, "integers");
  if (!IsInteger(depth_dtype)) depth = cast(depth, DataType::kInt64, "whole_depth");
  if (dtype != (IsInteger(depth_dtype) ? depth_dtype : DataType::kInt64)) depth = cast(depth, dtype, "depth");
  ASSIGN_OR_RETURN(ir::Value * zero, e.AddNumber("zero", dtype, 0));
  if (count_from_depth) {
    ir::Value* negative = e.AddNode("Less", {indices, zero}, {}, "negative");
    ir::Value* wrapped = e.AddNode("Add", {indices, depth}, {}, "wrapped");
    indices = e.AddNode("Where", {negative, wrapped, indices}, {}, "counted");
  }
  ir::Value* outside = e.AddNode("Less", {indices, zero}, {}, "outside");
  e.SetInput(0, e.AddNode("Where", {outside, depth, indices}, {}, "indices"));
  return {};
}

// Until opset 10 indices below zero are in no class; since opset 11 they count from the depth.
Status OneHotUp(NodeEditor& e) { return MapNegativeClasses(e, /*count_from_depth=*/false); }

Status OneHotDown(NodeEditor& e) {
  if (e.Int("axis", -1) < -1) {
    ASSIGN_OR_RETURN(const int64_t rank, e.Rank(0));
    e.Set("axis", e.Int("axis") + rank + 1);
    e.SetChanged();
  }
  return MapNegativeClasses(e, /*count_from_depth=*/true);
}

// Scatter became ScatterElements.
Status ScatterUp(NodeEditor& e) {
  e.node().op_type = "ScatterElements";
  e.SetChanged();
  return {};
}

Status ScatterElementsDown(NodeEditor& e) {
  RETURN_IF_ERROR(WrapAlongAxis(e));
  e.node().op_type = "Scatter";
  e.SetChanged();
  return {};
}

// The last of equal elements is the first of the turned-round axis.
Status SelectLastIndexDown(NodeEditor& e) {
  if (e.Int("select_last_index") == 0) return {};
  const int64_t axis = e.Int("axis");
  e.Add("axis = Constant <value = int64[1] {{{}}}> ()", axis);
  e.Add("minus_one = Constant <value = int64[1] {{-1}}> ()");
  e.Add("beyond_first = Constant <value = int64[1] {{-9223372036854775807}}> ()");
  e.Add("turned = Slice (data, minus_one, beyond_first, axis, minus_one)");
  e.Add("from_end = {} <axis = {}, keepdims = {}> (turned)", e.node().op_type, axis, e.Int("keepdims", 1));
  e.Add("shape = Shape (data)");
  e.Add("which = Constant <value = int64 {{{}}}> ()", axis);
  e.Add("size = Gather (shape, which)");
  e.Add("one = Constant <value = int64 {{1}}> ()");
  e.Add("last = Sub (size, one)");
  e.Add("reduced = Sub (last, from_end)");
  return e.Replace();
}

constexpr Adapter kRows[] = {
    {"ArgMax", 11, nullptr, CountAxisFromFront},
    {"ArgMin", 11, nullptr, CountAxisFromFront},
    {"Compress", 11, nullptr, CountAxisFromFront},
    {"Concat", 11, nullptr, CountAxisFromFront},
    {"Flatten", 11, nullptr, CountAxisFromFront},
    {"Hardmax", 11, nullptr, CountAxisFromFront},
    {"LogSoftmax", 11, nullptr, CountAxisFromFront},
    {"Softmax", 11, nullptr, CountAxisFromFront},
    {"Split", 11, nullptr, CountAxisFromFront},
    {"ReduceL1", 11, nullptr, CountAxesFromFront},
    {"ReduceL2", 11, nullptr, CountAxesFromFront},
    {"ReduceLogSum", 11, nullptr, CountAxesFromFront},
    {"ReduceLogSumExp", 11, nullptr, CountAxesFromFront},
    {"ReduceMax", 11, nullptr, CountAxesFromFront},
    {"ReduceMean", 11, nullptr, CountAxesFromFront},
    {"ReduceMin", 11, nullptr, CountAxesFromFront},
    {"ReduceProd", 11, nullptr, CountAxesFromFront},
    {"ReduceSum", 11, nullptr, CountAxesFromFront},
    {"ReduceSumSquare", 11, nullptr, CountAxesFromFront},
    {"Squeeze", 11, nullptr, CountAxesFromFront},
    {"Unsqueeze", 11, nullptr, CountUnsqueezedAxesFromFront},
    {"Gather", 11, nullptr, WrapAlongAxis},
    {"OneHot", 11, OneHotUp, OneHotDown},
    {"Scatter", 11, ScatterUp},
    {"ScatterElements", 11, nullptr, ScatterElementsDown},
    {"ArgMax", 12, nullptr, SelectLastIndexDown},
    {"ArgMin", 12, nullptr, SelectLastIndexDown},
};

}  // namespace

std::span<const Adapter> AxisAdapters() { return kRows; }

}  // namespace sardonyx::optimize::version
