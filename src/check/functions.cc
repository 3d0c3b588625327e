// Model-local functions: their declarations, their bodies, and that they do not call themselves.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "check/parts.h"
#include "ops/schema.h"

namespace sardonyx::check {
namespace {

std::string FunctionName(const ir::Function& function) {
  std::string name = function.domain.empty() ? function.name : fmt::format("{}.{}", function.domain, function.name);
  if (!function.overload.empty()) name += ":" + function.overload;
  return Shorten(name);
}

void CheckDeclaration(Context& context, const ir::Function& function, const Scope& scope) {
  const auto error = [&](std::string message) { context.Error(rules::kFunction, &scope, nullptr, std::move(message)); };
  if (function.name.empty()) error("The function has no name. Give it one.");
  constexpr int kDomainField = 10;
  if (function.domain.empty() && !function.extras.Has(kDomainField)) error("The function has no domain. Give it one of its own.");
  std::unordered_set<std::string_view> attributes;
  for (const std::string& name : function.attributes) {
    if (name.empty()) error("An attribute of the function has no name.");
    if (!attributes.insert(name).second) error(fmt::format("The function lists its attribute {} twice.", Quote(name)));
  }
  for (const ir::Attribute& attribute : function.attribute_defaults) {
    if (!attributes.insert(attribute.name).second) {
      error(fmt::format("The function lists its attribute {} twice: with a default, and again. Keep one.", Quote(attribute.name)));
    }
    CheckAttribute(context, scope, nullptr, attribute);
  }
  CheckOpsetImports(context, function.opset_imports, &scope);
  CheckMetadata(context, function.metadata, &scope, "the function");
}

// A body is read with the model's opsets by some tools: where versions differ, operators must mean the same in both.
void CheckCompatibility(Context& context, const Scope& scope, const ir::Node& node) {
  const int64_t here = context.ImportedVersion(scope, node.domain);
  const int64_t model = context.ImportedVersion(Scope(), node.domain);
  if (here <= 0 || model <= 0 || here == model) return;
  const ops::OpSchema* in_function = ops::FindSchema(node.domain, node.op_type, here);
  const ops::OpSchema* in_model = ops::FindSchema(node.domain, node.op_type, model);
  if (in_function != in_model) {
    context.Error(
        rules::kOpsetImport, &scope, &node,
        fmt::format("The function imports version {} of domain {}, the model version {}, and the operator changed between them. Import the "
                    "same version in both.",
                    here, Quote(node.domain.empty() ? "ai.onnx" : node.domain), model));
  }
}

// Calls among functions, walked without recursion. Reports each function that can reach itself, once.
class CallGraph {
 public:
  explicit CallGraph(const ir::Model& model) : model_(model), calls_(model.functions.size()) {
    std::unordered_map<const ir::Function*, size_t> index;
    for (size_t i = 0; i < model.functions.size(); ++i) index[&model.functions[i]] = i;
    std::unordered_map<std::string, size_t> by_key;
    for (size_t i = 0; i < model.functions.size(); ++i) {
      const ir::Function& f = model.functions[i];
      by_key.emplace(FunctionKey(f.domain, f.name, f.overload), i);
    }
    for (size_t i = 0; i < model.functions.size(); ++i) {
      if (!model.functions[i].body) continue;
      ir::ForEachNode(*model.functions[i].body, [&](const ir::Node& node) {
        if (const auto found = by_key.find(FunctionKey(node.domain, node.op_type, node.overload)); found != by_key.end())
          calls_[i].push_back(found->second);
      });
      std::sort(calls_[i].begin(), calls_[i].end());
      calls_[i].erase(std::unique(calls_[i].begin(), calls_[i].end()), calls_[i].end());
    }
  }

  // Calls report(cycle) with the functions of each cycle found, in calling order.
  void FindCycles(const std::function<void(const std::vector<const ir::Function*>&)>& report) const {
    enum class State : uint8_t { kNew, kOpen, kDone };
    std::vector<State> state(calls_.size(), State::kNew);
    std::vector<std::pair<size_t, size_t>> path;  // function and which of its calls comes next
    for (size_t root = 0; root < calls_.size(); ++root) {
      if (state[root] != State::kNew) continue;
      path.emplace_back(root, 0);
      state[root] = State::kOpen;
      while (!path.empty()) {
        const size_t caller = path.back().first;
        if (path.back().second == calls_[caller].size()) {
          state[caller] = State::kDone;
          path.pop_back();
          continue;
        }
        const size_t callee = calls_[caller][path.back().second++];
        if (state[callee] == State::kOpen) {
          std::vector<const ir::Function*> cycle;
          size_t begin = path.size();
          while (path[begin - 1].first != callee) --begin;
          for (size_t i = begin - 1; i < path.size(); ++i) cycle.push_back(&model_.functions[path[i].first]);
          report(cycle);
        } else if (state[callee] == State::kNew) {
          state[callee] = State::kOpen;
          path.emplace_back(callee, 0);
        }
      }
    }
  }

 private:
  const ir::Model& model_;
  std::vector<std::vector<size_t>> calls_;
};

void CheckRecursion(Context& context) {
  CallGraph(context.model()).FindCycles([&](const std::vector<const ir::Function*>& cycle) {
    constexpr size_t kShown = 8;
    std::string path;
    for (size_t i = 0; i < std::min(cycle.size(), kShown); ++i) path += FunctionName(*cycle[i]) + " -> ";
    if (cycle.size() > kShown) path += fmt::format("... ({} more) -> ", cycle.size() - kShown);
    context.ForbidInference();
    context.Error(rules::kRecursion, nullptr, nullptr,
                  fmt::format("Functions call themselves: {}{}. Functions cannot be recursive.", path, FunctionName(*cycle.front())));
  });
}

}  // namespace

void CheckFunctions(Context& context) {
  std::unordered_set<std::string> seen;
  for (const ir::Function& function : context.model().functions) {
    Scope scope;
    scope.graph = function.body.get();
    scope.kind = Scope::Kind::kFunction;
    scope.path = fmt::format("function {}", FunctionName(function));
    scope.function = &function;
    if (!seen.insert(FunctionKey(function.domain, function.name, function.overload)).second) {
      context.Error(rules::kFunction, &scope, nullptr, "There is more than one function of this name. Rename one, or give it an overload.");
    }
    CheckDeclaration(context, function, scope);
    if (!function.body) {
      context.Error(rules::kFunction, &scope, nullptr, "The function has no body.");
      continue;
    }
    CheckGraph(context, scope);
    for (const auto& node : function.body->nodes()) CheckCompatibility(context, scope, *node);
  }
  CheckRecursion(context);
}

}  // namespace sardonyx::check
