#include "runtime/kernel.h"

#include "base/memory.h"
#include "base/status_macros.h"
#include "runtime/provider.h"

namespace sardonyx::runtime {
namespace {

// The node's attribute, else the schema's default, else null.
template <class T>
const T* FindContent(const NodeInfo& info, std::string_view name) {
  if (const ir::Attribute* attribute = info.node().attribute(name)) return std::get_if<T>(&attribute->value);
  if (const ops::AttributeSchema* schema = info.schema().attribute(name)) return std::get_if<T>(&schema->default_value);
  return nullptr;
}

}  // namespace

int64_t NodeInfo::GetInt(std::string_view name, int64_t fallback) const {
  const auto* v = FindContent<int64_t>(*this, name);
  return v ? *v : fallback;
}
float NodeInfo::GetFloat(std::string_view name, float fallback) const {
  const auto* v = FindContent<float>(*this, name);
  return v ? *v : fallback;
}
std::string NodeInfo::GetString(std::string_view name, std::string_view fallback) const {
  const auto* v = FindContent<std::string>(*this, name);
  return v ? *v : std::string(fallback);
}
std::vector<int64_t> NodeInfo::GetInts(std::string_view name, std::vector<int64_t> fallback) const {
  const auto* v = FindContent<std::vector<int64_t>>(*this, name);
  return v ? *v : fallback;
}
std::vector<float> NodeInfo::GetFloats(std::string_view name) const {
  const auto* v = FindContent<std::vector<float>>(*this, name);
  return v ? *v : std::vector<float>();
}
std::vector<std::string> NodeInfo::GetStrings(std::string_view name) const {
  const auto* v = FindContent<std::vector<std::string>>(*this, name);
  return v ? *v : std::vector<std::string>();
}
StatusOr<Tensor> NodeInfo::GetTensor(std::string_view name) const {
  const ir::Attribute* attribute = node().attribute(name);  // no schema has a tensor for a default
  const auto* v = attribute ? std::get_if<ir::StoredTensor>(&attribute->value) : nullptr;
  if (!v) return Tensor();
  ASSIGN_OR_RETURN(const Tensor tensor, v->ToTensor());
  return tensor.Aligned();
}

std::optional<Tensor> NodeInfo::stored_constant(size_t i) const {
  const Tensor* tensor = constant(i);
  return tensor ? std::optional(*tensor) : std::nullopt;
}

std::shared_ptr<const void> NodeInfo::Prepared(size_t bytes, const std::function<void(void*)>& fill) const {
  std::shared_ptr<void> memory(AllocateAligned(bytes), std::free);
  if (memory) fill(memory.get());
  return memory;
}

StatusOr<KernelChoice> ChooseKernel(std::span<const KernelEntry* const> candidates, const NodeInfo& node) {
  KernelChoice choice;
  for (const KernelEntry* entry : candidates) {
    std::string reason = choice.kernel ? "a better one was chosen" : entry->declines(node);
    if (reason.empty()) {
      StatusOr<std::unique_ptr<Kernel>> kernel = entry->create(node);
      if (kernel.ok()) {
        choice.kernel = *std::move(kernel);
        choice.name = entry->name;
        continue;
      }
      if (kernel.status().code() != StatusCode::kUnsupported) return kernel.status();
      reason = kernel.status().message();
    }
    choice.declined.push_back({std::string(entry->name), std::move(reason)});
  }
  return choice;
}

}  // namespace sardonyx::runtime
