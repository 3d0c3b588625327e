// Measures entries on several engines in alternating rounds.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/statistics.h"
#include "bench/suite.h"

namespace sardonyx::bench {

struct BenchOptions {
  std::vector<EngineSpec> engines = {{"sardonyx", ""}};  // the first is the one that others are compared with
  std::vector<int> threads = {1};
  std::vector<int> concurrency = {1};  // callers that run the model at once
  double seconds = 5;   // of runs an engine
  double warmup = 0.5;  // before them
  int rounds = 5;       // that the seconds are spread over
  uint64_t seed = 1;
  // Called before each engine's turn.
  std::function<void(size_t done, size_t total, const std::string& what)> progress;
};

// One model on one engine.
struct BenchResult {
  std::string model, engine, engine_version;
  int threads = 1, concurrency = 1;
  int64_t batch = 0;
  double flops = 0;
  double load_ms = 0, first_run_ms = 0;
  Statistics latency_ms;
  int64_t runs = 0;
  double seconds = 0;  // that they took, all callers together
  double peak_rss_mb = 0;
  // Empty, or why there are no figures, or why they do not count: its outputs differ from the first engine's.
  std::string error;
  double difference = 0;  // the largest, as a share of the largest magnitude

  bool counts() const { return error.empty(); }
  double runs_per_second() const { return seconds > 0 ? static_cast<double>(runs) / seconds : 0; }
  double gflops() const {
    if (concurrency > 1) return flops * runs_per_second() / 1e9;
    return latency_ms.p50 > 0 ? flops / latency_ms.p50 / 1e6 : 0;
  }
  // Of the same model under the same conditions.
  bool SameCase(const BenchResult& other) const {
    return model == other.model && threads == other.threads && concurrency == other.concurrency && batch == other.batch;
  }
};

// The machine's limits at a number of threads, measured in the same run.
struct MachinePeak {
  int threads = 1;
  double gflops = 0;
  double read_gb_per_s = 0;
};

struct BenchRun {
  std::vector<BenchResult> results;  // by entry, threads, concurrency and engine, in that order
  std::vector<MachinePeak> peaks;
};

// Figures of one engine against another's on the same entry and threads. Above 1 in `speedup`, below 1 in the others is better.
struct Ratio {
  std::string model, peer;
  int threads = 1, concurrency = 1;
  int64_t batch = 0;
  double speedup = 0;  // peer's median latency / ours; of several callers our throughput / peer's
  double load = 0;     // ours / peer's: load and first run
  double memory = 0;   // ours / peer's: peak
};

// A model that an engine cannot run, or runs wrongly, is a result with an error; the rest goes on.
StatusOr<BenchRun> RunBench(const std::vector<BenchEntry>& entries, const BenchOptions& options);

std::vector<Ratio> Ratios(const BenchRun& run);

}  // namespace sardonyx::bench
