// Program: a compiled graph: a flat list of steps with their kernels, over numbered slots.
//
// A Program is immutable after compilation and shared by all runs. Everything a run changes lives in a Frame.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "ir/model.h"
#include "runtime/kernel.h"
#include "runtime/memory_plan.h"
#include "runtime/prepared_store.h"
#include "runtime/provider.h"
#include "runtime/run_state.h"

namespace sardonyx::runtime {

class Frame;
class Program;

struct Step {
  std::string label;                      // the node's, for messages; of a claimed group, its first node's and their number
  std::string op_type;                    // "Conv"; "Group" of a claim; "Reorder" where the compiler changes a layout
  const ops::OpSchema* schema = nullptr;  // null for the latter two
  std::string provider;
  KernelChoice choice;
  // Slot numbers; -1 where omitted.
  std::vector<int> inputs;
  std::vector<int> outputs;
  std::vector<Layout> output_layouts;
  // The element types that were checked against the schema when compiling; undefined where nothing was known.
  std::vector<DataType> input_dtypes;
  // Constants that the kernel keeps in packed form, so that their slots may be empty.
  std::vector<bool> packed_inputs;
  // Slots that nothing reads after this step.
  std::vector<int> release;
  // Programs of the node's subgraphs by attribute name.
  struct Sub {
    std::string attribute;
    std::unique_ptr<Program> program;
  };
  std::vector<Sub> subprograms;
};

// A value of an enclosing program that a subprogram reads.
struct Capture {
  int outer_slot;
  int inner_slot;
};

struct CompileOptions {
  ThreadPool* pool = nullptr;
  std::span<const std::shared_ptr<Provider>> providers;  // in order of preference
  int64_t memory_limit = 0;                              // for folding constants; 0: none
  bool fold_constants = true;
  // If given: told of each constant that only kernels with packed copies of it read, so that whoever owns it may let it go at once;
  // `prepared`: they all made them by NodeInfo::Prepared, and do not need it where `prepared_store` has what they made.
  std::function<void(const ir::Value&, bool prepared)> released;
  PreparedStore* prepared_store = nullptr;  // null: nothing is kept
  // If given: takes the nodes that no provider can run, when that is why compilation fails.
  std::vector<const ir::Node*>* unsupported = nullptr;
};

class Program {
 public:
  // Compiles `graph`, whose values carry inferred types and which contains no calls of model-local functions. kUnsupported
  // lists every node that no provider can run, with the reasons. The graph must outlive the program.
  static StatusOr<std::unique_ptr<Program>> Compile(const ir::Model& model, const ir::Graph& graph, const CompileOptions& options);
  ~Program();

  // Runs it. Each input stands at its place in the graph's inputs; none where it may be omitted because it has a default.
  // Gives the graph's outputs in order; those not wanted (wanted[i] false) are none. An empty `wanted` means all. Memory of what
  // `outputs` held that nobody else holds may be written again.
  Status Run(std::span<const Value> inputs, const std::vector<bool>& wanted, RunState* state, std::vector<Value>* outputs) const;

  StatusOr<std::vector<Value>> Run(std::span<const Value> inputs, const std::vector<bool>& wanted, RunState* state) const {
    std::vector<Value> outputs;
    if (Status status = Run(inputs, wanted, state, &outputs); !status.ok()) return status;
    return outputs;
  }

  const std::vector<Step>& steps() const { return steps_; }
  const ir::Graph& graph() const { return *graph_; }
  // Peak bytes of the arena when shapes are static, else -1.
  int64_t planned_bytes() const { return static_plan_ ? static_plan_->arena_bytes : -1; }
  int64_t constant_bytes() const;
  ThreadPool& pool() const { return *pool_; }

 private:
  friend class Compiler;
  friend class Frame;
  friend class StepContext;
  friend class FrameSubprogram;

  // What a slot holds before any step.
  struct Constant {
    int slot;
    Value value;
  };

  Program() = default;
  std::shared_ptr<const MemoryPlan> FindPlan(std::span<const int64_t> signature) const;
  void KeepPlan(std::shared_ptr<const MemoryPlan> plan) const;
  // Plan for tensors of these sizes; -1: leave it to the heap.
  std::shared_ptr<const MemoryPlan> MakePlan(std::span<const int64_t> slot_bytes) const;
  std::unique_ptr<Frame> AcquireFrame() const;
  void ReturnFrame(std::unique_ptr<Frame> frame) const;

  const ir::Graph* graph_ = nullptr;
  ThreadPool* pool_ = nullptr;
  std::vector<Step> steps_;
  int num_slots_ = 0;
  std::vector<int> input_slots_;
  std::vector<Value> input_defaults_;  // one an input: its initializer, or none
  std::vector<int> output_slots_;
  std::vector<Constant> constants_;
  std::vector<Capture> captures_;  // of the enclosing program's slots
  std::shared_ptr<const MemoryPlan> static_plan_;

  mutable std::mutex plans_mutex_;
  mutable std::vector<std::shared_ptr<const MemoryPlan>> plans_;  // newest last
  // Frames kept for later runs. A thread looks first where it left one, so threads that run at once rarely meet.
  static constexpr size_t kMaxIdleFrames = 16;
  mutable std::array<std::atomic<Frame*>, kMaxIdleFrames> idle_frames_{};
};

}  // namespace sardonyx::runtime
