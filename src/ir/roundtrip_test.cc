// Load + save of every real model gives the same bytes back where its writer wrote canonically.
#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"
#include "base/shared_data.h"
#include "ir/load.h"
#include "ir/save.h"

namespace sardonyx::ir {
namespace {

namespace fs = std::filesystem;

TEST(RoundTrip, EverySharedModelKeepsItsBytes) {
  const fs::path shared = SharedData(SARDONYX_SOURCE_DIR);
  if (shared.empty()) GTEST_SKIP() << "no shared test data";
  int total = 0, same = 0;
  for (const auto& entry : fs::recursive_directory_iterator(shared)) {
    if (!entry.is_regular_file() || entry.path().extension() != ".onnx") continue;
    const StatusOr<Bytes> bytes = MapFile(entry.path());
    ASSERT_TRUE(bytes.ok()) << bytes.status().ToString();
    const auto model = ParseModel(*bytes, entry.path().parent_path());
    ASSERT_TRUE(model.ok()) << entry.path() << ": " << model.status().ToString();
    ++total;
    const std::string written = SerializeModel(**model);
    if (written == bytes->view()) ++same;
    else ADD_FAILURE() << entry.path() << ": " << bytes->size() << " bytes, " << written.size() << " written";
  }
  std::printf("%d of %d models byte for byte the same\n", same, total);
}

}  // namespace
}  // namespace sardonyx::ir
