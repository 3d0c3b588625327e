// Discrete Fourier transform of any length, in double: by its factors, and by Bluestein's chirp where one is a large prime.
#pragma once

#include <complex>
#include <cstdint>
#include <vector>

#include "kernels/signal/mixed_radix.h"

namespace sardonyx::kernels {

// Tables for one length and direction; Transform may be called from many threads.
class Fft {
 public:
  // inverse: e^(+i...), without the division by the length.
  Fft(int64_t length, bool inverse);

  int64_t length() const { return length_; }
  // Elements that `scratch` must hold.
  int64_t scratch_size() const { return has_chirp() ? 2 * inner_.length() : length_; }
  // In place.
  void Transform(std::complex<double>* data, std::complex<double>* scratch) const;

 private:
  bool has_chirp() const { return !chirp_.empty(); }

  int64_t length_;
  MixedRadix<double> inner_;                 // of length_, or of the power of two that a chirp needs
  std::vector<std::complex<double>> chirp_;  // Bluestein: e^(-+ pi i n^2 / length_)
  std::vector<std::complex<double>> chirp_spectrum_;
};

}  // namespace sardonyx::kernels
