#include "kernels/signal/fft.h"

#include <cmath>
#include <numbers>
#include <utility>

namespace sardonyx::kernels {
namespace {

using Complex = std::complex<double>;

// std::complex's own product checks for NaN; the data here is what the user gave, and NaN spreads by itself.
Complex Multiply(Complex a, Complex b) { return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()}; }

// Of the transform that computes one of `length`.
int64_t InnerLength(int64_t length) {
  if (MixedRadix<double>::Suits(length)) return length;
  int64_t power = 1;
  while (power < 2 * length - 1) power *= 2;
  return power;
}

}  // namespace

Fft::Fft(int64_t length, bool inverse) : length_(length), inner_(InnerLength(length), InnerLength(length) == length && inverse) {
  const int64_t padded = inner_.length();
  if (padded == length) return;
  chirp_.resize(static_cast<size_t>(length));
  for (int64_t n = 0; n < length; ++n) {
    // n^2 modulo 2 * length keeps the angle small, and so exact.
    const double square = static_cast<double>(static_cast<unsigned __int128>(n) * static_cast<unsigned __int128>(n) %
                                              static_cast<unsigned __int128>(2 * length));
    chirp_[static_cast<size_t>(n)] = std::polar(1.0, (inverse ? 1 : -1) * std::numbers::pi * square / static_cast<double>(length));
  }
  chirp_spectrum_.assign(static_cast<size_t>(padded), Complex());
  chirp_spectrum_[0] = std::conj(chirp_[0]);
  for (int64_t n = 1; n < length; ++n)
    chirp_spectrum_[static_cast<size_t>(n)] = chirp_spectrum_[static_cast<size_t>(padded - n)] = std::conj(chirp_[static_cast<size_t>(n)]);
  std::vector<Complex> scratch(static_cast<size_t>(padded));
  inner_.Transform(chirp_spectrum_.data(), scratch.data());
}

void Fft::Transform(Complex* data, Complex* scratch) const {
  if (!has_chirp()) return inner_.Transform(data, scratch);
  // A convolution with the chirp, by two transforms of a power of two. The second is an inverse one: a forward one of the
  // conjugates, conjugated.
  const int64_t padded = inner_.length();
  Complex* const work = scratch + padded;
  for (int64_t n = 0; n < padded; ++n) scratch[n] = n < length_ ? Multiply(data[n], chirp_[static_cast<size_t>(n)]) : Complex();
  inner_.Transform(scratch, work);
  for (int64_t n = 0; n < padded; ++n) scratch[n] = std::conj(Multiply(scratch[n], chirp_spectrum_[static_cast<size_t>(n)]));
  inner_.Transform(scratch, work);
  const double scale = 1 / static_cast<double>(padded);
  for (int64_t n = 0; n < length_; ++n) data[n] = Multiply(std::conj(scratch[n]), chirp_[static_cast<size_t>(n)]) * scale;
}

}  // namespace sardonyx::kernels
