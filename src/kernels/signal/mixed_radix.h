// Discrete Fourier transform of lengths with small prime factors, in the precision of T.
#pragma once

#include <complex>
#include <cstdint>
#include <vector>

namespace sardonyx::kernels {

// Decimation in frequency, one pass a factor, each from one buffer into the other so that the output needs no reordering.
// A pass of an odd factor p adds the pairs x[j] +- x[p - j] first, which halves its products. The tables are for one length
// and direction; Transform may be called from many threads. T: float, double.
template <class T>
class MixedRadix {
 public:
  // A prime factor costs its square, so beyond this Bluestein's chirp is faster.
  static constexpr int64_t kLargestFactor = 31;
  static bool Suits(int64_t length);

  // Precondition: Suits(length). inverse: e^(+i...), without the division by the length.
  MixedRadix(int64_t length, bool inverse);

  int64_t length() const { return length_; }
  // In place; `scratch` holds length() elements.
  void Transform(std::complex<T>* data, std::complex<T>* scratch) const;

 private:
  struct Pass {
    int64_t factor;
    int64_t blocks;       // that are transformed already
    int64_t stride;       // length / (factor * blocks)
    size_t twiddles;      // into roots_: [stride - 1][factor - 1], for offsets >= 1
    size_t coefficients;  // into roots_: e^(i 2 pi k / factor), of odd factors
  };
  void Run(const Pass& pass, const std::complex<T>* in, std::complex<T>* out) const;
  void Butterfly2(std::complex<T>* x) const;
  void Butterfly4(std::complex<T>* x) const;
  void ButterflyOdd(const Pass& pass, std::complex<T>* x) const;

  int64_t length_;
  bool inverse_;
  std::vector<Pass> passes_;
  std::vector<std::complex<T>> roots_;
};

}  // namespace sardonyx::kernels
