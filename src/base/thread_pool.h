// A pool of threads for loops whose result does not depend on how they are split.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

namespace sardonyx {

// Non-owning reference to a callable `void(int64_t begin, int64_t end)`: no allocation, unlike std::function.
class RangeFunction {
 public:
  template <class F>
  RangeFunction(const F& f)  // NOLINT: implicit by design
      : object_(&f), call_([](const void* o, int64_t b, int64_t e) { (*static_cast<const F*>(o))(b, e); }) {}
  void operator()(int64_t begin, int64_t end) const { call_(object_, begin, end); }

 private:
  const void* object_;
  void (*call_)(const void*, int64_t, int64_t);
};

// Idle workers look for work for some microseconds before they sleep, so that loops that follow each other closely pay no
// wake-up; a loop too small to be worth a sleeper's wake-up uses those that are awake, if any.
class ThreadPool {
 public:
  // `threads` counts the calling thread: 1 makes no thread. 0 means the container's CPU quota. With `flush_denormals` the workers
  // compute as under DenormalMode(true); callers see to their own threads.
  explicit ThreadPool(int threads = 0, bool flush_denormals = false);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return threads_; }

  // Calls f on disjoint ranges that cover [0, count), possibly at once. `cost` is the rough work of one item in
  // nanoseconds: small totals stay on the calling thread. Every item must be computed alike wherever a range begins, so
  // that results do not depend on the number of threads. Nested calls run on the calling thread. f must not throw.
  void ParallelFor(int64_t count, double cost, RangeFunction f);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  int threads_;
};

// Threads that this process may use at once: min(affinity mask, cgroup v1/v2 CPU quota rounded up), at least 1.
int AvailableCpus();

}  // namespace sardonyx
