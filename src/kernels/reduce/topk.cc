#include <cstring>
#include <numeric>

#include "kernels/reduce/along_axis.h"
#include "kernels/reduce/line_block.h"

namespace sardonyx::kernels {
namespace {

// Strict order of positions of one line: better element first, then the smaller index.
template <class Hub, bool largest>
struct Before {
  const Hub* column;
  int64_t step;
  bool operator()(int64_t i, int64_t j) const {
    const Hub a = column[i * step], b = column[j * step];
    if (a == b) return i < j;
    const bool a_nan = a != a, b_nan = b != b;
    if (a_nan || b_nan) return a_nan && b_nan ? i < j : a_nan == largest;
    return largest ? a > b : a < b;
  }
};

template <class Hub>
void TopKOf(int64_t k, bool largest, DataType dtype, const void* x, const AxisView& view, void* values, int64_t* indices, int64_t begin,
            int64_t end) {
  std::vector<int64_t> order(static_cast<size_t>(view.length));
  const auto stride = static_cast<size_t>(ElementStride(dtype));
  ForEachBlock<Hub>(dtype, x, view, begin, end, [&](Hub* block, int64_t line, int64_t width) {
    for (int64_t c = 0; c < width; ++c) {
      std::iota(order.begin(), order.end(), int64_t{0});
      if (largest)
        std::partial_sort(order.begin(), order.begin() + k, order.end(), Before<Hub, true>{block + c, width});
      else
        std::partial_sort(order.begin(), order.begin() + k, order.end(), Before<Hub, false>{block + c, width});
      const int64_t outer = (line + c) / view.inner, inner = (line + c) % view.inner;
      for (int64_t i = 0; i < k; ++i) {
        const int64_t to = (outer * k + i) * view.inner + inner,
                      from = (outer * view.length + order[static_cast<size_t>(i)]) * view.inner + inner;
        std::memcpy(ElementAt(dtype, values, to), ElementAt(dtype, x, from), stride);
        indices[to] = order[static_cast<size_t>(i)];
      }
    }
  });
}

}  // namespace

void TopK(int64_t k, bool largest, DataType dtype, const void* x, const AxisView& view, void* values, int64_t* indices, int64_t begin,
          int64_t end) {
  switch (HubOf(dtype)) {
    case DataType::kFloat:
      return TopKOf<float>(k, largest, dtype, x, view, values, indices, begin, end);
    case DataType::kDouble:
      return TopKOf<double>(k, largest, dtype, x, view, values, indices, begin, end);
    case DataType::kUint64:
      return TopKOf<uint64_t>(k, largest, dtype, x, view, values, indices, begin, end);
    default:
      return TopKOf<int64_t>(k, largest, dtype, x, view, values, indices, begin, end);
  }
}

}  // namespace sardonyx::kernels
