// What a bench run is shown as.
#pragma once

#include <string>
#include <vector>

#include "base/machine.h"
#include "bench/runner.h"
#include "formats/json.h"

namespace sardonyx::bench {

// For people: the machine and its measured limits, a line a model and number of threads, geometric means by peer.
std::string Table(const BenchRun& run, const Machine& machine);

// {"machine", "results", "ratios"}: docs/cli.md names the members.
formats::Json ToJson(const BenchRun& run, const Machine& machine);

// A picture of the speed-ups: a bar a model and peer, on a logarithmic axis.
std::string Plot(const BenchRun& run);
// One page with the machine, the table and the plot.
std::string HtmlPage(const BenchRun& run, const Machine& machine);

// What became slower than in an earlier run. Where both runs have a peer's figures the speed-ups are compared, since machines
// differ from day to day; else the median latencies.
struct Regression {
  std::string model, against;  // a peer's name, or "latency"
  int threads = 1;
  double before = 0, after = 0;  // speed-ups, or milliseconds
  double change = 0;             // how much worse, as a share: 0.2 is a fifth
};
// kCorrupt when `baseline` is no bench document. `allowed` is the share that may be noise.
StatusOr<std::vector<Regression>> Compare(const BenchRun& run, const formats::Json& baseline, double allowed);

}  // namespace sardonyx::bench
