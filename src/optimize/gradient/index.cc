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
  if (c.Int("batch_dims") == 0) {
    c.Give(0, c.x(0).Filled(0).Op("ScatterND", {c.x(1), c.dy()}, {Adding()}));
    return {};
  }
  if (!c.wants(0)) return {};
  const Term sources = Positions(c.x(0)).Op("GatherND", {c.x(1)}, {ir::Attribute("batch_dims", c.Int("batch_dims"))});
  c.Give(0, ReturnToPositions(c.x(0), sources, c.dy()));
  return {};
}

// Scattering and gathering along the node's indices.
struct Places {
  bool elements;
  Term indices;
  std::vector<ir::Attribute> axis;

  Term Scattered(const Term& data, const Term& updates, std::string_view reduction) const {
    std::vector<ir::Attribute> attributes = axis;
    attributes.push_back(ir::Attribute("reduction", std::string(reduction)));
    return data.Op(elements ? "ScatterElements" : "ScatterND", {indices, updates}, attributes);
  }
  Term Gathered(const Term& x) const { return x.Op(elements ? "GatherElements" : "GatherND", {indices}, axis); }
};

// y = x * (the product of what goes there). An update's slope is the product of all else, also where some of that is 0.
void ScatterMul(RuleContext& c, const Places& places) {
  const Term x = c.x(0), u = c.x(2), dy = c.dy();
  const Term ones = x.Filled(1);
  if (c.wants(0)) c.Give(0, dy * places.Scattered(ones, u, "mul"));
  if (!c.wants(2)) return;
  const Term is_zero = Equal(u, u.Filled(0)), one = u.Filled(1);
  const Term product = places.Gathered(places.Scattered(ones, Where(is_zero, one, u), "mul"));
  const Term zeros = places.Gathered(places.Scattered(x.Filled(0), is_zero.As(u.dtype()), "add"));
  const Term other_zeros = zeros - is_zero.As(u.dtype());
  const Term others = Where(Greater(other_zeros, 0.5), u.Filled(0), product / Where(is_zero, one, u));
  c.Give(2, places.Gathered(dy * x) * others);
}

// Those that are the extreme share the gradient equally.
void ScatterExtreme(RuleContext& c, const Places& places, std::string_view reduction) {
  const Term x = c.x(0), u = c.x(2);
  const Term y = places.Scattered(x, u, reduction);
  const Term x_wins = Equal(x, y).As(x.dtype()), u_wins = Equal(u, places.Gathered(y)).As(x.dtype());
  const Term share = c.dy() / places.Scattered(x_wins, u_wins, "add");
  c.Give(0, x_wins * share);
  if (c.wants(2)) c.Give(2, u_wins * places.Gathered(share));
}

// What is overwritten passes nothing on; what is added to, all.
template <bool elements>
Status Scatter(RuleContext& c) {
  const std::string reduction = c.String("reduction", "none");
  Places places{elements, c.x(1), {}};
  if (elements) places.axis.push_back(ir::Attribute("axis", c.Int("axis", 0)));
  if (reduction == "mul") {
    ScatterMul(c, places);
  } else if (reduction == "max" || reduction == "min") {
    ScatterExtreme(c, places, reduction);
  } else if (reduction == "none" || reduction == "add") {
    if (c.wants(0)) c.Give(0, reduction == "add" ? c.dy() : places.Scattered(c.dy(), c.x(2).Filled(0), "none"));
    if (c.wants(2)) c.Give(2, places.Gathered(c.dy()));
  } else {
    return Unsupported(fmt::format("reduction '{}'", reduction));
  }
  return {};
}

// Each element, or slice, is where it first stood.
Status Unique(RuleContext& c) {
  if (c.dy(0).empty() || !c.wants(0)) return {};
  ASSIGN_OR_RETURN(const Term first, c.RequireOutput(1, DataType::kInt64));
  Emitter& e = c.emitter();
  const Term x = c.x(0), positions = Positions(x);
  const Term sources = c.HasAttribute("axis") ? positions.Op("Gather", {first}, {ir::Attribute("axis", c.Int("axis"))})
                                              : positions.Reshaped(e.Ints({-1})).Op("Gather", {first});
  c.Give(0, ReturnToPositions(x, sources, c.dy(0)));
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
    {"Unique", Unique},
};

}  // namespace

std::span<const DerivativeEntry> IndexDerivatives() { return kRules; }

}  // namespace sardonyx::optimize
