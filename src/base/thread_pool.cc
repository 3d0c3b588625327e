#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <fstream>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sardonyx {
namespace {

// Below this much work (nanoseconds) a second thread costs more than it brings.
constexpr double kMinParallelCost = 20000;

// One ParallelFor: ranges are handed out by a counter. Lives on the caller's stack; `helpers` counts the workers that
// still look at it.
struct Job {
  RangeFunction f;
  int64_t count;
  int64_t chunk;
  std::atomic<int64_t> next{0};
  int helpers = 0;  // guarded by Impl::mutex

  void Work() {
    for (;;) {
      const int64_t begin = next.fetch_add(chunk, std::memory_order_relaxed);
      if (begin >= count) return;
      f(begin, std::min(count, begin + chunk));
    }
  }
};

thread_local bool inside_parallel_for = false;

// "max 100000" or "200000 100000" of cgroup v2; quota and period files of v1.
double CgroupQuota() {
  std::ifstream v2("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (v2 >> quota >> period && quota != "max" && period > 0) {
    const double value = std::atof(quota.c_str());
    if (value > 0) return value / period;
  }
  std::ifstream v1_quota("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"), v1_period("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  double value = 0;
  if (v1_quota >> value && v1_period >> period && value > 0 && period > 0) return value / period;
  return 0;
}

}  // namespace

int AvailableCpus() {
  int cpus = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) cpus = std::max(1, CPU_COUNT(&set));
  const double quota = CgroupQuota();
  if (quota > 0) cpus = std::min(cpus, std::max(1, static_cast<int>(quota + 0.999)));
  return cpus;
}

struct ThreadPool::Impl {
  std::mutex mutex;
  std::condition_variable work_ready;
  std::condition_variable job_left;
  std::list<Job*> jobs;
  std::vector<std::thread> workers;
  bool stopping = false;

  void RunWorker() {
    inside_parallel_for = true;
    std::unique_lock lock(mutex);
    for (;;) {
      work_ready.wait(lock, [&] { return stopping || !jobs.empty(); });
      if (stopping) return;
      Job* job = jobs.front();
      if (job->next.load(std::memory_order_relaxed) >= job->count) {  // nothing left to hand out
        jobs.pop_front();
        continue;
      }
      ++job->helpers;
      lock.unlock();
      job->Work();
      lock.lock();
      if (--job->helpers == 0) job_left.notify_all();
    }
  }
};

ThreadPool::ThreadPool(int threads) : threads_(threads > 0 ? threads : AvailableCpus()) {
  if (threads_ == 1) return;
  impl_ = std::make_unique<Impl>();
  for (int i = 1; i < threads_; ++i) impl_->workers.emplace_back([this] { impl_->RunWorker(); });
}

ThreadPool::~ThreadPool() {
  if (!impl_) return;
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->work_ready.notify_all();
  for (std::thread& worker : impl_->workers) worker.join();
}

void ThreadPool::ParallelFor(int64_t count, double cost, RangeFunction f) {
  if (count <= 0) return;
  const double total = cost * static_cast<double>(count);
  const int64_t useful = std::min<int64_t>({threads_, count, static_cast<int64_t>(total / kMinParallelCost) + 1});
  if (!impl_ || useful <= 1 || inside_parallel_for) return f(0, count);

  // Four ranges a thread even out cores of unlike speed; more would only add hand-outs.
  Job job{f, count, std::max<int64_t>(1, (count + useful * 4 - 1) / (useful * 4))};
  {
    std::lock_guard lock(impl_->mutex);
    impl_->jobs.push_back(&job);
  }
  impl_->work_ready.notify_all();
  inside_parallel_for = true;
  job.Work();
  inside_parallel_for = false;
  std::unique_lock lock(impl_->mutex);
  impl_->jobs.remove(&job);
  impl_->job_left.wait(lock, [&] { return job.helpers == 0; });
}

}  // namespace sardonyx
