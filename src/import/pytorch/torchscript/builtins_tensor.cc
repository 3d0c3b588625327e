// Builtins on tensors: shapes, element types, and the way between tensors and numbers.
#include <fmt/format.h>

#include "base/status_macros.h"
#include "formats/torch_tensor.h"
#include "import/pytorch/torchscript/builtins.h"

namespace sardonyx::pytorch {
namespace {

using Result = BuiltinResult;

int64_t DtypeCode(ops::GraphBuilder& b, const TensorValue& tensor) {
  const DataType dtype = b.dtype(tensor.value);
  if (tensor.quantization != nullptr) return dtype == DataType::kInt8 ? 12 : dtype == DataType::kUint8 ? 13 : 14;
  if (tensor.is_complex) return dtype == DataType::kDouble ? 10 : 9;
  return formats::ToTorchScalarType(dtype);
}

// ---- Shapes and types of tensors.

Result Size(Interpreter& in, Arguments& args) {
  if (!in.IsTensor(args.at(0))) return NotHere();
  if (args.size() == 1) return Give(in.Sizes(args.at(0)));
  if (!args.at(1).is_int()) return Unsupported("the size of an axis that is not known");
  return Give(in.Size(args.at(0), args.at(1).integer()));
}

Result Shape(Interpreter& in, Arguments& args) { return in.IsTensor(args.at(0)) ? Give(in.Sizes(args.at(0))) : NotHere(); }

Result Rank(Interpreter& in, Arguments& args) {
  if (!in.IsTensor(args.at(0))) return NotHere();
  ASSIGN_OR_RETURN(const IValue sizes, in.Sizes(args.at(0)));
  return Give(IValue(static_cast<int64_t>(As<ListCell>(sizes)->items.size())));
}

Result Numel(Interpreter& in, Arguments& args) {
  if (!in.IsTensor(args.at(0))) return NotHere();
  ASSIGN_OR_RETURN(const IValue sizes, in.Sizes(args.at(0)));
  IValue count(int64_t{1});
  for (const IValue& size : As<ListCell>(sizes)->items) {
    Arguments both;
    both.positional = {count, size};
    ASSIGN_OR_RETURN(const std::optional<IValue> product, in.NumberOperator("mul", both));
    count = *product;
  }
  return Give(std::move(count));
}

Result ShapeAsTensor(Interpreter& in, Arguments& args) {
  ASSIGN_OR_RETURN(const TensorValue tensor, in.Tensor(args.at(0)));
  return Give(in.NewTensor(in.builder().ShapeOf(tensor.value)));
}

Result Dtype(Interpreter& in, Arguments& args) {
  if (!in.IsTensor(args.at(0))) return NotHere();
  ASSIGN_OR_RETURN(const TensorValue tensor, in.Tensor(args.at(0)));
  return Give(IValue(DtypeCode(in.builder(), tensor)));
}

Result IsFloating(Interpreter& in, Arguments& args) {
  if (!in.IsTensor(args.at(0))) return NotHere();
  ASSIGN_OR_RETURN(const TensorValue tensor, in.Tensor(args.at(0)));
  return Give(IValue(!tensor.is_complex && IsFloatingPoint(in.builder().dtype(tensor.value))));
}

Result IsComplexTensor(Interpreter& in, Arguments& args) {
  if (!in.IsTensor(args.at(0))) return NotHere();
  ASSIGN_OR_RETURN(const TensorValue tensor, in.Tensor(args.at(0)));
  return Give(IValue(tensor.is_complex));
}

Result IsQuantized(Interpreter& in, Arguments& args) {
  if (!in.IsTensor(args.at(0))) return NotHere();
  ASSIGN_OR_RETURN(const TensorValue tensor, in.Tensor(args.at(0)));
  return Give(IValue(tensor.quantization != nullptr));
}

Result Device(Interpreter& in, Arguments&) {
  auto device = in.heap().New<Opaque>();
  device->what = "a device";
  return Give(Wrap(std::move(device)));
}

Result Zero(Interpreter&, Arguments&) { return Give(IValue(int64_t{0})); }
Result False(Interpreter&, Arguments&) { return Give(IValue(false)); }
Result True(Interpreter&, Arguments&) { return Give(IValue(true)); }
Result Nothing(Interpreter&, Arguments&) { return GiveNone(); }
// Of a device; of a tensor it is another function.
Result DeviceType(Interpreter&, Arguments& args) {
  return args.size() == 1 && As<Opaque>(args.at(0)) != nullptr ? Give(IValue(std::string("cpu"))) : NotHere();
}
Result LostWeights(Interpreter&, Arguments&) {
  return Unsupported("torch.jit.optimize_for_inference leaves weights out of the file that it is saved to: save the frozen module instead");
}
Result First(Interpreter&, Arguments& args) { return args.size() == 0 ? NotHere() : Give(args.at(0)); }

// ---- Numbers and tensors.

Result NumToTensor(Interpreter& in, Arguments& args) {
  if (!Interpreter::IsNumber(args.at(0))) return in.IsTensor(args.at(0)) ? Give(args.at(0)) : NotHere();
  return Give(in.NewTensor(in.Scalar(args.at(0))));
}

// int(x), float(x), bool(x) of tensors and strings; of numbers NumberOperator does it.
Result Convert(Interpreter& in, Arguments& args, Kind kind) {
  if (in.IsTensor(args.at(0))) return Give(in.ToNumber(args.at(0), kind));
  if (kind == Kind::kBool && IsList(args.at(0))) return Give(IValue(!As<ListCell>(args.at(0))->items.empty()));
  if (!args.at(0).is_string()) return NotHere();
  const std::string& text = args.at(0).string();
  if (kind == Kind::kBool) return Give(IValue(!text.empty()));
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0') return Unsupported(fmt::format("'{}' is no number", text));
  return Give(kind == Kind::kFloat ? IValue(number) : IValue(static_cast<int64_t>(number)));
}
Result ToInt(Interpreter& in, Arguments& args) { return Convert(in, args, Kind::kInt); }
Result ToFloat(Interpreter& in, Arguments& args) { return Convert(in, args, Kind::kFloat); }
Result ToBool(Interpreter& in, Arguments& args) { return Convert(in, args, Kind::kBool); }

Result Item(Interpreter& in, Arguments& args) {
  if (!in.IsTensor(args.at(0))) return Interpreter::IsNumber(args.at(0)) ? Give(args.at(0)) : NotHere();
  ASSIGN_OR_RETURN(const TensorValue tensor, in.Tensor(args.at(0)));
  const DataType dtype = in.builder().dtype(tensor.value);
  return Give(in.ToNumber(args.at(0), dtype == DataType::kBool ? Kind::kBool : IsFloatingPoint(dtype) ? Kind::kFloat : Kind::kInt));
}

// The dims and the scalars of nested lists of numbers.
Status Flatten(Interpreter& in, const IValue& value, size_t depth, std::vector<int64_t>* dims, std::vector<IValue>* scalars) {
  if (depth > 16) return Unsupported("a tensor of more than 16 axes");
  if (Interpreter::IsNumber(value)) return scalars->push_back(value), Status();
  if (in.IsTensor(value)) {
    ASSIGN_OR_RETURN(IValue number, in.ToNumber(value, Kind::kFloat));
    return scalars->push_back(std::move(number)), Status();
  }
  ASSIGN_OR_RETURN(const IValue::List items, in.Items(value));
  if (dims->size() == depth) dims->push_back(static_cast<int64_t>(items.size()));
  if ((*dims)[depth] != static_cast<int64_t>(items.size())) return Unsupported("a tensor of lists of different lengths");
  for (const IValue& item : items) RETURN_IF_ERROR(Flatten(in, item, depth + 1, dims, scalars));
  return {};
}

// torch.tensor(data, dtype=None, device=None, requires_grad=False): floats are float32 unless a dtype is given.
Result MakeTensor(Interpreter& in, Arguments& args) {
  ops::GraphBuilder& b = in.builder();
  const IValue dtype_code = args.named_or("dtype", args.at(1));
  if (in.IsTensor(args.at(0)) && !dtype_code.is_int()) return Give(args.at(0));
  if (in.IsTensor(args.at(0))) return NotHere();
  std::vector<int64_t> dims;
  std::vector<IValue> scalars;
  RETURN_IF_ERROR(Flatten(in, args.at(0), 0, &dims, &scalars));
  Kind kind = Kind::kBool;
  for (const IValue& scalar : scalars) {
    const Kind one = Interpreter::KindOf(scalar);
    if (one == Kind::kFloat || (one == Kind::kInt && kind == Kind::kBool)) kind = one;
  }
  DataType dtype = scalars.empty() || kind == Kind::kFloat ? DataType::kFloat : kind == Kind::kInt ? DataType::kInt64 : DataType::kBool;
  if (dtype_code.is_int()) {
    const std::optional<DataType> given = formats::TorchScalarType(dtype_code.integer());
    if (!given) return Unsupported(fmt::format("a tensor of PyTorch's type {}", dtype_code.integer()));
    dtype = *given;
  }
  std::vector<V> values;
  for (const IValue& scalar : scalars) values.push_back(b.Cast(in.Scalar(scalar), dtype));
  V value = nullptr;
  if (dims.empty()) {
    value = values[0];
  } else if (values.empty()) {
    ASSIGN_OR_RETURN(::sardonyx::Tensor empty, ::sardonyx::Tensor::Allocate(dtype, Dims(dims)));
    value = b.Constant(std::move(empty));
  } else {
    for (V& one : values) one = b.Reshape(one, {1});
    value = b.Concat(values, 0);
    if (dims.size() > 1) value = b.Reshape(value, dims);
  }
  RETURN_IF_ERROR(b.status());
  return Give(in.NewTensor(value));
}

// min, max and sum of a list of numbers.
Result Fold(Interpreter& in, Arguments& args, std::string_view op) {
  if (args.size() != 1 || !IsList(args.at(0))) return NotHere();
  ASSIGN_OR_RETURN(const IValue::List items, in.Items(args.at(0)));
  if (items.empty()) return op == "add" ? Give(IValue(int64_t{0})) : NotHere();
  IValue total = items[0];
  for (size_t i = 1; i < items.size(); ++i) {
    Arguments both;
    both.positional = {total, items[i]};
    ASSIGN_OR_RETURN(const std::optional<IValue> next, in.NumberOperator(op, both));
    if (!next) return NotHere();
    total = *next;
  }
  return Give(std::move(total));
}
Result ListMin(Interpreter& in, Arguments& args) { return Fold(in, args, "min"); }
Result ListMax(Interpreter& in, Arguments& args) { return Fold(in, args, "max"); }
Result ListSum(Interpreter& in, Arguments& args) { return Fold(in, args, "add"); }

constexpr BuiltinRow kRows[] = {
    // tensors
    {"size", Size},
    {"shape", Shape},
    {"dim", Rank},
    {"ndim", Rank},
    {"ndimension", Rank},
    {"numel", Numel},
    {"_shape_as_tensor", ShapeAsTensor},
    {"dtype", Dtype},
    {"is_floating_point", IsFloating},
    {"is_complex", IsComplexTensor},
    {"is_quantized", IsQuantized},
    {"device", Device},
    {"type", DeviceType},
    {"layout", Zero},
    {"get_device", Zero},
    {"is_cuda", False},
    {"is_cpu", True},
    {"is_mps", False},
    {"is_xla", False},
    {"is_sparse", False},
    {"is_mkldnn", False},
    {"to_mkldnn", First},
    {"ConstantMKLDNNTensor", LostWeights},
    {"is_nested", False},
    {"is_meta", False},
    {"is_leaf", False},
    {"requires_grad", False},
    {"grad", Nothing},
    {"is_inference", False},
    {"data", First},
    {"detach_", First},
    {"requires_grad_", First},
    // numbers
    {"NumToTensor", NumToTensor},
    {"int", ToInt},
    {"Int", ToInt},
    {"float", ToFloat},
    {"Float", ToFloat},
    {"bool", ToBool},
    {"Bool", ToBool},
    {"IntImplicit", ToInt},
    {"FloatImplicit", ToFloat},
    {"ScalarImplicit", Item},
    {"item", Item},
    {"tensor", MakeTensor},
    {"as_tensor", MakeTensor},
    {"min", ListMin},
    {"max", ListMax},
    {"sum", ListSum},
};

}  // namespace

std::span<const BuiltinRow> TensorBuiltins() { return kRows; }

StatusOr<IValue> Interpreter::Size(const IValue& value, int64_t axis) {
  ASSIGN_OR_RETURN(const TensorValue tensor, Tensor(value));
  if (axis < 0) {
    const int64_t rank = static_cast<int64_t>(b.rank(tensor.value)) - (tensor.is_complex ? 1 : 0);
    RETURN_IF_ERROR(b.status());
    axis += rank;
  }
  if (const std::optional<int64_t> known = b.static_dim(tensor.value, axis)) return IValue(*known);
  IValue size = Number(b.SizeOf(tensor.value, axis), Kind::kInt);
  RETURN_IF_ERROR(b.status());
  return size;
}

StatusOr<IValue> Interpreter::Sizes(const IValue& value) {
  ASSIGN_OR_RETURN(const TensorValue tensor, Tensor(value));
  if (!b.known_rank(tensor.value))
    return Unsupported("the sizes of a tensor whose rank is not known; state the inputs' shapes with --input NAME:DTYPE[batch,3,224,224]");
  const int64_t rank = static_cast<int64_t>(*b.known_rank(tensor.value)) - (tensor.is_complex ? 1 : 0);
  IValue::List sizes;
  for (int64_t axis = 0; axis < rank; ++axis) {
    ASSIGN_OR_RETURN(IValue size, Size(value, axis));
    sizes.push_back(std::move(size));
  }
  return heap_.NewList(std::move(sizes));
}

}  // namespace sardonyx::pytorch
