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

// The same for one row and many trees, which are the lanes: split i of tree t of a group stands at i * kLeafMaskLanes + t of each array.
// Trees of fewer splits than others have some whose key is the largest integer.
struct LeafMaskGroup {
  int64_t splits = 0;
  const int32_t* keys = nullptr;
  const uint8_t* features = nullptr;
  const uint32_t* gone = nullptr;
};
inline constexpr int64_t kLeafMaskFeatures = 32;
// Whether this machine's instructions make it faster than walks.
bool CanMaskGroups();
// left[t]: the leaves that the row's splits leave of tree t. keys: kLeafMaskFeatures of them.
void FindLeavesLeft(const LeafMaskGroup& group, const int32_t* keys, uint32_t* left);

}  // namespace sardonyx::kernels
