// DequantizeLinear is linear in its scale; its integers have no derivative. (QuantizeLinear gives integers, so that nothing passes it.)
#include <fmt/format.h>

#include "base/status_macros.h"
#include "optimize/gradient/rule.h"

namespace sardonyx::optimize {
namespace {

Status DequantizeLinear(RuleContext& c) {
  if (!c.wants(1)) return {};
  const Term scale = c.x(1);
  ASSIGN_OR_RETURN(const int64_t rank, c.Rank(0));
  ASSIGN_OR_RETURN(const int64_t scale_rank, c.Rank(1));
  if (c.Int("block_size") != 0) return Unsupported("block_size");
  // y = (x - zero point) scale, so the slope is y of a scale of 1.
  std::vector<ir::Attribute> attributes = {ir::Attribute("axis", c.Int("axis", 1))};
  const Term slopes = c.x(0).Op("DequantizeLinear", {scale.Filled(1), c.HasInput(2) ? c.x(2) : Term()}, attributes).As(scale.dtype());
  const Term product = c.dy().As(scale.dtype()) * slopes;
  std::vector<int64_t> axes;
  int64_t axis = c.Int("axis", 1);
  if (axis < 0) axis += rank;
  for (int64_t i = 0; i < rank; ++i)
    if (scale_rank == 0 || i != axis) axes.push_back(i);
  const Term sum = axes.empty() ? product : product.SumOver(axes, false);
  c.Give(1, sum.Reshaped(scale.Shape()));
  return {};
}

constexpr DerivativeEntry kRules[] = {
    {"DequantizeLinear", DequantizeLinear},
};

}  // namespace

std::span<const DerivativeEntry> QuantizeDerivatives() { return kRules; }

}  // namespace sardonyx::optimize
