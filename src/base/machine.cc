#include "base/machine.h"

#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/cgroup.h"
#include "base/thread_pool.h"

namespace sardonyx {
namespace {

// The value of "key : value" in /proc/cpuinfo.
std::string CpuInfo(std::string_view key) {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos || line.compare(0, key.size(), key) != 0) continue;
    return colon + 2 <= line.size() ? line.substr(colon + 2) : "";
  }
  return "";
}

int64_t CacheBytes(int name) {
  const long bytes = sysconf(name);
  return bytes > 0 ? bytes : 0;
}

}  // namespace

int64_t MemoryLimit() {
  struct sysinfo info;
  int64_t limit = sysinfo(&info) == 0 ? static_cast<int64_t>(info.totalram) * info.mem_unit : 0;
  const int64_t allowed = ReadCgroupLimits().memory;
  return allowed > 0 && (limit == 0 || allowed < limit) ? allowed : limit;
}

int64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  int64_t total = 0, resident = 0;
  return file >> total >> resident ? resident * sysconf(_SC_PAGESIZE) : 0;
}

int64_t PeakResidentBytes() {
  // Not getrusage's ru_maxrss: that of a process which another one started may be the other's.
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::strtoll(line.c_str() + 6, nullptr, 10) * 1024;
  return 0;
}

int64_t SecondLevelCacheBytes() {
  static const int64_t bytes = CacheBytes(_SC_LEVEL2_CACHE_SIZE);
  return bytes > 0 ? bytes : int64_t{1} << 20;
}

Machine DescribeMachine() {
  Machine machine;
  machine.cpu_model = CpuInfo("model name");
  machine.hardware_threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  machine.available_cpus = AvailableCpus();
  std::istringstream flags(CpuInfo("flags"));
  static const char* const kShown[] = {"sse4_1",      "sse4_2",      "avx",      "f16c",     "fma",      "avx2",
                                       "avx_vnni",    "avx512f",     "avx512bw", "avx512dq", "avx512vl", "avx512_vnni",
                                       "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16"};
  for (std::string flag; flags >> flag;)
    if (std::find(std::begin(kShown), std::end(kShown), flag) != std::end(kShown)) machine.simd.push_back(flag);
  machine.l1d_bytes = CacheBytes(_SC_LEVEL1_DCACHE_SIZE);
  machine.l2_bytes = CacheBytes(_SC_LEVEL2_CACHE_SIZE);
  machine.l3_bytes = CacheBytes(_SC_LEVEL3_CACHE_SIZE);
  struct sysinfo info;
  if (sysinfo(&info) == 0) machine.total_memory = static_cast<int64_t>(info.totalram) * info.mem_unit;
  machine.memory_limit = MemoryLimit();
  return machine;
}

}  // namespace sardonyx
