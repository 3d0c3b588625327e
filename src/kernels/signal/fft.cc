#include "kernels/signal/fft.h"

#include <cmath>
#include <numbers>
#include <utility>

namespace sardonyx::kernels {
namespace {

using Complex = std::complex<double>;

// std::complex's own product checks for NaN; the data here is what the user gave, and NaN spreads by itself.
Complex Multiply(Complex a, Complex b) { return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()}; }

int64_t PowerOfTwoAtLeast(int64_t n) {
  int64_t power = 1;
  while (power < n) power *= 2;
  return power;
}

}  // namespace

Fft::Fft(int64_t length, bool inverse) : length_(length), conjugate_roots_(false) {
  const int64_t power = PowerOfTwoAtLeast(length);
  padded_ = power == length ? length : PowerOfTwoAtLeast(2 * length - 1);
  roots_.resize(static_cast<size_t>(padded_ / 2));
  for (size_t k = 0; k < roots_.size(); ++k)
    roots_[k] = std::polar(1.0, -2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(padded_));
  if (is_power_of_two()) {
    conjugate_roots_ = inverse;
    return;
  }
  chirp_.resize(static_cast<size_t>(length));
  for (int64_t n = 0; n < length; ++n) {
    // n^2 modulo 2 * length keeps the angle small, and so exact.
    const double square = static_cast<double>(static_cast<unsigned __int128>(n) * static_cast<unsigned __int128>(n) %
                                              static_cast<unsigned __int128>(2 * length));
    chirp_[static_cast<size_t>(n)] = std::polar(1.0, (inverse ? 1 : -1) * std::numbers::pi * square / static_cast<double>(length));
  }
  chirp_spectrum_.assign(static_cast<size_t>(padded_), Complex());
  chirp_spectrum_[0] = std::conj(chirp_[0]);
  for (int64_t n = 1; n < length; ++n)
    chirp_spectrum_[static_cast<size_t>(n)] = chirp_spectrum_[static_cast<size_t>(padded_ - n)] = std::conj(chirp_[static_cast<size_t>(n)]);
  Radix2(chirp_spectrum_.data(), false);
}

void Fft::Radix2(Complex* data, bool conjugate) const {
  const int64_t n = padded_;
  for (int64_t i = 1, j = 0; i < n; ++i) {  // bit reversal
    int64_t bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(data[i], data[j]);
  }
  for (int64_t half = 1; half < n; half *= 2) {
    const int64_t step = n / (2 * half);
    for (int64_t begin = 0; begin < n; begin += 2 * half)
      for (int64_t k = 0; k < half; ++k) {
        const Complex root = conjugate ? std::conj(roots_[static_cast<size_t>(k * step)]) : roots_[static_cast<size_t>(k * step)];
        const Complex odd = Multiply(data[begin + k + half], root);
        data[begin + k + half] = data[begin + k] - odd;
        data[begin + k] += odd;
      }
  }
}

void Fft::Transform(Complex* data, Complex* scratch) const {
  if (length_ <= 1) return;
  if (is_power_of_two()) return Radix2(data, conjugate_roots_);
  // A convolution with the chirp, by two transforms of a power of two.
  for (int64_t n = 0; n < padded_; ++n) scratch[n] = n < length_ ? Multiply(data[n], chirp_[static_cast<size_t>(n)]) : Complex();
  Radix2(scratch, false);
  for (int64_t n = 0; n < padded_; ++n) scratch[n] = Multiply(scratch[n], chirp_spectrum_[static_cast<size_t>(n)]);
  Radix2(scratch, true);
  const double scale = 1 / static_cast<double>(padded_);
  for (int64_t n = 0; n < length_; ++n) data[n] = Multiply(scratch[n], chirp_[static_cast<size_t>(n)]) * scale;
}

}  // namespace sardonyx::kernels
