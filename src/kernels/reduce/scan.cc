// ArgExtreme and Cumulate.
#include <type_traits>

#include "kernels/reduce/along_axis.h"
#include "kernels/reduce/line_block.h"

namespace sardonyx::kernels {
namespace {

template <class Hub, bool largest, bool last>
struct Better {
  bool operator()(Hub x, Hub best) const {
    if (x != x) return last || best == best;
    const bool beyond = largest ? x > best : x < best;
    return beyond || (last && x == best);
  }
};

template <class Hub, class Takes>
void ArgLines(DataType dtype, const void* x, const AxisView& view, int64_t* indices, int64_t begin, int64_t end, Takes takes) {
  ForEachBlock<Hub>(dtype, x, view, begin, end, [&](Hub* block, int64_t line, int64_t width) {
    for (int64_t c = 0; c < width; ++c) {
      Hub best = block[c];
      int64_t at = 0;
      for (int64_t r = 1; r < view.length; ++r) {
        const Hub v = block[r * width + c];
        if (takes(v, best)) best = v, at = r;
      }
      indices[line + c] = at;
    }
  });
}

template <class Hub>
void ArgOf(bool largest, bool last, DataType dtype, const void* x, const AxisView& view, int64_t* indices, int64_t begin, int64_t end) {
  if (largest && last) return ArgLines<Hub>(dtype, x, view, indices, begin, end, Better<Hub, true, true>());
  if (largest) return ArgLines<Hub>(dtype, x, view, indices, begin, end, Better<Hub, true, false>());
  if (last) return ArgLines<Hub>(dtype, x, view, indices, begin, end, Better<Hub, false, true>());
  ArgLines<Hub>(dtype, x, view, indices, begin, end, Better<Hub, false, false>());
}

// Integers wrap, so they are accumulated as uint64 whatever their sign.
template <class Hub>
void CumulateOf(bool product, bool exclusive, bool reverse, DataType dtype, const void* x, const AxisView& view, void* y, int64_t begin,
                int64_t end) {
  ForEachBlock<Hub>(dtype, x, view, begin, end, [&](Hub* block, int64_t line, int64_t width) {
    for (int64_t c = 0; c < width; ++c) {
      Hub acc = product ? Hub(1) : Hub(0);
      for (int64_t step = 0; step < view.length; ++step) {
        Hub& cell = block[(reverse ? view.length - 1 - step : step) * width + c];
        const Hub next = product ? acc * cell : acc + cell;
        cell = exclusive ? acc : next;
        acc = next;
      }
    }
    StoreBlock(block, line, width, view, dtype, y);
  });
}

}  // namespace

void ArgExtreme(bool largest, bool select_last, DataType dtype, const void* x, const AxisView& view, int64_t* indices, int64_t begin,
                int64_t end) {
  switch (HubOf(dtype)) {
    case DataType::kFloat:
      return ArgOf<float>(largest, select_last, dtype, x, view, indices, begin, end);
    case DataType::kDouble:
      return ArgOf<double>(largest, select_last, dtype, x, view, indices, begin, end);
    case DataType::kUint64:
      return ArgOf<uint64_t>(largest, select_last, dtype, x, view, indices, begin, end);
    default:
      return ArgOf<int64_t>(largest, select_last, dtype, x, view, indices, begin, end);
  }
}

void Cumulate(bool product, bool exclusive, bool reverse, DataType dtype, const void* x, const AxisView& view, void* y, int64_t begin,
              int64_t end) {
  if (IsFloatingPoint(dtype)) return CumulateOf<double>(product, exclusive, reverse, dtype, x, view, y, begin, end);
  CumulateOf<uint64_t>(product, exclusive, reverse, dtype, x, view, y, begin, end);
}

}  // namespace sardonyx::kernels
