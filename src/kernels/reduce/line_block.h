// A few neighbouring lines of a tensor along an axis, converted and gathered so that loops over them are contiguous.
#pragma once

#include <algorithm>
#include <vector>

#include "kernels/elementwise/convert.h"
#include "kernels/reduce/along_axis.h"

namespace sardonyx::kernels {

// Calls f(block, line, width) for groups of neighbouring lines that cover [begin, end): block[r * width + c] is element r of
// line `line + c`. With inner == 1 the width is 1 and a block is one contiguous line.
template <class Hub, class F>
void ForEachBlock(DataType dtype, const void* x, const AxisView& view, int64_t begin, int64_t end, F&& f) {
  constexpr int64_t kMaxWidth = 16;
  std::vector<Hub> block(static_cast<size_t>(view.length * std::min(kMaxWidth, view.inner)));
  for (int64_t line = begin; line < end;) {
    const int64_t outer = line / view.inner, inner = line % view.inner;
    const int64_t width = std::min({kMaxWidth, view.inner - inner, end - line});
    const int64_t first = outer * view.length * view.inner + inner;
    if (view.inner == 1)
      LoadElements(dtype, x, first, view.length, block.data());
    else
      for (int64_t r = 0; r < view.length; ++r) LoadElements(dtype, x, first + r * view.inner, width, block.data() + r * width);
    f(block.data(), line, width);
    line += width;
  }
}

// Writes a block back to where ForEachBlock read it, into a tensor of the same view.
template <class Hub>
void StoreBlock(const Hub* block, int64_t line, int64_t width, const AxisView& view, DataType dtype, void* y) {
  const int64_t first = line / view.inner * view.length * view.inner + line % view.inner;
  if (view.inner == 1) return StoreElements(block, view.length, dtype, y, first);
  for (int64_t r = 0; r < view.length; ++r) StoreElements(block + r * width, width, dtype, y, first + r * view.inner);
}

}  // namespace sardonyx::kernels
