// Frame: the state of one run of one Program: its slots and its arena. Reused by later runs, never shared by two.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "runtime/program.h"

namespace sardonyx::runtime {

// One value of a running program.
struct Slot {
  enum class State : uint8_t { kUnset, kTensor, kValue };
  State state = State::kUnset;
  TensorView view;                    // kTensor
  std::shared_ptr<const void> owner;  // keeps view.data alive; null: arena memory
  int64_t counted_bytes = 0;          // taken from RunState for it
  Value value;                        // kValue
};

class Frame {
 public:
  explicit Frame(const Program& program);
  ~Frame();

  // Runs all steps. `outer` is the frame that captures come from (null for the main program).
  StatusOr<std::vector<Value>> Run(std::span<const Value> inputs, const std::vector<bool>& wanted, Frame* outer, RunState* state);

 private:
  friend class StepContext;
  friend class FrameSubprogram;

  Status Bind(std::span<const Value> inputs, Frame* outer);
  Status RunSteps();
  Status RunStep(const Step& step);
  Status CheckTypes(const Step& step) const;
  void SetSlot(int slot, const Value& value);
  void Release(int slot);
  // The slot's content as a shared value; tensors in the arena are copied.
  Value Share(int slot) const;
  void Reset();

  const Program& program_;
  std::vector<Slot> slots_;
  std::shared_ptr<const MemoryPlan> plan_;  // null: everything on the heap, sizes recorded
  std::vector<int64_t> recorded_bytes_;
  int64_t recorded_workspace_ = 0;
  std::unique_ptr<uint8_t, void (*)(void*)> arena_;
  int64_t arena_bytes_ = 0;
  std::unique_ptr<uint8_t, void (*)(void*)> workspace_;
  int64_t workspace_bytes_ = 0;
  RunState* state_ = nullptr;
};

}  // namespace sardonyx::runtime
