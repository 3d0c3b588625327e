// What two branches, or two rounds of a loop, have in common: how a value is made of outputs of the subgraphs.
#pragma once

#include <string>
#include <vector>

#include "import/pytorch/torchscript/interpreter.h"

namespace sardonyx::pytorch {

struct MergedValue {
  enum class Form {
    kSame,      // one value that both have: no output
    kTensor,    // one output
    kNumber,    // one output, a scalar
    kSequence,  // one output: a list of tensors or numbers
    kTuple,     // the outputs of its parts; a list if `is_list`
    kObject,    // a dict, a NamedTuple or an instance like `same`: the outputs of what it holds under `keys`
    kOptional,  // None, or parts[0]: its outputs as ONNX optionals, or a bool if it has none
    kNone,      // nothing in common: an error when it is used
  };
  Form form = Form::kNone;
  IValue same;
  Kind number = Kind::kInt;                 // of a number or of a sequence's elements (kTensor for tensors)
  DataType element = DataType::kUndefined;  // of a sequence of tensors
  ir::Type type;                            // of a tensor
  bool is_complex = false, is_list = false;
  std::vector<MergedValue> parts;
  std::vector<IValue> keys;
  std::string why;
};

class Merger {
 public:
  // In loops numbers change and lists grow; in branches a number that both leave is a constant, and lists keep their length.
  Merger(Interpreter& interpreter, bool loop) : in_(interpreter), loop_(loop) {}

  MergedValue Of(const IValue& value);
  // What is that value whatever happens.
  static MergedValue Constant(const IValue& value);
  MergedValue Merge(const MergedValue& a, const MergedValue& b);
  static size_t Leaves(const MergedValue& merged);
  // Whether both are made of outputs in the same way.
  static bool SameForm(const MergedValue& a, const MergedValue& b);
  // Appends a value's outputs.
  Status Flatten(const MergedValue& merged, const IValue& value, std::vector<V>* leaves);
  // The value that the outputs from *at on make.
  IValue Rebuild(const MergedValue& merged, const std::vector<V>& leaves, size_t* at);

 private:
  MergedValue Expanded(const MergedValue& merged);
  MergedValue MergeObjects(const IValue& a, const IValue& b);
  // Outputs that nothing reads: of a variable that a path leaves uninitialized.
  Status FlattenNothing(const MergedValue& merged, std::vector<V>* leaves);
  Status FlattenOptional(const MergedValue& merged, const IValue& value, std::vector<V>* leaves);

  Interpreter& in_;
  bool loop_;
};

}  // namespace sardonyx::pytorch
