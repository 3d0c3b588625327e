// Graph -> Program: slots, constants, kernels, lifetimes.
#include "runtime/compiler.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/file.h"
#include "base/status_macros.h"
#include "runtime/control_flow.h"
#include "runtime/frame.h"
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

int Compiler::SlotOf(const ir::Value* value, Layout layout) {
  const auto it = slots_.find(value);
  if (it != slots_.end()) {
    const Layout from = LayoutOf(value);
    return from == layout ? it->second : AddReorder(value, it->second, from, layout);
  }
  if (layout != Layout::kPlain) {
    const int slot = SlotOf(value);
    return slot < 0 ? slot : AddReorder(value, slot, Layout::kPlain, layout);
  }
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

Layout Compiler::LayoutOf(const ir::Value* value) const {
  const auto slot = slots_.find(value);
  const auto layout = slot == slots_.end() ? layouts_.end() : layouts_.find(slot->second);
  return layout == layouts_.end() ? Layout::kPlain : layout->second;
}

Step Compiler::ReorderStep(const ir::Value* value, int slot, Layout from, Layout to) {
  Step step;
  step.label = fmt::format("reorder of '{}' to {}", value->name(), LayoutName(to));
  step.op_type = "Reorder";
  step.provider = "runtime";
  step.choice.kernel = MakeReorder(from, to);
  step.choice.name = LayoutName(to);
  step.inputs = {slot};
  step.input_dtypes = {value->type.is_tensor() ? value->type.dtype : DataType::kUndefined};
  step.packed_inputs = {false};
  step.output_layouts = {to};
  return step;
}

int Compiler::AddReorder(const ir::Value* value, int slot, Layout from, Layout to) {
  const auto done = reordered_.find({value, to});
  if (done != reordered_.end()) return done->second;
  // Between two blocked layouts the way leads through the plain one, which may serve others as well.
  if (from != Layout::kPlain && to != Layout::kPlain) {
    slot = AddReorder(value, slot, from, Layout::kPlain);
    from = Layout::kPlain;
  }
  Step step = ReorderStep(value, slot, from, to);
  step.outputs = {NewSlot()};
  const int result = step.outputs[0];
  if (to != Layout::kPlain) layouts_[result] = to;
  slot_types_[result] = &value->type;
  reordered_[{value, to}] = result;
  Append(std::move(step), {});
  return result;
}

void Compiler::Append(Step step, std::vector<int> captured) {
  program_->steps_.push_back(std::move(step));
  captured_by_step_.push_back(std::move(captured));
}

Status Compiler::AddOutputs(Step& step, std::span<const ir::Value* const> outputs) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    const ir::Value* output = outputs[i];
    step.outputs.push_back(-1);
    step.output_layouts.push_back(step.choice.kernel->OutputLayout(i));
    if (!output) continue;
    if (slots_.contains(output)) return Invalid(fmt::format("'{}' is defined twice", output->name()));
    if (output->uses().empty() && !output->is_graph_output()) continue;
    const int slot = step.outputs.back() = slots_[output] = NewSlot();
    slot_types_[slot] = &output->type;
    if (step.output_layouts.back() != Layout::kPlain) layouts_[slot] = step.output_layouts.back();
  }
  return {};
}

// Weights are views into the file until somebody asks for them; one that does not lie aligned there is copied then.
const Value* Compiler::ConstantValue(const ir::Value* value) const {
  const auto it = constants_.find(value);
  if (it != constants_.end()) {
    if (it->second.is_tensor() && !it->second.tensor().is_aligned()) {
      it->second = copies_.Align(it->second.tensor());
    }
    return &it->second;
  }
  return value->graph() != &graph_ && outer_ ? outer_->ConstantValue(value) : nullptr;
}

bool Compiler::IsKnown(const ir::Value* value) const {
  return constants_.contains(value) || (value->graph() != &graph_ && outer_ && outer_->IsKnown(value));
}

std::optional<Tensor> Compiler::StoredConstant(const ir::Value* value) const {
  const auto it = constants_.find(value);
  if (it != constants_.end()) return it->second.is_tensor() ? std::optional(it->second.tensor()) : std::nullopt;
  return value->graph() != &graph_ && outer_ ? outer_->StoredConstant(value) : std::nullopt;
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
    ASSIGN_OR_RETURN(constants_[value], value->initializer()->ToTensor());
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
    ForEachRead(*node, [&](const ir::Value& value) { need(&value); });
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

Status Compiler::AddSubprograms(const ir::Node& node, Step* step, std::vector<int>* captured) {
  for (const auto& [name, graph] : ir::Subgraphs(node)) {
    Compiler inner(model_, *graph, options_, this);
    StatusOr<std::unique_ptr<Program>> program = inner.Compile();
    for (auto& [reason, nodes] : inner.unsupported_.nodes_by_reason)
      for (std::string& one : nodes) unsupported_.nodes_by_reason[reason].push_back(fmt::format("{}.{}: {}", node.Label(), name, one));
    if (!program.ok() && inner.unsupported_.nodes_by_reason.empty())
      return program.status().WithContext(fmt::format("{}.{}", node.Label(), name));
    if (!program.ok()) continue;
    for (const Capture& capture : (*program)->captures_) captured->push_back(capture.outer_slot);
    step->subprograms.push_back({name, *std::move(program)});
  }
  return {};
}

Status Compiler::AddNode(const ir::Node& node) {
  const int64_t opset = node.opset_version ? node.opset_version : model_.OpsetVersion(node.domain);
  const ops::OpSchema* schema = ops::FindRunnableSchema(ir::NormalDomain(node.domain), node.op_type, opset);
  if (!schema) {
    AddUnsupported(node, fmt::format("no operator {} in domain '{}' at opset {}", node.op_type, node.domain, opset));
    return {};
  }
  Step step;
  step.label = node.Label();
  step.op_type = node.op_type;
  step.schema = schema;
  bool constant = options_.fold_constants && !IsRandom(node) && !HasSubgraph(node);
  for (const ir::Value* input : node.inputs()) {
    if (!input || IsKnown(input)) continue;
    constant = false;
    if (!slots_.contains(input) && SlotOf(input) < 0)
      return Invalid(fmt::format("{} reads '{}', which nothing defines", node.Label(), input->name()));
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
  StatusOr<KernelChoice> choice = Choose(info, &step.provider);
  if (!choice.ok()) return choice.status().WithContext(node.Label());
  step.choice = *std::move(choice);
  if (!step.choice.kernel) {
    std::string reason = fmt::format("{}{}{} (opset {}): no kernel", node.domain, node.domain.empty() ? "" : ".", node.op_type, opset);
    for (const Declined& declined : step.choice.declined) reason += fmt::format("; {} declines: {}", declined.kernel, declined.reason);
    AddUnsupported(node, reason);
    return {};
  }
  step.packed_inputs = info.packed();
  step.packed_inputs.resize(node.inputs().size(), false);
  if (constant) return Fold(node, std::move(step));
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    const ir::Value* input = node.input(i);
    if (input && step.packed_inputs[i]) Forget(input);
    step.inputs.push_back(input && !step.packed_inputs[i] ? SlotOf(input, step.choice.kernel->InputLayout(i)) : -1);
  }
  std::vector<int> captured;
  RETURN_IF_ERROR(AddSubprograms(node, &step, &captured));
  RETURN_IF_ERROR(AddOutputs(step, std::vector<const ir::Value*>(node.outputs().begin(), node.outputs().end())));
  Append(std::move(step), std::move(captured));
  return {};
}

// Whatever else is unsupported further on shall be listed too: its outputs count as defined.
void Compiler::AddUnsupported(const ir::Node& node, const std::string& reason) {
  unsupported_.nodes_by_reason[reason].push_back(node.Label());
  if (options_.unsupported) options_.unsupported->push_back(&node);
  for (const ir::Value* output : node.outputs())
    if (output && !slots_.contains(output)) slots_[output] = NewSlot();
}

Status Compiler::AddClaim(const Unit& unit) {
  Step step;
  step.label = unit.nodes.front()->Label();
  if (unit.nodes.size() > 1) step.label += fmt::format(" and {} more nodes", unit.nodes.size() - 1);
  step.op_type = "Group";
  step.provider = unit.provider->name();
  for (const ir::Value* input : unit.inputs) {
    const int slot = SlotOf(input);
    if (slot < 0) return Invalid(fmt::format("{} reads '{}', which nothing defines", step.label, input->name()));
    step.inputs.push_back(slot);
    step.input_dtypes.push_back(input->type.is_tensor() ? input->type.dtype : DataType::kUndefined);
  }
  step.packed_inputs.resize(step.inputs.size(), false);
  StatusOr<std::unique_ptr<Kernel>> kernel = unit.provider->CompileGroup({model_, unit.nodes, unit.inputs, unit.outputs, options_.pool->threads()});
  if (!kernel.ok()) return kernel.status().WithContext(fmt::format("provider '{}': {}", unit.provider->name(), step.label));
  step.choice.kernel = *std::move(kernel);
  step.choice.name = "group";
  RETURN_IF_ERROR(AddOutputs(step, unit.outputs));
  Append(std::move(step), {});
  return {};
}

// Runs a node whose inputs are all known, now; its outputs become constants.
Status Compiler::Fold(const ir::Node& node, Step step) {
  Program once;
  once.graph_ = &graph_;
  once.pool_ = options_.pool;
  const auto reordered = [&](const ir::Value* value, int slot, Layout from, Layout to) {
    if (from == to) return slot;
    Step reorder = ReorderStep(value, slot, from, to);
    reorder.outputs = {once.num_slots_++};
    once.steps_.push_back(std::move(reorder));
    return once.steps_.back().outputs[0];
  };
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    step.inputs.push_back(-1);
    if (!node.input(i) || step.packed_inputs[i]) continue;
    once.constants_.push_back({once.num_slots_, *ConstantValue(node.input(i))});
    step.inputs[i] = reordered(node.input(i), once.num_slots_++, Layout::kPlain, step.choice.kernel->InputLayout(i));
  }
  std::vector<Layout> layouts;
  for (size_t i = 0; i < node.outputs().size(); ++i) {
    layouts.push_back(step.choice.kernel->OutputLayout(i));
    step.outputs.push_back(node.output(i) ? once.num_slots_++ : -1);
  }
  step.output_layouts = layouts;
  const std::vector<int> outputs = step.outputs;
  once.steps_.push_back(std::move(step));
  for (size_t i = 0; i < outputs.size(); ++i)
    if (outputs[i] >= 0) once.output_slots_.push_back(reordered(node.output(i), outputs[i], layouts[i], Layout::kPlain));
  RunState state;
  state.memory_limit = options_.memory_limit;
  Frame frame(once);
  std::vector<Value> values;
  RETURN_IF_ERROR(frame.Run({}, {}, nullptr, &state, &values));
  size_t next = 0;
  for (const ir::Value* output : node.outputs())
    if (output) constants_[output] = std::move(values[next++]);
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
  for (const auto& [slot, type] : slot_types_) {
    if (!type->is_tensor() || !type->shape || !type->shape->is_static() || type->dtype == DataType::kUndefined) return;
    const auto layout = layouts_.find(slot);
    const StatusOr<int64_t> count =
        LayoutElements(type->dtype, *type->shape->concrete(), layout == layouts_.end() ? Layout::kPlain : layout->second);
    if (!count.ok()) return;
    if (type->dtype != DataType::kString) bytes[slot] = static_cast<int64_t>(PackedBytes(type->dtype, static_cast<size_t>(*count)));
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
  ASSIGN_OR_RETURN(const std::vector<Unit> units, Partition(graph_, live_, options_.providers, model_, options_.pool->threads()));
  for (const Unit& unit : units) RETURN_IF_ERROR(unit.provider ? AddClaim(unit) : AddNode(*unit.nodes.front()));
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

bool Compiler::IsReleased(const ir::Value* value) const {
  const auto released = released_uses_.find(value);
  return !value->is_graph_output() && released != released_uses_.end() && released->second >= value->uses().size();
}

// At once, unless others need it, so that of large models the weights and their packed copies never lie in memory together.
void Compiler::Forget(const ir::Value* value) {
  const auto held = constants_.find(value);
  if (held == constants_.end() || slots_.contains(value) || !IsReleased(value)) return;
  if (held->second.is_tensor() && held->second.tensor().dtype() != DataType::kString)
    ForgetPages(held->second.tensor().raw_data(), held->second.tensor().byte_size());
  // Its type is all that may still be asked for.
  constants_.erase(held);
  if (options_.released) options_.released(*value, !released_unprepared_.contains(value));
}

// Constants of which only packed copies are read need not stay; their kernels' inputs are then as if omitted.
void Compiler::DropReleasedConstants() {
  std::unordered_map<int, const ir::Value*> value_of_slot;
  for (const auto& [value, slot] : slots_) value_of_slot[slot] = value;
  std::unordered_set<int> dropped;
  std::erase_if(program_->constants_, [&](const Program::Constant& constant) {
    const ir::Value* value = value_of_slot[constant.slot];
    if (!IsReleased(value)) return false;
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
