// Kernels of 8-bit operators whose quantization is known at load: products by quads, and images channels last.
#pragma once

#include <span>
#include <vector>

#include "kernels/gemm/quad_i8.h"
#include "providers/cpu/bind.h"

namespace sardonyx::cpu {

std::span<const KernelEntry> ByteConvKernels();      // bytes_conv.cc: QLinearConv
std::span<const KernelEntry> ByteProductKernels();   // bytes_product.cc: QGemm, QLinearMatMul, MatMulIntegerToFloat
std::span<const KernelEntry> ByteImageKernels();     // bytes_image.cc: QLinearAdd, MaxPool, QLinearGlobalAveragePool
std::span<const KernelEntry> ByteQuantizeKernels();  // bytes_quantize.cc: QuantizeLinear, DynamicQuantizeLinear

// A constant input, or null.
inline const Tensor* ConstantInput(const NodeInfo& node, size_t i) {
  return i < node.num_inputs() && node.has_input(i) ? node.constant(i) : nullptr;
}
inline bool HasInput(const NodeInfo& node, size_t i) { return i < node.num_inputs() && node.has_input(i); }

// One float, one 8-bit zero point (0 when omitted); false when they are not known at load or not one of each.
struct ByteParameters {
  float scale = 1;
  int32_t zero_point = 0;
};
bool ReadByteParameters(const NodeInfo& node, size_t scale, size_t zero_point, DataType dtype, ByteParameters* out);

// Weights as int8 whose zero point is 0: int8 as they are, uint8 around 128 moved down. Null when they are neither or unknown.
class SignedWeights {
 public:
  bool Read(const NodeInfo& node, size_t weights, size_t zero_points);
  const int8_t* data() const { return data_; }
  const Dims& dims() const { return dims_; }

 private:
  const int8_t* data_ = nullptr;
  Dims dims_;
  std::vector<int8_t> moved_;
};

// Scales of the weights, one a channel (repeated where the node has one), times `factor`, padded for whole panels; empty when they
// are not known or not as many.
std::vector<float> ChannelScales(const NodeInfo& node, size_t i, int64_t channels, float factor);

// A kernel that takes inputs and gives its output in one layout.
template <class RunFunction>
StatusOr<std::unique_ptr<Kernel>> MakeLayoutKernel(std::vector<size_t> inputs, runtime::Layout layout, RunFunction run) {
  class LayoutKernel final : public Kernel {
   public:
    LayoutKernel(std::vector<size_t> inputs, runtime::Layout layout, RunFunction run)
        : inputs_(std::move(inputs)), layout_(layout), run_(std::move(run)) {}
    Status Run(KernelContext& context) const override { return run_(context); }
    runtime::Layout InputLayout(size_t input) const override {
      for (size_t i : inputs_)
        if (i == input) return layout_;
      return runtime::Layout::kPlain;
    }
    runtime::Layout OutputLayout(size_t) const override { return layout_; }

   private:
    std::vector<size_t> inputs_;
    runtime::Layout layout_;
    RunFunction run_;
  };
  return std::unique_ptr<Kernel>(std::make_unique<LayoutKernel>(std::move(inputs), layout, std::move(run)));
}

}  // namespace sardonyx::cpu
