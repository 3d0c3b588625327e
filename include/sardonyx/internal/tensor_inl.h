// Template members of Tensor. Included by tensor.h only.
#pragma once

#include <cstdlib>
#include <cstring>

namespace sardonyx {

template <class T>
Tensor Tensor::From(Dims dims, std::span<const T> values) {
  if constexpr (std::is_same_v<T, std::string>) {
    return FromStrings(std::move(dims), std::vector<std::string>(values.begin(), values.end()));
  } else {
    StatusOr<Tensor> made = Allocate(DataTypeOf<T>::value, std::move(dims));
    if (!made.ok() || static_cast<size_t>(made->num_elements()) != values.size()) std::abort();  // a programmer's error
    if (!values.empty()) std::memcpy(made->mutable_raw_data(), values.data(), values.size() * sizeof(T));
    return *std::move(made);
  }
}

}  // namespace sardonyx
