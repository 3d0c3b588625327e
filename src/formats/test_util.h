// Shared by the tests of src/formats.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <string>

#include "base/file.h"
#include "sardonyx/tensor.h"

namespace sardonyx::formats {

inline ByteSink AppendTo(std::string* out) {
  return [out](const void* data, size_t size) {
    out->append(static_cast<const char*>(data), size);
    return Status();
  };
}

// A file that tools/make_format_goldens.py wrote.
inline Bytes Golden(const std::string& name) {
  auto bytes = MapFile(std::filesystem::path(SARDONYX_SOURCE_DIR) / "src/formats/testdata" / name);
  EXPECT_TRUE(bytes.ok()) << bytes.status().ToString();
  return bytes.ok() ? *bytes : Bytes();
}

inline bool SameTensor(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || !(a.dims() == b.dims())) return false;
  if (a.dtype() == DataType::kString) {
    const auto x = a.data<std::string>(), y = b.data<std::string>();
    return std::equal(x.begin(), x.end(), y.begin(), y.end());
  }
  return a.byte_size() == 0 || std::memcmp(a.raw_data(), b.raw_data(), a.byte_size()) == 0;
}

// One tensor of every element type, of shape [2, 3] with recognizable bytes.
inline std::vector<Tensor> OneOfEveryType() {
  std::vector<Tensor> tensors;
  for (int i = 1; i < kNumDataTypes; ++i) {
    const auto type = static_cast<DataType>(i);
    if (type == DataType::kString) {
      tensors.push_back(Tensor::From<std::string>({2, 3}, {"", "a", "h\xc3\xa9", "\xe6\x97\xa5", "\xf0\x9f\x98\x80", "a b"}));
      continue;
    }
    Tensor tensor = *Tensor::Allocate(type, {2, 3});
    auto* bytes = static_cast<uint8_t*>(tensor.mutable_raw_data());
    for (size_t k = 0; k < tensor.byte_size(); ++k) bytes[k] = static_cast<uint8_t>(type == DataType::kBool ? k % 2 : 17 * k + 1);
    if (const int used = 6 * BitsPerElement(type) % 8; used != 0) bytes[tensor.byte_size() - 1] &= static_cast<uint8_t>((1 << used) - 1);
    tensors.push_back(tensor);
  }
  return tensors;
}

}  // namespace sardonyx::formats
