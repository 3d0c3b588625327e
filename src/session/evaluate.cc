#include "session/evaluate.h"

#include <unordered_map>

#include "base/file.h"
#include "base/status_macros.h"
#include "runtime/program.h"
#include "runtime/run_state.h"

namespace sardonyx {

StatusOr<std::vector<Value>> EvaluateNode(const ir::Model& model, const ir::Node& node, std::span<const Value> inputs,
                                          std::span<const std::shared_ptr<runtime::Provider>> providers, ThreadPool& pool,
                                          int64_t memory_limit) {
  ir::Graph graph;
  std::unordered_map<const ir::Value*, ir::Value*> copies;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const ir::Value* original = node.input(i);
    if (!original || copies.contains(original)) continue;
    if (!inputs[i].is_tensor()) return Unsupported("only tensors are folded");
    ir::Value* copy = copies[original] = graph.AddValue(original->name());
    const Tensor& tensor = inputs[i].tensor();
    copy->type = ir::Type::Tensor(tensor.dtype(), ir::Shape::Of(tensor.dims()));
    graph.SetInitializer(copy, ir::StoredTensor::Of(copy->name(), tensor));
  }
  for (const ir::Value* original : node.outputs()) {
    if (!original) continue;
    ir::Value* copy = copies[original] = graph.AddValue(original->name());
    copy->type = original->type;
    ir::ValueInfo info;
    info.value = copy;
    graph.AddOutput(std::move(info));
  }
  ir::Node* copy = ir::CloneNode(node, &graph, [&](ir::Value* value) { return value ? copies[value] : nullptr; });
  copy->opset_version = node.opset_version ? node.opset_version : model.OpsetVersion(node.domain);
  runtime::CompileOptions compile;
  compile.pool = &pool;
  compile.providers = providers;
  compile.fold_constants = false;
  ASSIGN_OR_RETURN(const std::unique_ptr<runtime::Program> program, runtime::Program::Compile(model, graph, compile));
  runtime::RunState state;
  state.memory_limit = memory_limit;
  ASSIGN_OR_RETURN(std::vector<Value> values, program->Run({}, {}, &state));
  // What was read of the file in order to compute something else from it is not likely to be read again.
  for (const Value& input : inputs)
    if (input.is_tensor() && input.tensor().dtype() != DataType::kString) ForgetPages(input.tensor().raw_data(), input.tensor().byte_size());
  std::vector<Value> outputs;
  size_t next = 0;
  for (const ir::Value* output : node.outputs()) outputs.push_back(output ? std::move(values[next++]) : Value());
  return outputs;
}

}  // namespace sardonyx
