// MatMulFpQ4 of com.microsoft.
#include <cstring>

#include <fmt/format.h>

#include "kernels/gemm/matmul.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/matrix.h"
#include "providers/cpu/matrix_quantized.h"

namespace sardonyx::cpu {
namespace {

using kernels::AlignedBuffer;

// B [k, n] as 4-bit codes in blocks down each column. A block is a float (its scale), a byte (its zero point; only
// kind 1, else 8), then 16 bytes for each 32 codes: those of codes i and i + 16 lie in one byte, i low.

struct FpQ4State {
  bool zero_points = false;
  int64_t k = 0, n = 0;
  AlignedBuffer<float> packed;

  static constexpr int64_t kBlock = 32;
  int64_t block_bytes() const { return 4 + (zero_points ? 1 : 0) + kBlock / 2; }
};

Status DequantizeFpQ4(const FpQ4State& state, const Tensor& b, float* columns) {
  const int64_t blocks = (state.k + FpQ4State::kBlock - 1) / FpQ4State::kBlock, bytes = state.block_bytes();
  if (b.dtype() != DataType::kUint8 || b.num_elements() != state.n * blocks * bytes)
    return Invalid(fmt::format("B {} must hold {} bytes", b.TypeString(), state.n * blocks * bytes));
  const uint8_t* block = b.data<uint8_t>().data();
  for (int64_t column = 0; column < state.n; ++column)
    for (int64_t first = 0; first < state.k; first += FpQ4State::kBlock, block += bytes) {
      float scale;
      std::memcpy(&scale, block, sizeof(scale));
      const int zero = state.zero_points ? block[4] : 8;
      const uint8_t* codes = block + bytes - FpQ4State::kBlock / 2;
      for (int64_t i = 0; i < FpQ4State::kBlock && first + i < state.k; ++i) {
        const int code = i < 16 ? codes[i] & 15 : codes[i - 16] >> 4;
        columns[column * state.k + first + i] = scale * static_cast<float>(code - zero);
      }
    }
  return Status();
}

}  // namespace

StatusOr<std::unique_ptr<Kernel>> CreateMatMulFpQ4(const NodeInfo& node) {
  FpQ4State state;
  const int64_t kind = node.GetInt("blk_quant_type", 1);
  if (kind != 0 && kind != 1) return Unsupported(fmt::format("blk_quant_type {}, which ONNX Runtime refuses too", kind));
  state.zero_points = kind == 1;
  const Tensor *b = node.constant(1), *shape = node.constant(2);
  if (!b || !shape) return Unsupported("MatMulFpQ4 with weights that are not constant");
  if (shape->dtype() != DataType::kInt64 || shape->num_elements() != 2) return Invalid(fmt::format("B_shape is {}", shape->TypeString()));
  state.k = shape->data<int64_t>()[0], state.n = shape->data<int64_t>()[1];
  if (state.k < 1 || state.n < 1 || state.k > int64_t{1} << 30 || state.n > int64_t{1} << 30 || state.n > (int64_t{1} << 40) / state.k)
    return Invalid(fmt::format("weights of {} x {}", state.k, state.n));
  const int64_t least = state.n * ((state.k + FpQ4State::kBlock - 1) / FpQ4State::kBlock) * state.block_bytes();
  if (b->num_elements() != least) return Invalid(fmt::format("B {} must hold {} bytes", b->TypeString(), least));
  AlignedBuffer<float> columns(state.n * state.k);
  state.packed = AlignedBuffer<float>(kernels::PackedColumnsSize(state.k, state.n));
  if (!columns || !state.packed) return Resource(fmt::format("no memory for weights of {} x {}", state.k, state.n));
  RETURN_IF_ERROR(DequantizeFpQ4(state, *b, columns.data()));
  kernels::PackColumnsF32({columns.data(), 1, state.k}, state.k, state.n, state.packed.data(), node.thread_pool());
  node.ReleaseConstant(1);
  return MakeKernel([state = std::move(state)](KernelContext& context) -> Status {
    const TensorView& a = context.input(0);
    if (a.dtype != DataType::kFloat) return Unsupported(fmt::format("MatMulFpQ4 for {}", DataTypeName(a.dtype)));
    kernels::MatMulF32Arguments m;
    ASSIGN_OR_RETURN(m.shape, kernels::PlanMatMul(a.dims, Dims{state.k, state.n}));
    m.packed_b = state.packed.data();
    m.a = a.ptr<float>();
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, m.shape.output));
    m.y = y.mutable_ptr<float>();
    ASSIGN_OR_RETURN(void* workspace, context.Workspace(kernels::MatMulF32Workspace(m, context.thread_pool().threads())));
    kernels::MatMulF32(m, workspace, context.thread_pool());
    return Status();
  });
}

}  // namespace sardonyx::cpu
