// What transformers that look at windows of a picture share.
#pragma once

#include <vector>

#include "import/pytorch/arch/net.h"

namespace sardonyx::pytorch::arch {

// The side w of a window whose table of relative positions has `rows` = (2w - 1)^2; 0 if there is none.
int64_t WindowOfTable(int64_t rows);

// [heads, w*w, w*w] from a table [(2w - 1)^2, heads]: entry (dy + w - 1) * (2w - 1) + dx + w - 1 for places that are dy, dx apart.
std::vector<float> RelativeBias(const std::vector<float>& table, int64_t window, int64_t heads);

}  // namespace sardonyx::pytorch::arch
