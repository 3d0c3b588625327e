// Eigenvalues of symmetric matrices, and what follows from them: singular values, pseudo-inverses, ranks; the exponential function.
// Computed in double. Signs of eigenvectors are not determined: PyTorch's may be others.
#include <limits>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();

struct Spectrum {
  V values;   // [.., count]
  V vectors;  // [.., n, count], a column each
};

// One step of Jacobi's method in its parallel form (Brent and Luk, 1985): rows 2i and 2i + 1 are neighbours, and n/2 rotations at once
// make the elements between neighbours zero. Then rows are shuffled, so that in n - 1 steps every two have been neighbours.
struct Neighbours {
  V even, partner, shuffle;  // of each row: whether its number is even, who its neighbour is, which row comes to its place
  V identity, exchange;      // as matrices, in double
};
Neighbours NeighboursOf(ops::GraphBuilder& b, V size) {
  Neighbours n;
  V row = Arange(b, size);
  V one = b.Int(1), two = b.Int(2), zero = b.Int(0);
  n.even = b.Op("Equal", {b.Op("Mod", {row, two}), zero});
  n.partner = b.Where(n.even, b.Add(row, one), b.Sub(row, one));
  // Round robin: row 0 stays, the others move on by one place.
  V next = b.Where(n.even, b.Sub(row, two), b.Add(row, two));
  next = b.Where(b.Op("Equal", {row, zero}), zero, b.Where(b.Op("Equal", {row, two}), one, next));
  V last = b.Op("Max", {b.Sub(size, two), one});
  n.shuffle = b.Where(b.Op("Equal", {row, b.Sub(size, one)}), last, next);
  V columns = b.Unsqueeze(row, {0});
  n.identity = b.Cast(b.Op("Equal", {b.Unsqueeze(row, {1}), columns}), DataType::kDouble);
  n.exchange = b.Cast(b.Op("Equal", {b.Unsqueeze(n.partner, {1}), columns}), DataType::kDouble);
  return n;
}
// The rotations of all pairs as one matrix: cos on the diagonal, +-sin between neighbours.
V Rotation(ops::GraphBuilder& b, const Neighbours& n, V a, int64_t rank) {
  V zero = b.NumberLike(0, a), one = b.NumberLike(1, a);
  V diagonal = b.Reduce("ReduceSum", b.Mul(a, n.identity), {rank - 1}, false);
  V between = b.Reduce("ReduceSum", b.Mul(a, n.exchange), {rank - 1}, false);
  V none = b.Op("Equal", {between, zero});
  V other = b.Gather(diagonal, n.partner, rank - 2);
  V tau = b.Div(b.Sub(other, diagonal), b.Mul(b.NumberLike(2, a), b.Where(none, one, between)));
  V sign = b.Where(b.Op("Equal", {tau, zero}), b.Where(n.even, one, b.NumberLike(-1, a)), b.Op("Sign", {tau}));
  V tangent = b.Div(sign, b.Add(b.Op("Abs", {tau}), b.Op("Sqrt", {b.Add(b.Mul(tau, tau), one)})));
  tangent = b.Where(none, zero, tangent);
  V cosine = b.Op("Reciprocal", {b.Op("Sqrt", {b.Add(b.Mul(tangent, tangent), one)})});
  return b.Add(b.Mul(b.Unsqueeze(cosine, {-1}), n.identity), b.Mul(b.Unsqueeze(b.Mul(tangent, cosine), {-1}), n.exchange));
}

// The `count` largest or smallest eigenvalues, in order, of symmetric matrices of double.
Spectrum Eigen(Call& c, V a, V count, bool largest) {
  ops::GraphBuilder& b = c.b;
  const auto rank = static_cast<int64_t>(b.rank(a));
  V n = b.SizeOf(a, -1);
  // Rows come in pairs: an odd number of them gets one more, of zeros.
  V odd = b.Op("Mod", {n, b.Int(2)}), size = b.Add(n, odd);
  std::vector<V> pads(static_cast<size_t>(2 * rank), b.Int(0));
  pads[pads.size() - 1] = pads[pads.size() - 2] = odd;
  V padded = b.Op("Pad", {a, b.Stack1D(pads)});
  const Neighbours neighbours = NeighboursOf(b, size);
  V off = b.Sub(b.NumberLike(1, a), neighbours.identity);
  // Convergence is quadratic: some sweeps of n - 1 steps are enough, and most matrices need fewer.
  constexpr int64_t kSweeps = 16;
  constexpr double kSmall = 1e-30;
  V steps = b.Op("Max", {b.Mul(b.Sub(size, b.Int(1)), b.Int(kSweeps)), b.Int(0)});
  const auto unfinished = [&](V x) {
    V squares = b.Mul(x, x);
    V rest = b.Reduce("ReduceSum", b.Mul(squares, off), {rank - 2, rank - 1}, false);
    V whole = b.Reduce("ReduceSum", squares, {rank - 2, rank - 1}, false);
    V more = b.Cast(b.Op("Greater", {rest, b.Mul(whole, b.NumberLike(kSmall, a))}), DataType::kInt32);
    return b.Cast(rank == 2 ? more : b.Reduce("ReduceMax", more, {}, false), DataType::kBool);
  };
  V start = b.Expand(neighbours.identity, b.ShapeOf(padded));
  const std::vector<V> made = b.Loop(steps, unfinished(padded), {padded, start}, 0, [&](V, const std::vector<V>& state) -> std::vector<V> {
    V x = b.Mul(b.Add(state[0], MatrixTransposed(b, state[0])), b.NumberLike(0.5, a));
    V rotation = Rotation(b, neighbours, x, rank);
    x = b.Op("MatMul", {b.Op("MatMul", {MatrixTransposed(b, rotation), x}), rotation});
    x = b.Gather(b.Gather(x, neighbours.shuffle, rank - 1), neighbours.shuffle, rank - 2);
    return {unfinished(x), x, b.Gather(b.Op("MatMul", {state[1], rotation}), neighbours.shuffle, rank - 1)};
  });
  V values = b.Reduce("ReduceSum", b.Mul(made[0], neighbours.identity), {rank - 1}, false);
  // The added row's own value comes last.
  V added = b.Reduce("ReduceSum", b.Op("Abs", {b.Slice(made[1], -2, n, b.Int(kEnd))}), {rank - 2}, false);
  const double infinity = std::numeric_limits<double>::infinity();
  values = b.Where(b.Op("Greater", {added, b.NumberLike(0.5, a)}), b.NumberLike(largest ? -infinity : infinity, a), values);
  const std::vector<V> sorted = b.Ops("TopK", {values, b.Unsqueeze(count, {0})}, 2, {{"axis", rank - 2}, {"largest", largest ? 1 : 0}});
  V vectors = b.Slice(made[1], -2, b.Int(0), n);
  V wanted = b.Unsqueeze(sorted[1], {-2});
  V shape = b.Concat({b.Slice(b.ShapeOf(vectors), 0, 0, -1), b.Unsqueeze(count, {0})}, 0);
  return {sorted[0], b.Op("GatherElements", {vectors, b.Expand(wanted, shape)}, {{"axis", rank - 1}})};
}

// The symmetric matrix of which one triangle is given; the other is not looked at.
V FromTriangle(ops::GraphBuilder& b, V a, bool upper) {
  V half = b.Op("Trilu", {a}, {{"upper", upper ? 1 : 0}}), strict = b.Op("Trilu", {a, b.Int(upper ? 1 : -1)}, {{"upper", upper ? 1 : 0}});
  return b.Add(half, MatrixTransposed(b, strict));
}

Outputs SymmetricEigen(Call& c) {
  ops::GraphBuilder& b = c.b;
  V given = c.tensor(c.is_none("A") ? "self" : "A");
  V a = FromTriangle(b, b.Cast(given, DataType::kDouble), c.String("UPLO", "L") == "U");
  const Spectrum made = Eigen(c, a, b.SizeOf(a, -1), false);
  V values = b.Cast(made.values, b.dtype(given));
  if (c.param() == "values") return values;
  return Outputs{values, b.Cast(made.vectors, b.dtype(given))};
}

struct Svd {
  V u, s, v;  // [.., m, k], [.., k], [.., n, k] with k = min(m, n), in double; the columns of U are zero where s is
};
Svd Singular(Call& c, V given) {
  ops::GraphBuilder& b = c.b;
  V a = b.Cast(given, DataType::kDouble);
  const std::optional<int64_t> m = b.static_dim(a, -2), n = b.static_dim(a, -1);
  if (m && n && *m < *n) {
    const Svd turned = Singular(c, MatrixTransposed(b, a));
    return {turned.v, turned.s, turned.u};
  }
  // By the eigenvectors of A^T A; lengths of the columns of A V are more accurate than roots of its eigenvalues.
  V gram = b.Op("MatMul", {MatrixTransposed(b, a), a});
  V v = Eigen(c, gram, b.Op("Min", {b.SizeOf(a, -2), b.SizeOf(a, -1)}), true).vectors;
  V scaled = b.Op("MatMul", {a, v});
  V lengths = b.Op("Sqrt", {b.Reduce("ReduceSum", b.Mul(scaled, scaled), {static_cast<int64_t>(b.rank(a)) - 2}, true)});
  V none = b.Op("Equal", {lengths, b.NumberLike(0, a)});
  return {b.Div(scaled, b.Where(none, b.NumberLike(1, a), lengths)), b.Squeeze(lengths, {-2}), v};
}

// Columns that make k orthogonal ones [.., m, k] a whole basis, behind them.
V Completed(Call& c, V columns) {
  V count = c.b.SizeOf(columns, -1);
  return c.b.Concat({columns, c.b.Slice(Qr(c, columns).q, -1, count, c.b.Int(kEnd))}, -1);
}

Outputs SvdOf(Call& c) {
  ops::GraphBuilder& b = c.b;
  V a = c.tensor(c.is_none("A") ? "self" : "A");
  const bool old = c.target().starts_with("aten.svd"), full = old ? !c.Bool("some", true) : c.Bool("full_matrices", true);
  Svd made = Singular(c, a);
  if (full) {
    made.u = Completed(c, made.u);
    made.v = Completed(c, made.v);
  }
  const auto back = [&](V x) { return b.Cast(x, b.dtype(a)); };
  return Outputs{back(made.u), back(made.s), back(old ? made.v : MatrixTransposed(b, made.v))};
}
Outputs SvdValues(Call& c) { return SingularValues(c, c.tensor("A")); }

// What counts as zero among singular values [.., k]: [.., 1].
V Tolerance(Call& c, V a, V values) {
  ops::GraphBuilder& b = c.b;
  const DataType type = b.dtype(a);
  const double machine = type == DataType::kDouble ? 2.220446049250313e-16 : 1.1920928955078125e-07;
  const auto read = [&](std::string_view name) {
    const IValue& value = c.arg(name);
    if (!value.is_tensor()) return c.NumberAs(value, DataType::kDouble);
    V tensor = b.Cast(c.ToTensor(value), DataType::kDouble);
    return b.rank(tensor) == 0 ? tensor : b.Unsqueeze(tensor, {-1});
  };
  if (!c.is_none("tol")) return read("tol");
  const std::string_view relative = !c.is_none("rcond") ? "rcond" : "rtol";
  V absolute = c.is_none("atol") ? nullptr : read("atol"), factor = nullptr;
  if (!c.is_none(relative)) {
    factor = read(relative);
  } else if (!absolute) {
    factor = b.Mul(b.Cast(b.Op("Max", {b.SizeOf(a, -2), b.SizeOf(a, -1)}), DataType::kDouble), b.NumberLike(machine, values));
  }
  if (!factor) return absolute;
  V limit = b.Mul(factor, b.Reduce("ReduceMax", values, {-1}, true));
  return absolute ? b.Op("Max", {absolute, limit}) : limit;
}
// In double; `kept` says which singular values count.
V PseudoInverseOf(ops::GraphBuilder& b, const Svd& made, V kept) {
  V inverse = b.Where(kept, b.Op("Reciprocal", {b.Where(kept, made.s, b.NumberLike(1, made.s))}), b.NumberLike(0, made.s));
  V scaled = b.Mul(made.v, b.Unsqueeze(inverse, {-2}));
  return b.Op("MatMul", {scaled, MatrixTransposed(b, made.u)});
}
Outputs PseudoInverse(Call& c) {
  ops::GraphBuilder& b = c.b;
  V a = c.tensor("self");
  if (c.Bool("hermitian", false)) a = FromTriangle(b, a, false);
  const Svd made = Singular(c, a);
  return b.Cast(PseudoInverseOf(b, made, b.Op("Greater", {made.s, Tolerance(c, a, made.s)})), b.dtype(a));
}
// The X of least norm that makes |A X - B| least.
Outputs LeastSquares(Call& c) {
  ops::GraphBuilder& b = c.b;
  V a = c.tensor("self"), rhs = c.tensor("b");
  bool vector = b.rank(rhs) == 1 || b.rank(rhs) + 1 == b.rank(a);
  for (int64_t i = 0; vector && b.rank(rhs) > 1 && i < static_cast<int64_t>(b.rank(rhs)); ++i) vector = b.dim(rhs, i) == b.dim(a, i);
  if (vector) rhs = b.Unsqueeze(rhs, {-1});
  const Svd made = Singular(c, a);
  V kept = b.Op("Greater", {made.s, Tolerance(c, a, made.s)}), wide = b.Cast(rhs, DataType::kDouble);
  V x = b.Op("MatMul", {PseudoInverseOf(b, made, kept), wide});
  const auto back = [&](V value) { return b.Cast(value, b.dtype(a)); };
  const auto squeezed = [&](V value) { return vector ? b.Squeeze(value, {-1}) : value; };
  V none = Full(b, b.Ints({0}), b.NumberLike(0, a)), residuals = none;
  const std::optional<int64_t> m = b.static_dim(a, -2), n = b.static_dim(a, -1);
  const std::string driver = c.String("driver", "gelsy");
  if (m && n && *m > *n && driver != "gelsy") {
    V rest = b.Sub(b.Op("MatMul", {b.Cast(a, DataType::kDouble), x}), wide);
    residuals = squeezed(back(b.Reduce("ReduceSum", b.Mul(rest, rest), {static_cast<int64_t>(b.rank(rest)) - 2}, false)));
  }
  V rank = b.Reduce("ReduceSum", b.Cast(kept, DataType::kInt64), {static_cast<int64_t>(b.rank(kept)) - 1}, false);
  if (driver == "gels") rank = b.Cast(none, DataType::kInt64);
  return Outputs{squeezed(back(x)), residuals, rank, driver == "gelsd" || driver == "gelss" ? back(made.s) : none};
}
// A = U H with orthogonal U and positive H.
Outputs Polar(Call& c) {
  ops::GraphBuilder& b = c.b;
  V a = c.tensor("A");
  const Svd made = Singular(c, a);
  V turned = MatrixTransposed(b, made.v);
  return Outputs{b.Cast(b.Op("MatMul", {made.u, turned}), b.dtype(a)),
                 b.Cast(b.Op("MatMul", {b.Mul(made.v, b.Unsqueeze(made.s, {-2})), turned}), b.dtype(a))};
}
// The root of a symmetric matrix that has no negative eigenvalues.
Outputs SymmetricRoot(Call& c) {
  ops::GraphBuilder& b = c.b;
  V given = c.tensor("self");
  V a = FromTriangle(b, b.Cast(given, DataType::kDouble), false);
  const Spectrum made = Eigen(c, a, b.SizeOf(a, -1), false);
  V roots = b.Op("Sqrt", {b.Op("Max", {made.values, b.NumberLike(0, a)})});
  V y = b.Op("MatMul", {b.Mul(made.vectors, b.Unsqueeze(roots, {-2})), MatrixTransposed(b, made.vectors)});
  return b.Cast(y, b.dtype(given));
}
Outputs MatrixRank(Call& c) {
  ops::GraphBuilder& b = c.b;
  V a = c.tensor(c.is_none("input") ? "self" : "input");
  if (c.Bool("hermitian", false)) a = FromTriangle(b, a, false);
  const Svd made = Singular(c, a);
  V kept = b.Cast(b.Op("Greater", {made.s, Tolerance(c, a, made.s)}), DataType::kInt64);
  return b.Reduce("ReduceSum", kept, {static_cast<int64_t>(b.rank(a)) - 2}, false);
}

// exp(A) = exp(A / 2^k)^(2^k), by Taylor's series of a matrix whose norm is below 1.
Outputs MatrixExponential(Call& c) {
  ops::GraphBuilder& b = c.b;
  V given = c.tensor("self");
  V a = b.Cast(given, DataType::kDouble), one = b.NumberLike(1, a);
  V norm = Maximum(b, b.Reduce("ReduceSum", b.Op("Abs", {a}), {-1}, false), {}, false);
  V log = b.Mul(b.Op("Log", {b.Op("Max", {norm, one})}), b.NumberLike(1.4426950408889634, a));
  V halvings = b.Op("Ceil", {log});
  V scaled = b.Div(a, b.Op("Pow", {b.NumberLike(2, a), halvings}));
  constexpr int kTerms = 18;
  V identity = IdentityMatrix(b, a, b.SizeOf(a, -1)), sum = identity;
  for (int k = kTerms; k > 0; --k) sum = b.Add(b.Mul(b.Op("MatMul", {scaled, sum}), b.NumberLike(1.0 / k, a)), identity);
  V result = b.Loop(b.Cast(halvings, DataType::kInt64), nullptr, {sum}, 0, [&](V, const std::vector<V>& state) -> std::vector<V> {
    return {b.Scalar<bool>(true), b.Op("MatMul", {state[0], state[0]})};
  })[0];
  return b.Cast(result, b.dtype(given));
}

constexpr RuleRow kRows[] = {
    {"aten.linalg_eigh", SymmetricEigen, ""},
    {"aten._linalg_eigh", SymmetricEigen, ""},
    {"aten.linalg_eigvalsh", SymmetricEigen, "values"},
    {"aten.linalg_svd", SvdOf},
    {"aten._linalg_svd", SvdOf},
    {"aten.svd", SvdOf},
    {"aten.linalg_svdvals", SvdValues},
    {"aten.linalg_pinv", PseudoInverse},
    {"aten.pinverse", PseudoInverse},
    {"aten.linalg_lstsq", LeastSquares},
    {"aten.linalg_polar", Polar},
    {"aten.linalg_matrix_sqrth", SymmetricRoot},
    {"prims.svd", SvdOf},
    {"aten.linalg_matrix_rank", MatrixRank},
    {"aten.matrix_exp", MatrixExponential},
    {"aten.linalg_matrix_exp", MatrixExponential},
};

}  // namespace

V SingularValues(Call& c, V a) { return c.b.Cast(Singular(c, a).s, c.b.dtype(a)); }

std::span<const RuleRow> Spectra() { return kRows; }

}  // namespace sardonyx::pytorch::rules
