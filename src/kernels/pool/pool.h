// Pooling over windows (MaxPool, AveragePool, LpPool), over whole planes (Global*), and MaxUnpool.
//
// X is `planes` planes (batch x channels) of window.input_size(), Y as many of window.output_size().
#pragma once

#include <cstdint>

#include "base/thread_pool.h"
#include "kernels/conv/window.h"

namespace sardonyx::kernels {

// `indices` (or null) receives for each output the position of its maximum in X flattened; with `column_major` the
// spatial axes count from the last to the first. A NaN in a window is its maximum; a window of padding alone gives the
// lowest value of T and index -1. T: float, double, int8_t, uint8_t.
template <class T>
void MaxPool(const Window& window, int64_t planes, const T* x, T* y, int64_t* indices, bool column_major, ThreadPool& pool);

// T: float, double.
template <class T>
void AveragePool(const Window& window, int64_t planes, bool count_include_pad, const T* x, T* y, ThreadPool& pool);
// y = (sum |x|^p)^(1/p)
template <class T>
void LpPool(const Window& window, int64_t planes, double p, const T* x, T* y, ThreadPool& pool);

enum class GlobalPoolKind { kAverage, kMax, kLp };
// One value for each plane of `size` elements. T: float, double.
template <class T>
void GlobalPool(GlobalPoolKind kind, double p, int64_t planes, int64_t size, const T* x, T* y, ThreadPool& pool);

// y[indices[i]] = x[i] where y, of `inferred` dims flattened, was zero; then y grows to, or is cut to, `output` dims.
// False when an index is out of range.
template <class T>
bool MaxUnpool(const T* x, const int64_t* indices, int64_t count, const Dims& inferred, const Dims& output, T* y);

}  // namespace sardonyx::kernels
