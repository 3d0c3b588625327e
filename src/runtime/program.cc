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

constexpr int kForever = 0x7fffffff;

// Slots that share memory, found by union; each set has one lifetime and one buffer, in which each slot has its place.
class SharedBuffers {
 public:
  explicit SharedBuffers(std::span<const int64_t> slot_bytes)
      : last(slot_bytes.size(), -1), first(slot_bytes.size(), -1), bytes(slot_bytes.begin(), slot_bytes.end()), parent_(slot_bytes.size()),
        offset_(slot_bytes.size(), 0) {
    for (size_t i = 0; i < parent_.size(); ++i) parent_[i] = static_cast<int>(i);
  }
  int Find(int slot) const {
    while (parent_[slot] != slot) slot = parent_[slot];
    return slot;
  }
  // Bytes from the beginning of its buffer.
  int64_t OffsetOf(int slot) const {
    int64_t offset = 0;
    for (; parent_[slot] != slot; slot = parent_[slot]) offset += offset_[slot];
    return offset;
  }
  // The buffer of `other` becomes a part of that of `into`, so that slot `other` lies `at` bytes behind slot `into`.
  void Join(int into, int other, int64_t at = 0) {
    const int root = Find(into), child = Find(other);
    if (root == child) return;
    offset_[child] = OffsetOf(into) + at - OffsetOf(other);
    parent_[child] = root;
    last[root] = std::max(last[root], last[child]);
    if (first[child] >= 0) first[root] = std::min(first[root], first[child]);
    bytes[root] = std::max(bytes[root], offset_[child] + bytes[child]);
  }

  // Of a set's root. Bytes -1: not to be planned.
  std::vector<int> last, first;
  std::vector<int64_t> bytes;

 private:
  std::vector<int> parent_;
  std::vector<int64_t> offset_;  // from the parent
};

// Tries to place the inputs of a step that joins them within its output. A buffer moves there as a whole, so all of it must be inputs at
// their places; what does not move is copied by the kernel.
void PlaceJoined(const Step& step, std::span<const int64_t> slot_bytes, const std::vector<bool>& fixed, SharedBuffers& buffers) {
  const int output = step.outputs[0];
  if (output < 0 || buffers.last[buffers.Find(output)] == kForever) return;
  std::vector<int64_t> places;
  int64_t total = 0;
  for (int input : step.inputs) {
    if (input < 0 || slot_bytes[input] <= 0) return;
    places.push_back(total);
    total += slot_bytes[input];
  }
  if (total != slot_bytes[output]) return;
  for (size_t i = 0; i < step.inputs.size(); ++i) {
    const int input = step.inputs[i], root = buffers.Find(input);
    if (root == buffers.Find(output) || fixed[input] || fixed[root] || buffers.last[root] == kForever) continue;
    const int64_t begin = places[i] - buffers.OffsetOf(input), end = begin + buffers.bytes[root];
    bool moves = begin >= 0 && end <= total;
    for (size_t j = 0; j < step.inputs.size() && moves; ++j) {
      const int other = step.inputs[j];
      const bool apart = places[j] + slot_bytes[other] <= begin || end <= places[j];
      moves = apart || (buffers.Find(other) == root && begin + buffers.OffsetOf(other) == places[j]);
    }
    if (moves) buffers.Join(output, input, places[i]);
  }
}

// Places the outputs of a step that splits its input within that.
void PlaceSplit(const Step& step, std::span<const int64_t> slot_bytes, const std::vector<bool>& fixed, SharedBuffers& buffers) {
  const int input = step.inputs[0];
  if (input < 0 || fixed[input] || fixed[buffers.Find(input)] || buffers.last[buffers.Find(input)] == kForever) return;
  int64_t place = 0;
  for (int output : step.outputs)
    if (output < 0 || slot_bytes[output] <= 0 || buffers.last[output] == kForever) return;
  for (int output : step.outputs) {
    if (place + slot_bytes[output] <= slot_bytes[input]) buffers.Join(input, output, place);
    place += slot_bytes[output];
  }
}

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
  SharedBuffers buffers(slot_bytes);
  std::vector<bool> fixed(count, true);  // inputs, constants, captures: memory of others
  for (size_t i = 0; i < steps_.size(); ++i) {
    for (int slot : steps_[i].outputs) {
      if (slot < 0) continue;
      fixed[slot] = false;
      buffers.first[slot] = static_cast<int>(i);
    }
    for (int slot : steps_[i].release) buffers.last[slot] = static_cast<int>(i);
  }
  for (int slot : output_slots_) buffers.last[slot] = kForever;

  for (size_t i = 0; i < steps_.size(); ++i) {
    const Step& step = steps_[i];
    if (step.choice.kernel->JoinsInputs()) PlaceJoined(step, slot_bytes, fixed, buffers);
    if (step.choice.kernel->SplitsInput()) PlaceSplit(step, slot_bytes, fixed, buffers);
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
        // A slot that is several inputs may be written over only if each of them may: a convolution's X may be its residual, too.
        bool shared = false;
        for (size_t other = 0; other < step.inputs.size(); ++other) {
          const int slot = step.inputs[other];
          if (slot < 0 || buffers.Find(slot) != root) continue;
          shared = shared || slot != input || !step.choice.kernel->CanRunInPlace(o, other);
        }
        shared = shared ||
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
  // Roots first have their places, the other slots then theirs within them.
  std::vector<int64_t> place(count, MemoryPlan::kNotPlanned);
  for (size_t slot = 0; slot < count; ++slot) {
    const auto number = static_cast<int>(slot);
    const int root = buffers.Find(number);
    if (plan->offset[root] < 0) continue;
    place[slot] = plan->offset[root] + buffers.OffsetOf(number);
    plan->bytes[slot] = root == number ? buffers.bytes[root] : std::max<int64_t>(0, slot_bytes[slot]);
  }
  plan->offset = std::move(place);
  return plan;
}

}  // namespace sardonyx::runtime
