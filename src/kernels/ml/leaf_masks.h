// Trees of up to 32 leaves, evaluated without walking: each split that a row answers with "greater" rules out the leaves of its
// true branch, and of those left the first is the row's. (Lucchese et al., "QuickScorer", SIGIR 2015, with rows in the lanes.)
#pragma once

#include <cstdint>

namespace sardonyx::kernels {

inline constexpr int64_t kLeafMaskLanes = 16;

struct LeafMask {
  int32_t key;       // greater keys rule out
  uint32_t feature;
  uint32_t gone;     // these leaves, a bit each
};

// For each row of `groups` groups of kLeafMaskLanes rows: numbers[place of its leaf], to leaves[group * kLeafMaskLanes + row].
// keys[feature * kLeafMaskLanes + row] of a group, groups `group_stride` apart.
void FindLeavesByMasks(const LeafMask* masks, int64_t count, const int32_t* keys, int64_t group_stride, int64_t groups,
                       const uint32_t* numbers, uint32_t* leaves);

}  // namespace sardonyx::kernels
