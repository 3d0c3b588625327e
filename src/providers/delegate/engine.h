// What a delegate needs of an engine: that it runs models from files.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sardonyx/value.h"

namespace sardonyx::delegate {

using NamedValues = std::vector<std::pair<std::string, Value>>;

// A model that an engine has made ready. Run may be called from several threads at once.
class LoadedModel {
 public:
  virtual ~LoadedModel() = default;
  // Tensors by the names of the model's inputs; its outputs in the model's order.
  virtual StatusOr<std::vector<Value>> Run(const NamedValues& inputs) const = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;
  virtual std::string_view name() const = 0;
  virtual std::string version() const = 0;
  // Whether it may know operators of the domain ("" for ai.onnx).
  virtual bool KnowsDomain(std::string_view domain) const = 0;
  // kUnsupported, in the engine's words, for a model that it does not take. `outputs`: the element types of the model's outputs.
  virtual StatusOr<std::unique_ptr<LoadedModel>> Load(const std::filesystem::path& model, int threads,
                                                      const std::vector<DataType>& outputs) const = 0;
};

}  // namespace sardonyx::delegate
