// An engine under measurement: ours or a peer, behind one interface.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sardonyx/value.h"

namespace sardonyx::bench {

struct EngineSpec {
  std::string name;     // "sardonyx", "onnxruntime", "openvino"
  std::string library;  // of a peer; empty: where it is usually found
};

// "onnxruntime" or "onnxruntime=PATH". kUsage for an engine that is not known.
StatusOr<EngineSpec> ParseEngine(const std::string& text);

using NamedValues = std::vector<std::pair<std::string, Value>>;

// Every peer is given its best settings: all optimizations, one stream, float models computed in float.
class Engine {
 public:
  virtual ~Engine() = default;
  virtual std::string version() const = 0;
  // Makes the model ready to run on `threads` threads (0: the engine's choice).
  virtual Status Load(const std::filesystem::path& model, int threads) = 0;
  // Fixes the inputs of the runs that follow.
  virtual Status Bind(const NamedValues& inputs) = 0;
  virtual Status Run() = 0;
  // The last run's outputs in the model's order; none where an output cannot be had as a tensor.
  virtual StatusOr<std::vector<Value>> Outputs() = 0;
};

StatusOr<std::unique_ptr<Engine>> MakeEngine(const EngineSpec& spec);

}  // namespace sardonyx::bench
