// One engine in a process of its own, told by lines of JSON what to do.
#pragma once

#include <sys/types.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "bench/engine.h"

namespace sardonyx::bench {

// What the process does: reads requests from standard input, answers on standard output, until either ends. `sardonyx
// bench-worker` is this.
int ServeWorker();

struct LoadFigures {
  std::string version;
  double load_ms = 0;       // from the path to a session that can run
  double first_run_ms = 0;  // the first run after it
};

struct RoundFigures {
  std::vector<double> times;  // of each run, in milliseconds
  double seconds = 0;         // from the first's beginning to the last's end
};

// The parent's end. Not to be used by two threads at once.
class Worker {
 public:
  // Starts the process. kResource when it cannot be started.
  static StatusOr<std::unique_ptr<Worker>> Start(const EngineSpec& spec);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  const std::string& engine() const { return spec_.name; }
  // Loads the model, and runs it once on the arrays of the .npz file `inputs`.
  StatusOr<LoadFigures> Load(const std::filesystem::path& model, const EngineLoad& load, const std::filesystem::path& inputs);
  // Runs for `seconds` on all lanes at once, on each at least once and at most `max_runs` times.
  StatusOr<RoundFigures> Round(double seconds, int64_t max_runs);
  // Waits until the process takes no more time of a CPU, a second at most: threads of engines look for further work in loops for a while
  // after a run, on the CPUs that the next engine is measured on.
  void AwaitRest() const;
  // Writes the last run's tensors to an .npz file, as "0", "1", ... by their place among the outputs.
  Status SaveOutputs(const std::filesystem::path& path);
  // Peak resident set of the process so far, in bytes.
  StatusOr<int64_t> PeakBytes();

 private:
  explicit Worker(EngineSpec spec) : spec_(std::move(spec)) {}
  // Sends one request, a JSON document, and gives the answer's text. A process that ended is kInternal, with how.
  StatusOr<std::string> Ask(const std::string& request);
  Status HowItEnded();

  EngineSpec spec_;
  pid_t process_ = -1;
  FILE* to_ = nullptr;
  FILE* from_ = nullptr;
};

}  // namespace sardonyx::bench
