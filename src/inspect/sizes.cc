#include "inspect/sizes.h"

namespace sardonyx::inspect {

uint64_t SaturatingMultiply(uint64_t a, uint64_t b) {
  uint64_t product;
  return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

uint64_t SaturatingAdd(uint64_t a, uint64_t b) {
  uint64_t sum;
  return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

const ir::StoredTensor* StoredTensorOf(const ir::Value* value) {
  if (value == nullptr) return nullptr;
  if (value->initializer()) return value->initializer();
  const ir::Node* node = value->producer();
  if (node == nullptr || node->op_type != "Constant" || !ir::NormalDomain(node->domain).empty()) return nullptr;
  const ir::Attribute* attribute = node->attribute("value");
  return attribute ? std::get_if<ir::StoredTensor>(&attribute->value) : nullptr;
}

int64_t Sizes::SizeOf(const ir::Dim& dim) const {
  if (dim.is_constant()) return dim.value();
  if (dim.is_unknown()) return 1;
  const auto size = dim.Evaluate([&](std::string_view symbol) -> std::optional<int64_t> {
    const auto found = symbols_.find(std::string(symbol));
    if (found != symbols_.end()) return found->second;
    assumed_.emplace(symbol);
    return 1;
  });
  return size ? std::max<int64_t>(*size, 0) : 1;
}

std::optional<std::vector<int64_t>> Sizes::DimsOf(const ir::Value* value) const {
  if (value == nullptr) return std::nullopt;
  if (value->type.is_tensor() && value->type.shape) {
    std::vector<int64_t> dims;
    for (const ir::Dim& dim : value->type.shape->dims()) dims.push_back(SizeOf(dim));
    return dims;
  }
  if (const ir::StoredTensor* stored = StoredTensorOf(value)) return stored->dims;
  return std::nullopt;
}

DataType Sizes::DtypeOf(const ir::Value* value) const {
  if (value == nullptr) return DataType::kUndefined;
  if (value->type.is_tensor()) return value->type.dtype;
  const ir::StoredTensor* stored = StoredTensorOf(value);
  return stored ? stored->dtype : DataType::kUndefined;
}

uint64_t Sizes::Elements(const ir::Value* value) const {
  const auto dims = DimsOf(value);
  if (!dims) return 0;
  uint64_t count = 1;
  for (int64_t dim : *dims) count = SaturatingMultiply(count, dim < 0 ? 0 : static_cast<uint64_t>(dim));
  return count;
}

uint64_t Sizes::Bytes(const ir::Value* value) const {
  const auto bits = static_cast<uint64_t>(BitsPerElement(DtypeOf(value)));
  const uint64_t count = Elements(value);
  return bits >= 8 ? SaturatingMultiply(count, bits / 8) : SaturatingMultiply(count, bits) / 8 + (count * bits % 8 != 0);
}

}  // namespace sardonyx::inspect
