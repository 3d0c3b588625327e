#include "kernels/signal/spectrum.h"

#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <numbers>
#include <vector>

#include "kernels/signal/fft.h"

namespace sardonyx::kernels {
namespace {

using Complex = std::complex<double>;

TEST(Fft, EqualsTheDefinitionForEveryLength) {
  for (int64_t n : {1, 2, 3, 4, 5, 7, 8, 12, 15, 16, 31, 37, 97, 100, 128, 400, 961})
    for (bool inverse : {false, true}) {
      std::vector<Complex> data(static_cast<size_t>(n)), expected(data.size());
      for (int64_t i = 0; i < n; ++i) data[i] = {std::sin(i * 1.3), std::cos(i * i * 0.7)};
      for (int64_t k = 0; k < n; ++k)
        for (int64_t i = 0; i < n; ++i)
          expected[k] += data[i] * std::polar(1.0, (inverse ? 2 : -2) * std::numbers::pi * double(k * i % n) / double(n));
      const Fft fft(n, inverse);
      std::vector<Complex> scratch(static_cast<size_t>(fft.scratch_size()));
      fft.Transform(data.data(), scratch.data());
      for (int64_t k = 0; k < n; ++k) EXPECT_NEAR(std::abs(data[k] - expected[k]), 0, 1e-11 * double(n)) << n << " at " << k;
    }
}

// NumPy's ifft of complex64, whose order of operations (a two, then odd factors by pairs) is ours: equal bits, not only near.
TEST(Dft, ComplexFloatIsThatOfNumpy) {
  std::vector<float> x(20), y(20);
  for (size_t i = 0; i < 10; ++i) x[2 * i] = static_cast<float>(10 * i);
  ThreadPool pool(1);
  Dft<float>({.input = 10, .length = 10, .output = 10, .input_parts = 2, .inverse = true}, x.data(), y.data(), pool);
  const std::vector<float> expected = {45.0f,       0.0f,        -5.0f,       -15.388419f, -5.0f,          -6.88191f,   -5.0f,
                                       -3.6327133f, -5.0000005f, -1.6245981f, -5.0f,       1.9073487e-07f, -5.0000005f, 1.6245981f,
                                       -5.0f,       3.6327126f,  -5.0f,       6.88191f,    -5.0f,          15.388419f};
  EXPECT_EQ(y, expected);
}

TEST(Dft, OneSidedInverseUndoesOneSided) {
  for (int64_t n : {6, 7}) {
    std::vector<double> x(static_cast<size_t>(n)), spectrum(static_cast<size_t>(n / 2 + 1) * 2), back(x.size());
    for (size_t i = 0; i < x.size(); ++i) x[i] = double(i * i) - 3;
    ThreadPool pool(1);
    Dft<double>({.input = n, .length = n, .output = n / 2 + 1}, x.data(), spectrum.data(), pool);
    DftShape inverse{
        .input = n / 2 + 1, .length = n, .output = n, .input_parts = 2, .output_parts = 1, .inverse = true, .complete_spectrum = true};
    Dft<double>(inverse, spectrum.data(), back.data(), pool);
    for (size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(back[i], x[i], 1e-12);
  }
}

TEST(MelWeights, StaysInsideTheSpectrumForEdgesBeyondIt) {
  std::vector<double> weights(9 * 8);
  MelWeights(8, 16, 8192, -100, 20000, weights.data());
  for (double w : weights) EXPECT_TRUE(w >= 0 && w <= 1);
}

}  // namespace
}  // namespace sardonyx::kernels
