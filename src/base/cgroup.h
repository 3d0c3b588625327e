// What the control groups that this process is in allow it to use.
#pragma once

#include <cstdint>
#include <filesystem>

namespace sardonyx {

struct CgroupLimits {
  double cpus = 0;       // CPU seconds a second; 0: no limit
  int64_t memory = 0;    // bytes; 0: no limit
};

// The strictest of the process's groups and of all that these lie in, of version 1 and 2. `groups` lists the former (/proc/self/cgroup),
// `mount` is where they can be read; what cannot be is no limit. In a container the list may name groups as the host sees them, and
// only the container's own, at the mount, is there.
CgroupLimits ReadCgroupLimits(const std::filesystem::path& groups = "/proc/self/cgroup", const std::filesystem::path& mount = "/sys/fs/cgroup");

}  // namespace sardonyx
