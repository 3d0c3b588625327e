#include "kernels/reduce/reduce.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "kernels/elementwise/convert.h"

namespace sardonyx::kernels {

void ReduceShape::Loop::Add(int64_t size, int64_t stride) {
  sizes.push_back(size);
  strides.push_back(stride);
  total *= size;
}

int64_t ReduceShape::Loop::Offset(int64_t flat) const {
  int64_t offset = 0;
  for (size_t d = sizes.size(); d-- > 0; flat /= sizes[d]) offset += flat % sizes[d] * strides[d];
  return offset;
}

ReduceShape::ReduceShape(const Dims& dims, const std::vector<bool>& reduced) {
  struct Group {
    int64_t size, stride;
    bool reduced;
  };
  std::vector<Group> groups;  // innermost first
  int64_t stride = 1;
  for (size_t d = dims.rank(); d-- > 0;) {
    if (reduced[d]) count_ *= dims[d];
    if (dims[d] != 1) {
      if (!groups.empty() && groups.back().reduced == reduced[d])
        groups.back().size *= dims[d];
      else
        groups.push_back({dims[d], stride, reduced[d]});
    }
    stride *= dims[d];
  }
  if (!groups.empty()) {
    rows_ = groups.front().reduced;
    run_ = groups.front().size;
  }
  for (size_t g = groups.size(); g-- > 1;) (groups[g].reduced ? reduced_ : kept_).Add(groups[g].size, groups[g].stride);
  if (rows_) {
    units_ = kept_.total;
    elements_per_unit_ = count_;
  } else {
    units_ = kept_.total * ((run_ + kChunk - 1) / kChunk);
    elements_per_unit_ = std::min(run_, kChunk) * count_;
  }
}

namespace {

// The step of each operator: acc = f(acc, x).
struct AddStep {
  template <class T>
  T operator()(T acc, T x) const {
    if constexpr (std::is_same_v<T, int64_t>)
      return static_cast<T>(static_cast<uint64_t>(acc) + static_cast<uint64_t>(x));
    else
      return acc + x;
  }
};
struct ProductStep {
  template <class T>
  T operator()(T acc, T x) const {
    if constexpr (std::is_same_v<T, int64_t>)
      return static_cast<T>(static_cast<uint64_t>(acc) * static_cast<uint64_t>(x));
    else
      return acc * x;
  }
};
struct MaxStep {
  template <class T>
  T operator()(T acc, T x) const {
    return x > acc || x != x ? x : acc;
  }
};
struct MinStep {
  template <class T>
  T operator()(T acc, T x) const {
    return x < acc || x != x ? x : acc;
  }
};
struct AddMagnitudeStep {
  template <class T>
  T operator()(T acc, T x) const {
    return AddStep()(acc, x < T(0) ? AddStep()(T(0), static_cast<T>(0 - x)) : x);
  }
};
struct AddSquareStep {
  template <class T>
  T operator()(T acc, T x) const {
    return AddStep()(acc, ProductStep()(x, x));
  }
};

// The lowest and highest value of an integer type or bool, as int64 or uint64.
template <class Hub>
Hub Lowest(DataType dtype) {
  if constexpr (std::is_same_v<Hub, double>) {
    return -std::numeric_limits<double>::infinity();
  } else {
    const bool is_signed = dtype == DataType::kInt8 || dtype == DataType::kInt16 || dtype == DataType::kInt32 || dtype == DataType::kInt64;
    return is_signed ? static_cast<Hub>(std::numeric_limits<int64_t>::min() >> (64 - BitsPerElement(dtype))) : Hub(0);
  }
}
template <class Hub>
Hub Highest(DataType dtype) {
  if constexpr (std::is_same_v<Hub, double>) {
    return std::numeric_limits<double>::infinity();
  } else if constexpr (std::is_same_v<Hub, uint64_t>) {
    return std::numeric_limits<uint64_t>::max();
  } else {
    if (dtype == DataType::kBool) return 1;
    const int64_t lowest = Lowest<int64_t>(dtype);
    return lowest < 0 ? -(lowest + 1) : (int64_t{1} << BitsPerElement(dtype)) - 1;
  }
}

}  // namespace

template <class Hub>
class Reducer {
 public:
  Reducer(ReduceOp op, DataType dtype, const void* x, const ReduceShape& shape, DataType y_dtype, void* y)
      : op_(op), dtype_(dtype), x_(x), shape_(shape), y_dtype_(y_dtype), y_(y) {}

  void Run(int64_t begin, int64_t end) {
    switch (op_) {
      case ReduceOp::kSum:
      case ReduceOp::kMean:
      case ReduceOp::kLogSum:
        return RunUnits(AddStep(), Hub(0), begin, end);
      case ReduceOp::kProd:
        return RunUnits(ProductStep(), Hub(1), begin, end);
      case ReduceOp::kMax:
        return RunUnits(MaxStep(), Lowest<Hub>(dtype_), begin, end);
      case ReduceOp::kMin:
        return RunUnits(MinStep(), Highest<Hub>(dtype_), begin, end);
      case ReduceOp::kL1:
        return RunUnits(AddMagnitudeStep(), Hub(0), begin, end);
      case ReduceOp::kL2:
      case ReduceOp::kSumSquare:
        return RunUnits(AddSquareStep(), Hub(0), begin, end);
      case ReduceOp::kLogSumExp:
        return RunUnits(MaxStep(), Lowest<Hub>(dtype_), begin, end);
    }
  }

 private:
  template <class Step>
  void RunUnits(Step step, Hub start, int64_t begin, int64_t end) {
    const int64_t tiles = shape_.rows_ ? 1 : (shape_.run_ + kChunk - 1) / kChunk;
    Hub results[kChunk];
    int64_t filled = 0, first = begin;  // rows: outputs are gathered and stored a chunk at a time
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t base = shape_.kept_.Offset(unit / tiles);
      if (shape_.rows_) {
        results[filled++] = Finish(ReduceRow(base, step, start));
        if (filled == kChunk || unit + 1 == end) {
          StoreElements(results, filled, y_dtype_, y_, first);
          first += filled;
          filled = 0;
        }
      } else {
        const int64_t column = unit % tiles * kChunk, n = std::min(kChunk, shape_.run_ - column);
        ReduceColumns(base + column, n, step, start, results);
        for (int64_t i = 0; i < n; ++i) results[i] = Finish(results[i]);
        StoreElements(results, n, y_dtype_, y_, unit / tiles * shape_.run_ + column);
      }
    }
  }

  // Calls f(chunk, n) with every chunk of the reduced elements of the output whose first one is at `base`.
  template <class F>
  void ForEachChunk(int64_t base, F&& f) {
    Hub chunk[kChunk];
    for (int64_t r = 0; r < shape_.reduced_.total; ++r) {
      const int64_t row = base + shape_.reduced_.Offset(r);
      for (int64_t at = 0; at < shape_.run_; at += kChunk) {
        const int64_t n = std::min(kChunk, shape_.run_ - at);
        LoadElements(dtype_, x_, row + at, n, chunk);
        f(chunk, n);
      }
    }
  }

  // Eight running values hide the latency of each step; they are joined in a fixed order.
  template <class Step>
  Hub ReduceRow(int64_t base, Step step, Hub start) {
    constexpr int kLanes = 8;
    Hub lanes[kLanes];
    std::fill_n(lanes, kLanes, start);
    ForEachChunk(base, [&](const Hub* x, int64_t n) {
      int64_t i = 0;
      for (; i + kLanes <= n; i += kLanes)
        for (int k = 0; k < kLanes; ++k) lanes[k] = step(lanes[k], x[i + k]);
      for (; i < n; ++i) lanes[i % kLanes] = step(lanes[i % kLanes], x[i]);
    });
    const Hub result = JoinLanes(lanes, step);
    if (op_ != ReduceOp::kLogSumExp) return result;
    return LogSumExp(result, [&](auto&& add) { ForEachChunk(base, add); });
  }

  // What lanes hold is combined by plain addition where a step does more than add.
  template <class Step>
  static Hub JoinLanes(Hub* lanes, Step step) {
    const auto join = [&](Hub a, Hub b) {
      if constexpr (std::is_same_v<Step, AddMagnitudeStep> || std::is_same_v<Step, AddSquareStep>)
        return AddStep()(a, b);
      else
        return step(a, b);
    };
    for (int width = 4; width > 0; width /= 2)
      for (int k = 0; k < width; ++k) lanes[k] = join(lanes[k], lanes[k + width]);
    return lanes[0];
  }

  // max + log(sum of exp(x - max)), given the maximum.
  template <class ForChunks>
  static Hub LogSumExp(Hub peak, ForChunks&& for_chunks) {
    const double shift = std::isfinite(static_cast<double>(peak)) ? static_cast<double>(peak) : 0.0;
    double sum = 0;
    for_chunks([&](const Hub* x, int64_t n) {
      for (int64_t i = 0; i < n; ++i) sum += std::exp(static_cast<double>(x[i]) - shift);
    });
    return static_cast<Hub>(std::log(sum) + shift);
  }

  template <class Step>
  void ReduceColumns(int64_t base, int64_t n, Step step, Hub start, Hub* acc) {
    Hub row[kChunk];
    std::fill_n(acc, n, start);
    const int64_t rows = shape_.reduced_.total;
    for (int64_t r = 0; r < rows; ++r) {
      LoadElements(dtype_, x_, base + shape_.reduced_.Offset(r), n, row);
      for (int64_t i = 0; i < n; ++i) acc[i] = step(acc[i], row[i]);
    }
    if (op_ != ReduceOp::kLogSumExp) return;
    double sums[kChunk] = {}, shifts[kChunk];
    for (int64_t i = 0; i < n; ++i) shifts[i] = std::isfinite(static_cast<double>(acc[i])) ? static_cast<double>(acc[i]) : 0.0;
    for (int64_t r = 0; r < rows; ++r) {
      LoadElements(dtype_, x_, base + shape_.reduced_.Offset(r), n, row);
      for (int64_t i = 0; i < n; ++i) sums[i] += std::exp(static_cast<double>(row[i]) - shifts[i]);
    }
    for (int64_t i = 0; i < n; ++i) acc[i] = static_cast<Hub>(std::log(sums[i]) + shifts[i]);
  }

  Hub Finish(Hub acc) const {
    switch (op_) {
      case ReduceOp::kMean:
        if constexpr (std::is_same_v<Hub, double>)
          return acc / static_cast<double>(shape_.count_);
        else
          return shape_.count_ == 0 ? Hub(0) : acc / static_cast<Hub>(shape_.count_);
      case ReduceOp::kL2:
        return static_cast<Hub>(std::sqrt(static_cast<double>(acc)));
      case ReduceOp::kLogSum:
        return static_cast<Hub>(std::log(static_cast<double>(acc)));
      default:
        return acc;
    }
  }

  const ReduceOp op_;
  const DataType dtype_;
  const void* const x_;
  const ReduceShape& shape_;
  const DataType y_dtype_;
  void* const y_;
};

void Reduce(ReduceOp op, DataType dtype, const void* x, const ReduceShape& shape, DataType y_dtype, void* y, int64_t begin, int64_t end) {
  const bool real = op == ReduceOp::kL2 || op == ReduceOp::kLogSum || op == ReduceOp::kLogSumExp;
  if (IsFloatingPoint(dtype) || real) return Reducer<double>(op, dtype, x, shape, y_dtype, y).Run(begin, end);
  if (dtype == DataType::kUint64) return Reducer<uint64_t>(op, dtype, x, shape, y_dtype, y).Run(begin, end);
  Reducer<int64_t>(op, dtype, x, shape, y_dtype, y).Run(begin, end);
}

}  // namespace sardonyx::kernels
