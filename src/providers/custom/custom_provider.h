// The provider of custom operators: runs what Load and Register brought.
#pragma once

#include "runtime/provider.h"

namespace sardonyx::custom_ops {

class CustomProvider final : public runtime::Provider {
 public:
  std::string_view name() const override { return "custom"; }
  bool HasOperator(std::string_view domain, std::string_view op_type, int64_t opset_version) const override;
  StatusOr<runtime::KernelChoice> Compile(const runtime::NodeInfo& node) const override;
};

}  // namespace sardonyx::custom_ops
