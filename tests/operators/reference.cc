#include "reference.h"

#include <string>
#include <variant>

namespace sardonyx::operators {
namespace {

template <class T>
T Default(const ops::OpSchema& schema, std::string_view name, T fallback) {
  const ops::AttributeSchema* attribute = schema.attribute(name);
  const T* value = attribute != nullptr ? std::get_if<T>(&attribute->default_value) : nullptr;
  return value != nullptr ? *value : fallback;
}

int64_t Offset(std::span<const int64_t> dims, std::span<const int64_t> index) {
  int64_t offset = 0;
  for (size_t d = 0; d < dims.size(); ++d) offset = offset * dims[d] + index[d];
  return offset;
}

}  // namespace

Array::Array(std::vector<int64_t> d, double fill) : dims(std::move(d)) {
  int64_t count = 1;
  for (int64_t n : dims) count *= n;
  values.assign(static_cast<size_t>(count), fill);
}
double& Array::at(std::span<const int64_t> index) { return values[static_cast<size_t>(Offset(dims, index))]; }
double Array::at(std::span<const int64_t> index) const { return values[static_cast<size_t>(Offset(dims, index))]; }

void ForEachIndex(std::span<const int64_t> dims, const std::function<void(const std::vector<int64_t>&)>& f) {
  for (int64_t n : dims)
    if (n == 0) return;
  std::vector<int64_t> index(dims.size(), 0);
  for (;;) {
    f(index);
    size_t d = dims.size();
    while (d > 0 && ++index[d - 1] == dims[d - 1]) index[--d] = 0;
    if (d == 0) return;
  }
}

int64_t ReferenceNode::Int(std::string_view name, int64_t fallback) const {
  return node.attribute(name) != nullptr ? node.GetInt(name, fallback) : Default<int64_t>(schema, name, fallback);
}
double ReferenceNode::Float(std::string_view name, double fallback) const {
  return node.attribute(name) != nullptr ? node.GetFloat(name, static_cast<float>(fallback))
                                         : Default<float>(schema, name, static_cast<float>(fallback));
}
std::string ReferenceNode::String(std::string_view name, std::string_view fallback) const {
  return node.attribute(name) != nullptr ? std::string(node.GetString(name, fallback))
                                         : Default<std::string>(schema, name, std::string(fallback));
}
std::vector<int64_t> ReferenceNode::Ints(std::string_view name, std::vector<int64_t> fallback) const {
  if (node.attribute(name) == nullptr) return Default<std::vector<int64_t>>(schema, name, std::move(fallback));
  const auto values = node.GetInts(name);
  return {values.begin(), values.end()};
}

const Reference* FindReference(const ops::OpSchema& schema) {
  std::string name(schema.domain);
  name += (name.empty() ? "" : ".") + std::string(schema.name);
  for (const auto& list : {ElementwiseReferences(), NeuralReferences(), MovementReferences()})
    for (const ReferenceEntry& entry : list)
      if (entry.op_type == name && schema.since_version >= entry.since_version) return &entry.compute;
  return nullptr;
}

}  // namespace sardonyx::operators
