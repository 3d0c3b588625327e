// Element types as attributes, constants, and what single operators gained.
#include <algorithm>
#include <limits>

#include "base/status_macros.h"
#include "ops/function_body.h"
#include "optimize/version/adapter.h"

namespace sardonyx::optimize::version {
namespace {

// --- Cast

// The type was a word: "FLOAT".
Status ToWordUp(NodeEditor& e) {
  std::string word = e.node().GetString("to", "");
  std::transform(word.begin(), word.end(), word.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  const std::optional<DataType> dtype = ParseDataType(word);
  if (!dtype) return Unsupported(fmt::format("'{}' is no element type", word));
  e.Set("to", static_cast<int64_t>(*dtype));
  e.SetChanged();
  return {};
}

Status ToWordDown(NodeEditor& e) {
  std::string word(DataTypeName(static_cast<DataType>(e.Int("to"))));
  std::transform(word.begin(), word.end(), word.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  e.Set("to", std::move(word));
  e.SetChanged();
  return {};
}

DataType CastTarget(NodeEditor& e) {
  if (e.node().op_type == "Cast") return static_cast<DataType>(e.Int("to"));
  const StatusOr<DataType> dtype = e.Dtype(1);
  return dtype.ok() ? *dtype : DataType::kUndefined;
}

// Attributes that say something of narrow floats only.
Status SaturateDown(NodeEditor& e) {
  const DataType to = CastTarget(e);
  if (to >= DataType::kFloat8E4M3FN && to <= DataType::kFloat8E5M2FNUZ)
    return Unsupported(fmt::format("{} came with opset 19", DataTypeName(to)));
  if (to == DataType::kUndefined) return {};
  if (e.Has("saturate")) e.SetChanged();
  e.Remove("saturate");
  return {};
}

Status RoundModeDown(NodeEditor& e) {
  const DataType to = CastTarget(e);
  if (to == DataType::kUndefined || to == DataType::kFloat8E8M0) return {};
  if (e.Has("round_mode")) e.SetChanged();
  e.Remove("round_mode");
  return {};
}

// --- Constant

// Any type as an initializer: see FinishIrVersion.
Status SparseDown(NodeEditor& e) {
  if (e.Has("sparse_value")) return Unsupported("sparse constants came with opset 11");
  return {};
}

Status ConstantValueDown(NodeEditor& e) {
  for (const std::string_view name : {"value_int", "value_ints", "value_float", "value_floats", "value_string", "value_strings"}) {
    const ir::Attribute* attribute = e.node().attribute(name);
    if (!attribute) continue;
    if (!attribute->ref_attr_name.empty()) return Unsupported(fmt::format("{} takes its value from an attribute of the function", name));
    Tensor tensor;
    if (name == "value_string") {
      tensor = Tensor::FromStrings({}, {e.node().GetString(name, "")});
    } else if (name == "value_strings") {
      std::vector<std::string> values = e.node().GetStrings(name);
      tensor = Tensor::FromStrings({static_cast<int64_t>(values.size())}, std::move(values));
    } else if (const std::optional<Tensor> value = e.OwnConstant()) {
      tensor = *value;
    } else {
      return Unsupported(fmt::format("{} cannot be read", name));
    }
    e.Remove(name);
    e.Set("value", ir::StoredTensor::Of("", std::move(tensor)));
    e.SetChanged();
    return {};
  }
  return {};
}

// --- Others

// Version 1 joins along axis 1 unless it says otherwise.
Status ConcatUp(NodeEditor& e) {
  if (e.Has("axis")) return {};
  e.Set("axis", int64_t{1});
  e.SetChanged();
  return {};
}

// Both operands had one type.
Status PowDown(NodeEditor& e) {
  ASSIGN_OR_RETURN(const DataType x, e.Dtype(0));
  ASSIGN_OR_RETURN(const DataType y, e.Dtype(1));
  if (x == y || !IsFloatingPoint(x)) return {};
  e.SetInput(1, e.AddNode("Cast", {e.node().input(1)}, {ir::Attribute("to", static_cast<int64_t>(x))}, "exponent"));
  return {};
}

// Floats were not compared for equality: they are equal where neither is less, and both are numbers.
Status EqualDown(NodeEditor& e) {
  ASSIGN_OR_RETURN(const DataType dtype, e.Dtype(0));
  if (!IsFloatingPoint(dtype)) return {};
  e.Add("less = Less (A, B)");
  e.Add("greater = Greater (A, B)");
  e.Add("differ = Or (less, greater)");
  e.Add("a_is_none = IsNaN (A)");
  e.Add("b_is_none = IsNaN (B)");
  e.Add("is_none = Or (a_is_none, b_is_none)");
  e.Add("unequal = Or (differ, is_none)");
  e.Add("C = Not (unequal)");
  return e.Replace();
}

// Max and Min of integers, one pair after the other.
Status ExtremeOfIntegersDown(NodeEditor& e) {
  ASSIGN_OR_RETURN(const DataType dtype, e.Dtype(0));
  if (!IsInteger(dtype)) return {};
  std::string so_far = e.InputName(0);
  for (size_t i = 1; i < e.node().inputs().size(); ++i) {
    e.Add("takes_{} = {} ({}, {})", i, e.node().op_type == "Max" ? "Less" : "Greater", so_far, e.InputName(i));
    const std::string chosen = i + 1 < e.node().inputs().size() ? fmt::format("chosen_{}", i) : e.OutputName(0);
    e.Add("{} = Where (takes_{}, {}, {})", chosen, i, e.InputName(i), so_far);
    so_far = chosen;
  }
  if (e.node().inputs().size() == 1) e.Add("{} = Identity ({})", e.OutputName(0), so_far);
  return e.Replace();
}

// Floats by the sign of the divisor are new; by that of the dividend they are not.
Status ModDown(NodeEditor& e) {
  ASSIGN_OR_RETURN(const DataType dtype, e.Dtype(0));
  if (!IsFloatingPoint(dtype) || e.Int("fmod") != 0) return {};
  e.Add("zero = Constant <value = {} {{0.0}}> ()", DataTypeName(dtype));
  e.Add("rest = Mod <fmod = 1> (A, B)");
  e.Add("is_zero = Equal (rest, zero)");
  e.Add("is_not = Not (is_zero)");
  e.Add("rest_below = Less (rest, zero)");
  e.Add("divisor_below = Less (B, zero)");
  e.Add("differ = Xor (rest_below, divisor_below)");
  e.Add("moves = And (is_not, differ)");
  e.Add("moved = Add (rest, B)");
  e.Add("signed_rest = Where (moves, moved, rest)");
  // Zero has the sign of the divisor.
  e.Add("divisor_sign = Sign (B)");
  e.Add("signed_zero = Mul (zero, divisor_sign)");
  e.Add("C = Where (is_zero, signed_zero, signed_rest)");
  return e.Replace();
}

// Since opset 18 what is no optional counts as one that has its element, and what is left out as one that has none.
Status GetElementDown(NodeEditor& e) {
  if (!e.HasInput(0) || !e.node().input(0)->type.known()) return Unsupported("the type of its input is not known");
  if (e.node().input(0)->type.kind == ir::Type::Kind::kOptional) return {};
  e.Add("output = Identity (input)");
  return e.Replace();
}

Status HasElementDown(NodeEditor& e) {
  if (e.HasInput(0) && !e.node().input(0)->type.known()) return Unsupported("the type of its input is not known");
  if (e.HasInput(0) && e.node().input(0)->type.kind == ir::Type::Kind::kOptional) return {};
  e.Add("output = Constant <value = bool {{{}}}> ()", e.HasInput(0) ? 1 : 0);
  return e.Replace();
}

Status RangeDown(NodeEditor& e) {
  // In which type it counts matters for narrow floats only, which version 11 does not take.
  if (e.Has("stash_type")) e.SetChanged();
  e.Remove("stash_type");
  return {};
}

Status ShapeDown(NodeEditor& e) {
  if (!e.Has("end") && e.Int("start") == 0) {
    e.Remove("start");
    return {};
  }
  e.Add("whole = Shape (data)");
  const int64_t end = e.Has("end") ? e.Int("end") : std::numeric_limits<int64_t>::max();
  const std::string first = e.Ints({e.Int("start")}), last = e.Ints({end});
  e.Add("shape = Slice (whole, {}, {})", first, last);
  return e.Replace();
}

Status TriluDown(NodeEditor& e) {
  ASSIGN_OR_RETURN(const DataType dtype, e.Dtype(0));
  RETURN_IF_ERROR(NumberTensor(dtype, 0).status());
  e.Add("zero = Constant <value = {} {{0}}> ()", DataTypeName(dtype));
  e.Add("first = Constant <value = int64 {{0}}> ()");
  e.Add("step = Constant <value = int64 {{1}}> ()");
  e.Add("row_axis = Constant <value = int64 {{-2}}> ()");
  e.Add("column_axis = Constant <value = int64 {{-1}}> ()");
  e.Add("shape = Shape (input)");
  e.Add("rows = Gather (shape, row_axis)");
  e.Add("columns = Gather (shape, column_axis)");
  e.Add("row_numbers = Range (first, rows, step)");
  e.Add("column_numbers = Range (first, columns, step)");
  e.Add("row_column = Unsqueeze (row_numbers, {})", e.Ints({1}));
  e.Add("diagonal = Sub (column_numbers, row_column)");
  e.Add("inside = {} (diagonal, {})", e.Int("upper", 1) != 0 ? "GreaterOrEqual" : "LessOrEqual", e.HasInput(1) ? "k" : "first");
  e.Add("output = Where (inside, input, zero)");
  return e.Replace();
}

// Columns before rows, by the body that the newest version has.
Status DepthToSpaceDown(NodeEditor& e) {
  if (e.String("mode", "DCR") == "DCR") return {};
  const ops::OpSchema* newest = ops::FindSchema("", "DepthToSpace", ops::NewestOpset(""));
  ASSIGN_OR_RETURN(const std::unique_ptr<ir::Function> body, ops::FunctionBody(*newest, e.node()));
  if (!body) return Unsupported("mode CRD came with opset 11");
  return e.ReplaceBy(*body);
}

// Since opset 24 a mask may be shorter than the keys.
Status AttentionDown(NodeEditor& e) {
  if (!e.HasInput(3)) return {};
  const ir::Shape *mask = e.shape(3), *keys = e.shape(1);
  const bool same =
      mask && keys && mask->rank() >= 1 && keys->rank() >= 2 && !e.HasInput(4) && mask->dims().back() == (*keys)[keys->rank() - 2];
  return same ? Status() : Unsupported("its mask is not known to be as long as the keys, which only opset 24 allows");
}

constexpr Adapter kRows[] = {
    {"Cast", 6, ToWordUp, ToWordDown},
    {"Cast", 19, nullptr, SaturateDown},
    {"Cast", 24, nullptr, RoundModeDown},
    {"CastLike", 19, nullptr, SaturateDown},
    {"CastLike", 24, nullptr, RoundModeDown},
    {"Constant", 11, nullptr, SparseDown},
    {"Constant", 12, nullptr, ConstantValueDown},
    {"Concat", 4, ConcatUp},
    {"Equal", 11, nullptr, EqualDown},
    {"Max", 12, nullptr, ExtremeOfIntegersDown},
    {"Min", 12, nullptr, ExtremeOfIntegersDown},
    {"Pow", 12, nullptr, PowDown},
    {"OptionalGetElement", 18, nullptr, GetElementDown},
    {"OptionalHasElement", 18, nullptr, HasElementDown},
    {"Mod", 28, nullptr, ModDown},
    {"Range", 27, nullptr, RangeDown},
    {"Shape", 15, nullptr, ShapeDown},
    {"Trilu", 14, nullptr, TriluDown},
    {"DepthToSpace", 11, nullptr, DepthToSpaceDown},
    {"Attention", 24, nullptr, AttentionDown},
};

}  // namespace

std::span<const Adapter> TypeAdapters() { return kRows; }

}  // namespace sardonyx::optimize::version
