// Session: a model made ready to run. See examples/classify_digit.cc for all of it in one page.
//
//   ASSIGN Session session = Session::Create(Model::Load("model.onnx"), {});
//   auto outputs = session.Run({{"x", Tensor::From<float>({1, 3}, {1, 2, 3})}});
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sardonyx/model.h"
#include "sardonyx/value.h"

namespace sardonyx {

struct SessionOptions {
  // Threads a run may use, the caller's included; 0: the container's CPU quota.
  int threads = 0;
  // Execution providers in order of preference: "cpu", and "onnxruntime" or "openvino" ("=LIBRARY" behind it says where it lies), which
  // take what they can of the model as it is (`level` is 0 where one comes first) and leave the rest to those after them.
  std::vector<std::string> providers = {"cpu"};
  // How far the graph is rewritten before it runs (the caller's model stays as it is). 0: not at all; 1: constants are folded,
  // what changes nothing goes, batch normalizations go into weights; 2: operators are fused; 99: everything.
  int level = 99;
  // Passes to leave out, and the last one to run, by name: for finding out which of them is to blame.
  std::vector<std::string> disabled_passes;
  std::string stop_after_pass;
  // Bytes of intermediate and output data that one run, or the folding of constants, may hold; 0: the container's memory.
  int64_t memory_limit = 0;
  // A folder where prepared programs are kept, so that the same model under the same options starts faster the next time; processes share
  // the memory of what lies there. Empty: none. It may be emptied at any time; nothing else is ever deleted from it.
  std::filesystem::path cache;
  // Denormal numbers count as zero while a run computes: faster where activations fade away, and less exact.
  bool flush_denormals = false;
};

// Stops runs from another thread.
class CancellationToken {
 public:
  void Cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  const std::atomic<bool>& flag() const { return cancelled_; }

 private:
  std::atomic<bool> cancelled_{false};
};

// One node of one run.
struct NodeTiming {
  std::string node;  // "Conv 'conv1'"
  std::string op_type, provider, kernel;
  std::string inputs;  // "float[1,3,224,224], float[64,3,7,7]"
  double start_ms = 0, duration_ms = 0;
  uint64_t thread = 0;
};

struct RunOptions {
  // kDeadline once this has passed; 0: no limit. Checked between nodes and in loops.
  std::chrono::nanoseconds time_limit{0};
  // kCancelled once it is cancelled.
  std::shared_ptr<const CancellationToken> cancellation;
  // Which outputs to give, by name and in this order; empty: all.
  std::vector<std::string> outputs;
  // Write a trace of every node (Chrome's trace event format) to this file.
  std::string profile_path;
  // If given: one entry a node is added, in the order of their ends. Costs a little time.
  std::vector<NodeTiming>* timings = nullptr;
};

// What runs where.
struct NodePlacement {
  std::string node;  // "Conv 'conv1'"
  std::string op_type;
  std::string provider;
  std::string kernel;
  // The kernels that could have run it but declined, each with its reason.
  std::vector<std::pair<std::string, std::string>> declined;
};

// Loads a library of custom operators (sardonyx/custom_op.h): from then on every model and session of the process knows them,
// until it ends. A library that is loaded already is left as it is. kCorrupt when the file is missing or is no library, kInvalid
// when what it offers is malformed or clashes with an operator that is known, kUnsupported when it was built for a newer API.
Status LoadCustomOps(const std::filesystem::path& library);

class Session {
 public:
  // Prepares `model`: infers types, chooses kernels, folds constants, packs weights, plans memory. kUnsupported lists every
  // node that cannot run; kInvalid says what is wrong with the model.
  static StatusOr<Session> Create(const Model& model, const SessionOptions& options = {});

  const std::vector<ValueInfo>& inputs() const;
  const std::vector<ValueInfo>& outputs() const;

  // Runs the model once. May be called from many threads at once. kUsage when names, dtypes or shapes are not what the
  // model declares; inputs with a default may be left out.
  using NamedValue = std::pair<std::string, Value>;
  StatusOr<std::vector<Value>> Run(const std::vector<NamedValue>& inputs, const RunOptions& options = {}) const;

  // The same for callers that run again and again: inputs stand in the order of inputs(), none (Value()) where one with a default
  // is left out, and all outputs are put into `outputs`, in order. A caller that gives the same vector each time, and keeps no
  // copies of what it held, gets outputs of known shapes without any allocation.
  Status RunInOrder(std::span<const Value> inputs, std::vector<Value>* outputs, const RunOptions& options = {}) const;

  // One entry a node, in the order of execution; those of subgraphs follow their node.
  std::vector<NodePlacement> Placement() const;
  // Bytes of the arena that intermediate results share, when all shapes are static; else -1.
  int64_t planned_memory() const;
  // What became of SessionOptions::cache: "read", "written", or "not used: " and why; empty without one. A file that was damaged or could
  // not be used is named, and replaced.
  const std::string& cache_note() const;
  // The model as it runs, rewritten, without the data of large weights; for the project's own tools.
  const ir::Model& ir() const;

 private:
  struct Impl;
  explicit Session(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<Impl> impl_;
};

}  // namespace sardonyx
