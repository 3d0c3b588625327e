#include "providers/cpu/movement.h"

namespace sardonyx::cpu {
namespace {

constexpr int kNewest = 0x7fffffff;

constexpr KernelEntry kMovement[] = {
    {"", "Reshape", "reference", AcceptsAll, CreateReshape1, 1, 4},
    {"", "Reshape", "reference", AcceptsAll, CreateReshape5, 5, kNewest},
    {"", "Flatten", "reference", AcceptsAll, CreateFlatten},
    {"", "Squeeze", "reference", AcceptsAll, CreateSqueeze},
    {"", "Unsqueeze", "reference", AcceptsAll, CreateUnsqueeze},
    {"", "Transpose", "reference", AcceptsAll, CreateTranspose},
    {"", "Concat", "reference", AcceptsAll, CreateConcat},
    {"", "Split", "reference", AcceptsAll, CreateSplit},
    {"", "Slice", "reference", AcceptsAll, CreateSlice1, 1, 9},
    {"", "Slice", "reference", AcceptsAll, CreateSlice10, 10, kNewest},
    {"", "Expand", "reference", AcceptsAll, CreateExpand},
    {"", "Tile", "reference", AcceptsAll, CreateTile1, 1, 5},
    {"", "Tile", "reference", AcceptsAll, CreateTile6, 6, kNewest},
    {"", "SpaceToDepth", "reference", AcceptsAll, CreateSpaceToDepth},
    {"", "DepthToSpace", "reference", AcceptsAll, CreateDepthToSpace},
    {"", "Gather", "reference", AcceptsAll, CreateGather},
    {"", "GatherElements", "reference", AcceptsAll, CreateGatherElements},
    {"", "GatherND", "reference", AcceptsAll, CreateGatherND},
    {"", "Scatter", "reference", AcceptsAll, CreateScatterElements},
    {"", "ScatterElements", "reference", AcceptsAll, CreateScatterElements},
    {"", "ScatterND", "reference", AcceptsAll, CreateScatterND},
    {"", "Pad", "reference", AcceptsAll, CreatePad1, 1, 10},
    {"", "Pad", "reference", AcceptsAll, CreatePad11, 11, kNewest},
    {"", "CenterCropPad", "reference", AcceptsAll, CreateCenterCropPad},
    {"", "Compress", "reference", AcceptsAll, CreateCompress},
    {"", "ReverseSequence", "reference", AcceptsAll, CreateReverseSequence},
    {"", "Trilu", "reference", AcceptsAll, CreateTrilu},
    {"", "Unique", "reference", AcceptsAll, CreateUnique},
    {"com.microsoft", "ExpandDims", "reference", AcceptsAll, CreateExpandDims},
    {"com.microsoft", "GatherBlockQuantized", "reference", AcceptsAll, CreateGatherBlockQuantized},
    {"com.microsoft", "GatherND", "reference", AcceptsAll, CreateGatherND},
    {"com.microsoft", "Pad", "reference", AcceptsAll, CreatePad11},
    {"com.microsoft", "Trilu", "reference", AcceptsAll, CreateTrilu},
    {"com.microsoft", "Unique", "reference", AcceptsAll, CreateMicrosoftUnique},
};

}  // namespace

std::span<const KernelEntry> MovementKernels() { return kMovement; }

}  // namespace sardonyx::cpu
