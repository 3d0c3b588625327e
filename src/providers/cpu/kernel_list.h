// The CPU provider's kernels as a list, for tools and tests.
#pragma once

#include <string_view>
#include <vector>

#include "providers/cpu/registry.h"

namespace sardonyx::cpu {

// Every row for one operator, of all opset versions, in order.
std::vector<const KernelEntry*> KernelRows(std::string_view domain, std::string_view op_type);

}  // namespace sardonyx::cpu
