// Operators on packed parameters and on quantized tensors. Each is what it stands for: DequantizeLinear, the operator on floats, QuantizeLinear, which is the
// form that optimizers of ONNX look for.
#include <algorithm>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "formats/torch_tensor.h"
#include "import/pytorch/torchscript/interpreter.h"

namespace sardonyx::pytorch {
namespace {

using Result = StatusOr<std::optional<IValue>>;

bool IsOneOf(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Operators of aten whose result has the scale of their argument.
constexpr std::string_view kKeepScale[] = {
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "relu",
    "relu_",
    "relu6",
    "clamp",
    "hardtanh",
    "hardtanh_",
    "mean",
    "flatten",
    "reshape",
    "view",
    "permute",
    "transpose",
    "contiguous",
    "squeeze",
    "unsqueeze",
    "slice",
    "select",
    "narrow",
    "expand",
    "dropout",
    "clone",
    "detach",
    "upsample_nearest2d",
    "upsample_bilinear2d",
    "upsample_nearest1d",
    "upsample_nearest3d",
    "interpolate",
    "pad",
    "constant_pad_nd",
    "reflection_pad2d",
    "channel_shuffle",
    "pixel_shuffle",
    "pixel_unshuffle",
    "unflatten",
    "chunk",
    "split",
    "split_with_sizes",
    "unbind",
    "cat",
    "stack",
    "max",
    "min",
    "topk",
    "flip",
    "roll",
    "movedim",
    "t",
    "repeat",
    "index_select",
    "max_pool2d_with_indices",
};

StatusOr<std::vector<int64_t>> Ints(Interpreter& in, const IValue& value) {
  std::vector<int64_t> ints;
  if (value.is_int()) return std::vector<int64_t>{value.integer()};
  ASSIGN_OR_RETURN(const IValue::List items, in.Items(value));
  for (const IValue& item : items) {
    if (!item.is_int()) return Unsupported("a quantized convolution whose attributes are not known");
    ints.push_back(item.integer());
  }
  return ints;
}

IValue IntList(const std::vector<int64_t>& values) {
  IValue::List items;
  for (const int64_t value : values) items.emplace_back(value);
  return IValue::MakeList(std::move(items));
}

// "conv2d_relu" -> "conv2d", true
bool TakeRelu(std::string* name) {
  if (!name->ends_with("_relu")) return false;
  name->resize(name->size() - 5);
  return true;
}

}  // namespace

StatusOr<V> Interpreter::Dequantized(const IValue& value) {
  ASSIGN_OR_RETURN(TensorValue tensor, Tensor(value));
  V made = translator_.Materialize(IValue(std::move(tensor)));
  RETURN_IF_ERROR(b.status());
  return made;
}

IValue Interpreter::QuantizedLike(V value, std::shared_ptr<const Quantization> quantization) {
  const ops::GraphBuilder::Values inputs = {value, quantization->scale, quantization->zero_point};
  V q = quantization->axis < 0 ? b.Op("QuantizeLinear", inputs) : b.Op("QuantizeLinear", inputs, {{"axis", quantization->axis}});
  return NewTensor(q, false, std::move(quantization));
}

namespace {

// A quantization from what a call gives: numbers or tensors.
StatusOr<std::shared_ptr<const Quantization>> MakeQuantization(Interpreter& in, const IValue& scale, const IValue& zero_point,
                                                               DataType type, int64_t axis = -1) {
  ops::GraphBuilder& b = in.builder();
  auto made = std::make_shared<Quantization>();
  made->axis = axis;
  const auto value = [&](const IValue& given) -> StatusOr<V> {
    if (Interpreter::IsNumber(given)) return in.Scalar(given);
    ASSIGN_OR_RETURN(const TensorValue tensor, in.Tensor(given));
    if (axis < 0 && b.known_rank(tensor.value) != size_t{0}) return b.Reshape(tensor.value, std::vector<int64_t>{});
    return tensor.value;
  };
  ASSIGN_OR_RETURN(V s, value(scale));
  ASSIGN_OR_RETURN(V z, value(zero_point));
  made->scale = b.Cast(s, DataType::kFloat);
  made->zero_point = b.Cast(z, type);
  RETURN_IF_ERROR(b.status());
  return std::shared_ptr<const Quantization>(std::move(made));
}

StatusOr<DataType> QuantizedType(const IValue& code) {
  if (code.is_dtype()) return code.dtype();
  if (code.is_int() && code.integer() == 12) return DataType::kInt8;
  if (code.is_int() && code.integer() == 13) return DataType::kUint8;
  return Unsupported(fmt::format("quantization to PyTorch's type {}", code.ToString()));
}

Result MakeQuantized(Interpreter& in, std::string_view name, Arguments& args) {
  if (name == "quantize_per_tensor") {
    ASSIGN_OR_RETURN(const DataType type, QuantizedType(args.named_or("dtype", args.at(3))));
    ASSIGN_OR_RETURN(const auto quantization,
                     MakeQuantization(in, args.named_or("scale", args.at(1)), args.named_or("zero_point", args.at(2)), type));
    ASSIGN_OR_RETURN(V value, in.Dequantized(args.at(0)));
    return std::optional<IValue>(in.QuantizedLike(value, quantization));
  }
  if (name == "quantize_per_channel") {  // (self, scales, zero_points, axis, dtype)
    ASSIGN_OR_RETURN(const DataType type, QuantizedType(args.named_or("dtype", args.at(4))));
    const IValue axis = args.named_or("axis", args.at(3));
    if (!axis.is_int()) return Unsupported("quantization along an axis that is not known");
    ASSIGN_OR_RETURN(const auto quantization, MakeQuantization(in, args.named_or("scales", args.at(1)),
                                                               args.named_or("zero_points", args.at(2)), type, axis.integer()));
    ASSIGN_OR_RETURN(V value, in.Dequantized(args.at(0)));
    return std::optional<IValue>(in.QuantizedLike(value, quantization));
  }
  if (name == "dequantize") {
    if (!in.IsTensor(args.at(0))) return std::optional<IValue>();
    ASSIGN_OR_RETURN(V value, in.Dequantized(args.at(0)));
    return std::optional<IValue>(in.NewTensor(value));
  }
  return std::optional<IValue>();
}

// int_repr, q_scale, q_zero_point
Result Parts(Interpreter& in, std::string_view name, const IValue& value) {
  ASSIGN_OR_RETURN(const TensorValue tensor, in.Tensor(value));
  if (tensor.quantization == nullptr) return Unsupported(fmt::format("{} of a tensor that is not quantized", name));
  ops::GraphBuilder& b = in.builder();
  if (name == "int_repr") return std::optional<IValue>(in.NewTensor(tensor.value));
  if (name == "q_scale") return std::optional<IValue>(in.Number(tensor.quantization->scale, Kind::kFloat));
  if (name == "q_zero_point") return std::optional<IValue>(in.Number(tensor.quantization->zero_point, Kind::kInt));
  if (name == "q_per_channel_scales") return std::optional<IValue>(in.NewTensor(b.Cast(tensor.quantization->scale, DataType::kDouble)));
  if (name == "q_per_channel_zero_points")
    return std::optional<IValue>(in.NewTensor(b.Cast(tensor.quantization->zero_point, DataType::kInt64)));
  if (name == "q_per_channel_axis") return std::optional<IValue>(IValue(tensor.quantization->axis));
  return std::optional<IValue>();
}

// Activations that are quantized when they are seen, as fbgemm does: the range of the values, zero included, over 0..127 (with
// `reduce_range`) or 0..255; then seen as floats again. ATen/native/quantized/cpu/qlinear_dynamic.cpp, QuantUtils.h.
V SeenQuantized(ops::GraphBuilder& b, V x, bool reduce_range) {
  const double top = reduce_range ? 127 : 255;
  V zero = b.NumberLike(0, x), one = b.NumberLike(top, x);
  V low = b.Op("Min", {b.Reduce("ReduceMin", x, {}, false), zero});
  V high = b.Op("Max", {b.Reduce("ReduceMax", x, {}, false), zero});
  V scale = b.Div(b.Sub(high, low), one);
  scale = b.Where(b.Op("Equal", {scale, zero}), b.NumberLike(0.1, x), scale);
  V zero_point = b.Op("Round", {b.Op("Min", {b.Op("Max", {b.Neg(b.Div(low, scale)), zero}), one})});
  V q = b.Add(b.Op("Round", {b.Div(x, scale)}), zero_point);
  q = b.Op("Min", {b.Op("Max", {q, zero}), one});
  return b.Mul(b.Sub(q, zero_point), scale);
}

// linear_prepack(w, b), conv2d_prepack(w, b, stride, padding, dilation, groups), conv_transpose2d_prepack(w, b, stride, padding,
// output_padding, dilation, groups); those of prepacked:: (linear_clamp_prepack, conv2d_transpose_clamp_prepack) have (low, high) at the end.
Result Prepack(Interpreter& in, std::string_view name, Arguments& args) {
  auto packed = in.heap().New<PackedParams>();
  packed->weight = args.at(0);
  packed->bias = args.at(1);
  packed->kind = name.starts_with("linear") ? "linear" : "conv";
  size_t next = 2;
  if (packed->kind == "conv") {
    packed->transpose = name.find("transpose") != std::string_view::npos;
    ASSIGN_OR_RETURN(packed->stride, Ints(in, args.at(next++)));
    ASSIGN_OR_RETURN(packed->padding, Ints(in, args.at(next++)));
    if (packed->transpose) {
      ASSIGN_OR_RETURN(packed->output_padding, Ints(in, args.at(next++)));
    } else {
      packed->output_padding.assign(packed->stride.size(), 0);
    }
    ASSIGN_OR_RETURN(packed->dilation, Ints(in, args.at(next++)));
    if (!args.at(next).is_int()) return Unsupported("a quantized convolution whose groups are not known");
    packed->groups = args.at(next++).integer();
  }
  packed->low = args.at(next);
  packed->high = args.at(next + 1);
  return std::optional<IValue>(IValue(std::shared_ptr<Object>(std::move(packed))));
}

}  // namespace

StatusOr<IValue> Interpreter::MakePacked(std::string_view class_name, const IValue& state) {
  auto packed = heap_.New<PackedParams>();
  const auto bad = [&] { return Unsupported(fmt::format("an object of {} in a form that is not known", class_name)); };
  const IValue made((std::shared_ptr<Object>(packed)));
  if (!state.is_tuple()) return bad();
  const IValue::List& parts = state.list();
  if (class_name.find("LinearPackedParams") != std::string_view::npos && parts.size() == 2) {
    packed->kind = "linear";
    packed->weight = parts[0];
    packed->bias = parts[1];
    return made;
  }
  if (class_name.find("CellParams") != std::string_view::npos && parts.size() == 5 && parts[0].is_string()) {
    packed->kind = parts[0].string();
    ASSIGN_OR_RETURN(packed->parts, Items(parts[4]));
    ASSIGN_OR_RETURN(const IValue::List biases, Items(parts[1]));
    packed->parts.insert(packed->parts.end(), biases.begin(), biases.end());
    return made;
  }
  if (class_name.find("OpContext") != std::string_view::npos) {  // of xnnpack, which optimize_for_mobile packs for
    Arguments arguments;
    arguments.positional = parts;
    const std::string_view kind = class_name.find("Linear") != std::string_view::npos      ? "linear"
                                  : class_name.find("Transpose") != std::string_view::npos ? "conv_transpose"
                                                                                           : "conv";
    ASSIGN_OR_RETURN(const std::optional<IValue> context, Prepack(*this, kind, arguments));
    return *context;
  }
  if (class_name.find("PackedParams") == std::string_view::npos || class_name.find("Conv") == std::string_view::npos || parts.size() != 3)
    return bad();
  packed->kind = "conv";
  ASSIGN_OR_RETURN(const IValue::List first, Items(parts[1]));
  ASSIGN_OR_RETURN(const IValue::List second, Items(parts[2]));
  std::vector<int64_t> config;
  if (parts[0].is_string()) {  // version 2: an int16 tensor of the attributes, then the weight; the bias may be missing
    if (first.size() < 2 || second.empty()) return bad();
    ASSIGN_OR_RETURN(const TensorValue attributes, Tensor(first[0]));
    const std::optional<std::vector<int64_t>> values = b.constant_ints(b.Cast(attributes.value, DataType::kInt64));
    if (!values) return bad();
    config = *values;
    packed->weight = first[1];
    packed->bias = second[0];
  } else {  // version 3: a list of attributes, then (nothing, weight, bias)
    ASSIGN_OR_RETURN(config, Ints(*this, parts[1]));
    if (second.size() < 3) return bad();
    packed->weight = second[1];
    packed->bias = second[2];
  }
  const auto dims = static_cast<size_t>(config.empty() ? 0 : config[0]);
  if (dims < 1 || dims > 3 || config.size() < 3 + 4 * dims) return bad();
  const auto take = [&](size_t group) {
    const auto begin = config.begin() + static_cast<std::ptrdiff_t>(1 + group * dims);
    return std::vector<int64_t>(begin, begin + static_cast<std::ptrdiff_t>(dims));
  };
  packed->stride = take(0), packed->padding = take(1), packed->dilation = take(2), packed->output_padding = take(3);
  packed->groups = config[1 + 4 * dims];
  packed->transpose = (config[2 + 4 * dims] & 1) != 0;
  return made;
}

StatusOr<std::optional<IValue>> Interpreter::PackedMethod(const PackedParams& packed, std::string_view method) {
  if (method == "unpack" || method == "__getstate__") return std::optional<IValue>(IValue::MakeTuple({packed.weight, packed.bias}));
  if (method == "stride") return std::optional<IValue>(IntList(packed.stride));
  if (method == "padding") return std::optional<IValue>(IntList(packed.padding));
  if (method == "dilation") return std::optional<IValue>(IntList(packed.dilation));
  if (method == "output_padding") return std::optional<IValue>(IntList(packed.output_padding));
  if (method == "groups") return std::optional<IValue>(IValue(packed.groups));
  return std::optional<IValue>();
}

namespace {

IValue Plain(V value) { return value == nullptr ? IValue() : IValue(TensorValue{value, false, {}, {}}); }

// The convolution or product of floats, kept in its range.
StatusOr<V> Product(Interpreter& in, const PackedParams& packed, V x) {
  ASSIGN_OR_RETURN(V weight, in.Dequantized(packed.weight));
  V bias = nullptr;
  if (!packed.bias.is_none()) {
    ASSIGN_OR_RETURN(bias, in.Dequantized(packed.bias));
  }
  std::string target = "aten.linear.default";
  std::vector<IValue> inputs = {Plain(x), Plain(weight), Plain(bias)};
  if (packed.kind == "conv") {
    target = "aten.convolution.default";
    const std::vector<IValue> rest = {IntList(packed.stride),   IntList(packed.padding),        IntList(packed.dilation),
                                      IValue(packed.transpose), IntList(packed.output_padding), IValue(packed.groups)};
    inputs.insert(inputs.end(), rest.begin(), rest.end());
  } else if (packed.kind != "linear") {
    return Unsupported(fmt::format("a product with packed parameters of kind '{}'", packed.kind));
  }
  ASSIGN_OR_RETURN(const std::vector<IValue> outputs, in.Translate(target, std::move(inputs), FindSignature(target)));
  if (!outputs[0].is_tensor()) return Internal("a product gives no tensor");
  V y = outputs[0].tensor().value;
  ops::GraphBuilder& b = in.builder();
  const auto bound = [&](const IValue& value) -> V { return Interpreter::IsNumber(value) ? b.Cast(in.Scalar(value), b.dtype(y)) : nullptr; };
  V low = bound(packed.low), high = bound(packed.high);
  if (low != nullptr || high != nullptr) y = b.Op("Clip", {y, low, high});
  RETURN_IF_ERROR(b.status());
  return y;
}

Result PackedProduct(Interpreter& in, std::string name, Arguments& args) {
  const bool dynamic = name.find("_dynamic") != std::string::npos;
  const auto packed = As<PackedParams>(args.at(1));
  if (packed == nullptr) return std::optional<IValue>();
  ops::GraphBuilder& b = in.builder();
  ASSIGN_OR_RETURN(V x, in.Dequantized(args.at(0)));
  if (dynamic) {
    const IValue reduce = args.named_or("reduce_range", args.size() > 2 ? args.at(2) : IValue(name.starts_with("conv")));
    if (!name.ends_with("_fp16")) x = SeenQuantized(b, x, reduce.is_bool() && reduce.boolean());
  }
  ASSIGN_OR_RETURN(V y, Product(in, *packed, x));
  if (name.find("_relu") != std::string::npos) y = b.Op("Relu", {y});
  RETURN_IF_ERROR(b.status());
  if (dynamic) return std::optional<IValue>(in.NewTensor(y));
  ASSIGN_OR_RETURN(const auto quantization, MakeQuantization(in, args.named_or("output_scale", args.at(2)),
                                                             args.named_or("output_zero_point", args.at(3)), DataType::kUint8));
  return std::optional<IValue>(in.QuantizedLike(y, quantization));
}

// Operators of the namespace quantized that are an operator of aten with (scale, zero point) at the end.
Result Scaled(Interpreter& in, std::string name, Arguments& args) {
  const bool relu = TakeRelu(&name);
  if (name.ends_with("_out")) return Unsupported("operators of quantized:: with an out argument");
  static constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"batch_norm1d", "batch_norm"}, {"batch_norm2d", "batch_norm"}, {"batch_norm3d", "batch_norm"}, {"batch_norm", "batch_norm"}};
  ops::GraphBuilder& b = in.builder();
  if (args.size() < 2) return std::optional<IValue>();
  IValue scale = args.at(args.size() - 2), zero_point = args.at(args.size() - 1);
  std::vector<IValue> operands(args.positional.begin(), args.positional.end() - 2);
  DataType type = DataType::kUint8;
  const IValue first = args.at(0);
  const IValue& like = As<ListCell>(first) != nullptr && !As<ListCell>(first)->items.empty() ? As<ListCell>(first)->items[0] : first;
  std::shared_ptr<const Quantization> quantization;
  if (in.IsTensor(like)) {
    ASSIGN_OR_RETURN(const TensorValue tensor, in.Tensor(like));
    if (tensor.quantization != nullptr) type = b.dtype(tensor.value), quantization = tensor.quantization;
  }
  // cat and a few others leave out the scale: it is the first tensor's.
  const bool says = Interpreter::IsNumber(scale) && Interpreter::IsNumber(zero_point) && Interpreter::KindOf(scale) == Kind::kFloat;
  if (!says) operands = args.positional;
  while (!operands.empty() && operands.back().is_none()) operands.pop_back();
  if (says) {
    ASSIGN_OR_RETURN(quantization, MakeQuantization(in, scale, zero_point, type));
  }
  if (quantization == nullptr) return Unsupported(fmt::format("quantized::{} without a scale", name));
  for (IValue& operand : operands) {
    if (in.IsTensor(operand)) {
      ASSIGN_OR_RETURN(V value, in.Dequantized(operand));
      operand = in.NewTensor(value);
    } else if (const auto list = As<ListCell>(operand)) {
      IValue::List items;
      for (const IValue& item : list->items) {
        if (!in.IsTensor(item)) {
          items.push_back(item);
          continue;
        }
        ASSIGN_OR_RETURN(V value, in.Dequantized(item));
        items.push_back(in.NewTensor(value));
      }
      operand = in.heap().NewList(std::move(items));
    }
  }
  for (const auto& [ours, atens] : kNames) {
    if (name != ours) continue;
    if (operands.size() != 6) return Unsupported("a quantized batch norm of another form");
    // (x, weight, bias, mean, var, eps) -> (x, weight, bias, mean, var, training, momentum, eps, cudnn)
    operands = {operands[0], operands[1], operands[2], operands[3], operands[4], IValue(false), IValue(0.0), operands[5], IValue(false)};
    name = atens;
  }
  if (name == "leaky_relu" && operands.size() > 2) operands.resize(2);  // inplace
  Arguments plain;
  plain.positional = std::move(operands);
  for (const auto& one : args.named) {
    if (one.first != "scale" && one.first != "zero_point") plain.named.push_back(one);
  }
  ASSIGN_OR_RETURN(IValue result, in.CallOperator("aten", name, std::move(plain)));
  ASSIGN_OR_RETURN(const TensorValue value, in.Tensor(result));
  return std::optional<IValue>(in.QuantizedLike(relu ? b.Op("Relu", {value.value}) : value.value, quantization));
}

// The recurrence on floats, its weights as they were before they were packed. PyTorch quantizes the activations of every step; that
// is an approximation of this.
Result QuantizedLstm(Interpreter& in, Arguments& args) {
  ASSIGN_OR_RETURN(const IValue::List cells, in.Items(args.at(2)));
  IValue::List weights;
  for (const IValue& cell : cells) {
    const auto packed = As<PackedParams>(cell);
    if (packed == nullptr || packed->parts.size() < 4 || !packed->kind.starts_with("quantized"))
      return Unsupported("an LSTM with packed parameters of another form");
    for (size_t i = 0; i < 4; ++i) {  // input and hidden weights, then their biases
      const auto linear = As<PackedParams>(packed->parts[i]);
      ASSIGN_OR_RETURN(V value, in.Dequantized(linear != nullptr ? linear->weight : packed->parts[i]));
      weights.push_back(in.NewTensor(value));
    }
  }
  Arguments plain;
  plain.positional = {args.at(0), args.at(1), in.heap().NewList(std::move(weights))};
  for (size_t i = 3; i < 9 && i < args.size(); ++i) plain.positional.push_back(args.at(i));
  ASSIGN_OR_RETURN(IValue result, in.CallOperator("aten", "lstm", std::move(plain)));
  return std::optional<IValue>(std::move(result));
}

// An operator of aten on quantized tensors: on floats, and back to the first one's scale.
Result OnFloats(Interpreter& in, std::string name, Arguments args) {
  std::shared_ptr<const Quantization> quantization;
  for (IValue& argument : args.positional) {
    const auto list = As<ListCell>(argument);
    IValue::List items = list != nullptr ? list->items : IValue::List{argument};
    bool any = false;
    for (IValue& item : items) {
      if (!in.IsTensor(item)) continue;
      ASSIGN_OR_RETURN(const TensorValue tensor, in.Tensor(item));
      if (tensor.quantization == nullptr) continue;
      if (quantization == nullptr) quantization = tensor.quantization;
      ASSIGN_OR_RETURN(V value, in.Dequantized(item));
      item = in.NewTensor(value);
      any = true;
    }
    if (any) argument = list != nullptr ? in.heap().NewList(std::move(items)) : items[0];
  }
  if (quantization == nullptr) return std::optional<IValue>();
  const bool fixed = name == "sigmoid" || name == "tanh";  // their results have scales of their own
  const bool keeps = std::find(std::begin(kKeepScale), std::end(kKeepScale), name) != std::end(kKeepScale);
  if (!fixed && !keeps) return Unsupported(fmt::format("aten::{} of quantized tensors", name));
  if (quantization->axis >= 0) return Unsupported(fmt::format("aten::{} of tensors that are quantized per channel", name));
  if (name.ends_with('_')) name.pop_back();
  if (fixed) {
    ASSIGN_OR_RETURN(quantization, MakeQuantization(in, IValue(name == "sigmoid" ? 1.0 / 256 : 1.0 / 128),
                                                    IValue(int64_t{name == "sigmoid" ? 0 : 128}), DataType::kUint8));
  }
  ASSIGN_OR_RETURN(const IValue result, in.CallOperator("aten", name, std::move(args)));
  const auto back = [&](const IValue& value) -> StatusOr<IValue> {
    if (!in.IsTensor(value)) return value;
    ASSIGN_OR_RETURN(const TensorValue tensor, in.Tensor(value));
    if (!IsFloatingPoint(in.builder().dtype(tensor.value))) return value;  // indices
    return in.QuantizedLike(tensor.value, quantization);
  };
  const bool is_list = As<ListCell>(result) != nullptr;
  if (!is_list && !result.is_tuple()) {
    ASSIGN_OR_RETURN(IValue made, back(result));
    return std::optional<IValue>(std::move(made));
  }
  ASSIGN_OR_RETURN(IValue::List items, in.Items(result));
  for (IValue& item : items) {
    ASSIGN_OR_RETURN(item, back(item));
  }
  return std::optional<IValue>(is_list ? in.heap().NewList(std::move(items)) : IValue::MakeTuple(std::move(items)));
}

bool IsQuantizedTensor(const IValue& value) { return value.is_tensor() && value.tensor().quantization != nullptr; }

}  // namespace

StatusOr<std::optional<IValue>> Interpreter::Quantized(const std::string& space, std::string_view name, Arguments& arguments) {
  if (space == "prepacked" && name.ends_with("_prepack")) return Prepack(*this, name, arguments);
  if (space == "prepacked" && name.ends_with("_run")) {
    const auto packed = As<PackedParams>(arguments.at(1));
    if (packed == nullptr) return std::optional<IValue>();
    ASSIGN_OR_RETURN(V x, Dequantized(arguments.at(0)));
    ASSIGN_OR_RETURN(V y, Product(*this, *packed, x));
    return std::optional<IValue>(NewTensor(y));
  }
  if (space == "quantized") {
    if (name.find("_prepack") != std::string_view::npos) return Prepack(*this, name, arguments);
    if (name.find("_unpack") != std::string_view::npos && As<PackedParams>(arguments.at(0)) != nullptr)
      return PackedMethod(*As<PackedParams>(arguments.at(0)), "unpack");
    if (name.starts_with("linear") || name.starts_with("conv")) return PackedProduct(*this, std::string(name), arguments);
    return Scaled(*this, std::string(name), arguments);
  }
  if (space != "aten") return std::optional<IValue>();
  if (name.starts_with("quantize_per_") || name == "dequantize") return MakeQuantized(*this, name, arguments);
  if (IsOneOf(name, {"int_repr", "q_scale", "q_zero_point", "q_per_channel_scales", "q_per_channel_zero_points", "q_per_channel_axis"}))
    return Parts(*this, name, arguments.at(0));
  if (name == "quantized_lstm") return QuantizedLstm(*this, arguments);
  for (const IValue& argument : arguments.positional) {
    bool any = IsQuantizedTensor(argument);
    if (const auto list = As<ListCell>(argument)) {
      for (const IValue& item : list->items) any = any || IsQuantizedTensor(item);
    }
    if (any) return OnFloats(*this, std::string(name), arguments);
  }
  return std::optional<IValue>();
}

}  // namespace sardonyx::pytorch
