// What this machine can do at best, measured by loops that do nothing else: the limits that other figures are held against.
#pragma once

#include <cstdint>

#include "base/thread_pool.h"

namespace sardonyx::kernels {

// float multiply-adds on registers alone, on every thread of the pool at once; 2 operations each. In 1e9 operations a second.
double MeasurePeakGflops(ThreadPool& pool);
// Reading a buffer far larger than the caches, every thread a part of it. In 1e9 bytes a second.
double MeasureReadBandwidth(ThreadPool& pool);

}  // namespace sardonyx::kernels
