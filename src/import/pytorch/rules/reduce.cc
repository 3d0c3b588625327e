// Reductions over axes.
#include <cmath>
#include <limits>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {

namespace {

// ReduceMax and ReduceMin know no booleans before opset 20, and few runtimes small integers.
V Extreme(ops::GraphBuilder& b, std::string_view op, V x, const std::vector<int64_t>& axes, bool keepdim) {
  const DataType type = b.dtype(x);
  const bool narrow = type == DataType::kBool || type == DataType::kInt16 || type == DataType::kUint16;
  if (narrow) x = b.Cast(x, DataType::kInt32);
  V y = b.Reduce(op, x, axes, keepdim);
  return narrow ? b.Cast(y, type) : y;
}

}  // namespace

V Maximum(ops::GraphBuilder& b, V x, const std::vector<int64_t>& axes, bool keepdim) { return Extreme(b, "ReduceMax", x, axes, keepdim); }
V Minimum(ops::GraphBuilder& b, V x, const std::vector<int64_t>& axes, bool keepdim) { return Extreme(b, "ReduceMin", x, axes, keepdim); }

V AnyOf(ops::GraphBuilder& b, V flags, const std::vector<int64_t>& axes, bool keepdim) {
  // A sum, which is 0 over nothing.
  return b.Cast(b.Reduce("ReduceSum", b.Cast(flags, DataType::kInt64), axes, keepdim), DataType::kBool);
}
V AllOf(ops::GraphBuilder& b, V flags, const std::vector<int64_t>& axes, bool keepdim) {
  return Not(b, AnyOf(b, Not(b, flags), axes, keepdim));
}

V VectorNorm(Call& c, V x, double p, const std::vector<int64_t>& axes, bool keepdim) {
  ops::GraphBuilder& b = c.b;
  if (p == 1) return b.Reduce("ReduceL1", x, axes, keepdim);
  if (p == 2) return b.Reduce("ReduceL2", x, axes, keepdim);
  V size = b.Op("Abs", {x});
  if (std::isinf(p)) return b.Reduce(p > 0 ? "ReduceMax" : "ReduceMin", size, axes, keepdim);
  if (p == 0) return b.Reduce("ReduceSum", b.Cast(ToBool(b, x), b.dtype(x)), axes, keepdim);
  V sum = b.Reduce("ReduceSum", b.Op("Pow", {size, b.NumberLike(p, x)}), axes, keepdim);
  return b.Op("Pow", {sum, b.NumberLike(1 / p, x)});
}

V Variance(Call& c, V x, const std::vector<int64_t>& axes, double correction, bool keepdim, V* mean) {
  ops::GraphBuilder& b = c.b;
  V center = b.Reduce("ReduceMean", x, axes, true);
  V distance = b.Sub(x, center);
  V squares = b.Mul(distance, distance);
  V variance = nullptr;
  if (correction == 0) {
    variance = b.Reduce("ReduceMean", squares, axes, keepdim);
  } else {
    V sum = b.Reduce("ReduceSum", squares, axes, keepdim);
    V count = b.Sub(b.Cast(CountOf(b, x, axes), b.dtype(x)), b.NumberLike(correction, x));
    variance = b.Div(sum, b.Op("Max", {count, b.NumberLike(0, x)}));
  }
  if (mean != nullptr) *mean = keepdim ? center : b.Squeeze(center, axes.empty() ? AllAxes(static_cast<int64_t>(b.rank(x))) : axes);
  return variance;
}

namespace {

// Sum and the like: integers sum to int64, unless a dtype is given.
V Summand(Call& c, bool to_float) {
  V x = c.tensor("self");
  const DataType type = c.b.dtype(x);
  const bool integer = IsInteger(type) || type == DataType::kBool;
  return c.b.Cast(x, c.Dtype("dtype", integer ? (to_float ? DataType::kFloat : DataType::kInt64) : type));
}

// Over nothing but a scalar: itself.
V Over(Call& c, std::string_view op, V x, bool keepdim) {
  const auto rank = static_cast<int64_t>(c.b.rank(x));
  if (rank == 0) return x;
  const bool all = c.is_none("dim") || (c.arg("dim").is_list() && c.arg("dim").list().empty());
  return c.b.Reduce(op, x, all ? std::vector<int64_t>{} : c.Axes("dim", rank), keepdim);
}

Outputs Sum(Call& c) { return Over(c, "ReduceSum", Summand(c, false), c.Bool("keepdim", false)); }
Outputs Mean(Call& c) { return Over(c, "ReduceMean", Summand(c, true), c.Bool("keepdim", false)); }
Outputs Product(Call& c) { return Over(c, "ReduceProd", Summand(c, false), c.Bool("keepdim", false)); }

Outputs NanSum(Call& c) {
  V x = Summand(c, false);
  V clean = c.b.Where(IsNan(c.b, x), c.b.NumberLike(0, x), x);
  V sum = Over(c, "ReduceSum", clean, c.Bool("keepdim", false));
  if (c.param() == "sum") return sum;
  V count = Over(c, "ReduceSum", c.b.Cast(Not(c.b, IsNan(c.b, x)), c.b.dtype(x)), c.Bool("keepdim", false));
  return c.b.Div(sum, count);
}

Outputs AnyAll(Call& c) {
  V x = ToBool(c.b, c.tensor("self"));
  const int64_t rank = c.rank("self");
  if (rank == 0) return x;
  const std::vector<int64_t> axes = c.is_none("dim") ? std::vector<int64_t>{} : c.Axes("dim", rank);
  return c.param() == "any" ? AnyOf(c.b, x, axes, c.Bool("keepdim", false)) : AllOf(c.b, x, axes, c.Bool("keepdim", false));
}

Outputs Amax(Call& c) {
  V x = c.tensor("self");
  const int64_t rank = c.rank("self");
  if (rank == 0) return x;
  const std::vector<int64_t> axes = c.Axes("dim", rank);
  return c.param() == "max" ? Maximum(c.b, x, axes, c.Bool("keepdim", false)) : Minimum(c.b, x, axes, c.Bool("keepdim", false));
}
Outputs Aminmax(Call& c) {
  V x = c.tensor("self");
  const std::vector<int64_t> axes = c.is_none("dim") ? std::vector<int64_t>{} : c.Axes("dim", c.rank("self"));
  const bool keep = c.Bool("keepdim", false);
  return Outputs{Minimum(c.b, x, axes, keep), Maximum(c.b, x, axes, keep)};
}

// ArgMax, of types that runtimes have.
V ArgExtreme(Call& c, std::string_view op, V x, int64_t axis, bool keepdim) {
  const DataType type = c.b.dtype(x);
  if (type == DataType::kInt64 || type == DataType::kBool || type == DataType::kInt16)
    x = c.b.Cast(x, type == DataType::kInt64 ? DataType::kDouble : DataType::kInt32);
  return c.b.Op(op, {x}, {{"axis", axis}, {"keepdims", keepdim ? 1 : 0}});
}
Outputs MaxMin(Call& c) {
  V x = c.tensor("self");
  const bool maximum = c.param() == "max";
  const int64_t rank = c.rank("self");
  if (c.is_none("dim")) return rank == 0 ? x : maximum ? Maximum(c.b, x, {}, false) : Minimum(c.b, x, {}, false);
  if (rank == 0) return Outputs{x, c.b.Int(0)};
  const int64_t axis = c.Axis("dim", rank);
  const bool keep = c.Bool("keepdim", false);
  V values = maximum ? Maximum(c.b, x, {axis}, keep) : Minimum(c.b, x, {axis}, keep);
  return Outputs{values, ArgExtreme(c, maximum ? "ArgMax" : "ArgMin", x, axis, keep)};
}
Outputs ArgMaxMin(Call& c) {
  V x = c.tensor("self");
  const int64_t rank = c.rank("self");
  const bool keep = c.Bool("keepdim", false);
  if (rank == 0) return c.b.Int(0);
  if (!c.is_none("dim")) return ArgExtreme(c, c.param(), x, c.Axis("dim", rank), keep);
  V index = ArgExtreme(c, c.param(), c.b.Flatten(x), 0, false);
  return keep ? c.b.Reshape(index, std::vector<int64_t>(static_cast<size_t>(rank), 1)) : index;
}

double Correction(Call& c) {
  if (!c.is_none("correction")) return c.Double("correction");
  return c.Bool("unbiased", true) ? 1 : 0;
}
Outputs VarStd(Call& c) {
  V x = c.tensor("self");
  const int64_t rank = c.rank("self");
  const std::vector<int64_t> axes = c.is_none("dim") ? AllAxes(rank) : c.Axes("dim", rank);
  const bool root = c.param().starts_with("std"), both = c.param().ends_with("mean");
  V mean = nullptr;
  V variance = Variance(c, x, axes, Correction(c), c.Bool("keepdim", false), both ? &mean : nullptr);
  if (root) variance = c.b.Op("Sqrt", {variance});
  return both ? Outputs{variance, mean} : Outputs(variance);
}

Outputs LogSumExp(Call& c) { return Over(c, "ReduceLogSumExp", c.float_tensor("self"), c.Bool("keepdim", false)); }

Outputs CountNonzero(Call& c) { return Over(c, "ReduceSum", c.b.Cast(ToBool(c.b, c.tensor("self")), DataType::kInt64), false); }

double OrderOf(Call& c, std::string_view name, double fallback) {
  const IValue& value = c.arg(name);
  if (value.is_string()) {
    if (value.string() == "inf") return std::numeric_limits<double>::infinity();
    if (value.string() == "-inf") return -std::numeric_limits<double>::infinity();
  }
  return c.Double(name, fallback);
}
Outputs Norm(Call& c) {
  V x = c.float_tensor("self");
  if (c.arg("dtype").is_dtype()) x = c.b.Cast(x, c.Dtype("dtype", DataType::kFloat));
  const int64_t rank = c.rank("self");
  const std::string_view order = c.is_none("p") && !c.is_none("ord") ? "ord" : "p";
  if (rank == 0) return VectorNorm(c, c.b.Unsqueeze(x, {0}), OrderOf(c, order, 2), {0}, false);
  const std::vector<int64_t> axes =
      c.is_none("dim") || (c.arg("dim").is_list() && c.arg("dim").list().empty()) ? std::vector<int64_t>{} : c.Axes("dim", rank);
  return VectorNorm(c, x, OrderOf(c, order, 2), axes, c.Bool("keepdim", false));
}

// A norm before its root.
Outputs PowerSum(Call& c) {
  V x = c.float_tensor("self");
  if (c.arg("dtype").is_dtype()) x = c.b.Cast(x, c.Dtype("dtype", DataType::kFloat));
  const double p = c.Double("ord", 2);
  V powers = p == 2 ? c.b.Mul(x, x) : c.b.Op("Pow", {c.b.Op("Abs", {x}), c.b.NumberLike(p, x)});
  return Over(c, "ReduceSum", powers, c.Bool("keepdim", false));
}

// Summed where the wanted size is 1 and over the axes that it lacks.
Outputs SumToSize(Call& c) {
  V x = Summand(c, false);
  const std::vector<int64_t> size = c.Ints("size");
  const int64_t extra = c.rank("self") - static_cast<int64_t>(size.size());
  std::vector<int64_t> lead, ones;
  for (int64_t i = 0; i < extra; ++i) lead.push_back(i);
  for (size_t i = 0; i < size.size(); ++i)
    if (size[i] == 1) ones.push_back(static_cast<int64_t>(i));
  if (!lead.empty()) x = c.b.Reduce("ReduceSum", x, lead, false);
  return ones.empty() ? x : c.b.Reduce("ReduceSum", x, ones, true);
}

// The area below samples that are dx, or the differences of x, apart.
Outputs Trapezoid(Call& c) {
  ops::GraphBuilder& b = c.b;
  V y = c.float_tensor("y");
  const auto rank = static_cast<int64_t>(b.rank(y));
  const int64_t axis = c.Axis("dim", rank, -1);
  constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
  V means = b.Mul(b.Add(b.Slice(y, axis, 1, kEnd), b.Slice(y, axis, 0, -1)), b.NumberLike(0.5, y));
  if (c.is_none("x")) {
    means = b.Mul(means, c.NumberAs("dx", b.dtype(y)));
  } else {
    V x = b.Cast(c.tensor("x"), b.dtype(y));
    const bool vector = b.rank(x) == 1;
    const int64_t along = vector ? 0 : axis;
    V steps = b.Sub(b.Slice(x, along, 1, kEnd), b.Slice(x, along, 0, -1));
    if (vector) {
      std::vector<int64_t> shape(static_cast<size_t>(rank), 1);
      shape[static_cast<size_t>(axis)] = -1;
      steps = b.Reshape(steps, shape);
    }
    means = b.Mul(means, steps);
  }
  return c.param() == "sum" ? b.Reduce("ReduceSum", means, {axis}, false) : b.Op("CumSum", {means, b.Int(axis)});
}

constexpr RuleRow kRows[] = {
    {"aten.sum", Sum},
    {"aten.mean", Mean},
    {"aten.prod", Product},
    {"aten.nansum", NanSum, "sum"},
    {"aten.nanmean", NanSum, "mean"},
    {"aten.any", AnyAll, "any"},
    {"aten.all", AnyAll, "all"},
    {"aten._is_any_true", AnyAll, "any"},
    {"aten._is_all_true", AnyAll, "all"},
    {"aten.amax", Amax, "max"},
    {"aten.amin", Amax, "min"},
    {"aten.aminmax", Aminmax},
    {"aten._aminmax", Aminmax},
    {"aten.max", MaxMin, "max"},
    {"aten.min", MaxMin, "min"},
    {"aten.argmax", ArgMaxMin, "ArgMax"},
    {"aten.argmin", ArgMaxMin, "ArgMin"},
    {"aten.var", VarStd, "var"},
    {"aten.std", VarStd, "std"},
    {"aten.var_mean", VarStd, "var_mean"},
    {"aten.std_mean", VarStd, "std_mean"},
    {"aten.logsumexp", LogSumExp},
    {"aten.special_logsumexp", LogSumExp},
    {"aten.count_nonzero", CountNonzero},
    {"aten.sum_to_size", SumToSize},
    {"aten.trapezoid", Trapezoid, "sum"},
    {"aten.trapz", Trapezoid, "sum"},
    {"aten.cumulative_trapezoid", Trapezoid, "running"},
    {"aten.norm", Norm},
    {"aten.native_norm", Norm},
    {"aten.linalg__powsum", PowerSum},
    {"aten.linalg_vector_norm", Norm},
    {"aten.frobenius_norm", Norm},
};

}  // namespace

std::span<const RuleRow> Reductions() { return kRows; }

}  // namespace sardonyx::pytorch::rules
