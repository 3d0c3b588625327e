#include "kernels/signal/mixed_radix.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace sardonyx::kernels {
namespace {

// Fours, then at most one two in front, then odd primes.
std::vector<int64_t> Factors(int64_t length) {
  std::vector<int64_t> factors;
  for (; length % 4 == 0; length /= 4) factors.push_back(4);
  if (length % 2 == 0) factors.insert(factors.begin(), 2), length /= 2;
  for (int64_t p = 3; p * p <= length; p += 2)
    for (; length % p == 0; length /= p) factors.push_back(p);
  if (length > 1) factors.push_back(length);
  return factors;
}

// e^(i 2 pi k / n), computed in double whatever T is.
template <class T>
std::complex<T> Root(int64_t k, int64_t n, bool inverse) {
  const double angle = 2 * std::numbers::pi * static_cast<double>(k % n) / static_cast<double>(n);
  return {static_cast<T>(std::cos(angle)), static_cast<T>(inverse ? std::sin(angle) : -std::sin(angle))};
}

// std::complex's own product checks for NaN; the data here is what the user gave, and NaN spreads by itself.
template <class T>
std::complex<T> Multiply(std::complex<T> a, std::complex<T> b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

// a rotated by +90 degrees.
template <class T>
std::complex<T> TimesI(std::complex<T> a) {
  return {-a.imag(), a.real()};
}

}  // namespace

template <class T>
bool MixedRadix<T>::Suits(int64_t length) {
  const std::vector<int64_t> factors = Factors(length);
  return std::all_of(factors.begin(), factors.end(), [](int64_t factor) { return factor <= kLargestFactor; });
}

template <class T>
MixedRadix<T>::MixedRadix(int64_t length, bool inverse) : length_(length), inverse_(inverse) {
  int64_t blocks = 1;
  for (const int64_t factor : Factors(length)) {
    const int64_t stride = length / (factor * blocks);
    passes_.push_back({factor, blocks, stride, roots_.size(), 0});
    for (int64_t i = 1; i < stride; ++i)
      for (int64_t m = 1; m < factor; ++m) roots_.push_back(Root<T>(m * i * blocks, length, inverse));
    passes_.back().coefficients = roots_.size();
    for (int64_t k = 0; factor % 2 == 1 && k < factor; ++k) roots_.push_back(Root<T>(k, factor, inverse));
    blocks *= factor;
  }
}

template <class T>
void MixedRadix<T>::Butterfly2(std::complex<T>* x) const {
  const std::complex<T> a = x[0], b = x[1];
  x[0] = a + b;
  x[1] = a - b;
}

template <class T>
void MixedRadix<T>::Butterfly4(std::complex<T>* x) const {
  const std::complex<T> even = x[0] + x[2], even_difference = x[0] - x[2];
  const std::complex<T> odd = x[1] + x[3], odd_difference = TimesI(x[1] - x[3]);
  x[0] = even + odd;
  x[2] = even - odd;
  x[1] = inverse_ ? even_difference + odd_difference : even_difference - odd_difference;
  x[3] = inverse_ ? even_difference - odd_difference : even_difference + odd_difference;
}

template <class T>
void MixedRadix<T>::ButterflyOdd(const Pass& pass, std::complex<T>* x) const {
  const int64_t p = pass.factor, half = p / 2;
  const std::complex<T>* roots = roots_.data() + pass.coefficients;
  std::complex<T> sums[kLargestFactor / 2], differences[kLargestFactor / 2];
  const std::complex<T> first = x[0];
  for (int64_t j = 1; j <= half; ++j) {
    sums[j - 1] = x[j] + x[p - j];
    differences[j - 1] = x[j] - x[p - j];
    x[0] += sums[j - 1];
  }
  for (int64_t m = 1; m <= half; ++m) {
    std::complex<T> cosines = first, sines = differences[0] * roots[m].imag();
    for (int64_t j = 1; j <= half; ++j) cosines += sums[j - 1] * roots[m * j % p].real();
    for (int64_t j = 2; j <= half; ++j) sines += differences[j - 1] * roots[m * j % p].imag();
    x[m] = cosines + TimesI(sines);
    x[p - m] = cosines - TimesI(sines);
  }
}

template <class T>
void MixedRadix<T>::Run(const Pass& pass, const std::complex<T>* in, std::complex<T>* out) const {
  const auto [factor, blocks, stride, twiddles, coefficients] = pass;
  std::complex<T> x[kLargestFactor];
  for (int64_t block = 0; block < blocks; ++block)
    for (int64_t i = 0; i < stride; ++i) {
      const std::complex<T>* from = in + block * factor * stride + i;
      for (int64_t m = 0; m < factor; ++m) x[m] = from[m * stride];
      if (factor == 2)
        Butterfly2(x);
      else if (factor == 4)
        Butterfly4(x);
      else
        ButterflyOdd(pass, x);
      std::complex<T>* to = out + block * stride + i;
      to[0] = x[0];
      // Roots of row i follow `row`; those of row 0 are all 1 and not kept.
      const int64_t row = twiddles + (i - 1) * (factor - 1) - 1;
      for (int64_t m = 1; m < factor; ++m)
        to[m * blocks * stride] = i == 0 ? x[m] : Multiply(x[m], roots_[static_cast<size_t>(row + m)]);
    }
}

template <class T>
void MixedRadix<T>::Transform(std::complex<T>* data, std::complex<T>* scratch) const {
  std::complex<T>*from = data, *to = scratch;
  for (const Pass& pass : passes_) {
    Run(pass, from, to);
    std::swap(from, to);
  }
  if (from != data) std::copy_n(from, length_, data);
}

template class MixedRadix<float>;
template class MixedRadix<double>;

}  // namespace sardonyx::kernels
