// Derivatives of reductions, running sums and softmax.
#include "base/status_macros.h"
#include "optimize/gradient/rule.h"

namespace sardonyx::optimize {
namespace {

// A reduction whose dy and y can be broadcast against x: with their reduced axes kept.
struct Reduction {
  Term x, y, dy;
  Term axes;          // int64[n]; empty: all
  bool none = false;  // nothing is reduced
};

StatusOr<Reduction> ReadReduction(RuleContext& c) {
  Emitter& e = c.emitter();
  Reduction r{c.x(), c.y(), c.dy(), {}, false};
  const int64_t axes_since = c.node().op_type == "ReduceSum" ? 13 : 18;
  std::optional<std::vector<int64_t>> known;
  if (c.opset_version() >= axes_since) {
    if (c.HasInput(1)) {
      known = c.ConstantInts(1);
      r.axes = c.x(1);
    }
    const bool no_axes = r.axes.empty() || (known && known->empty());
    r.none = no_axes && c.Int("noop_with_empty_axes") != 0;
    if (no_axes) r.axes = Term(), known.reset();
  } else if (const std::vector<int64_t> axes = c.Ints("axes"); !axes.empty()) {
    known = axes;
    r.axes = e.Ints(axes);
  }
  // A scalar can be broadcast as it is.
  if (r.none || r.axes.empty() || c.Int("keepdims", 1) != 0) return r;
  const auto keep = [&](const Term& term) {
    if (known) return term.Op("Unsqueeze", {r.axes});
    return term.Reshaped(r.x.ReducedBy("ReduceMax", r.axes, true).Op("Shape"));
  };
  r.y = keep(r.y);
  r.dy = keep(r.dy);
  return r;
}

Term Reduced(const Reduction& r, std::string_view op, const Term& x) {
  if (r.none) return x;
  return x.Op(op, r.axes.empty() ? std::vector<Term>() : std::vector<Term>{r.axes}, {ir::Attribute("keepdims", int64_t{1})});
}

Term Spread(const Reduction& r, const Term& dx) { return dx.Op("Expand", {r.x.Shape()}); }

// Gives what `gradient` writes of x, y and dy.
template <Term (*gradient)(const Reduction& r)>
Status Reduce(RuleContext& c) {
  if (!c.wants(0)) return {};
  ASSIGN_OR_RETURN(const Reduction r, ReadReduction(c));
  c.Give(0, gradient(r));
  return {};
}

Term SumGradient(const Reduction& r) { return Spread(r, r.dy); }
Term MeanGradient(const Reduction& r) { return Spread(r, r.dy * r.y.Size().As(r.x.dtype()) / r.x.Size().As(r.x.dtype())); }
Term SumSquareGradient(const Reduction& r) { return r.dy * 2 * r.x; }
Term L1Gradient(const Reduction& r) { return r.dy * Sign(r.x); }
Term L2Gradient(const Reduction& r) { return r.dy * r.x / Where(Equal(r.y, r.y.emitter().Number(0, r.y.dtype())), r.y + 1, r.y); }
Term LogSumGradient(const Reduction& r) { return Spread(r, r.dy * Exp(-r.y)); }
Term LogSumExpGradient(const Reduction& r) { return r.dy * Exp(r.x - r.y); }

// The product of the others: y / x, and where x is the only zero the product of what is not.
Term ProdGradient(const Reduction& r) {
  const Term zero = r.x.emitter().Number(0, r.x.dtype()), is_zero = Equal(r.x, zero);
  const Term nonzero = Where(is_zero, 1 + zero, r.x);
  const Term product = Reduced(r, "ReduceProd", nonzero), zeros = Reduced(r, "ReduceSum", is_zero.As(r.x.dtype()));
  const Term others = Where(is_zero, Where(Less(zeros, 1.5), product, 0), Where(Less(zeros, 0.5), product / nonzero, 0));
  return r.dy * others;
}

// To the extreme elements, in equal parts.
Term ExtremeGradient(const Reduction& r) {
  const Term chosen = Equal(r.x, r.y).As(r.x.dtype());
  return r.dy * chosen / Reduced(r, "ReduceSum", chosen);
}

Status CumSum(RuleContext& c) {
  c.Give(0, c.dy().Op("CumSum", {c.x(1)},
                      {ir::Attribute("exclusive", c.Int("exclusive")), ir::Attribute("reverse", int64_t{c.Int("reverse") == 0})}));
  return {};
}

// The derivative of y_j by x_i is the product with x_i left out, if x_i is among its factors. Products with each one left out
// stand along a new axis in front; the quotient y / x would be shorter, but not defined at 0.
Status CumProd(RuleContext& c) {
  ASSIGN_OR_RETURN(const int64_t rank, c.Rank(0));
  const auto given = c.ConstantInts(1);
  if (!given || given->size() != 1) return Unsupported("CumProd along an axis that is not constant");
  const int64_t axis = given->front() < 0 ? given->front() + rank : given->front();
  if (axis < 0 || axis >= rank) return Invalid("axis is out of range");
  Emitter& e = c.emitter();
  const Term x = c.x(), size = x.Dim(axis), one = e.Ints({1});
  const std::vector<ir::Attribute> attributes = {ir::Attribute("exclusive", c.Int("exclusive")),
                                                 ir::Attribute("reverse", c.Int("reverse"))};
  const Term identity = e.Number(0, x.dtype()).Op("Expand", {e.Concatenated({size, size}, 0)}).Op("EyeLike");
  const Term is_factor = identity.Op("CumSum", {e.Number(1, DataType::kInt64)}, attributes);
  // [size, 1, ... size at the axis ..., 1]
  std::vector<Term> dims = {size};
  for (int64_t i = 0; i < rank; ++i) dims.push_back(i == axis ? size : one);
  const Term shape = e.Concatenated(dims, 0), own = Greater(identity, 0.5).Reshaped(shape);
  const Term others = Where(own, e.Number(1, x.dtype()), x.Unsqueezed({0}));
  const Term products = others.Op("CumProd", {e.Number(static_cast<double>(axis + 1), DataType::kInt64)}, attributes);
  products.value()->producer()->opset_version = c.opset_version();
  const Term sums = (products * is_factor.Reshaped(shape) * c.dy().Unsqueezed({0})).SumOver({axis + 1}, false);
  // The axis in front takes its place again.
  std::vector<int64_t> permutation;
  for (int64_t i = 0; i < rank; ++i) permutation.push_back(i < axis ? i + 1 : (i == axis ? 0 : i));
  c.Give(0, sums.Transposed(permutation));
  return {};
}

// Before opset 13 all axes from `axis` on were one.
template <Term (*gradient)(const Term& y, const Term& dy, int64_t axis)>
Status SoftmaxLike(RuleContext& c) {
  if (c.opset_version() >= 13) {
    c.Give(0, gradient(c.y(), c.dy(), c.Int("axis", -1)));
    return {};
  }
  const auto flat = [&](const Term& term) { return term.Op("Flatten", {}, {ir::Attribute("axis", c.Int("axis", 1))}); };
  c.Give(0, gradient(flat(c.y()), flat(c.dy()), 1).Reshaped(c.x().Shape()));
  return {};
}

Term SoftmaxGradient(const Term& y, const Term& dy, int64_t axis) { return y * (dy - (dy * y).SumOver({axis}, true)); }
Term LogSoftmaxGradient(const Term& y, const Term& dy, int64_t axis) { return dy - Exp(y) * dy.SumOver({axis}, true); }

Status LpNormalization(RuleContext& c) {
  const int64_t axis = c.Int("axis", -1);
  const bool absolute = c.Int("p", 2) == 1;
  const Term x = c.x(), y = c.y(), projection = (c.dy() * y).SumOver({axis}, true);
  const Term norm = absolute ? x.Op("Abs").SumOver({axis}, true) : Sqrt((x * x).SumOver({axis}, true));
  c.Give(0, (c.dy() - (absolute ? Sign(x) : y) * projection) / norm);
  return {};
}

Status Flat(RuleContext&) { return {}; }

constexpr DerivativeEntry kRules[] = {
    {"CumProd", CumProd},
    {"CumSum", CumSum},
    {"Hardmax", Flat},
    {"LogSoftmax", SoftmaxLike<LogSoftmaxGradient>},
    {"LpNormalization", LpNormalization},
    {"ReduceL1", Reduce<L1Gradient>},
    {"ReduceL2", Reduce<L2Gradient>},
    {"ReduceLogSum", Reduce<LogSumGradient>},
    {"ReduceLogSumExp", Reduce<LogSumExpGradient>},
    {"ReduceMax", Reduce<ExtremeGradient>},
    {"ReduceMean", Reduce<MeanGradient>},
    {"ReduceMin", Reduce<ExtremeGradient>},
    {"ReduceProd", Reduce<ProdGradient>},
    {"ReduceSum", Reduce<SumGradient>},
    {"ReduceSumSquare", Reduce<SumSquareGradient>},
    {"Softmax", SoftmaxLike<SoftmaxGradient>},
};

}  // namespace

std::span<const DerivativeEntry> ReductionDerivatives() { return kRules; }

}  // namespace sardonyx::optimize
