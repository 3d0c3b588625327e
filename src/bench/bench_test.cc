#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "bench/report.h"
#include "bench/runner.h"
#include "bench/suite.h"

namespace sardonyx::bench {
namespace {

TEST(Statistics, PercentilesInterpolate) {
  const double samples[] = {4, 1, 3, 2};
  const Statistics s = Summarize(samples);
  EXPECT_DOUBLE_EQ(s.mean, 2.5);
  EXPECT_DOUBLE_EQ(s.p50, 2.5);
  EXPECT_DOUBLE_EQ(s.min, 1);
  EXPECT_DOUBLE_EQ(s.max, 4);
  EXPECT_DOUBLE_EQ(s.std_dev, std::sqrt(1.25));
  EXPECT_DOUBLE_EQ(s.p95, 3.85);
  EXPECT_EQ(Summarize({}).p50, 0);
  const double ratios[] = {2, 0.5};
  EXPECT_DOUBLE_EQ(GeometricMean(ratios), 1);
}

TEST(Suite, FillsAreWhatTheySay) {
  BenchEntry entry;
  entry.inputs = {{"u", DataType::kFloat, {3, 50}, "uniform(-2,3)"},
                  {"i", DataType::kInt64, {100}, "ids<7"},
                  {"o", DataType::kDouble, {2}, "ones"},
                  {"v", DataType::kInt32, {2}, "value(5)"},
                  {"a", DataType::kInt64, {2, 3}, "arange(4)"},
                  {"t", DataType::kString, {2, 1}, "text"},
                  {"e", DataType::kFloat, {0, 3}, "zeros"}};
  const auto values = MakeInputs(entry, 1);
  ASSERT_TRUE(values.ok()) << values.status().ToString();
  double low = 9, high = -9;
  for (const float x : (*values)[0].second.tensor().data<float>()) low = std::min<double>(low, x), high = std::max<double>(high, x);
  EXPECT_GE(low, -2);
  EXPECT_LT(low, -1.5);
  EXPECT_LE(high, 3);
  EXPECT_GT(high, 2.5);
  for (const int64_t x : (*values)[1].second.tensor().data<int64_t>()) EXPECT_TRUE(x >= 0 && x < 7) << x;
  EXPECT_EQ((*values)[2].second.tensor().data<double>()[1], 1);
  EXPECT_EQ((*values)[3].second.tensor().data<int32_t>()[1], 5);
  EXPECT_EQ((*values)[4].second.tensor().data<int64_t>()[5], 6);
  EXPECT_FALSE((*values)[5].second.tensor().data<std::string>()[1].empty());
  EXPECT_EQ((*values)[6].second.tensor().num_elements(), 0);
  // The same seed, the same numbers.
  const auto again = MakeInputs(entry, 1);
  EXPECT_EQ((*again)[0].second.tensor().data<float>()[7], (*values)[0].second.tensor().data<float>()[7]);
  entry.inputs = {{"x", DataType::kFloat, {1}, "mist"}};
  EXPECT_EQ(MakeInputs(entry, 1).status().code(), StatusCode::kInvalid);
}

TEST(Suite, BrokenManifestsAreCorrupt) {
  const std::filesystem::path path = std::filesystem::temp_directory_path() / "sardonyx_bench_test.json";
  for (const char* text : {"", "{}", "[1]", R"([{"file": "a.onnx"}])", R"([{"file": 3, "inputs": []}])",
                           R"([{"file": "a.onnx", "inputs": [{"name": "x", "dtype": "floaty", "shape": [1]}]}])",
                           R"([{"file": "a.onnx", "inputs": [{"name": "x", "dtype": "float32", "shape": "wide"}]}])"}) {
    std::ofstream(path) << text;
    EXPECT_EQ(ReadManifest(path).status().code(), StatusCode::kCorrupt) << text;
  }
  std::ofstream(path)
      << R"([{"file": "a.onnx", "name": "a@b", "inputs": [{"name": "x", "dtype": "float32", "shape": [2, 3]}], "flops": 12}])";
  const auto entries = ReadManifest(path);
  ASSERT_TRUE(entries.ok()) << entries.status().ToString();
  EXPECT_EQ((*entries)[0].model, path.parent_path() / "a.onnx");
  EXPECT_EQ((*entries)[0].inputs[0].dims, (Dims{2, 3}));
  std::filesystem::remove(path);
}

BenchResult Result(const std::string& engine, double p50) {
  BenchResult result;
  result.model = "m";
  result.engine = engine;
  result.latency_ms.p50 = p50;
  result.load_ms = p50;
  result.peak_rss_mb = 10;
  return result;
}

TEST(Ratios, OnlyFiguresThatCountAreCompared) {
  BenchRun run;
  run.results = {Result("sardonyx", 2), Result("onnxruntime", 3), Result("openvino", 1)};
  run.results[2].error = "outputs differ";
  const auto ratios = Ratios(run);
  ASSERT_EQ(ratios.size(), 1u);
  EXPECT_DOUBLE_EQ(ratios[0].speedup, 1.5);
  EXPECT_DOUBLE_EQ(ratios[0].load, 2.0 / 3);
}

TEST(Compare, SaysWhatBecameSlower) {
  BenchRun before, after;
  before.results = {Result("sardonyx", 2), Result("onnxruntime", 3)};
  after.results = {Result("sardonyx", 4), Result("onnxruntime", 3)};
  const formats::Json baseline = ToJson(before, {});
  const auto worse = Compare(after, baseline, 0.1);
  ASSERT_TRUE(worse.ok());
  ASSERT_EQ(worse->size(), 1u);
  EXPECT_EQ((*worse)[0].against, "onnxruntime");
  // A slower machine is no regression where a peer was slower by as much.
  after.results = {Result("sardonyx", 4), Result("onnxruntime", 6)};
  EXPECT_TRUE(Compare(after, baseline, 0.1)->empty());
  EXPECT_EQ(Compare(after, formats::Json{{"a", 1}}, 0.1).status().code(), StatusCode::kCorrupt);
}

}  // namespace
}  // namespace sardonyx::bench
