// Element-wise computation over broadcast operands of any element type: one driver for all operators.
//
// An operator supplies a row function for its compute type (float, double, int32, ...). The driver walks the broadcast loop
// and, where operands or output are stored otherwise (float16, bfloat16, int8, ...), converts them a chunk at a time on
// their way through the cache. So there is one loop body per operator and compute type, not one per combination.
#pragma once

#include <algorithm>
#include <array>
#include <span>

#include "kernels/elementwise/broadcast.h"
#include "kernels/elementwise/loop.h"
#include "sardonyx/data_type.h"

namespace sardonyx::kernels {

// An operand's elements along one run: n of them, or one for all when `scalar`.
struct RowInput {
  const void* data;
  bool scalar;
  template <class T>
  const T* as() const {
    return static_cast<const T*>(data);
  }
};

// Computes out[0, n) of a run. `parameters` are the operator's own (alpha, beta...).
using RowFunction = void (*)(const RowInput* in, void* out, int64_t n, const float* parameters);

// A row function and the types that it reads and writes. Null when the operator is not defined for a type.
struct RowKernel {
  RowFunction function = nullptr;
  DataType in = DataType::kUndefined;  // of every operand
  DataType out = DataType::kUndefined;
  double cost = 0.5;  // rough nanoseconds per element
  explicit operator bool() const { return function != nullptr; }
};

struct Operand {
  const void* data;
  DataType dtype;
};

// Computes elements [begin, end) of the output. An operand may be the output's memory if it has its shape and element size.
// Several threads may compute disjoint ranges at once.
void RunRows(const RowKernel& kernel, const BroadcastLoop& loop, std::span<const Operand> operands, DataType out_dtype, void* out,
             const float* parameters, int64_t begin, int64_t end);

// --- Row functions from functors. F is made from the parameters and called with elements. ---

struct NoParameters {
  explicit NoParameters(const float*) {}
};

template <class T, class Out, class F>
void UnaryRow(const RowInput* in, void* out, int64_t n, const float* parameters) {
  const F f(parameters);
  const T* x = in[0].as<T>();
  Out* y = static_cast<Out*>(out);
  SARDONYX_INDEPENDENT_LOOP
  for (int64_t i = 0; i < n; ++i) y[i] = f(x[i]);
}

template <class T, class Out, class F>
void BinaryRow(const RowInput* in, void* out, int64_t n, const float* parameters) {
  const F f(parameters);
  const T* a = in[0].as<T>();
  const T* b = in[1].as<T>();
  Out* y = static_cast<Out*>(out);
  if (in[0].scalar && in[1].scalar) {  // a step of a variadic operator whose later operands are larger
    std::fill_n(y, n, static_cast<Out>(f(*a, *b)));
  } else if (in[1].scalar) {
    const T scalar = *b;
    SARDONYX_INDEPENDENT_LOOP
    for (int64_t i = 0; i < n; ++i) y[i] = f(a[i], scalar);
  } else if (in[0].scalar) {
    const T scalar = *a;
    SARDONYX_INDEPENDENT_LOOP
    for (int64_t i = 0; i < n; ++i) y[i] = f(scalar, b[i]);
  } else {
    SARDONYX_INDEPENDENT_LOOP
    for (int64_t i = 0; i < n; ++i) y[i] = f(a[i], b[i]);
  }
}

}  // namespace sardonyx::kernels
