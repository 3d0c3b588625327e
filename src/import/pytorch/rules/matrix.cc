// Products of matrices and vectors.
#include <algorithm>
#include <cctype>
#include <set>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {

V MatMul(ops::GraphBuilder& b, V x, V y) {
  const DataType type = b.dtype(x);
  if (!IsNarrow(type)) return b.Op("MatMul", {x, y});
  return b.Cast(b.Op("MatMul", {Widened(b, x), Widened(b, y)}), type);
}

V Linear(Call& c, V x, V weight, V bias) {
  ops::GraphBuilder& b = c.b;
  if (b.known_rank(weight) == size_t{1}) {
    V y = b.Squeeze(MatMul(b, x, b.Unsqueeze(weight, {1})), {-1});
    return bias ? b.Add(y, bias) : y;
  }
  const bool real = IsFloatingPoint(b.dtype(x));
  if (b.known_rank(x) == size_t{2} && real && b.known_rank(weight) == size_t{2}) {
    if (bias == nullptr) return b.Op("Gemm", {x, weight}, {{"transB", 1}});
    return b.Op("Gemm", {x, weight, bias}, {{"transB", 1}});
  }
  V y = MatMul(b, x, b.SwapAxes(weight, -1, -2));
  return bias ? b.Add(y, bias) : y;
}

namespace {

Outputs LinearOf(Call& c) { return Linear(c, c.tensor("input"), c.tensor("weight"), c.tensor_or_null("bias")); }

Outputs MatMulOf(Call& c) {
  const std::string_view other = !c.is_none("mat2") ? "mat2" : !c.is_none("vec") ? "vec" : !c.is_none("tensor") ? "tensor" : "other";
  if (c.is_complex("self") || c.is_complex(other)) {
    const TensorValue x = c.complex_tensor("self"), y = c.complex_tensor(other);
    V a = RealPart(c.b, x), d = ImaginaryPart(c.b, x), e = RealPart(c.b, y), f = ImaginaryPart(c.b, y);
    return MakeComplex(c.b, c.b.Sub(MatMul(c.b, a, e), MatMul(c.b, d, f)), c.b.Add(MatMul(c.b, a, f), MatMul(c.b, d, e)));
  }
  const std::vector<V> v = c.Promoted({"self", other});
  return MatMul(c.b, v[0], v[1]);
}

// Products whose result is wider than the factors.
Outputs IntegerMatMul(Call& c) { return c.b.Op("MatMul", {c.b.Cast(c.tensor("self"), DataType::kInt32), c.b.Cast(c.tensor("mat2"), DataType::kInt32)}); }
Outputs ScaledInt8(Call& c) {
  // x w^T, w in 8 bits with a scale a row.
  V x = c.tensor("self"), weight = c.b.Cast(c.tensor("mat2"), c.b.dtype(x));
  return c.b.Mul(c.b.Op("MatMul", {x, c.b.SwapAxes(weight, 0, 1)}), c.b.Cast(c.tensor("scales"), c.b.dtype(x)));
}

// beta * self + alpha * (product)
V Combined(Call& c, V self, V product) {
  const auto scaled = [&](V x, std::string_view name) {
    const IValue& factor = c.arg(name);
    const bool one = factor.is_none() || (factor.is_int() && factor.integer() == 1) || (factor.is_double() && factor.number() == 1);
    return one ? x : Times(c.b, x, c.NumberAs(name, c.b.dtype(x)));
  };
  const IValue& beta = c.arg("beta");
  const bool none = (beta.is_int() && beta.integer() == 0) || (beta.is_double() && beta.number() == 0);
  product = scaled(product, "alpha");
  if (none) return product;
  V other = scaled(self, "beta");
  return c.b.dtype(product) == DataType::kBool ? c.b.Op("Or", {product, other}) : c.b.Add(product, other);
}
Outputs Addmm(Call& c) {
  V bias = c.tensor("self"), x = c.tensor("mat1"), y = c.tensor("mat2");
  const IValue &beta = c.arg("beta"), &alpha = c.arg("alpha");
  const bool fixed = !beta.is_number_value() && !alpha.is_number_value();
  if (fixed && IsFloatingPoint(c.b.dtype(x)) && c.b.known_rank(bias) <= size_t{2}) {
    // A transposed weight is the product's own flag.
    std::vector<ops::Attr> attributes;
    if (c.Double("alpha", 1) != 1) attributes.push_back({"alpha", c.Double("alpha", 1)});
    if (c.Double("beta", 1) != 1) attributes.push_back({"beta", c.Double("beta", 1)});
    const ir::Node* producer = y->producer();
    if (producer && producer->op_type == "Transpose" && producer->GetInts("perm") == std::vector<int64_t>{1, 0}) {
      y = producer->input(0);
      attributes.push_back({"transB", 1});
    }
    return c.b.Op("Gemm", {x, y, bias}, std::move(attributes));
  }
  return Combined(c, bias, MatMul(c.b, x, y));
}
Outputs AddmmActivation(Call& c) {
  Outputs y = Addmm(c);
  if (!c.b.ok()) return y;
  if (!c.Bool("use_gelu", false)) return c.b.Op("Relu", {y.values.at(0).tensor().value});
  return Apply(c, "aten.gelu.default", {y.values.at(0)});
}
Outputs AddProduct(Call& c) {
  const bool vector = !c.is_none("vec"), batch = !c.is_none("batch1");
  V x = c.tensor(batch ? "batch1" : vector ? "mat" : "mat1"), y = c.tensor(batch ? "batch2" : vector ? "vec" : "mat2");
  V product = MatMul(c.b, x, y);
  if (c.param() == "sum") product = c.b.Cast(c.b.Reduce("ReduceSum", Widened(c.b, product), {0}, false), c.b.dtype(product));
  return Combined(c, c.tensor("self"), product);
}
Outputs Outer(Call& c) {
  const bool add = !c.is_none("vec1");
  V x = c.tensor(add ? "vec1" : "self"), y = c.tensor(!c.is_none("vec2") ? "vec2" : "other");
  const std::vector<IValue> pair = {IValue(TensorValue{x, false, {}, {}}), IValue(TensorValue{y, false, {}, {}})};
  const std::vector<V> v = c.Promoted(pair);
  V product = Times(c.b, c.b.Unsqueeze(v[0], {1}), c.b.Unsqueeze(v[1], {0}));
  return add ? Combined(c, c.tensor("self"), product) : product;
}
Outputs Dot(Call& c) {
  const std::vector<V> v = c.Promoted({"self", c.is_none("tensor") ? "other" : "tensor"});
  V product = Times(c.b, v[0], v[1]);
  return c.b.Cast(c.b.Reduce("ReduceSum", Widened(c.b, product), {}, false), c.b.dtype(product));
}
Outputs Vecdot(Call& c) {
  const std::string_view first = c.is_none("x") ? "self" : "x";
  const std::vector<V> v = c.Promoted({first, first == "x" ? "y" : "other"});
  V product = c.b.Mul(v[0], v[1]);
  return c.b.Reduce("ReduceSum", product, {c.Axis("dim", static_cast<int64_t>(c.b.rank(product)), -1)}, false);
}

// Products of matrices that stand one behind the other: x [rows, in] in groups of rows, each times its own of y [groups, in, out];
// `offs` says where each group ends.
Outputs GroupedMatMul(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.tensor(c.is_none("self") ? "input" : "self"), y = c.tensor(c.is_none("mat2") ? "weight" : "mat2");
  if (!c.is_none("bias")) return c.Unsupported("a bias of groups");
  if (c.is_none("offs")) return MatMul(b, x, y);
  if (b.rank(x) != 2 || b.rank(y) != 3) return c.Unsupported("a grouped product other than of rows by one matrix a group");
  V ends = b.Cast(c.tensor("offs"), DataType::kInt64);
  V width = b.SizeOf(y, 2), zero = b.NumberLike(0, x);
  const auto zeros = [&](V rows) { return Full(b, b.Stack1D({rows, width}), zero); };
  const std::vector<V> made =
      b.Loop(b.SizeOf(y, 0), nullptr, {zeros(b.Int(0)), b.Int(0)}, 0, [&](V group, const std::vector<V>& state) -> std::vector<V> {
        V end = b.Gather(ends, group, 0);
        V part = b.Op("MatMul", {b.Slice(x, 0, state[1], end), b.Gather(y, group, 0)});
        return {b.Scalar<bool>(true), b.Concat({state[0], part}, 0), end};
      });
  // Rows of no group.
  V result = b.Concat({made[0], zeros(b.Sub(b.SizeOf(x, 0), made[1]))}, 0);
  return b.Cast(result, c.Dtype("out_dtype", b.dtype(x)));
}

Outputs Tensordot(Call& c) {
  // The summed axes last in one, first in the other, as one product of matrices.
  const std::vector<V> v = c.Promoted({"self", "other"});
  std::vector<int64_t> a = c.Ints("dims_self"), d = c.Ints("dims_other");
  if (c.param() == "inner") {
    if (c.b.rank(v[0]) == 0 || c.b.rank(v[1]) == 0) return c.b.Mul(v[0], v[1]);
    a = d = {-1};
  }
  const auto ra = static_cast<int64_t>(c.b.rank(v[0])), rd = static_cast<int64_t>(c.b.rank(v[1]));
  for (int64_t& axis : a) axis = NormalAxis(axis, ra);
  for (int64_t& axis : d) axis = NormalAxis(axis, rd);
  // An axis of one element goes with every element of the other: with their sum.
  V first = v[0], second = v[1];
  for (size_t i = 0; i < a.size() && i < d.size(); ++i) {
    if (c.b.dim(first, a[i]) == c.b.dim(second, d[i])) continue;
    if (c.b.dim(first, a[i]).is_constant(1)) second = c.b.Reduce("ReduceSum", second, {d[i]}, true);
    if (c.b.dim(second, d[i]).is_constant(1)) first = c.b.Reduce("ReduceSum", first, {a[i]}, true);
  }
  std::vector<int64_t> pa, pd = d;
  std::vector<V> sizes;
  for (int64_t i = 0; i < ra; ++i)
    if (std::find(a.begin(), a.end(), i) == a.end()) {
      pa.push_back(i);
      sizes.push_back(c.b.SizeOf(first, i));
    }
  pa.insert(pa.end(), a.begin(), a.end());
  for (int64_t i = 0; i < rd; ++i)
    if (std::find(d.begin(), d.end(), i) == d.end()) {
      pd.push_back(i);
      sizes.push_back(c.b.SizeOf(second, i));
    }
  V inner = CountOf(c.b, first, a);
  if (a.empty()) inner = c.b.Int(1);
  V x = c.b.Reshape(c.b.Transpose(first, pa), c.b.Stack1D({c.b.Int(-1), inner}));
  V y = c.b.Reshape(c.b.Transpose(second, pd), c.b.Stack1D({inner, c.b.Int(-1)}));
  return c.b.Reshape(MatMul(c.b, x, y), c.b.Stack1D(sizes));
}

Outputs Kron(Call& c) {
  const std::vector<V> v = c.Promoted({"self", "other"});
  V x = v[0], y = v[1];
  const auto rank = std::max(c.b.rank(x), c.b.rank(y));
  while (c.b.ok() && c.b.rank(x) < rank) x = c.b.Unsqueeze(x, {0});
  while (c.b.ok() && c.b.rank(y) < rank) y = c.b.Unsqueeze(y, {0});
  std::vector<int64_t> odd, even;
  std::vector<V> sizes;
  for (size_t i = 0; i < rank; ++i) {
    const auto axis = static_cast<int64_t>(i);
    odd.push_back(2 * axis + 1);
    even.push_back(2 * axis);
    sizes.push_back(c.b.Mul(c.b.SizeOf(x, axis), c.b.SizeOf(y, axis)));
  }
  return c.b.Reshape(c.b.Mul(c.b.Unsqueeze(x, odd), c.b.Unsqueeze(y, even)), c.b.Stack1D(sizes));
}

Outputs Cross(Call& c) {
  const std::vector<V> v = c.Promoted({"self", "other"});
  const auto rank = static_cast<int64_t>(c.b.rank(v[0]));
  int64_t axis = -1;
  if (!c.is_none("dim")) {
    axis = c.Axis("dim", rank);
  } else {
    for (int64_t i = 0; i < rank && axis < 0; ++i)
      if (c.b.dim(v[0], i).is_constant(3)) axis = i;
  }
  if (axis < 0) return c.Unsupported("a cross product without an axis of size 3");
  const auto rolled = [&](V x, std::vector<int64_t> order) { return c.b.Gather(x, c.b.Ints(order), axis); };
  return c.b.Sub(c.b.Mul(rolled(v[0], {1, 2, 0}), rolled(v[1], {2, 0, 1})), c.b.Mul(rolled(v[0], {2, 0, 1}), rolled(v[1], {1, 2, 0})));
}

Outputs ChainMatMul(Call& c) {
  std::vector<V> list = c.tensors(c.is_none("tensors") ? "matrices" : "tensors");
  V y = list.at(0);
  for (size_t i = 1; i < list.size(); ++i) y = c.b.Op("MatMul", {y, list[i]});
  return y;
}
Outputs MatrixPower(Call& c) {
  V x = c.tensor("self");
  int64_t n = c.Int("n");
  if (std::abs(n) > 1024) return c.Unsupported("a power of a matrix above 1024");
  if (n < 0) x = Solve(c, x, IdentityMatrix(c.b, x, c.b.SizeOf(x, -1)));
  n = std::abs(n);
  V result = nullptr;
  for (V square = x; n > 0; n >>= 1) {
    if (n & 1) result = result ? c.b.Op("MatMul", {result, square}) : square;
    if (n > 1) square = c.b.Op("MatMul", {square, square});
  }
  if (result != nullptr) return result;
  V on = c.b.Op("Equal", {c.b.Unsqueeze(Arange(c.b, c.b.SizeOf(x, -1)), {1}), c.b.Unsqueeze(Arange(c.b, c.b.SizeOf(x, -1)), {0})});
  return c.b.Expand(c.b.Cast(on, c.b.dtype(x)), c.b.ShapeOf(x));
}

// How the rows of x vary together; observations are columns, which may have weights.
V Covariance(Call& c, V x) {
  ops::GraphBuilder& b = c.b;
  x = c.ToFloat(x);
  const size_t rank = b.rank(x);
  if (rank < 2) x = b.Reshape(x, {1, -1});
  V times = c.is_none("fweights") ? nullptr : b.Cast(c.tensor("fweights"), b.dtype(x));
  V share = c.is_none("aweights") ? nullptr : b.Cast(c.tensor("aweights"), b.dtype(x));
  V weights = times && share ? b.Mul(times, share) : times ? times : share;
  V total = weights ? b.Reduce("ReduceSum", weights, {}, false) : b.Cast(b.SizeOf(x, 1), b.dtype(x));
  V mean = b.Div(b.Reduce("ReduceSum", weights ? b.Mul(x, weights) : x, {1}, true), total);
  V correction = c.is_none("correction") ? b.NumberLike(1, x) : c.NumberAs("correction", b.dtype(x));
  if (share) correction = b.Mul(correction, b.Div(b.Reduce("ReduceSum", b.Mul(weights, share), {}, false), total));
  V count = b.Op("Max", {b.Sub(total, correction), b.NumberLike(0, x)});
  V apart = b.Sub(x, mean);
  V product = b.Op("MatMul", {weights ? b.Mul(apart, weights) : apart, b.SwapAxes(apart, 0, 1)});
  V y = b.Div(product, count);
  return rank < 2 || b.static_dim(x, 0) == 1 ? b.Squeeze(y, {0, 1}) : y;  // of one variable: a number
}
Outputs CovarianceOf(Call& c) { return Covariance(c, c.tensor("self")); }
Outputs Correlation(Call& c) {
  ops::GraphBuilder& b = c.b;
  V y = Covariance(c, c.tensor("self"));
  if (b.rank(y) == 0) return b.Div(y, y);
  V deviation = b.Op("Sqrt", {Apply(c, "aten.diagonal.default", {AsArgument(y)})});
  V scaled = b.Div(b.Div(y, b.Unsqueeze(deviation, {1})), b.Unsqueeze(deviation, {0}));
  return b.Op("Clip", {scaled, b.NumberLike(-1, y), b.NumberLike(1, y)});
}

// Powers of x, one a column.
Outputs Vandermonde(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = b.rank(c.tensor("x")) == 0 ? b.Flatten(c.tensor("x")) : c.tensor("x");
  V count = c.is_none("N") ? b.SizeOf(x, -1) : c.Number("N");
  V powers = Arange(b, count);
  if (c.param() == "falling" && !c.Bool("increasing", false)) powers = b.Sub(b.Sub(count, b.Int(1)), powers);
  return b.Op("Pow", {b.Unsqueeze(x, {-1}), b.Cast(powers, b.dtype(x))});
}

Outputs EinsumOf(Call& c) {
  std::string equation;
  for (const char letter : c.String("equation"))
    if (letter != ' ') equation += letter;
  const IValue::List& list = c.arg("tensors").list();
  std::vector<V> operands = c.Promoted(list);
  return Einsum(c, equation, operands);
}

// Three tensors with new axes of size 1, multiplied and summed.
Outputs Trilinear(Call& c) {
  V product = nullptr;
  for (const char* which : {"1", "2", "3"}) {
    V factor = c.tensor(std::string("i") + which);
    std::vector<int64_t> fresh = c.Ints(std::string("expand") + which);
    if (!fresh.empty()) factor = c.b.Unsqueeze(factor, fresh);
    product = product ? c.b.Mul(product, factor) : factor;
  }
  const std::vector<int64_t> summed = c.Ints("sumdim");
  return summed.empty() ? product : c.b.Reduce("ReduceSum", product, summed, false);
}

Outputs Bilinear(Call& c) {
  // y[o] = sum over i, j of x1[i] w[o, i, j] x2[j]
  V y = Einsum(c, "...i,oij,...j->...o", {c.tensor("input1"), c.tensor("weight"), c.tensor("input2")});
  return c.is_none("bias") ? y : c.b.Add(y, c.tensor("bias"));
}

}  // namespace

V Einsum(Call& c, std::string equation, const std::vector<V>& operands) { return c.b.Op("Einsum", operands, {{"equation", equation}}); }

namespace {

constexpr RuleRow kRows[] = {
    {"aten.linear", LinearOf},
    {"aten.matmul", MatMulOf},
    {"aten.__matmul__", MatMulOf},
    {"aten.mm", MatMulOf},
    {"aten.bmm", MatMulOf},
    {"aten.mv", MatMulOf},
    {"aten.linalg_matmul", MatMulOf},
    {"aten._int_mm", IntegerMatMul},
    {"aten._weight_int8pack_mm", ScaledInt8},
    {"aten.addmm", Addmm},
    {"aten._addmm_activation", AddmmActivation},
    {"aten.baddbmm", AddProduct, ""},
    {"aten.addbmm", AddProduct, "sum"},
    {"aten.addmv", AddProduct, ""},
    {"aten.addr", Outer},
    {"aten._grouped_mm", GroupedMatMul},
    {"transformers.grouped_mm_fallback", GroupedMatMul},
    {"aten.outer", Outer},
    {"aten.ger", Outer},
    {"aten.dot", Dot},
    {"aten.vdot", Dot},
    {"aten.inner", Tensordot, "inner"},
    {"aten.linalg_vecdot", Vecdot},
    {"aten.tensordot", Tensordot, ""},
    {"aten.kron", Kron},
    {"aten.cross", Cross},
    {"aten.linalg_cross", Cross},
    {"aten.linalg_multi_dot", ChainMatMul},
    {"aten.chain_matmul", ChainMatMul},
    {"aten.matrix_power", MatrixPower},
    {"aten.linalg_matrix_power", MatrixPower},
    {"aten.cov", CovarianceOf},
    {"aten.corrcoef", Correlation},
    {"aten.vander", Vandermonde, "falling"},
    {"aten.linalg_vander", Vandermonde, "rising"},
    {"aten.einsum", EinsumOf},
    {"aten._trilinear", Trilinear},
    {"aten.bilinear", Bilinear},
};

}  // namespace

std::span<const RuleRow> Matrices() { return kRows; }

}  // namespace sardonyx::pytorch::rules
