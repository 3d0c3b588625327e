#include "kernels/gemm/matmul_i8.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace sardonyx::kernels {
namespace {

const void* Offset(const void* data, int64_t bytes) { return static_cast<const char*>(data) + bytes; }

// The zero points of one matrix of an operand.
void SetZeroPoints(const ZeroPoints& zero, int64_t lines, int64_t matrix, MatrixI8& operand) {
  if (zero.count == 0) return;
  operand.zero_points = zero.data;
  operand.zero_point_stride = zero.count == 1 ? 0 : 1;
  if (zero.count > 1 && zero.count > lines) operand.zero_points = Offset(zero.data, matrix * lines);
}

GemmI8Arguments Product(const MatMulI8Arguments& m, int64_t index) {
  const MatMulShape& s = m.shape;
  GemmI8Arguments g{.m = s.m, .n = s.n, .k = s.k};
  const int64_t a = MatMulShape::MatrixOf(s.batch, s.a_strides, index), b = MatMulShape::MatrixOf(s.batch, s.b_strides, index);
  g.a.data = Offset(m.a, a * s.m * s.k);
  g.a.is_signed = m.a_signed;
  g.a.row_stride = m.transpose_a ? 1 : s.k;
  g.a.column_stride = m.transpose_a ? s.m : 1;
  SetZeroPoints(m.a_zero, s.m, a, g.a);
  g.packed_b = m.packed_b;
  if (!m.packed_b) {
    g.b.data = Offset(m.b, b * s.k * s.n);
    g.b.is_signed = m.b_signed;
    g.b.row_stride = m.transpose_b ? 1 : s.n;
    g.b.column_stride = m.transpose_b ? s.k : 1;
    SetZeroPoints(m.b_zero, s.n, b, g.b);
  }
  g.c = m.y + index * s.m * s.n;
  g.c_stride = s.n;
  return g;
}

// Products of consecutive rows with one B are one product.
bool IsOneProduct(const MatMulI8Arguments& m) {
  return m.shape.num_batches() > 0 && !m.shape.b_batched && m.shape.a_contiguous && !m.transpose_a && m.a_zero.count <= 1;
}

}  // namespace

Status CheckZeroPoints(std::string_view name, int64_t count, int64_t lines, int64_t matrices) {
  if (count == 0 || count == 1 || count == lines || count == lines * matrices) return Status();
  return Invalid(fmt::format("{} has {} elements; 1 or {} are needed", name, count, lines));
}

size_t MatMulI8Workspace(const MatMulI8Arguments& m) { return m.shape.output.num_elements() == 0 ? 0 : GemmI8Workspace(Product(m, 0)); }

void MatMulI8(const MatMulI8Arguments& m, void* workspace, ThreadPool& pool) {
  if (m.shape.output.num_elements() == 0) return;
  if (IsOneProduct(m)) {
    GemmI8Arguments g = Product(m, 0);
    g.m *= m.shape.num_batches();
    return GemmI8(g, workspace, pool);
  }
  for (int64_t i = 0; i < m.shape.num_batches(); ++i) GemmI8(Product(m, i), workspace, pool);
}

template <class T>
void Requantize(const int32_t* sums, int64_t count, float row_scale, const float* scales, int64_t scale_stride, int32_t zero_point,
                T* out) {
  // Clamped as floats, so that the conversion cannot overflow; NaN becomes the lowest value.
  const float low = static_cast<float>(std::numeric_limits<T>::min() - zero_point);
  const float high = static_cast<float>(std::numeric_limits<T>::max() - zero_point);
  for (int64_t i = 0; i < count; ++i) {
    const float value = static_cast<float>(sums[i]) * (row_scale * scales[i * scale_stride]);
    const float clamped = value > low ? (value < high ? value : high) : low;
    out[i] = static_cast<T>(std::lrintf(clamped) + zero_point);
  }
}
template void Requantize<int8_t>(const int32_t*, int64_t, float, const float*, int64_t, int32_t, int8_t*);
template void Requantize<uint8_t>(const int32_t*, int64_t, float, const float*, int64_t, int32_t, uint8_t*);

DynamicScale QuantizeDynamically(const float* x, int64_t count, uint8_t* out) {
  float low = 0, high = 0;
  for (int64_t i = 0; i < count; ++i) {
    low = std::min(low, x[i]);
    high = std::max(high, x[i]);
  }
  DynamicScale result;
  result.scale = (high - low) / 255.0f;
  if (!(result.scale > 0) || !std::isfinite(result.scale)) result.scale = 1;  // all zero, or not numbers
  result.zero_point = static_cast<uint8_t>(std::lrintf(std::clamp(-low / result.scale, 0.0f, 255.0f)));
  for (int64_t i = 0; i < count; ++i) {
    const float value = std::nearbyintf(x[i] / result.scale) + static_cast<float>(result.zero_point);
    out[i] = static_cast<uint8_t>(value > 0 ? (value < 255 ? value : 255) : 0);
  }
  return result;
}

void DequantizeBlockwise(const BlockwiseWeights& w, float* out, ThreadPool& pool) {
  const int64_t blocks = w.blocks(), per_byte = 8 / w.bits;
  const int mask = (1 << w.bits) - 1;
  const auto unpack = [&](const uint8_t* data, int64_t i) { return (data[i / per_byte] >> (i % per_byte * w.bits)) & mask; };
  const auto zero_of = [&](int64_t row, int64_t block) {
    if (w.float_zero_points) return w.float_zero_points[row * blocks + block];
    if (w.zero_points) return static_cast<float>(unpack(w.zero_points + row * w.zero_point_bytes(), block));
    return static_cast<float>(1 << (w.bits - 1));
  };
  pool.ParallelFor(w.n, static_cast<double>(w.k) * 2, [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row)
      for (int64_t block = 0; block < blocks; ++block) {
        const uint8_t* data = w.data + (row * blocks + block) * w.block_bytes();
        const float zero = zero_of(row, block), scale = w.scales[row * blocks + block];
        const int64_t begin = block * w.block_size, count = std::min(w.block_size, w.k - begin);
        float* values = out + row * w.k + begin;
        if (!w.block_of) {
          for (int64_t i = 0; i < count; ++i) values[i] = (static_cast<float>(unpack(data, i)) - zero) * scale;
          continue;
        }
        for (int64_t i = 0; i < count; ++i) {
          const int64_t of = w.block_of[begin + i];
          values[i] = (static_cast<float>(unpack(data, i)) - zero_of(row, of)) * w.scales[row * blocks + of];
        }
      }
  });
}

void DequantizeFloat4(Float4Kind kind, const uint8_t* codes, const float* scales, int64_t block_size, int64_t count, float* out,
                      ThreadPool& pool) {
  static constexpr float kFp4[16] = {0,  5.208333333e-03f,  0.66666667f,  1,  0.33333333f,  0.5f,  0.16666667f,  0.25f,
                                     -0, -5.208333333e-03f, -0.66666667f, -1, -0.33333333f, -0.5f, -0.16666667f, -0.25f};
  static constexpr float kNf4[16] = {-1,
                                     -0.6961928009986877f,
                                     -0.5250730514526367f,
                                     -0.39491748809814453f,
                                     -0.28444138169288635f,
                                     -0.18477343022823334f,
                                     -0.09105003625154495f,
                                     0,
                                     0.07958029955625534f,
                                     0.16093020141124725f,
                                     0.24611230194568634f,
                                     0.33791524171829224f,
                                     0.44070982933044434f,
                                     0.5626170039176941f,
                                     0.7229568362236023f,
                                     1};
  const float* table = kind == Float4Kind::kFp4 ? kFp4 : kNf4;
  pool.ParallelFor(count, 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) out[i] = table[codes[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15] * scales[i / block_size];
  });
}

}  // namespace sardonyx::kernels
