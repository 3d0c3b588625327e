#include "measure.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "kernels/gemm/simd_choice.h"
#include "kernels/machine/peak.h"

namespace sardonyx::kernels {

ThreadPool& Pool() {
  static const char* const threads = std::getenv("SARDONYX_THREADS");
  static auto* const pool = new ThreadPool(threads ? std::max(1, std::atoi(threads)) : 1);
  return *pool;
}
double PeakGflops() {
  static const double peak = MeasurePeakGflops(Pool());
  return peak;
}
double PeakBandwidth() {
  static const double peak = MeasureReadBandwidth(Pool());
  return peak;
}

void SetFlops(benchmark::State& state, double flops) {
  const double total = flops * static_cast<double>(state.iterations());
  state.counters["gflops"] = benchmark::Counter(total / 1e9, benchmark::Counter::kIsRate);
  state.counters["peak"] = benchmark::Counter(total / 1e9 / PeakGflops(), benchmark::Counter::kIsRate);
}
void SetBytes(benchmark::State& state, double bytes) {
  const double total = bytes * static_cast<double>(state.iterations());
  state.counters["GBps"] = benchmark::Counter(total / 1e9, benchmark::Counter::kIsRate);
  state.counters["peak"] = benchmark::Counter(total / 1e9 / PeakBandwidth(), benchmark::Counter::kIsRate);
}

std::vector<float> Values(int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i * 7 % 23) / 11 - 1;
  return values;
}

}  // namespace sardonyx::kernels

int main(int argc, char** argv) {
  if (const sardonyx::Status status = sardonyx::kernels::ApplySimdEnvironment(); !status.ok()) {
    std::fprintf(stderr, "%s\n", status.message().c_str());
    return 2;
  }
  benchmark::Initialize(&argc, argv);
  std::printf("%s, %d threads: %.1f GFLOP/s, %.1f GB/s\n", sardonyx::kernels::SimdTarget().c_str(), sardonyx::kernels::Pool().threads(),
              sardonyx::kernels::PeakGflops(), sardonyx::kernels::PeakBandwidth());
  benchmark::RunSpecifiedBenchmarks();
}
