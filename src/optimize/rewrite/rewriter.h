// Rules, and what applies them. Nothing else changes the graph where a pattern was found.
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "ir/model.h"
#include "optimize/rewrite/match.h"

namespace sardonyx::optimize {

// Where `pattern` is found and `condition` (may be null) agrees, `replacement` takes its place: see pattern.h for their form.
// What the pattern says holds for every element type and shape unless the condition asks; it also computes the constants and
// attributes that the replacement names.
struct Rule {
  std::string_view name;
  std::string_view pattern;
  std::string_view replacement;
  bool (*condition)(Match& match) = nullptr;
};

struct RewriteOptions {
  // Which operators a replacement may use; null: all. Rules with others are left out.
  std::function<bool(std::string_view domain, std::string_view op_type, int64_t opset)> has_operator;
  // Bounds the rounds over the graph, and so what a hostile model can make rules do.
  int max_rounds = 16;
};

// Applies the rules, at later nodes before earlier ones and at each node in their order, to the model's graph and its subgraphs until
// none fits. Returns how often
// one was applied. Graph inputs and outputs keep their names; new values have their types inferred; nodes stay sorted.
// kInternal for a rule whose text does not parse.
StatusOr<size_t> ApplyRules(ir::Model& model, std::span<const Rule> rules, const RewriteOptions& options = {});

// `value`, wherever it is read, becomes `with`. A graph output keeps its name. False, and nothing changed, where that cannot be:
// both are outputs, or `with` is an input or constant and `value` an output.
bool ReplaceValue(ir::Value* value, ir::Value* with);

}  // namespace sardonyx::optimize
