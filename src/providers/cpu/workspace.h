// Several buffers in a kernel's one workspace.
#pragma once

#include <cstddef>

#include "base/status_macros.h"
#include "providers/cpu/registry.h"

namespace sardonyx::cpu {

// Plan parts first, then allocate all at once:
//   WorkspacePlan plan;
//   const size_t a = plan.Add(bytes_of_a), b = plan.Add(bytes_of_b);
//   ASSIGN_OR_RETURN(char* base, plan.Allocate(context));   // parts at base + a, base + b, 64-byte aligned
class WorkspacePlan {
 public:
  size_t Add(size_t bytes) {
    const size_t offset = total_;
    total_ += (bytes + 63) / 64 * 64;
    return offset;
  }
  template <class T>
  size_t AddArray(int64_t count) {
    return Add(static_cast<size_t>(count) * sizeof(T));
  }
  StatusOr<char*> Allocate(KernelContext& context) const {
    ASSIGN_OR_RETURN(void* memory, context.Workspace(total_));
    return static_cast<char*>(memory);
  }

 private:
  size_t total_ = 0;
};

}  // namespace sardonyx::cpu
