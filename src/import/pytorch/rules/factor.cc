// Factors of matrices: LU by elimination with pivots, QR by Householder's reflections, as loops over columns. Golub and Van Loan,
// Matrix Computations, 3.4 and 5.2.
#include <limits>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

V BatchOf(ops::GraphBuilder& b, V matrix) { return b.Slice(b.ShapeOf(matrix), 0, 0, -2); }
V Shorter(ops::GraphBuilder& b, V a) { return b.Op("Min", {b.SizeOf(a, -2), b.SizeOf(a, -1)}); }
V Rows(ops::GraphBuilder& b, V count) { return b.Unsqueeze(Arange(b, count), {1}); }
V None(ops::GraphBuilder& b, V like) { return Full(b, b.Ints({0}), b.NumberLike(0, like)); }

// What a loop gives, one a step, with the steps as the last axis.
V LastAxis(ops::GraphBuilder& b, V steps) {
  std::vector<int64_t> perm;
  for (int64_t i = 1; i < static_cast<int64_t>(b.rank(steps)); ++i) perm.push_back(i);
  perm.push_back(0);
  return b.Transpose(steps, perm);
}

// Row numbers with those of rows k and `pivot` [.., 1, 1] exchanged: [.., m, 1].
V Exchanged(ops::GraphBuilder& b, V rows, V k, V pivot) {
  return b.Where(b.Op("Equal", {rows, k}), pivot, b.Where(b.Op("Equal", {rows, pivot}), k, rows));
}
// Row numbers [.., m, 1] of every matrix of a batch, as they are.
V FirstOrder(ops::GraphBuilder& b, V rows, V batch) { return b.Expand(rows, b.Concat({batch, b.ShapeOf(rows)}, 0)); }

struct Lu {
  V packed;  // [.., m, n]: U, and below its diagonal L
  V order;   // [.., m, 1]: which row of A is row i of L U
  V pivots;  // [.., min(m, n)]: with which row, counted from 1, row i was exchanged
};
Lu Factorized(Call& c, V a) {
  ops::GraphBuilder& b = c.b;
  const auto rank = static_cast<int64_t>(b.rank(a));
  V rows = Rows(b, b.SizeOf(a, -2)), columns = b.Unsqueeze(Arange(b, b.SizeOf(a, -1)), {0}), shape = b.ShapeOf(a);
  V zero = b.NumberLike(0, a), one = b.NumberLike(1, a);
  const std::vector<V> made =
      b.Loop(Shorter(b, a), nullptr, {a, FirstOrder(b, rows, BatchOf(b, a))}, 1, [&](V k, const std::vector<V>& state) -> std::vector<V> {
        V x = state[0], at = b.Unsqueeze(k, {0});
        V size = b.Where(b.Op("GreaterOrEqual", {rows, k}), b.Op("Abs", {b.Gather(x, at, rank - 1)}), b.NumberLike(-1, a));
        V pivot = b.Op("ArgMax", {size}, {{"axis", rank - 2}, {"keepdims", 1}});
        V order = Exchanged(b, rows, k, pivot);
        V swapped = b.Op("GatherElements", {x, b.Expand(order, shape)}, {{"axis", rank - 2}});
        V row = b.Gather(swapped, at, rank - 2);
        V head = b.Gather(row, at, rank - 1);
        // A column of zeros stays as it is.
        V factors = b.Div(b.Gather(swapped, at, rank - 1), b.Where(b.Op("Equal", {head, zero}), one, head));
        V reduced = b.Where(b.Op("Greater", {columns, k}), b.Sub(swapped, b.Mul(factors, row)), factors);
        V touched = b.Op("And", {b.Op("Greater", {rows, k}), b.Op("GreaterOrEqual", {columns, k})});
        V next = b.Where(touched, reduced, swapped);
        return {b.Scalar<bool>(true), next, b.Op("GatherElements", {state[1], order}, {{"axis", rank - 2}}), pivot};
      });
  V pivots = LastAxis(b, b.Squeeze(made[2], {-2, -1}));
  return {made[0], made[1], b.Cast(b.Add(pivots, b.Int(1)), DataType::kInt32)};
}

// The order of rows that exchanges lead to.
V OrderOf(Call& c, V packed, V pivots) {
  ops::GraphBuilder& b = c.b;
  V rows = Rows(b, b.SizeOf(packed, -2));
  const auto rank = static_cast<int64_t>(b.rank(packed));
  V from = b.Unsqueeze(b.Sub(b.Cast(pivots, DataType::kInt64), b.Int(1)), {-1});  // [.., min(m, n), 1]
  return b.Loop(b.SizeOf(pivots, -1), nullptr, {FirstOrder(b, rows, BatchOf(b, packed))}, 0,
                [&](V k, const std::vector<V>& state) -> std::vector<V> {
                  V order = Exchanged(b, rows, k, b.Gather(from, b.Unsqueeze(k, {0}), rank - 2));
                  return {b.Scalar<bool>(true), b.Op("GatherElements", {state[0], order}, {{"axis", rank - 2}})};
                })[0];
}

struct Unpacked {
  V p, l, u;
};
Unpacked Unpack(Call& c, V packed, V order) {
  ops::GraphBuilder& b = c.b;
  V count = Shorter(b, packed), rows = Rows(b, b.SizeOf(packed, -2));
  V diagonal = b.Op("Equal", {rows, b.Unsqueeze(Arange(b, count), {0})});
  V lower = b.Slice(b.Op("Trilu", {packed, b.Int(-1)}, {{"upper", 0}}), -1, b.Int(0), count);
  V l = b.Where(diagonal, b.NumberLike(1, packed), lower);
  V u = b.Slice(b.Op("Trilu", {packed}, {{"upper", 1}}), -2, b.Int(0), count);
  V p = b.Cast(b.Op("Equal", {rows, MatrixTransposed(b, order)}), b.dtype(packed));
  return {p, l, u};
}

Outputs LuFactor(Call& c) {
  V a = c.tensor(c.is_none("A") ? "self" : "A");
  if (!c.Bool("pivot", true)) return c.Unsupported("elimination without pivots");
  const Lu made = Factorized(c, a);
  if (c.param() == "unpacked") {
    const Unpacked parts = Unpack(c, made.packed, made.order);
    return Outputs{parts.p, parts.l, parts.u};
  }
  return Outputs{made.packed, made.pivots, Full(c.b, BatchOf(c.b, a), c.b.Scalar<int32_t>(0))};
}
Outputs LuUnpack(Call& c) {
  V packed = c.tensor("LU_data");
  const Unpacked parts = Unpack(c, packed, OrderOf(c, packed, c.tensor("LU_pivots")));
  const bool data = c.Bool("unpack_data", true);
  V none = None(c.b, packed);
  return Outputs{c.Bool("unpack_pivots", true) ? parts.p : none, data ? parts.l : none, data ? parts.u : none};
}
Outputs LuSolve(Call& c) {
  ops::GraphBuilder& b = c.b;
  const bool old = !c.is_none("LU_data");
  V packed = c.tensor(old ? "LU_data" : "LU"), pivots = c.tensor(old ? "LU_pivots" : "pivots"), rhs = c.tensor(old ? "self" : "B");
  const Unpacked parts = Unpack(c, packed, OrderOf(c, packed, pivots));
  V a = b.Op("MatMul", {parts.p, b.Op("MatMul", {parts.l, parts.u})});
  if (c.Bool("adjoint", false)) a = MatrixTransposed(b, a);
  if (c.Bool("left", true)) return Solve(c, a, rhs);
  return MatrixTransposed(b, Solve(c, MatrixTransposed(b, a), MatrixTransposed(b, rhs)));
}

}  // namespace

Orthogonal Qr(Call& c, V a) {
  ops::GraphBuilder& b = c.b;
  const auto rank = static_cast<int64_t>(b.rank(a));
  V m = b.SizeOf(a, -2), rows = Rows(b, m), zero = b.NumberLike(0, a), one = b.NumberLike(1, a);
  V identity = IdentityMatrix(b, a, m);
  V first = b.Expand(identity, b.Concat({BatchOf(b, a), b.ShapeOf(identity)}, 0));
  const std::vector<V> made = b.Loop(Shorter(b, a), nullptr, {first, a}, 0, [&](V k, const std::vector<V>& state) -> std::vector<V> {
    V q = state[0], r = state[1], at = b.Unsqueeze(k, {0});
    V column = b.Gather(r, at, rank - 1);  // [.., m, 1]
    V head = b.Gather(column, at, rank - 2);
    V below = b.Where(b.Op("Greater", {rows, k}), column, zero);
    V tail = b.Reduce("ReduceSum", b.Mul(below, below), {rank - 2}, true);
    V length = b.Op("Sqrt", {b.Add(b.Mul(head, head), tail)});
    V target = b.Where(b.Op("Less", {head, zero}), length, b.Neg(length));
    V v = b.Where(b.Op("Equal", {rows, k}), b.Sub(head, target), below);
    V size = b.Reduce("ReduceSum", b.Mul(v, v), {rank - 2}, true);
    // What has nothing below the diagonal stays, sign and all.
    V nothing = b.Op("Equal", {tail, zero});
    V factor = b.Where(nothing, zero, b.Div(b.NumberLike(2, a), b.Where(nothing, one, size)));
    V turned = MatrixTransposed(b, v);
    V next_r = b.Sub(r, b.Mul(b.Mul(factor, v), b.Op("MatMul", {turned, r})));
    V next_q = b.Sub(q, b.Mul(b.Op("MatMul", {q, v}), b.Mul(factor, turned)));
    return {b.Scalar<bool>(true), next_q, next_r};
  });
  return {made[0], b.Op("Trilu", {made[1]}, {{"upper", 1}})};
}

namespace {

Outputs QrOf(Call& c) {
  ops::GraphBuilder& b = c.b;
  V a = c.tensor(c.is_none("A") ? "self" : "A");
  const std::string mode = c.is_none("mode") ? (c.Bool("some", true) ? "reduced" : "complete") : c.String("mode");
  const Orthogonal made = Qr(c, a);
  if (mode == "complete") return Outputs{made.q, made.r};
  V count = Shorter(b, a), zero = b.Int(0);
  return Outputs{mode == "r" ? None(b, a) : b.Slice(made.q, -1, zero, count), b.Slice(made.r, -2, zero, count)};
}

// H_1 H_2 ...; reflection k is I - tau_k v v^T, v below the diagonal of column k of a.
V Reflections(ops::GraphBuilder& b, V a, V tau) {
  const auto rank = static_cast<int64_t>(b.rank(a));
  V m = b.SizeOf(a, -2), rows = Rows(b, m), identity = IdentityMatrix(b, a, m);
  V first = b.Expand(identity, b.Concat({BatchOf(b, a), b.ShapeOf(identity)}, 0));
  V factors = b.Unsqueeze(tau, {-1});
  return b.Loop(b.SizeOf(tau, -1), nullptr, {first}, 0, [&](V k, const std::vector<V>& state) -> std::vector<V> {
    V at = b.Unsqueeze(k, {0});
    V below = b.Where(b.Op("Greater", {rows, k}), b.Gather(a, at, rank - 1), b.NumberLike(0, a));
    V v = b.Where(b.Op("Equal", {rows, k}), b.NumberLike(1, a), below);
    V scaled = b.Mul(b.Gather(factors, at, rank - 2), MatrixTransposed(b, v));
    return {b.Scalar<bool>(true), b.Sub(state[0], b.Mul(b.Op("MatMul", {state[0], v}), scaled))};
  })[0];
}
Outputs HouseholderProduct(Call& c) {
  V a = c.tensor(c.is_none("input") ? "self" : "input");
  V tau = c.tensor(c.is_none("tau") ? "input2" : "tau");
  return c.b.Slice(Reflections(c.b, a, tau), -1, c.b.Int(0), c.b.SizeOf(a, -1));
}
Outputs TimesReflections(Call& c) {
  // Q C, C Q, or with Q transposed.
  V q = Reflections(c.b, c.tensor("self"), c.tensor("input2")), other = c.tensor("input3");
  if (c.Bool("transpose", false)) q = MatrixTransposed(c.b, q);
  return c.Bool("left", true) ? c.b.Op("MatMul", {q, other}) : c.b.Op("MatMul", {other, q});
}

// The reflections that make a triangle of A, as LAPACK stores them: R, below its diagonal the vectors without their leading 1, and the
// factors tau.
Outputs PackedQr(Call& c) {
  ops::GraphBuilder& b = c.b;
  V a = c.tensor(c.is_none("self") ? "input" : "self");
  const auto rank = static_cast<int64_t>(b.rank(a));
  V rows = Rows(b, b.SizeOf(a, -2)), columns = b.Unsqueeze(Arange(b, b.SizeOf(a, -1)), {0}), zero = b.NumberLike(0, a), one = b.NumberLike(1, a);
  const std::vector<V> made = b.Loop(Shorter(b, a), nullptr, {a}, 1, [&](V k, const std::vector<V>& state) -> std::vector<V> {
    V r = state[0], at = b.Unsqueeze(k, {0});
    V column = b.Gather(r, at, rank - 1), head = b.Gather(column, at, rank - 2);
    V below = b.Where(b.Op("Greater", {rows, k}), column, zero);
    V tail = b.Reduce("ReduceSum", b.Mul(below, below), {rank - 2}, true);
    V length = b.Op("Sqrt", {b.Add(b.Mul(head, head), tail)});
    // What has nothing below the diagonal is not reflected.
    V nothing = b.Op("Equal", {tail, zero});
    V target = b.Where(nothing, head, b.Where(b.Op("Less", {head, zero}), length, b.Neg(length)));
    V tau = b.Where(nothing, zero, b.Div(b.Sub(target, head), b.Where(nothing, one, target)));
    V v = b.Div(below, b.Where(nothing, one, b.Sub(head, target)));
    V whole = b.Where(b.Op("Equal", {rows, k}), one, v);
    V reflected = b.Sub(r, b.Mul(b.Mul(tau, whole), b.Op("MatMul", {MatrixTransposed(b, whole), r})));
    V own = b.Where(b.Op("Equal", {rows, k}), target, b.Where(b.Op("Greater", {rows, k}), v, column));
    V next = b.Where(b.Op("Greater", {columns, k}), reflected, b.Where(b.Op("Equal", {columns, k}), own, r));
    return {b.Scalar<bool>(true), next, tau};
  });
  return Outputs{made[0], LastAxis(b, b.Squeeze(made[1], {-2, -1}))};
}

constexpr RuleRow kRows[] = {
    {"aten.linalg_lu", LuFactor, "unpacked"},
    {"aten.linalg_lu_factor", LuFactor, ""},
    {"aten.linalg_lu_factor_ex", LuFactor, ""},
    {"aten._lu_with_info", LuFactor, ""},
    {"aten.lu_unpack", LuUnpack},
    {"aten.lu_solve", LuSolve},
    {"aten.linalg_lu_solve", LuSolve},
    {"aten.linalg_qr", QrOf},
    {"aten.qr", QrOf},
    {"aten.linalg_householder_product", HouseholderProduct},
    {"aten.orgqr", HouseholderProduct},
    {"aten.geqrf", PackedQr},
    {"aten.ormqr", TimesReflections},
};

}  // namespace

std::span<const RuleRow> Factors() { return kRows; }

}  // namespace sardonyx::pytorch::rules
