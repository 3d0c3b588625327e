// Quantization of exported programs: quantized_decomposed operators as QuantizeLinear and DequantizeLinear.
#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

struct Range {
  double low, high;
};
Range RangeOf(DataType type) {
  switch (type) {
    case DataType::kInt8:
      return {-128, 127};
    case DataType::kUint8:
      return {0, 255};
    case DataType::kInt16:
      return {-32768, 32767};
    case DataType::kUint16:
      return {0, 65535};
    default:
      return {-2147483648.0, 2147483647.0};
  }
}

V Parameter1(Call& c, std::string_view name, DataType type, bool per_channel) {
  V value = c.arg(name).is_tensor() ? c.b.Cast(c.tensor(name), type) : c.NumberAs(name, type);
  return per_channel ? value : c.b.Reshape(value, std::vector<int64_t>{});
}

// Real numbers to integers: those of types that ONNX's operator lacks are computed.
Outputs Quantize(Call& c) {
  ops::GraphBuilder& b = c.b;
  const bool per_channel = c.param() == "channel";
  V x = c.tensor("input");
  const DataType type = c.Dtype("dtype", DataType::kInt8);
  V scale = Parameter1(c, per_channel ? "scales" : "scale", DataType::kFloat, per_channel);
  const std::string_view zero = per_channel ? "zero_points" : "zero_point";
  const Range range = RangeOf(type);
  const double low = c.Double("quant_min", range.low), high = c.Double("quant_max", range.high);
  const bool direct = (type == DataType::kInt8 || type == DataType::kUint8) && low == range.low && high == range.high;
  const int64_t axis = per_channel ? c.Axis("axis", c.rank("input")) : 0;
  if (direct) {
    V point = Parameter1(c, zero, type, per_channel);
    return per_channel ? b.Op("QuantizeLinear", {x, scale, point}, {{"axis", axis}}) : b.Op("QuantizeLinear", {x, scale, point});
  }
  V point = Parameter1(c, zero, DataType::kFloat, per_channel);
  if (per_channel) {
    std::vector<int64_t> shape(static_cast<size_t>(c.rank("input")), 1);
    shape[static_cast<size_t>(axis)] = -1;
    scale = b.Reshape(scale, shape);
    point = b.Reshape(point, shape);
  }
  V y = b.Add(b.Op("Round", {b.Div(x, scale)}), point);
  return b.Cast(b.Op("Clip", {y, b.NumberLike(low, y), b.NumberLike(high, y)}), type);
}

Outputs Dequantize(Call& c) {
  ops::GraphBuilder& b = c.b;
  const bool per_channel = c.param() == "channel";
  V x = c.tensor("input");
  const DataType type = b.dtype(x), to = c.Dtype("out_dtype", DataType::kFloat);
  V scale = Parameter1(c, per_channel ? "scales" : "scale", DataType::kFloat, per_channel);
  const std::string_view zero = per_channel ? "zero_points" : "zero_point";
  const int64_t axis = per_channel ? c.Axis("axis", c.rank("input")) : 0;
  if (type == DataType::kInt8 || type == DataType::kUint8 || type == DataType::kInt32) {
    // int32 is without a zero point, by the specification.
    V point = c.is_none(zero) || type == DataType::kInt32 ? nullptr : Parameter1(c, zero, type, per_channel);
    V y = per_channel ? b.Op("DequantizeLinear", {x, scale, point}, {{"axis", axis}}) : b.Op("DequantizeLinear", {x, scale, point});
    return b.Cast(y, to);
  }
  V point = c.is_none(zero) ? nullptr : Parameter1(c, zero, DataType::kFloat, per_channel);
  if (per_channel) {
    std::vector<int64_t> shape(static_cast<size_t>(c.rank("input")), 1);
    shape[static_cast<size_t>(axis)] = -1;
    scale = b.Reshape(scale, shape);
    if (point) point = b.Reshape(point, shape);
  }
  V y = b.Cast(x, DataType::kFloat);
  if (point) y = b.Sub(y, point);
  return b.Cast(b.Mul(y, scale), to);
}

// Quantized and back, as training for quantization simulates it.
Outputs FakeQuantize(Call& c) {
  ops::GraphBuilder& b = c.b;
  const bool per_channel = c.param() == "channel";
  V x = c.tensor("self");
  V scale = Parameter1(c, "scale", b.dtype(x), per_channel), point = Parameter1(c, "zero_point", b.dtype(x), per_channel);
  if (per_channel) {
    std::vector<int64_t> shape(static_cast<size_t>(c.rank("self")), 1);
    shape[static_cast<size_t>(c.Axis("axis", c.rank("self")))] = -1;
    scale = b.Reshape(scale, shape);
    point = b.Reshape(point, shape);
  }
  V q = b.Add(b.Op("Round", {b.Div(x, scale)}), point);
  q = b.Op("Clip", {q, b.NumberLike(c.Double("quant_min"), x), b.NumberLike(c.Double("quant_max"), x)});
  V y = b.Mul(b.Sub(q, point), scale);
  return Outputs{y, FullLike(b, x, b.Scalar<bool>(true))};
}

// Scale and zero point of a tensor's own range.
Outputs ChooseParameters(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.tensor("input");
  const double low = c.Double("quant_min"), high = c.Double("quant_max"), epsilon = c.Double("eps", 1.1920928955078125e-07);
  V zero = b.NumberLike(0, x);
  V least = b.Op("Min", {Minimum(b, x, {}, false), zero}), most = b.Op("Max", {Maximum(b, x, {}, false), zero});
  V scale = nullptr, point = nullptr;
  if (c.param() == "symmetric") {
    V size = b.Op("Max", {b.Neg(least), most});
    scale = b.Op("Max", {b.Div(size, b.NumberLike((high - low) / 2, x)), b.NumberLike(epsilon, x)});
    point = zero;
  } else {
    scale = b.Op("Max", {b.Div(b.Sub(most, least), b.NumberLike(high - low, x)), b.NumberLike(epsilon, x)});
    point = b.Sub(b.NumberLike(low, x), b.Op("Round", {b.Div(least, scale)}));
    point = b.Op("Clip", {point, b.NumberLike(low, x), b.NumberLike(high, x)});
  }
  return Outputs{b.Cast(scale, DataType::kDouble), b.Cast(point, DataType::kInt64)};
}

constexpr RuleRow kRows[] = {
    {"quantized_decomposed.quantize_per_tensor", Quantize, "tensor"},
    {"quantized_decomposed.quantize_per_channel", Quantize, "channel"},
    {"quantized_decomposed.dequantize_per_tensor", Dequantize, "tensor"},
    {"quantized_decomposed.dequantize_per_channel", Dequantize, "channel"},
    {"quantized_decomposed.choose_qparams", ChooseParameters, ""},
    {"quantized_decomposed.choose_qparams_symmetric", ChooseParameters, "symmetric"},
    {"aten.fake_quantize_per_tensor_affine", FakeQuantize, "tensor"},
    {"aten.fake_quantize_per_tensor_affine_cachemask", FakeQuantize, "tensor"},
    {"aten.fake_quantize_per_channel_affine", FakeQuantize, "channel"},
    {"aten.fake_quantize_per_channel_affine_cachemask", FakeQuantize, "channel"},
};

}  // namespace

std::span<const RuleRow> QuantizeDecomposed() { return kRows; }

}  // namespace sardonyx::pytorch::rules
