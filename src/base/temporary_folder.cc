#include "base/temporary_folder.h"

#include <cstdlib>

namespace sardonyx {
namespace fs = std::filesystem;

StatusOr<TemporaryFolder> TemporaryFolder::Make() {
  std::error_code error;
  std::string name = (fs::temp_directory_path(error) / "sardonyx-XXXXXX").string();
  if (error || !mkdtemp(name.data())) return Resource("cannot make a temporary folder; TMPDIR says where");
  return TemporaryFolder(name);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

}  // namespace sardonyx
