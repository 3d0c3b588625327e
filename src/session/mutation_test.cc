// Real models with bytes flipped, cut or repeated: whatever comes out, loading, checking, preparing and running it ends in
// a result or a Status. Run it under the sanitizers (preset asan); SARDONYX_MUTATIONS sets how many mutants are tried.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "base/file.h"
#include "base/shared_data.h"
#include "check/check.h"
#include "ir/load.h"
#include "sardonyx/session.h"

namespace sardonyx {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> SmallModels() {
  constexpr uintmax_t kMaxBytes = 200'000;
  std::vector<fs::path> models;
  for (const fs::path& root : {fs::path(SARDONYX_SOURCE_DIR) / "examples", SharedData(SARDONYX_SOURCE_DIR)}) {
    std::error_code error;
    for (fs::recursive_directory_iterator it(root, error), end; !error && it != end; it.increment(error))
      if (it->path().extension() == ".onnx" && it->file_size() < kMaxBytes) models.push_back(it->path());
  }
  std::sort(models.begin(), models.end());
  return models;
}

std::string Mutate(std::string bytes, std::mt19937& random) {
  const int changes = 1 + static_cast<int>(random() % 4);
  for (int i = 0; i < changes && !bytes.empty(); ++i) {
    const size_t at = random() % bytes.size();
    switch (random() % 5) {
      case 0:
        bytes[at] = static_cast<char>(random());
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << (random() % 8)));
        break;
      case 2:
        bytes.resize(at);
        break;
      case 3:
        bytes.insert(at, bytes.substr(at, 1 + random() % 16));
        break;
      default:
        bytes[at] = static_cast<char>(random() % 2 ? 0xff : 0x7f);
    }
  }
  return bytes;
}

// Inputs as the mutant declares them, as long as they are small.
std::vector<Session::NamedValue> SomeInputs(const Session& session) {
  std::vector<Session::NamedValue> inputs;
  for (const ValueInfo& info : session.inputs()) {
    Dims dims;
    for (const int64_t dim : info.dims) dims.push_back(dim < 0 ? 2 : dim);
    const StatusOr<int64_t> count = CheckedNumElements(info.dtype, dims);
    if (info.dtype == DataType::kUndefined || !count.ok() || *count > 1'000'000) continue;
    StatusOr<Tensor> tensor = Tensor::Allocate(info.dtype, dims);
    if (tensor.ok()) inputs.emplace_back(info.name, *std::move(tensor));
  }
  return inputs;
}

TEST(Mutation, NoMutantOfARealModelDoesHarm) {
  const std::vector<fs::path> models = SmallModels();
  if (models.empty()) GTEST_SKIP() << "no models";
  const char* wanted = std::getenv("SARDONYX_MUTATIONS");
  const int mutants = wanted ? std::atoi(wanted) : 500;
  std::mt19937 random(20260);
  SessionOptions options;
  options.threads = 1;
  options.memory_limit = 64 << 20;
  RunOptions run;
  run.time_limit = std::chrono::seconds(2);
  int loaded = 0, valid = 0, prepared = 0, ran = 0;
  for (int i = 0; i < mutants; ++i) {
    const fs::path& path = models[random() % models.size()];
    const StatusOr<Bytes> original = MapFile(path);
    ASSERT_TRUE(original.ok());
    const std::string bytes = Mutate(std::string(original->view()), random);
    if (std::getenv("SARDONYX_MUTATION_TRACE")) {
      std::fprintf(stderr, "%d %s\n", i, path.c_str());
      (void)WriteFileAtomically(fs::temp_directory_path() / "sardonyx_mutant.onnx", bytes);
    }
    auto model = ir::ParseModel(Bytes::Own(bytes), path.parent_path());
    if (!model.ok()) continue;
    ++loaded;
    valid += !check::HasErrors(check::CheckModel(**model));
    const auto session = Session::Create(Model(std::shared_ptr<const ir::Model>(*std::move(model))), options);
    if (!session.ok()) continue;
    ++prepared;
    ran += session->Run(SomeInputs(*session), run).ok();
  }
  std::printf("%d mutants of %zu models: %d loaded, %d valid, %d prepared, %d ran\n", mutants, models.size(), loaded, valid, prepared, ran);
}

}  // namespace
}  // namespace sardonyx
