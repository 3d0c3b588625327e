// What the micro-benchmarks share: threads, the machine's limits, counters, numbers to compute with.
#pragma once

#include <benchmark/benchmark.h>

#include <vector>

#include "base/thread_pool.h"

namespace sardonyx::kernels {

// SARDONYX_THREADS threads, else one.
ThreadPool& Pool();
// Measured once, with as many threads.
double PeakGflops();
double PeakBandwidth();  // GB/s of reading

// Counters of a benchmark whose iterations do this many operations, or move this many bytes; `peak` is the share of the limit.
void SetFlops(benchmark::State& state, double flops);
void SetBytes(benchmark::State& state, double bytes);

std::vector<float> Values(int64_t count);  // between -1 and 1.1

}  // namespace sardonyx::kernels
