// Runs one kernel of the CPU provider without a session: for tests of bindings.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ops/schema.h"
#include "providers/cpu/registry.h"
#include "sardonyx/value.h"

namespace sardonyx::cpu::testing {

// A node of one operator at one opset version, with attributes and the types of given inputs.
class TestNode final : public NodeInfo {
 public:
  TestNode(std::string_view domain, std::string_view op_type, int64_t version, std::vector<ir::Attribute> attributes,
           const std::vector<Value>& inputs, size_t num_outputs)
      : version_(version), schema_(ops::FindSchema(domain, op_type, version)), num_outputs_(num_outputs) {
    node_ = graph_.AddNode(op_type, domain);
    for (ir::Attribute& attribute : attributes) node_->SetAttribute(std::move(attribute));
    for (const Value& input : inputs) {
      present_.push_back(!input.is_none());
      types_.push_back(input.is_tensor() ? ir::Type::Tensor(input.tensor().dtype(), ir::Shape::Of(input.tensor().dims())) : ir::Type());
    }
  }
  const ir::Node& node() const override { return *node_; }
  const ops::OpSchema& schema() const override { return *schema_; }
  bool known() const { return schema_ != nullptr; }
  int64_t opset_version() const override { return version_; }
  size_t num_inputs() const override { return types_.size(); }
  size_t num_outputs() const override { return num_outputs_; }
  bool has_input(size_t i) const override { return i < present_.size() && present_[i]; }
  bool has_output(size_t i) const override { return i < num_outputs_; }
  const ir::Type& input_type(size_t i) const override { return types_[i]; }
  const ir::Type& output_type(size_t) const override { return unknown_; }
  const Tensor* constant(size_t) const override { return nullptr; }
  void ReleaseConstant(size_t) const override {}
  ThreadPool& thread_pool() const override { return pool_; }

 private:
  int64_t version_;
  const ops::OpSchema* schema_;
  size_t num_outputs_;
  ir::Graph graph_;
  ir::Node* node_;
  ir::Type unknown_;
  std::vector<ir::Type> types_;
  std::vector<bool> present_;
  mutable ThreadPool pool_{2};
};

class TestContext final : public KernelContext {
 public:
  TestContext(const std::vector<Value>& inputs, size_t num_outputs, ThreadPool& pool)
      : inputs_(inputs), outputs_(num_outputs), pool_(pool) {
    for (const Value& input : inputs)
      views_.push_back(input.is_tensor()
                           ? TensorView{input.tensor().dtype(), input.tensor().dims(), const_cast<void*>(input.tensor().raw_data())}
                           : TensorView());
  }
  size_t num_inputs() const override { return inputs_.size(); }
  size_t num_outputs() const override { return outputs_.size(); }
  bool has_input(size_t i) const override { return i < inputs_.size() && !inputs_[i].is_none(); }
  bool has_output(size_t i) const override { return i < outputs_.size(); }
  const TensorView& input(size_t i) const override { return views_[i]; }
  bool input_is_tensor(size_t i) const override { return inputs_[i].is_tensor(); }
  Value input_value(size_t i) const override { return inputs_[i]; }
  StatusOr<TensorView> Output(size_t i, DataType dtype, const Dims& dims) override {
    StatusOr<Tensor> made = Tensor::Allocate(dtype, dims);
    if (!made.ok()) return made.status();
    TensorView view{dtype, dims, made->mutable_raw_data()};
    if (i < outputs_.size()) outputs_[i] = *made;
    scratch_.push_back(*std::move(made));
    return view;
  }
  Status OutputAlias(size_t i, size_t input, const Dims& dims) override {
    StatusOr<Tensor> seen = inputs_[input].tensor().Reshaped(dims);
    if (!seen.ok()) return seen.status();
    outputs_[i] = *std::move(seen);
    return {};
  }
  Status SetOutput(size_t i, Value value) override {
    outputs_[i] = std::move(value);
    return {};
  }
  StatusOr<void*> Workspace(size_t bytes) override {
    workspace_.resize(std::max(workspace_.size(), bytes + 64));
    return static_cast<void*>(workspace_.data() + (64 - reinterpret_cast<uintptr_t>(workspace_.data()) % 64) % 64);
  }
  ThreadPool& thread_pool() const override { return pool_; }
  runtime::Subprogram* subprogram(std::string_view) override { return nullptr; }
  Status CheckInterrupted() const override { return {}; }

  std::vector<Value> TakeOutputs() { return std::move(outputs_); }

 private:
  const std::vector<Value>& inputs_;
  std::vector<TensorView> views_;
  std::vector<Value> outputs_;
  std::vector<Tensor> scratch_;
  std::vector<char> workspace_;
  ThreadPool& pool_;
};

// The outputs of the first kernel that accepts the node, or the error of its factory or of its run.
inline StatusOr<std::vector<Value>> RunOperator(std::string_view domain, std::string_view op_type, int64_t version,
                                                std::vector<ir::Attribute> attributes, const std::vector<Value>& inputs,
                                                size_t num_outputs = 1) {
  const TestNode node(domain, op_type, version, std::move(attributes), inputs, num_outputs);
  if (!node.known()) return Internal(std::string(op_type) + " has no schema");
  for (const KernelEntry* entry : FindKernels(domain, op_type, version)) {
    if (!entry->declines(node).empty()) continue;
    StatusOr<std::unique_ptr<Kernel>> kernel = entry->create(node);
    if (!kernel.ok()) return kernel.status();
    TestContext context(inputs, num_outputs, node.thread_pool());
    if (Status status = (*kernel)->Run(context); !status.ok()) return status;
    return context.TakeOutputs();
  }
  return Unsupported(std::string(op_type) + " has no kernel");
}

}  // namespace sardonyx::cpu::testing
