// Operators on 8-bit quantized tensors (ONNX Runtime's QLinear family): dequantize, compute in float, quantize.
#pragma once

#include <cstdint>
#include <functional>

#include "kernels/elementwise/broadcast.h"
#include "sardonyx/data_type.h"

namespace sardonyx::kernels {

// Parameters of one 8-bit tensor.
struct Affine {
  DataType dtype = DataType::kUint8;  // or kInt8
  float scale = 1;
  float zero_point = 0;
};

// x as float / float as y, elements [begin, begin + count) of the quantized tensor.
void DequantizeRun(const Affine& affine, const void* x, int64_t begin, int64_t count, float* out);
void QuantizeRun(const Affine& affine, const float* x, int64_t count, void* y, int64_t begin);

// The 256 results of y = f(x) for every code of x.
struct ByteTable {
  uint8_t entries[256];
  void Apply(const uint8_t* x, uint8_t* y, int64_t count) const {
    for (int64_t i = 0; i < count; ++i) y[i] = entries[x[i]];
  }
};
ByteTable MakeByteTable(const Affine& x, const Affine& y, const std::function<float(float)>& f);

enum class QLinearBinaryOp : uint8_t { kAdd, kMul };
// c = a op b for elements [begin, end) of the output of `loop` over a and b.
void QLinearBinary(QLinearBinaryOp op, const BroadcastLoop& loop, const Affine& a_affine, const void* a, const Affine& b_affine,
                   const void* b, const Affine& c_affine, void* c, int64_t begin, int64_t end);

}  // namespace sardonyx::kernels
