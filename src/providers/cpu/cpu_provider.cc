#include "providers/cpu/cpu_provider.h"

#include <cstdlib>

#include "base/status_macros.h"
#include "kernels/gemm/simd_choice.h"
#include "providers/cpu/registry.h"

namespace sardonyx::cpu {

std::string CpuProvider::Target() {
  (void)kernels::ApplySimdEnvironment();  // what is wrong with it is said when a node is compiled
  const char* winograd = std::getenv("SARDONYX_WINOGRAD");
  return kernels::SimdTarget() + (winograd ? std::string(" winograd=") + winograd : "");
}

bool CpuProvider::HasOperator(std::string_view domain, std::string_view op_type, int64_t opset_version) const {
  return !FindKernels(ir::NormalDomain(domain), op_type, opset_version).empty();
}

StatusOr<runtime::KernelChoice> CpuProvider::Compile(const runtime::NodeInfo& node) const {
  RETURN_IF_ERROR(kernels::ApplySimdEnvironment());
  return runtime::ChooseKernel(FindKernels(ir::NormalDomain(node.node().domain), node.node().op_type, node.opset_version()), node);
}

}  // namespace sardonyx::cpu
