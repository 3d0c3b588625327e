#include "optimize/passes/conditions.h"

#include <algorithm>

namespace sardonyx::optimize {

std::optional<std::vector<int64_t>> StaticDims(const ir::Value* value) {
  if (!value || !value->type.is_tensor() || !value->type.shape || !value->type.shape->is_static()) return std::nullopt;
  std::vector<int64_t> dims;
  for (const ir::Dim& dim : value->type.shape->dims()) dims.push_back(dim.value());
  return dims;
}

bool SameShape(const ir::Value* a, const ir::Value* b) {
  if (!a || !b || !a->type.is_tensor() || !b->type.is_tensor() || !a->type.shape || !b->type.shape) return false;
  return a->type.shape->dims() == b->type.shape->dims();
}

bool IsFloating(DataType dtype) {
  return dtype == DataType::kFloat || dtype == DataType::kFloat16 || dtype == DataType::kBfloat16;
}

namespace {
std::optional<std::vector<int64_t>> IntegersOf(const Tensor& tensor) {
  if (tensor.dtype() == DataType::kInt64) return std::vector<int64_t>(tensor.data<int64_t>().begin(), tensor.data<int64_t>().end());
  if (tensor.dtype() == DataType::kInt32) return std::vector<int64_t>(tensor.data<int32_t>().begin(), tensor.data<int32_t>().end());
  return std::nullopt;
}
}  // namespace

std::optional<std::vector<int64_t>> Integers(Match& m, std::string_view name) {
  const Tensor* tensor = m.constant(name);
  return tensor ? IntegersOf(*tensor) : std::nullopt;
}

std::optional<std::vector<int64_t>> AxesOf(const ir::Node& node) {
  if (node.attribute("axes")) return node.GetInts("axes");
  const std::optional<Tensor> axes = ConstantTensor(node.input(1));
  return axes ? IntegersOf(*axes) : std::nullopt;
}

bool ReducesLastAxis(const ir::Node* node) {
  if (!node || !node->input(0) || node->GetInt("keepdims", 1) != 1) return false;
  const std::optional<std::vector<int64_t>> axes = AxesOf(*node);
  if (!axes || axes->size() != 1) return false;
  const ir::Type& type = node->input(0)->type;
  return (*axes)[0] == -1 || (type.is_tensor() && type.shape && (*axes)[0] == static_cast<int64_t>(type.shape->rank()) - 1);
}

std::optional<std::vector<float>> VectorAlong(Match& m, std::string_view name, size_t axis, size_t rank, int64_t count) {
  const Tensor* tensor = m.constant(name);
  if (!tensor || tensor->dtype() != DataType::kFloat || tensor->rank() > rank || count < 1) return std::nullopt;
  const std::span<const float> data = tensor->data<float>();
  if (data.size() == 1) return std::vector<float>(static_cast<size_t>(count), data[0]);
  if (static_cast<int64_t>(data.size()) != count || tensor->rank() < axis || tensor->dims()[tensor->rank() - axis] != count) return std::nullopt;
  return std::vector<float>(data.begin(), data.end());
}

}  // namespace sardonyx::optimize
