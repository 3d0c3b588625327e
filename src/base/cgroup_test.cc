#include "base/cgroup.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace sardonyx {
namespace {

namespace fs = std::filesystem;

class Cgroup : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(root_); }
  void TearDown() override { fs::remove_all(root_); }
  void Write(const std::string& name, const std::string& text) {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << text;
  }
  CgroupLimits Read() { return ReadCgroupLimits(root_ / "self", root_ / "mount"); }
  fs::path root_ = fs::temp_directory_path() / ("sardonyx_cgroup_test_" + std::to_string(getpid()));
};

TEST_F(Cgroup, NothingThereIsNoLimit) {
  EXPECT_EQ(Read().cpus, 0);
  Write("self", "nonsense\n0::/a/b\n");
  Write("mount/cpu.max", "max 100000\n");
  Write("mount/memory.max", "max\n");
  EXPECT_EQ(Read().cpus, 0);
  EXPECT_EQ(Read().memory, 0);
}

TEST_F(Cgroup, TheStrictestOfTheGroupsAboveCounts) {
  Write("self", "0::/slice/job/task\n");
  Write("mount/slice/cpu.max", "150000 100000\n");
  Write("mount/slice/job/cpu.max", "400000 100000\n");
  Write("mount/slice/job/task/cpu.max", "max 100000\n");
  Write("mount/slice/job/memory.max", "1000000\n");
  Write("mount/slice/job/task/memory.max", "2000000\n");
  EXPECT_DOUBLE_EQ(Read().cpus, 1.5);
  EXPECT_EQ(Read().memory, 1000000);
}

TEST_F(Cgroup, AContainersOwnGroupIsTheMount) {
  Write("self", "0::/docker/0123\n");  // as the host sees it
  Write("mount/cpu.max", "200000 100000\n");
  Write("mount/memory.max", "3000000\n");
  EXPECT_DOUBLE_EQ(Read().cpus, 2);
  EXPECT_EQ(Read().memory, 3000000);
  Write("self", "0::/../other\n");
  EXPECT_DOUBLE_EQ(Read().cpus, 2);
}

TEST_F(Cgroup, VersionOne) {
  Write("self", "5:cpu,cpuacct:/docker/1\n4:memory:/docker/1\n3:freezer:/x\n");
  Write("mount/cpu/cpu.cfs_quota_us", "-1\n");
  Write("mount/cpu/cpu.cfs_period_us", "100000\n");
  Write("mount/cpu/docker/1/cpu.cfs_quota_us", "50000\n");
  Write("mount/cpu/docker/1/cpu.cfs_period_us", "100000\n");
  Write("mount/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_DOUBLE_EQ(Read().cpus, 0.5);
  Write("mount/memory/docker/1/memory.limit_in_bytes", "4096\n");
  EXPECT_EQ(Read().memory, 4096);
}

}  // namespace
}  // namespace sardonyx
