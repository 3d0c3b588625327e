#include "ir/graph.h"

#include <algorithm>
#include <queue>
#include <unordered_set>

#include <fmt/format.h>

namespace sardonyx::ir {
namespace {

void ForEachSubgraph(const Node& node, const std::function<void(Graph*)>& f) {
  for (const Attribute& attribute : node.attributes()) {
    if (auto* graph = std::get_if<std::shared_ptr<Graph>>(&attribute.value)) {
      if (*graph) f(graph->get());
    } else if (auto* graphs = std::get_if<std::vector<std::shared_ptr<Graph>>>(&attribute.value)) {
      for (const auto& one : *graphs)
        if (one) f(one.get());
    }
  }
}

void RemoveUse(std::vector<Use>& uses, Use use) {
  // Most recent uses are most often the ones that go: search from the back.
  const auto it = std::find(uses.rbegin(), uses.rend(), use);
  if (it == uses.rend()) return;
  *it = uses.back();
  uses.pop_back();
}

}  // namespace

std::string_view AttributeTypeName(AttributeType type) {
  static constexpr std::string_view kNames[] = {"UNDEFINED",      "FLOAT",      "INT",        "STRING",  "TENSOR", "GRAPH",
                                                "FLOATS",         "INTS",       "STRINGS",    "TENSORS", "GRAPHS", "SPARSE_TENSOR",
                                                "SPARSE_TENSORS", "TYPE_PROTO", "TYPE_PROTOS"};
  const auto index = static_cast<size_t>(type);
  return index < std::size(kNames) ? kNames[index] : "UNKNOWN";
}

std::string_view NormalDomain(std::string_view domain) { return domain == "ai.onnx" ? "" : domain; }

// --- Node ---

void Node::ResizeInputs(size_t count) {
  for (size_t i = count; i < inputs_.size(); ++i)
    if (inputs_[i]) RemoveUse(inputs_[i]->uses_, {this, i});
  inputs_.resize(count, nullptr);
}

void Node::SetInput(size_t i, Value* value) {
  if (i >= inputs_.size()) inputs_.resize(i + 1, nullptr);
  if (inputs_[i] == value) return;
  if (inputs_[i]) RemoveUse(inputs_[i]->uses_, {this, i});
  inputs_[i] = value;
  if (value) value->uses_.push_back({this, i});
}

void Node::AddOutput(Value* value) {
  if (value) {
    value->producer_ = this;
    value->output_index_ = outputs_.size();
  }
  outputs_.push_back(value);
}

const Attribute* Node::attribute(std::string_view name) const {
  for (const Attribute& attribute : attributes_)
    if (attribute.name == name) return &attribute;
  return nullptr;
}

Attribute& Node::SetAttribute(Attribute attribute) {
  Attribute* place = const_cast<Attribute*>(this->attribute(attribute.name));
  if (place)
    *place = std::move(attribute);
  else
    place = &attributes_.emplace_back(std::move(attribute));
  if (auto* graph = std::get_if<std::shared_ptr<Graph>>(&place->value)) {
    if (*graph) (*graph)->SetOwner(this);
  } else if (auto* graphs = std::get_if<std::vector<std::shared_ptr<Graph>>>(&place->value)) {
    for (auto& one : *graphs)
      if (one) one->SetOwner(this);
  }
  return *place;
}

void Node::RemoveAttribute(std::string_view name) {
  std::erase_if(attributes_, [&](const Attribute& a) { return a.name == name; });
}

namespace {
template <class T>
const T* Content(const Node& node, std::string_view name) {
  const Attribute* attribute = node.attribute(name);
  return attribute ? std::get_if<T>(&attribute->value) : nullptr;
}
}  // namespace

int64_t Node::GetInt(std::string_view name, int64_t fallback) const {
  const auto* v = Content<int64_t>(*this, name);
  return v ? *v : fallback;
}
float Node::GetFloat(std::string_view name, float fallback) const {
  const auto* v = Content<float>(*this, name);
  return v ? *v : fallback;
}
std::string Node::GetString(std::string_view name, std::string_view fallback) const {
  const auto* v = Content<std::string>(*this, name);
  return v ? *v : std::string(fallback);
}
std::vector<int64_t> Node::GetInts(std::string_view name) const {
  const auto* v = Content<std::vector<int64_t>>(*this, name);
  return v ? *v : std::vector<int64_t>();
}
std::vector<float> Node::GetFloats(std::string_view name) const {
  const auto* v = Content<std::vector<float>>(*this, name);
  return v ? *v : std::vector<float>();
}
std::vector<std::string> Node::GetStrings(std::string_view name) const {
  const auto* v = Content<std::vector<std::string>>(*this, name);
  return v ? *v : std::vector<std::string>();
}
const Graph* Node::GetGraph(std::string_view name) const {
  const auto* v = Content<std::shared_ptr<Graph>>(*this, name);
  return v ? v->get() : nullptr;
}

namespace {
// Labels stand in messages, of which a hostile file can cause many: a name of megabytes must not be copied into each.
std::string Shown(std::string_view name) {
  constexpr size_t kMaxShown = 200;
  if (name.size() <= kMaxShown) return std::string(name);
  return fmt::format("{}...{}", name.substr(0, kMaxShown / 2), name.substr(name.size() - kMaxShown / 4));
}
}  // namespace

std::string Node::Label() const {
  const std::string op = NormalDomain(domain).empty() ? Shown(op_type) : fmt::format("{}.{}", Shown(domain), Shown(op_type));
  if (!name.empty()) return fmt::format("{} '{}'", op, Shown(name));
  for (const Value* output : outputs_)
    if (output) return fmt::format("{} -> '{}'", op, Shown(output->name()));
  return op;
}

// --- Graph ---

void Graph::ForgetOuterUses() {
  for (const auto& node : nodes_)
    for (size_t i = 0; i < node->inputs_.size(); ++i)
      if (Value* value = node->inputs_[i]; value && value->graph() != this) RemoveUse(value->uses_, {node.get(), i});
}

Graph::~Graph() {
  if (!outer_is_dying_ && owner_) ForgetOuterUses();
  const std::function<void(Graph*)> mark = [&](Graph* graph) {
    graph->outer_is_dying_ = true;
    for (const auto& node : graph->nodes_) ForEachSubgraph(*node, mark);
  };
  for (const auto& node : nodes_) ForEachSubgraph(*node, mark);
  nodes_.clear();
}

Value* Graph::Find(std::string_view name) const {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : it->second;
}

Value* Graph::FindInScope(std::string_view name) const {
  for (const Graph* graph = this; graph; graph = graph->outer())
    if (Value* value = graph->Find(name)) return value;
  return nullptr;
}

Value* Graph::AddValue(std::string_view name, bool keep_duplicate) {
  std::string chosen(name);
  if (!keep_duplicate) {
    const std::string base = chosen.empty() ? "value" : chosen;
    for (int suffix = chosen.empty() ? 0 : 1; chosen.empty() || by_name_.contains(chosen); ++suffix)
      chosen = fmt::format("{}_{}", base, suffix);
  }
  values_.push_back(std::unique_ptr<Value>(new Value(this, std::move(chosen))));
  Value* value = values_.back().get();
  by_name_.emplace(value->name_, value);
  return value;
}

void Graph::AddInput(ValueInfo info) {
  info.value->is_graph_input_ = true;
  if (info.type) info.value->type = *info.type;
  inputs_.push_back(std::move(info));
}

void Graph::AddOutput(ValueInfo info) {
  info.value->is_graph_output_ = true;
  if (info.type && !info.value->type.known()) info.value->type = *info.type;
  outputs_.push_back(std::move(info));
}

void Graph::ReplaceOutput(size_t i, Value* value) {
  Value* old = outputs_[i].value;
  outputs_[i].value = value;
  value->is_graph_output_ = true;
  old->is_graph_output_ = std::any_of(outputs_.begin(), outputs_.end(), [&](const ValueInfo& o) { return o.value == old; });
}

void Graph::RemoveInput(size_t i) {
  inputs_[i].value->is_graph_input_ = false;
  inputs_.erase(inputs_.begin() + static_cast<std::ptrdiff_t>(i));
}

void Graph::RemoveOutput(size_t i) {
  Value* old = outputs_[i].value;
  outputs_.erase(outputs_.begin() + static_cast<std::ptrdiff_t>(i));
  old->is_graph_output_ = std::any_of(outputs_.begin(), outputs_.end(), [&](const ValueInfo& o) { return o.value == old; });
}

void Graph::SetInitializer(Value* value, StoredTensor tensor) {
  if (!value->initializer_) initializers_.push_back(value);
  if (!value->type.known() && tensor.dtype != DataType::kUndefined) value->type = Type::Tensor(tensor.dtype, Shape::Of(tensor.dims));
  value->initializer_ = std::make_shared<StoredTensor>(std::move(tensor));
}

void Graph::SetSparseInitializer(Value* value, StoredSparseTensor tensor) {
  if (!value->sparse_initializer_) sparse_initializers_.push_back(value);
  if (!value->type.known()) value->type = Type::SparseTensor(tensor.values.dtype, Shape::Of(tensor.dims));
  value->sparse_initializer_ = std::make_shared<StoredSparseTensor>(std::move(tensor));
}

Value* Graph::AddInitializer(StoredTensor tensor) {
  Value* value = AddValue(tensor.name);
  tensor.name = value->name();
  SetInitializer(value, std::move(tensor));
  return value;
}

void Graph::RemoveInitializer(Value* value) {
  std::erase(initializers_, value);
  std::erase(sparse_initializers_, value);
  value->initializer_.reset();
  value->sparse_initializer_.reset();
}

void Graph::Rename(Value* value, std::string_view name) {
  const auto it = by_name_.find(value->name_);
  if (it != by_name_.end() && it->second == value) by_name_.erase(it);
  value->name_ = std::string(name);
  by_name_.emplace(value->name_, value);
}

Node* Graph::AddNode(std::string_view op_type, std::string_view domain) { return InsertNode(nodes_.size(), op_type, domain); }

Node* Graph::InsertNode(size_t position, std::string_view op_type, std::string_view domain) {
  auto node = std::make_unique<Node>();
  node->op_type = op_type;
  node->domain = domain;
  node->graph_ = this;
  Node* result = node.get();
  nodes_.insert(nodes_.begin() + static_cast<std::ptrdiff_t>(position), std::move(node));
  return result;
}

void Graph::Unlink(Node* node) {
  node->ResizeInputs(0);
  for (Value* output : node->outputs_)
    if (output && output->producer_ == node) output->producer_ = nullptr;
}

void Graph::RemoveNode(Node* node) {
  RemoveNodes([node](const Node& candidate) { return &candidate == node; });
}

void Graph::RemoveNodes(const std::function<bool(const Node&)>& dead) {
  std::erase_if(nodes_, [&](const std::unique_ptr<Node>& node) {
    if (!dead(*node)) return false;
    Unlink(node.get());
    return true;
  });
}

void Graph::ReplaceUses(Value* from, Value* to) {
  if (from == to) return;
  while (!from->uses_.empty()) {
    const Use use = from->uses_.back();
    use.node->SetInput(use.index, to);
  }
  for (size_t i = 0; i < outputs_.size(); ++i)
    if (outputs_[i].value == from) ReplaceOutput(i, to);
}

void Graph::RemoveUnusedValues() {
  std::unordered_set<const Value*> declared;
  for (const ValueInfo& info : value_info) declared.insert(info.value);
  std::erase_if(values_, [&](const std::unique_ptr<Value>& value) {
    const bool dead = !value->is_defined() && value->uses_.empty() && !value->is_graph_output_ && !declared.contains(value.get());
    if (dead) {
      const auto it = by_name_.find(value->name_);
      if (it != by_name_.end() && it->second == value.get()) by_name_.erase(it);
    }
    return dead;
  });
}

bool Graph::SortTopologically() {
  std::unordered_map<const Node*, size_t> position;
  for (size_t i = 0; i < nodes_.size(); ++i) position[nodes_[i].get()] = i;

  // consumers[p]: nodes that need node p first; a value that a subgraph reads is needed by the node that owns it.
  std::vector<std::vector<size_t>> consumers(nodes_.size());
  std::vector<size_t> missing(nodes_.size(), 0);
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const std::function<void(const Node&)> add = [&](const Node& node) {
      for (const Value* input : node.inputs())
        if (input && input->graph() == this && input->producer() && position.contains(input->producer())) {
          consumers[position[input->producer()]].push_back(i);
          ++missing[i];
        }
      ForEachSubgraph(node, [&](Graph* sub) {
        for (const ValueInfo& output : sub->outputs())
          if (output.value->graph() == this && output.value->producer()) {
            consumers[position[output.value->producer()]].push_back(i);
            ++missing[i];
          }
        for (const auto& inner : sub->nodes()) add(*inner);
      });
    };
    add(*nodes_[i]);
  }

  std::priority_queue<size_t, std::vector<size_t>, std::greater<>> ready;
  for (size_t i = 0; i < nodes_.size(); ++i)
    if (missing[i] == 0) ready.push(i);
  std::vector<size_t> order;
  while (!ready.empty()) {
    const size_t i = ready.top();
    ready.pop();
    order.push_back(i);
    for (size_t consumer : consumers[i])
      if (--missing[consumer] == 0) ready.push(consumer);
  }
  if (order.size() != nodes_.size()) return false;
  std::vector<std::unique_ptr<Node>> sorted;
  sorted.reserve(nodes_.size());
  for (size_t i : order) sorted.push_back(std::move(nodes_[i]));
  nodes_ = std::move(sorted);
  return true;
}

void ForEachNode(const Graph& graph, const std::function<void(const Node&)>& f) {
  for (const auto& node : graph.nodes()) {
    f(*node);
    ForEachSubgraph(*node, [&](Graph* sub) { ForEachNode(*sub, f); });
  }
}

std::vector<std::pair<std::string, Graph*>> Subgraphs(const Node& node) {
  std::vector<std::pair<std::string, Graph*>> result;
  for (const Attribute& attribute : node.attributes()) {
    if (auto* graph = std::get_if<std::shared_ptr<Graph>>(&attribute.value)) {
      if (*graph) result.emplace_back(attribute.name, graph->get());
    } else if (auto* graphs = std::get_if<std::vector<std::shared_ptr<Graph>>>(&attribute.value)) {
      for (size_t i = 0; i < graphs->size(); ++i)
        if ((*graphs)[i]) result.emplace_back(fmt::format("{}[{}]", attribute.name, i), (*graphs)[i].get());
    }
  }
  return result;
}

}  // namespace sardonyx::ir
