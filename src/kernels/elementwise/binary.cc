#include "kernels/elementwise/binary.h"

#include <algorithm>

#include "kernels/elementwise/convert.h"
#include "kernels/elementwise/float_rows.h"

namespace sardonyx::kernels {

RowKernel FindBinary(BinaryOp op, DataType dtype) {
  RowKernel kernel = op < BinaryOp::kEqual ? FindBinaryArithmetic(op, dtype) : FindBinaryLogic(op, dtype);
  if (kernel && kernel.in == DataType::kFloat && kernel.out == DataType::kFloat)
    if (const RowFunction faster = FindFloatBinary(op)) kernel.function = faster;
  return kernel;
}

RowKernel FindPow(DataType base, DataType exponent) {
  if (IsInteger(base) && IsFloatingPoint(exponent)) base = DataType::kDouble;
  return FindBinary(BinaryOp::kPow, base);
}

bool FindZero(DataType dtype, const void* data, int64_t count) {
  if (!IsInteger(dtype)) return false;
  int64_t chunk[kChunk];
  for (int64_t begin = 0; begin < count; begin += kChunk) {
    const int64_t n = std::min(kChunk, count - begin);
    LoadElements(dtype, data, begin, n, chunk);
    if (std::find(chunk, chunk + n, 0) != chunk + n) return true;
  }
  return false;
}

}  // namespace sardonyx::kernels
