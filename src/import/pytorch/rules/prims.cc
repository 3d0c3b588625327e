// PyTorch's primitives, which some decompositions end in: each stands for an aten operator.
#include <algorithm>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

Outputs Given(std::vector<IValue> values) {
  Outputs outputs;
  outputs.values = std::move(values);
  return outputs;
}

// The third column names the operator; its arguments are the primitive's, in order.
Outputs As(Call& c) { return Given(c.translator.Apply(c.param(), c.arguments())); }

// Sums and the like: [inp, dims], then the type of the result.
Outputs Reduce(Call& c) {
  std::vector<IValue> arguments = {c.arg("inp"), c.arg("dims")};
  if (c.param() == "aten.var.correction") arguments.push_back(c.arg("correction"));
  std::vector<IValue> made = c.translator.Apply(c.param(), std::move(arguments));
  const DataType type = c.Dtype("output_dtype", DataType::kUndefined);
  if (type == DataType::kUndefined || made.empty()) return Given(std::move(made));
  return c.b.Cast(made[0].tensor().value, type);
}

// Integers divide as in C.
Outputs Divide(Call& c) {
  const std::vector<V> v = c.Promoted({"self", "other"});
  return c.b.Div(v[0], v[1]);
}

Outputs BroadcastInDim(Call& c) {
  // Axis i of x becomes axis dimensions[i]; the others are new.
  V x = c.tensor("a");
  const std::vector<int64_t> dimensions = c.Ints("broadcast_dimensions");
  const auto rank = static_cast<int64_t>(c.arg("shape").is_list() ? c.arg("shape").list().size() : 0);
  std::vector<int64_t> fresh;
  for (int64_t i = 0; i < rank; ++i)
    if (std::find(dimensions.begin(), dimensions.end(), i) == dimensions.end()) fresh.push_back(i);
  return c.b.Expand(c.b.Unsqueeze(x, fresh), c.IntVector("shape"));
}

Outputs Iota(Call& c) {
  const DataType type = c.Dtype("dtype", DataType::kInt64);
  V steps = c.b.Mul(Arange(c.b, c.Number("length")), c.Number("step"));
  return c.b.Cast(c.b.Add(steps, c.Number("start")), type);
}

// Axes start to end, both included, as one; and one as two.
Outputs Collapse(Call& c) { return Apply(c, "aten.flatten.using_ints", {c.arg("a"), c.arg("start"), c.arg("end")}); }
Outputs SplitAxis(Call& c) {
  V x = c.tensor("a");
  const int64_t axis = c.Axis("dim", c.rank("a"));
  std::vector<V> sizes;
  for (int64_t i = 0; i < c.rank("a"); ++i) {
    if (i == axis) sizes.push_back(c.Number("outer_length"));
    sizes.push_back(i == axis ? c.b.Div(c.b.SizeOf(x, i), c.Number("outer_length")) : c.b.SizeOf(x, i));
  }
  return c.b.Reshape(x, c.b.Stack1D(sizes));
}
Outputs CubeRoot(Call& c) {
  V x = c.float_tensor("self");
  return c.b.Mul(c.b.Op("Sign", {x}), c.b.Op("Pow", {c.b.Op("Abs", {x}), c.b.NumberLike(1.0 / 3, x)}));
}
Outputs CopyTo(Call& c) { return c.b.Expand(c.b.Cast(c.tensor("b"), c.dtype("a")), c.b.ShapeOf(c.tensor("a"))); }
Outputs FullOf(Call& c) {
  V value = c.NumberAs("fill_value", c.Dtype("dtype", DataType::kFloat));
  return c.is_none("a") ? Full(c.b, c.IntVector("shape"), value) : FullLike(c.b, c.tensor("a"), value);
}

Outputs OfShape(Call& c) { return Full(c.b, c.IntVector("shape"), c.b.Number(0.0, c.Dtype("dtype", DataType::kFloat))); }
Outputs First(Call& c) { return c.tensor("a"); }
Outputs Select(Call& c) { return Given(c.translator.Apply("aten.where.self", {c.arg("pred"), c.arg("a"), c.arg("b")})); }
Outputs IsNonzero(Call& c) { return NumberValue{ToBool(c.b, c.b.Reshape(c.tensor("self"), std::vector<int64_t>{})), Kind::kBool}; }

constexpr RuleRow kRows[] = {
    {"prims.acos", As, "aten.acos.default"},
    {"prims.acosh", As, "aten.acosh.default"},
    {"prims.add", As, "aten.add.Tensor"},
    {"prims.asin", As, "aten.asin.default"},
    {"prims.asinh", As, "aten.asinh.default"},
    {"prims.atan", As, "aten.atan.default"},
    {"prims.atan2", As, "aten.atan2.default"},
    {"prims.atanh", As, "aten.atanh.default"},
    {"prims.bitwise_and", As, "aten.bitwise_and.Tensor"},
    {"prims.bitwise_not", As, "aten.bitwise_not.default"},
    {"prims.bitwise_or", As, "aten.bitwise_or.Tensor"},
    {"prims.bitwise_xor", As, "aten.bitwise_xor.Tensor"},
    {"prims.cat", As, "aten.cat.default"},
    {"prims.ceil", As, "aten.ceil.default"},
    {"prims.cos", As, "aten.cos.default"},
    {"prims.cosh", As, "aten.cosh.default"},
    {"prims.digamma", As, "aten.digamma.default"},
    {"prims.eq", As, "aten.eq.Tensor"},
    {"prims.erf", As, "aten.erf.default"},
    {"prims.erf_inv", As, "aten.erfinv.default"},
    {"prims.erfc", As, "aten.erfc.default"},
    {"prims.exp", As, "aten.exp.default"},
    {"prims.exp2", As, "aten.exp2.default"},
    {"prims.expm1", As, "aten.expm1.default"},
    {"prims.fill", As, "aten.fill.Scalar"},
    {"prims.floor", As, "aten.floor.default"},
    {"prims.fmax", As, "aten.fmax.default"},
    {"prims.fmin", As, "aten.fmin.default"},
    {"prims.fmod", As, "aten.fmod.Tensor"},
    {"prims.gcd", As, "aten.gcd.default"},
    {"prims.ge", As, "aten.ge.Tensor"},
    {"prims.gt", As, "aten.gt.Tensor"},
    {"prims.hypot", As, "aten.hypot.default"},
    {"prims.isfinite", As, "aten.isfinite.default"},
    {"prims.le", As, "aten.le.Tensor"},
    {"prims.lgamma", As, "aten.lgamma.default"},
    {"prims.log", As, "aten.log.default"},
    {"prims.log10", As, "aten.log10.default"},
    {"prims.log1p", As, "aten.log1p.default"},
    {"prims.log2", As, "aten.log2.default"},
    {"prims.lt", As, "aten.lt.Tensor"},
    {"prims.maximum", As, "aten.maximum.default"},
    {"prims.minimum", As, "aten.minimum.default"},
    {"prims.mul", As, "aten.mul.Tensor"},
    {"prims.ne", As, "aten.ne.Tensor"},
    {"prims.pow", As, "aten.pow.Tensor_Tensor"},
    {"prims.reciprocal", As, "aten.reciprocal.default"},
    {"prims.remainder", As, "aten.remainder.Tensor"},
    {"prims.reshape", As, "aten.reshape.default"},
    {"prims.rev", As, "aten.flip.default"},
    {"prims.round", As, "aten.round.default"},
    {"prims.rsqrt", As, "aten.rsqrt.default"},
    {"prims.scalar_tensor", As, "aten.scalar_tensor.default"},
    {"prims.shift_left", As, "aten.bitwise_left_shift.Tensor"},
    {"prims.shift_right_arithmetic", As, "aten.bitwise_right_shift.Tensor"},
    {"prims.sign", As, "aten.sign.default"},
    {"prims.signbit", As, "aten.signbit.default"},
    {"prims.sin", As, "aten.sin.default"},
    {"prims.sinh", As, "aten.sinh.default"},
    {"prims.sqrt", As, "aten.sqrt.default"},
    {"prims.squeeze", As, "aten.squeeze.dims"},
    {"prims.sub", As, "aten.sub.Tensor"},
    {"prims.tan", As, "aten.tan.default"},
    {"prims.tanh", As, "aten.tanh.default"},
    {"prims.transpose", As, "aten.permute.default"},
    {"prims.trunc", As, "aten.trunc.default"},
    {"prims.amax", Reduce, "aten.amax.default"},
    {"prims.amin", Reduce, "aten.amin.default"},
    {"prims.prod", Reduce, "aten.prod.dim_int"},
    {"prims.sum", Reduce, "aten.sum.dim_IntList"},
    {"prims.var", Reduce, "aten.var.correction"},
    {"prims.as_strided_scatter", As, "aten.as_strided_scatter.default"},
    {"prims.bessel_i0", As, "aten.i0.default"},
    {"prims.bessel_i0e", As, "aten.special_i0e.default"},
    {"prims.bessel_i1", As, "aten.special_i1.default"},
    {"prims.bessel_i1e", As, "aten.special_i1e.default"},
    {"prims.bessel_j0", As, "aten.special_bessel_j0.default"},
    {"prims.bessel_j1", As, "aten.special_bessel_j1.default"},
    {"prims.spherical_bessel_j0", As, "aten.special_spherical_bessel_j0.default"},
    {"prims.erfcx", As, "aten.special_erfcx.default"},
    {"prims.frexp", As, "aten.frexp.Tensor"},
    {"prims.igamma", As, "aten.igamma.default"},
    {"prims.igammac", As, "aten.igammac.default"},
    {"prims.imag", As, "aten.imag.default"},
    {"prims.real", As, "aten.real.default"},
    {"prims.item", As, "aten.item.default"},
    {"prims.ndtri", As, "aten.special_ndtri.default"},
    {"prims.nextafter", As, "aten.nextafter.default"},
    {"prims.zeta", As, "aten.special_zeta.default"},
    {"prims.view_of_dtype", As, "aten.view.dtype"},
    {"prims.cbrt", CubeRoot},
    {"prims.collapse", Collapse},
    {"prims.collapse_view", Collapse},
    {"prims.split_dim", SplitAxis},
    {"prims.copy_strided", First},
    {"prims.copy_to", CopyTo},
    {"prims.full", FullOf},
    {"prims.full_like", FullOf},
    {"prims.empty_permuted", OfShape},
    {"prims.empty_strided", OfShape},
    {"prims.div", Divide},
    {"prims.where", Select},
    {"prims.broadcast_in_dim", BroadcastInDim},
    {"prims.iota", Iota},
    {"prims.empty", OfShape},
    {"prims.clone", As, "aten.clone.default"},
    {"prims.device_put", First},
    {"prims.view_of", First},
    {"aten.is_nonzero", IsNonzero},
};

}  // namespace

std::span<const RuleRow> Primitives() { return kRows; }

}  // namespace sardonyx::pytorch::rules
