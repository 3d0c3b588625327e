// The CPU provider's kernels: one readable list per family of operators, each in the file that binds it.
//
// To add an operator: write its computation in src/kernels, its binding (a create function and a row of a family's list)
// here, and its shape inference in src/ops. Rows are ordered: for one operator the first that does not decline is taken.
#pragma once

#include <span>

#include "runtime/kernel.h"

namespace sardonyx::cpu {

using runtime::Kernel;
using runtime::KernelContext;
using runtime::KernelEntry;
using runtime::Layout;
using runtime::NodeInfo;
using runtime::TensorView;

// One function per family; registry.cc lists the families.
std::span<const KernelEntry> BlockedKernels();         // of many families, on tensors in blocks of channels (blocked.h)
std::span<const KernelEntry> ElementwiseKernels();     // unary, binary, comparison, logic, bitwise, Where, Clip, Cast, ...
std::span<const KernelEntry> ReductionKernels();       // Reduce*, ArgMax/Min, CumSum, TopK, Softmax, normalizations
std::span<const KernelEntry> MatrixKernels();          // MatMul, Gemm, Einsum, quantized matmuls, Det, attention
std::span<const KernelEntry> ConvolutionKernels();     // Conv, ConvTranspose, pooling, Resize, GridSample, RoiAlign, ...
std::span<const KernelEntry> QuantizationKernels();    // QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear, QLinear*
std::span<const KernelEntry> RecurrentKernels();       // RNN, GRU, LSTM
std::span<const KernelEntry> MovementKernels();        // Reshape, Transpose, Concat, Slice, Gather, Scatter, Pad, Tile, ...
std::span<const KernelEntry> GeneratorKernels();       // Constant, ConstantOfShape, Range, Random*, EyeLike, windows, ...
std::span<const KernelEntry> SequenceKernels();        // Sequence*, Optional*, Split/ConcatFromSequence
std::span<const KernelEntry> TextKernels();            // String*, Tokenizer, TfIdf, RegexFullMatch
std::span<const KernelEntry> ClassicalMlKernels();     // ai.onnx.ml
std::span<const KernelEntry> SignalKernels();          // DFT, STFT, MelWeightMatrix
std::span<const KernelEntry> VisionKernels();          // ImageDecoder, NonMaxSuppression, ...
std::span<const KernelEntry> TrainingKernels();        // Adam, Adagrad, Momentum
std::span<const KernelEntry> MicrosoftKernels();       // of com.microsoft what no other family has

// Every row for one operator, in order.
std::vector<const KernelEntry*> FindKernels(std::string_view domain, std::string_view op_type, int64_t opset_version);

}  // namespace sardonyx::cpu
