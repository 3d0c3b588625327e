#include "kernels/movement/strided_copy.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/movement/transpose_lines.h"

namespace sardonyx::kernels {
namespace {

struct Loop {
  int64_t count, src, dst;  // steps, and elements to move by on each side
};

// Edge of the square tiles of a transpose: 32 x 32 x 4 bytes on both sides stay in the first-level cache.
constexpr int64_t kTile = 32;
// Elements of one work item of a long row.
constexpr int64_t kRun = 1 << 15;

// The loops of a copy, the fastest of the destination last, without those of one step, neighbours merged.
// False if there is nothing to copy.
bool PlanLoops(std::span<const int64_t> dims, std::span<const int64_t> src, std::span<const int64_t> dst, std::vector<Loop>& loops) {
  std::vector<Loop> all;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 0) return false;
    if (dims[i] > 1) all.push_back({dims[i], src[i], dst[i]});
  }
  std::stable_sort(all.begin(), all.end(), [](const Loop& a, const Loop& b) { return std::abs(a.dst) > std::abs(b.dst); });
  for (const Loop& inner : all) {
    if (!loops.empty() && loops.back().src == inner.src * inner.count && loops.back().dst == inner.dst * inner.count) {
      loops.back() = {loops.back().count * inner.count, inner.src, inner.dst};
    } else {
      loops.push_back(inner);
    }
  }
  if (loops.empty()) loops.push_back({1, 1, 1});
  return true;
}

// Offsets of one step of nested loops, and how to reach the next one.
class Position {
 public:
  Position(std::span<const Loop> loops, int64_t step) : loops_(loops), index_(loops.size()) {
    for (size_t i = loops.size(); i-- > 0;) {
      index_[i] = step % loops[i].count;
      step /= loops[i].count;
      src_ += index_[i] * loops[i].src;
      dst_ += index_[i] * loops[i].dst;
    }
  }
  void Next() {
    for (size_t i = loops_.size(); i-- > 0;) {
      src_ += loops_[i].src;
      dst_ += loops_[i].dst;
      if (++index_[i] < loops_[i].count) return;
      index_[i] = 0;
      src_ -= loops_[i].count * loops_[i].src;
      dst_ -= loops_[i].count * loops_[i].dst;
    }
  }
  int64_t src() const { return src_; }
  int64_t dst() const { return dst_; }

 private:
  std::span<const Loop> loops_;
  std::vector<int64_t> index_;
  int64_t src_ = 0, dst_ = 0;
};

template <class T>
void CopyRun(const Loop& run, const T* src, T* dst) {
  if (run.src == 1 && run.dst == 1) {
    if constexpr (std::is_trivially_copyable_v<T>) {
      std::memcpy(dst, src, static_cast<size_t>(run.count) * sizeof(T));
    } else {
      std::copy_n(src, run.count, dst);
    }
  } else if (run.src == 0 && run.dst == 1) {
    std::fill_n(dst, run.count, *src);
  } else {
    for (int64_t i = 0; i < run.count; ++i) dst[i * run.dst] = src[i * run.src];
  }
}

// `loop.count` runs of kBytes that are contiguous on both sides.
template <size_t kBytes, class T>
void CopyPieces(const Loop& loop, const T* src, T* dst) {
  for (int64_t i = 0; i < loop.count; ++i) std::memcpy(dst + i * loop.dst, src + i * loop.src, kBytes);
}

// A loop over runs. Of the short ones a size that is known here needs no call.
template <class T>
void CopyRuns(const Loop& loop, const Loop& run, const T* src, T* dst) {
  if constexpr (std::is_trivially_copyable_v<T>) {
    if (run.src == 1 && run.dst == 1) {
      switch (static_cast<size_t>(run.count) * sizeof(T)) {
        case 8:
          return CopyPieces<8>(loop, src, dst);
        case 16:
          return CopyPieces<16>(loop, src, dst);
        case 32:
          return CopyPieces<32>(loop, src, dst);
        case 64:
          return CopyPieces<64>(loop, src, dst);
        case 128:
          return CopyPieces<128>(loop, src, dst);
        default:
          break;
      }
    }
  }
  for (int64_t i = 0; i < loop.count; ++i) CopyRun(run, src + i * loop.src, dst + i * loop.dst);
}

// `across` is contiguous in the source and `along` in the destination: squares of kTile keep both in cache.
template <class T>
void CopyTiles(const Loop& across, const Loop& along, const T* src, T* dst) {
  if constexpr (std::is_same_v<T, Raw4>) return TransposeLines32(src, along.src, along.count, across.count, dst, across.dst);
  for (int64_t begin = 0; begin < along.count; begin += kTile) {
    const int64_t end = std::min(along.count, begin + kTile);
    for (int64_t a = 0; a < across.count; ++a) {
      const T* from = src + a;
      T* to = dst + a * across.dst;
      for (int64_t i = begin; i < end; ++i) to[i] = from[i * along.src];
    }
  }
}

// Rows of few elements: one item is all of the innermost loop over rows.
template <class T>
void CopyShort(std::vector<Loop> loops, const Loop& run, const T* src, T* dst, ThreadPool* pool) {
  const Loop rows = loops.back();
  loops.pop_back();
  int64_t outer = 1;
  for (const Loop& loop : loops) outer *= loop.count;
  const double cost = 2 + static_cast<double>(run.count) * (std::is_trivially_copyable_v<T> ? 0.1 * sizeof(T) : 20.0);  // of a row
  if (outer == 1) {
    const auto body = [&](int64_t begin, int64_t end) {
      CopyRuns({end - begin, rows.src, rows.dst}, run, src + begin * rows.src, dst + begin * rows.dst);
    };
    return pool != nullptr ? pool->ParallelFor(rows.count, cost, body) : body(0, rows.count);
  }
  const auto body = [&](int64_t begin, int64_t end) {
    Position at(loops, begin);
    for (int64_t item = begin; item < end; ++item, at.Next()) CopyRuns(rows, run, src + at.src(), dst + at.dst());
  };
  pool != nullptr ? pool->ParallelFor(outer, 5 + cost * static_cast<double>(rows.count), body) : body(0, outer);
}

template <class T>
void Copy(std::vector<Loop> loops, const T* src, T* dst, ThreadPool* pool) {
  Loop inner = loops.back();
  loops.pop_back();
  // A transpose: some other loop is the source's contiguous one.
  Loop across{1, 0, 0};
  const auto unit = std::find_if(loops.begin(), loops.end(), [](const Loop& l) { return l.src == 1; });
  const bool tiled = inner.dst == 1 && inner.src != 1 && inner.src != 0 && unit != loops.end();
  if (tiled) {
    across = *unit;
    loops.erase(unit);
  }
  if (!tiled && inner.count <= kTile && !loops.empty()) return CopyShort(std::move(loops), inner, src, dst, pool);
  // One item is a strip of kTile source-contiguous steps of a transpose, or at most kRun elements of a row.
  const Loop split = tiled ? across : inner;
  const int64_t part = tiled ? kTile : kRun;
  const int64_t parts = (split.count + part - 1) / part;
  int64_t outer = 1;
  for (const Loop& loop : loops) outer *= loop.count;
  const double item_elements = static_cast<double>(std::min(split.count, part)) * (tiled ? static_cast<double>(inner.count) : 1.0);
  const double cost = 5 + item_elements * (std::is_trivially_copyable_v<T> ? 0.1 * sizeof(T) : 20.0);
  const auto body = [&](int64_t begin, int64_t end) {
    Position at(loops, begin / parts);
    for (int64_t item = begin; item < end; ++item) {
      const int64_t first = item % parts * part;
      Loop piece = split;
      piece.count = std::min(part, split.count - first);
      const T* from = src + at.src() + first * split.src;
      T* to = dst + at.dst() + first * split.dst;
      if (tiled)
        CopyTiles(piece, inner, from, to);
      else
        CopyRun(piece, from, to);
      if (first + part >= split.count) at.Next();
    }
  };
  if (pool != nullptr && outer * parts > 1)
    pool->ParallelFor(outer * parts, cost, body);
  else
    body(0, outer * parts);
}

}  // namespace

void CopyStrided(Element element, std::span<const int64_t> dims, const void* src, std::span<const int64_t> src_strides, void* dst,
                 std::span<const int64_t> dst_strides, ThreadPool* pool) {
  std::vector<Loop> loops;
  if (!PlanLoops(dims, src_strides, dst_strides, loops)) return;
  DispatchElement(element, [&]<class T>() { Copy(std::move(loops), static_cast<const T*>(src), static_cast<T*>(dst), pool); });
}

const void* ElementAt(Element element, const void* data, int64_t offset) {
  return static_cast<const char*>(data) + offset * static_cast<int64_t>(ElementSize(element));
}
void* ElementAt(Element element, void* data, int64_t offset) {
  return static_cast<char*>(data) + offset * static_cast<int64_t>(ElementSize(element));
}

}  // namespace sardonyx::kernels
