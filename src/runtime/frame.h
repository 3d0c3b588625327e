// Frame: the state of one run of one Program: its slots and its arena. Reused by later runs, never shared by two.
#pragma once

#include <memory>
#include <span>
#include <string>
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
  Status Run(std::span<const Value> inputs, const std::vector<bool>& wanted, Frame* outer, RunState* state, std::vector<Value>* outputs);

 private:
  friend class StepContext;
  friend class FrameSubprogram;

  Status Bind(std::span<const Value> inputs, Frame* outer);
  // The plan for the shapes that are bound, with its arena taken; null when sizes are to be recorded.
  void ChoosePlan();
  Status RunSteps();
  Status RunStep(const Step& step);
  bool TypesAsCompiled(const Step& step) const;
  Status CheckTypes(const Step& step) const;
  // What a failed step says.
  Status Explain(const Step& step, const Status& status) const;
  std::string DescribeInputs(const Step& step) const;
  // Memory of at least `bytes` that an output of an earlier run had and nobody holds any more; null if there is none.
  std::shared_ptr<const void> Reuse(int slot, int64_t bytes);
  void GiveOutputs(const std::vector<bool>& wanted, std::vector<Value>* outputs);
  void SetSlot(int slot, const Value& value);
  void Release(int slot);
  // The slot's content as a shared value; tensors in the arena are copied.
  Value Share(int slot) const;
  // Lets go of what a run left: after a success only inputs, captures and outputs are left.
  void Reset(bool all);

  const Program& program_;
  std::vector<Slot> slots_;
  // Of each graph output, the heap memory that it had in the last run: written again once the caller has let go of it.
  struct Spare {
    std::shared_ptr<const void> memory;
    int64_t bytes = 0;
  };
  std::vector<Spare> spares_;
  static constexpr int16_t kConstant = -2;
  std::vector<int16_t> spare_of_slot_;  // kConstant, or -1: no graph output
  const MemoryPlan* plan_ = nullptr;  // null: everything on the heap, sizes recorded
  std::shared_ptr<const MemoryPlan> dynamic_plan_;  // of the last run of a program without a static plan
  std::vector<int64_t> signature_;
  int64_t counted_arena_ = 0;
  std::vector<int64_t> recorded_bytes_;
  int64_t recorded_workspace_ = 0;
  std::unique_ptr<uint8_t, void (*)(void*)> arena_;
  int64_t arena_bytes_ = 0;
  std::unique_ptr<uint8_t, void (*)(void*)> workspace_;
  int64_t workspace_bytes_ = 0;
  RunState* state_ = nullptr;
};

}  // namespace sardonyx::runtime
