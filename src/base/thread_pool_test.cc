#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace sardonyx {
namespace {

// Every item once, whatever the count, the cost and the threads.
TEST(ThreadPool, CoversEveryItemOnce) {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    for (const int64_t count : {0, 1, 2, 7, 127, 128, 129, 5000}) {
      for (const double cost : {0.0, 10.0, 1e5}) {
        std::vector<std::atomic<int>> seen(static_cast<size_t>(count));
        pool.ParallelFor(count, cost, [&](int64_t begin, int64_t end) {
          ASSERT_LE(0, begin);
          ASSERT_LE(end, count);
          for (int64_t i = begin; i < end; ++i) seen[i].fetch_add(1);
        });
        for (const auto& times : seen) ASSERT_EQ(times.load(), 1) << threads << " threads, " << count << " items of " << cost;
      }
    }
  }
}

TEST(ThreadPool, SmallWorkStaysOnTheCaller) {
  ThreadPool pool(4);
  const std::thread::id caller = std::this_thread::get_id();
  for (int i = 0; i < 100; ++i)
    pool.ParallelFor(100, 1, [&](int64_t, int64_t) { EXPECT_EQ(std::this_thread::get_id(), caller); });
}

TEST(ThreadPool, NestedLoopsRunWhereTheyAre) {
  ThreadPool pool(4);
  std::atomic<int64_t> total{0};
  pool.ParallelFor(64, 1e6, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const std::thread::id outer = std::this_thread::get_id();
      pool.ParallelFor(100, 1e6, [&](int64_t b, int64_t e) {
        EXPECT_EQ(std::this_thread::get_id(), outer);
        total += e - b;
      });
    }
  });
  EXPECT_EQ(total.load(), 6400);
}

// More callers than there is room for loops, with pauses in which workers fall asleep.
TEST(ThreadPool, ServesManyCallersAtOnce) {
  ThreadPool pool(3);
  std::vector<std::thread> callers;
  std::atomic<int64_t> total{0};
  for (int c = 0; c < 24; ++c) {
    callers.emplace_back([&, c] {
      for (int round = 0; round < 50; ++round) {
        pool.ParallelFor(97, 1e4, [&](int64_t begin, int64_t end) { total += end - begin; });
        if ((round + c) % 16 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(total.load(), 24 * 50 * 97);
}

TEST(ThreadPool, EndsWithWorkersAsleepOrAwake) {
  for (int i = 0; i < 20; ++i) {
    ThreadPool pool(4);
    if (i % 2 == 0) pool.ParallelFor(100, 1e5, [](int64_t, int64_t) {});
    if (i % 3 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

// Workers that start, work or fall asleep just when the pool ends: a worker that slept through its end would hang this test.
TEST(ThreadPool, EndsWhateverItsWorkersDo) {
  for (int i = 0; i < 20'000; ++i) {
    ThreadPool pool(2);
    if (i % 3 == 0) pool.ParallelFor(64, 1e4, [](int64_t, int64_t) {});
  }
}

}  // namespace
}  // namespace sardonyx
