// Kernel: one operator's computation, prepared once for its node and run many times, from many threads at once.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/thread_pool.h"
#include "ir/model.h"
#include "ops/schema.h"
#include "runtime/layout.h"
#include "runtime/tensor_view.h"
#include "sardonyx/value.h"

namespace sardonyx::runtime {

// A node, as a kernel sees it before any data: attributes with the schema's defaults, known types, constants.
class NodeInfo {
 public:
  virtual ~NodeInfo() = default;
  virtual const ir::Node& node() const = 0;
  virtual const ops::OpSchema& schema() const = 0;
  virtual int64_t opset_version() const = 0;  // of the node's domain

  virtual size_t num_inputs() const = 0;
  virtual size_t num_outputs() const = 0;
  virtual bool has_input(size_t i) const = 0;   // false when omitted
  virtual bool has_output(size_t i) const = 0;  // false when omitted
  // Best known types; kind kUnknown where nothing is known.
  virtual const ir::Type& input_type(size_t i) const = 0;
  virtual const ir::Type& output_type(size_t i) const = 0;
  // The input when it is known at load (an initializer or folded), aligned; else null. The kernel may pack it and then
  // call ReleaseConstant(i) so that the original need not stay in memory.
  virtual const Tensor* constant(size_t i) const = 0;
  virtual void ReleaseConstant(size_t i) const = 0;
  // The same without the copy that aligns it: a view into the file, where it lies there. For kernels that only copy bytes, or only
  // ask for its dims.
  virtual std::optional<Tensor> stored_constant(size_t i) const;
  // `bytes` of what the kernel makes of its constants, 64-byte aligned, which `fill` writes - unless they are at hand from an earlier
  // compilation of the same program (`PreparedStore`), so nothing but the memory may come out of `fill`. Null without memory.
  // A kernel that asks for it once makes all of what it keeps of the constants that it releases so: their data is not there next time.
  virtual std::shared_ptr<const void> Prepared(size_t bytes, const std::function<void(void*)>& fill) const;
  // How the input arrives if the kernel asks for nothing else: one that does not care where channels lie keeps the layout
  // that its input has, and so a chain stays blocked from end to end.
  virtual Layout input_layout(size_t i) const { return Layout::kPlain; }
  virtual ThreadPool& thread_pool() const = 0;

  DataType input_dtype(size_t i) const { return has_input(i) ? input_type(i).dtype : DataType::kUndefined; }
  DataType output_dtype(size_t i) const { return has_output(i) ? output_type(i).dtype : DataType::kUndefined; }

  // The attribute, or the schema's default, or `fallback` when the schema has none.
  int64_t GetInt(std::string_view name, int64_t fallback = 0) const;
  float GetFloat(std::string_view name, float fallback = 0) const;
  std::string GetString(std::string_view name, std::string_view fallback = "") const;
  std::vector<int64_t> GetInts(std::string_view name, std::vector<int64_t> fallback = {}) const;
  std::vector<float> GetFloats(std::string_view name) const;
  std::vector<std::string> GetStrings(std::string_view name) const;
  // Present on the node itself (defaults don't count).
  bool HasAttribute(std::string_view name) const { return node().attribute(name) != nullptr; }
  // The tensor attribute, decoded and aligned; an undefined Tensor when absent.
  StatusOr<Tensor> GetTensor(std::string_view name) const;
};

// Runs a node's subgraph: what control flow kernels are given (see control_flow.cc).
class Subprogram {
 public:
  virtual ~Subprogram() = default;
  virtual size_t num_inputs() const = 0;
  virtual size_t num_outputs() const = 0;
  // Values captured from outer graphs are bound already. Takes and gives shared values.
  virtual StatusOr<std::vector<Value>> Run(std::vector<Value> inputs) = 0;
};

// One run of one node. Only the calling thread uses it.
class KernelContext {
 public:
  virtual ~KernelContext() = default;

  virtual size_t num_inputs() const = 0;
  virtual size_t num_outputs() const = 0;
  virtual bool has_input(size_t i) const = 0;
  virtual bool has_output(size_t i) const = 0;
  // Precondition: has_input(i) and it is a tensor (input_is_tensor).
  virtual const TensorView& input(size_t i) const = 0;
  virtual bool input_is_tensor(size_t i) const = 0;
  // Any input as a shared value (tensors are copied out of the arena if they live there). None when omitted.
  virtual Value input_value(size_t i) const = 0;

  // Memory for output i in the kernel's OutputLayout(i), padding included: from the plan when it foresaw these dims, else from
  // the heap. Contents are not initialized (strings are empty). Never null on success; for an omitted output it is scratch. kResource
  // beyond the memory limit.
  virtual StatusOr<TensorView> Output(size_t i, DataType dtype, const Dims& dims) = 0;
  // Output i is input `input`'s data under other dims. Free if the kernel declared AliasedInput(i) == input.
  virtual Status OutputAlias(size_t i, size_t input, const Dims& dims) = 0;
  // For sequences, maps, optionals and tensors that already exist.
  virtual Status SetOutput(size_t i, Value value) = 0;
  // 64-byte aligned scratch for this call, not initialized; repeated calls give the same memory.
  virtual StatusOr<void*> Workspace(size_t bytes) = 0;

  virtual ThreadPool& thread_pool() const = 0;
  // The node's subgraph by attribute name; null if there is none.
  virtual Subprogram* subprogram(std::string_view attribute) = 0;
  // Long loops call this now and then: an error once the run was cancelled or its time is up.
  virtual Status CheckInterrupted() const = 0;

  // Splits [0, count) over the pool; see ThreadPool::ParallelFor.
  void ParallelFor(int64_t count, double cost, RangeFunction f) const { thread_pool().ParallelFor(count, cost, f); }
};

// Immutable once made: Run is called from many threads. Everything that does not depend on input data (attributes,
// packed weights, tables) is computed by the factory; Run checks shapes before it computes, and its inner loops cannot fail.
class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual Status Run(KernelContext& context) const = 0;
  // The input whose memory output i always shares (Reshape, Identity...), or -1.
  virtual int AliasedInput(size_t output) const { return -1; }
  // True if output i may be written over input `input` when nothing else needs that (same bytes): the plan decides.
  virtual bool CanRunInPlace(size_t output, size_t input) const { return false; }
  // True if output 0 is the bytes of all inputs one after the other (JoinsInputs), or input 0 those of all outputs (SplitsInput), so that
  // the plan may place them within it. Run copies those that are not there already: the plan places as many as it can.
  virtual bool JoinsInputs() const { return false; }
  virtual bool SplitsInput() const { return false; }
  // Layouts that the kernel wants and gives; the compiler inserts reorders where they differ. Blocked inputs are tensors.
  virtual Layout InputLayout(size_t input) const { return Layout::kPlain; }
  virtual Layout OutputLayout(size_t output) const { return Layout::kPlain; }
};

// One way to compute an operator. Lists of these are ordered, best first, reference last (see providers/cpu).
struct KernelEntry {
  std::string_view domain;
  std::string_view op_type;
  std::string_view name;  // "reference", "nchw16c", ...: what --explain prints
  // Empty if it can compute this node, else the named reason why not ("dtype float16", "group > 1").
  std::string (*declines)(const NodeInfo& node);
  StatusOr<std::unique_ptr<Kernel>> (*create)(const NodeInfo& node);
  int since_version = 1;           // first opset version of the domain with these semantics
  int until_version = 0x7fffffff;  // last one
};

}  // namespace sardonyx::runtime
