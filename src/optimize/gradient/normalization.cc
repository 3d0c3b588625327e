// Derivatives of normalizations.
#include <cmath>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "optimize/gradient/rule.h"

namespace sardonyx::optimize {
namespace {

using I = std::vector<int64_t>;

I AxesFrom(int64_t first, int64_t rank) {
  I axes;
  for (int64_t i = first; i < rank; ++i) axes.push_back(i);
  return axes;
}

// x less its mean (unless `centered` is false), times the inverse of its deviation, over `axes`.
struct Normalized {
  I axes;
  bool centered = true;
  Term inverse_deviation, value;

  Normalized(const Term& x, I over, double epsilon, bool center) : axes(std::move(over)), centered(center) {
    const Term difference = centered ? x - x.MeanOver(axes, true) : x;
    inverse_deviation = 1 / Sqrt((difference * difference).MeanOver(axes, true) + epsilon);
    value = difference * inverse_deviation;
  }

  // The gradient of x, given that of `value`.
  Term Gradient(const Term& d) const {
    const Term straight = d - value * (d * value).MeanOver(axes, true);
    return inverse_deviation * (centered ? straight - d.MeanOver(axes, true) : straight);
  }
};

// Scale and bias are [channels] of an x [batch, channels, ...].
Term PerChannel(const Term& x, int64_t rank) {
  I shape(static_cast<size_t>(std::max<int64_t>(rank - 1, 1)), 1);
  shape[0] = -1;
  return x.Reshaped(x.emitter().Ints(shape));
}
Term SumOfChannels(const Term& x, int64_t rank) {
  I axes = AxesFrom(2, rank);
  axes.push_back(0);
  return x.SumOver(axes, false);
}

Status InstanceNormalization(RuleContext& c) {
  ASSIGN_OR_RETURN(const int64_t rank, c.Rank(0));
  const Normalized n(c.x(), AxesFrom(2, rank), c.Float("epsilon", 1e-5), true);
  if (c.wants(0)) c.Give(0, n.Gradient(c.dy() * PerChannel(c.x(1), rank)));
  if (c.wants(1)) c.Give(1, SumOfChannels(c.dy() * n.value, rank));
  if (c.wants(2)) c.Give(2, SumOfChannels(c.dy(), rank));
  return {};
}

bool IsTraining(const RuleContext& c) {
  if (c.opset_version() >= 14) return c.Int("training_mode") != 0;
  return c.opset_version() < 7 ? c.Int("is_test") == 0 : c.num_outputs() > 1;
}

Status BatchNormalization(RuleContext& c) {
  ASSIGN_OR_RETURN(const int64_t rank, c.Rank(0));
  if (c.opset_version() < 9 && c.Int("spatial", 1) == 0) return Unsupported("BatchNormalization with spatial 0");
  for (size_t i = 1; i < c.num_outputs(); ++i)
    if (!c.dy(i).empty()) return Unsupported("BatchNormalization whose running statistics are differentiated");
  const double epsilon = c.Float("epsilon", 1e-5);
  const Term x = c.x(), dy = c.dy(), scale = PerChannel(c.x(1), rank);
  if (c.wants(2)) c.Give(2, SumOfChannels(dy, rank));
  if (IsTraining(c)) {
    I axes = AxesFrom(2, rank);
    axes.insert(axes.begin(), 0);
    const Normalized n(x, axes, epsilon, true);
    if (c.wants(0)) c.Give(0, n.Gradient(dy * scale));
    if (c.wants(1)) c.Give(1, SumOfChannels(dy * n.value, rank));
    return {};
  }
  const Term difference = x - PerChannel(c.x(3), rank), inverse = 1 / Sqrt(PerChannel(c.x(4), rank) + epsilon);
  const Term dx = dy * scale * inverse;
  c.Give(0, dx);
  if (c.wants(1)) c.Give(1, SumOfChannels(dy * difference * inverse, rank));
  if (c.wants(3)) c.Give(3, -SumOfChannels(dx, rank));
  if (c.wants(4)) c.Give(4, -0.5 * SumOfChannels(dx * difference * inverse * inverse, rank));
  return {};
}

// LayerNormalization and RMSNormalization: over the axes from `axis` on.
template <bool centered>
Status NormalizeRows(RuleContext& c) {
  ASSIGN_OR_RETURN(const int64_t rank, c.Rank(0));
  for (size_t i = 1; i < c.num_outputs(); ++i)
    if (!c.dy(i).empty()) return Unsupported("LayerNormalization whose mean or deviation is differentiated");
  const int64_t axis = c.Int("axis", -1), first = axis < 0 ? axis + rank : axis;
  if (first < 0 || first >= rank) return Invalid(fmt::format("axis {} of rank {}", axis, rank));
  const Normalized n(c.x(), AxesFrom(first, rank), c.Float("epsilon", 1e-5), centered);
  if (c.wants(0)) c.Give(0, n.Gradient(c.dy() * c.x(1)));
  if (c.wants(1)) c.GiveBroadcast(1, c.dy() * n.value);
  if (c.wants(2)) c.GiveBroadcast(2, c.dy());
  return {};
}

// y = x * s^-beta, where s = bias + alpha / size * the sum of squares over a window of channels.
Status Lrn(RuleContext& c) {
  const int64_t size = c.Int("size"), before = (size - 1) / 2, after = size - 1 - before;
  if (size < 1) return Invalid(fmt::format("size is {}", size));
  const double alpha = c.Float("alpha", 1e-4), beta = c.Float("beta", 0.75), bias = c.Float("bias", 1);
  Emitter& e = c.emitter();
  const Term x = c.x(), planes = e.Concatenated({x.Dim(0), e.Ints({1}), x.Dim(1), e.Ints({-1})}, 0);
  const Term ones = e.Number(1, x.dtype()).Op("Expand", {e.Ints({1, 1, size, 1})});
  const auto over_window = [&](const Term& term, int64_t first, int64_t last) {
    return term.Reshaped(planes).Op("Conv", {ones}, {ir::Attribute("pads", I{first, 0, last, 0})}).Reshaped(x.Shape());
  };
  const Term s = alpha / static_cast<double>(size) * over_window(x * x, before, after) + bias;
  const Term power = s.Op("Pow", {e.Number(-beta, x.dtype())});
  // A channel lies in the windows of those that it has in its own, mirrored.
  const Term through_s = over_window(c.dy() * x * power / s, after, before);
  c.Give(0, c.dy() * power - 2 * alpha * beta / static_cast<double>(size) * x * through_s);
  return {};
}

constexpr DerivativeEntry kRules[] = {
    {"BatchNormalization", BatchNormalization},  {"InstanceNormalization", InstanceNormalization}, {"LRN", Lrn},
    {"LayerNormalization", NormalizeRows<true>}, {"RMSNormalization", NormalizeRows<false>},
};

}  // namespace

std::span<const DerivativeEntry> NormalizationDerivatives() { return kRules; }

}  // namespace sardonyx::optimize
