#include "optimize/gradient/sequences.h"

#include <algorithm>
#include <optional>

#include "optimize/gradient/rule.h"
#include "optimize/gradient/term.h"

namespace sardonyx::optimize {
namespace {

using Values = std::vector<ir::Value*>;

bool IsOnnx(const ir::Node& node, std::string_view op) { return ir::NormalDomain(node.domain).empty() && node.op_type == op; }

// Nodes go before the one whose results they stand for; sorting puts them there.
class Resolver {
 public:
  explicit Resolver(ir::Node* at) : emitter_(*at->graph(), at->name.empty() ? "sequence/" : at->name + "/") {}

  // The tensors of a sequence; nullopt when they are not known.
  std::optional<Values> Elements(ir::Value* sequence, int depth = 0) {
    ir::Node* node = sequence ? sequence->producer() : nullptr;
    constexpr int kDeepest = 1000;
    if (!node || depth > kDeepest) return std::nullopt;
    if (IsOnnx(*node, "Identity") || IsOnnx(*node, "Optional") || IsOnnx(*node, "OptionalGetElement"))
      return Elements(node->input(0), depth + 1);
    if (IsOnnx(*node, "SequenceConstruct")) return node->inputs();
    if (IsOnnx(*node, "SequenceEmpty")) return Values();
    if (IsOnnx(*node, "SequenceInsert")) return Inserted(*node, depth);
    if (IsOnnx(*node, "SequenceErase")) return Erased(*node, depth);
    if (IsOnnx(*node, "SplitToSequence")) return Parts(*node);
    return std::nullopt;
  }

  // Constant, from the end when negative; `fallback` when omitted.
  static std::optional<int64_t> Place(const ir::Node& node, size_t input, int64_t size, int64_t fallback) {
    if (!node.input(input)) return fallback;
    const std::optional<std::vector<int64_t>> value = ConstantInts(node.input(input));
    if (!value || value->size() != 1) return std::nullopt;
    return value->front() < 0 ? value->front() + size : value->front();
  }

  Emitter& emitter() { return emitter_; }

 private:
  std::optional<Values> Inserted(const ir::Node& node, int depth) {
    std::optional<Values> values = Elements(node.input(0), depth + 1);
    if (!values) return std::nullopt;
    const auto size = static_cast<int64_t>(values->size());
    const std::optional<int64_t> at = Place(node, 2, size, size);
    if (!at || *at < 0 || *at > size) return std::nullopt;
    values->insert(values->begin() + *at, node.input(1));
    return values;
  }

  std::optional<Values> Erased(const ir::Node& node, int depth) {
    std::optional<Values> values = Elements(node.input(0), depth + 1);
    if (!values || values->empty()) return std::nullopt;
    const auto size = static_cast<int64_t>(values->size());
    const std::optional<int64_t> at = Place(node, 1, size, size - 1);
    if (!at || *at < 0 || *at >= size) return std::nullopt;
    values->erase(values->begin() + *at);
    return values;
  }

  std::optional<Values> Parts(const ir::Node& node) {
    ir::Value* x = node.input(0);
    if (!x || !x->type.is_tensor() || !x->type.shape) return std::nullopt;
    const ir::Shape& shape = *x->type.shape;
    int64_t axis = node.GetInt("axis", 0);
    if (axis < 0) axis += static_cast<int64_t>(shape.rank());
    if (axis < 0 || axis >= static_cast<int64_t>(shape.rank())) return std::nullopt;
    const ir::Dim& dim = shape[static_cast<size_t>(axis)];
    std::vector<int64_t> sizes;
    bool squeezed = false;
    constexpr int64_t kMost = 10000;
    if (node.input(1)) {
      const std::optional<std::vector<int64_t>> split = ConstantInts(node.input(1));
      if (!split || split->empty()) return std::nullopt;
      const ir::Type& type = node.input(1)->type;
      const bool scalar = type.shape ? type.shape->rank() == 0 : split->size() == 1;
      if (!scalar) {
        sizes = *split;
      } else {
        if (!dim.is_constant() || split->front() < 1 || dim.value() / split->front() > kMost) return std::nullopt;
        for (int64_t at = 0; at < dim.value(); at += split->front()) sizes.push_back(std::min(split->front(), dim.value() - at));
      }
    } else {
      if (!dim.is_constant() || dim.value() > kMost) return std::nullopt;
      sizes.assign(static_cast<size_t>(dim.value()), 1);
      squeezed = node.GetInt("keepdims", 1) == 0;
    }
    Values parts;
    int64_t begin = 0;
    for (int64_t size : sizes) {
      Term part = emitter_.Of(x).Op("Slice", {emitter_.Ints({begin}), emitter_.Ints({begin + size}), emitter_.Ints({axis})});
      if (squeezed) part = part.Op("Squeeze", {emitter_.Ints({axis})});
      parts.push_back(part.value());
      begin += size;
    }
    return parts;
  }

  Emitter emitter_;
};

std::optional<Term> Replacement(ir::Node* node) {
  Resolver resolver(node);
  Emitter& e = resolver.emitter();
  if (IsOnnx(*node, "OptionalGetElement")) {
    ir::Value* from = node->input(0);
    if (!from || from->type.kind == ir::Type::Kind::kSequence) return std::nullopt;
    if (from->type.is_tensor()) return e.Of(from);
    ir::Node* maker = from->producer();
    if (!maker || !IsOnnx(*maker, "Optional") || !maker->input(0) || !maker->input(0)->type.is_tensor()) return std::nullopt;
    return e.Of(maker->input(0));
  }
  const bool at = IsOnnx(*node, "SequenceAt"), concat = IsOnnx(*node, "ConcatFromSequence"), length = IsOnnx(*node, "SequenceLength");
  if (!at && !concat && !length) return std::nullopt;
  const std::optional<Values> values = resolver.Elements(node->input(0));
  if (!values) return std::nullopt;
  const auto size = static_cast<int64_t>(values->size());
  if (length) return e.Number(static_cast<double>(size), DataType::kInt64);
  if (at) {
    const std::optional<int64_t> place = Resolver::Place(*node, 1, size, 0);
    if (!place || *place < 0 || *place >= size) return std::nullopt;
    return e.Of((*values)[static_cast<size_t>(*place)]);
  }
  if (values->empty()) return std::nullopt;
  std::vector<Term> parts;
  const int64_t axis = node->GetInt("axis", 0);
  for (ir::Value* value : *values) {
    parts.push_back(e.Of(value));
    if (node->GetInt("new_axis", 0) != 0) parts.back() = parts.back().Unsqueezed({axis});
  }
  return e.Concatenated(parts, axis);
}

}  // namespace

bool ReplaceSequenceUse(ir::Node* node) {
  const std::optional<Term> term = Replacement(node);
  if (!term) return false;
  ir::Graph& graph = *node->graph();
  ir::Value* output = node->output(0);
  graph.RemoveNode(node);
  ir::Node* identity = graph.AddNode("Identity");
  identity->opset_version = Emitter::kOpset;
  identity->AddInput(term->value());
  identity->AddOutput(output);
  graph.SortTopologically();
  return true;
}

}  // namespace sardonyx::optimize
