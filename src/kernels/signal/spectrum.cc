#include "kernels/signal/spectrum.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <type_traits>
#include <vector>

#include "kernels/signal/fft.h"

namespace sardonyx::kernels {
namespace {

using Complex = std::complex<double>;

double TransformCost(int64_t length) {
  return 20 * static_cast<double>(length) * (1 + std::log2(static_cast<double>(std::max<int64_t>(1, length))));
}

// Each line through `transform`, an Fft or MixedRadix<P> with scratch for it, computing in the type P.
template <class P, class Transform, class T>
void TransformLines(const DftShape& s, const Transform& transform, int64_t scratch_size, const T* x, T* y, ThreadPool& pool) {
  using Complex = std::complex<P>;
  const P scale = s.inverse ? static_cast<P>(1 / static_cast<double>(s.length)) : P{1};
  pool.ParallelFor(s.outer * s.inner, TransformCost(s.length), [&](int64_t first, int64_t last) {
    std::vector<Complex> data(static_cast<size_t>(s.length)), scratch(static_cast<size_t>(scratch_size));
    for (int64_t line = first; line < last; ++line) {
      const int64_t outer = line / s.inner, inner = line % s.inner;
      const T* in = x + (outer * s.input * s.inner + inner) * s.input_parts;
      const int64_t given = std::min(s.input, s.length);
      for (int64_t i = 0; i < s.length; ++i) {
        const T* element = in + i * s.inner * s.input_parts;
        data[static_cast<size_t>(i)] = i < given ? Complex(element[0], s.input_parts == 2 ? static_cast<P>(element[1]) : P{0}) : Complex();
      }
      if (s.complete_spectrum) {
        const int64_t side = s.length / 2 + 1;
        for (int64_t i = side; i < s.length; ++i) data[static_cast<size_t>(i)] = std::conj(data[static_cast<size_t>(s.length - i)]);
      }
      transform.Transform(data.data(), scratch.data());
      T* out = y + (outer * s.output * s.inner + inner) * s.output_parts;
      for (int64_t i = 0; i < s.output; ++i) {
        T* element = out + i * s.inner * s.output_parts;
        element[0] = static_cast<T>(data[static_cast<size_t>(i)].real() * scale);
        if (s.output_parts == 2) element[1] = static_cast<T>(data[static_cast<size_t>(i)].imag() * scale);
      }
    }
  });
}

}  // namespace

template <class T>
void Dft(const DftShape& s, const T* x, T* y, ThreadPool& pool) {
  // As in NumPy, whose transforms are the operator's reference, complex data keeps its precision while real data is transformed
  // in double. The inputs of an inverse transform cancel, and this way what is left of them is the same noise.
  if constexpr (std::is_same_v<T, float>) {
    const bool stays_complex = s.input_parts == 2 && s.output_parts == 2;
    if (stays_complex && MixedRadix<float>::Suits(s.length))
      return TransformLines<float>(s, MixedRadix<float>(s.length, s.inverse), s.length, x, y, pool);
  }
  const Fft fft(s.length, s.inverse);
  TransformLines<double>(s, fft, fft.scratch_size(), x, y, pool);
}

template <class T>
void Stft(const StftShape& s, const T* signal, const T* window, T* y, ThreadPool& pool) {
  const Fft fft(s.length, false);
  pool.ParallelFor(s.batch * s.frames, TransformCost(s.length), [&](int64_t first, int64_t last) {
    std::vector<Complex> data(static_cast<size_t>(s.length)), scratch(static_cast<size_t>(fft.scratch_size()));
    for (int64_t frame = first; frame < last; ++frame) {
      const T* in = signal + (frame / s.frames * s.signal + frame % s.frames * s.step) * s.parts;
      for (int64_t i = 0; i < s.length; ++i) {
        const double weight = window ? static_cast<double>(window[i]) : 1.0;
        data[static_cast<size_t>(i)] =
            Complex(weight * static_cast<double>(in[i * s.parts]), s.parts == 2 ? weight * static_cast<double>(in[i * 2 + 1]) : 0.0);
      }
      fft.Transform(data.data(), scratch.data());
      T* out = y + frame * s.bins * 2;
      for (int64_t i = 0; i < s.bins; ++i) {
        out[2 * i] = static_cast<T>(data[static_cast<size_t>(i)].real());
        out[2 * i + 1] = static_cast<T>(data[static_cast<size_t>(i)].imag());
      }
    }
  });
}

template void Dft<float>(const DftShape&, const float*, float*, ThreadPool&);
template void Dft<double>(const DftShape&, const double*, double*, ThreadPool&);
template void Stft<float>(const StftShape&, const float*, const float*, float*, ThreadPool&);
template void Stft<double>(const StftShape&, const double*, const double*, double*, ThreadPool&);

template <class T>
void MelWeights(int64_t mel_bins, int64_t dft_length, int64_t sample_rate, double lower_edge, double upper_edge, T* y) {
  const int64_t bins = dft_length / 2 + 1;
  const auto mel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
  const double low = mel(lower_edge), step = (mel(upper_edge) - low) / static_cast<double>(mel_bins + 2);
  // The spectrogram bin of edge i.
  const auto edge = [&](int64_t i) {
    const double hertz = 700 * (std::pow(10, (low + static_cast<double>(i) * step) / 2595) - 1);
    const double bin = std::floor(static_cast<double>(dft_length + 1) * hertz / static_cast<double>(sample_rate));
    return static_cast<int64_t>(std::clamp(bin, -1e15, 1e15));
  };
  std::fill_n(y, bins * mel_bins, T{0});
  for (int64_t i = 0; i < mel_bins; ++i) {
    const int64_t left = edge(i), center = edge(i + 1), right = edge(i + 2);
    if (center == left && center >= 0 && center < bins) y[center * mel_bins + i] = T{1};
    for (int64_t j = std::max<int64_t>(left, 0); center > left && j <= std::min(center, bins - 1); ++j)
      y[j * mel_bins + i] = static_cast<T>(static_cast<double>(j - left) / static_cast<double>(center - left));
    for (int64_t j = std::max<int64_t>(center, 0); right > center && j < std::min(right, bins); ++j)
      y[j * mel_bins + i] = static_cast<T>(static_cast<double>(right - j) / static_cast<double>(right - center));
  }
}

#define SARDONYX_MEL(T) template void MelWeights<T>(int64_t, int64_t, int64_t, double, double, T*)
SARDONYX_MEL(float);
SARDONYX_MEL(double);
SARDONYX_MEL(int8_t);
SARDONYX_MEL(int16_t);
SARDONYX_MEL(int32_t);
SARDONYX_MEL(int64_t);
SARDONYX_MEL(uint8_t);
SARDONYX_MEL(uint16_t);
SARDONYX_MEL(uint32_t);
SARDONYX_MEL(uint64_t);
#undef SARDONYX_MEL

}  // namespace sardonyx::kernels
