// A PyTorch program between its reader and its translation: what .pt2 and TorchScript have in common.
#pragma once

#include <complex>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "formats/torch_tensor.h"
#include "ir/graph.h"
#include "ir/type.h"

namespace sardonyx::pytorch {

class IValue;
struct Graph;
struct Node;

// A parameter, buffer or constant tensor of the source. Shared where the source shares it.
struct Parameter {
  std::string name;  // "layer1.0.conv1.weight"
  formats::TorchTensor tensor;
};

// What Python or TorchScript calls a value's type, as far as the translation asks.
enum class Kind : uint8_t { kTensor, kInt, kFloat, kBool, kString, kList, kOther };

// A variable of the program, defined once.
struct Value {
  std::string name;
  Kind kind = Kind::kTensor;
  // What the source says of a tensor: unknown kind when it says nothing. Sizes may be symbolic. A number's is a scalar's.
  ir::Type type;
  Node* producer = nullptr;  // null for a graph's input
};

// A quantized tensor's parameters, as ONNX values.
struct Quantization {
  ir::Value* scale = nullptr;
  ir::Value* zero_point = nullptr;
  int64_t axis = -1;
};

struct Cell;  // memory.h

// An ONNX value that stands for a tensor. A complex tensor is a real one with a last axis of 2.
struct TensorValue {
  ir::Value* value = nullptr;
  bool is_complex = false;
  std::shared_ptr<const Quantization> quantization;  // null unless quantized; `value` then holds the integers
  std::shared_ptr<Cell> cell;  // the memory that it views, which in-place operators write to; null for a value of a rule's own
  // A number of Python's that a trace holds as a tensor: it counts as a number where types are promoted.
  bool is_number = false;
  // Of a nested tensor, whose `value` is padded: bool [batch, length], true where a sequence has an element. Few operators take these.
  ir::Value* kept = nullptr;
};

// An ONNX scalar (int64, double or bool, rank 0) that stands for a Python number: it does not take part in type promotion as
// a tensor would.
struct NumberValue {
  ir::Value* value = nullptr;
  Kind kind = Kind::kInt;
};

// An object of a class (TorchScript), a generator, a stream: what only its reader understands.
struct Object {
  virtual ~Object() = default;
};

// What an argument or a variable is: a constant, an ONNX value, a variable that stands for either, or a list of these. In a graph
// IValues are constants and variables; while it is translated variables become what they are bound to, and a rule sees none.
class IValue {
 public:
  using List = std::vector<IValue>;
  using Dict = std::vector<std::pair<IValue, IValue>>;

  IValue() = default;                                                     // None
  template <class T, std::enable_if_t<std::is_same_v<T, bool>, int> = 0>  // a pointer is no bool
  IValue(T v) : value_(v) {}                                              // NOLINT: implicit by design, as all of these
  template <class T, std::enable_if_t<std::is_integral_v<T> && !std::is_same_v<T, bool>, int> = 0>
  IValue(T v) : value_(static_cast<int64_t>(v)) {}                      // NOLINT
  IValue(double v) : value_(v) {}                                       // NOLINT
  IValue(std::complex<double> v) : value_(v) {}                         // NOLINT
  IValue(std::string v) : value_(std::move(v)) {}                       // NOLINT
  IValue(DataType v) : value_(v) {}                                     // NOLINT
  IValue(const Value* v) : value_(v) {}                                 // NOLINT
  IValue(TensorValue v) : value_(std::move(v)) {}                       // NOLINT
  IValue(NumberValue v) : value_(v) {}                                  // NOLINT
  IValue(std::shared_ptr<const Parameter> v) : value_(std::move(v)) {}  // NOLINT
  IValue(std::shared_ptr<const Graph> v) : value_(std::move(v)) {}      // NOLINT
  IValue(std::shared_ptr<Object> v) : value_(std::move(v)) {}           // NOLINT
  static IValue MakeList(List items) { return Make(std::make_shared<Items>(Items{std::move(items), false})); }
  static IValue MakeTuple(List items) { return Make(std::make_shared<Items>(Items{std::move(items), true})); }
  static IValue MakeDict(Dict dict) { return Make(std::make_shared<Dict>(std::move(dict))); }

  bool is_none() const { return is<std::monostate>(); }
  bool is_bool() const { return is<bool>(); }
  bool is_int() const { return is<int64_t>(); }
  bool is_double() const { return is<double>(); }
  bool is_complex_number() const { return is<std::complex<double>>(); }
  bool is_string() const { return is<std::string>(); }
  bool is_dtype() const { return is<DataType>(); }
  bool is_variable() const { return is<const Value*>(); }
  bool is_tensor() const { return is<TensorValue>(); }
  bool is_number_value() const { return is<NumberValue>(); }
  bool is_parameter() const { return is<std::shared_ptr<const Parameter>>(); }
  bool is_graph() const { return is<std::shared_ptr<const Graph>>(); }
  bool is_object() const { return is<std::shared_ptr<Object>>(); }
  bool is_list() const { return is<std::shared_ptr<Items>>(); }  // or a tuple
  bool is_tuple() const { return is_list() && std::get<std::shared_ptr<Items>>(value_)->tuple; }
  bool is_dict() const { return is<std::shared_ptr<Dict>>(); }

  // Precondition: it is that.
  bool boolean() const { return std::get<bool>(value_); }
  int64_t integer() const { return std::get<int64_t>(value_); }
  double number() const { return std::get<double>(value_); }
  std::complex<double> complex_number() const { return std::get<std::complex<double>>(value_); }
  const std::string& string() const { return std::get<std::string>(value_); }
  DataType dtype() const { return std::get<DataType>(value_); }
  const Value* variable() const { return std::get<const Value*>(value_); }
  const TensorValue& tensor() const { return std::get<TensorValue>(value_); }
  const NumberValue& number_value() const { return std::get<NumberValue>(value_); }
  const std::shared_ptr<const Parameter>& parameter() const { return std::get<std::shared_ptr<const Parameter>>(value_); }
  const std::shared_ptr<const Graph>& graph() const { return std::get<std::shared_ptr<const Graph>>(value_); }
  const std::shared_ptr<Object>& object() const { return std::get<std::shared_ptr<Object>>(value_); }
  // Lists and dicts are shared by copies, as Python's are: list.append seen through one name is seen through all.
  List& list() const { return std::get<std::shared_ptr<Items>>(value_)->items; }
  Dict& dict() const { return *std::get<std::shared_ptr<Dict>>(value_); }

  // "3", "[1, 2]", "tensor": for messages.
  std::string ToString() const;

 private:
  struct Items {
    List items;
    bool tuple = false;
  };
  template <class T>
  bool is() const {
    return std::holds_alternative<T>(value_);
  }
  template <class T>
  static IValue Make(T v) {
    IValue made;
    made.value_ = std::move(v);
    return made;
  }
  std::variant<std::monostate, bool, int64_t, double, std::complex<double>, std::string, DataType, const Value*, TensorValue, NumberValue,
               std::shared_ptr<const Parameter>, std::shared_ptr<const Graph>, std::shared_ptr<Object>, std::shared_ptr<Items>,
               std::shared_ptr<Dict>>
      value_;
};

// A constant of that kind: an int, a float or a bool.
IValue NumberOf(Kind kind, double value);

// One operation. Of an operator with a signature (signature.h) `inputs` are all parameters in order, defaults filled in; of any other
// they are as the source gives them. An operator that gives a list has one output an element, where the source names them so.
struct Node {
  std::string target;       // "aten.add.Tensor", "aten.relu.default", "_operator.mul", "prim.If", "higher_order.cond"
  std::string name;         // the source's own for it, else empty
  std::string module_path;  // "encoder.layers.0.attn"; empty for the top
  std::vector<IValue> inputs;
  std::vector<Value*> outputs;
  std::vector<std::shared_ptr<Graph>> blocks;  // TorchScript's control flow: prim.If has two, prim.Loop one
};

struct Graph {
  std::string name;
  std::vector<std::unique_ptr<Value>> values;  // of this graph; a block's nodes may read those of the graphs around it
  std::vector<Value*> inputs;
  std::vector<std::unique_ptr<Node>> nodes;
  std::vector<IValue> outputs;

  Value* AddValue(std::string value_name, Kind kind = Kind::kTensor, ir::Type type = {});
  Node* AddNode(std::string target);
  Value* AddOutput(Node* node, std::string value_name, Kind kind = Kind::kTensor, ir::Type type = {});
};

// A whole program: its graph, what its first inputs are bound to, and what the user feeds and gets.
struct Program {
  std::shared_ptr<Graph> graph;
  // Inputs that are not the user's: parameters, buffers, constants, objects.
  std::vector<std::pair<Value*, IValue>> bound;
  struct Input {
    Value* value = nullptr;
    std::string name;
  };
  std::vector<Input> inputs;  // in the order of the user's call, flattened
  struct Output {
    IValue value;
    std::string name;
  };
  std::vector<Output> outputs;  // flattened; mutated buffers come last
  // The inputs among `bound` that are buffers, with their names: one that is written to becomes an output.
  std::vector<std::pair<Value*, std::string>> buffers;
  std::string format;   // "PyTorch exported program (.pt2)"
  std::string version;  // of torch, if known
  std::vector<std::pair<std::string, std::string>> metadata;
  std::vector<std::string> warnings;
};

}  // namespace sardonyx::pytorch
