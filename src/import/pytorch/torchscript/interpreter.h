// Interpreter of TorchScript: it runs a program's code, in which numbers, lists, modules and control flow are values of this
// process and tensors are values of the ONNX graph that is being built. So everything that is known when the model is converted
// (sizes that are static, modules' attributes, how often a loop runs) is gone from the result, calls are inlined, and what depends
// on data becomes nodes, If and Loop.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "import/pytorch/memory.h"
#include "import/pytorch/torchscript/archive.h"
#include "import/pytorch/torchscript/values.h"
#include "import/pytorch/translation.h"

namespace sardonyx::pytorch {

// The arguments of a call, evaluated.
struct Arguments {
  std::vector<IValue> positional;
  std::vector<std::pair<std::string, IValue>> named;

  size_t size() const { return positional.size(); }
  // None if it is not given.
  const IValue& at(size_t i) const;
  const IValue& named_or(std::string_view name, const IValue& otherwise) const;
};

class Interpreter {
 public:
  Interpreter(ScriptArchive& archive, Translator& translator) : archive_(archive), translator_(translator), b(translator.builder()) {}

  // The archive's module, its attributes read from the pickle and __setstate__ called where a class has it.
  StatusOr<std::shared_ptr<Instance>> LoadModule();
  StatusOr<IValue> CallMethod(const std::shared_ptr<Instance>& self, const FunctionDef& method, Arguments arguments);

  // The module's tensors by their paths, as they were loaded; their memory says what was written to them since.
  const std::vector<std::pair<std::string, IValue>>& buffers() const { return buffers_; }

  // How many tensors were seen so far, and as which of them this one was first.
  uint64_t seen() const { return born_.size(); }
  uint64_t FirstSeen(const IValue& value) const;

  Heap& heap() { return heap_; }
  ops::GraphBuilder& builder() { return b; }

  // ---- Numbers: constants of this process, or scalars of the graph.
  // A scalar of the graph as a number; a constant if it is one.
  IValue Number(V scalar, Kind kind);
  // The scalar of any number.
  V Scalar(const IValue& number);
  static bool IsNumber(const IValue& value) { return value.is_int() || value.is_double() || value.is_bool() || value.is_number_value(); }
  static Kind KindOf(const IValue& number);
  // A 0-dimensional tensor as a number, and what is a number already.
  StatusOr<IValue> ToNumber(const IValue& value, Kind kind);
  // Arithmetic on numbers (numbers.cc): nothing if `name` is no operator on these.
  StatusOr<std::optional<IValue>> NumberOperator(std::string_view name, const Arguments& arguments);

  // ---- Tensors.
  // What it holds now; kUnsupported if it is none.
  StatusOr<TensorValue> Tensor(const IValue& value);
  static bool IsTensor(const IValue& value) { return value.is_tensor(); }
  // With memory of its own.
  IValue NewTensor(V value, bool is_complex = false, std::shared_ptr<const Quantization> quantization = nullptr);
  // Size of an axis; a constant where it is static.
  StatusOr<IValue> Size(const IValue& tensor, int64_t axis);
  StatusOr<IValue> Sizes(const IValue& tensor);

  // ---- Optionals of which the data decides whether they are None (OptionalCell).
  V Has(const OptionalCell& optional);          // a scalar bool
  IValue Unwrap(const OptionalCell& optional);  // what it holds: only where it does
  // What `yes` gives where the condition holds, else what `no` gives.
  using Alternative = std::function<StatusOr<IValue>()>;
  StatusOr<IValue> Choose(V condition, const Alternative& yes, const Alternative& no);

  // ---- Lists: as many items as it has. kUnsupported for sequences, whose length is not known.
  StatusOr<IValue::List> Items(const IValue& value);
  StatusOr<IValue> Index(const IValue& object, const IValue& index);

  // ---- Calls.
  // torch.NAME or ops.SPACE.NAME.
  StatusOr<IValue> CallOperator(const std::string& space, const std::string& name, Arguments arguments);
  // An operator through the table of translations. Tensors in `inputs` are TensorValues.
  StatusOr<std::vector<IValue>> Translate(const std::string& target, std::vector<IValue> inputs, const Signature* signature);
  // Python's own functions and TorchScript's primitives (builtins.cc): nothing if `name` is none, or not for these arguments.
  StatusOr<std::optional<IValue>> Builtin(std::string_view name, Arguments& arguments);
  // Operators on quantized tensors (quantized.cc).
  StatusOr<std::optional<IValue>> Quantized(const std::string& space, std::string_view name, Arguments& arguments);
  StatusOr<std::optional<IValue>> PackedMethod(const PackedParams& packed, std::string_view method);
  StatusOr<IValue> MakePacked(std::string_view class_name, const IValue& state);
  // The tensor as floats, if it is quantized.
  StatusOr<V> Dequantized(const IValue& value);
  IValue QuantizedLike(V value, std::shared_ptr<const Quantization> quantization);

 private:
  struct Frame {
    std::unordered_map<std::string, IValue> variables;
    const ClassDef* owner = nullptr;
    std::string place;  // module path
    IValue result;
    int line = 0;
    std::string function;
  };
  enum class Flow { kNext, kReturned };
  // Something that a block may leave changed.
  struct Slot {
    std::string variable;                  // or
    std::shared_ptr<ScriptObject> object;  // a list, dict or instance that was changed, or
    std::shared_ptr<Cell> cell;            // a tensor's memory that was written to
  };
  // What one run of a block leaves behind, by variables and what it wrote to; everything is then as it was before.
  struct Left {
    std::unordered_map<std::string, IValue> variables;
    std::vector<std::pair<std::shared_ptr<ScriptObject>, IValue>> objects;
    std::vector<std::pair<std::shared_ptr<Cell>, IValue>> cells;
  };
  // What runs aside, and which variables it may set.
  struct Aside {
    std::function<Status()> run;
    std::set<std::string> assigned;
  };

  StatusOr<IValue> Call(const FunctionDef& function, const ClassDef* owner, std::string place, Arguments arguments);
  StatusOr<IValue> Construct(const ClassDef& type, Arguments arguments);
  StatusOr<IValue> CallValue(const IValue& callee, Arguments arguments);

  // statements.cc
  StatusOr<Flow> Run(const Block& block);
  StatusOr<Flow> RunStatement(const Stmt& statement);
  Status Assign(const Stmt& statement);
  Status AssignTo(const Expr& target, IValue value);
  StatusOr<Flow> RunIf(const Stmt& statement);
  StatusOr<Flow> RunFor(const Stmt& statement);
  StatusOr<Flow> RunWhile(const Stmt& statement);
  Status Tick();

  // control_flow.cc
  StatusOr<Flow> DynamicIf(const Stmt& statement, V condition);
  Status Branch(V condition, const Aside& yes, const Aside& no);
  std::optional<bool> Assumed(V condition) const;
  Status DynamicLoop(const Stmt& statement, V trip_count, V condition);
  Status RunWhole(const Block& block);
  StatusOr<Left> RunAside(const Aside& aside);
  IValue Snapshot(const IValue& value, uint64_t first);
  IValue Copy(const std::shared_ptr<ScriptObject>& object, uint64_t first);
  IValue SlotValue(const Slot& slot, const Left& left);
  Status SetSlot(const Slot& slot, IValue value);

  // expressions.cc
  StatusOr<IValue> Evaluate(const Expr& expr);
  StatusOr<IValue> EvaluateCall(const Expr& expr);
  StatusOr<IValue> EvaluateBinary(const Expr& expr);
  StatusOr<IValue> EvaluateName(const Expr& expr);
  StatusOr<IValue> Attribute(const IValue& object, const std::string& name);
  StatusOr<IValue> Subscript(const Expr& expr);
  StatusOr<IValue> Resolve(const std::string& dotted);
  StatusOr<IValue> Constant(std::string_view name);
  StatusOr<Arguments> EvaluateArguments(const Expr& call);
  std::optional<bool> Truth(const IValue& value);

  // module.cc
  StatusOr<IValue> FromPickle(const formats::TorchFile& file, const formats::PickleValue& value, const std::string& path, int depth);
  StatusOr<IValue> InstanceFromPickle(const formats::TorchFile& file, const formats::PickleValue& value, const std::string& path,
                                      int depth);
  StatusOr<IValue> TensorFromPickle(const formats::TorchFile& file, const formats::PickleValue& value, const std::string& path);

  // calls.cc
  StatusOr<const Signature*> ChooseOverload(const std::string& space, const std::string& name, const Arguments& arguments);
  StatusOr<std::optional<IValue>> CallWithOptional(const std::string& space, const std::string& name, const Arguments& arguments);
  StatusOr<IValue> ToArgument(const SignatureParameter& parameter, const IValue& value);
  StatusOr<IValue> CallSignature(const Signature& signature, Arguments arguments);
  void Born(const IValue& value);

  ScriptArchive& archive_;
  Translator& translator_;
  ops::GraphBuilder& b;
  Heap heap_;
  std::vector<Frame*> frames_;
  std::deque<Graph> graphs_;  // one of each call: the translator knows its variables by their addresses
  // When each tensor's memory was first seen, to tell a block's own from those around it.
  std::unordered_map<const Cell*, uint64_t> born_;
  std::unordered_map<const formats::PickleValue*, IValue> loaded_;
  std::unordered_map<std::string, IValue> constants_;
  std::vector<std::pair<std::string, IValue>> buffers_;
  std::vector<std::shared_ptr<const Parameter>> parameters_;  // the translator knows them by their addresses
  uint64_t steps_ = 0;
  int depth_ = 0;   // of statements and expressions within each other, over all calls
  int nested_ = 0;  // branches and loops that depend on data
  std::vector<std::pair<V, bool>> assumed_;  // the conditions of the branches that are being run

  // Counts a level of recursion for as long as it lives.
  class Deeper {
   public:
    explicit Deeper(Interpreter* in) : in_(in) { ++in_->depth_; }
    ~Deeper() { --in_->depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;
    Status Check() const {
      constexpr int kMaxDepth = 1000;
      return in_->depth_ <= kMaxDepth ? Status()
                                      : Unsupported("calls, statements and expressions are nested too deeply; recursion cannot be inlined");
    }

   private:
    Interpreter* in_;
  };

  Frame& frame() { return *frames_.back(); }
};

}  // namespace sardonyx::pytorch
