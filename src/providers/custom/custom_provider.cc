#include "providers/custom/custom_provider.h"

#include <fmt/format.h>

#include "providers/custom/custom_ops.h"
#include "providers/custom/host_api.h"

namespace sardonyx::custom_ops {

bool CustomProvider::HasOperator(std::string_view domain, std::string_view op_type, int64_t opset_version) const {
  return !FindEntries(domain, op_type, opset_version).empty();
}

StatusOr<runtime::KernelChoice> CustomProvider::Compile(const runtime::NodeInfo& info) const {
  runtime::KernelChoice choice;
  const auto entries = FindEntries(info.node().domain, info.node().op_type, info.opset_version());
  for (size_t i = 0; i < entries.size() && !choice.kernel; ++i) {
    std::string name = fmt::format("{}.{}", entries[i]->domain, entries[i]->op_type);
    if (entries.size() > 1) name += fmt::format("#{}", i + 1);
    auto kernel = MakeKernel(*entries[i], info);
    if (kernel.ok()) {
      choice.kernel = *std::move(kernel);
      choice.name = std::move(name);
    } else if (kernel.status().code() == StatusCode::kUnsupported) {
      choice.declined.push_back({std::move(name), std::string(kernel.status().message())});
    } else {
      return kernel.status();
    }
  }
  return choice;
}

}  // namespace sardonyx::custom_ops
