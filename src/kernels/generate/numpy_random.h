// The stream of numpy's legacy RandomState: Mersenne Twister with its distributions, which ONNX's reference results for
// random operators are made with.
#pragma once

#include <cstdint>
#include <random>

namespace sardonyx::kernels {

class NumpyRandom {
 public:
  explicit NumpyRandom(uint32_t seed) : generator_(seed) {}

  // [0, 1), 53 random bits.
  double Uniform();
  // Standard normal, by the polar method; every second call uses what the first left.
  double Normal();
  // 1 with probability p, else 0, as binomial(1, p) draws it.
  int Bernoulli(double p);

 private:
  std::mt19937 generator_;
  bool has_spare_ = false;
  double spare_ = 0;
};

// A seed that differs from call to call: for operators without the attribute `seed`.
uint32_t FreshSeed();

}  // namespace sardonyx::kernels
