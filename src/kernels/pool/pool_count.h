// How many elements a window sees, and what an average divides by.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/conv/window.h"

namespace sardonyx::kernels {

// Kernel positions [begin, end) of a window that starts at `start` and lie inside [low, high).
struct WindowRange {
  int64_t begin, end;
};
inline WindowRange ClipWindow(const WindowAxis& axis, int64_t start, int64_t low, int64_t high) {
  if (axis.dilation == 1) return {std::max<int64_t>(0, low - start), std::min(axis.kernel, high - start)};
  const int64_t begin = start >= low ? 0 : (low - start + axis.dilation - 1) / axis.dilation;
  const int64_t end = start >= high ? 0 : std::min(axis.kernel, (high - 1 - start) / axis.dilation + 1);
  return {begin, std::max(begin, end)};
}
inline WindowRange InsideWindow(const WindowAxis& axis, int64_t start) { return ClipWindow(axis, start, 0, axis.input); }

// Elements of a window's axis that an average is over: those inside, or, with padding, positions that are not beyond the padding at the
// end.
inline int64_t CountAlong(const WindowAxis& axis, int64_t o, bool include_pad) {
  const WindowRange range = include_pad ? ClipWindow(axis, axis.Start(o), -axis.pad_begin, axis.input + axis.pad_end)
                                        : InsideWindow(axis, axis.Start(o));
  return std::max<int64_t>(0, range.end - range.begin);
}

// The same along depth.
inline int64_t CountDepth(const Window& window, int64_t od, bool include_pad) {
  if (window.leading.empty()) return CountAlong(window.depth(), od, include_pad);
  int64_t count = 1;
  for (size_t i = window.leading.size(); i-- > 0; od /= window.leading[i].output)
    count *= CountAlong(window.leading[i], od % window.leading[i].output, include_pad);
  return count;
}

}  // namespace sardonyx::kernels
