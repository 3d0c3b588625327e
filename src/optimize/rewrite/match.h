// Match: where a pattern was found, and what its names stand for there. Conditions of rules look at it and add to it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/model.h"
#include "optimize/rewrite/pattern.h"

namespace sardonyx::optimize {

class Match;
// What the replacement gives of the values that a match produces, besides the root's first.
struct Kept {
  std::vector<int> slots;
  bool root_outputs = false;
};
// Fills `match` when the pattern fits `node`: its operators, constants and attributes, and no value inside of it that something
// else needs, but for those that the pattern allows (^) or `kept` names.
bool FindMatch(const Pattern& pattern, const Kept& kept, ir::Node* node, Match& match);

class Match {
 public:
  Match(const ir::Model& model, const Names& names) : model_(model), names_(names), slots_(names.names.size()) {}

  const ir::Model& model() const { return model_; }
  const ir::Node& root() const { return *root_; }
  // What a name stands for; null for an optional part that is not there.
  ir::Value* value(std::string_view name) const;
  const ir::Node* node(std::string_view name) const;
  bool has(std::string_view name) const { return value(name) != nullptr; }
  // The data of a constant, aligned; null when it is no constant, or cannot be read.
  const Tensor* constant(std::string_view name);
  // The one element of a constant, as a double.
  std::optional<double> scalar(std::string_view name);
  // The type's element type, and its shape; null when the rank is unknown.
  DataType dtype(std::string_view name) const;
  const ir::Shape* shape(std::string_view name) const;
  int64_t opset_version(const ir::Node& node) const;

  // For the replacement: `name` stands for a new constant, or for a value; `$name` for an attribute's value.
  void SetConstant(std::string_view name, Tensor tensor) { constants_.insert_or_assign(std::string(name), std::move(tensor)); }
  void SetValue(std::string_view name, ir::Value* value);
  template <class T>
  void SetAttribute(std::string_view name, T value) {
    attributes_.insert_or_assign(std::string(name), ir::Attribute(std::string(name), std::move(value)));
  }

 private:
  friend bool FindMatch(const Pattern& pattern, const Kept& kept, ir::Node* node, Match& match);
  friend class Matcher;
  friend class Replacer;
  struct Slot {
    ir::Value* value = nullptr;
    ir::Node* node = nullptr;
  };
  struct Matched {
    ir::Node* node;
    bool shared;
  };

  const ir::Model& model_;
  const Names& names_;
  ir::Node* root_ = nullptr;
  std::vector<Slot> slots_;
  std::vector<Matched> matched_;  // every node that the pattern stands for, the root first
  std::map<const ir::Value*, Tensor> decoded_;
  std::map<std::string, Tensor, std::less<>> constants_;
  std::map<std::string, ir::Attribute, std::less<>> attributes_;
};

// The data of a value that is known at load, aligned; nullopt when it is not, or cannot be read.
std::optional<Tensor> ConstantTensor(const ir::Value* value);
// Its one element as a double; nullopt when it has several.
std::optional<double> ScalarOf(const Tensor& tensor);

}  // namespace sardonyx::optimize
