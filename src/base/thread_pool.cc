#include "base/thread_pool.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "base/ceil_div.h"
#include "base/cgroup.h"
#include "base/denormals.h"
#include "base/home_ranges.h"

namespace sardonyx {
namespace {

// Work (nanoseconds) below which a further thread costs more than it brings: one that is awake, or one that must be woken.
constexpr double kMinCostAwake = 4000;
constexpr double kMinCostAsleep = 20000;
// How often a thread looks before it sleeps, a pause apart: a worker for work some tenths of a millisecond, which bridges what runs on one
// thread between two loops; a caller for the end of its loop some milliseconds. On a busy machine a sleeper may have to wait for other
// processes' time slices to end.
constexpr int kWorkSpins = 20000, kCloseSpins = 400000;

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Where one ParallelFor stands. Slots belong to the pool and outlive every loop, so a worker may look at one at any time; it
// touches a loop only after it has joined it, and the caller leaves only when all that joined have left.
struct alignas(64) Slot {
  // kTaken: some caller's; kOpen: workers may join; below: how many have.
  static constexpr uint32_t kTaken = 1u << 31, kOpen = 1u << 30, kHelpers = kOpen - 1;
  std::atomic<uint32_t> state{0};
  std::atomic<uint32_t> max_helpers{0};
  HomeRanges items;
  // Read only by those that joined.
  const RangeFunction* f = nullptr;

  bool Take() {
    uint32_t free = 0;
    return state.load(std::memory_order_relaxed) == 0 && state.compare_exchange_strong(free, kTaken, std::memory_order_acquire);
  }
  bool Join() {
    uint32_t now = state.load(std::memory_order_relaxed);
    while ((now & kOpen) != 0 && (now & kHelpers) < max_helpers.load(std::memory_order_relaxed) && items.HasWork())
      if (state.compare_exchange_weak(now, now + 1, std::memory_order_acquire, std::memory_order_relaxed)) return true;
    return false;
  }
  // `thread`: 0 for the caller, others for workers.
  void Work(int64_t thread) { items.Work(thread, *f); }
  void Leave() {
    if (((state.fetch_sub(1, std::memory_order_release) - 1) & kHelpers) == 0) state.notify_all();
  }
  // The caller's end: no more joining, all helpers gone, free again.
  void Close() {
    uint32_t now = state.fetch_and(~kOpen, std::memory_order_acquire) & ~kOpen;
    for (int spins = 0; (now & kHelpers) != 0; now = state.load(std::memory_order_acquire)) {
      if (++spins < kCloseSpins)
        Pause();
      else
        state.wait(now, std::memory_order_acquire);
    }
    state.store(0, std::memory_order_release);
  }
};

thread_local bool inside_parallel_for = false;

// The CPUs that the process may use.
std::vector<int> AllowedCpus() {
  std::vector<int> cpus;
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &allowed)) cpus.push_back(cpu);
  return cpus;
}

}  // namespace

int AvailableCpus() {
  int cpus = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) cpus = std::max(1, CPU_COUNT(&set));
  const double quota = ReadCgroupLimits().cpus;
  if (quota > 0) cpus = std::min(cpus, std::max(1, static_cast<int>(quota + 0.999)));
  return cpus;
}

struct ThreadPool::Impl {
  // Loops that can be open at once; callers beyond run theirs alone, since the workers have enough to do.
  static constexpr int kSlots = 16;
  Slot slots[kSlots];
  std::atomic<uint32_t> epoch{0};  // counts opened loops: what sleepers wait for
  std::atomic<int32_t> sleepers{0};
  std::atomic<bool> stopping{false};
  std::vector<std::thread> workers;

  // Works for every open loop that still has room; false when there was none.
  bool Help(int64_t thread) {
    bool helped = false;
    for (Slot& slot : slots) {
      if (!slot.Join()) continue;
      slot.Work(thread);
      slot.Leave();
      helped = true;
    }
    return helped;
  }

  void RunWorker(int64_t thread, bool flush_denormals) {
    const DenormalMode mode(flush_denormals);
    inside_parallel_for = true;
    for (;;) {
      const uint32_t seen = epoch.load(std::memory_order_acquire);
      // Not before: the destructor sets it and then moves the epoch, so who saw the old epoch does not sleep through it.
      if (stopping.load(std::memory_order_relaxed)) return;
      if (Help(thread)) continue;
      for (int spins = 0; spins < kWorkSpins && epoch.load(std::memory_order_acquire) == seen; ++spins) Pause();
      if (epoch.load(std::memory_order_acquire) != seen) continue;
      sleepers.fetch_add(1, std::memory_order_seq_cst);
      epoch.wait(seen, std::memory_order_seq_cst);
      sleepers.fetch_sub(1, std::memory_order_relaxed);
    }
  }

  // With a thread for every CPU each worker stays on one, and one CPU is left to the caller: where others keep all CPUs busy, the
  // scheduler would leave two threads on the same one for as long as they run.
  std::vector<int> cpu_of_worker;  // empty: workers go where they like
  std::mutex moving;
  std::atomic<int> free_cpu{-1};
  static constexpr uint32_t kLeastLoops = 100;
  std::atomic<uint32_t> loops_since_move{kLeastLoops};

  void Stay(size_t worker, int cpu) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    pthread_setaffinity_np(workers[worker].native_handle(), sizeof(one), &one);
    cpu_of_worker[worker] = cpu;
  }
  void Spread() {
    std::vector<int> cpus = AllowedCpus();
    if (cpus.size() != workers.size() + 1) return;
    const auto here = std::find(cpus.begin(), cpus.end(), sched_getcpu());
    if (here != cpus.end()) std::iter_swap(here, cpus.end() - 1);
    cpu_of_worker.resize(workers.size());
    for (size_t i = 0; i < workers.size(); ++i) Stay(i, cpus[i]);
    free_cpu = cpus.back();
  }
  // The caller may have moved since. Callers on several CPUs must not chase the workers around.
  void MakeRoom() {
    const int free = free_cpu.load(std::memory_order_relaxed);
    if (free < 0) return;
    const int cpu = sched_getcpu();
    if (loops_since_move.fetch_add(1, std::memory_order_relaxed) < kLeastLoops || cpu == free) return;
    const std::unique_lock<std::mutex> lock(moving, std::try_to_lock);
    if (!lock.owns_lock()) return;
    const auto worker = std::find(cpu_of_worker.begin(), cpu_of_worker.end(), cpu);
    if (worker == cpu_of_worker.end()) return;
    Stay(static_cast<size_t>(worker - cpu_of_worker.begin()), free_cpu);
    free_cpu = cpu;
    loops_since_move = 0;
  }

  // After a slot opened. Workers that are awake see it by themselves; one that is about to sleep sees that the epoch moved.
  void Announce(int64_t to_wake) {
    epoch.fetch_add(1, std::memory_order_seq_cst);
    for (int64_t i = std::min<int64_t>(to_wake, sleepers.load(std::memory_order_seq_cst)); i > 0; --i) epoch.notify_one();
  }
};

ThreadPool::ThreadPool(int threads, bool flush_denormals) : threads_(threads > 0 ? threads : AvailableCpus()) {
  if (threads_ == 1) return;
  impl_ = std::make_unique<Impl>();
  for (int i = 1; i < threads_; ++i) impl_->workers.emplace_back([this, i, flush_denormals] { impl_->RunWorker(i, flush_denormals); });
  impl_->Spread();
}

ThreadPool::~ThreadPool() {
  if (!impl_) return;
  impl_->stopping.store(true, std::memory_order_relaxed);
  impl_->epoch.fetch_add(1, std::memory_order_seq_cst);
  impl_->epoch.notify_all();
  for (std::thread& worker : impl_->workers) worker.join();
}

void ThreadPool::ParallelFor(int64_t count, double cost, RangeFunction f) {
  if (count <= 0) return;
  if (!impl_ || count == 1 || inside_parallel_for) return f(0, count);
  const double total = cost * static_cast<double>(count);
  if (total < 2 * kMinCostAwake) return f(0, count);
  const int awake = threads_ - impl_->sleepers.load(std::memory_order_relaxed);
  const auto worth = [&](double least) { return std::min<int64_t>({threads_, count, static_cast<int64_t>(std::min(total / least, 1e6))}); };
  // Sleepers are woken only for work that pays for it.
  const int64_t useful = std::max(std::min<int64_t>(awake, worth(kMinCostAwake)), worth(kMinCostAsleep));
  if (useful <= 1) return f(0, count);
  Slot* slot = impl_->slots;
  while (slot != std::end(impl_->slots) && !slot->Take()) ++slot;
  if (slot == std::end(impl_->slots)) return f(0, count);
  impl_->MakeRoom();

  slot->f = &f;
  // Four parts a thread even out cores of unlike speed; more would only add hand-outs.
  slot->items.Divide(count, CeilDiv(count, useful * 4), useful);
  slot->max_helpers.store(static_cast<uint32_t>(useful - 1), std::memory_order_relaxed);
  slot->state.store(Slot::kTaken | Slot::kOpen, std::memory_order_release);
  impl_->Announce(useful - awake);
  inside_parallel_for = true;
  slot->Work(0);
  inside_parallel_for = false;
  slot->Close();
}

}  // namespace sardonyx
