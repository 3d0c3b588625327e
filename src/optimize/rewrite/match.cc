#include "optimize/rewrite/match.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "ops/schema.h"

namespace sardonyx::optimize {
namespace {

// A reference to a callable `bool()`.
class Next {
 public:
  template <class F>
  Next(const F& f) : object_(&f), call_([](const void* o) { return (*static_cast<const F*>(o))(); }) {}  // NOLINT: implicit by design
  bool operator()() const { return call_(object_); }

 private:
  const void* object_;
  bool (*call_)(const void*);
};

bool IsCommutative(std::string_view op_type) {
  static const std::set<std::string_view> kCommutative = {"Add", "Mul", "And", "Or", "Xor", "Max", "Min", "Equal", "Sum"};
  return kCommutative.contains(op_type);
}

std::optional<size_t> RankOf(const ir::Value* value) {
  if (!value || !value->type.is_tensor() || !value->type.shape) return std::nullopt;
  return value->type.shape->rank();
}

// A constant of one element that does not make the result's rank larger than that of the other operands.
bool IsNumber(const ir::Value* value, double number, const ir::Node& user) {
  if (!value || !value->is_constant() || !value->initializer()) return false;
  const std::vector<int64_t>& dims = value->initializer()->dims;
  if (std::any_of(dims.begin(), dims.end(), [](int64_t dim) { return dim != 1; })) return false;
  const std::optional<Tensor> tensor = ConstantTensor(value);
  if (!tensor) return false;
  const std::optional<double> scalar = ScalarOf(*tensor);
  const bool narrow = tensor->dtype() == DataType::kFloat16 || tensor->dtype() == DataType::kBfloat16;
  const double tolerance = std::abs(number) * (narrow ? 4e-3 : 1e-6);
  if (!scalar || !(std::abs(*scalar - number) <= tolerance)) return false;
  if (tensor->rank() == 0) return true;
  return std::any_of(user.inputs().begin(), user.inputs().end(), [&](const ir::Value* other) {
    const std::optional<size_t> rank = RankOf(other);
    return other != value && rank && *rank >= tensor->rank();
  });
}

bool SameNumber(double a, double b) { return a == b || std::abs(a - b) <= 1e-6 * std::abs(b); }

// Whether the attribute, or the operator's default for it, is what the pattern says.
bool HasAttribute(const ir::Node& node, const ir::Attribute& wanted, int64_t opset) {
  const ir::Attribute* given = node.attribute(wanted.name);
  ops::AttributeSchema::Default fallback;
  if (!given) {
    const ops::OpSchema* schema = ops::FindRunnableSchema(ir::NormalDomain(node.domain), node.op_type, opset);
    const ops::AttributeSchema* attribute = schema ? schema->attribute(wanted.name) : nullptr;
    if (attribute) fallback = attribute->default_value;
  }
  const auto number = [&]() -> std::optional<double> {
    if (given && given->type == ir::AttributeType::kInt) return static_cast<double>(std::get<int64_t>(given->value));
    if (given && given->type == ir::AttributeType::kFloat) return std::get<float>(given->value);
    if (const auto* i = std::get_if<int64_t>(&fallback)) return static_cast<double>(*i);
    if (const auto* f = std::get_if<float>(&fallback)) return *f;
    return std::nullopt;
  };
  switch (wanted.type) {
    case ir::AttributeType::kInt:
    case ir::AttributeType::kFloat: {
      const double value = wanted.type == ir::AttributeType::kInt ? static_cast<double>(std::get<int64_t>(wanted.value))
                                                                  : std::get<float>(wanted.value);
      // An int attribute without a default means 0 in every operator that patterns ask.
      const std::optional<double> found = number();
      return found ? SameNumber(*found, value) : !given && value == 0;
    }
    case ir::AttributeType::kString: {
      const auto* text = std::get_if<std::string>(&fallback);
      return given ? node.GetString(wanted.name, "\n") == std::get<std::string>(wanted.value)
                   : (text ? *text : std::string()) == std::get<std::string>(wanted.value);
    }
    case ir::AttributeType::kInts:
      return node.GetInts(wanted.name) == std::get<std::vector<int64_t>>(wanted.value);
    default:
      return false;
  }
}

}  // namespace

class Matcher {
 public:
  Matcher(Match& match, const ir::Graph* graph) : match_(match), graph_(graph) {}

  bool MatchNode(const Pattern& p, ir::Node* node, const Next& next) {
    const bool is_operator = std::any_of(p.operators.begin(), p.operators.end(), [&](const auto& op) {
      return op.second == node->op_type && op.first == ir::NormalDomain(node->domain);
    });
    if (!is_operator || node->graph() != graph_ || node->outputs().empty()) return false;
    const size_t given = node->inputs().size();
    if (given > p.arguments.size() && !p.open) return false;
    for (const AttributePattern& attribute : p.attributes)
      if (!HasAttribute(*node, attribute.literal, match_.opset_version(*node))) return false;
    Match::Slot saved;
    if (p.slot >= 0) {
      saved = match_.slots_[p.slot];
      if (saved.value && saved.value != node->output(p.output)) return false;
      match_.slots_[p.slot] = {node->output(p.output), node};
    }
    const size_t count = match_.matched_.size();
    match_.matched_.push_back({node, p.shared});
    if (MatchArguments(p, *node, 0, false, next)) return true;
    if (given == 2 && p.arguments.size() == 2 && IsCommutative(node->op_type) && MatchArguments(p, *node, 0, true, next)) return true;
    match_.matched_.resize(count);
    if (p.slot >= 0) match_.slots_[p.slot] = saved;
    return false;
  }

 private:
  bool MatchArguments(const Pattern& p, const ir::Node& node, size_t i, bool swapped, const Next& next) {
    if (i == p.arguments.size()) return next();
    const auto rest = [&] { return MatchArguments(p, node, i + 1, swapped, next); };
    return MatchValue(p.arguments[i], node.input(swapped ? 1 - i : i), node, rest);
  }

  bool MatchValue(const Pattern& p, ir::Value* value, const ir::Node& user, const Next& next) {
    switch (p.kind) {
      case Pattern::Kind::kAny:
        return next();
      case Pattern::Kind::kNumber:
        return IsNumber(value, p.number, user) && next();
      case Pattern::Kind::kChoice:
        return std::any_of(p.arguments.begin(), p.arguments.end(), [&](const Pattern& one) { return MatchValue(one, value, user, next); });
      case Pattern::Kind::kValue: {
        if (!value) return p.optional && next();
        if (p.constant && !value->is_constant()) return false;
        Match::Slot& slot = match_.slots_[p.slot];
        if (slot.value) return slot.value == value && next();
        slot.value = value;
        if (next()) return true;
        match_.slots_[p.slot] = {};
        return false;
      }
      case Pattern::Kind::kNode:
        if (!value) return false;
        if (value->producer() && value->output_index() == p.output && MatchNode(p, value->producer(), next)) return true;
        return p.optional && MatchValue(p.arguments[0], value, user, next);
    }
    return false;
  }

  Match& match_;
  const ir::Graph* graph_;
};

bool FindMatch(const Pattern& pattern, const Kept& kept, ir::Node* node, Match& match) {
  const auto closed = [&] {
    const auto is_matched = [&](const ir::Node* user) {
      return std::any_of(match.matched_.begin(), match.matched_.end(), [&](const Match::Matched& m) { return m.node == user; });
    };
    const auto is_kept = [&](const ir::Value* value) {
      return std::any_of(kept.slots.begin(), kept.slots.end(), [&](int slot) { return match.slots_[slot].value == value; });
    };
    for (const Match::Matched& m : match.matched_) {
      if (m.shared || (m.node == node && kept.root_outputs)) continue;
      for (const ir::Value* output : m.node->outputs()) {
        if (!output || is_kept(output) || output == node->output(0)) continue;
        if (output->is_graph_output()) return false;
        for (const ir::Use& use : output->uses())
          if (m.node == node || !is_matched(use.node)) return false;
      }
    }
    return true;
  };
  match.root_ = node;
  return Matcher(match, node->graph()).MatchNode(pattern, node, closed);
}

ir::Value* Match::value(std::string_view name) const {
  const int slot = names_.Find(name);
  return slot < 0 ? nullptr : slots_[slot].value;
}

const ir::Node* Match::node(std::string_view name) const {
  const int slot = names_.Find(name);
  return slot < 0 ? nullptr : slots_[slot].node;
}

void Match::SetValue(std::string_view name, ir::Value* value) {
  if (const int slot = names_.Find(name); slot >= 0) slots_[slot].value = value;
}

const Tensor* Match::constant(std::string_view name) {
  const ir::Value* v = value(name);
  if (!v) return nullptr;
  const auto it = decoded_.find(v);
  if (it != decoded_.end()) return &it->second;
  std::optional<Tensor> tensor = ConstantTensor(v);
  return tensor ? &decoded_.emplace(v, *std::move(tensor)).first->second : nullptr;
}

std::optional<double> Match::scalar(std::string_view name) {
  const Tensor* tensor = constant(name);
  return tensor ? ScalarOf(*tensor) : std::nullopt;
}

DataType Match::dtype(std::string_view name) const {
  const ir::Value* v = value(name);
  return v && v->type.is_tensor() ? v->type.dtype : DataType::kUndefined;
}

const ir::Shape* Match::shape(std::string_view name) const {
  const ir::Value* v = value(name);
  return v && v->type.is_tensor() && v->type.shape ? &*v->type.shape : nullptr;
}

int64_t Match::opset_version(const ir::Node& node) const {
  return node.opset_version ? node.opset_version : model_.OpsetVersion(node.domain);
}

std::optional<Tensor> ConstantTensor(const ir::Value* value) {
  if (!value || !value->is_constant() || !value->initializer()) return std::nullopt;
  StatusOr<Tensor> tensor = value->initializer()->ToTensor();
  if (!tensor.ok()) return std::nullopt;
  return tensor->Aligned();
}

std::optional<double> ScalarOf(const Tensor& tensor) {
  if (tensor.num_elements() != 1) return std::nullopt;
  switch (tensor.dtype()) {
    case DataType::kFloat:
      return tensor.data<float>()[0];
    case DataType::kDouble:
      return tensor.data<double>()[0];
    case DataType::kFloat16:
      return static_cast<float>(tensor.data<Float16>()[0]);
    case DataType::kBfloat16:
      return static_cast<float>(tensor.data<BFloat16>()[0]);
    case DataType::kInt64:
      return static_cast<double>(tensor.data<int64_t>()[0]);
    case DataType::kInt32:
      return tensor.data<int32_t>()[0];
    case DataType::kBool:
      return tensor.data<bool>()[0] ? 1 : 0;
    default:
      return std::nullopt;
  }
}

}  // namespace sardonyx::optimize
