// Nodes that change nothing.
#include <algorithm>

#include "optimize/passes/conditions.h"
#include "optimize/passes/passes.h"

namespace sardonyx::optimize {
namespace {

bool IsInference(Match& m) {
  const int64_t version = m.opset_version(m.root());
  if (version < 7) return m.root().GetInt("is_test", 0) != 0;
  const ir::Value* training = m.root().input(2);
  if (version < 12 || !training) return true;
  const std::optional<Tensor> flag = ConstantTensor(training);
  return flag && ScalarOf(*flag) == 0.0;
}

bool CastsToSameType(Match& m) { return m.dtype("x") != DataType::kUndefined && m.root().GetInt("to", 0) == static_cast<int64_t>(m.dtype("x")); }

// The result's shape is the input's: all dims known, and nothing is empty, so that dims tell it all.
bool KeepsShape(Match& m) {
  const auto from = StaticDims(m.value("x")), to = StaticDims(m.root().output(0));
  return from && from == to;
}

bool SlicesAll(Match& m) {
  if (!KeepsShape(m)) return false;
  if (m.opset_version(m.root()) < 10 || !m.root().input(4)) return true;
  const auto steps = Integers(m, "steps");
  return steps && std::all_of(steps->begin(), steps->end(), [](int64_t step) { return step > 0; });
}

bool PadsNothing(Match& m) {
  const auto pads = m.root().attribute("pads") ? std::optional(m.root().GetInts("pads")) : Integers(m, "pads");
  return pads && std::all_of(pads->begin(), pads->end(), [](int64_t pad) { return pad == 0; });
}

std::optional<std::vector<int64_t>> PermutationOf(const ir::Node& node) {
  std::vector<int64_t> perm = node.GetInts("perm");
  if (!perm.empty()) return perm;
  const ir::Type& type = node.input(0)->type;
  if (!type.is_tensor() || !type.shape) return std::nullopt;
  for (size_t i = type.shape->rank(); i-- > 0;) perm.push_back(static_cast<int64_t>(i));
  return perm;
}

bool IsIdentityPermutation(Match& m) {
  const auto perm = PermutationOf(m.root());
  for (size_t i = 0; perm && i < perm->size(); ++i)
    if ((*perm)[i] != static_cast<int64_t>(i)) return false;
  const ir::Shape* shape = m.shape("x");
  return perm && shape && shape->rank() == perm->size();
}

bool JoinTransposes(Match& m) {
  const auto outer = PermutationOf(m.root()), inner = PermutationOf(*m.node("inner"));
  if (!outer || !inner || outer->size() != inner->size()) return false;
  std::vector<int64_t> joined;
  for (int64_t axis : *outer) {
    if (axis < 0 || axis >= static_cast<int64_t>(inner->size())) return false;
    joined.push_back((*inner)[static_cast<size_t>(axis)]);
  }
  m.SetAttribute("perm", std::move(joined));
  return true;
}

// What a Reshape's 0 stands for, the dim of its input at that place, must be the same in x.
bool AsksTheSameOfX(Match& m) {
  const auto shape = Integers(m, "shape");
  if (!shape || m.root().GetInt("allowzero", 0) != 0) return shape.has_value();
  const ir::Shape *x = m.shape("x"), *between = m.shape("between");
  for (size_t i = 0; i < shape->size(); ++i) {
    if ((*shape)[i] != 0) continue;
    if (!x || !between || i >= x->rank() || i >= between->rank() || !((*x)[i] == (*between)[i])) return false;
  }
  return true;
}

// What a Squeeze drops is known to be 1: anything else is an error, which is the operator's to report.
bool SqueezesOnes(const ir::Node& node) {
  const ir::Value *x = node.input(0), *y = node.output(0);
  if (!x->type.is_tensor() || !x->type.shape || !y->type.shape) return false;
  const auto others = [](const ir::Shape& shape) {
    std::vector<ir::Dim> dims;
    for (const ir::Dim& dim : shape.dims())
      if (!dim.is_constant(1)) dims.push_back(dim);
    return dims;
  };
  return others(*x->type.shape) == others(*y->type.shape);
}

// The result's dims but for one are known: the same is said by a constant.
bool ShapeIsKnown(Match& m) {
  const ir::Value* y = m.root().output(0);
  if (!y->type.is_tensor() || !y->type.shape) return false;
  if (m.root().op_type == "Squeeze" && !SqueezesOnes(m.root())) return false;
  std::vector<int64_t> dims;
  int unknown = 0;
  for (const ir::Dim& dim : y->type.shape->dims()) {
    if (dim.is_constant(0)) return false;
    unknown += !dim.is_constant();
    dims.push_back(dim.is_constant() ? dim.value() : -1);
  }
  if (unknown > 1) return false;
  m.SetConstant("shape", Tensor::From(Dims{static_cast<int64_t>(dims.size())}, dims));
  return true;
}

// Only axes of size 1 change places.
bool MovesNothing(Match& m) {
  const auto perm = PermutationOf(m.root());
  const auto dims = StaticDims(m.value("x"));
  if (!perm || !dims || perm->size() != dims->size()) return false;
  int64_t last = -1;
  for (int64_t axis : *perm) {
    if (axis < 0 || axis >= static_cast<int64_t>(dims->size())) return false;
    if ((*dims)[static_cast<size_t>(axis)] == 1) continue;
    if (axis < last) return false;
    last = axis;
  }
  return ShapeIsKnown(m);
}

constexpr Rule kReshape[] = {
    {"reshape", "Reshape(x, _)", "x", KeepsShape},
    {"reshape-pair", "r: Reshape(between: Reshape^(x, _), @shape)", "Reshape(x, shape){*r}", AsksTheSameOfX},
};

constexpr Rule kRules[] = {
    {"identity", "Identity(x)", "x"},
    {"dropout", "Dropout(x, ...)", "x", IsInference},
    {"cast", "Cast(x)", "x", CastsToSameType},
    {"concat-of-one", "Concat(x)", "x"},
    {"expand", "Expand(x, ...)", "x", KeepsShape},
    {"slice", "Slice(x, _, _, _, @steps)", "x", SlicesAll},
    {"slice-without-steps", "Slice(x, ...)", "x", SlicesAll},
    {"pad", "Pad(x, @pads?, ...)", "x", PadsNothing},
    {"transpose", "Transpose(x)", "x", IsIdentityPermutation},
    {"transpose-pair", "Transpose(inner: Transpose(x))", "Transpose(x){perm=$perm}", JoinTransposes},
    {"transpose-of-units", "Transpose(x)", "Reshape@14(x, shape)", MovesNothing},
    {"reshape", "Reshape(x, _)", "x", KeepsShape},
    {"reshape-pair", "r: Reshape(between: Reshape^(x, _), @shape)", "Reshape(x, shape){*r}", AsksTheSameOfX},
    {"flatten", "Flatten/Squeeze/Unsqueeze(x, ...)", "Reshape@25(x, shape)", ShapeIsKnown},
};

}  // namespace

std::span<const Rule> ReshapeRules() { return kReshape; }
std::span<const Rule> CleanRules() { return kRules; }

}  // namespace sardonyx::optimize
