// What softmax and normalizations do with a contiguous line of float32, in vectors of the machine's width.
#pragma once

#include <cstdint>

namespace sardonyx::kernels {

// y = softmax(x) of lines of n that follow each other; they may be the same memory.
void SoftmaxLinesF32(const float* x, float* y, int64_t n, int64_t lines);

// Sum of (x[i] - shift)^power, power 1 or 2: in float over stretches of a few thousand elements, which are summed in double.
double SumF32(const float* x, int64_t n);
double SumSquaresF32(const float* x, int64_t n, float shift);

// y = (x - mean) * factor * scale + bias, null tables being 1 and 0; y may be x.
void NormalizeLineF32(const float* x, float mean, float factor, const float* scale, const float* bias, int64_t n, float* y);
// sum = x + skip (+ bias); sum may be x or skip.
void AddLinesF32(const float* x, const float* skip, const float* bias, int64_t n, float* sum);

}  // namespace sardonyx::kernels
