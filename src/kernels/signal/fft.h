// Discrete Fourier transform of any length, in double: radix 2, and Bluestein's chirp for other lengths.
#pragma once

#include <complex>
#include <cstdint>
#include <vector>

namespace sardonyx::kernels {

// Tables for one length and direction; Transform may be called from many threads.
class Fft {
 public:
  // inverse: e^(+i...), without the division by the length.
  Fft(int64_t length, bool inverse);

  int64_t length() const { return length_; }
  // Elements that `scratch` must hold.
  int64_t scratch_size() const { return is_power_of_two() ? 0 : padded_; }
  // In place.
  void Transform(std::complex<double>* data, std::complex<double>* scratch) const;

 private:
  bool is_power_of_two() const { return padded_ == length_; }
  void Radix2(std::complex<double>* data, bool conjugate) const;

  int64_t length_;
  int64_t padded_;                           // length_, or the power of two that a chirp needs
  std::vector<std::complex<double>> roots_;  // e^(-2 pi i k / padded_), k < padded_ / 2
  bool conjugate_roots_;                     // length_ is a power of two and the transform inverse
  std::vector<std::complex<double>> chirp_;  // Bluestein: e^(-+ pi i n^2 / length_)
  std::vector<std::complex<double>> chirp_spectrum_;
};

}  // namespace sardonyx::kernels
