// What TorchScript's variables hold while the program is interpreted. Numbers, strings, None and tuples are IValues; whatever
// has an identity in Python is an object here: two variables may hold one list. Tensors are TensorValues, whose identity is their
// memory (memory.h).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "import/pytorch/torch_graph.h"
#include "import/pytorch/torchscript/ast.h"

namespace sardonyx::pytorch {

struct ScriptObject : Object {
  uint64_t serial = 0;  // objects with a smaller one are older
};

// A list. Inside of loops whose length is not known it is an ONNX sequence.
struct ListCell final : ScriptObject {
  IValue::List items;
  ir::Value* sequence = nullptr;  // when set, `items` is empty
  Kind element = Kind::kTensor;   // of a sequence
};

struct DictCell final : ScriptObject {
  IValue::Dict entries;
};

// An object of a class of the archive: a module, or any other.
struct Instance final : ScriptObject {
  const ClassDef* type = nullptr;
  std::string path;  // of a module: "layer1.0.conv1"
  std::map<std::string, IValue, std::less<>> attributes;
};

// Of a NamedTuple class.
struct NamedTuple final : ScriptObject {
  const ClassDef* type = nullptr;
  IValue::List items;
};

struct EnumMember final : ScriptObject {
  const ClassDef* type = nullptr;
  std::string name;
  IValue value;
};

struct FunctionRef final : ScriptObject {
  const FunctionDef* function = nullptr;
  const ClassDef* owner = nullptr;  // of methods
  std::shared_ptr<Object> self;     // of bound methods
};

struct ClassRef final : ScriptObject {
  const ClassDef* type = nullptr;
};

struct MergedValue;  // merge.h

// An Optional of which the data decides whether it is None: ONNX optionals, one an output of what it holds (merge.h), all of them there
// or none. One scalar bool that says so where what it holds needs no output.
struct OptionalCell final : ScriptObject {
  std::vector<ir::Value*> leaves;
  std::shared_ptr<const MergedValue> content;
};

// What stands for a variable on paths that never read it.
struct Uninitialized final : ScriptObject {};

// torch.device and other values whose content does not matter here.
struct Opaque final : ScriptObject {
  std::string what;
};

// Weights as the packed parameters of quantized::linear and quantized::conv hold them, and those of prepacked::, which are floats.
struct PackedParams final : ScriptObject {
  std::string kind;  // "linear", "conv", "cell"
  IValue weight, bias;
  std::vector<int64_t> stride, padding, output_padding, dilation;
  int64_t groups = 1;
  bool transpose = false;
  IValue low, high;  // the result is kept between these, unless None
  // Of recurrent cells: weights and biases of input and hidden state.
  IValue::List parts;
};

template <class T>
std::shared_ptr<T> As(const IValue& value) {
  return value.is_object() ? std::dynamic_pointer_cast<T>(value.object()) : nullptr;
}

// Makes objects other than tensors and can undo what is done to them: the branches of an If see the same state.
class Heap {
 public:
  struct Mark {
    size_t changes;
    uint64_t serial;
  };

  template <class T>
  std::shared_ptr<T> New() {
    auto made = std::make_shared<T>();
    made->serial = next_serial_++;
    return made;
  }
  IValue NewList(IValue::List items);

  // Before a change.
  void WillChange(const std::shared_ptr<ListCell>& list);
  void WillChange(const std::shared_ptr<DictCell>& dict);
  void WillChange(const std::shared_ptr<Instance>& instance);

  Mark mark() const { return {changes_.size(), next_serial_}; }
  // What was written since, and was there before; each once, oldest first.
  std::vector<std::shared_ptr<ScriptObject>> WrittenSince(const Mark& mark) const;
  void Rollback(const Mark& mark);

 private:
  struct Change {
    std::shared_ptr<ScriptObject> object;
    std::function<void()> undo;
  };

  std::vector<Change> changes_;
  uint64_t next_serial_ = 1;
};

}  // namespace sardonyx::pytorch
