// Every model gives the same at each level of optimization: those of the bench's manifest and the collection of real models
// ($SARDONYX_SHARED). SARDONYX_LEVELS_FILTER (a part of the name) chooses, and then takes models of any size.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/shared_data.h"
#include "bench/suite.h"
#include "sardonyx/session.h"
#include "validate/compare.h"

namespace sardonyx::bench {
namespace {

constexpr double kMaxWeights = 25e6, kMaxFlops = 2e9;  // larger ones only when they are asked for

std::vector<BenchEntry> Entries(const std::filesystem::path& shared) {
  const char* filter = std::getenv("SARDONYX_LEVELS_FILTER");
  std::vector<BenchEntry> all, chosen;
  if (auto manifest = ReadManifest(shared / "bench/manifest.json"); manifest.ok()) all = *std::move(manifest);
  for (const auto& file : std::filesystem::recursive_directory_iterator(shared / "models")) {
    if (file.path().extension() != ".onnx") continue;
    if (auto entry = EntryOfModel(file.path(), {}, 0); entry.ok()) all.push_back(*std::move(entry));
  }
  for (BenchEntry& entry : all) {
    if (filter ? (entry.name + " " + entry.model.string()).find(filter) != std::string::npos
               : entry.weight_bytes < kMaxWeights && entry.flops < kMaxFlops)
      chosen.push_back(std::move(entry));
  }
  return chosen;
}

StatusOr<std::vector<Value>> RunAt(const BenchEntry& entry, int level, const NamedValues& inputs) {
  StatusOr<Model> model = Model::Load(entry.model);
  if (!model.ok()) return model.status();
  SessionOptions options;
  options.level = level;
  options.threads = 2;
  StatusOr<Session> session = Session::Create(*model, options);
  if (!session.ok()) return session.status();
  return session->Run(inputs);
}

// Within `rtol` of the largest magnitude, element by element.
std::string Difference(const Value& got, const Value& expected, double rtol) {
  if (!got.is_tensor() || !expected.is_tensor()) return validate::CompareValues(got, expected, {rtol, rtol});
  if (got.tensor().TypeString() != expected.tensor().TypeString())
    return got.tensor().TypeString() + " instead of " + expected.tensor().TypeString();
  double largest = 0, worst = 0;
  if (expected.tensor().dtype() == DataType::kString) return validate::CompareValues(got, expected, {0, 0});
  for (int64_t i = 0; i < expected.tensor().num_elements(); ++i) {
    const double a = validate::ElementAsDouble(got.tensor(), i), b = validate::ElementAsDouble(expected.tensor(), i);
    if (std::isnan(a) != std::isnan(b)) return "NaN in one";
    if (std::isnan(a) || a == b) continue;
    if (std::isfinite(b)) largest = std::max(largest, std::abs(b));
    worst = std::max(worst, std::abs(a - b));
  }
  return worst <= rtol * largest ? "" : "differs by " + std::to_string(worst) + ", largest " + std::to_string(largest);
}

TEST(Levels, GiveTheSame) {
  const std::filesystem::path shared = SharedData(SARDONYX_SOURCE_DIR);
  if (shared.empty()) GTEST_SKIP() << "no models";
  int compared = 0;
  for (const BenchEntry& entry : Entries(shared)) {
    SCOPED_TRACE(entry.name + " " + entry.model.string());
    const StatusOr<NamedValues> inputs = MakeInputs(entry, 7);
    if (!inputs.ok()) continue;
    const auto expected = RunAt(entry, 0, *inputs);
    const auto got = RunAt(entry, 99, *inputs);
    EXPECT_EQ(got.ok(), expected.ok()) << got.status().ToString() << " / " << expected.status().ToString();
    if (!got.ok() || !expected.ok()) continue;
    ASSERT_EQ(got->size(), expected->size());
    ++compared;
    const double rtol = entry.rtol > 1e-2 ? entry.rtol : 1e-4;  // 8-bit models round differently, as their manifest says
    for (size_t i = 0; i < got->size(); ++i) EXPECT_EQ(Difference((*got)[i], (*expected)[i], rtol), "") << "output " << i;
  }
  EXPECT_GT(compared, 0);
}

}  // namespace
}  // namespace sardonyx::bench
