// Derivatives of operators that pick and place elements by indices.
#include <fmt/format.h>

#include "base/status_macros.h"
#include "optimize/gradient/rule.h"

namespace sardonyx::optimize {
namespace {

ir::Attribute Adding() { return ir::Attribute("reduction", std::string("add")); }

// By rows of axis 0, to which another axis is brought.
Status Gather(RuleContext& c) {
  const int64_t axis = c.Int("axis", 0);
  const Term rows = c.x(1).As(DataType::kInt64).Unsqueezed({-1});
  if (axis == 0) {
    c.Give(0, c.x(0).Filled(0).Op("ScatterND", {rows, c.dy()}, {Adding()}));
    return {};
  }
  ASSIGN_OR_RETURN(const int64_t rank, c.Rank(0));
  ASSIGN_OR_RETURN(const int64_t index_rank, c.Rank(1));
  const int64_t at = axis < 0 ? axis + rank : axis;
  if (at < 0 || at >= rank) return Invalid(fmt::format("axis {} of rank {}", axis, rank));
  std::vector<int64_t> front = {at}, back, result;
  for (int64_t i = 0; i < rank; ++i)
    if (i != at) front.push_back(i);
  for (int64_t i = 0; i < rank; ++i) back.push_back(i < at ? i + 1 : (i == at ? 0 : i));
  for (int64_t i = 0; i < index_rank; ++i) result.push_back(at + i);
  for (int64_t i = 0; i < rank + index_rank - 1; ++i)
    if (i < at || i >= at + index_rank) result.push_back(i);
  const Term zeros = c.x(0).Filled(0).Transposed(front);
  c.Give(0, zeros.Op("ScatterND", {rows, c.dy().Transposed(result)}, {Adding()}).Transposed(back));
  return {};
}

Status GatherElements(RuleContext& c) {
  c.Give(0, c.x(0).Filled(0).Op("ScatterElements", {c.x(1), c.dy()}, {ir::Attribute("axis", c.Int("axis", 0)), Adding()}));
  return {};
}

Status GatherNd(RuleContext& c) {
  if (c.Int("batch_dims") != 0) return Unsupported("GatherND with batch_dims");
  c.Give(0, c.x(0).Filled(0).Op("ScatterND", {c.x(1), c.dy()}, {Adding()}));
  return {};
}

// What is overwritten passes nothing on; what is added to, all.
template <bool elements>
Status Scatter(RuleContext& c) {
  const std::string reduction = c.String("reduction", "none");
  if (reduction != "none" && reduction != "add") return Unsupported(fmt::format("reduction '{}'", reduction));
  std::vector<ir::Attribute> axis;
  if (elements) axis.push_back(ir::Attribute("axis", c.Int("axis", 0)));
  if (c.wants(0))
    c.Give(0, reduction == "add" ? c.dy() : c.dy().Op(elements ? "ScatterElements" : "ScatterND", {c.x(1), c.x(2).Filled(0)}, axis));
  if (c.wants(2)) c.Give(2, c.dy().Op(elements ? "GatherElements" : "GatherND", {c.x(1)}, axis));
  return {};
}

Status TopK(RuleContext& c) {
  if (c.dy(0).empty()) return {};
  ASSIGN_OR_RETURN(const Term indices, c.RequireOutput(1, DataType::kInt64));
  c.Give(0, c.x(0).Filled(0).Op("ScatterElements", {indices, c.dy(0)}, {ir::Attribute("axis", c.Int("axis", -1))}));
  return {};
}

constexpr DerivativeEntry kRules[] = {
    {"Gather", Gather},
    {"GatherElements", GatherElements},
    {"GatherND", GatherNd},
    {"Scatter", Scatter<true>},
    {"ScatterElements", Scatter<true>},
    {"ScatterND", Scatter<false>},
    {"TopK", TopK},
};

}  // namespace

std::span<const DerivativeEntry> IndexDerivatives() { return kRules; }

}  // namespace sardonyx::optimize
