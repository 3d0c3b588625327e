// Where the optional test data lies: models and suites that the project does not ship.
#pragma once

#include <cstdlib>
#include <filesystem>

namespace sardonyx {

// $SARDONYX_SHARED, else `source_dir`/../shared; empty when that is not there. Tests that need it skip themselves.
inline std::filesystem::path SharedData(const char* source_dir) {
  const char* given = std::getenv("SARDONYX_SHARED");
  const std::filesystem::path path = given ? std::filesystem::path(given) : std::filesystem::path(source_dir).parent_path() / "shared";
  std::error_code error;
  return std::filesystem::is_directory(path, error) ? path : std::filesystem::path();
}

}  // namespace sardonyx
