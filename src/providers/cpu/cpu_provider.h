// The CPU provider: Sardonyx's own kernels.
#pragma once

#include "runtime/provider.h"

namespace sardonyx::cpu {

class CpuProvider final : public runtime::Provider {
 public:
  // What its kernels' choice and packing depend on besides the nodes: the instruction set in use, and switches of the environment.
  static std::string Target();
  std::string_view name() const override { return "cpu"; }
  bool HasOperator(std::string_view domain, std::string_view op_type, int64_t opset_version) const override;
  StatusOr<runtime::KernelChoice> Compile(const runtime::NodeInfo& node) const override;
};

}  // namespace sardonyx::cpu
