#include "runtime/frame.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

#include "base/memory.h"
#include "base/status_macros.h"
#include "runtime/profiler.h"
#include "runtime/type_check.h"

namespace sardonyx::runtime {
namespace {

Status OutOfMemory(int64_t bytes, const RunState& state) {
  if (state.memory_limit)
    return Resource(
        fmt::format("{} more bytes would pass the memory limit of {} ({} in use)", bytes, state.memory_limit, state.live_bytes.load()));
  return Resource(fmt::format("no memory for {} bytes", bytes));
}

// The number of elements of dims that are far from overflowing, without the full check; -1: that is needed.
int64_t SmallCount(const Dims& dims) {
  constexpr int64_t kSmall = int64_t{1} << 40;
  int64_t count = 1;
  for (const int64_t dim : dims) {
    if (dim < 0 || dim >= kSmall || count >= (int64_t{1} << 20)) return -1;
    count *= dim;
  }
  return count;
}

// `count` elements of a tensor, padding of its layout counted.
void CopyElements(const TensorView& from, int64_t count, void* to) {
  if (from.dtype == DataType::kString)
    std::copy_n(from.ptr<std::string>(), count, static_cast<std::string*>(to));
  else if (count > 0)
    std::memcpy(to, from.data, PackedBytes(from.dtype, static_cast<size_t>(count)));
}

}  // namespace

// A node's subgraph, run in a frame of its own.
class FrameSubprogram final : public Subprogram {
 public:
  FrameSubprogram(const Program& program, Frame& outer) : program_(program), outer_(outer) {}
  size_t num_inputs() const override { return program_.input_slots_.size(); }
  size_t num_outputs() const override { return program_.output_slots_.size(); }
  StatusOr<std::vector<Value>> Run(std::vector<Value> inputs) override {
    RETURN_IF_ERROR(outer_.state_->Check());
    std::unique_ptr<Frame> frame = program_.AcquireFrame();
    std::vector<Value> outputs;
    const Status status = frame->Run(inputs, {}, &outer_, outer_.state_, &outputs);
    program_.ReturnFrame(std::move(frame));
    RETURN_IF_ERROR(status);
    return outputs;
  }

 private:
  const Program& program_;
  Frame& outer_;
};

// What a kernel sees of its frame while its step runs.
class StepContext final : public KernelContext {
 public:
  StepContext(Frame& frame, const Step& step) : frame_(frame), step_(step) {}

  size_t num_inputs() const override { return step_.inputs.size(); }
  size_t num_outputs() const override { return step_.outputs.size(); }
  bool has_input(size_t i) const override {
    return i < step_.inputs.size() && step_.inputs[i] >= 0 && frame_.slots_[step_.inputs[i]].state != Slot::State::kUnset;
  }
  bool has_output(size_t i) const override { return i < step_.outputs.size() && step_.outputs[i] >= 0; }
  bool input_is_tensor(size_t i) const override { return has_input(i) && frame_.slots_[step_.inputs[i]].state == Slot::State::kTensor; }
  const TensorView& input(size_t i) const override { return frame_.slots_[step_.inputs[i]].view; }
  Value input_value(size_t i) const override { return has_input(i) ? frame_.Share(step_.inputs[i]) : Value(); }

  StatusOr<TensorView> Output(size_t i, DataType dtype, const Dims& dims) override {
    const Layout layout = i < num_outputs() ? step_.output_layouts[i] : Layout::kPlain;
    int64_t count = layout == Layout::kPlain ? SmallCount(dims) : -1;
    if (count < 0) {
      ASSIGN_OR_RETURN(count, LayoutElements(dtype, dims, layout));
    }
    if (!has_output(i)) return Scratch(dtype, dims, count);
    const int number = step_.outputs[i];
    Slot& slot = frame_.slots_[number];
    frame_.Release(number);
    slot.view.dtype = dtype;
    slot.view.dims = dims;
    const auto bytes = static_cast<int64_t>(PackedBytes(dtype, static_cast<size_t>(count)));
    const MemoryPlan* plan = frame_.plan_;
    if (dtype != DataType::kString && plan && plan->offset[number] >= 0 && bytes <= plan->bytes[number]) {
      slot.view.data = frame_.arena_.get() + plan->offset[number];
      slot.state = Slot::State::kTensor;
      return slot.view;
    }
    frame_.recorded_bytes_[number] = dtype == DataType::kString ? -1 : bytes;
    if (dtype != DataType::kString) slot.owner = frame_.Reuse(number, bytes);
    RETURN_IF_ERROR(AllocateHeap(slot, dtype, dims, count, bytes));
    return slot.view;
  }

  Status OutputAlias(size_t i, size_t input, const Dims& dims) override {
    const Slot& source = frame_.slots_[step_.inputs[input]];
    if (dims.num_elements() != source.view.num_elements())
      return Internal(fmt::format("{} cannot be seen as {}", source.view.TypeString(), dims.ToString()));
    if (!has_output(i)) return {};
    const int number = step_.outputs[i];
    const bool declared = step_.choice.kernel->AliasedInput(i) == static_cast<int>(input);
    if (!source.owner && !declared) {
      ASSIGN_OR_RETURN(const int64_t count, LayoutElements(source.view.dtype, source.view.dims, step_.output_layouts[i]));
      ASSIGN_OR_RETURN(TensorView view, Output(i, source.view.dtype, dims));
      CopyElements(source.view, count, view.data);
      return {};
    }
    frame_.Release(number);
    Slot& slot = frame_.slots_[number];
    slot.view.dtype = source.view.dtype;
    slot.view.dims = dims;
    slot.view.data = source.view.data;
    slot.owner = source.owner;
    slot.state = Slot::State::kTensor;
    if (!declared && source.view.dtype != DataType::kString) frame_.recorded_bytes_[number] = static_cast<int64_t>(source.view.byte_size());
    return {};
  }

  Status SetOutput(size_t i, Value value) override {
    if (has_output(i)) frame_.SetSlot(step_.outputs[i], value);
    return {};
  }

  StatusOr<void*> Workspace(size_t bytes) override {
    const auto wanted = static_cast<int64_t>(bytes);
    frame_.recorded_workspace_ = std::max(frame_.recorded_workspace_, wanted);
    if (wanted > frame_.workspace_bytes_) {
      if (frame_.state_->memory_limit && frame_.state_->live_bytes.load() + wanted > frame_.state_->memory_limit)
        return OutOfMemory(wanted, *frame_.state_);
      frame_.workspace_.reset(static_cast<uint8_t*>(AllocateAligned(bytes)));
      frame_.workspace_bytes_ = frame_.workspace_ ? wanted : 0;
      if (!frame_.workspace_) return OutOfMemory(wanted, *frame_.state_);
    }
    return static_cast<void*>(frame_.workspace_.get());
  }

  ThreadPool& thread_pool() const override { return frame_.program_.pool(); }

  Subprogram* subprogram(std::string_view attribute) override {
    for (auto& [name, sub] : subprograms_)
      if (name == attribute) return sub.get();
    for (const Step::Sub& sub : step_.subprograms) {
      if (sub.attribute != attribute) continue;
      subprograms_.emplace_back(attribute, std::make_unique<FrameSubprogram>(*sub.program, frame_));
      return subprograms_.back().second.get();
    }
    return nullptr;
  }

  Status CheckInterrupted() const override { return frame_.state_->Check(); }

 private:
  Status AllocateHeap(Slot& slot, DataType dtype, const Dims& dims, int64_t count, int64_t bytes) {
    const int64_t counted = dtype == DataType::kString ? count * static_cast<int64_t>(sizeof(std::string)) : bytes;
    if (!frame_.state_->Take(counted)) return OutOfMemory(counted, *frame_.state_);
    slot.counted_bytes = counted;
    if (slot.owner) {
      // memory of an earlier run
    } else if (dtype == DataType::kString) {
      ASSIGN_OR_RETURN(Tensor strings, Tensor::Allocate(dtype, dims));
      slot.owner = strings.owner();
    } else {
      void* memory = AllocateAligned(static_cast<size_t>(bytes));
      if (!memory) return OutOfMemory(bytes, *frame_.state_);
      slot.owner = std::shared_ptr<const void>(memory, [](const void* p) { std::free(const_cast<void*>(p)); });
    }
    slot.view.data = const_cast<void*>(slot.owner.get());
    slot.state = Slot::State::kTensor;
    return {};
  }

  // Memory for an output that nobody wants.
  StatusOr<TensorView> Scratch(DataType dtype, const Dims& dims, int64_t count) {
    Slot& slot = scratch_.emplace_back();
    slot.view.dtype = dtype;
    slot.view.dims = dims;
    RETURN_IF_ERROR(AllocateHeap(slot, dtype, dims, count, static_cast<int64_t>(PackedBytes(dtype, static_cast<size_t>(count)))));
    frame_.state_->live_bytes.fetch_sub(slot.counted_bytes, std::memory_order_relaxed);
    return slot.view;
  }

  Frame& frame_;
  const Step& step_;
  std::vector<Slot> scratch_;
  std::vector<std::pair<std::string, std::unique_ptr<FrameSubprogram>>> subprograms_;
};

Frame::Frame(const Program& program)
    : program_(program),
      slots_(static_cast<size_t>(program.num_slots_)),
      spares_(program.output_slots_.size()),
      spare_of_slot_(static_cast<size_t>(program.num_slots_), -1),
      recorded_bytes_(static_cast<size_t>(program.num_slots_), -1),
      arena_(nullptr, [](void* p) { std::free(p); }),
      workspace_(nullptr, [](void* p) { std::free(p); }) {
  for (size_t i = 0; i < std::min<size_t>(spares_.size(), INT16_MAX); ++i)
    spare_of_slot_[program_.output_slots_[i]] = static_cast<int16_t>(i);
  for (const Program::Constant& constant : program_.constants_) {
    SetSlot(constant.slot, constant.value);
    spare_of_slot_[constant.slot] = kConstant;
  }
}

Frame::~Frame() = default;

void Frame::SetSlot(int number, const Value& value) {
  Release(number);
  Slot& slot = slots_[number];
  if (!value.is_tensor()) {
    slot.value = value;
    slot.state = Slot::State::kValue;
    return;
  }
  const Tensor tensor = value.tensor().Aligned();
  slot.view.dtype = tensor.dtype();
  slot.view.dims = tensor.dims();
  slot.view.data = const_cast<void*>(tensor.raw_data());
  slot.owner = tensor.owner();
  slot.state = Slot::State::kTensor;
}

void Frame::Release(int number) {
  Slot& slot = slots_[number];
  if (slot.state == Slot::State::kUnset) return;
  if (slot.counted_bytes) {
    state_->live_bytes.fetch_sub(slot.counted_bytes, std::memory_order_relaxed);
    slot.counted_bytes = 0;
  }
  if (slot.owner) slot.owner.reset();
  if (slot.state == Slot::State::kValue) slot.value = Value();
  slot.state = Slot::State::kUnset;
}

Value Frame::Share(int number) const {
  const Slot& slot = slots_[number];
  if (slot.state == Slot::State::kValue) return slot.value;
  if (slot.state == Slot::State::kUnset) return Value();
  if (slot.owner) return Tensor::FromShared(slot.view.dtype, slot.view.dims, slot.owner);
  StatusOr<Tensor> copy = Tensor::Allocate(slot.view.dtype, slot.view.dims);
  if (!copy.ok()) return Value();
  CopyElements(slot.view, slot.view.num_elements(), copy->mutable_raw_data());
  return *std::move(copy);
}

Status Frame::Bind(std::span<const Value> inputs, Frame* outer) {
  if (inputs.size() != program_.input_slots_.size())
    return Usage(fmt::format("{} inputs given, {} needed", inputs.size(), program_.input_slots_.size()));
  for (size_t i = 0; i < inputs.size(); ++i)
    SetSlot(program_.input_slots_[i], inputs[i].is_none() ? program_.input_defaults_[i] : inputs[i]);
  for (const Capture& capture : program_.captures_) {
    // Borrowed, not shared: the outer frame outlives this run.
    const Slot& source = outer->slots_[capture.outer_slot];
    Slot& slot = slots_[capture.inner_slot];
    slot.view = source.view;
    slot.owner = source.owner;
    slot.value = source.value;
    slot.state = source.state;
  }
  return {};
}

void Frame::ChoosePlan() {
  counted_arena_ = 0;
  plan_ = program_.static_plan_.get();
  if (!plan_) {
    signature_.clear();
    const auto sign = [&](int number) {
      const Slot& slot = slots_[number];
      signature_.push_back(slot.state == Slot::State::kTensor ? static_cast<int64_t>(slot.view.rank()) : -1);
      if (slot.state == Slot::State::kTensor) signature_.insert(signature_.end(), slot.view.dims.begin(), slot.view.dims.end());
    };
    for (int number : program_.input_slots_) sign(number);
    for (const Capture& capture : program_.captures_) sign(capture.inner_slot);
    if (!dynamic_plan_ || dynamic_plan_->signature != signature_) dynamic_plan_ = program_.FindPlan(signature_);
    plan_ = dynamic_plan_.get();
  }
  if (!plan_ || plan_->arena_bytes == 0) return;
  if (plan_->arena_bytes > arena_bytes_) {
    arena_.reset(static_cast<uint8_t*>(AllocateAligned(static_cast<size_t>(plan_->arena_bytes))));
    arena_bytes_ = arena_ ? plan_->arena_bytes : 0;
  }
  if (!arena_ || !state_->Take(plan_->arena_bytes))
    plan_ = nullptr;  // no room for it all at once: piece by piece
  else
    counted_arena_ = plan_->arena_bytes;
}

Status Frame::Run(std::span<const Value> inputs, const std::vector<bool>& wanted, Frame* outer, RunState* state,
                  std::vector<Value>* outputs) {
  state_ = state;
  RETURN_IF_ERROR(Bind(inputs, outer));
  outputs->clear();  // whose memory may serve again
  ChoosePlan();
  const bool record = plan_ == nullptr;
  if (record) std::fill(recorded_bytes_.begin(), recorded_bytes_.end(), -1);

  Status status = RunSteps();
  if (status.ok()) {
    GiveOutputs(wanted, outputs);
    if (record && !program_.static_plan_) {
      auto plan = std::make_shared<MemoryPlan>(*program_.MakePlan(recorded_bytes_));
      plan->signature = signature_;
      program_.KeepPlan(std::move(plan));
    }
  }
  state_->live_bytes.fetch_sub(counted_arena_, std::memory_order_relaxed);
  Reset(!status.ok());
  return status;
}

std::shared_ptr<const void> Frame::Reuse(int number, int64_t bytes) {
  if (spare_of_slot_[number] < 0) return nullptr;
  Spare& spare = spares_[spare_of_slot_[number]];
  if (!spare.memory || spare.memory.use_count() != 1) return nullptr;
  // Somebody else's last reads of it come before our writes.
  std::atomic_thread_fence(std::memory_order_acquire);
  if (spare.bytes < bytes || spare.bytes / 2 > bytes) {  // too small, or much too large to keep
    spare.memory.reset();
    return nullptr;
  }
  return spare.memory;
}

void Frame::GiveOutputs(const std::vector<bool>& wanted, std::vector<Value>* outputs) {
  for (size_t i = 0; i < program_.output_slots_.size(); ++i) {
    const int number = program_.output_slots_[i];
    outputs->push_back(wanted.empty() || wanted[i] ? Share(number) : Value());
    const Slot& slot = slots_[number];
    // Only memory that was taken for this very output: an alias shares that of others.
    if (slot.state != Slot::State::kTensor || !slot.counted_bytes || slot.view.dtype == DataType::kString || spare_of_slot_[number] < 0)
      continue;
    Spare& spare = spares_[spare_of_slot_[number]];
    if (spare.memory == slot.owner) continue;
    spare.memory = slot.owner;
    spare.bytes = slot.counted_bytes;
  }
}

Status Frame::RunSteps() {
  const bool limited = state_->cancelled != nullptr || state_->deadline.has_value();
  for (const Step& step : program_.steps_) {
    if (limited) RETURN_IF_ERROR(state_->Check());
    RETURN_IF_ERROR(RunStep(step));
    for (int slot : step.release) Release(slot);
  }
  return {};
}

// Types are almost always those that were checked at compilation. Where a model hides or misstates them, the schema is held
// against what is really there, so that no kernel reads a tensor as something that it is not.
bool Frame::TypesAsCompiled(const Step& step) const {
  for (size_t i = 0; i < step.inputs.size(); ++i) {
    if (step.inputs[i] < 0) continue;
    const Slot& slot = slots_[step.inputs[i]];
    if ((slot.state != Slot::State::kTensor || slot.view.dtype != step.input_dtypes[i]) && !step.packed_inputs[i]) return false;
  }
  return true;
}

Status Frame::CheckTypes(const Step& step) const {
  if (!step.schema) return {};
  std::vector<InputKind> kinds;
  for (size_t i = 0; i < step.inputs.size(); ++i) {
    InputKind kind;
    if (step.inputs[i] >= 0 && !step.packed_inputs[i]) {
      const Slot& slot = slots_[step.inputs[i]];
      kind.present = slot.state != Slot::State::kUnset;
      kind.kind = slot.state == Slot::State::kTensor ? Value::Kind::kTensor : slot.value.kind();
      kind.dtype = slot.view.dtype;
      const ops::FormalParameter* formal = step.schema->input(i);
      const bool empty = !kind.present || kind.kind == Value::Kind::kNone;
      if (empty && formal && formal->arity != ops::Arity::kOptional && !formal->type.starts_with("optional(")) {
        const ops::TypeConstraint* constraint = step.schema->constraint(formal->type);
        const bool takes_none = constraint && std::any_of(constraint->types.begin(), constraint->types.end(),
                                                          [](std::string_view t) { return t.starts_with("optional("); });
        if (!takes_none) return Invalid(fmt::format("input {} ({}) has no value", i, formal->name));
      }
    }
    kinds.push_back(kind);
  }
  return CheckInputTypes(*step.schema, kinds);
}

Status Frame::RunStep(const Step& step) {
  StepContext context(*this, step);
  Profiler* profiler = state_->profiler;
  const int64_t start = profiler ? profiler->Now() : 0;
  Status status = TypesAsCompiled(step) ? Status() : CheckTypes(step);
  if (status.ok()) status = step.choice.kernel->Run(context);
  if (profiler) profiler->Record(step, DescribeInputs(step), start, profiler->Now());
  if (status.ok()) return status;
  return Explain(step, status);
}

std::string Frame::DescribeInputs(const Step& step) const {
  std::string text;
  for (size_t i = 0; i < step.inputs.size(); ++i) {
    const int slot = step.inputs[i];
    if (!text.empty()) text += ", ";
    text += step.packed_inputs[i]                        ? "packed"
            : slot < 0                                   ? "-"
            : slots_[slot].state == Slot::State::kTensor ? slots_[slot].view.TypeString()
                                                         : slots_[slot].value.TypeString();
  }
  return text;
}

Status Frame::Explain(const Step& step, const Status& status) const {
  return status.WithContext(fmt::format("{} ({})", step.label, DescribeInputs(step)));
}

void Frame::Reset(bool all) {
  if (all)
    for (const Step& step : program_.steps_)
      for (int slot : step.outputs)
        if (slot >= 0) Release(slot);
  for (int slot : program_.output_slots_) {
    // A constant that is an output stays what it is.
    if (spare_of_slot_[slot] != kConstant) Release(slot);
  }
  for (int slot : program_.input_slots_) Release(slot);
  for (const Capture& capture : program_.captures_) {
    slots_[capture.inner_slot].counted_bytes = 0;
    Release(capture.inner_slot);
  }
  plan_ = nullptr;
}

}  // namespace sardonyx::runtime
