// New tensors, and changes of type.
#include <cmath>
#include <numbers>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

// The type of a fill value, as torch.full has it.
DataType TypeOfValue(const IValue& value) {
  if (value.is_bool()) return DataType::kBool;
  if (value.is_int()) return DataType::kInt64;
  if (value.is_number_value())
    return value.number_value().kind == Kind::kInt    ? DataType::kInt64
           : value.number_value().kind == Kind::kBool ? DataType::kBool
                                                      : DataType::kFloat;
  return DataType::kFloat;
}

// zeros, ones, full, empty: of a size. Uninitialized memory becomes zeros.
Outputs OfSize(Call& c) {
  const IValue& fill = c.arg("fill_value");
  const DataType type = c.Dtype("dtype", fill.is_none()     ? DataType::kFloat
                                         : fill.is_tensor() ? c.b.dtype(fill.tensor().value)
                                                            : TypeOfValue(fill));
  V value = fill.is_tensor() ? c.b.Cast(c.ToTensor(fill), type)
            : fill.is_none() ? c.b.Number(c.param() == "1" ? 1.0 : 0.0, type)
                             : c.NumberAs(fill, type);
  return Full(c.b, c.IntVector("size"), value);
}
// The same with the type of a tensor, and its size unless one is given.
Outputs Like(Call& c) {
  V x = c.is_complex("self") ? c.complex_tensor("self").value : c.tensor("self");
  const DataType type = c.Dtype("dtype", c.b.dtype(x));
  const IValue& fill = c.arg("fill_value");
  V value = fill.is_tensor() ? c.b.Cast(c.ToTensor(fill), type)
            : fill.is_none() ? c.b.Number(c.param() == "1" ? 1.0 : 0.0, type)
                             : c.NumberAs(fill, type);
  if (!c.is_none("size")) return Full(c.b, c.IntVector("size"), value);
  return TensorValue{FullLike(c.b, x, value), c.is_complex("self"), {}, {}};
}
Outputs Fill(Call& c) {
  V x = c.tensor("self");
  const IValue& fill = c.arg("value");
  V value = fill.is_none()     ? c.b.NumberLike(0, x)
            : fill.is_tensor() ? c.b.Cast(c.ToTensor(fill), c.b.dtype(x))
                               : c.NumberAs(fill, c.b.dtype(x));
  return FullLike(c.b, x, value);
}

Outputs ScalarTensor(Call& c) {
  const IValue& value = c.arg(c.is_none("s") ? "t" : "s");
  return c.NumberAs(value, c.Dtype("dtype", TypeOfValue(value)));
}
Outputs TensorOf(Call& c) {
  // torch.tensor of a list of numbers.
  const IValue& data = c.arg("data").is_none() ? c.arg(size_t{0}) : c.arg("data");
  if (data.is_tensor()) return c.b.Cast(c.ToTensor(data), c.Dtype("dtype", c.b.dtype(data.tensor().value)));
  if (!data.is_list()) return c.NumberAs(data, c.Dtype("dtype", TypeOfValue(data)));
  std::vector<int64_t> shape;
  std::vector<IValue> flat;
  const std::function<void(const IValue&, size_t)> walk = [&](const IValue& value, size_t depth) {
    if (!value.is_list()) {
      flat.push_back(value);
      return;
    }
    if (shape.size() <= depth) shape.push_back(static_cast<int64_t>(value.list().size()));
    for (const IValue& item : value.list()) walk(item, depth + 1);
  };
  walk(data, 0);
  DataType type = DataType::kFloat;
  if (!flat.empty()) {
    type = DataType::kUndefined;
    for (const IValue& item : flat) type = PromoteTypes(type, item.is_tensor() ? c.b.dtype(item.tensor().value) : TypeOfValue(item));
  }
  type = c.Dtype("dtype", type);
  std::vector<V> parts;
  for (const IValue& item : flat)
    parts.push_back(c.b.Reshape(item.is_tensor() ? c.b.Cast(c.ToTensor(item), type) : c.NumberAs(item, type), {1}));
  if (parts.empty()) return Full(c.b, c.b.Ints(shape), c.b.Number(0.0, type));
  return c.b.Reshape(c.b.Concat(parts, 0), shape);
}

Outputs ArangeOf(Call& c) {
  std::vector<IValue> bounds = {c.arg("start").is_none() ? IValue(int64_t{0}) : c.arg("start"), c.arg("end")};
  const IValue step = c.arg("step").is_none() ? IValue(int64_t{1}) : c.arg("step");
  bounds.push_back(step);
  const DataType inferred = c.PromotedType(bounds);
  const DataType type = c.Dtype("dtype", inferred);
  const bool integers = IsInteger(inferred);
  if (!integers && IsInteger(type)) {
    // As PyTorch: as many as there would be of real ones, but made of whole numbers.
    const auto real = [&](const IValue& value) { return c.NumberAs(value, DataType::kDouble); };
    const auto whole = [&](const IValue& value) { return c.b.Cast(real(value), DataType::kInt64); };
    V count = c.b.Op("Ceil", {c.b.Div(c.b.Sub(real(bounds[1]), real(bounds[0])), real(step))});
    V index = Arange(c.b, c.b.Cast(count, DataType::kInt64));
    return c.b.Cast(c.b.Add(whole(bounds[0]), c.b.Mul(index, whole(step))), type);
  }
  if (integers && bounds[0].is_int() && bounds[0].integer() == 0 && step.is_int() && step.integer() == 1)
    return c.b.Cast(Arange(c.b, c.b.Cast(c.ToNumber(bounds[1]), DataType::kInt64)), type);
  const DataType work = integers ? DataType::kInt64 : type == DataType::kDouble ? DataType::kDouble : DataType::kFloat;
  if (integers && bounds[0].is_int() && bounds[1].is_int() && step.is_int() && step.integer() != 0) {
    std::vector<int64_t> values;
    for (int64_t at = bounds[0].integer();
         (step.integer() > 0 ? at < bounds[1].integer() : at > bounds[1].integer()) && values.size() < 65536; at += step.integer())
      values.push_back(at);
    if (values.size() < 65536) return c.b.Cast(c.b.Constant(Tensor::From<int64_t>({static_cast<int64_t>(values.size())}, values)), type);
  }
  if (!integers && work == DataType::kFloat) {
    // As PyTorch: the count in double, each element start + i * step.
    V count = c.b.Op("Ceil", {c.b.Div(c.b.Sub(c.NumberAs(bounds[1], DataType::kDouble), c.NumberAs(bounds[0], DataType::kDouble)),
                                      c.NumberAs(step, DataType::kDouble))});
    V index = c.b.Cast(Arange(c.b, c.b.Cast(count, DataType::kInt64)), DataType::kFloat);
    return c.b.Cast(c.b.Add(c.NumberAs(bounds[0], work), c.b.Mul(index, c.NumberAs(step, work))), type);
  }
  return c.b.Cast(c.b.Op("Range", {c.NumberAs(bounds[0], work), c.NumberAs(bounds[1], work), c.NumberAs(step, work)}), type);
}

Outputs AxisArange(Call& c) { return Arange(c.b, c.b.SizeOf(c.tensor("like"), c.Axis("dim", c.rank("like")))); }
Outputs ShapeOf(Call& c) { return c.b.ShapeOf(c.tensor("self")); }

// linspace and logspace: from both ends, as PyTorch, so that the last element is exact.
Outputs Linspace(Call& c) {
  DataType type = c.Dtype("dtype", DataType::kFloat);
  const DataType work = type == DataType::kDouble || IsInteger(type) ? DataType::kDouble : DataType::kFloat;
  const auto scalar = [&](std::string_view name) {
    V number = c.arg(name).is_tensor() ? c.b.Cast(c.ToNumber(c.arg(name)), work) : c.NumberAs(name, work);
    return IsInteger(type) ? Truncate(c.b, number) : number;  // integers lie between integers
  };
  V start = scalar("start"), end = scalar("end"), count = c.Number("steps");
  V index = c.b.Cast(Arange(c.b, count), work);
  V last = c.b.Cast(c.b.Sub(count, c.b.Int(1)), work);
  V step = c.b.Div(c.b.Sub(end, start), c.b.Op("Max", {last, c.b.Number(1.0, work)}));
  V forward = c.b.Add(start, c.b.Mul(index, step)), backward = c.b.Sub(end, c.b.Mul(c.b.Sub(last, index), step));
  V y = c.b.Where(c.b.Op("Less", {c.b.Mul(index, c.b.Number(2.0, work)), c.b.Add(last, c.b.Number(1.0, work))}), forward, backward);
  if (c.param() == "log") y = c.b.Op("Pow", {c.b.Number(c.Double("base", 10.0), work), y});
  return c.b.Cast(y, type);
}

Outputs Eye(Call& c) {
  V rows = c.Number("n"), columns = c.is_none("m") ? rows : c.Number("m");
  V on = c.b.Op("Equal", {c.b.Unsqueeze(Arange(c.b, rows), {1}), c.b.Unsqueeze(Arange(c.b, columns), {0})});
  return c.b.Cast(on, c.Dtype("dtype", DataType::kFloat));
}

Outputs FillDiagonal(Call& c) {
  // The elements whose indices are all equal; with `wrap`, a matrix that is higher than wide begins anew below.
  ops::GraphBuilder& b = c.b;
  V x = c.tensor("self"), fill = c.NumberAs("fill_value", b.dtype(x)), on = nullptr;
  const int64_t rank = c.rank("self");
  const auto places = [&](int64_t axis) {
    std::vector<int64_t> along(static_cast<size_t>(rank), 1);
    along[static_cast<size_t>(axis)] = -1;
    return b.Reshape(Arange(b, b.SizeOf(x, axis)), along);
  };
  V first = places(0);
  if (rank == 2 && c.Bool("wrap", false)) first = b.Op("Mod", {first, b.Add(b.SizeOf(x, 1), b.Int(1))});
  for (int64_t i = 1; i < rank; ++i) {
    V same = b.Op("Equal", {first, places(i)});
    on = on ? b.Op("And", {on, same}) : same;
  }
  return on ? b.Where(on, fill, x) : x;
}

Outputs TriangleIndices(Call& c) {
  const int64_t rows = c.Int("row"), columns = c.Int("col"), offset = c.Int("offset", 0);
  if (rows < 0 || columns < 0 || rows > 4096 || columns > 4096) return c.Unsupported("indices of a large triangle");
  std::vector<int64_t> first, second;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      if (c.param() == "lower" ? j <= i + offset : j >= i + offset) {
        first.push_back(i);
        second.push_back(j);
      }
  const auto count = static_cast<int64_t>(first.size());
  first.insert(first.end(), second.begin(), second.end());
  return c.b.Cast(c.b.Constant(Tensor::From<int64_t>({2, count}, first)), c.Dtype("dtype", DataType::kInt64));
}

// Window functions of a signal: a - b cos(2 pi i / n) [+ c cos(4 pi i / n)].
Outputs Window(Call& c) {
  const int64_t length = c.Int("window_length");
  const bool periodic = c.Bool("periodic", true);
  if (length < 0 || length > (1 << 24)) return c.Unsupported("a window of that length");
  double a = 0.5, b = 0.5, d = 0;
  if (c.param() == "hamming") {
    a = c.Double("alpha", 0.54);
    b = c.Double("beta", 0.46);
  } else if (c.param() == "blackman") {
    a = 0.42, b = 0.5, d = 0.08;
  }
  const double n = static_cast<double>(periodic ? length : length - 1);
  std::vector<double> values;
  for (int64_t i = 0; i < length; ++i) {
    const double angle = length == 1 ? 0 : 2 * std::numbers::pi * static_cast<double>(i) / n;
    double value = a - b * std::cos(angle) + d * std::cos(2 * angle);
    if (c.param() == "bartlett") value = 1 - std::abs(2 * static_cast<double>(i) / n - 1);
    values.push_back(length == 1 ? 1 : value);
  }
  return c.b.Cast(c.b.Constant(Tensor::From<double>({length}, values)), c.Dtype("dtype", DataType::kFloat));
}

// ---- Types

Outputs To(Call& c) {
  DataType type = DataType::kUndefined;
  if (c.arg("other").is_tensor()) type = c.dtype("other");
  if (c.is_complex("self")) {
    const TensorValue x = c.complex_tensor("self");
    const DataType to = c.Dtype("dtype", DataType::kComplex64);
    if (to != DataType::kComplex64 && to != DataType::kComplex128) return c.b.Cast(RealPart(c.b, x), to);
    return TensorValue{c.b.Cast(x.value, to == DataType::kComplex64 ? DataType::kFloat : DataType::kDouble), true, {}, {}};
  }
  V x = c.tensor("self");
  if (type == DataType::kUndefined) type = c.Dtype("dtype", c.b.dtype(x));
  if (type == DataType::kComplex64 || type == DataType::kComplex128) {
    V real = c.b.Cast(x, type == DataType::kComplex64 ? DataType::kFloat : DataType::kDouble);
    return MakeComplex(c.b, real, FullLike(c.b, real, c.b.NumberLike(0, real)));
  }
  return c.b.Cast(x, type);
}
Outputs TypeAs(Call& c) { return c.b.Cast(c.tensor("self"), c.dtype("other")); }
Outputs Convert(Call& c) { return c.b.Cast(c.tensor("a"), c.Dtype("dtype", DataType::kFloat)); }
Outputs Named(Call& c) { return c.b.Cast(c.tensor("self"), *ParseDataType(c.param())); }

constexpr RuleRow kRows[] = {
    {"aten.zeros", OfSize, "0"},
    {"aten.ones", OfSize, "1"},
    {"aten.full", OfSize, ""},
    {"aten.empty", OfSize, "0"},
    {"aten.empty_strided", OfSize, "0"},
    {"aten.empty_permuted", OfSize, "0"},
    {"aten.zeros_like", Like, "0"},
    {"aten.ones_like", Like, "1"},
    {"aten.full_like", Like, ""},
    {"aten.empty_like", Like, "0"},
    {"aten.new_zeros", Like, "0"},
    {"aten.new_ones", Like, "1"},
    {"aten.new_full", Like, ""},
    {"aten.new_empty", Like, "0"},
    {"aten.new_empty_strided", Like, "0"},
    {"aten.fill", Fill},
    {"aten.fill_diagonal", FillDiagonal},
    {"aten._new_zeros_with_same_feature_meta", Like, "0"},
    {"aten.zero", Fill},
    {"aten.scalar_tensor", ScalarTensor},
    {"aten.tensor", TensorOf},
    {"aten._tensor", TensorOf},
    {"aten.as_tensor", TensorOf},
    {"aten.arange", ArangeOf},
    {"aten.range", ArangeOf},
    {"aten._dim_arange", AxisArange},
    {"aten._shape_as_tensor", ShapeOf},
    {"aten.linspace", Linspace, ""},
    {"aten.logspace", Linspace, "log"},
    {"aten.eye", Eye},
    {"aten.tril_indices", TriangleIndices, "lower"},
    {"aten.triu_indices", TriangleIndices, "upper"},
    {"aten.hann_window", Window, "hann"},
    {"aten.hamming_window", Window, "hamming"},
    {"aten.blackman_window", Window, "blackman"},
    {"aten.bartlett_window", Window, "bartlett"},
    {"aten.to", To},
    {"aten._to_copy", To},
    {"aten.type_as", TypeAs},
    {"aten._cast_Float", Named, "float"},
    {"aten._cast_Double", Named, "double"},
    {"aten._cast_Half", Named, "float16"},
    {"aten._cast_Int", Named, "int32"},
    {"aten._cast_Byte", Named, "uint8"},
    {"aten._cast_Char", Named, "int8"},
    {"aten._cast_Short", Named, "int16"},
    {"aten._cast_Long", Named, "int64"},
    {"aten.float", Named, "float"},
    {"aten.double", Named, "double"},
    {"aten.half", Named, "float16"},
    {"aten.bfloat16", Named, "bfloat16"},
    {"aten.int", Named, "int32"},
    {"aten.long", Named, "int64"},
    {"aten.bool", Named, "bool"},
    {"prims.convert_element_type", Convert},
};

}  // namespace

std::span<const RuleRow> Creation() { return kRows; }

}  // namespace sardonyx::pytorch::rules
