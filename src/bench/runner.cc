#include "bench/runner.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

#include "base/file.h"
#include "base/status_macros.h"
#include "base/temporary_folder.h"
#include "base/thread_pool.h"
#include "bench/worker.h"
#include "formats/npz.h"
#include "kernels/machine/peak.h"
#include "validate/compare.h"

namespace sardonyx::bench {
namespace {

constexpr int64_t kMaxRunsARound = 100'000;  // of very fast models: enough for any percentile

Status WriteTensors(const std::filesystem::path& path, const NamedValues& values) {
  formats::NamedTensors tensors;
  for (const auto& [name, value] : values) {
    if (!value.is_tensor()) return Unsupported(fmt::format("input '{}' is {}; bench measures models of tensors", name, value.TypeString()));
    tensors.emplace_back(name, value.tensor());
  }
  return WriteFileAtomically(path, [&](const ByteSink& sink) { return formats::WriteNpz(tensors, sink); });
}

StatusOr<formats::NamedTensors> ReadTensors(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const Bytes bytes, MapFile(path));
  return formats::ReadNpz(bytes);
}

// The largest difference over the largest magnitude, over all outputs that both gave; infinite for other shapes or NaN.
double Difference(const formats::NamedTensors& ours, const formats::NamedTensors& theirs) {
  double worst = 0;
  for (const auto& [name, a] : ours) {
    const auto found = std::find_if(theirs.begin(), theirs.end(), [&name = name](const auto& one) { return one.first == name; });
    if (found == theirs.end()) continue;
    const Tensor& b = found->second;
    if (a.dtype() == DataType::kString || b.dtype() == DataType::kString) {
      if (!validate::CompareValues(a, b, {}).empty()) return INFINITY;
      continue;
    }
    if (a.num_elements() != b.num_elements()) return INFINITY;
    double largest = 0, difference = 0;
    for (int64_t i = 0; i < a.num_elements(); ++i) {
      const double x = validate::ElementAsDouble(a, i), y = validate::ElementAsDouble(b, i);
      if (std::isnan(x) != std::isnan(y)) return INFINITY;
      if (std::isnan(x) || x == y) continue;
      largest = std::max({largest, std::abs(x), std::abs(y)});
      difference = std::max(difference, std::abs(x - y));
    }
    if (difference > 0) worst = std::max(worst, difference / std::max(largest, 1e-30));
  }
  return worst;
}

// Else the first engine to load the model waits for the disk, and the others do not. External data lies beside the model under its name.
void ReadIntoCache(const std::filesystem::path& model) {
  std::error_code ignored;
  for (const auto& file : std::filesystem::directory_iterator(model.has_parent_path() ? model.parent_path() : ".", ignored)) {
    if (!file.is_regular_file(ignored) || !file.path().filename().string().starts_with(model.stem().string())) continue;
    const int fd = open(file.path().c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    std::vector<char> piece(size_t{1} << 20);
    while (read(fd, piece.data(), piece.size()) > 0) continue;
    close(fd);
  }
}

// One entry at one number of threads and callers, on all engines.
class Contest {
 public:
  Contest(const BenchEntry& entry, const EngineLoad& load, const BenchOptions& options, const TemporaryFolder& folder)
      : entry_(entry), load_(load), options_(options), folder_(folder) {}

  StatusOr<std::vector<BenchResult>> Run(const std::function<void(const std::string&)>& progress) {
    StatusOr<NamedValues> inputs = MakeInputs(entry_, options_.seed);
    if (!inputs.ok()) return inputs.status().WithContext(entry_.name);
    RETURN_IF_ERROR(WriteTensors(folder_ / "inputs.npz", *inputs).WithContext(entry_.name));
    for (const EngineSpec& spec : options_.engines) {
      progress(fmt::format("{} on {}", entry_.name, spec.name));
      Load(spec);
    }
    for (int round = -1; round < options_.rounds; ++round)
      for (size_t i = 0; i < workers_.size(); ++i) Round(i, round);
    for (size_t i = 0; i < workers_.size(); ++i) Finish(i);
    return std::move(results_);
  }

 private:
  void Load(const EngineSpec& spec) {
    BenchResult& result = results_.emplace_back();
    result.model = entry_.name;
    result.engine = spec.name;
    result.threads = load_.threads;
    result.concurrency = load_.lanes;
    result.batch = entry_.batch;
    result.flops = entry_.flops;
    samples_.emplace_back();
    StatusOr<std::unique_ptr<Worker>> worker = Worker::Start(spec);
    workers_.push_back(worker.ok() ? *std::move(worker) : nullptr);
    if (!worker.ok()) return Fail(results_.size() - 1, worker.status());
    const StatusOr<LoadFigures> figures = workers_.back()->Load(entry_.model, load_, folder_ / "inputs.npz");
    if (!figures.ok()) return Fail(results_.size() - 1, figures.status());
    result.engine_version = figures->version;
    result.load_ms = figures->load_ms;
    result.first_run_ms = figures->first_run_ms;
    // Outputs of the first run already: an engine that is wrong need not be timed.
    Compare(results_.size() - 1);
  }

  void Compare(size_t i) {
    const std::filesystem::path path = folder_ / fmt::format("outputs{}.npz", i);
    if (const Status saved = workers_[i]->SaveOutputs(path); !saved.ok()) return Fail(i, saved);
    StatusOr<formats::NamedTensors> outputs = ReadTensors(path);
    if (!outputs.ok()) return Fail(i, outputs.status());
    if (i == 0) {
      expected_ = *std::move(outputs);
      return;
    }
    if (!results_[0].counts()) return;
    results_[i].difference = Difference(expected_, *outputs);
    if (!(results_[i].difference <= entry_.rtol))
      results_[i].error = fmt::format("outputs differ from {}'s by {:.2g} of the largest", results_[0].engine, results_[i].difference);
  }

  // Round -1 warms up.
  void Round(size_t i, int round) {
    if (!workers_[i]) return;
    const double seconds = round < 0 ? options_.warmup : options_.seconds / options_.rounds;
    const StatusOr<RoundFigures> figures = workers_[i]->Round(seconds, kMaxRunsARound);
    if (!figures.ok()) return Fail(i, figures.status());
    workers_[i]->AwaitRest();
    if (round < 0) return;
    samples_[i].insert(samples_[i].end(), figures->times.begin(), figures->times.end());
    results_[i].seconds += figures->seconds;
  }

  void Finish(size_t i) {
    results_[i].latency_ms = Summarize(samples_[i]);
    results_[i].runs = static_cast<int64_t>(samples_[i].size());
    if (!workers_[i]) return;
    if (const auto bytes = workers_[i]->PeakBytes(); bytes.ok()) results_[i].peak_rss_mb = static_cast<double>(*bytes) / 1e6;
    workers_[i].reset();
  }

  void Fail(size_t i, const Status& status) {
    results_[i].error = status.ToString();
    workers_[i].reset();
  }

  const BenchEntry& entry_;
  const EngineLoad load_;
  const BenchOptions& options_;
  const TemporaryFolder& folder_;
  std::vector<std::unique_ptr<Worker>> workers_;  // null once failed
  std::vector<BenchResult> results_;
  std::vector<std::vector<double>> samples_;
  formats::NamedTensors expected_;
};

}  // namespace

StatusOr<BenchRun> RunBench(const std::vector<BenchEntry>& entries, const BenchOptions& options) {
  BenchRun run;
  ASSIGN_OR_RETURN(const TemporaryFolder folder, TemporaryFolder::Make());
  for (const int threads : options.threads) {
    ThreadPool pool(threads);
    run.peaks.push_back({pool.threads(), kernels::MeasurePeakGflops(pool), kernels::MeasureReadBandwidth(pool)});
  }
  std::vector<EngineLoad> loads;
  for (const int threads : options.threads)
    for (const int lanes : options.concurrency) loads.push_back({threads, lanes});
  const size_t total = entries.size() * loads.size() * options.engines.size();
  size_t done = 0;
  for (const BenchEntry& entry : entries) {
    ReadIntoCache(entry.model);
    for (const EngineLoad& load : loads) {
      Contest contest(entry, load, options, folder);
      ASSIGN_OR_RETURN(std::vector<BenchResult> results, contest.Run([&](const std::string& what) {
        if (options.progress) options.progress(done, total, what);
        ++done;
      }));
      std::move(results.begin(), results.end(), std::back_inserter(run.results));
    }
  }
  return run;
}

std::vector<Ratio> Ratios(const BenchRun& run) {
  std::vector<Ratio> ratios;
  const BenchResult* ours = nullptr;
  for (const BenchResult& result : run.results) {
    if (!ours || !ours->SameCase(result)) {
      ours = &result;
      continue;
    }
    if (!ours->counts() || !result.counts() || ours->latency_ms.p50 <= 0) continue;
    const double speedup = result.concurrency > 1 ? ours->runs_per_second() / result.runs_per_second() : result.latency_ms.p50 / ours->latency_ms.p50;
    ratios.push_back({result.model, result.engine, result.threads, result.concurrency, result.batch, speedup,
                      (ours->load_ms + ours->first_run_ms) / (result.load_ms + result.first_run_ms),
                      ours->peak_rss_mb / result.peak_rss_mb});
  }
  return ratios;
}

}  // namespace sardonyx::bench
