#include "kernels/movement/scatter.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <type_traits>

#include <fmt/format.h>

#include "kernels/movement/row_walk.h"

namespace sardonyx::kernels {
namespace {

template <class T>
struct IsComplex : std::false_type {};
template <class T>
struct IsComplex<std::complex<T>> : std::true_type {};

// A NaN on either side wins, as in numpy.
template <class T>
T Least(T a, T b) {
  return b < a || b != b ? b : a;
}
template <class T>
T Greatest(T a, T b) {
  return a < b || b != b ? b : a;
}

template <class T>
T Combine(ScatterReduction reduction, T a, T b) {
  if constexpr (std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>) {
    return T(Combine(reduction, static_cast<float>(a), static_cast<float>(b)));
  } else if constexpr (std::is_same_v<T, bool>) {
    return reduction == ScatterReduction::kAdd || reduction == ScatterReduction::kMax ? a || b : a && b;
  } else if constexpr (IsComplex<T>::value) {
    return reduction == ScatterReduction::kAdd ? a + b : a * b;
  } else if constexpr (std::is_integral_v<T>) {
    // Integers wrap around; the unsigned detour (of 64 bits, which no promotion makes signed) keeps that defined.
    using U = uint64_t;
    switch (reduction) {
      case ScatterReduction::kAdd:
        return static_cast<T>(static_cast<U>(a) + static_cast<U>(b));
      case ScatterReduction::kMul:
        return static_cast<T>(static_cast<U>(a) * static_cast<U>(b));
      case ScatterReduction::kMin:
        return Least(a, b);
      default:
        return Greatest(a, b);
    }
  } else {
    switch (reduction) {
      case ScatterReduction::kAdd:
        return a + b;
      case ScatterReduction::kMul:
        return a * b;
      case ScatterReduction::kMin:
        return Least(a, b);
      default:
        return Greatest(a, b);
    }
  }
}

// Calls f.template operator()<T>() for the arithmetic types that have `reduction`.
template <class F>
Status DispatchReduction(DataType type, ScatterReduction reduction, F&& f) {
  const bool ordering = reduction == ScatterReduction::kMin || reduction == ScatterReduction::kMax;
  switch (type) {
    case DataType::kFloat:
      f.template operator()<float>();
      return {};
    case DataType::kDouble:
      f.template operator()<double>();
      return {};
    case DataType::kFloat16:
      f.template operator()<Float16>();
      return {};
    case DataType::kBfloat16:
      f.template operator()<BFloat16>();
      return {};
    case DataType::kInt8:
      f.template operator()<int8_t>();
      return {};
    case DataType::kInt16:
      f.template operator()<int16_t>();
      return {};
    case DataType::kInt32:
      f.template operator()<int32_t>();
      return {};
    case DataType::kInt64:
      f.template operator()<int64_t>();
      return {};
    case DataType::kUint8:
      f.template operator()<uint8_t>();
      return {};
    case DataType::kUint16:
      f.template operator()<uint16_t>();
      return {};
    case DataType::kUint32:
      f.template operator()<uint32_t>();
      return {};
    case DataType::kUint64:
      f.template operator()<uint64_t>();
      return {};
    case DataType::kBool:
      f.template operator()<bool>();
      return {};
    case DataType::kComplex64:
      if (ordering) break;
      f.template operator()<std::complex<float>>();
      return {};
    case DataType::kComplex128:
      if (ordering) break;
      f.template operator()<std::complex<double>>();
      return {};
    default:
      break;
  }
  return Unsupported(fmt::format("no such reduction of {} elements", DataTypeName(type)));
}

template <class T, class Assign>
void ScatterRows(T* data, std::span<const int64_t> dims, size_t axis, const Indices& indices, std::span<const int64_t> index_dims,
                 const T* updates, const Assign& assign) {
  const ElementsWalk walk(dims, axis, index_dims);
  walk.ForRows(0, walk.rows(), [&](int64_t base, int64_t first) {
    for (int64_t j = 0; j < walk.row(); ++j)
      assign(data[base + j * walk.step() + indices.At(first + j, walk.size()) * walk.stride()], updates[first + j]);
  });
}

template <class T, class Assign>
void ScatterSlices(const TuplePlan& plan, T* data, const int64_t* indices, const T* updates, const Assign& assign) {
  for (int64_t t = 0; t < plan.tuples; ++t) {
    T* to = data + plan.Offset(indices, t);
    for (int64_t i = 0; i < plan.slice; ++i) assign(to[i], *updates++);
  }
}

}  // namespace

std::optional<ScatterReduction> ParseScatterReduction(std::string_view name) {
  if (name == "none") return ScatterReduction::kNone;
  if (name == "add") return ScatterReduction::kAdd;
  if (name == "mul") return ScatterReduction::kMul;
  if (name == "min") return ScatterReduction::kMin;
  if (name == "max") return ScatterReduction::kMax;
  return std::nullopt;
}

Status ScatterElements(DataType type, ScatterReduction reduction, void* data, std::span<const int64_t> dims, size_t axis,
                       const Indices& indices, std::span<const int64_t> index_dims, const void* updates) {
  if (reduction == ScatterReduction::kNone) {
    DispatchElement(ElementOf(type), [&]<class T>() {
      ScatterRows(static_cast<T*>(data), dims, axis, indices, index_dims, static_cast<const T*>(updates),
                  [](T& to, const T& from) { to = from; });
    });
    return {};
  }
  return DispatchReduction(type, reduction, [&]<class T>() {
    ScatterRows(static_cast<T*>(data), dims, axis, indices, index_dims, static_cast<const T*>(updates),
                [reduction](T& to, const T& from) { to = Combine(reduction, to, from); });
  });
}

Status ScatterTuples(DataType type, ScatterReduction reduction, const TuplePlan& plan, void* data, const int64_t* indices,
                     const void* updates) {
  if (reduction == ScatterReduction::kNone) {
    DispatchElement(ElementOf(type), [&]<class T>() {
      ScatterSlices(plan, static_cast<T*>(data), indices, static_cast<const T*>(updates), [](T& to, const T& from) { to = from; });
    });
    return {};
  }
  return DispatchReduction(type, reduction, [&]<class T>() {
    ScatterSlices(plan, static_cast<T*>(data), indices, static_cast<const T*>(updates),
                  [reduction](T& to, const T& from) { to = Combine(reduction, to, from); });
  });
}

}  // namespace sardonyx::kernels
