// Inputs that hold one number: axis, depth, ratio, size, ...
#pragma once

#include "kernels/elementwise/convert.h"
#include "providers/cpu/bind.h"

namespace sardonyx::cpu {

// The one element of input i, a scalar or a tensor of one element, as T (int64_t or double). kUsage otherwise.
template <class T>
StatusOr<T> ScalarInput(const KernelContext& context, size_t i, std::string_view what) {
  if (!context.has_input(i) || !context.input_is_tensor(i)) return Usage(fmt::format("{} is missing", what));
  const TensorView& input = context.input(i);
  if (input.num_elements() != 1 || input.dtype == DataType::kString)
    return Usage(fmt::format("{} is {}, not one number", what, input.TypeString()));
  T value{};
  kernels::LoadElements(input.dtype, input.data, 0, 1, &value);
  return value;
}

// `fallback` when input i is omitted.
template <class T>
StatusOr<T> ScalarInputOr(const KernelContext& context, size_t i, std::string_view what, T fallback) {
  if (!context.has_input(i)) return fallback;
  return ScalarInput<T>(context, i, what);
}

// `axis` counted from the front; kUsage, naming the operator, unless -rank <= axis < rank.
inline StatusOr<size_t> NormalAxis(std::string_view op, int64_t axis, size_t rank) {
  const auto r = static_cast<int64_t>(rank);
  if (axis < -r || axis >= r) return Usage(fmt::format("{}: axis {} is not one of a tensor of rank {}", op, axis, rank));
  return static_cast<size_t>(axis < 0 ? axis + r : axis);
}

}  // namespace sardonyx::cpu
