// RunState: what all frames of one run share: limits, cancellation, accounting.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "sardonyx/status.h"

namespace sardonyx::runtime {

class Profiler;

struct RunState {
  const std::atomic<bool>* cancelled = nullptr;
  std::optional<std::chrono::steady_clock::time_point> deadline;
  // Bytes of live intermediate and output data that this run may hold; 0: no limit.
  int64_t memory_limit = 0;
  std::atomic<int64_t> live_bytes{0};
  std::atomic<int64_t> peak_bytes{0};
  Profiler* profiler = nullptr;

  Status Check() const {
    if (cancelled && cancelled->load(std::memory_order_relaxed)) return Status(StatusCode::kCancelled, "the run was cancelled");
    if (deadline && std::chrono::steady_clock::now() > *deadline) return Status(StatusCode::kDeadline, "the run's time limit passed");
    return {};
  }
  // False when `bytes` more would pass the limit.
  bool Take(int64_t bytes) {
    const int64_t now = live_bytes.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    int64_t peak = peak_bytes.load(std::memory_order_relaxed);
    while (now > peak && !peak_bytes.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
    }
    if (memory_limit == 0 || now <= memory_limit) return true;
    live_bytes.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
};

}  // namespace sardonyx::runtime
