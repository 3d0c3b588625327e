#include "ops/incremental_inference.h"

#include <utility>

#include "ops/infer/driver.h"
#include "ops/infer/node_context.h"

namespace sardonyx::ops {

struct IncrementalInference::State {
  explicit State(ir::Model& model) : driver(model, options) {
    options.strict = true;  // a builder's mistake shows at the node where it is made
    frame.opset_imports = &model.opset_imports;
  }
  InferenceOptions options;
  infer::Driver driver;
  infer::Frame frame;
};

IncrementalInference::IncrementalInference(ir::Model& model) : state_(std::make_unique<State>(model)) {}
IncrementalInference::~IncrementalInference() = default;

void IncrementalInference::SetFacts(ir::Value* value, ValueFacts facts) {
  state_->driver.ReserveSymbols(facts.type);
  value->type = facts.type;
  infer::Entry& entry = state_->driver.EntryOf(value, state_->frame);
  entry.facts = std::move(facts);
  entry.undecoded = nullptr;
}

void IncrementalInference::SetInitializer(ir::Value* value) {
  const ir::StoredTensor* stored = value->initializer();
  SetFacts(value, {ir::Type::Tensor(stored->dtype, ir::Shape::Of(stored->dims)), std::nullopt, std::nullopt});
  state_->driver.EntryOf(value, state_->frame).undecoded = stored;
}

Status IncrementalInference::Infer(const ir::Node& node) { return state_->driver.Step(node, state_->frame); }

void IncrementalInference::Declare(ir::Value* value, const ir::Type& type) { state_->driver.Declare(value, type, state_->frame); }

const ValueFacts& IncrementalInference::facts(const ir::Value* value) {
  infer::Entry& entry = state_->driver.EntryOf(value, state_->frame);
  infer::DecodeConstant(entry);
  infer::DecodeElements(entry);
  return entry.facts;
}

}  // namespace sardonyx::ops
