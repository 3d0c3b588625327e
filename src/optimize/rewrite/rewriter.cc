#include "optimize/rewrite/rewriter.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "ops/inference.h"

namespace sardonyx::optimize {
namespace {

struct ParsedRule {
  Names names;
  Pattern pattern;
  std::vector<Statement> replacement;
  Kept kept;
};

StatusOr<ParsedRule> Parse(const Rule& rule) {
  ParsedRule parsed;
  ASSIGN_OR_RETURN(parsed.pattern, ParsePattern(rule.pattern, parsed.names));
  const size_t bound = parsed.names.names.size();
  ASSIGN_OR_RETURN(parsed.replacement, ParseReplacement(rule.replacement, parsed.names));
  for (const Statement& statement : parsed.replacement) {
    parsed.kept.root_outputs = parsed.kept.root_outputs || statement.all_outputs;
    for (int slot : statement.outputs)
      if (slot >= 0 && static_cast<size_t>(slot) < bound) parsed.kept.slots.push_back(slot);
  }
  if (parsed.pattern.kind != Pattern::Kind::kNode || parsed.pattern.optional)
    return Internal(fmt::format("rule '{}': the pattern must be a node", rule.name));
  return parsed;
}

// Each rule is parsed once in the process.
StatusOr<const ParsedRule*> Parsed(const Rule& rule) {
  static std::mutex mutex;
  static auto* const cache = new std::unordered_map<std::string, std::unique_ptr<ParsedRule>>();
  const std::lock_guard lock(mutex);
  std::unique_ptr<ParsedRule>& entry = (*cache)[fmt::format("{}\n{}\n{}", rule.name, rule.pattern, rule.replacement)];
  if (!entry) {
    ASSIGN_OR_RETURN(ParsedRule parsed, Parse(rule));
    entry = std::make_unique<ParsedRule>(std::move(parsed));
  }
  return entry.get();
}

bool UsesOnly(const Pattern& p, const RewriteOptions& options) {
  if (p.kind == Pattern::Kind::kNode && options.has_operator) {
    const auto& [domain, op_type] = p.operators[0];
    const int64_t version = p.version ? p.version : domain.empty() ? INT32_MAX : 1;
    if (!options.has_operator(domain, op_type, version)) return false;
  }
  return std::all_of(p.arguments.begin(), p.arguments.end(), [&](const Pattern& one) { return UsesOnly(one, options); });
}

}  // namespace

// Puts a rule's replacement where its pattern was found.
class Replacer {
 public:
  Replacer(Match& match, const ParsedRule& rule) : match_(match), rule_(rule), graph_(*match.root_->graph()) {
    match_.slots_.resize(rule.names.names.size());
  }

  // False when the place does not allow it; nothing is changed then.
  StatusOr<bool> Replace(std::unordered_set<const ir::Node*>* removed) {
    const Statement& last = rule_.replacement.back();
    if (last.pattern.kind == Pattern::Kind::kValue) {
      if (rule_.replacement.size() != 1) return Internal("a rule that ends with a value has one statement");
      if (!ReplaceValue(match_.root_->output(0), ArgumentOf(last.pattern))) return false;
      RemoveMatched(removed);
      return true;
    }
    if (!TargetsAllow()) return false;
    for (size_t i = 0; i < graph_.nodes().size(); ++i)
      if (graph_.nodes()[i].get() == match_.root_) position_ = i;
    for (const Statement& statement : rule_.replacement) {
      const bool is_last = &statement == &last;
      ASSIGN_OR_RETURN(ir::Node * node, Make(statement.pattern));
      if (statement.outputs.empty()) {
        if (!is_last) return Internal("a statement without names must be the last one");
        outputs_.push_back({node, statement.all_outputs ? match_.root_->outputs() : std::vector<ir::Value*>{match_.root_->output(0)}});
        continue;
      }
      std::vector<ir::Value*> values;
      for (int slot : statement.outputs) values.push_back(slot < 0 ? nullptr : Target(slot));
      if (is_last && values[0] == nullptr) values[0] = match_.root_->output(0);
      outputs_.push_back({node, std::move(values)});
    }
    RemoveMatched(removed);
    for (auto& [node, values] : outputs_)
      for (ir::Value* value : values) node->AddOutput(value);
    return true;
  }
  bool made_values() const { return made_values_; }

 private:
  // The matched value that a name of the replacement's left side replaces, or a new one for the statements after it.
  ir::Value* Target(int slot) {
    ir::Value*& value = match_.slots_[slot].value;
    if (!value) value = NewValue(rule_.names.names[slot]);
    return value;
  }

  ir::Value* NewValue(std::string_view name) {
    made_values_ = true;
    return graph_.AddValue(fmt::format("{}/{}", match_.root_->output(0)->name(), name));
  }

  ir::Value* ArgumentOf(const Pattern& p) {
    if (p.kind != Pattern::Kind::kValue) return nullptr;
    const std::string& name = rule_.names.names[p.slot];
    const auto constant = match_.constants_.find(name);
    if (constant == match_.constants_.end()) return match_.slots_[p.slot].value;
    ir::Value* value = graph_.AddInitializer(
        ir::StoredTensor::Of(fmt::format("{}/{}", match_.root_->output(0)->name(), name), constant->second));
    value->type = ir::Type::Tensor(constant->second.dtype(), ir::Shape::Of(constant->second.dims()));
    match_.constants_.erase(constant);
    return match_.slots_[p.slot].value = value;
  }

  StatusOr<ir::Node*> Make(const Pattern& p) {
    if (p.kind != Pattern::Kind::kNode) return Internal("a replacement consists of nodes");
    std::vector<ir::Value*> inputs;
    for (const Pattern& argument : p.arguments) {
      if (argument.kind == Pattern::Kind::kNode) {
        ASSIGN_OR_RETURN(ir::Node * inner, Make(argument));
        inputs.push_back(NewValue(inner->op_type));
        inner->AddOutput(inputs.back());
      } else if (argument.kind == Pattern::Kind::kNumber) {
        const DataType dtype = match_.root_->output(0)->type.dtype;
        if (dtype != DataType::kFloat) return Internal("numbers in replacements are float");
        ir::Value* number = graph_.AddInitializer(ir::StoredTensor::Of("number", Tensor::Scalar(static_cast<float>(argument.number))));
        number->type = ir::Type::Tensor(dtype, ir::Shape());
        inputs.push_back(number);
      } else {
        inputs.push_back(ArgumentOf(argument));
      }
    }
    while (!inputs.empty() && !inputs.back()) inputs.pop_back();
    const auto& [domain, op_type] = p.operators[0];
    ir::Node* node = graph_.InsertNode(position_++, op_type, domain);
    node->name = match_.root_->name;
    node->opset_version = p.version ? p.version : domain.empty() ? match_.root_->opset_version : 1;
    for (ir::Value* input : inputs) node->AddInput(input);
    RETURN_IF_ERROR(SetAttributes(p, *node));
    return node;
  }

  Status SetAttributes(const Pattern& p, ir::Node& node) {
    for (const AttributePattern& attribute : p.attributes) {
      switch (attribute.kind) {
        case AttributePattern::Kind::kLiteral:
          node.SetAttribute(attribute.literal);
          break;
        case AttributePattern::Kind::kCopyAll: {
          const ir::Node* source = match_.node(attribute.source);
          if (!source) return Internal(fmt::format("no node '{}' to copy attributes from", attribute.source));
          for (const ir::Attribute& one : source->attributes()) node.SetAttribute(one);
          break;
        }
        case AttributePattern::Kind::kComputed: {
          const auto computed = match_.attributes_.find(attribute.source);
          if (computed == match_.attributes_.end()) break;  // left out
          ir::Attribute copy = computed->second;
          copy.name = attribute.literal.name;
          node.SetAttribute(std::move(copy));
          break;
        }
      }
    }
    return {};
  }

  // A value inside of the match that the replacement gives as well moves to where the root stands: nothing that the match reads
  // may depend on who else reads it.
  bool TargetsAllow() const {
    std::unordered_set<const ir::Node*> matched;
    for (const Match::Matched& m : match_.matched_) matched.insert(m.node);
    std::deque<const ir::Node*> queue;
    std::unordered_set<const ir::Node*> seen;
    for (int slot : rule_.kept.slots) {
      const ir::Value* value = match_.slots_[slot].value;
      if (!value || value == match_.root_->output(0)) continue;
      for (const ir::Use& use : value->uses())
        if (!matched.contains(use.node) && seen.insert(use.node).second) queue.push_back(use.node);
    }
    while (!queue.empty()) {
      const ir::Node* node = queue.front();
      queue.pop_front();
      if (matched.contains(node) || node->graph() != &graph_ || seen.size() > kMaxFollowed) return false;
      for (const ir::Value* output : node->outputs())
        if (output)
          for (const ir::Use& use : output->uses())
            if (seen.insert(use.node).second) queue.push_back(use.node);
    }
    return true;
  }
  static constexpr size_t kMaxFollowed = 20000;

  // The root and those whose values the new nodes give; of the others those that nothing reads any more.
  void RemoveMatched(std::unordered_set<const ir::Node*>* removed) {
    std::unordered_set<const ir::Value*> targets;
    for (const auto& [node, values] : outputs_) targets.insert(values.begin(), values.end());
    std::vector<ir::Node*> left;
    for (const Match::Matched& m : match_.matched_)
      if (std::find(left.begin(), left.end(), m.node) == left.end()) left.push_back(m.node);
    ir::Node* root = match_.root_;
    std::unordered_set<ir::Value*> read;
    for (bool again = true; again;) {
      again = false;
      for (ir::Node*& node : left) {
        if (!node) continue;
        const bool dead = node == root || std::all_of(node->outputs().begin(), node->outputs().end(), [&](const ir::Value* output) {
                            return !output || targets.contains(output) || (output->uses().empty() && !output->is_graph_output());
                          });
        if (!dead) continue;
        removed->insert(node);
        read.insert(node->inputs().begin(), node->inputs().end());
        graph_.RemoveNode(node);
        node = nullptr;
        again = true;
      }
    }
    for (ir::Value* value : read) DropIfUnused(value);
  }

  // Weights that nothing reads any more are freed at once: the next match may need the memory for new ones.
  static void DropIfUnused(ir::Value* value) {
    constexpr uint64_t kLarge = 4096;
    if (value && value->is_constant() && value->initializer() && value->uses().empty() && !value->is_graph_output() &&
        value->initializer()->byte_size() >= kLarge)
      value->graph()->RemoveInitializer(value);
  }

  Match& match_;
  const ParsedRule& rule_;
  ir::Graph& graph_;
  size_t position_ = 0;
  bool made_values_ = false;
  std::vector<std::pair<ir::Node*, std::vector<ir::Value*>>> outputs_;
};

namespace {

class Rewriting {
 public:
  Rewriting(ir::Model& model, const RewriteOptions& options) : model_(model), options_(options) {}

  Status Add(const Rule& rule) {
    ASSIGN_OR_RETURN(const ParsedRule* parsed, Parsed(rule));
    for (const Statement& statement : parsed->replacement)
      if (!UsesOnly(statement.pattern, options_)) return {};
    for (const auto& [domain, op_type] : parsed->pattern.operators) by_root_[op_type].push_back({&rule, parsed});
    return {};
  }

  StatusOr<size_t> Round(ir::Graph& graph) {
    size_t count = 0;
    // From the end: what contains another rule's pattern has its root behind that one's, and comes first.
    std::vector<ir::Node*> nodes;
    for (const auto& node : graph.nodes()) nodes.push_back(node.get());
    std::reverse(nodes.begin(), nodes.end());
    std::unordered_set<const ir::Node*> removed;
    for (ir::Node* node : nodes) {
      if (removed.contains(node)) continue;
      for (const auto& [name, sub] : ir::Subgraphs(*node)) {
        ASSIGN_OR_RETURN(const size_t inner, Round(*sub));
        count += inner;
      }
      ASSIGN_OR_RETURN(const bool applied, ApplyAt(node, &removed));
      count += applied;
    }
    if (count == 0) return count;
    graph.RemoveUnusedValues();
    if (!graph.SortTopologically()) return Internal("a rewrite made a cycle");
    return count;
  }
  bool made_values() const { return made_values_; }

 private:
  StatusOr<bool> ApplyAt(ir::Node* node, std::unordered_set<const ir::Node*>* removed) {
    const auto rules = by_root_.find(node->op_type);
    if (rules == by_root_.end() || !node->output(0)) return false;
    for (const auto& [rule, parsed] : rules->second) {
      Match match(model_, parsed->names);
      if (!FindMatch(parsed->pattern, parsed->kept, node, match)) continue;
      if (rule->condition && !rule->condition(match)) continue;
      Replacer replacer(match, *parsed);
      StatusOr<bool> replaced = replacer.Replace(removed);
      if (!replaced.ok()) return replaced.status().WithContext(fmt::format("rule '{}'", rule->name));
      made_values_ = made_values_ || replacer.made_values();
      if (*replaced) return true;
    }
    return false;
  }

  ir::Model& model_;
  const RewriteOptions& options_;
  std::unordered_map<std::string, std::vector<std::pair<const Rule*, const ParsedRule*>>> by_root_;
  bool made_values_ = false;
};

}  // namespace

StatusOr<size_t> ApplyRules(ir::Model& model, std::span<const Rule> rules, const RewriteOptions& options) {
  size_t total = 0;
  for (int round = 0; round < options.max_rounds; ++round) {
    Rewriting rewriting(model, options);
    for (const Rule& rule : rules) RETURN_IF_ERROR(rewriting.Add(rule));
    ASSIGN_OR_RETURN(const size_t count, rewriting.Round(*model.graph));
    if (count == 0) break;
    total += count;
    if (!rewriting.made_values()) continue;
    ops::InferenceOptions infer;
    infer.on_error = [](const ir::Graph&, const ir::Node*, const Status&) {};
    RETURN_IF_ERROR(ops::InferTypes(model, infer));
  }
  return total;
}

bool ReplaceValue(ir::Value* value, ir::Value* with) {
  if (!with || value == with) return false;
  if (!value->is_graph_output()) {
    value->graph()->ReplaceUses(value, with);
    return true;
  }
  ir::Graph* graph = value->graph();
  if (with->graph() != graph || with->is_graph_output() || !with->producer()) return false;
  // The producer's value takes over the output's name.
  const std::string name = value->name();
  std::string free = name + "/replaced";
  while (graph->Find(free)) free += "_";
  graph->Rename(value, free);
  graph->ReplaceUses(value, with);
  graph->Rename(with, name);
  return true;
}

}  // namespace sardonyx::optimize
