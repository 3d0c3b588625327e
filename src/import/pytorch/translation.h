// Translation of a PyTorch program to ONNX: a table of small functions, one a PyTorch operator, over one GraphBuilder.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "import/common/import.h"
#include "import/pytorch/memory.h"
#include "import/pytorch/signature.h"
#include "import/pytorch/torch_graph.h"
#include "ops/graph_builder.h"

namespace sardonyx::pytorch {

using V = ir::Value*;
class Translator;

// What a rule gives: one IValue an output.
struct Outputs {
  Outputs() = default;
  Outputs(V value) : values{IValue(TensorValue{value, false, {}, {}})} {}    // NOLINT: implicit by design, as all of these
  Outputs(TensorValue value) : values{IValue(std::move(value))} {}           // NOLINT
  Outputs(NumberValue value) : values{IValue(value)} {}                      // NOLINT
  Outputs(IValue value) : values{std::move(value)} {}                        // NOLINT
  Outputs(std::initializer_list<V> list) : Outputs(std::vector<V>(list)) {}  // NOLINT
  Outputs(const std::vector<V>& list) {                                      // NOLINT
    for (V value : list) values.emplace_back(TensorValue{value, false, {}, {}});
  }
  std::vector<IValue> values;
};

// One call of an operator, as its rule sees it. Arguments are asked for by the names of the signature, so that one rule serves every
// overload: a parameter that an overload lacks reads as None. What an argument is not (a symbolic number where a constant is needed)
// is an error that sticks to the builder; the rule need not look.
class Call {
 public:
  Call(Translator& translator, const Node& node, std::vector<IValue> arguments, std::string_view parameter);

  ops::GraphBuilder& b;
  Translator& translator;
  const Node& node() const { return node_; }
  std::string_view target() const { return node_.target; }  // "aten.add.Tensor"
  // The table's third column: which ONNX operator, or which variant.
  std::string_view param() const { return param_; }
  std::vector<IValue>& arguments() { return arguments_; }

  const IValue& arg(std::string_view name) const;
  const IValue& arg(size_t i) const;
  bool is_none(std::string_view name) const { return arg(name).is_none(); }

  // ---- Tensors. A Python number becomes a scalar constant (int64, float or bool).
  V tensor(std::string_view name) { return ToTensor(arg(name)); }
  V tensor_or_null(std::string_view name) { return is_none(name) ? nullptr : tensor(name); }
  std::vector<V> tensors(std::string_view name);      // of a list; null where it is None
  TensorValue complex_tensor(std::string_view name);  // a real one gets a zero imaginary part
  bool is_complex(std::string_view name) const { return arg(name).is_tensor() && arg(name).tensor().is_complex; }
  V ToTensor(const IValue& value);
  // The tensor as floating point: integers and booleans become PyTorch's default, float.
  V float_tensor(std::string_view name) { return ToFloat(tensor(name)); }
  V ToFloat(V value);
  DataType dtype(std::string_view name) { return b.dtype(tensor(name)); }
  int64_t rank(std::string_view name) { return static_cast<int64_t>(b.rank(tensor(name))); }

  // ---- Constants. Without a fallback the argument must be there; bool and integral double read as int where that is asked for.
  int64_t Int(std::string_view name, std::optional<int64_t> fallback = std::nullopt);
  double Double(std::string_view name, std::optional<double> fallback = std::nullopt);
  bool Bool(std::string_view name, std::optional<bool> fallback = std::nullopt);
  std::string String(std::string_view name, std::optional<std::string> fallback = std::nullopt);
  DataType Dtype(std::string_view name, DataType fallback);
  // A list of ints, or one int. Symbolic ones are errors.
  std::vector<int64_t> Ints(std::string_view name, std::vector<int64_t> fallback = {});
  // An axis of `rank`, made non-negative.
  int64_t Axis(std::string_view name, int64_t rank, std::optional<int64_t> fallback = std::nullopt);
  // Axes, made non-negative; None and an empty list: all of them.
  std::vector<int64_t> Axes(std::string_view name, int64_t rank);
  // Whether an int (or every int of a list) is a constant.
  bool IsStatic(std::string_view name) const;

  // ---- Numbers that may be symbolic, as ONNX values.
  V Number(std::string_view name) { return ToNumber(arg(name)); }  // a scalar: int64, double (as float) or bool
  V ToNumber(const IValue& value);
  V IntVector(std::string_view name) { return ToIntVector(arg(name)); }  // int64[n] of a list
  V ToIntVector(const IValue& list);
  // A number as a scalar of that type.
  V NumberAs(std::string_view name, DataType dtype) { return NumberAs(arg(name), dtype); }
  V NumberAs(const IValue& value, DataType dtype);

  // ---- PyTorch's type promotion.
  // The operands in their common type: tensors by category and rank, Python numbers only by category. With `to_float` integers
  // become float, as true division has it.
  std::vector<V> Promoted(std::span<const IValue> operands, bool to_float = false);
  std::vector<V> Promoted(std::initializer_list<std::string_view> names, bool to_float = false);
  DataType PromotedType(std::span<const IValue> operands);

  // ---- Errors: the node is not translated, and listed with this reason.
  V Unsupported(std::string reason);

 private:
  const Node& node_;
  const Signature* signature_;
  std::vector<IValue> arguments_;
  std::string_view param_;
};

using Rule = Outputs (*)(Call&);
struct RuleRow {
  std::string_view target;  // "aten.add" for every overload, or "aten.add.Tensor", which goes before
  Rule rule;
  std::string_view param = {};
};

// The rule of an operator, or null. rules/table.cc lists the families.
const RuleRow* FindRule(std::string_view target);

// The type that PyTorch's promotion gives two element types of one category and rank.
DataType PromoteTypes(DataType a, DataType b);

// Translates a program, node by node: what variables are bound to while it does.
class Translator {
 public:
  Translator(ops::GraphBuilder& builder, const import::ImportOptions& options, import::ImportReport& report)
      : builder_(builder), options_(options), report_(report), memory_(*this) {}

  // Everything: inputs, nodes, outputs. What is unsupported goes to the report; other errors are returned.
  Status Run(const Program& program);

  ops::GraphBuilder& builder() { return builder_; }
  const import::ImportOptions& options() const { return options_; }
  import::ImportReport& report() { return report_; }

  // A variable's binding, a parameter's initializer, lists element by element; constants as they are. Tensors are what their memory
  // holds now.
  IValue Resolve(const IValue& value);
  Memory& memory() { return memory_; }
  // Calls the rule of another operator, its arguments as its signature has them (trailing defaults may be left out).
  std::vector<IValue> Apply(std::string_view target, std::vector<IValue> arguments);
  void Bind(const Value* variable, IValue value);
  // Translates the nodes of a graph, its inputs bound to `inputs`; what its outputs are bound to. For control flow: call it inside
  // GraphBuilder::If, Loop or Scan.
  std::vector<IValue> Inline(const Graph& graph, const std::vector<IValue>& inputs);
  // A value of the graph as an output: numbers as scalars, constants as initializers. Null for None and what is no value.
  V Materialize(const IValue& value);

 private:
  void Translate(const Node& node);
  IValue ResolveParameter(const Parameter& parameter);
  void BindOutputs(const Node& node, const std::vector<IValue>& arguments, std::vector<IValue> values);
  IValue WithMemory(const Node& node, const std::vector<IValue>& arguments, size_t output, IValue value);
  void WriteInPlace(const Node& node, const std::vector<IValue>& arguments, std::vector<IValue>& values);
  IValue Declared(const Value& variable, IValue value);
  void Refuse(const Node& node, std::string reason);
  // A node of domain pkg.torch that stands for what has no translation.
  std::vector<IValue> Placeholder(const Node& node, const std::vector<IValue>& arguments);

  ops::GraphBuilder& builder_;
  const import::ImportOptions& options_;
  import::ImportReport& report_;
  std::unordered_map<const Value*, IValue> bindings_;
  std::unordered_map<const Parameter*, IValue> parameters_;
  std::unordered_map<std::string, IValue> storages_;  // where two parameters are the same view of one storage
  Memory memory_;
  int depth_ = 0;
};

}  // namespace sardonyx::pytorch
