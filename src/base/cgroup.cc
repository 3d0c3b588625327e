#include "base/cgroup.h"

#include <algorithm>
#include <fstream>
#include <string>

namespace sardonyx {
namespace fs = std::filesystem;
namespace {

template <class T>
void Lower(T& limit, T value) {
  if (value > 0 && (limit == 0 || value < limit)) limit = value;
}

double Number(const fs::path& file) {
  std::ifstream in(file);
  double value = 0;
  return in >> value ? value : 0;  // "max" and "-1" are no limit
}

void ReadGroup(const fs::path& folder, CgroupLimits& limits) {
  // Version 2: "max 100000" or "200000 100000", microseconds of each period.
  std::ifstream cpu(folder / "cpu.max");
  std::string quota;
  double period = 0;
  if (cpu >> quota >> period && quota != "max" && period > 0) Lower(limits.cpus, std::atof(quota.c_str()) / period);
  if (const double v1_period = Number(folder / "cpu.cfs_period_us"); v1_period > 0)
    Lower(limits.cpus, Number(folder / "cpu.cfs_quota_us") / v1_period);
  // Version 1 writes a number near 2^63 for no limit; nobody has that much, and the caller takes the smaller of it and the machine's.
  for (const char* file : {"memory.max", "memory.limit_in_bytes"})
    if (const double bytes = Number(folder / file); bytes > 0 && bytes < 9e18) Lower(limits.memory, static_cast<int64_t>(bytes));
}

// The group and those that it lies in, up to the root.
void ReadUpwards(const fs::path& root, const std::string& group, CgroupLimits& limits) {
  if (group.find("..") == std::string::npos)  // outside of what this process sees
    for (fs::path path = fs::path(group).relative_path(); !path.empty(); path = path.parent_path()) ReadGroup(root / path, limits);
  ReadGroup(root, limits);
}

}  // namespace

CgroupLimits ReadCgroupLimits(const fs::path& groups, const fs::path& mount) {
  CgroupLimits limits;
  ReadGroup(mount, limits);
  std::ifstream in(groups);
  // "4:cpu,cpuacct:/path" of version 1, "0::/path" of version 2.
  for (std::string line; std::getline(in, line);) {
    const size_t first = line.find(':'), second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",", group = line.substr(second + 1);
    if (controllers == ",,") ReadUpwards(mount, group, limits);
    for (const char* name : {"cpu", "memory"})
      if (controllers.find("," + std::string(name) + ",") != std::string::npos) ReadUpwards(mount / name, group, limits);
  }
  return limits;
}

}  // namespace sardonyx
