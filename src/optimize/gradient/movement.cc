// Derivatives of operators that only move elements.
#include <algorithm>

#include "base/status_macros.h"
#include "optimize/gradient/rule.h"

namespace sardonyx::optimize {
namespace {

Status Reshape(RuleContext& c) {
  c.Give(0, c.dy().Reshaped(c.x().Shape()));
  return {};
}

Status Transpose(RuleContext& c) {
  const std::vector<int64_t> permutation = c.Ints("perm");
  if (permutation.empty()) {  // the reverse order, which is its own inverse
    c.Give(0, c.dy().Op("Transpose"));
    return {};
  }
  std::vector<int64_t> inverse(permutation.size());
  for (size_t i = 0; i < permutation.size(); ++i) {
    if (permutation[i] < 0 || permutation[i] >= static_cast<int64_t>(permutation.size())) return Invalid("perm is no permutation");
    inverse[static_cast<size_t>(permutation[i])] = static_cast<int64_t>(i);
  }
  c.Give(0, c.dy().Transposed(inverse));
  return {};
}

Status Concat(RuleContext& c) {
  const int64_t axis = c.Int("axis", 1);
  std::vector<Term> sizes;
  for (size_t i = 0; i < c.num_inputs(); ++i) sizes.push_back(c.x(i).Dim(axis));
  const std::vector<Term> parts =
      c.emitter().Ops("Split", {c.dy(), c.emitter().Concatenated(sizes, 0)}, {ir::Attribute("axis", axis)}, sizes.size());
  for (size_t i = 0; i < parts.size(); ++i) c.Give(i, parts[i]);
  return {};
}

Status Split(RuleContext& c) {
  std::vector<Term> parts;
  for (size_t i = 0; i < c.num_outputs(); ++i) {
    if (!c.node().output(i)) return Unsupported("Split that leaves an output out");
    parts.push_back(c.dy_or_zeros(i));
  }
  c.Give(0, c.emitter().Concatenated(parts, c.Int("axis", 0)));
  return {};
}

Status Trilu(RuleContext& c) {
  std::vector<Term> k;
  if (c.HasInput(1)) k.push_back(c.x(1));
  c.Give(0, c.dy().Op("Trilu", k, {ir::Attribute("upper", c.Int("upper", 1))}));
  return {};
}

// Padding takes the position beyond the last; before opset 11 pads were an attribute.
Status Pad(RuleContext& c) {
  Emitter& e = c.emitter();
  const Term x = c.x();
  const bool attributes = c.opset_version() < 11;
  std::vector<Term> others = {attributes ? e.Ints(c.Ints(c.opset_version() < 2 ? "paddings" : "pads")) : c.x(1), x.Size()};
  if (!attributes && c.HasInput(3)) others.push_back(c.x(3));
  const Term sources = Positions(x).Op("Pad", others, {ir::Attribute("mode", c.String("mode", "constant"))});
  const Term dx = ReturnToPositions(x, sources, c.dy());
  if (c.wants(0)) c.Give(0, dx);
  const auto total = [](const Term& term) { return term.Op("ReduceSum", {}, {ir::Attribute("keepdims", int64_t{0})}); };
  if (!attributes && c.wants(2)) c.Give(2, (total(c.dy()) - total(dx)).Reshaped(c.x(2).Shape()));
  return {};
}

constexpr DerivativeEntry kRules[] = {
    {"Compress", GiveMoved},
    {"Concat", Concat},
    {"DepthToSpace", GiveMoved},
    {"Flatten", Reshape},
    {"Pad", Pad},
    {"Reshape", Reshape},
    {"ReverseSequence", GiveMoved},
    {"Slice", GiveMoved},
    {"SpaceToDepth", GiveMoved},
    {"Split", Split},
    {"Squeeze", Reshape},
    {"Tile", GiveMoved},
    {"Transpose", Transpose},
    {"Trilu", Trilu},
    {"Unsqueeze", Reshape},
};

}  // namespace

std::span<const DerivativeEntry> MovementDerivatives() { return kRules; }

}  // namespace sardonyx::optimize
