// Linear algebra that ONNX has no operators for: elimination and factorization as loops over columns.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {

V IdentityMatrix(ops::GraphBuilder& b, V like, V size) {
  V steps = Arange(b, size);
  return b.Cast(b.Op("Equal", {b.Unsqueeze(steps, {1}), b.Unsqueeze(steps, {0})}), b.dtype(like));
}

V MatrixTransposed(ops::GraphBuilder& b, V x) { return b.SwapAxes(x, -1, -2); }

namespace {

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

// Both with the batch axes that they broadcast to.
void BroadcastBatches(Call& c, V& x, V& y) {
  ops::GraphBuilder& b = c.b;
  bool same = b.rank(x) == b.rank(y);
  for (int64_t i = 0; same && i + 2 < static_cast<int64_t>(b.rank(x)); ++i) same = b.dim(x, i) == b.dim(y, i) && !b.dim(x, i).is_unknown();
  if (same) return;
  constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
  const auto batch = [&](V v) { return Full(b, b.Slice(b.ShapeOf(v), 0, 0, -2), b.Int(0)); };
  V both = b.ShapeOf(b.Add(batch(x), batch(y)));
  const auto widened = [&](V v) { return b.Expand(v, b.Concat({both, b.Slice(b.ShapeOf(v), 0, -2, kEnd)}, 0)); };
  x = widened(x);
  y = widened(y);
}

}  // namespace

V Solve(Call& c, V a, V rhs) {
  BroadcastBatches(c, a, rhs);
  return Eliminate(c, a, rhs);
}

namespace {

// That nothing went wrong, one a matrix.
V NoErrors(Call& c, V a) { return Full(c.b, c.b.Slice(c.b.ShapeOf(a), 0, 0, -2), c.b.Scalar<int32_t>(0)); }

Outputs Inverse(Call& c) {
  V a = c.tensor(c.is_none("A") ? "self" : "A");
  return Outputs{Solve(c, a, IdentityMatrix(c.b, a, c.b.SizeOf(a, -1))), NoErrors(c, a)};
}

// A X = B, or X A = B.
V SolveFrom(Call& c, V a, V rhs, bool left) {
  if (left) return Solve(c, a, rhs);
  return MatrixTransposed(c.b, Solve(c, MatrixTransposed(c.b, a), MatrixTransposed(c.b, rhs)));
}

Outputs SolveOf(Call& c) {
  ops::GraphBuilder& b = c.b;
  V a = c.tensor("A"), rhs = c.tensor("B");
  // A vector, or one for each matrix.
  bool vector = b.rank(rhs) == 1 || b.rank(rhs) + 1 == b.rank(a);
  for (int64_t i = 0; vector && b.rank(rhs) > 1 && i < static_cast<int64_t>(b.rank(rhs)); ++i) vector = b.dim(rhs, i) == b.dim(a, i);
  V x = SolveFrom(c, a, vector ? b.Unsqueeze(rhs, {-1}) : rhs, c.Bool("left", true));
  if (vector) x = b.Squeeze(x, {-1});
  return Outputs{x, NoErrors(c, a)};
}
Outputs TriangularSolve(Call& c) {
  // The other triangle is not looked at.
  ops::GraphBuilder& b = c.b;
  const bool old = !c.is_none("A");  // triangular_solve(B, A)
  V given = c.tensor(old ? "A" : "self"), rhs = c.tensor(old ? "self" : "B");
  V a = b.Op("Trilu", {given}, {{"upper", c.Bool("upper", true) ? 1 : 0}});
  if (c.Bool("transpose", false)) a = MatrixTransposed(b, a);
  if (c.Bool("unitriangular", false)) {
    V on = b.Cast(IdentityMatrix(b, a, b.SizeOf(a, -1)), DataType::kBool);
    a = b.Where(on, b.NumberLike(1, a), a);
  }
  return Outputs{SolveFrom(c, a, rhs, c.Bool("left", true)), given};
}

// The inverse, and the solution of a system, of a tensor whose axes count as two.
Outputs TensorInverse(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.tensor("self");
  const int64_t rank = c.rank("self"), first = c.Int("ind", 2);
  std::vector<V> sizes;
  V rows = b.Int(1);
  for (int64_t i = 0; i < first; ++i) rows = b.Mul(rows, b.SizeOf(x, i));
  for (int64_t i = 0; i < rank; ++i) sizes.push_back(b.SizeOf(x, (i + first) % rank));
  V matrix = b.Reshape(x, b.Stack1D({rows, rows}));
  return b.Reshape(Solve(c, matrix, IdentityMatrix(b, x, rows)), b.Stack1D(sizes));
}
Outputs TensorSolve(Call& c) {
  ops::GraphBuilder& b = c.b;
  V a = c.tensor("self"), rhs = c.tensor("other");
  const int64_t rank = c.rank("self"), known = c.rank("other");
  if (!c.is_none("dims")) {
    std::vector<int64_t> moved = c.Ints("dims"), perm;
    for (int64_t& axis : moved) axis = NormalAxis(axis, rank);
    for (int64_t i = 0; i < rank; ++i)
      if (std::find(moved.begin(), moved.end(), i) == moved.end()) perm.push_back(i);
    perm.insert(perm.end(), moved.begin(), moved.end());
    a = b.Transpose(a, perm);
  }
  std::vector<V> sizes;
  for (int64_t i = known; i < rank; ++i) sizes.push_back(b.SizeOf(a, i));
  V flat = b.Reshape(rhs, {-1, 1});
  V count = b.SizeOf(flat, 0);
  return b.Reshape(Solve(c, b.Reshape(a, b.Stack1D({count, count})), flat), b.Stack1D(sizes));
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
  const bool given = !c.is_none("input2"), upper = c.Bool("upper", false);
  V factor = c.b.Op("Trilu", {c.tensor(given ? "input2" : "self")}, {{"upper", upper ? 1 : 0}});
  V turned = MatrixTransposed(c.b, factor);
  V a = upper ? c.b.Op("MatMul", {turned, factor}) : c.b.Op("MatMul", {factor, turned});
  return Solve(c, a, given ? c.tensor("self") : IdentityMatrix(c.b, a, c.b.SizeOf(a, -1)));
}

Outputs Determinant(Call& c) { return c.b.Op("Det", {c.tensor(c.is_none("A") ? "self" : "A")}); }
Outputs LogDeterminant(Call& c) {
  V det = c.b.Op("Det", {c.tensor(c.is_none("A") ? "self" : "A")});
  V log = c.b.Op("Log", {c.b.Op("Abs", {det})});
  if (c.param() == "log") return c.b.Op("Log", {det});
  return Outputs{c.b.Op("Sign", {det}), log};
}

V MatrixNorm(Call& c, V x, const IValue& order, std::vector<int64_t> dims, bool keepdim) {
  ops::GraphBuilder& b = c.b;
  const auto rank = static_cast<int64_t>(b.rank(x));
  for (int64_t& axis : dims) axis = NormalAxis(axis, rank);
  if (dims.size() != 2) return c.Unsupported("a matrix norm over other than two axes");
  if (order.is_none() || (order.is_string() && order.string() == "fro")) return b.Reduce("ReduceL2", x, dims, keepdim);
  const double p = order.is_string() ? 0 : order.is_double() ? order.number() : static_cast<double>(order.integer());
  V y = nullptr;
  // The largest of nothing is 0.
  const bool empty = p > 0 && (b.dim(x, dims[0]).is_constant(0) || b.dim(x, dims[1]).is_constant(0));
  if (empty) return b.Reduce("ReduceSum", x, dims, keepdim);
  if (order.is_string() || std::abs(p) == 2) {
    // Of the singular values: their sum, the largest, the smallest.
    V values = SingularValues(c, b.Transpose(x, AxesLast(rank, dims[0], dims[1])));
    y = b.Reduce(order.is_string() ? "ReduceSum" : p > 0 ? "ReduceMax" : "ReduceMin", values, {rank - 2}, false);
    return keepdim ? b.Unsqueeze(y, {std::min(dims[0], dims[1]), std::max(dims[0], dims[1])}) : y;
  }
  // 1: the largest column sum; infinity: the largest row sum; negative: the smallest.
  const bool columns = std::abs(p) == 1;
  const int64_t summed = columns ? dims[0] : dims[1], left = columns ? dims[1] : dims[0];
  V sums = b.Reduce("ReduceSum", b.Op("Abs", {x}), {summed}, true);
  y = b.Reduce(p > 0 ? "ReduceMax" : "ReduceMin", sums, {left}, true);
  return keepdim ? y : b.Squeeze(y, dims);
}
Outputs NuclearNorm(Call& c) {
  return MatrixNorm(c, c.tensor("self"), IValue(std::string("nuc")), c.Ints("dim", {-2, -1}), c.Bool("keepdim", false));
}
// How much an error grows when a system with this matrix is solved.
Outputs ConditionNumber(Call& c) {
  ops::GraphBuilder& b = c.b;
  V a = c.tensor("self");
  const IValue& p = c.arg("p");
  const double number = p.is_double() ? p.number() : p.is_int() ? static_cast<double>(p.integer()) : 2;
  if (p.is_none() || (!p.is_string() && std::abs(number) == 2)) {
    V values = SingularValues(c, a);
    V most = b.Reduce("ReduceMax", values, {-1}, false), least = b.Reduce("ReduceMin", values, {-1}, false);
    return number > 0 ? b.Div(most, least) : b.Div(least, most);
  }
  V inverse = Solve(c, a, IdentityMatrix(b, a, b.SizeOf(a, -1)));
  return b.Mul(MatrixNorm(c, a, p, {-2, -1}, false), MatrixNorm(c, inverse, p, {-2, -1}, false));
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

constexpr RuleRow kRows[] = {
    {"aten.linalg_inv", Inverse},
    {"aten.inverse", Inverse},
    {"aten.linalg_inv_ex", Inverse},
    {"aten.linalg_solve", SolveOf},
    {"aten.linalg_solve_ex", SolveOf},
    {"aten._linalg_solve_ex", SolveOf},
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
    {"aten.nuclear_norm", NuclearNorm},
    {"aten.linalg_cond", ConditionNumber},
    {"aten.linalg_tensorinv", TensorInverse},
    {"aten.linalg_tensorsolve", TensorSolve},
};

}  // namespace

std::span<const RuleRow> LinearAlgebra() { return kRows; }

}  // namespace sardonyx::pytorch::rules
