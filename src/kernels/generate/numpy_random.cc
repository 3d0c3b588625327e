#include "kernels/generate/numpy_random.h"

#include <atomic>
#include <cmath>

namespace sardonyx::kernels {

double NumpyRandom::Uniform() {
  const double high = static_cast<double>(generator_() >> 5), low = static_cast<double>(generator_() >> 6);
  return (high * 67108864.0 + low) / 9007199254740992.0;  // 2^26, 2^53
}

double NumpyRandom::Normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  double x, y, square;
  do {
    x = 2.0 * Uniform() - 1.0;
    y = 2.0 * Uniform() - 1.0;
    square = x * x + y * y;
  } while (square >= 1.0 || square == 0.0);
  const double factor = std::sqrt(-2.0 * std::log(square) / square);
  spare_ = factor * x;
  has_spare_ = true;
  return factor * y;
}

int NumpyRandom::Bernoulli(double p) {
  if (!(p > 0)) return 0;  // draws nothing
  // The rarer outcome is drawn by inversion: exp(log(q)), not q, is what is compared with.
  const bool swapped = p > 0.5;
  const double rare = swapped ? 1.0 - p : p;
  if (rare <= 0) return 1;
  const int drawn = Uniform() > std::exp(std::log(1.0 - rare));
  return swapped ? 1 - drawn : drawn;
}

uint32_t FreshSeed() {
  static std::atomic<uint32_t> next = std::random_device()();
  return next.fetch_add(0x9e3779b9u, std::memory_order_relaxed);
}

}  // namespace sardonyx::kernels
