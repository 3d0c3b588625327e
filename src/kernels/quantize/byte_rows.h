// Vectorised passes over rows of bytes: what 8-bit networks do between their products.
#pragma once

#include <cstdint>

namespace sardonyx::kernels {

// out[i] = saturate(round_half_even(a[i] * a_scale + b[i] * b_scale + offset) + zero_point). Codes are uint8, or with `is_signed`
// int8, of a, b and out alike.
struct ByteSum {
  float a_scale = 1, b_scale = 1, offset = 0;
  int32_t zero_point = 0;
  bool is_signed = false;
};
void AddBytes(const ByteSum& sum, const uint8_t* a, const uint8_t* b, int64_t count, uint8_t* out);

// out[i] = max over r of rows[r][i].
void MaxOfRows(const uint8_t* const* rows, int64_t num_rows, int64_t count, uint8_t* out);

// sums[i] += sum of x[r * count + i] over rows r.
void SumRows(const uint8_t* x, int64_t rows, int64_t count, int32_t* sums);

// The smallest and the largest of x and 0. NaN is passed over.
struct FloatRange {
  float low = 0, high = 0;
};
FloatRange RangeOfFloats(const float* x, int64_t count);

// out[i] = saturate(round_half_even(x[i] / scale) + zero_point) to uint8 (or int8, with its zero point); NaN gives the lowest value.
void QuantizeToBytes(const float* x, int64_t count, float scale, int32_t zero_point, bool is_signed, uint8_t* out);

}  // namespace sardonyx::kernels
