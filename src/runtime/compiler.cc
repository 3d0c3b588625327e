// Graph -> Program: slots, constants, kernels, lifetimes.
#include <algorithm>
#include <map>
#include <set>
#include <unordered_set>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "runtime/control_flow.h"
#include "runtime/frame.h"
#include "runtime/program.h"
#include "runtime/type_check.h"

namespace sardonyx::runtime {
namespace {

// Operators whose result differs from run to run: never folded.
bool IsRandom(const ir::Node& node) {
  static const std::set<std::string_view> kRandom = {"RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike",
                                                     "Multinomial",  "Bernoulli",     "Dropout"};
  return kRandom.contains(node.op_type);
}

bool HasSubgraph(const ir::Node& node) { return !ir::Subgraphs(node).empty(); }

}  // namespace

class Compiler final {
 public:
  Compiler(const ir::Model& model, const ir::Graph& graph, const CompileOptions& options, Compiler* outer)
      : model_(model), graph_(graph), options_(options), outer_(outer), program_(new Program()) {}

  StatusOr<std::unique_ptr<Program>> Compile();

  // One line a kind of unsupported node, shared by all subgraphs.
  struct Unsupported {
    std::map<std::string, std::vector<std::string>> nodes_by_reason;
  };

 private:
  // What kernels are told of a node.
  class Info final : public NodeInfo {
   public:
    Info(Compiler& compiler, const ir::Node& node, const ops::OpSchema& schema, int64_t opset)
        : compiler_(compiler), node_(node), schema_(schema), opset_(opset) {
      // A folded input's type is known exactly, whatever inference could say.
      for (const ir::Value* input : node.inputs()) {
        const Tensor* tensor = input ? compiler.ConstantTensor(input) : nullptr;
        input_types_.push_back(tensor  ? ir::Type::Tensor(tensor->dtype(), ir::Shape::Of(tensor->dims()))
                               : input ? input->type
                                       : ir::Type());
      }
    }
    const ir::Node& node() const override { return node_; }
    const ops::OpSchema& schema() const override { return schema_; }
    int64_t opset_version() const override { return opset_; }
    size_t num_inputs() const override { return node_.inputs().size(); }
    size_t num_outputs() const override { return node_.outputs().size(); }
    bool has_input(size_t i) const override { return node_.input(i) != nullptr; }
    bool has_output(size_t i) const override { return node_.output(i) != nullptr; }
    const ir::Type& input_type(size_t i) const override { return i < input_types_.size() ? input_types_[i] : Unknown(); }
    const ir::Type& output_type(size_t i) const override { return has_output(i) ? node_.output(i)->type : Unknown(); }
    const Tensor* constant(size_t i) const override { return has_input(i) ? compiler_.ConstantTensor(node_.input(i)) : nullptr; }
    void ReleaseConstant(size_t i) const override {
      if (!has_input(i)) return;
      ++compiler_.released_uses_[node_.input(i)];
      packed_.resize(node_.inputs().size(), false);
      packed_[i] = true;
    }
    std::vector<bool> packed() const { return packed_; }
    ThreadPool& thread_pool() const override { return *compiler_.options_.pool; }

   private:
    static const ir::Type& Unknown() {
      static const ir::Type* const kUnknown = new ir::Type();
      return *kUnknown;
    }
    Compiler& compiler_;
    const ir::Node& node_;
    const ops::OpSchema& schema_;
    int64_t opset_;
    std::vector<ir::Type> input_types_;
    mutable std::vector<bool> packed_;
  };

  Status AddInputs();
  Status AddConstants();
  Status AddNode(const ir::Node& node);
  StatusOr<KernelChoice> Choose(const Info& info, std::string* provider);
  Status Fold(const ir::Node& node, Step step, bool* folded);
  Status AddSubprograms(const ir::Node& node, Step* step);
  void FindLive();
  void DropReleasedConstants();
  void FindLifetimes();
  void PlanStaticShapes();
  Status UnsupportedError() const;

  // The slot of a value; one of an enclosing graph is captured. -1 if nothing defines it.
  int SlotOf(const ir::Value* value);
  int NewSlot() { return program_->num_slots_++; }
  const Value* ConstantValue(const ir::Value* value) const;
  const Tensor* ConstantTensor(const ir::Value* value) const;

  const ir::Model& model_;
  const ir::Graph& graph_;
  const CompileOptions& options_;
  Compiler* outer_;
  std::unique_ptr<Program> program_;
  std::unordered_map<const ir::Value*, int> slots_;
  mutable std::unordered_map<const ir::Value*, Value> constants_;
  std::unordered_map<const ir::Value*, size_t> released_uses_;
  std::unordered_set<const ir::Node*> live_;
  std::vector<std::vector<int>> captured_by_step_;  // slots that a step's subgraphs read
  Unsupported unsupported_;
};

int Compiler::SlotOf(const ir::Value* value) {
  const auto it = slots_.find(value);
  if (it != slots_.end()) return it->second;
  if (const Value* constant = ConstantValue(value)) {
    const int slot = slots_[value] = NewSlot();
    program_->constants_.push_back({slot, *constant});
    return slot;
  }
  if (value->graph() == &graph_ || !outer_) return -1;
  const int outer_slot = outer_->SlotOf(value);
  if (outer_slot < 0) return -1;
  const int slot = slots_[value] = NewSlot();
  program_->captures_.push_back({outer_slot, slot});
  return slot;
}

const Value* Compiler::ConstantValue(const ir::Value* value) const {
  const auto it = constants_.find(value);
  if (it != constants_.end()) return &it->second;
  return value->graph() != &graph_ && outer_ ? outer_->ConstantValue(value) : nullptr;
}

const Tensor* Compiler::ConstantTensor(const ir::Value* value) const {
  const Value* constant = ConstantValue(value);
  return constant && constant->is_tensor() ? &constant->tensor() : nullptr;
}

Status Compiler::AddInputs() {
  for (const ir::ValueInfo& input : graph_.inputs()) {
    const int slot = slots_[input.value] = NewSlot();
    program_->input_slots_.push_back(slot);
    Value fallback;
    if (input.value->initializer()) {
      ASSIGN_OR_RETURN(const Tensor tensor, input.value->initializer()->ToTensor());
      fallback = tensor.Aligned();
    }
    program_->input_defaults_.push_back(std::move(fallback));
  }
  return {};
}

Status Compiler::AddConstants() {
  for (const ir::Value* value : graph_.initializers()) {
    if (!value->is_constant() || value->uses().empty()) {
      if (!value->is_graph_output() || value->is_graph_input()) continue;
    }
    ASSIGN_OR_RETURN(const Tensor tensor, value->initializer()->ToTensor());
    constants_[value] = tensor.Aligned();
  }
  for (const ir::Value* value : graph_.sparse_initializers()) {
    if (!value->is_constant()) continue;
    ASSIGN_OR_RETURN(SparseTensor sparse, value->sparse_initializer()->ToSparseTensor());
    constants_[value] = Value(std::move(sparse));
  }
  return {};
}

// Nodes that some output needs. The rest (training leftovers, debug outputs) is not compiled.
void Compiler::FindLive() {
  std::vector<const ir::Node*> stack;
  const auto need = [&](const ir::Value* value) {
    if (value && value->graph() == &graph_ && value->producer() && live_.insert(value->producer()).second)
      stack.push_back(value->producer());
  };
  for (const ir::ValueInfo& output : graph_.outputs()) need(output.value);
  while (!stack.empty()) {
    const ir::Node* node = stack.back();
    stack.pop_back();
    const std::function<void(const ir::Node&)> visit = [&](const ir::Node& one) {
      for (const ir::Value* input : one.inputs()) need(input);
      for (const auto& [name, sub] : ir::Subgraphs(one)) {
        for (const ir::ValueInfo& output : sub->outputs()) need(output.value);
        for (const auto& inner : sub->nodes()) visit(*inner);
      }
    };
    visit(*node);
  }
}

StatusOr<KernelChoice> Compiler::Choose(const Info& info, std::string* provider) {
  const ir::Node& node = info.node();
  std::vector<const KernelEntry*> control;
  for (const KernelEntry& entry : ControlFlowKernels())
    if (entry.op_type == node.op_type && ir::NormalDomain(node.domain) == entry.domain && info.opset_version() >= entry.since_version &&
        info.opset_version() <= entry.until_version)
      control.push_back(&entry);
  if (!control.empty()) {
    *provider = "runtime";
    return ChooseKernel(control, info);
  }
  KernelChoice all;
  for (const auto& candidate : options_.providers) {
    ASSIGN_OR_RETURN(KernelChoice choice, candidate->Compile(info));
    for (Declined& declined : choice.declined)
      all.declined.push_back({fmt::format("{}/{}", candidate->name(), declined.kernel), declined.reason});
    if (!choice.kernel) continue;
    *provider = candidate->name();
    all.kernel = std::move(choice.kernel);
    all.name = std::move(choice.name);
    break;
  }
  return all;
}

Status Compiler::AddSubprograms(const ir::Node& node, Step* step) {
  for (const auto& [name, graph] : ir::Subgraphs(node)) {
    Compiler inner(model_, *graph, options_, this);
    StatusOr<std::unique_ptr<Program>> program = inner.Compile();
    for (auto& [reason, nodes] : inner.unsupported_.nodes_by_reason)
      for (std::string& one : nodes) unsupported_.nodes_by_reason[reason].push_back(fmt::format("{}.{}: {}", node.Label(), name, one));
    if (!program.ok() && inner.unsupported_.nodes_by_reason.empty())
      return program.status().WithContext(fmt::format("{}.{}", node.Label(), name));
    if (!program.ok()) continue;
    for (const Capture& capture : (*program)->captures_) captured_by_step_.back().push_back(capture.outer_slot);
    step->subprograms.push_back({name, *std::move(program)});
  }
  return {};
}

Status Compiler::AddNode(const ir::Node& node) {
  const int64_t opset = node.opset_version ? node.opset_version : model_.OpsetVersion(node.domain);
  const ops::OpSchema* schema = ops::FindRunnableSchema(ir::NormalDomain(node.domain), node.op_type, opset);
  if (!schema) {
    unsupported_.nodes_by_reason[fmt::format("no operator {} in domain '{}' at opset {}", node.op_type, node.domain, opset)].push_back(
        node.Label());
    return {};
  }
  Step step;
  step.node = &node;
  step.schema = schema;
  captured_by_step_.emplace_back();
  const auto drop = [&] { captured_by_step_.pop_back(); };
  bool constant = options_.fold_constants && !IsRandom(node) && !HasSubgraph(node);
  for (const ir::Value* input : node.inputs()) {
    const int slot = input ? SlotOf(input) : -1;
    if (input && slot < 0) return Invalid(fmt::format("{} reads '{}', which nothing defines", node.Label(), input->name()));
    step.inputs.push_back(slot);
    if (input && !ConstantValue(input)) constant = false;
  }
  RETURN_IF_ERROR(CheckArity(node, *schema).WithContext(node.Label()));
  const Info info(*this, node, *schema, opset);
  std::vector<InputKind> kinds;
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    const ir::Type& type = info.input_type(i);
    const bool known = info.has_input(i) && type.is_tensor();
    kinds.push_back({known ? Value::Kind::kTensor : Value::Kind::kNone, info.has_input(i), type.dtype});
    step.input_dtypes.push_back(known ? type.dtype : DataType::kUndefined);
  }
  RETURN_IF_ERROR(CheckInputTypes(*schema, kinds).WithContext(node.Label()));
  {
    StatusOr<KernelChoice> choice = Choose(info, &step.provider);
    if (!choice.ok()) return choice.status().WithContext(node.Label());
    step.choice = *std::move(choice);
    step.packed_inputs = info.packed();
    step.packed_inputs.resize(step.inputs.size(), false);
  }
  if (!step.choice.kernel) {
    std::string reason = fmt::format("{}{}{} (opset {}): no kernel", node.domain, node.domain.empty() ? "" : ".", node.op_type, opset);
    for (const Declined& declined : step.choice.declined) reason += fmt::format("; {} declines: {}", declined.kernel, declined.reason);
    unsupported_.nodes_by_reason[reason].push_back(node.Label());
    // Whatever else is unsupported further on shall be listed too.
    for (const ir::Value* output : node.outputs())
      if (output && !slots_.contains(output)) slots_[output] = NewSlot();
    drop();
    return {};
  }
  RETURN_IF_ERROR(AddSubprograms(node, &step));
  if (constant) {
    bool folded = false;
    RETURN_IF_ERROR(Fold(node, std::move(step), &folded));
    drop();
    return {};
  }
  for (const ir::Value* output : node.outputs()) {
    if (!output) {
      step.outputs.push_back(-1);
      continue;
    }
    if (slots_.contains(output)) return Invalid(fmt::format("'{}' is defined twice", output->name()));
    const bool wanted = !output->uses().empty() || output->is_graph_output();
    step.outputs.push_back(wanted ? NewSlot() : -1);
    if (wanted) slots_[output] = step.outputs.back();
  }
  program_->steps_.push_back(std::move(step));
  return {};
}

// Runs a node whose inputs are all known, now; its outputs become constants.
Status Compiler::Fold(const ir::Node& node, Step step, bool* folded) {
  Program once;
  once.graph_ = &graph_;
  once.pool_ = options_.pool;
  for (size_t i = 0; i < step.inputs.size(); ++i) {
    if (step.inputs[i] < 0) continue;
    once.constants_.push_back({once.num_slots_, *ConstantValue(node.inputs()[i])});
    step.inputs[i] = once.num_slots_++;
  }
  step.outputs.clear();
  for (const ir::Value* output : node.outputs()) {
    step.outputs.push_back(output ? once.num_slots_++ : -1);
    if (output) once.output_slots_.push_back(step.outputs.back());
  }
  once.steps_.push_back(std::move(step));
  RunState state;
  state.memory_limit = options_.memory_limit;
  Frame frame(once);
  StatusOr<std::vector<Value>> values = frame.Run({}, {}, nullptr, &state);
  if (!values.ok()) return values.status();
  size_t next = 0;
  for (const ir::Value* output : node.outputs())
    if (output) constants_[output] = std::move((*values)[next++]);
  *folded = true;
  return {};
}

// Which slots nothing reads after each step.
void Compiler::FindLifetimes() {
  std::vector<int> last(static_cast<size_t>(program_->num_slots_), -1);
  std::vector<bool> keep(static_cast<size_t>(program_->num_slots_), false);
  for (const Program::Constant& constant : program_->constants_) keep[constant.slot] = true;
  for (int slot : program_->output_slots_) keep[slot] = true;
  for (size_t i = 0; i < program_->steps_.size(); ++i) {
    for (int slot : program_->steps_[i].inputs)
      if (slot >= 0) last[slot] = static_cast<int>(i);
    for (int slot : captured_by_step_[i]) last[slot] = static_cast<int>(i);
    for (int slot : program_->steps_[i].outputs)
      if (slot >= 0) last[slot] = static_cast<int>(i);
  }
  for (size_t slot = 0; slot < last.size(); ++slot)
    if (last[slot] >= 0 && !keep[slot]) program_->steps_[last[slot]].release.push_back(static_cast<int>(slot));
}

void Compiler::PlanStaticShapes() {
  std::vector<int64_t> bytes(static_cast<size_t>(program_->num_slots_), -1);
  for (const Step& step : program_->steps_) {
    for (size_t i = 0; i < step.outputs.size(); ++i) {
      if (step.outputs[i] < 0) continue;
      const ir::Type& type = step.node->output(i)->type;
      if (!type.is_tensor() || !type.shape || !type.shape->is_static()) return;
      const Dims dims = *type.shape->concrete();
      const StatusOr<int64_t> count = CheckedNumElements(type.dtype, dims);
      if (!count.ok() || type.dtype == DataType::kUndefined) return;
      if (type.dtype != DataType::kString)
        bytes[step.outputs[i]] = static_cast<int64_t>(PackedBytes(type.dtype, static_cast<size_t>(*count)));
    }
  }
  program_->static_plan_ = program_->MakePlan(bytes);
}

Status Compiler::UnsupportedError() const {
  std::string message;
  for (const auto& [reason, nodes] : unsupported_.nodes_by_reason) {
    message += fmt::format("{}{}", message.empty() ? "" : "\n", reason);
    constexpr size_t kShown = 5;
    for (size_t i = 0; i < std::min(nodes.size(), kShown); ++i) message += fmt::format("{}{}", i ? ", " : " [", nodes[i]);
    message += nodes.size() > kShown ? fmt::format(", and {} more]", nodes.size() - kShown) : "]";
  }
  return sardonyx::Unsupported(message);
}

StatusOr<std::unique_ptr<Program>> Compiler::Compile() {
  program_->graph_ = &graph_;
  program_->pool_ = options_.pool;
  RETURN_IF_ERROR(AddInputs());
  RETURN_IF_ERROR(AddConstants());
  FindLive();
  for (const auto& node : graph_.nodes())
    if (live_.contains(node.get())) RETURN_IF_ERROR(AddNode(*node));
  if (!unsupported_.nodes_by_reason.empty()) return UnsupportedError();
  for (const ir::ValueInfo& output : graph_.outputs()) {
    const int slot = SlotOf(output.value);
    if (slot < 0) return Invalid(fmt::format("output '{}' is not defined by anything", output.value->name()));
    program_->output_slots_.push_back(slot);
  }
  DropReleasedConstants();
  FindLifetimes();
  PlanStaticShapes();
  return std::move(program_);
}

// Constants of which only packed copies are read need not stay; their kernels' inputs are then as if omitted.
void Compiler::DropReleasedConstants() {
  std::unordered_map<int, const ir::Value*> value_of_slot;
  for (const auto& [value, slot] : slots_) value_of_slot[slot] = value;
  std::unordered_set<int> dropped;
  std::erase_if(program_->constants_, [&](const Program::Constant& constant) {
    const ir::Value* value = value_of_slot[constant.slot];
    if (value->is_graph_output() || !released_uses_.contains(value) || released_uses_[value] < value->uses().size()) return false;
    dropped.insert(constant.slot);
    return true;
  });
  for (Step& step : program_->steps_)
    for (int& slot : step.inputs)
      if (dropped.contains(slot)) slot = -1;
}

StatusOr<std::unique_ptr<Program>> Program::Compile(const ir::Model& model, const ir::Graph& graph, const CompileOptions& options) {
  return Compiler(model, graph, options, nullptr).Compile();
}

}  // namespace sardonyx::runtime
