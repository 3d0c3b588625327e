// BatchNormalization, GroupNormalization, Dropout: how they are told that they train, and what their inputs are.
#include <algorithm>

#include "base/status_macros.h"
#include "optimize/version/adapter.h"

namespace sardonyx::optimize::version {
namespace {

// --- BatchNormalization

bool WantsAnyOutputFrom(const NodeEditor& e, size_t first) {
  for (size_t i = first; i < 5; ++i)
    if (e.WantsOutput(i)) return true;
  return false;
}

Status ConsumedInputsDown(NodeEditor& e) {
  e.Set("consumed_inputs", std::vector<int64_t>{0, 0, 0, 1, 1});
  e.SetChanged();
  return {};
}

// From opset 7 on, whether statistics of the batch are used is said by whether the node has outputs for them.
Status IsTestUp(NodeEditor& e) {
  const bool test = e.Int("is_test") != 0;
  if (test && WantsAnyOutputFrom(e, 1)) return Unsupported("it does not train (is_test = 1), but somebody reads the outputs of training");
  e.Remove("is_test");
  e.SetChanged();
  return {};
}

Status IsTestDown(NodeEditor& e) {
  e.Set("is_test", int64_t{e.node().outputs().size() == 1});
  e.SetChanged();
  return {};
}

// Statistics an element instead of a channel: then it is element-wise, with broadcasting over the batch.
Status SpatialUp(NodeEditor& e) {
  if (e.Int("spatial", 1) != 0) return {};
  if (WantsAnyOutputFrom(e, 1)) return Unsupported("spatial = 0 while training went with opset 9");
  ASSIGN_OR_RETURN(const DataType dtype, e.Dtype(0));
  e.Add("epsilon = Constant <value = {} {{{:.9g}}}> ()", DataTypeName(dtype), e.Float("epsilon", 1e-5f));
  e.Add("centred = Sub (X, mean)");
  e.Add("stable = Add (var, epsilon)");
  e.Add("deviation = Sqrt (stable)");
  e.Add("normal = Div (centred, deviation)");
  e.Add("scaled = Mul (normal, scale)");
  e.Add("Y = Add (scaled, B)");
  return e.Replace();
}

// Opset 14 says by an attribute that it trains, and no longer gives the statistics of the batch.
Status TrainingModeUp(NodeEditor& e) {
  if (WantsAnyOutputFrom(e, 3)) return Unsupported("the mean and variance of the batch, its outputs 3 and 4, went with opset 14");
  const bool trains = e.node().output(1) || e.node().output(2);
  if (e.node().outputs().size() <= 1) return {};
  if (!trains) return Unsupported("it has outputs, without names, that went with opset 14");
  e.TruncateOutputs(3);
  e.Set("training_mode", int64_t{1});
  return {};
}

Status TrainingModeDown(NodeEditor& e) {
  const bool trains = e.Int("training_mode") != 0;
  if (!trains && WantsAnyOutputFrom(e, 1)) return Unsupported("its running mean and variance are read although it does not train");
  e.Remove("training_mode");
  if (trains) {
    e.ExtendOutputs(5);
  } else if (e.node().outputs().size() > 1) {
    e.TruncateOutputs(1);
  }
  e.SetChanged();
  return {};
}

// --- GroupNormalization

// Scale and bias were given a group, and are given a channel since opset 21.
Status GroupsUp(NodeEditor& e) {
  const int64_t groups = e.Int("num_groups");
  if (groups <= 0) return Unsupported(fmt::format("num_groups is {}", groups));
  ir::Value* target = nullptr;
  if (const std::optional<int64_t> channels = e.Dim(0, 1)) {
    target = e.AddInts("group_shape", {groups, *channels / groups});
  } else {
    ir::Value* shape = e.AddNode("Shape", {e.node().input(0)}, {}, "shape");
    ir::Value* channel = e.AddNode("Gather", {shape, e.AddInts("channel_axis", {1})}, {}, "channels");
    ir::Value* number = e.AddInts("groups", {groups});
    ir::Value* size = e.AddNode("Div", {channel, number}, {}, "group_size");
    target = e.AddNode("Concat", {number, size}, {ir::Attribute("axis", int64_t{0})}, "group_shape");
  }
  ir::Value* column = e.AddInts("column", {-1, 1});
  ir::Value* flat = e.AddInts("flat", {-1});
  for (size_t i = 1; i <= 2; ++i) {
    const std::string name = e.InputName(i);
    ir::Value* one_a_row = e.AddNode("Reshape", {e.node().input(i), column}, {}, name + "_column");
    ir::Value* repeated = e.AddNode("Expand", {one_a_row, target}, {}, name + "_repeated");
    e.SetInput(i, e.AddNode("Reshape", {repeated, flat}, {}, name));
  }
  // What version 18 leaves open, in which type it computes, is the default of 21: float.
  return {};
}

Status GroupsDown(NodeEditor&) { return Unsupported("scale and bias are given a channel, and were given a group before opset 21"); }

// --- Dropout

// Opsets 7 to 11 have no training; 12 has it again.
Status DropoutIsTestUp(NodeEditor& e) {
  const bool trains = e.Int("is_test") == 0;
  const double ratio = static_cast<double>(e.Float("ratio", 0.5f));
  if (!trains) {
    e.Remove("is_test");
    e.SetChanged();
    return {};
  }
  if (e.target() < 12) return Unsupported("it drops elements at random (is_test = 0), which no opset from 7 to 11 does");
  ASSIGN_OR_RETURN(const DataType dtype, e.Dtype(0));
  if (e.WantsOutput(1)) {
    const auto [mask, old] = e.DetachOutput(1, DataType::kBool);
    e.AddNodeBehind("Cast", {mask}, {ir::Attribute("to", static_cast<int64_t>(dtype))}, old);
  }
  for (const std::string_view name : {"is_test", "ratio", "consumed_inputs"}) e.Remove(name);
  ASSIGN_OR_RETURN(ir::Value * ratio_value, e.AddNumber("ratio", DataType::kFloat, ratio));
  ASSIGN_OR_RETURN(ir::Value * training, e.AddNumber("training_mode", DataType::kBool, 1));
  e.SetInput(1, ratio_value);
  e.SetInput(2, training);
  e.node().opset_version = 12;
  return {};
}

Status DropoutIsTestDown(NodeEditor& e) {
  e.Set("is_test", int64_t{1});
  e.SetChanged();
  return {};
}

Status MaskTo(NodeEditor& e, DataType produced, DataType wanted) {
  if (!e.WantsOutput(1)) return {};
  const auto [mask, old] = e.DetachOutput(1, produced);
  e.AddNodeBehind("Cast", {mask}, {ir::Attribute("to", static_cast<int64_t>(wanted))}, old);
  return {};
}

// The mask became bool. One that nobody reads goes.
Status MaskUp(NodeEditor& e) {
  if (e.node().outputs().size() > 1 && !e.WantsOutput(1)) e.TruncateOutputs(1);
  if (!e.WantsOutput(1)) return {};
  ASSIGN_OR_RETURN(const DataType dtype, e.Dtype(0));
  return MaskTo(e, DataType::kBool, dtype);
}

Status MaskDown(NodeEditor& e) {
  if (e.node().outputs().size() > 1 && !e.WantsOutput(1)) e.TruncateOutputs(1);
  if (!e.WantsOutput(1)) return {};
  ASSIGN_OR_RETURN(const DataType dtype, e.Dtype(0));
  return MaskTo(e, dtype, DataType::kBool);
}

Status RatioUp(NodeEditor& e) {
  if (!e.Has("ratio")) return {};
  ASSIGN_OR_RETURN(ir::Value * ratio, e.AddNumber("ratio", DataType::kFloat, static_cast<double>(e.Float("ratio"))));
  e.Remove("ratio");
  e.SetInput(1, ratio);
  return {};
}

Status RatioDown(NodeEditor& e) {
  if (e.HasInput(2)) {
    const StatusOr<double> training = e.ConstantNumber(2);
    if (!training.ok() || *training != 0) return Unsupported("training_mode came with opset 12");
    e.DropInput(2);
  }
  // Without training the ratio changes nothing.
  if (const StatusOr<double> ratio = e.ConstantNumber(1); e.HasInput(1) && ratio.ok()) e.Set("ratio", static_cast<float>(*ratio));
  e.DropInput(1);
  if (e.Has("seed")) e.SetChanged();
  e.Remove("seed");
  return {};
}

constexpr Adapter kRows[] = {
    {"BatchNormalization", 6, nullptr, ConsumedInputsDown},
    {"BatchNormalization", 7, IsTestUp, IsTestDown},
    {"BatchNormalization", 9, SpatialUp},
    {"BatchNormalization", 14, TrainingModeUp, TrainingModeDown},
    {"GroupNormalization", 21, GroupsUp, GroupsDown},
    {"Dropout", 7, DropoutIsTestUp, DropoutIsTestDown},
    {"Dropout", 10, MaskUp, MaskDown},
    {"Dropout", 12, RatioUp, RatioDown},
};

}  // namespace

std::span<const Adapter> NormalizationAdapters() { return kRows; }

}  // namespace sardonyx::optimize::version
