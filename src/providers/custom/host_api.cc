#include "providers/custom/host_api.h"

#include <algorithm>
#include <list>
#include <variant>

#include <fmt/format.h>

#include "base/status_macros.h"

using sardonyx::DataType;
using sardonyx::Dims;
using sardonyx::Status;
using sardonyx::StatusCode;
namespace ir = sardonyx::ir;
namespace ops = sardonyx::ops;
namespace runtime = sardonyx::runtime;

// The node of one callback: either its types are being inferred, or its kernel is made.
struct SardonyxNode {
  const ir::Node& node;
  const ops::OpSchema& schema;
  ops::InferenceContext* inference = nullptr;
  const runtime::NodeInfo* info = nullptr;
  Status error = {};
  std::vector<ir::Dim> symbols = {};          // what negative dims stand for: -2 - index
  std::list<std::vector<int64_t>> dims = {};  // that pointers lie in
  std::list<sardonyx::Tensor> constants = {};

  bool has_input(size_t i) const { return inference ? inference->has_input(i) : info->has_input(i); }
  const ir::Type& input_type(size_t i) const { return inference ? inference->input_type(i) : info->input_type(i); }
};

struct SardonyxRun {
  runtime::KernelContext& context;
  Status error = {};
  std::vector<sardonyx::runtime::TensorView> outputs = {};
};

namespace sardonyx::custom_ops {
namespace {

Status ErrorOf(int32_t code, const char* message) {
  const std::string text = message && *message ? message : "the custom operator failed without a message";
  if (code == SARDONYX_UNSUPPORTED) return Unsupported(text);
  return code == SARDONYX_USAGE ? Usage(text) : Invalid(text);
}

int64_t ToHandle(const ir::Dim& dim, SardonyxNode& node) {
  if (dim.is_constant()) return dim.value();
  if (dim.is_unknown()) return SARDONYX_UNKNOWN_DIM;
  auto found = std::find(node.symbols.begin(), node.symbols.end(), dim);
  if (found == node.symbols.end()) found = node.symbols.insert(found, dim);
  return -2 - (found - node.symbols.begin());
}

ir::Dim FromHandle(int64_t handle, const SardonyxNode& node) {
  if (handle >= 0) return ir::Dim(handle);
  const size_t symbol = static_cast<size_t>(-2 - handle);
  return handle < -1 && symbol < node.symbols.size() ? node.symbols[symbol] : ir::Dim::Unknown();
}

int InputType(SardonyxNode* node, size_t i, SardonyxTensor* type) {
  if (!node->has_input(i)) return 0;
  const ir::Type& known = node->input_type(i);
  if (!known.is_tensor() || known.dtype == DataType::kUndefined) return 0;
  *type = {static_cast<int32_t>(known.dtype), known.shape.has_value(), 0, nullptr, nullptr};
  if (!known.shape) return 1;
  std::vector<int64_t>& dims = node->dims.emplace_back();
  for (const ir::Dim& dim : known.shape->dims()) dims.push_back(ToHandle(dim, *node));
  type->rank = dims.size();
  type->dims = dims.data();
  return 1;
}

int InputConstant(SardonyxNode* node, size_t i, SardonyxTensor* value) {
  if (!node->has_input(i)) return 0;
  const Tensor* constant = node->inference ? node->inference->input_constant(i) : node->info->constant(i);
  if (!constant || constant->dtype() == DataType::kString) return 0;
  const Tensor& kept = node->constants.emplace_back(constant->Aligned());
  std::vector<int64_t>& dims = node->dims.emplace_back(kept.dims().begin(), kept.dims().end());
  *value = {static_cast<int32_t>(kept.dtype()), 1, dims.size(), dims.data(), kept.raw_data()};
  return 1;
}

// The attribute, or the schema's default, or null.
template <class T>
const T* FindAttribute(const SardonyxNode* node, const char* name) {
  if (const ir::Attribute* attribute = node->node.attribute(name)) return std::get_if<T>(&attribute->value);
  if (const ops::AttributeSchema* schema = node->schema.attribute(name)) return std::get_if<T>(&schema->default_value);
  return nullptr;
}

template <class T>
int AttributeScalar(const SardonyxNode* node, const char* name, T* value) {
  const T* found = FindAttribute<T>(node, name);
  if (found) *value = *found;
  return found != nullptr;
}

template <class Container, class Element>
int AttributeList(const SardonyxNode* node, const char* name, const Element** data, size_t* count) {
  const Container* found = FindAttribute<Container>(node, name);
  if (!found) return 0;
  *data = found->data();
  *count = found->size();
  return 1;
}

void SetOutputType(SardonyxNode* node, size_t i, int32_t dtype, int32_t has_rank, size_t rank, const int64_t* dims) {
  if (!node->inference || i >= node->inference->num_outputs()) return;
  if (dtype <= 0 || dtype >= kNumDataTypes) {
    node->error = Invalid(fmt::format("output {} is given element type {}, which does not exist", i, dtype));
    return;
  }
  ir::Type type = ir::Type::Tensor(static_cast<DataType>(dtype));
  if (has_rank) {
    type.shape.emplace();
    for (size_t d = 0; d < rank; ++d) type.shape->Append(FromHandle(dims[d], *node));
  }
  node->inference->set_output_type(i, std::move(type));
}

int RunInput(SardonyxRun* run, size_t i, SardonyxTensor* tensor) {
  if (!run->context.has_input(i) || !run->context.input_is_tensor(i)) return 0;
  const runtime::TensorView& view = run->context.input(i);
  *tensor = {static_cast<int32_t>(view.dtype), 1, view.rank(), view.dims.begin(), view.dtype == DataType::kString ? nullptr : view.data};
  return 1;
}

void* RunOutput(SardonyxRun* run, size_t i, int32_t dtype, size_t rank, const int64_t* dims) {
  const auto fail = [&](Status status) {
    if (run->error.ok()) run->error = std::move(status);
    return nullptr;
  };
  if (i >= run->context.num_outputs()) return fail(Invalid(fmt::format("the node has no output {}", i)));
  if (dtype <= 0 || dtype >= kNumDataTypes) return fail(Invalid(fmt::format("element type {} does not exist", dtype)));
  constexpr size_t kMaxRank = 256;
  if (rank > kMaxRank) return fail(Invalid(fmt::format("output {} of rank {}", i, rank)));
  StatusOr<runtime::TensorView> view = run->context.Output(i, static_cast<DataType>(dtype), Dims(std::span(dims, rank)));
  if (!view.ok()) return fail(view.status());
  if (run->outputs.size() <= i) run->outputs.resize(i + 1);
  run->outputs[i] = *view;
  return view->data;
}

const char* GetString(const SardonyxRun* run, size_t i, int64_t index, size_t* size) {
  *size = 0;
  if (!run->context.has_input(i) || !run->context.input_is_tensor(i)) return "";
  const runtime::TensorView& view = run->context.input(i);
  if (view.dtype != DataType::kString || index < 0 || index >= view.num_elements()) return "";
  const std::string& text = view.ptr<std::string>()[index];
  *size = text.size();
  return text.data();
}

void SetString(SardonyxRun* run, size_t i, int64_t index, const char* data, size_t size) {
  if (i >= run->outputs.size() || run->outputs[i].dtype != DataType::kString) return;
  if (index >= 0 && index < run->outputs[i].num_elements()) run->outputs[i].mutable_ptr<std::string>()[index].assign(data, size);
}

void* Workspace(SardonyxRun* run, size_t bytes) {
  StatusOr<void*> memory = run->context.Workspace(bytes);
  if (memory.ok()) return *memory;
  run->error = memory.status();
  return nullptr;
}

int Interrupted(SardonyxRun* run) {
  Status status = run->context.CheckInterrupted();
  if (status.ok()) return 0;
  run->error = std::move(status);
  return 1;
}

constexpr SardonyxApi kApi = {
    .version = SARDONYX_CUSTOM_OP_API,
    .opset_version =
        [](const SardonyxNode* node) { return node->inference ? node->inference->opset_version() : node->info->opset_version(); },
    .num_inputs = [](const SardonyxNode* node) { return node->node.inputs().size(); },
    .num_outputs = [](const SardonyxNode* node) { return node->node.outputs().size(); },
    .input_type = InputType,
    .input_constant = InputConstant,
    .attribute_int = AttributeScalar<int64_t>,
    .attribute_float = AttributeScalar<float>,
    .attribute_string = AttributeList<std::string, char>,
    .attribute_ints = AttributeList<std::vector<int64_t>, int64_t>,
    .attribute_floats = AttributeList<std::vector<float>, float>,
    .set_output_type = SetOutputType,
    .fail_node = [](SardonyxNode* node, int32_t code, const char* message) { node->error = ErrorOf(code, message); },
    .run_num_inputs = [](const SardonyxRun* run) { return run->context.num_inputs(); },
    .run_num_outputs = [](const SardonyxRun* run) { return run->context.num_outputs(); },
    .input = RunInput,
    .output_wanted = [](const SardonyxRun* run, size_t i) -> int { return run->context.has_output(i); },
    .output = RunOutput,
    .workspace = Workspace,
    .get_string = GetString,
    .set_string = SetString,
    .parallel_for = [](SardonyxRun* run, int64_t count, double cost, void (*f)(void*, int64_t, int64_t),
                       void* user) { run->context.ParallelFor(count, cost, [&](int64_t begin, int64_t end) { f(user, begin, end); }); },
    .interrupted = Interrupted,
    .fail_run = [](SardonyxRun* run, int32_t code, const char* message) { run->error = ErrorOf(code, message); },
};

// What a callback answered: a failure without a word is still a failure.
Status Answer(int result, Status error, const char* callback) {
  if (!error.ok()) return error;
  return result == 0 ? Status() : Invalid(fmt::format("the custom operator's {} failed without a message", callback));
}

class CustomKernel final : public runtime::Kernel {
 public:
  explicit CustomKernel(const SardonyxCustomOp& op) : op_(op) {}
  ~CustomKernel() override {
    if (op_.destroy && state_) op_.destroy(state_);
  }
  Status Create(const runtime::NodeInfo& info) {
    if (!op_.create) return {};
    SardonyxNode node{.node = info.node(), .schema = info.schema(), .info = &info};
    const int result = op_.create(&kApi, &node, &state_);
    return Answer(result, std::move(node.error), "create");
  }
  Status Run(runtime::KernelContext& context) const override {
    SardonyxRun run{context};
    const int result = op_.run(&kApi, state_, &run);
    RETURN_IF_ERROR(Answer(result, std::move(run.error), "run"));
    // An output that it forgot would be read as whatever lies there.
    for (size_t i = 0; i < context.num_outputs(); ++i)
      if (context.has_output(i) && (i >= run.outputs.size() || run.outputs[i].dtype == DataType::kUndefined))
        return Invalid(fmt::format("the custom operator gave no output {}", i));
    return {};
  }

 private:
  const SardonyxCustomOp& op_;
  void* state_ = nullptr;
};

}  // namespace

ops::InferenceFunction MakeInference(const SardonyxCustomOp& op) {
  if (!op.infer) return nullptr;
  return [&op](ops::InferenceContext& context) -> Status {
    SardonyxNode node{.node = context.node(), .schema = context.schema(), .inference = &context};
    const int result = op.infer(&kApi, &node);
    return Answer(result, std::move(node.error), "infer");
  };
}

StatusOr<std::unique_ptr<runtime::Kernel>> MakeKernel(const SardonyxCustomOp& op, const runtime::NodeInfo& info) {
  auto kernel = std::make_unique<CustomKernel>(op);
  RETURN_IF_ERROR(kernel->Create(info));
  return std::unique_ptr<runtime::Kernel>(std::move(kernel));
}

}  // namespace sardonyx::custom_ops
