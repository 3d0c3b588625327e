// Derivatives of MatMul, Gemm, Einsum and Det.
#include <fmt/format.h>

#include "base/status_macros.h"
#include "optimize/gradient/rule.h"

namespace sardonyx::optimize {
namespace {

// The last two axes swapped.
Term Transposed(const Term& x, int64_t rank) {
  std::vector<int64_t> permutation(static_cast<size_t>(rank));
  for (int64_t i = 0; i < rank; ++i) permutation[static_cast<size_t>(i)] = i;
  std::swap(permutation[static_cast<size_t>(rank - 1)], permutation[static_cast<size_t>(rank - 2)]);
  return x.Transposed(permutation);
}

// Whether A and B have the same batch axes, so that neither was broadcast.
bool HasSameBatch(const Term& a, const Term& b) {
  if (a.shape()->rank() <= 2 && b.shape()->rank() <= 2) return true;
  if (a.shape()->rank() != b.shape()->rank()) return false;
  for (size_t i = 0; i + 2 < a.shape()->rank(); ++i)
    if (!((*a.shape())[i] == (*b.shape())[i])) return false;
  return true;
}

// A vector counts as a matrix of one row (A) or column (B); dY gets that axis back.
Status MatMul(RuleContext& c) {
  ASSIGN_OR_RETURN(const int64_t a_rank, c.Rank(0));
  ASSIGN_OR_RETURN(const int64_t b_rank, c.Rank(1));
  const Term a = a_rank == 1 ? c.x(0).Unsqueezed({0}) : c.x(0), b = b_rank == 1 ? c.x(1).Unsqueezed({1}) : c.x(1);
  Term dy = c.dy();
  if (b_rank == 1) dy = dy.Unsqueezed({-1});
  if (a_rank == 1) dy = dy.Unsqueezed({-2});
  const bool same = HasSameBatch(c.x(0), c.x(1));
  const auto give = [&](size_t i, const Term& matrix, int64_t rank, const Term& product) {
    const Term dx = same ? product : SumToShape(product, matrix, product);
    c.Give(i, rank == 1 ? dx.Reshaped(c.x(i).Shape()) : dx);
  };
  if (c.wants(0)) give(0, a, a_rank, dy.Op("MatMul", {Transposed(b, std::max<int64_t>(b_rank, 2))}));
  if (c.wants(1)) give(1, b, b_rank, Transposed(a, std::max<int64_t>(a_rank, 2)).Op("MatMul", {dy}));
  return {};
}

Status Gemm(RuleContext& c) {
  if (c.opset_version() < 7 && c.Int("broadcast") != 0 && c.wants(2))
    return Unsupported("Gemm with the attribute broadcast, of opsets before 7");
  const bool trans_a = c.Int("transA") != 0, trans_b = c.Int("transB") != 0;
  const double alpha = c.Float("alpha", 1), beta = c.Float("beta", 1);
  const auto product = [&](const Term& a, bool ta, const Term& b, bool tb) {
    return a.Op(
        "Gemm", {b},
        {ir::Attribute("transA", int64_t{ta}), ir::Attribute("transB", int64_t{tb}), ir::Attribute("alpha", static_cast<float>(alpha))});
  };
  if (c.wants(0)) c.Give(0, trans_a ? product(c.x(1), trans_b, c.dy(), true) : product(c.dy(), false, c.x(1), !trans_b));
  if (c.wants(1)) c.Give(1, trans_b ? product(c.dy(), true, c.x(0), trans_a) : product(c.x(0), !trans_a, c.dy(), false));
  if (c.wants(2)) c.GiveBroadcast(2, beta == 1 ? c.dy() : beta * c.dy());
  return {};
}

struct Equation {
  std::vector<std::string> inputs;
  std::string output;
};

// Plain equations: an explicit output, no ellipsis, no index twice in one term.
StatusOr<Equation> ReadEquation(std::string text, size_t inputs) {
  std::erase(text, ' ');
  const size_t arrow = text.find("->");
  if (arrow == std::string::npos || text.find('.') != std::string::npos)
    return Unsupported(fmt::format("Einsum '{}': only equations with an arrow and without ... are differentiated", text));
  Equation equation{{}, text.substr(arrow + 2)};
  std::string rest = text.substr(0, arrow) + ",";
  for (size_t comma; (comma = rest.find(',')) != std::string::npos; rest.erase(0, comma + 1))
    equation.inputs.push_back(rest.substr(0, comma));
  if (equation.inputs.size() != inputs) return Invalid(fmt::format("Einsum '{}' has {} inputs", text, inputs));
  for (const std::string& term : equation.inputs)
    for (size_t i = 0; i < term.size(); ++i)
      if (term.find(term[i], i + 1) != std::string::npos) return Unsupported(fmt::format("Einsum '{}': an index twice in one term", text));
  return equation;
}

// The equation with dY in the place of the input. Indices that only the input has were summed over, and dY is the same
// for all of them.
Status Einsum(RuleContext& c) {
  ASSIGN_OR_RETURN(const Equation equation, ReadEquation(c.String("equation"), c.num_inputs()));
  for (size_t i = 0; i < c.num_inputs(); ++i) {
    if (!c.wants(i)) continue;
    const std::string& term = equation.inputs[i];
    std::string left = equation.output, present;
    std::vector<Term> inputs = {c.dy()};
    for (size_t k = 0; k < c.num_inputs(); ++k) {
      if (k == i) continue;
      left += "," + equation.inputs[k];
      inputs.push_back(c.x(k));
    }
    std::vector<int64_t> missing;
    for (size_t k = 0; k < term.size(); ++k) {
      if (left.find(term[k]) != std::string::npos)
        present += term[k];
      else
        missing.push_back(static_cast<int64_t>(k));
    }
    Term dx = c.emitter().Op("Einsum", inputs, {ir::Attribute("equation", left + "->" + present)});
    if (!missing.empty()) dx = dx.Unsqueezed(missing).Op("Expand", {c.x(i).Shape()});
    c.Give(i, dx);
  }
  return {};
}

// By cofactors, which exist for singular matrices too: element [i, j] of them is (-1)^(i + j) times the determinant of what is left
// without row i and column j.
Status Det(RuleContext& c) {
  ASSIGN_OR_RETURN(const int64_t rank, c.Rank(0));
  if (rank < 2) return Invalid(fmt::format("input of rank {}", rank));
  const Term x = c.x();
  Emitter& e = c.emitter();
  const Term zero = e.Number(0, DataType::kInt64), one = e.Number(1, DataType::kInt64);
  const Term size = x.Dim(-1).Reshaped(e.Ints({}));
  const Term all = e.Op("Range", {zero, size, one}), i = all.Unsqueezed({1}), others = e.Op("Range", {zero, size - one, one});
  const Term kept = others + Less(others, i).Op("Not").As(DataType::kInt64);  // [n, n - 1], row i without i
  const Term rows = x.Op("Gather", {kept}, {ir::Attribute("axis", rank - 2)});
  const Term minors = rows.Op("Gather", {kept}, {ir::Attribute("axis", rank)});  // [..., n, n - 1, n, n - 1]
  std::vector<int64_t> order;
  for (int64_t axis = 0; axis < rank - 2; ++axis) order.push_back(axis);
  for (const int64_t axis : {rank - 2, rank, rank - 1, rank + 1}) order.push_back(axis);
  const Term odd = (all + i).Op("Mod", {e.Number(2, DataType::kInt64)}).As(x.dtype());
  const Term cofactors = minors.Transposed(order).Op("Det") * (1 - odd * 2);
  c.Give(0, c.dy().Unsqueezed({-2, -1}) * cofactors);
  return {};
}

constexpr DerivativeEntry kRules[] = {
    {"Det", Det},
    {"Einsum", Einsum},
    {"Gemm", Gemm},
    {"MatMul", MatMul},
};

}  // namespace

std::span<const DerivativeEntry> MatrixDerivatives() { return kRules; }

}  // namespace sardonyx::optimize
