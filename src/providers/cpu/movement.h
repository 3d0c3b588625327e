// Factories of the movement operators' kernels; movement.cc lists them.
#pragma once

#include "providers/cpu/bind.h"

namespace sardonyx::cpu {

using KernelOr = StatusOr<std::unique_ptr<Kernel>>;

// movement_shape.cc: other dims, same data
KernelOr CreateReshape1(const NodeInfo& node);
KernelOr CreateReshape5(const NodeInfo& node);
KernelOr CreateFlatten(const NodeInfo& node);
KernelOr CreateSqueeze(const NodeInfo& node);
KernelOr CreateUnsqueeze(const NodeInfo& node);
KernelOr CreateExpandDims(const NodeInfo& node);

// movement_copy.cc: strided copies
KernelOr CreateTranspose(const NodeInfo& node);
KernelOr CreateSlice1(const NodeInfo& node);
KernelOr CreateSlice10(const NodeInfo& node);
KernelOr CreateExpand(const NodeInfo& node);
KernelOr CreateTile1(const NodeInfo& node);
KernelOr CreateTile6(const NodeInfo& node);
KernelOr CreateSpaceToDepth(const NodeInfo& node);
KernelOr CreateDepthToSpace(const NodeInfo& node);

// movement_join.cc
KernelOr CreateConcat(const NodeInfo& node);
KernelOr CreateSplit(const NodeInfo& node);
// Output 0 is the inputs one after another along `axis`; ConcatFromSequence shares it.
Status ConcatTensors(KernelContext& context, std::span<const TensorView> inputs, int64_t axis);

// movement_index.cc: gathers and scatters
KernelOr CreateGather(const NodeInfo& node);
KernelOr CreateGatherElements(const NodeInfo& node);
KernelOr CreateGatherND(const NodeInfo& node);
KernelOr CreateScatterElements(const NodeInfo& node);
KernelOr CreateScatterND(const NodeInfo& node);

// movement_quantized.cc
KernelOr CreateGatherBlockQuantized(const NodeInfo& node);

// movement_select.cc
KernelOr CreatePad1(const NodeInfo& node);
KernelOr CreatePad11(const NodeInfo& node);
KernelOr CreateCenterCropPad(const NodeInfo& node);
KernelOr CreateCompress(const NodeInfo& node);
KernelOr CreateReverseSequence(const NodeInfo& node);
KernelOr CreateTrilu(const NodeInfo& node);
KernelOr CreateUnique(const NodeInfo& node);
KernelOr CreateMicrosoftUnique(const NodeInfo& node);

}  // namespace sardonyx::cpu
