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
  // Of ours:
  std::vector<std::string> providers = {};  // empty: the default
  std::string cache = {};                   // folder of prepared programs; empty: none
};

// "onnxruntime" or "onnxruntime=PATH". kUsage for an engine that is not known.
StatusOr<EngineSpec> ParseEngine(const std::string& text);

using NamedValues = std::vector<std::pair<std::string, Value>>;

// What an engine shall be ready for.
struct EngineLoad {
  int threads = 0;  // of all that runs at once; 0: the engine's choice
  int lanes = 1;    // callers that run the model at once, each with outputs of its own
};

// Every peer is given its best settings: all optimizations, as many streams as lanes, float models computed in float.
class Engine {
 public:
  virtual ~Engine() = default;
  virtual std::string version() const = 0;
  // Makes the model ready to run.
  virtual Status Load(const std::filesystem::path& model, const EngineLoad& load) = 0;
  // Fixes the inputs of the runs that follow, on all lanes.
  virtual Status Bind(const NamedValues& inputs) = 0;
  // One run on a lane; different lanes may run at once.
  virtual Status Run(size_t lane) = 0;
  // The outputs of the last run on lane 0 in the model's order; none where an output cannot be had as a tensor.
  virtual StatusOr<std::vector<Value>> Outputs() = 0;
};

StatusOr<std::unique_ptr<Engine>> MakeEngine(const EngineSpec& spec);

}  // namespace sardonyx::bench
