// QuantizeLinear and DequantizeLinear: an axis (13), half precision (19), blocks and 16 bits (21), types apart (23). What an
// older version cannot say is written out: y = (x - zero_point) * scale, and its inverse with rounding and saturation.
#include <algorithm>

#include "base/status_macros.h"
#include "optimize/version/adapter.h"
#include "optimize/version/fit.h"

namespace sardonyx::optimize::version {
namespace {

bool FitsBelow(NodeEditor& e) {
  const ops::OpSchema* to = ops::FindSchema("", e.from().name, e.to());
  return to && WhyTypesDoNotFit(e.node(), *to).empty();
}

// Adds lines that make `NAME_wide` of an input with scales or zero points: in float, and with the rank of x.
Status AddParameter(NodeEditor& e, size_t i) {
  const std::string name = e.InputName(i);
  e.Add("{}_float = Cast <to = 1> ({})", name, name);
  if (!e.shape(i)) return Unsupported(fmt::format("the shape of {} is not known", name));
  const size_t rank = e.shape(i)->rank();
  if (rank == 0 || e.shape(i)->num_elements().is_constant(1)) {
    e.Add("{}_wide = Reshape ({}_float, {})", name, name, e.Ints({}));
    return {};
  }
  ASSIGN_OR_RETURN(const int64_t x_rank, e.Rank(0));
  int64_t axis = e.Int("axis", 1);
  if (axis < 0) axis += x_rank;
  if (axis < 0 || axis >= x_rank) return Unsupported(fmt::format("axis {} of an input of rank {}", axis, x_rank));
  if (const int64_t block = e.Int("block_size"); block > 0) {
    const std::optional<int64_t> blocks = e.Dim(i, static_cast<size_t>(axis)), dim = e.Dim(0, static_cast<size_t>(axis));
    if (!blocks || !dim || *blocks * block != *dim) return Unsupported("its blocks are not known to divide the axis");
    std::vector<int64_t> repeat(static_cast<size_t>(x_rank) + 1, 1);
    repeat[static_cast<size_t>(axis) + 1] = block;
    const std::string unsqueeze = e.to() >= 13 ? fmt::format("Unsqueeze ({}_float, {})", name, e.Ints({axis + 1}))
                                               : fmt::format("Unsqueeze <axes = [{}]> ({}_float)", axis + 1, name);
    e.Add("{}_blocks = {}", name, unsqueeze);
    e.Add("{}_repeated = Expand ({}_blocks, {})", name, name, e.Ints(repeat));
    e.Add("{}_shape = Shape (x)", name);
    e.Add("{}_wide = Reshape ({}_repeated, {}_shape)", name, name, name);
    return {};
  }
  std::vector<int64_t> shape(static_cast<size_t>(x_rank), 1);
  shape[static_cast<size_t>(axis)] = -1;
  e.Add("{}_wide = Reshape ({}_float, {})", name, name, e.Ints(shape));
  return {};
}

Status WriteOutDequantize(NodeEditor& e) {
  ASSIGN_OR_RETURN(const DataType scale, e.Dtype(1));
  const auto output = static_cast<DataType>(e.Int("output_dtype", 0));
  e.Add("x_float = Cast <to = 1> (x)");
  RETURN_IF_ERROR(AddParameter(e, 1));
  if (e.HasInput(2)) {
    RETURN_IF_ERROR(AddParameter(e, 2));
    e.Add("centred = Sub (x_float, x_zero_point_wide)");
  }
  e.Add("product = Mul ({}, x_scale_wide)", e.HasInput(2) ? "centred" : "x_float");
  e.Add("y = Cast <to = {}> (product)", static_cast<int>(output == DataType::kUndefined ? scale : output));
  return e.Replace();
}

Status DequantizeDown(NodeEditor& e) {
  if (e.Int("block_size") != 0 || e.Int("output_dtype") != 0 || !FitsBelow(e)) return WriteOutDequantize(e);
  return {};
}

bool IsOneScale(const NodeEditor& e) { return e.shape(1) && e.shape(1)->num_elements().is_constant(1); }

Status DequantizeAxisDown(NodeEditor& e) {
  if (!IsOneScale(e)) return WriteOutDequantize(e);
  if (e.Has("axis")) e.SetChanged();
  e.Remove("axis");
  return {};
}

struct Bounds {
  DataType dtype;
  double low, high;
};
constexpr Bounds kBounds[] = {
    {DataType::kUint8, 0, 255}, {DataType::kInt8, -128, 127}, {DataType::kUint16, 0, 65535}, {DataType::kInt16, -32768, 32767}};

StatusOr<DataType> OutputDtype(const NodeEditor& e) {
  if (e.HasInput(2)) return e.Dtype(2);
  const int64_t dtype = e.Int("output_dtype", 0);
  return dtype == 0 ? DataType::kUint8 : static_cast<DataType>(dtype);
}

Status WriteOutQuantize(NodeEditor& e) {
  ASSIGN_OR_RETURN(const DataType dtype, OutputDtype(e));
  const auto* bounds = std::find_if(std::begin(kBounds), std::end(kBounds), [&](const Bounds& row) { return row.dtype == dtype; });
  if (bounds == std::end(kBounds)) return Unsupported(fmt::format("no older version quantizes to {} like that", DataTypeName(dtype)));
  ASSIGN_OR_RETURN(const DataType scale, e.Dtype(1));
  if (const int64_t precision = e.Int("precision"); scale != DataType::kFloat || precision > 1)
    return Unsupported("a division in other precision than float came with opset 19 and later");
  e.Add("x_float = Cast <to = 1> (x)");
  RETURN_IF_ERROR(AddParameter(e, 1));
  e.Add("quotient = Div (x_float, y_scale_wide)");
  e.Add("rounded = Round (quotient)");
  if (e.HasInput(2)) {
    RETURN_IF_ERROR(AddParameter(e, 2));
    e.Add("shifted = Add (rounded, y_zero_point_wide)");
  }
  e.Add("low = Constant <value = float {{{}}}> ()", bounds->low);
  e.Add("high = Constant <value = float {{{}}}> ()", bounds->high);
  e.Add("saturated = Clip ({}, low, high)", e.HasInput(2) ? "shifted" : "rounded");
  e.Add("y = Cast <to = {}> (saturated)", static_cast<int>(dtype));
  return e.Replace();
}

Status QuantizeDown(NodeEditor& e) {
  ASSIGN_OR_RETURN(const DataType dtype, OutputDtype(e));
  const bool is_float8 = dtype >= DataType::kFloat8E4M3FN && dtype <= DataType::kFloat8E5M2FNUZ;
  if (!is_float8 && e.Has("saturate")) e.Remove("saturate");
  const bool by_attribute = !e.HasInput(2) && e.Int("output_dtype") != 0 && e.to() < 21;
  if (e.Int("block_size") != 0 || e.Int("precision") != 0 || by_attribute || !FitsBelow(e)) return WriteOutQuantize(e);
  if (e.to() < 21) e.Remove("output_dtype");
  return {};
}

Status QuantizeAxisDown(NodeEditor& e) {
  if (!IsOneScale(e)) return WriteOutQuantize(e);
  if (e.Has("axis")) e.SetChanged();
  e.Remove("axis");
  return {};
}

// From opset 19 to 22 the input has the type of its scale; int32 went with a float scale before.
Status QuantizeUp(NodeEditor& e) {
  ASSIGN_OR_RETURN(const DataType x, e.Dtype(0));
  ASSIGN_OR_RETURN(const DataType scale, e.Dtype(1));
  if (x != scale) e.SetInput(0, e.AddNode("Cast", {e.node().input(0)}, {ir::Attribute("to", static_cast<int64_t>(scale))}, "x"));
  return {};
}

constexpr Adapter kRows[] = {
    {"DequantizeLinear", 13, nullptr, DequantizeAxisDown}, {"DequantizeLinear", 19, nullptr, DequantizeDown},
    {"DequantizeLinear", 21, nullptr, DequantizeDown},     {"DequantizeLinear", 23, nullptr, DequantizeDown},
    {"QuantizeLinear", 13, nullptr, QuantizeAxisDown},     {"QuantizeLinear", 19, QuantizeUp, QuantizeDown},
    {"QuantizeLinear", 21, nullptr, QuantizeDown},         {"QuantizeLinear", 23, nullptr, QuantizeDown},
};

}  // namespace

std::span<const Adapter> QuantizeAdapters() { return kRows; }

}  // namespace sardonyx::optimize::version
