// Compiler: Graph -> Program, for one graph; subgraphs get compilers of their own. Used by Program::Compile alone.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "runtime/aligned_copies.h"
#include "runtime/partition.h"
#include "runtime/program.h"

namespace sardonyx::runtime {

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
        const std::optional<Tensor> tensor = input ? compiler.StoredConstant(input) : std::nullopt;
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
    Layout input_layout(size_t i) const override { return has_input(i) ? compiler_.LayoutOf(node_.input(i)) : Layout::kPlain; }
    bool has_input(size_t i) const override { return node_.input(i) != nullptr; }
    bool has_output(size_t i) const override { return node_.output(i) != nullptr; }
    const ir::Type& input_type(size_t i) const override { return i < input_types_.size() ? input_types_[i] : Unknown(); }
    const ir::Type& output_type(size_t i) const override { return has_output(i) ? node_.output(i)->type : Unknown(); }
    const Tensor* constant(size_t i) const override { return has_input(i) ? compiler_.ConstantTensor(node_.input(i)) : nullptr; }
    std::optional<Tensor> stored_constant(size_t i) const override {
      return has_input(i) ? compiler_.StoredConstant(node_.input(i)) : std::nullopt;
    }
    void ReleaseConstant(size_t i) const override {
      if (!has_input(i)) return;
      ++compiler_.released_uses_[node_.input(i)];
      if (!prepared_) compiler_.released_unprepared_.insert(node_.input(i));
      packed_.resize(node_.inputs().size(), false);
      packed_[i] = true;
    }
    std::shared_ptr<const void> Prepared(size_t bytes, const std::function<void(void*)>& fill) const override {
      prepared_ = true;
      PreparedStore* store = compiler_.options_.prepared_store;
      return store ? store->Get(bytes, fill) : NodeInfo::Prepared(bytes, fill);
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
    mutable bool prepared_ = false;
  };

  Status AddInputs();
  Status AddConstants();
  Status AddNode(const ir::Node& node);
  Status AddClaim(const Unit& unit);
  StatusOr<KernelChoice> Choose(const Info& info, std::string* provider);
  Status Fold(const ir::Node& node, Step step);
  void AddUnsupported(const ir::Node& node, const std::string& reason);
  Status AddSubprograms(const ir::Node& node, Step* step, std::vector<int>* captured);
  void FindLive();
  // All who read the constant keep it in packed form.
  bool IsReleased(const ir::Value* value) const;
  void Forget(const ir::Value* value);
  void DropReleasedConstants();
  void FindLifetimes();
  void PlanStaticShapes();
  Status UnsupportedError() const;

  // The slot of a value in a layout; one of an enclosing graph is captured, one that lies otherwise is reordered by a step of its
  // own. -1 if nothing defines the value.
  int SlotOf(const ir::Value* value, Layout layout = Layout::kPlain);
  int AddReorder(const ir::Value* value, int slot, Layout from, Layout to);
  // A reorder's step, its output slot still to be set.
  static Step ReorderStep(const ir::Value* value, int slot, Layout from, Layout to);
  // Slots for a step's outputs, -1 for those that nothing reads.
  Status AddOutputs(Step& step, std::span<const ir::Value* const> outputs);
  void Append(Step step, std::vector<int> captured);
  int NewSlot() { return program_->num_slots_++; }
  Layout LayoutOf(const ir::Value* value) const;
  const Value* ConstantValue(const ir::Value* value) const;
  const Tensor* ConstantTensor(const ir::Value* value) const;
  bool IsKnown(const ir::Value* value) const;  // there is a ConstantValue, which this does not copy yet
  // As it lies in the file.
  std::optional<Tensor> StoredConstant(const ir::Value* value) const;

  const ir::Model& model_;
  const ir::Graph& graph_;
  const CompileOptions& options_;
  Compiler* outer_;
  std::unique_ptr<Program> program_;
  std::unordered_map<const ir::Value*, int> slots_;  // where a value was first put
  std::unordered_map<int, Layout> layouts_;          // of slots that are not plain
  std::map<std::pair<const ir::Value*, Layout>, int> reordered_;
  std::unordered_map<int, const ir::Type*> slot_types_;  // of steps' outputs
  mutable AlignedCopies copies_;  // before constants_, which go first
  mutable std::unordered_map<const ir::Value*, Value> constants_;
  std::unordered_map<const ir::Value*, size_t> released_uses_;
  std::unordered_set<const ir::Value*> released_unprepared_;
  std::unordered_set<const ir::Node*> live_;
  std::vector<std::vector<int>> captured_by_step_;  // slots that a step's subgraphs read
  Unsupported unsupported_;
};

}  // namespace sardonyx::runtime
