#include "kernels/elementwise/rows.h"

#include "kernels/elementwise/convert.h"

namespace sardonyx::kernels {
namespace {

struct alignas(64) Chunk {
  unsigned char bytes[kChunk * sizeof(double)];
};

// `count` elements of an operand from `offset`, as `wanted`: in place when they are stored so, else converted into `chunk`.
RowInput Fetch(const Operand& operand, DataType wanted, int64_t offset, int64_t count, bool scalar, Chunk& chunk) {
  const void* data = operand.data;
  if (operand.dtype == wanted) return {ElementAt(wanted, data, offset), scalar};
  const void* first = ElementAt(operand.dtype, data, offset);
  ConvertElements(operand.dtype, first, wanted, chunk.bytes, 0, count);
  return {chunk.bytes, scalar};
}

}  // namespace

void RunRows(const RowKernel& kernel, const BroadcastLoop& loop, std::span<const Operand> operands, DataType out_dtype, void* out,
             const float* parameters, int64_t begin, int64_t end) {
  bool converts = out_dtype != kernel.out;
  for (const Operand& operand : operands) converts |= operand.dtype != kernel.in;

  std::array<Chunk, BroadcastLoop::kMaxOperands> chunks;
  Chunk result;
  loop.ForRange(begin, end, [&](int64_t position, const auto& offsets, int64_t length) {
    const int64_t step = converts ? kChunk : length;
    std::array<RowInput, BroadcastLoop::kMaxOperands> in;
    for (int64_t done = 0; done < length; done += step) {
      const int64_t n = std::min(step, length - done);
      for (size_t i = 0; i < operands.size(); ++i) {
        const bool scalar = loop.is_scalar(i);
        in[i] = Fetch(operands[i], kernel.in, offsets[i] + (scalar ? 0 : done), scalar ? 1 : n, scalar, chunks[i]);
      }
      void* target = ElementAt(out_dtype, out, position + done);
      if (out_dtype == kernel.out) {
        kernel.function(in.data(), target, n, parameters);
      } else {
        kernel.function(in.data(), result.bytes, n, parameters);
        ConvertElements(kernel.out, result.bytes, out_dtype, target, 0, n);
      }
    }
  });
}

}  // namespace sardonyx::kernels
