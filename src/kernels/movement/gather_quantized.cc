#include "kernels/movement/gather_quantized.h"

#include "kernels/movement/row_walk.h"
#include "sardonyx/float_types.h"

namespace sardonyx::kernels {
namespace {

template <class T>
void ReadBytes(const void* data, int64_t first, int64_t count, float* out) {
  const auto* bytes = static_cast<const uint8_t*>(data) + first;
  for (int64_t i = 0; i < count; ++i) out[i] = static_cast<float>(T::FromBits(bytes[i]));
}

}  // namespace

void ReadQuantized(DataType type, int bits, const void* data, int64_t first, int64_t count, float* out) {
  const auto* bytes = static_cast<const uint8_t*>(data);
  switch (type) {
    case DataType::kFloat8E4M3FN:
      return ReadBytes<Float8E4M3FN>(data, first, count, out);
    case DataType::kFloat8E4M3FNUZ:
      return ReadBytes<Float8E4M3FNUZ>(data, first, count, out);
    case DataType::kFloat8E5M2:
      return ReadBytes<Float8E5M2>(data, first, count, out);
    case DataType::kFloat8E5M2FNUZ:
      return ReadBytes<Float8E5M2FNUZ>(data, first, count, out);
    default:
      break;
  }
  const int per_byte = 8 / bits, mask = (1 << bits) - 1, sign = 1 << (bits - 1);
  for (int64_t i = first; i < first + count; ++i) {
    const int value = bytes[i / per_byte] >> (bits * (i % per_byte)) & mask;
    if (type == DataType::kFloat4E2M1)
      *out++ = static_cast<float>(Float4E2M1::FromBits(static_cast<uint8_t>(value)));
    else
      *out++ = static_cast<float>(type == DataType::kInt4 ? (value ^ sign) - sign : value);
  }
}

void GatherQuantized(const QuantizedTable& table, const Indices& indices, float* out, ThreadPool* pool) {
  const int64_t count = indices.count(), inner = table.inner;
  if (table.outer == 0 || count == 0 || inner == 0) return;
  const int64_t blocks = (table.length + table.block - 1) / table.block;
  const auto body = [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t first = (item / count * table.size + indices.At(item % count, table.size)) * inner;
      float* to = out + item * inner;
      ReadQuantized(table.type, table.bits, table.data, first, inner, to);
      for (int64_t i = 0; i < inner; ++i) {
        const int64_t at = first + i, row = at / table.after;
        const int64_t scale = (row / table.length * blocks + row % table.length / table.block) * table.after + at % table.after;
        to[i] = (to[i] - (table.zeros != nullptr ? table.zeros[scale] : table.default_zero)) * table.scales[scale];
      }
    }
  };
  RunParallel(pool, table.outer * count, 5 + 5.0 * static_cast<double>(inner), body);
}

}  // namespace sardonyx::kernels
