// Normalizations: rows by their own mean and variance, channels by given ones, LRN.
#pragma once

#include <cstdint>

#include "sardonyx/data_type.h"

namespace sardonyx::kernels {

// The types that normalizations compute in: double for double, else float.
inline DataType NormalizationType(DataType dtype) { return dtype == DataType::kDouble ? DataType::kDouble : DataType::kFloat; }

// y = (x - mean) / sqrt(variance + epsilon) * scale + bias over rows of `length` contiguous elements.
//
// Scale and bias are tables in the computing type (null: 1 and 0) of `period` entries, each for `run` consecutive elements:
// element i of the tensor takes entry i / run % period. So LayerNormalization has run 1 and period `length`;
// Instance- and GroupNormalization over [N, C, spatial] have run `spatial` and period C.
struct RowNormalization {
  int64_t length = 0;
  double epsilon = 1e-5;
  bool center = true;  // false: no mean is subtracted, and the mean square takes the variance's place (RMS)
  const void* scale = nullptr;
  const void* bias = nullptr;
  int64_t run = 1;
  int64_t period = 1;
};
// Rows [begin, end). `means` and `inverse_deviations` get one number a row, in the computing type, unless null.
void NormalizeRows(const RowNormalization& how, DataType x_dtype, const void* x, DataType y_dtype, void* y, void* means,
                   void* inverse_deviations, int64_t begin, int64_t end);

// y = x * factor[c] + offset[c] for tensors seen as [batch, channels, inner]; tables in the computing type. Planes
// [begin, end) of batch * channels.
void ScaleChannels(DataType dtype, const void* x, const void* factor, const void* offset, int64_t channels, int64_t inner, void* y,
                   int64_t begin, int64_t end);

// x / (bias + alpha / size * sum of squares of `size` neighbouring channels) ^ beta for [batch, channels, inner]. The window of
// channel c is [c - floor((size - 1) / 2), c + ceil((size - 1) / 2)]. Batch entries [begin, end).
struct LocalResponse {
  int64_t size;
  double alpha, beta, bias;
};
void NormalizeLocalResponse(const LocalResponse& how, DataType dtype, const void* x, int64_t channels, int64_t inner, void* y,
                            int64_t begin, int64_t end);

}  // namespace sardonyx::kernels
