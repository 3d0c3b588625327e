#include "base/file.h"
#include "base/temporary_folder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

namespace sardonyx {
namespace {

TEST(ForgetPages, LeavesContentsAsTheyAre) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "forget_pages";
  std::string content(100'000, 'x');
  content[50'000] = 'y';
  ASSERT_TRUE(WriteFileAtomically(path, content).ok());
  const StatusOr<Bytes> bytes = MapFile(path);
  ASSERT_TRUE(bytes.ok());
  for (const auto& [offset, size] : {std::pair<size_t, size_t>(0, 100'000), {1, 99'998}, {4096, 4096}, {10, 3}, {5, 0}}) {
    ForgetPages(bytes->data() + offset, size);
    EXPECT_EQ(bytes->view(), content);
  }
  // Memory that is no file's is left alone.
  std::vector<char> memory(1 << 16, 'z');
  ForgetPages(memory.data(), memory.size());
  EXPECT_EQ(memory[1 << 15], 'z');
  std::filesystem::remove(path);
}

TEST(TemporaryFolder, GoesWithItsContent) {
  std::filesystem::path path;
  {
    StatusOr<TemporaryFolder> made = TemporaryFolder::Make();
    ASSERT_TRUE(made.ok());
    const TemporaryFolder folder = *std::move(made);
    path = folder.path();
    ASSERT_TRUE(WriteFileAtomically(folder / "file", "content").ok());
    EXPECT_TRUE(std::filesystem::exists(path / "file"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace sardonyx
