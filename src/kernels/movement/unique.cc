#include <algorithm>
#include <complex>
#include <memory>
#include <numeric>

#include <fmt/format.h>

#include "kernels/movement/select.h"

namespace sardonyx::kernels {
namespace {

// -1, 0 or 1: a total order in which NaNs are equal and come last.
template <class T>
int Compare(const T& a, const T& b) {
  if constexpr (std::is_same_v<T, std::string>) {
    const int order = a.compare(b);
    return order < 0 ? -1 : order > 0;
  } else if constexpr (std::is_same_v<T, std::complex<double>>) {
    const int real = Compare(a.real(), b.real());
    return real != 0 ? real : Compare(a.imag(), b.imag());
  } else {
    if (a < b) return -1;
    if (b < a) return 1;
    return static_cast<int>(a != a) - static_cast<int>(b != b);
  }
}

template <class T>
UniqueSlices Find(const T* data, int64_t outer, int64_t slices, int64_t inner, bool sorted) {
  const auto compare = [&](int64_t a, int64_t b) {
    for (int64_t o = 0; o < outer; ++o) {
      const T* base = data + o * slices * inner;
      for (int64_t i = 0; i < inner; ++i)
        if (const int order = Compare(base[a * inner + i], base[b * inner + i]); order != 0) return order;
    }
    return 0;
  };
  std::vector<int64_t> order(static_cast<size_t>(slices));
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    const int result = compare(a, b);
    return result != 0 ? result < 0 : a < b;  // of equals the first occurrence first
  });
  // Numbers of the groups in ascending order, then, if asked, renumbered by first occurrence.
  UniqueSlices unique;
  unique.inverse.resize(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || compare(order[i - 1], order[i]) != 0) {
      unique.first.push_back(order[i]);
      unique.counts.push_back(0);
    }
    ++unique.counts.back();
    unique.inverse[order[i]] = static_cast<int64_t>(unique.first.size()) - 1;
  }
  if (sorted) return unique;
  std::vector<int64_t> by_first(unique.first.size()), rank(unique.first.size());
  std::iota(by_first.begin(), by_first.end(), 0);
  std::sort(by_first.begin(), by_first.end(), [&](int64_t a, int64_t b) { return unique.first[a] < unique.first[b]; });
  UniqueSlices result;
  for (size_t i = 0; i < by_first.size(); ++i) {
    result.first.push_back(unique.first[by_first[i]]);
    result.counts.push_back(unique.counts[by_first[i]]);
    rank[by_first[i]] = static_cast<int64_t>(i);
  }
  for (int64_t group : unique.inverse) result.inverse.push_back(rank[group]);
  return result;
}

// The elements as the widest type of their class, which compares alike: five sorts instead of fifteen.
template <class From, class To>
StatusOr<UniqueSlices> FindWidened(const void* data, int64_t outer, int64_t slices, int64_t inner, bool sorted) {
  if constexpr (std::is_same_v<From, To>) {
    return Find(static_cast<const To*>(data), outer, slices, inner, sorted);
  } else {
    const int64_t count = outer * slices * inner;
    const std::unique_ptr<To[]> wide(new (std::nothrow) To[static_cast<size_t>(count)]);
    if (wide == nullptr) return Resource(fmt::format("no memory to compare {} elements", count));
    for (int64_t i = 0; i < count; ++i) {
      if constexpr (std::is_same_v<To, double>)
        wide[i] = static_cast<double>(static_cast<float>(static_cast<const From*>(data)[i]));
      else
        wide[i] = To(static_cast<const From*>(data)[i]);
    }
    return Find(static_cast<const To*>(wide.get()), outer, slices, inner, sorted);
  }
}

}  // namespace

StatusOr<UniqueSlices> FindUnique(DataType type, const void* data, int64_t outer, int64_t slices, int64_t inner, bool sorted) {
  // Without elements the number of stretches is bounded by nothing that was ever in memory.
  if (outer * inner == 0 && slices > (int64_t{1} << 24)) return Resource(fmt::format("{} empty stretches are too many to compare", slices));
  const auto find = [&]<class From, class To>() { return FindWidened<From, To>(data, outer, slices, inner, sorted); };
  switch (type) {
    case DataType::kFloat:
      return find.operator()<float, double>();
    case DataType::kDouble:
      return find.operator()<double, double>();
    case DataType::kFloat16:
      return find.operator()<Float16, double>();
    case DataType::kBfloat16:
      return find.operator()<BFloat16, double>();
    case DataType::kInt8:
      return find.operator()<int8_t, int64_t>();
    case DataType::kInt16:
      return find.operator()<int16_t, int64_t>();
    case DataType::kInt32:
      return find.operator()<int32_t, int64_t>();
    case DataType::kInt64:
      return find.operator()<int64_t, int64_t>();
    case DataType::kUint8:
      return find.operator()<uint8_t, int64_t>();
    case DataType::kUint16:
      return find.operator()<uint16_t, int64_t>();
    case DataType::kUint32:
      return find.operator()<uint32_t, int64_t>();
    case DataType::kUint64:
      return find.operator()<uint64_t, uint64_t>();
    case DataType::kBool:
      return find.operator()<bool, int64_t>();
    case DataType::kString:
      return find.operator()<std::string, std::string>();
    case DataType::kComplex64:
      return find.operator()<std::complex<float>, std::complex<double>>();
    case DataType::kComplex128:
      return find.operator()<std::complex<double>, std::complex<double>>();
    default:
      return Unsupported(fmt::format("Unique is not implemented for {}", DataTypeName(type)));
  }
}

}  // namespace sardonyx::kernels
