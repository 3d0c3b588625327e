#include "kernels/quantize/qlinear.h"

#include <algorithm>

#include "kernels/elementwise/convert.h"
#include "kernels/elementwise/loop.h"
#include "kernels/quantize/quantize.h"

namespace sardonyx::kernels {

void DequantizeRun(const Affine& affine, const void* x, int64_t begin, int64_t count, float* out) {
  LoadElements(affine.dtype, x, begin, count, out);
  SARDONYX_INDEPENDENT_LOOP
  for (int64_t i = 0; i < count; ++i) out[i] = (out[i] - affine.zero_point) * affine.scale;
}

void QuantizeRun(const Affine& affine, const float* x, int64_t count, void* y, int64_t begin) {
  const IntegerRange range = RangeOf(affine.dtype);
  float chunk[kChunk];
  for (int64_t at = 0; at < count; at += kChunk) {
    const int64_t n = std::min(kChunk, count - at);
    SARDONYX_INDEPENDENT_LOOP
    for (int64_t i = 0; i < n; ++i) chunk[i] = Saturated(x[at + i] / affine.scale, affine.zero_point, range);
    StoreElements(chunk, n, affine.dtype, y, begin + at);
  }
}

ByteTable MakeByteTable(const Affine& x, const Affine& y, const std::function<float(float)>& f) {
  uint8_t codes[256];
  float values[256];
  for (int i = 0; i < 256; ++i) codes[i] = static_cast<uint8_t>(i);
  DequantizeRun(x, codes, 0, 256, values);
  for (float& value : values) value = f(value);
  ByteTable table;
  QuantizeRun(y, values, 256, table.entries, 0);
  return table;
}

void QLinearBinary(QLinearBinaryOp op, const BroadcastLoop& loop, const Affine& a_affine, const void* a, const Affine& b_affine,
                   const void* b, const Affine& c_affine, void* c, int64_t begin, int64_t end) {
  float left[kChunk], right[kChunk];
  loop.ForRange(begin, end, [&](int64_t position, const auto& offsets, int64_t length) {
    for (int64_t done = 0; done < length; done += kChunk) {
      const int64_t n = std::min(kChunk, length - done);
      const bool a_scalar = loop.is_scalar(0), b_scalar = loop.is_scalar(1);
      DequantizeRun(a_affine, a, offsets[0] + (a_scalar ? 0 : done), a_scalar ? 1 : n, left);
      DequantizeRun(b_affine, b, offsets[1] + (b_scalar ? 0 : done), b_scalar ? 1 : n, right);
      if (a_scalar) std::fill(left + 1, left + n, left[0]);
      if (b_scalar) std::fill(right + 1, right + n, right[0]);
      if (op == QLinearBinaryOp::kAdd) {
        for (int64_t i = 0; i < n; ++i) left[i] += right[i];
      } else {
        for (int64_t i = 0; i < n; ++i) left[i] *= right[i];
      }
      QuantizeRun(c_affine, left, n, c, position + done);
    }
  });
}

}  // namespace sardonyx::kernels
