// DFT along an axis, short-time Fourier transform, and the mel filter bank.
#pragma once

#include <cstdint>

#include "base/thread_pool.h"

namespace sardonyx::kernels {

struct DftShape {
  int64_t outer = 1, inner = 1;        // of the axis
  int64_t input = 0, length = 0;       // elements along the axis, and of the transform (cut, or padded with zeros)
  int64_t output = 0;                  // along the axis of Y
  int64_t input_parts = 1;             // 1: real, 2: (real, imaginary)
  int64_t output_parts = 2;
  bool inverse = false;
  bool complete_spectrum = false;      // the input is one side of a spectrum whose other is its conjugate
};
// x: [outer, input, inner, input_parts] -> y: [outer, output, inner, output_parts]. T: float, double.
template <class T>
void Dft(const DftShape& shape, const T* x, T* y, ThreadPool& pool);

struct StftShape {
  int64_t batch = 0, signal = 0, parts = 1;  // signal: [batch, signal, parts]
  int64_t step = 1, length = 0;              // of a frame
  int64_t frames = 0, bins = 0;              // y: [batch, frames, bins, 2]
};
// window: [length] or null.
template <class T>
void Stft(const StftShape& shape, const T* signal, const T* window, T* y, ThreadPool& pool);

// y: [dft_length / 2 + 1, mel_bins], triangles between the edges (in hertz) with a peak of 1. Precondition: finite edges
// > -700, positive sizes and rate. T: every numeric type.
template <class T>
void MelWeights(int64_t mel_bins, int64_t dft_length, int64_t sample_rate, double lower_edge, double upper_edge, T* y);

}  // namespace sardonyx::kernels
