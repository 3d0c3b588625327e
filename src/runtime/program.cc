#include "runtime/program.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "runtime/frame.h"

namespace sardonyx::runtime {
namespace {

// Plans kept for dynamic shapes: beyond these the oldest goes.
constexpr size_t kMaxPlans = 32;

// Where this thread looks first for an idle frame.
size_t HomeOfThread() {
  static std::atomic<size_t> threads{0};
  thread_local const size_t home = threads.fetch_add(1, std::memory_order_relaxed);
  return home;
}

// Slots that share memory, found by union; each set has one lifetime.
class SharedBuffers {
 public:
  explicit SharedBuffers(size_t slots) : parent_(slots), last(slots, -1), first(slots, -1), bytes(slots, -1) {
    for (size_t i = 0; i < slots; ++i) parent_[i] = static_cast<int>(i);
  }
  int Find(int slot) {
    while (parent_[slot] != slot) slot = parent_[slot] = parent_[parent_[slot]];
    return slot;
  }
  void Join(int into, int other) {
    into = Find(into);
    other = Find(other);
    if (into == other) return;
    parent_[other] = into;
    last[into] = std::max(last[into], last[other]);
    bytes[into] = std::max(bytes[into], bytes[other]);
  }

 private:
  std::vector<int> parent_;

 public:
  std::vector<int> last, first;
  std::vector<int64_t> bytes;  // of a set's root; -1: not to be planned
};

}  // namespace

Program::~Program() {
  for (std::atomic<Frame*>& idle : idle_frames_) delete idle.load();
}

Status Program::Run(std::span<const Value> inputs, const std::vector<bool>& wanted, RunState* state, std::vector<Value>* outputs) const {
  std::unique_ptr<Frame> frame = AcquireFrame();
  Status status = frame->Run(inputs, wanted, nullptr, state, outputs);
  ReturnFrame(std::move(frame));
  return status;
}

int64_t Program::constant_bytes() const {
  int64_t total = 0;
  for (const Constant& constant : constants_)
    if (constant.value.is_tensor()) total += static_cast<int64_t>(constant.value.tensor().byte_size());
  return total;
}

std::shared_ptr<const MemoryPlan> Program::FindPlan(std::span<const int64_t> signature) const {
  std::lock_guard lock(plans_mutex_);
  for (const auto& plan : plans_)
    if (std::equal(plan->signature.begin(), plan->signature.end(), signature.begin(), signature.end())) return plan;
  return nullptr;
}

void Program::KeepPlan(std::shared_ptr<const MemoryPlan> plan) const {
  std::lock_guard lock(plans_mutex_);
  if (plans_.size() == kMaxPlans) plans_.erase(plans_.begin());
  plans_.push_back(std::move(plan));
}

std::unique_ptr<Frame> Program::AcquireFrame() const {
  const size_t home = HomeOfThread();
  for (size_t i = 0; i < kMaxIdleFrames; ++i) {
    std::atomic<Frame*>& idle = idle_frames_[(home + i) % kMaxIdleFrames];
    if (idle.load(std::memory_order_relaxed) == nullptr) continue;
    if (Frame* frame = idle.exchange(nullptr, std::memory_order_acquire)) return std::unique_ptr<Frame>(frame);
  }
  return std::make_unique<Frame>(*this);
}

void Program::ReturnFrame(std::unique_ptr<Frame> frame) const {
  const size_t home = HomeOfThread();
  for (size_t i = 0; i < kMaxIdleFrames; ++i) {
    Frame* none = nullptr;
    if (!idle_frames_[(home + i) % kMaxIdleFrames].compare_exchange_strong(none, frame.get(), std::memory_order_release)) continue;
    (void)frame.release();
    return;
  }
}

std::shared_ptr<const MemoryPlan> Program::MakePlan(std::span<const int64_t> slot_bytes) const {
  const auto count = static_cast<size_t>(num_slots_);
  SharedBuffers buffers(count);
  std::vector<bool> fixed(count, true);  // inputs, constants, captures: memory of others
  for (size_t i = 0; i < steps_.size(); ++i) {
    for (int slot : steps_[i].outputs) {
      if (slot < 0) continue;
      fixed[slot] = false;
      buffers.first[slot] = static_cast<int>(i);
      buffers.bytes[slot] = slot_bytes[slot];
    }
    for (int slot : steps_[i].release) buffers.last[slot] = static_cast<int>(i);
  }
  constexpr int kForever = 0x7fffffff;
  for (int slot : output_slots_) buffers.last[slot] = kForever;

  for (size_t i = 0; i < steps_.size(); ++i) {
    const Step& step = steps_[i];
    for (size_t o = 0; o < step.outputs.size(); ++o) {
      const int output = step.outputs[o];
      if (output < 0) continue;
      const int alias = step.choice.kernel->AliasedInput(o);
      if (alias >= 0 && alias < static_cast<int>(step.inputs.size()) && step.inputs[alias] >= 0) {
        buffers.Join(step.inputs[alias], output);
        continue;
      }
      // Over an input that ends here, if the kernel can and no other input lies in the same memory.
      for (size_t in = 0; in < step.inputs.size(); ++in) {
        const int input = step.inputs[in];
        if (input < 0 || fixed[buffers.Find(input)] || !step.choice.kernel->CanRunInPlace(o, in)) continue;
        const int root = buffers.Find(input);
        if (buffers.last[root] != static_cast<int>(i) || slot_bytes[input] != slot_bytes[output] || slot_bytes[output] <= 0) continue;
        if (buffers.last[output] == kForever) continue;
        const bool shared =
            std::any_of(step.inputs.begin(), step.inputs.end(), [&](int s) { return s >= 0 && s != input && buffers.Find(s) == root; }) ||
            std::any_of(step.outputs.begin(), step.outputs.end(), [&](int s) { return s >= 0 && s != output && buffers.Find(s) == root; });
        if (shared) continue;
        buffers.Join(input, output);
        break;
      }
    }
  }

  std::vector<Lifetime> lifetimes;
  for (size_t slot = 0; slot < count; ++slot) {
    const auto number = static_cast<int>(slot);
    if (buffers.Find(number) != number || fixed[slot] || buffers.bytes[slot] <= 0 || buffers.last[slot] == kForever ||
        buffers.last[slot] < 0)
      continue;
    lifetimes.push_back({number, buffers.bytes[slot], buffers.first[slot], buffers.last[slot]});
  }
  auto plan = std::make_shared<MemoryPlan>();
  plan->offset.assign(count, MemoryPlan::kNotPlanned);
  plan->bytes.assign(count, 0);
  plan->arena_bytes = PlaceBuffers(std::move(lifetimes), &plan->offset);
  for (size_t slot = 0; slot < count; ++slot) {
    const int root = buffers.Find(static_cast<int>(slot));
    plan->offset[slot] = plan->offset[root];
    plan->bytes[slot] = plan->offset[slot] >= 0 ? buffers.bytes[root] : 0;
  }
  return plan;
}

}  // namespace sardonyx::runtime
