// Work that threads share in parts: each begins in a range of its own and then helps the others with theirs.
//
// Layers that divide the same rows in the same way so find what they read where they left it, in the cache of their own core; a
// thread that is held up loses what it has not begun.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "base/ceil_div.h"

namespace sardonyx {

class HomeRanges {
 public:
  // [0, count) for `workers` workers, in parts of `part`; ranges begin at whole parts.
  HomeRanges(int64_t count, int64_t part, int64_t workers) : part_(part), ranges_(std::clamp<int64_t>(workers, 1, kMaxRanges)) {
    const int64_t parts = CeilDiv(count, part);
    for (int64_t i = 0; i < ranges_; ++i) {
      range_[i].next.store(parts * i / ranges_ * part, std::memory_order_relaxed);
      range_[i].end = std::min(count, parts * (i + 1) / ranges_ * part);
    }
  }

  // Calls f(begin, end) for parts that no other worker has, until there are none.
  template <class F>
  void Work(int64_t worker, const F& f) {
    for (int64_t i = 0; i < ranges_; ++i) {
      Range& range = range_[(worker + i) % ranges_];
      for (int64_t begin; (begin = range.next.fetch_add(part_, std::memory_order_relaxed)) < range.end;)
        f(begin, std::min(begin + part_, range.end));
    }
  }

 private:
  static constexpr int64_t kMaxRanges = 64;
  struct alignas(64) Range {
    std::atomic<int64_t> next{0};
    int64_t end = 0;
  };
  int64_t part_, ranges_;
  Range range_[kMaxRanges];
};

}  // namespace sardonyx
