// Losses, and distances.
#include <cmath>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {

// PyTorch's numbers for reductions: 0 none, 1 mean, 2 sum.
V ReduceLoss(Call& c, V loss, int64_t reduction) {
  if (reduction == 0) return loss;
  return c.b.Reduce(reduction == 1 ? "ReduceMean" : "ReduceSum", loss, {}, false);
}

namespace {

int64_t Reduction(Call& c) { return c.Int("reduction", 1); }
const char* ReductionName(int64_t reduction) { return reduction == 0 ? "none" : reduction == 1 ? "mean" : "sum"; }

// -log p[target], from log probabilities [N, C, ...] (or [C]).
V NegativeLogLikelihood(Call& c, V logp, V target, V weight, int64_t reduction, int64_t ignore) {
  ops::GraphBuilder& b = c.b;
  const bool vector = b.known_rank(logp) == size_t{1};
  if (vector) {
    logp = b.Unsqueeze(logp, {0});
    target = b.Reshape(target, {1});
  }
  V loss = b.Op("NegativeLogLikelihoodLoss", {logp, target, weight}, {{"ignore_index", ignore}, {"reduction", ReductionName(reduction)}});
  return vector && reduction == 0 ? b.Squeeze(loss, {0}) : loss;
}

Outputs NllLoss(Call& c) {
  V logp = c.tensor("self");
  V loss = NegativeLogLikelihood(c, logp, c.tensor("target"), c.tensor_or_null("weight"), Reduction(c), c.Int("ignore_index", -100));
  if (c.node().outputs.size() > 1) return Outputs{loss, c.b.NumberLike(1, logp)};
  return loss;
}

Outputs CrossEntropy(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.tensor("self"), target = c.tensor("target"), weight = c.tensor_or_null("weight");
  const int64_t reduction = Reduction(c), ignore = c.Int("ignore_index", -100);
  const double smoothing = c.Double("label_smoothing", 0.0);
  const auto rank = static_cast<int64_t>(b.rank(x));
  const int64_t axis = rank == 1 ? 0 : 1;
  V logp = b.Op("LogSoftmax", {x}, {{"axis", axis}});
  std::vector<int64_t> shape(static_cast<size_t>(std::max<int64_t>(1, rank - axis)), 1);
  shape[0] = -1;
  V weights = weight ? (rank <= 2 ? weight : b.Reshape(weight, shape)) : nullptr;
  V classes = b.Cast(b.SizeOf(x, axis), b.dtype(x));
  if (IsFloatingPoint(b.dtype(target))) {
    // Probabilities: their mean is over everything but the classes.
    if (smoothing > 0) target = b.Add(b.Mul(target, b.NumberLike(1 - smoothing, x)), b.Div(b.NumberLike(smoothing, x), classes));
    V product = b.Mul(logp, target);
    if (weights) product = b.Mul(product, weights);
    V loss = b.Neg(b.Reduce("ReduceSum", product, {axis}, false));
    return ReduceLoss(c, loss, reduction);
  }
  if (smoothing == 0) return NegativeLogLikelihood(c, logp, target, weight, reduction, ignore);
  V plain = NegativeLogLikelihood(c, logp, target, weight, reduction, ignore);
  // (1 - s) nll + s / C times the loss against all classes, where the target counts.
  V spread = b.Neg(b.Reduce("ReduceSum", weights ? b.Mul(logp, weights) : logp, {axis}, false));
  V counts = Not(b, b.Op("Equal", {target, b.NumberLike(static_cast<double>(ignore), target)}));
  V zero = b.NumberLike(0, x);
  spread = b.Where(counts, spread, zero);
  if (reduction == 2) spread = b.Reduce("ReduceSum", spread, {}, false);
  if (reduction == 1) {
    V share = b.Cast(counts, b.dtype(x));
    if (weight) share = b.Where(counts, b.Gather(weight, b.Where(counts, target, b.NumberLike(0, target)), 0), zero);
    spread = b.Div(b.Reduce("ReduceSum", spread, {}, false), b.Reduce("ReduceSum", share, {}, false));
  }
  return b.Add(b.Mul(plain, b.NumberLike(1 - smoothing, x)), b.Mul(spread, b.Div(b.NumberLike(smoothing, x), classes)));
}

Outputs Difference(Call& c) {
  // param: mse, l1, smooth (beta), huber (delta)
  ops::GraphBuilder& b = c.b;
  const std::vector<V> v = c.Promoted({"self", "target"});
  V d = b.Sub(v[0], v[1]);
  if (c.param() == "mse") return ReduceLoss(c, b.Mul(d, d), Reduction(c));
  V size = b.Op("Abs", {d});
  const double limit = c.param() == "smooth" ? c.Double("beta", 1.0) : c.param() == "huber" ? c.Double("delta", 1.0) : 0;
  if (c.param() == "l1" || limit == 0) return ReduceLoss(c, size, Reduction(c));
  V near = b.Mul(b.Mul(d, d), b.NumberLike(c.param() == "smooth" ? 0.5 / limit : 0.5, d));
  V far = b.Sub(size, b.NumberLike(0.5 * limit, d));
  if (c.param() == "huber") far = b.Mul(far, b.NumberLike(limit, d));
  return ReduceLoss(c, b.Where(b.Op("Less", {size, b.NumberLike(limit, d)}), near, far), Reduction(c));
}

Outputs BinaryCrossEntropy(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.tensor("self"), y = c.tensor("target");
  V one = b.NumberLike(1, x), loss = nullptr;
  if (c.param() == "logits") {
    // (1 - y) x + w log(1 + exp(-x)), w = 1 + (pos_weight - 1) y
    V softplus = b.Op("Softplus", {b.Neg(x)});
    if (!c.is_none("pos_weight")) softplus = b.Mul(softplus, b.Add(one, b.Mul(b.Sub(c.tensor("pos_weight"), one), y)));
    loss = b.Add(b.Mul(b.Sub(one, y), x), softplus);
  } else {
    // Logarithms are bounded at -100.
    V low = b.NumberLike(-100, x);
    V yes = b.Op("Max", {b.Op("Log", {x}), low}), no = b.Op("Max", {b.Op("Log", {b.Sub(one, x)}), low});
    loss = b.Neg(b.Add(b.Mul(y, yes), b.Mul(b.Sub(one, y), no)));
  }
  if (!c.is_none("weight")) loss = b.Mul(loss, c.tensor("weight"));
  return ReduceLoss(c, loss, Reduction(c));
}

Outputs KlDivergence(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.tensor("self"), y = c.tensor("target");
  V loss = nullptr;
  if (c.Bool("log_target", false)) {
    loss = b.Mul(b.Op("Exp", {y}), b.Sub(y, x));
  } else {
    V zero = b.NumberLike(0, y);
    V positive = b.Op("Greater", {y, zero});
    V entropy = b.Where(positive, b.Mul(y, b.Op("Log", {b.Where(positive, y, b.NumberLike(1, y))})), zero);
    loss = b.Sub(entropy, b.Mul(y, x));
  }
  return ReduceLoss(c, loss, Reduction(c));
}

V CosineSimilarityOf(Call& c, V x, V y, int64_t axis, double epsilon) {
  ops::GraphBuilder& b = c.b;
  V product = b.Reduce("ReduceSum", b.Mul(x, y), {axis}, false);
  const auto length = [&](V v) { return b.Op("Max", {b.Reduce("ReduceL2", v, {axis}, false), b.NumberLike(epsilon, v)}); };
  return b.Div(product, b.Mul(length(x), length(y)));
}
Outputs CosineSimilarity(Call& c) {
  std::vector<V> v = c.Promoted({"x1", "x2"}, true);
  if (c.b.rank(v[0]) == 0 && c.b.rank(v[1]) == 0) {
    // Vectors of one.
    for (V& x : v) x = c.b.Reshape(x, {1});
    return CosineSimilarityOf(c, v[0], v[1], 0, c.Double("eps", 1e-8));
  }
  // Lengths are those of what was broadcast.
  bool same = c.b.rank(v[0]) == c.b.rank(v[1]);
  for (int64_t i = 0; same && i < static_cast<int64_t>(c.b.rank(v[0])); ++i) same = c.b.dim(v[0], i) == c.b.dim(v[1], i);
  if (!same) {
    const std::vector<IValue> wide =
        c.translator.Apply("aten.broadcast_tensors.default", {IValue::MakeList({AsArgument(v[0]), AsArgument(v[1])})});
    if (!c.b.ok()) return v[0];
    for (size_t i = 0; i < 2; ++i) v[i] = wide.at(i).tensor().value;
  }
  const int64_t axis = c.Axis("dim", static_cast<int64_t>(c.b.rank(v[0])), 1);
  return CosineSimilarityOf(c, v[0], v[1], axis, c.Double("eps", 1e-8));
}
Outputs CosineEmbedding(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.float_tensor("input1"), y = c.float_tensor("input2"), target = c.tensor("target");
  // The squared lengths have an epsilon of their own.
  const int64_t axis = -1;
  V product = b.Reduce("ReduceSum", b.Mul(x, y), {axis}, false), small = b.NumberLike(1e-12, x);
  const auto square = [&](V v) { return b.Add(b.Reduce("ReduceSum", b.Mul(v, v), {axis}, false), small); };
  V similarity = b.Div(product, b.Op("Sqrt", {b.Mul(square(x), square(y))}));
  V zero = b.NumberLike(0, x);
  V apart = b.Op("Max", {b.Sub(similarity, b.NumberLike(c.Double("margin", 0.0), x)), zero});
  V sign = b.Cast(target, b.dtype(x));
  V loss = b.Where(b.Op("Greater", {sign, zero}), b.Sub(b.NumberLike(1, x), similarity), apart);
  return ReduceLoss(c, loss, Reduction(c));
}

Outputs Margin(Call& c) {
  ops::GraphBuilder& b = c.b;
  if (c.param() == "ranking") {
    V x = c.tensor("input1");
    V d = c.ToFloat(b.Mul(c.tensor("target"), b.Sub(c.tensor("input2"), x)));
    return ReduceLoss(c, b.Op("Max", {b.Add(d, b.NumberLike(c.Double("margin", 0.0), d)), b.NumberLike(0, d)}), Reduction(c));
  }
  V x = c.tensor("self"), target = c.tensor("target");
  if (c.param() == "soft") {
    V loss = b.Op("Softplus", {b.Neg(b.Mul(x, b.Cast(target, b.dtype(x))))});
    return ReduceLoss(c, loss, Reduction(c));
  }
  // Hinge embedding: x where the target is 1, max(0, margin - x) where it is -1.
  V zero = b.NumberLike(0, x), sign = b.Cast(target, b.dtype(x));
  V apart = b.Op("Max", {b.Sub(b.NumberLike(c.Double("margin", 1.0), x), x), zero});
  V near = b.Where(b.Op("Equal", {sign, b.NumberLike(-1, x)}), zero, x), far = b.Where(b.Op("Equal", {sign, b.NumberLike(1, x)}), zero, apart);
  return ReduceLoss(c, b.Add(near, far), Reduction(c));  // any other target: both
}

// The element of x [N, C] at each row's class [N, 1], and 1 where a class is another.
struct Others {
  V own, apart;
};
Others OthersOf(Call& c, V x, V target) {
  V classes = c.b.Unsqueeze(Arange(c.b, c.b.SizeOf(x, 1)), {0});
  V own = GatherAlong(c, x, 1, target);
  return {own, c.b.Cast(Not(c.b, c.b.Op("Equal", {classes, target})), c.b.dtype(x))};
}
Outputs MultiMargin(Call& c) {
  // By how much other classes come within the margin of the right one, on average.
  ops::GraphBuilder& b = c.b;
  V x = c.tensor("self"), target = b.Cast(c.tensor("target"), DataType::kInt64);
  const bool vector = b.rank(x) <= 1;
  if (vector) x = b.Reshape(x, {1, -1});
  target = b.Reshape(target, {-1, 1});
  const Others others = OthersOf(c, x, target);
  V d = b.Op("Max", {b.Add(b.Sub(c.NumberAs("margin", b.dtype(x)), others.own), x), b.NumberLike(0, x)});
  if (c.Double("p", 1) == 2) d = b.Mul(d, d);
  if (!c.is_none("weight")) d = b.Mul(d, b.Gather(c.tensor("weight"), target, 0));
  V loss = b.Div(b.Reduce("ReduceSum", b.Mul(d, others.apart), {1}, false), b.Cast(b.SizeOf(x, 1), b.dtype(x)));
  if (Reduction(c) == 0 && vector) return b.Squeeze(loss, {0});
  return ReduceLoss(c, loss, Reduction(c));
}
Outputs MultiLabelMargin(Call& c) {
  // Targets are classes up to the first -1; each against every class that is none.
  ops::GraphBuilder& b = c.b;
  V x = c.tensor("self"), target = b.Cast(c.tensor("target"), DataType::kInt64);
  const bool vector = b.rank(x) <= 1;
  if (vector) {
    x = b.Reshape(x, {1, -1});
    target = b.Reshape(target, {1, -1});
  }
  V zero = b.Int(0);
  V ended = b.Op("CumSum", {b.Cast(b.Op("Less", {target, zero}), DataType::kInt64), b.Int(1)});
  V valid = b.Op("Equal", {ended, zero});
  V classes = b.Reshape(Arange(b, b.SizeOf(x, 1)), {1, 1, -1});
  V hit = b.Op("And", {b.Op("Equal", {b.Unsqueeze(target, {2}), classes}), b.Unsqueeze(valid, {2})});  // [N, targets, classes]
  V is_target = AnyOf(b, hit, {1}, false);
  V own = GatherAlong(c, x, 1, b.Where(valid, target, zero));
  V d = b.Add(b.Sub(b.NumberLike(1, x), b.Unsqueeze(own, {2})), b.Unsqueeze(x, {1}));
  V counts = b.Op("And", {b.Unsqueeze(valid, {2}), b.Unsqueeze(Not(b, is_target), {1})});
  V part = b.Where(counts, b.Op("Max", {d, b.NumberLike(0, x)}), b.NumberLike(0, x));
  V loss = b.Div(b.Reduce("ReduceSum", part, {1, 2}, false), b.Cast(b.SizeOf(x, 1), b.dtype(x)));
  if (Reduction(c) == 0 && vector) return b.Squeeze(loss, {0});
  return Outputs{ReduceLoss(c, loss, Reduction(c)), b.Cast(is_target, b.dtype(x))};
}

V PairDistance(Call& c, V x, V y, double p, double epsilon, bool keepdim) {
  V apart = c.ToFloat(c.b.Sub(x, y));  // of integers, in their own type
  return VectorNorm(c, c.b.Add(apart, c.b.NumberLike(epsilon, apart)), p, {static_cast<int64_t>(c.b.rank(apart)) - 1}, keepdim);
}
Outputs PairwiseDistance(Call& c) {
  const std::vector<V> v = c.Promoted({"x1", "x2"});
  return PairDistance(c, v[0], v[1], c.Double("p", 2), c.Double("eps", 1e-6), c.Bool("keepdim", false));
}
Outputs TripletMargin(Call& c) {
  ops::GraphBuilder& b = c.b;
  const std::vector<V> v = c.Promoted({"anchor", "positive", "negative"});
  V anchor = v[0], positive = v[1], negative = v[2];
  const double p = c.Double("p", 2), epsilon = c.Double("eps", 1e-6);
  V near = PairDistance(c, anchor, positive, p, epsilon, false), far = PairDistance(c, anchor, negative, p, epsilon, false);
  if (c.Bool("swap", false)) far = b.Op("Min", {far, PairDistance(c, positive, negative, p, epsilon, false)});
  V loss = b.Op("Max", {b.Add(b.Sub(near, far), b.NumberLike(c.Double("margin", 1.0), near)), b.NumberLike(0, near)});
  return ReduceLoss(c, loss, Reduction(c));
}

Outputs PoissonNll(Call& c) {
  ops::GraphBuilder& b = c.b;
  const std::vector<V> v = c.Promoted({"input", "target"}, /*to_float=*/true);
  V x = v[0], target = v[1];
  V loss = c.Bool("log_input", true) ? b.Sub(b.Op("Exp", {x}), b.Mul(target, x))
                                     : b.Sub(x, b.Mul(target, b.Op("Log", {b.Add(x, b.NumberLike(c.Double("eps", 1e-8), x))})));
  if (c.Bool("full", false)) {
    // Stirling's formula for targets above 1.
    V one = b.NumberLike(1, target);
    V big = b.Op("Greater", {target, one}), safe = b.Where(big, target, one);
    V stirling = b.Add(b.Sub(b.Mul(safe, b.Op("Log", {safe})), safe),
                       b.Mul(b.NumberLike(0.5, target), b.Op("Log", {b.Mul(b.NumberLike(2 * M_PI, target), safe)})));
    loss = b.Add(loss, b.Where(big, stirling, b.NumberLike(0, target)));
  }
  return ReduceLoss(c, loss, Reduction(c));
}

Outputs Cdist(Call& c) {
  const std::vector<V> v = c.Promoted({"x1", "x2"}, true);
  V d = c.b.Sub(c.b.Unsqueeze(v[0], {-2}), c.b.Unsqueeze(v[1], {-3}));
  return VectorNorm(c, d, c.Double("p", 2), {static_cast<int64_t>(c.b.rank(d)) - 1}, false);
}

// Distances between all pairs of rows, each pair once.
Outputs PairDistances(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.tensor("self");
  V d = b.Sub(b.Unsqueeze(x, {1}), b.Unsqueeze(x, {0}));
  V all = VectorNorm(c, d, c.Double("p", 2), {2}, false);
  V rows = Arange(b, b.SizeOf(x, 0));
  V above = b.Op("Less", {b.Unsqueeze(rows, {1}), b.Unsqueeze(rows, {0})});
  return b.Op("Compress", {b.Flatten(all), b.Flatten(above)});
}

constexpr RuleRow kRows[] = {
    {"aten.nll_loss", NllLoss},
    {"aten.nll_loss_nd", NllLoss},
    {"aten.nll_loss2d", NllLoss},
    {"aten.nll_loss_forward", NllLoss},
    {"aten.nll_loss2d_forward", NllLoss},
    {"aten.cross_entropy_loss", CrossEntropy},
    {"aten.mse_loss", Difference, "mse"},
    {"aten.l1_loss", Difference, "l1"},
    {"aten.smooth_l1_loss", Difference, "smooth"},
    {"aten.huber_loss", Difference, "huber"},
    {"aten.binary_cross_entropy", BinaryCrossEntropy, ""},
    {"aten.binary_cross_entropy_with_logits", BinaryCrossEntropy, "logits"},
    {"aten.kl_div", KlDivergence},
    {"aten.cosine_similarity", CosineSimilarity},
    {"aten.cosine_embedding_loss", CosineEmbedding},
    {"aten.margin_ranking_loss", Margin, "ranking"},
    {"aten.hinge_embedding_loss", Margin, "hinge"},
    {"aten.soft_margin_loss", Margin, "soft"},
    {"aten.pairwise_distance", PairwiseDistance},
    {"aten.triplet_margin_loss", TripletMargin},
    {"aten.poisson_nll_loss", PoissonNll},
    {"aten.multi_margin_loss", MultiMargin},
    {"aten.multilabel_margin_loss", MultiLabelMargin},
    {"aten.multilabel_margin_loss_forward", MultiLabelMargin},
    {"aten.pdist", PairDistances},
    {"aten._pdist_forward", PairDistances},
    {"aten.cdist", Cdist},
    {"aten._cdist_forward", Cdist},
    {"aten._euclidean_dist", Cdist},
};

}  // namespace

std::span<const RuleRow> Losses() { return kRows; }

}  // namespace sardonyx::pytorch::rules
