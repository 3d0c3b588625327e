// Patterns: what a rewrite looks for and what it puts there, as expressions over operators.
//
//   Mul(x, 0.5)                        a node; constants of one element by their value
//   Mul(@w, x)                         @w: a value that is known at load
//   Conv(x, @w, @b?)                   b may be omitted
//   Concat(x, ...)                     further inputs do not matter
//   Cast?(x), Add?(x, @b)              the node may be missing: its first argument then stands in its place, the rest is unbound
//   (Mul(x, 0.5) | Div(x, 2))          either
//   Conv/com.microsoft.FusedConv(x)    either operator
//   ln: LayerNormalization(x){axis=-1} a name for the node and its value; attributes, defaults included, that it must have
//   Split(x).1                         its second output
//   Concat^(past, x)                   the value may be used outside of the match as well (the node then stays)
//   _                                  any value
//
// The same name stands for the same value throughout. Operators of two inputs whose order does not matter match in both orders.
//
// A replacement has the same form: nodes to be made, with names for what the pattern bound.
//
//   Gelu@20(x)                         version 20 of the operator; without one, that of the node it replaces (1 in other domains)
//   FusedConv(x, w, b){*conv, activation="Relu", alpha=$a}    the attributes of node conv, and one that the condition computed
//   t = Add(x, y); Mul(t, t)           statements; the last one's value takes the root's place
//   y, p = Attention(q, k, v, _, old)  outputs by name: those that the pattern named are replaced too; _ omits an input
//   * = Attention(q, k, v)             all outputs of the root, as many as it has
//   x                                  the value itself
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ir/graph.h"

namespace sardonyx::optimize {

struct AttributePattern {
  enum class Kind : uint8_t { kLiteral, kCopyAll, kComputed };
  Kind kind = Kind::kLiteral;
  ir::Attribute literal;  // kLiteral; otherwise its name alone
  std::string source;     // kCopyAll: the node; kComputed: what the condition set
};

struct Pattern {
  enum class Kind : uint8_t { kAny, kValue, kNumber, kNode, kChoice };
  Kind kind = Kind::kAny;
  int slot = -1;          // of its name, among Statement names; -1: none
  bool constant = false;  // @x
  bool optional = false;  // x?, Op?
  bool shared = false;    // Op^
  bool open = false;      // ends with ...
  double number = 0;
  std::vector<std::pair<std::string, std::string>> operators;  // domain, op_type
  int64_t version = 0;
  size_t output = 0;
  std::vector<Pattern> arguments;  // or the alternatives
  std::vector<AttributePattern> attributes;
};

// `outputs = pattern`; the outputs' slots, none when they are not named.
struct Statement {
  std::vector<int> outputs;
  bool all_outputs = false;  // * =
  Pattern pattern;
};

// The names of a rule: a slot for each.
struct Names {
  std::vector<std::string> names;
  int Slot(std::string_view name);             // added if it is new
  int Find(std::string_view name) const;       // -1 if there is none
};

// Reads one expression. kInternal, with the place, when the text does not have the form.
StatusOr<Pattern> ParsePattern(std::string_view text, Names& names);
StatusOr<std::vector<Statement>> ParseReplacement(std::string_view text, Names& names);

}  // namespace sardonyx::optimize
