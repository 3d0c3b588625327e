// The machine, as the container that we run in is allowed to see it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sardonyx {

struct Machine {
  std::string cpu_model;
  int hardware_threads = 1;       // of the host
  int available_cpus = 1;         // affinity and quota: what we use
  std::vector<std::string> simd;  // "avx2", "avx512f", ... that the CPU has and we look at
  int64_t l1d_bytes = 0, l2_bytes = 0, l3_bytes = 0;
  int64_t total_memory = 0;  // of the host
  int64_t memory_limit = 0;  // min(host, cgroup)
};

Machine DescribeMachine();
// Of one core, in bytes; 1 MiB where the system does not tell. How loops divide their work, never what they compute, may depend on it.
int64_t SecondLevelCacheBytes();
// Memory that this process may use: the smaller of the host's and the cgroup's limit, in bytes.
int64_t MemoryLimit();
// Resident set of this process now and at its peak, in bytes.
int64_t ResidentBytes();
int64_t PeakResidentBytes();

}  // namespace sardonyx
