// Work that threads share in parts: each begins in a range of its own and then helps the others with theirs.
//
// Loops that divide the same rows in the same way so find what they read where they left it, in the cache of their own core; a
// thread that is held up loses what it has not begun.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "base/ceil_div.h"

namespace sardonyx {

class HomeRanges {
 public:
  HomeRanges() = default;
  HomeRanges(int64_t count, int64_t part, int64_t workers) { Divide(count, part, workers); }

  // [0, count) for `workers` workers, in parts of `part`; ranges begin at whole parts. Nobody may be working.
  void Divide(int64_t count, int64_t part, int64_t workers) {
    const int64_t n = std::clamp<int64_t>(workers, 1, kMaxRanges), parts = CeilDiv(count, part);
    for (int64_t i = 0; i < n; ++i) {
      ranges_[i].next.store(parts * i / n * part, std::memory_order_relaxed);
      ranges_[i].end.store(std::min(count, parts * (i + 1) / n * part), std::memory_order_relaxed);
    }
    part_ = part;
    num_ranges_.store(n, std::memory_order_relaxed);
  }

  // Whether some part was not handed out a moment ago; may be asked at any time.
  bool HasWork() const {
    const int64_t n = num_ranges_.load(std::memory_order_relaxed);
    return std::any_of(ranges_, ranges_ + n, [](const Range& range) {
      return range.next.load(std::memory_order_relaxed) < range.end.load(std::memory_order_relaxed);
    });
  }

  // Calls f(begin, end) for parts that no other worker has, until there are none.
  template <class F>
  void Work(int64_t worker, const F& f) {
    const int64_t n = num_ranges_.load(std::memory_order_relaxed);
    for (int64_t i = 0; i < n; ++i) {
      Range& range = ranges_[(worker + i) % n];
      const int64_t end = range.end.load(std::memory_order_relaxed);
      for (int64_t begin; (begin = range.next.fetch_add(part_, std::memory_order_relaxed)) < end;) f(begin, std::min(begin + part_, end));
    }
  }

 private:
  static constexpr int64_t kMaxRanges = 16;  // more workers begin in others' ranges
  struct alignas(64) Range {
    std::atomic<int64_t> next{0}, end{0};
  };
  Range ranges_[kMaxRanges];
  std::atomic<int64_t> num_ranges_{0};
  int64_t part_ = 1;
};

}  // namespace sardonyx
