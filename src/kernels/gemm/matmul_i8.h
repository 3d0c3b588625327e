// Batches of 8-bit products (MatMulInteger and its kin), and what turns their int32 sums into results.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/gemm/gemm_i8.h"
#include "kernels/gemm/matmul.h"

namespace sardonyx::kernels {

// Zero points of an operand: none, one, one a row of A (column of B), or that for every matrix of the operand.
struct ZeroPoints {
  const void* data = nullptr;  // of the operand's type
  int64_t count = 0;
};

struct MatMulI8Arguments {
  MatMulShape shape;
  const void* a = nullptr;
  const void* b = nullptr;
  bool a_signed = false, b_signed = false;
  bool transpose_a = false, transpose_b = false;
  ZeroPoints a_zero, b_zero;          // counts were checked by CheckZeroPoints
  const int16_t* packed_b = nullptr;  // PackColumnsI8 of B when it is one matrix; b is then not read
  int32_t* y = nullptr;
};
// kInvalid unless `count` is 0, 1, `lines` or `lines` for each of `matrices`.
Status CheckZeroPoints(std::string_view name, int64_t count, int64_t lines, int64_t matrices);
size_t MatMulI8Workspace(const MatMulI8Arguments& arguments);
void MatMulI8(const MatMulI8Arguments& arguments, void* workspace, ThreadPool& pool);

// out[i] = saturate(round_half_even(sums[i] * scale) + zero_point), scale = row_scale * scales[i * scale_stride].
// T: int8_t, uint8_t.
template <class T>
void Requantize(const int32_t* sums, int64_t count, float row_scale, const float* scales, int64_t scale_stride, int32_t zero_point, T* out);

// DynamicQuantizeLinear of `count` floats: to uint8 with the scale and zero point that span their range and zero.
struct DynamicScale {
  float scale = 1;
  uint8_t zero_point = 0;
};
DynamicScale QuantizeDynamically(const float* x, int64_t count, uint8_t* out);

// Weights of MatMulNBits as floats: B[n, k] from `bits`-bit integers (2, 4 or 8), `blocks` blocks of `block_size` along k a row,
// each row's blocks starting at a byte. Zero points: packed as the weights, or floats, or null (2^(bits-1)).
struct BlockwiseWeights {
  int64_t n = 0, k = 0, bits = 4, block_size = 32;
  const uint8_t* data = nullptr;
  const float* scales = nullptr;  // [n, blocks]
  const uint8_t* zero_points = nullptr;
  const float* float_zero_points = nullptr;  // [n, blocks]
  const int32_t* block_of = nullptr;         // [k]: whose scale and zero point an element takes; null: its own block's
  int64_t blocks() const { return (k + block_size - 1) / block_size; }
  int64_t block_bytes() const { return (block_size * bits + 7) / 8; }
  int64_t zero_point_bytes() const { return (blocks() * bits + 7) / 8; }  // of a row
};
void DequantizeBlockwise(const BlockwiseWeights& weights, float* out, ThreadPool& pool);

// Weights of MatMulBnb4 as floats: `count` codes of 4 bits, the upper half of a byte first, for the 16 values of a small float
// (FP4) or of the quantiles of a normal distribution (NF4), times the scale of their block of `block_size`.
enum class Float4Kind : uint8_t { kFp4, kNf4 };
void DequantizeFloat4(Float4Kind kind, const uint8_t* codes, const float* scales, int64_t block_size, int64_t count, float* out,
                      ThreadPool& pool);

}  // namespace sardonyx::kernels
