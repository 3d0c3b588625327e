// A folder for files that nobody needs for long.
#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include "sardonyx/status.h"

namespace sardonyx {

// An empty folder of this process's own where the system keeps temporary files; goes, with its content, when this goes.
class TemporaryFolder {
 public:
  // kResource when it cannot be made.
  static StatusOr<TemporaryFolder> Make();
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ~TemporaryFolder();

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  explicit TemporaryFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace sardonyx
