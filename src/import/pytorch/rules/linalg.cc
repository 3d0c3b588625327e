// Linear algebra that ONNX has no operators for: elimination and factorization as loops over columns.
#include <cmath>
#include <limits>
#include <numeric>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

V Identity(Call& c, V like, V size) {
  V steps = Arange(c.b, size);
  return c.b.Cast(c.b.Op("Equal", {c.b.Unsqueeze(steps, {1}), c.b.Unsqueeze(steps, {0})}), c.b.dtype(like));
}

// Solves A X = B by Gauss-Jordan elimination with partial pivoting: [.., n, n], [.., n, k]. Every batch at once.
V Eliminate(Call& c, V a, V rhs) {
  ops::GraphBuilder& b = c.b;
  V n = b.SizeOf(a, -1);
  V whole = b.Concat({a, rhs}, -1);
  V rows = b.Unsqueeze(Arange(b, n), {1});  // [n, 1]
  V zero = b.NumberLike(0, a);
  V shape = b.ShapeOf(whole);
  V result = b.Loop(n, nullptr, {whole}, 0, [&](V k, const std::vector<V>& state) -> std::vector<V> {
    V m = state[0];
    const auto rank = static_cast<int64_t>(b.rank(m));
    V column = b.Gather(m, b.Unsqueeze(k, {0}), rank - 1);  // [.., n, 1]
    // The largest element at or below the diagonal is the pivot.
    V below = b.Op("GreaterOrEqual", {rows, k});
    V size = b.Where(below, b.Op("Abs", {column}), b.NumberLike(-1, a));
    V pivot = b.Op("ArgMax", {size}, {{"axis", rank - 2}, {"keepdims", 1}});  // [.., 1, 1]
    V order = b.Where(b.Op("Equal", {rows, k}), pivot, b.Where(b.Op("Equal", {rows, pivot}), k, rows));
    V swapped = b.Op("GatherElements", {m, b.Expand(order, shape)}, {{"axis", rank - 2}});
    V row = b.Gather(swapped, b.Unsqueeze(k, {0}), rank - 2);  // [.., 1, n + k]
    V scaled = b.Div(row, b.Gather(row, b.Unsqueeze(k, {0}), rank - 1));
    V factors = b.Where(b.Op("Equal", {rows, k}), zero, b.Gather(swapped, b.Unsqueeze(k, {0}), rank - 1));
    V reduced = b.Sub(swapped, b.Mul(factors, scaled));
    V next = b.Where(b.Op("Equal", {rows, k}), scaled, reduced);
    return {b.Scalar<bool>(true), next};
  })[0];
  return b.Slice(result, -1, n, b.Int(std::numeric_limits<int64_t>::max()));
}

// That nothing went wrong, one a matrix.
V NoErrors(Call& c, V a) { return Full(c.b, c.b.Slice(c.b.ShapeOf(a), 0, 0, -2), c.b.Scalar<int32_t>(0)); }

Outputs Inverse(Call& c) {
  V a = c.tensor(c.is_none("A") ? "self" : "A");
  V n = c.b.SizeOf(a, -1);
  V identity = Identity(c, a, n);
  V like = c.b.Mul(a, c.b.NumberLike(0, a));
  V inverse = Eliminate(c, a, c.b.rank(a) == 2 ? identity : c.b.Expand(identity, c.b.ShapeOf(like)));
  return Outputs{inverse, NoErrors(c, a)};
}

Outputs Solve(Call& c) {
  ops::GraphBuilder& b = c.b;
  V a = c.tensor("A"), rhs = c.tensor("B");
  if (!c.Bool("left", true)) return c.Unsupported("solving from the right");
  const auto ra = static_cast<int64_t>(b.rank(a)), rb = static_cast<int64_t>(b.rank(rhs));
  const bool vector = rb == 1 || (rb == ra - 1);
  if (vector) rhs = b.Unsqueeze(rhs, {-1});
  // Batches broadcast.
  if (b.rank(rhs) != b.rank(a)) {
    V n = b.Unsqueeze(b.SizeOf(a, -1), {0}), k = b.Unsqueeze(b.SizeOf(rhs, -1), {0});
    V batch = b.Slice(b.ShapeOf(ra > static_cast<int64_t>(b.rank(rhs)) ? a : rhs), 0, 0, -2);
    a = b.Expand(a, b.Concat({batch, n, n}, 0));
    rhs = b.Expand(rhs, b.Concat({batch, n, k}, 0));
  }
  V x = Eliminate(c, a, rhs);
  if (vector) x = b.Squeeze(x, {-1});
  return Outputs{x, c.b.Scalar<int32_t>(0)};
}
Outputs TriangularSolve(Call& c) {
  // The other triangle is not looked at.
  ops::GraphBuilder& b = c.b;
  const bool old = c.is_none("B");
  V a = c.tensor("A"), rhs = c.tensor(old ? "self" : "B");
  const bool upper = c.Bool("upper", true);
  a = b.Op("Trilu", {a}, {{"upper", upper ? 1 : 0}});
  if (c.Bool("transpose", false)) a = b.SwapAxes(a, -1, -2);
  if (c.Bool("unitriangular", false)) {
    V on = b.Cast(Identity(c, a, b.SizeOf(a, -1)), DataType::kBool);
    a = b.Where(on, b.NumberLike(1, a), a);
  }
  if (!c.Bool("left", true)) return b.SwapAxes(Eliminate(c, b.SwapAxes(a, -1, -2), b.SwapAxes(rhs, -1, -2)), -1, -2);
  return Outputs{Eliminate(c, a, rhs), a};
}

// Column by column: L[:, k] = (A[:, k] - L L[k, :]^T) / sqrt of its diagonal element.
V CholeskyFactor(Call& c, V a) {
  ops::GraphBuilder& b = c.b;
  V n = b.SizeOf(a, -1);
  V rows = b.Unsqueeze(Arange(b, n), {1}), columns = b.Unsqueeze(Arange(b, n), {0});
  V zero = b.NumberLike(0, a);
  return b.Loop(n, nullptr, {b.Mul(a, zero)}, 0, [&](V k, const std::vector<V>& state) -> std::vector<V> {
    V factor = state[0];
    const auto rank = static_cast<int64_t>(b.rank(factor));
    V at = b.Unsqueeze(k, {0});
    V row = b.Gather(factor, at, rank - 2);
    V column = b.Sub(b.Gather(a, at, rank - 1), b.Op("MatMul", {factor, b.SwapAxes(row, -1, -2)}));
    V root = b.Op("Sqrt", {b.Gather(column, at, rank - 2)});
    V fresh = b.Where(b.Op("GreaterOrEqual", {rows, k}), b.Div(column, root), zero);
    return {b.Scalar<bool>(true), b.Where(b.Op("Equal", {columns, k}), fresh, factor)};
  })[0];
}
Outputs Cholesky(Call& c) {
  V factor = CholeskyFactor(c, c.tensor("self"));
  if (c.Bool("upper", false)) factor = c.b.SwapAxes(factor, -1, -2);
  return Outputs{factor, NoErrors(c, factor)};
}

// Of a matrix whose factor is given: L L^T, or U^T U.
Outputs CholeskySolve(Call& c) {
  const bool inverse = c.is_none("input2"), upper = c.Bool("upper", false);
  V factor = c.b.Op("Trilu", {c.tensor(inverse ? "self" : "input2")}, {{"upper", upper ? 1 : 0}});
  V turned = c.b.SwapAxes(factor, -1, -2);
  V a = upper ? c.b.Op("MatMul", {turned, factor}) : c.b.Op("MatMul", {factor, turned});
  V n = c.b.SizeOf(a, -1);
  V rhs = inverse ? c.b.Expand(Identity(c, a, n), c.b.ShapeOf(a)) : c.tensor("self");
  return Eliminate(c, a, rhs);
}

Outputs Determinant(Call& c) { return c.b.Op("Det", {c.tensor(c.is_none("A") ? "self" : "A")}); }
Outputs LogDeterminant(Call& c) {
  V det = c.b.Op("Det", {c.tensor(c.is_none("A") ? "self" : "A")});
  V log = c.b.Op("Log", {c.b.Op("Abs", {det})});
  if (c.param() == "log") return c.b.Op("Log", {det});
  return Outputs{c.b.Op("Sign", {det}), log};
}

// Matrix norms that need no singular values.
V MatrixNorm(Call& c, V x, const IValue& order, std::vector<int64_t> dims, bool keepdim) {
  ops::GraphBuilder& b = c.b;
  const auto rank = static_cast<int64_t>(b.rank(x));
  for (int64_t& axis : dims) axis = NormalAxis(axis, rank);
  if (dims.size() != 2) return c.Unsupported("a matrix norm over other than two axes");
  if (order.is_none() || (order.is_string() && order.string() == "fro")) return b.Reduce("ReduceL2", x, dims, keepdim);
  if (order.is_string()) return c.Unsupported("the nuclear norm needs singular values");
  const double p = order.is_double() ? order.number() : static_cast<double>(order.integer());
  if (std::abs(p) == 2) return c.Unsupported("the spectral norm needs singular values");
  // 1: the largest column sum; infinity: the largest row sum; negative: the smallest.
  const bool columns = std::abs(p) == 1;
  const int64_t summed = columns ? dims[0] : dims[1], left = columns ? dims[1] : dims[0];
  V sums = b.Reduce("ReduceSum", b.Op("Abs", {x}), {summed}, true);
  V y = b.Reduce(p > 0 ? "ReduceMax" : "ReduceMin", sums, {left}, true);
  return keepdim ? y : b.Squeeze(y, dims);
}
Outputs MatrixNormOf(Call& c) { return MatrixNorm(c, c.tensor("self"), c.arg("ord"), c.Ints("dim", {-2, -1}), c.Bool("keepdim", false)); }
Outputs Norm(Call& c) {
  V x = c.tensor("self");
  const IValue& order = c.arg("ord");
  std::vector<int64_t> dims = c.Ints("dim");
  const bool keep = c.Bool("keepdim", false);
  const int64_t rank = c.rank("self");
  // Two axes and an order: a matrix norm. Neither: a vector's, of everything.
  if (!order.is_none() && ((dims.empty() && rank == 2) || dims.size() == 2))
    return MatrixNorm(c, x, order, dims.empty() ? std::vector<int64_t>{0, 1} : dims, keep);
  for (int64_t& axis : dims) axis = NormalAxis(axis, rank);
  const double p = order.is_none() ? 2 : order.is_double() ? order.number() : order.is_int() ? static_cast<double>(order.integer()) : 2;
  return VectorNorm(c, x, p, dims, keep);
}

Outputs NoSingularValues(Call& c) {
  return c.Unsupported("eigenvalues, singular values and QR have no counterpart in ONNX; compute them outside of the model");
}

constexpr RuleRow kRows[] = {
    {"aten.linalg_inv", Inverse},
    {"aten.inverse", Inverse},
    {"aten.linalg_inv_ex", Inverse},
    {"aten.linalg_solve", Solve},
    {"aten.linalg_solve_ex", Solve},
    {"aten._linalg_solve_ex", Solve},
    {"aten.linalg_solve_triangular", TriangularSolve},
    {"aten.triangular_solve", TriangularSolve},
    {"aten.linalg_cholesky", Cholesky},
    {"aten.linalg_cholesky_ex", Cholesky},
    {"aten.cholesky", Cholesky},
    {"aten.cholesky_solve", CholeskySolve},
    {"aten.cholesky_inverse", CholeskySolve},
    {"aten.linalg_det", Determinant},
    {"aten._linalg_det", Determinant},
    {"aten.det", Determinant},
    {"aten.logdet", LogDeterminant, "log"},
    {"aten.slogdet", LogDeterminant, ""},
    {"aten.linalg_slogdet", LogDeterminant, ""},
    {"aten._linalg_slogdet", LogDeterminant, ""},
    {"aten.linalg_matrix_norm", MatrixNormOf},
    {"aten.linalg_norm", Norm},
    {"aten.linalg_svd", NoSingularValues},
    {"aten._linalg_svd", NoSingularValues},
    {"aten.svd", NoSingularValues},
    {"aten.linalg_qr", NoSingularValues},
    {"aten.linalg_eigh", NoSingularValues},
    {"aten._linalg_eigh", NoSingularValues},
};

}  // namespace

std::span<const RuleRow> LinearAlgebra() { return kRows; }

}  // namespace sardonyx::pytorch::rules
