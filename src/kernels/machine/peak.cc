#include "kernels/machine/peak.h"

#include "kernels/gemm/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/machine/peak.cc"
#include "hwy/foreach_target.h"

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// Twelve independent chains cover the latency of two multiply-add units (4 to 5 cycles each). They begin at different numbers:
// of equal ones the compiler would make one chain. Returns the operations done.
HWY_NOINLINE double MultiplyAdd(int64_t rounds, float* sink) {
  const hn::ScalableTag<float> d;
  const auto x = hn::Set(d, sink[0]);
  const auto start = [&](float factor) HWY_ATTR { return hn::Set(d, sink[0] * factor); };
  auto a0 = start(1), a1 = start(2), a2 = start(3), a3 = start(4), a4 = start(5), a5 = start(6), a6 = start(7), a7 = start(8);
  auto a8 = start(9), a9 = start(10), a10 = start(11), a11 = start(12);
  for (int64_t i = 0; i < rounds; ++i) {
    a0 = hn::MulAdd(x, x, a0);
    a1 = hn::MulAdd(x, x, a1);
    a2 = hn::MulAdd(x, x, a2);
    a3 = hn::MulAdd(x, x, a3);
    a4 = hn::MulAdd(x, x, a4);
    a5 = hn::MulAdd(x, x, a5);
    a6 = hn::MulAdd(x, x, a6);
    a7 = hn::MulAdd(x, x, a7);
    a8 = hn::MulAdd(x, x, a8);
    a9 = hn::MulAdd(x, x, a9);
    a10 = hn::MulAdd(x, x, a10);
    a11 = hn::MulAdd(x, x, a11);
  }
  const auto sum = hn::Add(hn::Add(hn::Add(a0, a1), hn::Add(a2, a3)), hn::Add(hn::Add(a4, a5), hn::Add(a6, a7)));
  sink[0] = hn::GetLane(hn::Add(sum, hn::Add(hn::Add(a8, a9), hn::Add(a10, a11))));
  return 2.0 * 12.0 * static_cast<double>(rounds) * static_cast<double>(hn::Lanes(d));
}

HWY_NOINLINE float SumAll(const float* data, int64_t count) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  auto a0 = hn::Zero(d), a1 = a0, a2 = a0, a3 = a0;
  int64_t i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    a0 = hn::Add(a0, hn::LoadU(d, data + i));
    a1 = hn::Add(a1, hn::LoadU(d, data + i + lanes));
    a2 = hn::Add(a2, hn::LoadU(d, data + i + 2 * lanes));
    a3 = hn::Add(a3, hn::LoadU(d, data + i + 3 * lanes));
  }
  return hn::GetLane(hn::Add(hn::Add(a0, a1), hn::Add(a2, a3)));
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>
#include <chrono>
#include <vector>

namespace sardonyx::kernels {
namespace {

HWY_EXPORT(MultiplyAdd);
HWY_EXPORT(SumAll);

using Clock = std::chrono::steady_clock;
double Seconds(Clock::time_point since) { return std::chrono::duration<double>(Clock::now() - since).count(); }

constexpr double kLongEnough = 1e9;  // ns an item, so that every item gets a thread of its own

}  // namespace

double MeasurePeakGflops(ThreadPool& pool) {
  constexpr int64_t kRounds = 400'000;
  constexpr int kTries = 9;
  std::vector<double> operations(static_cast<size_t>(pool.threads()));
  double best = 0;
  for (int i = 0; i < kTries; ++i) {  // the first raises the clock; other programs disturb some
    const auto start = Clock::now();
    pool.ParallelFor(pool.threads(), kLongEnough, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        float sink = 1e-10f;
        operations[static_cast<size_t>(t)] = HWY_DYNAMIC_DISPATCH(MultiplyAdd)(kRounds, &sink);
      }
    });
    double total = 0;
    for (const double one : operations) total += one;
    best = std::max(best, total / Seconds(start));
  }
  return best / 1e9;
}

double MeasureReadBandwidth(ThreadPool& pool) {
  constexpr int64_t kCount = int64_t{48} << 20;  // floats: 192 MiB
  constexpr int kTries = 5;
  std::vector<float> data(static_cast<size_t>(kCount), 1.0f);
  const int64_t part = kCount / pool.threads();
  std::vector<float> sums(static_cast<size_t>(pool.threads()));
  double best = 0;
  for (int i = 0; i < kTries; ++i) {
    const auto start = Clock::now();
    pool.ParallelFor(pool.threads(), kLongEnough, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) sums[static_cast<size_t>(t)] = HWY_DYNAMIC_DISPATCH(SumAll)(data.data() + t * part, part);
    });
    best = std::max(best, static_cast<double>(part * pool.threads()) * sizeof(float) / Seconds(start));
  }
  return best / 1e9;
}

}  // namespace sardonyx::kernels
#endif  // HWY_ONCE
