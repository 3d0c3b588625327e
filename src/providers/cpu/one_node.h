// For tests: runs one node by the first kernel that takes it, without a graph or an engine around it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ir/graph.h"
#include "ops/schema.h"
#include "providers/cpu/registry.h"
#include "runtime/provider.h"

namespace sardonyx::cpu {

//   OneNode("Clip", 11).Input(x).Input(low).Run() -> outputs
class OneNode {
 public:
  OneNode(std::string op_type, int64_t opset, std::string domain = "") : opset_(opset), node_(*graph_.AddNode(op_type, domain)) {}

  template <class T>
  OneNode& Attribute(std::string name, T value) {
    return Add(ir::Attribute(std::move(name), std::move(value)));
  }
  OneNode& Add(ir::Attribute attribute) {
    node_.SetAttribute(std::move(attribute));
    return *this;
  }
  OneNode& Input(std::optional<Tensor> tensor) {
    inputs_.push_back(std::move(tensor));
    return *this;
  }
  OneNode& Outputs(size_t count) {
    outputs_ = count;
    return *this;
  }

  // The outputs (undefined tensors where the kernel set none), or the first error.
  StatusOr<std::vector<Tensor>> Run();
  // The only output.
  StatusOr<Tensor> RunOne() {
    auto outputs = Run();
    if (!outputs.ok()) return outputs.status();
    return (*outputs)[0];
  }

 private:
  class Info;
  class Context;
  int64_t opset_;
  ir::Graph graph_;
  ir::Node& node_;
  std::vector<std::optional<Tensor>> inputs_;
  size_t outputs_ = 1;
};

class OneNode::Info final : public NodeInfo {
 public:
  Info(const OneNode& test, const ops::OpSchema& schema, ThreadPool& pool) : test_(test), schema_(schema), pool_(pool) {
    for (const auto& input : test.inputs_)
      types_.push_back(input ? ir::Type::Tensor(input->dtype(), ir::Shape::Of(input->dims())) : ir::Type());
  }
  const ir::Node& node() const override { return test_.node_; }
  const ops::OpSchema& schema() const override { return schema_; }
  int64_t opset_version() const override { return test_.opset_; }
  size_t num_inputs() const override { return types_.size(); }
  size_t num_outputs() const override { return test_.outputs_; }
  bool has_input(size_t i) const override { return i < types_.size() && test_.inputs_[i].has_value(); }
  bool has_output(size_t i) const override { return i < test_.outputs_; }
  const ir::Type& input_type(size_t i) const override { return i < types_.size() ? types_[i] : unknown_; }
  const ir::Type& output_type(size_t) const override { return unknown_; }
  const Tensor* constant(size_t) const override { return nullptr; }
  void ReleaseConstant(size_t) const override {}
  ThreadPool& thread_pool() const override { return pool_; }

 private:
  const OneNode& test_;
  const ops::OpSchema& schema_;
  ThreadPool& pool_;
  std::vector<ir::Type> types_;
  ir::Type unknown_;
};

class OneNode::Context final : public KernelContext {
 public:
  Context(const OneNode& test, ThreadPool& pool) : test_(test), pool_(pool), results_(test.outputs_ + 8) {
    for (const auto& input : test.inputs_)
      views_.push_back(input ? TensorView{input->dtype(), input->dims(), const_cast<void*>(input->raw_data())} : TensorView());
  }
  size_t num_inputs() const override { return views_.size(); }
  size_t num_outputs() const override { return test_.outputs_; }
  bool has_input(size_t i) const override { return i < views_.size() && test_.inputs_[i].has_value(); }
  bool has_output(size_t i) const override { return i < test_.outputs_; }
  const TensorView& input(size_t i) const override { return views_[i]; }
  bool input_is_tensor(size_t i) const override { return has_input(i); }
  Value input_value(size_t i) const override { return has_input(i) ? Value(*test_.inputs_[i]) : Value(); }
  StatusOr<TensorView> Output(size_t i, DataType dtype, const Dims& dims) override {
    auto tensor = Tensor::Allocate(dtype, dims);
    if (!tensor.ok()) return tensor.status();
    results_[i] = *std::move(tensor);
    return TensorView{dtype, dims, results_[i].mutable_raw_data()};
  }
  Status OutputAlias(size_t i, size_t input, const Dims& dims) override {
    auto tensor = test_.inputs_[input]->Reshaped(dims);
    if (tensor.ok()) results_[i] = *tensor;
    return tensor.status();
  }
  Status SetOutput(size_t i, Value value) override {
    results_[i] = value.tensor();
    return Status();
  }
  StatusOr<void*> Workspace(size_t bytes) override {
    workspace_.resize(std::max(workspace_.size(), bytes + 64));
    return static_cast<void*>(workspace_.data() + (64 - reinterpret_cast<uintptr_t>(workspace_.data()) % 64) % 64);
  }
  ThreadPool& thread_pool() const override { return pool_; }
  runtime::Subprogram* subprogram(std::string_view) override { return nullptr; }
  Status CheckInterrupted() const override { return Status(); }

  std::vector<Tensor> TakeResults() {
    results_.resize(test_.outputs_);
    return std::move(results_);
  }

 private:
  const OneNode& test_;
  ThreadPool& pool_;
  std::vector<TensorView> views_;
  std::vector<Tensor> results_;
  std::vector<char> workspace_;
};

inline StatusOr<std::vector<Tensor>> OneNode::Run() {
  const ops::OpSchema* schema = ops::FindSchema(node_.domain, node_.op_type, opset_);
  if (schema == nullptr) return Internal("no schema for " + node_.op_type);
  ThreadPool pool(2);
  const Info info(*this, *schema, pool);
  auto choice = runtime::ChooseKernel(FindKernels(node_.domain, node_.op_type, opset_), info);
  if (!choice.ok()) return choice.status();
  if (choice->kernel == nullptr) return Unsupported("no kernel for " + node_.op_type);
  Context context(*this, pool);
  const Status status = choice->kernel->Run(context);
  if (!status.ok()) return status;
  return context.TakeResults();
}

}  // namespace sardonyx::cpu
