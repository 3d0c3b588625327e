#include "kernels/elementwise/select.h"

#include <algorithm>
#include <limits>
#include <string>

#include "kernels/elementwise/convert.h"

namespace sardonyx::kernels {
namespace {

struct Bits128 {
  uint64_t low, high;
};

template <class T>
void SelectAs(const BroadcastLoop& loop, const void* condition, const void* x, const void* y, void* out, int64_t begin, int64_t end) {
  loop.ForRange(begin, end, [&](int64_t position, const auto& offsets, int64_t n) {
    const auto* c = static_cast<const uint8_t*>(condition) + offsets[0];
    const T* a = static_cast<const T*>(x) + offsets[1];
    const T* b = static_cast<const T*>(y) + offsets[2];
    T* o = static_cast<T*>(out) + position;
    if (loop.is_scalar(0)) {  // the whole run comes from one side
      const T* from = *c ? a : b;
      const bool scalar = loop.is_scalar(*c ? 1 : 2);
      if (scalar)
        std::fill_n(o, n, T(*from));
      else if (from != o)
        std::copy_n(from, n, o);
      return;
    }
    const int64_t a_step = !loop.is_scalar(1), b_step = !loop.is_scalar(2);
    for (int64_t i = 0; i < n; ++i) o[i] = c[i] ? a[i * a_step] : b[i * b_step];
  });
}

template <class Hub>
void ClipAs(DataType dtype, const void* x, const void* low, const void* high, void* out, int64_t begin, int64_t end) {
  using Limits = std::numeric_limits<Hub>;
  Hub lowest = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
  Hub highest = Limits::has_infinity ? Limits::infinity() : Limits::max();
  if (low != nullptr) LoadElements(dtype, low, 0, 1, &lowest);
  if (high != nullptr) LoadElements(dtype, high, 0, 1, &highest);
  Hub chunk[kChunk];
  for (int64_t at = begin; at < end; at += kChunk) {
    const int64_t n = std::min(kChunk, end - at);
    LoadElements(dtype, x, at, n, chunk);
    for (int64_t i = 0; i < n; ++i) {
      const Hub raised = chunk[i] < lowest ? lowest : chunk[i];
      chunk[i] = raised > highest ? highest : raised;
    }
    StoreElements(chunk, n, dtype, out, at);
  }
}

}  // namespace

void Select(const BroadcastLoop& loop, const void* condition, const void* x, const void* y, DataType dtype, void* out, int64_t begin,
            int64_t end) {
  if (dtype == DataType::kString) return SelectAs<std::string>(loop, condition, x, y, out, begin, end);
  switch (ElementStride(dtype)) {
    case 1:
      return SelectAs<uint8_t>(loop, condition, x, y, out, begin, end);
    case 2:
      return SelectAs<uint16_t>(loop, condition, x, y, out, begin, end);
    case 4:
      return SelectAs<uint32_t>(loop, condition, x, y, out, begin, end);
    case 8:
      return SelectAs<uint64_t>(loop, condition, x, y, out, begin, end);
    case 16:
      return SelectAs<Bits128>(loop, condition, x, y, out, begin, end);
    default:
      return;
  }
}

void Clip(DataType dtype, const void* x, const void* low, const void* high, void* out, int64_t begin, int64_t end) {
  switch (HubOf(dtype)) {
    case DataType::kFloat:
      return ClipAs<float>(dtype, x, low, high, out, begin, end);
    case DataType::kDouble:
      return ClipAs<double>(dtype, x, low, high, out, begin, end);
    case DataType::kUint64:
      return ClipAs<uint64_t>(dtype, x, low, high, out, begin, end);
    default:
      return ClipAs<int64_t>(dtype, x, low, high, out, begin, end);
  }
}

}  // namespace sardonyx::kernels
