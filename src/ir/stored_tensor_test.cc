#include "ir/stored_tensor.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sardonyx::ir {
namespace {

// A tensor whose int32_data are `varints`.
StatusOr<Tensor> Read(DataType dtype, std::vector<int64_t> dims, std::string varints) {
  StoredTensor stored;
  stored.name = "t";
  stored.dtype = dtype;
  stored.dims = std::move(dims);
  stored.storage = StoredTensor::Typed{5, Bytes::Own(std::move(varints))};
  return stored.ToTensor();
}

std::vector<uint8_t> BytesOf(const StatusOr<Tensor>& tensor) {
  EXPECT_TRUE(tensor.ok()) << tensor.status().ToString();
  if (!tensor.ok()) return {};
  const auto* bytes = static_cast<const uint8_t*>(tensor->raw_data());
  return {bytes, bytes + tensor->byte_size()};
}

TEST(StoredTensor, Int32DataHoldsBytesOfPackedTypes) {
  EXPECT_EQ(BytesOf(Read(DataType::kInt4, {3}, "\x21\x03")), (std::vector<uint8_t>{0x21, 0x03}));
  EXPECT_EQ(BytesOf(Read(DataType::kUint2, {5}, "\x21\x03")), (std::vector<uint8_t>{0x21, 0x03}));
}

// onnx.proto: "For FLOAT6E2M3 and FLOAT6E3M2, each int32_data entry stores one element's unsigned 6-bit encoding".
TEST(StoredTensor, Int32DataHoldsElementsOfFloat6) {
  const std::string codes = "\x1f\x29\x01\x08\x21";
  EXPECT_EQ(BytesOf(Read(DataType::kFloat6E2M3, {5}, codes)), (std::vector<uint8_t>{0x5f, 0x1a, 0x20, 0x21}));
  EXPECT_EQ(BytesOf(Read(DataType::kFloat6E3M2, {5, 0}, "")), std::vector<uint8_t>());
  EXPECT_EQ(Read(DataType::kFloat6E2M3, {4}, codes).status().code(), StatusCode::kCorrupt);
  EXPECT_EQ(Read(DataType::kFloat6E2M3, {6}, codes).status().code(), StatusCode::kCorrupt);
  EXPECT_EQ(Read(DataType::kFloat6E2M3, {int64_t{1} << 60}, codes).status().code(), StatusCode::kCorrupt);
  EXPECT_EQ(Read(DataType::kFloat6E2M3, {1}, "\x40").status().message(), "tensor 't': element 0 of float6e2m3 is 64, more than 6 bits");
  EXPECT_EQ(Read(DataType::kFloat6E2M3, {1}, "\x80\x80\x04").status().code(), StatusCode::kCorrupt);  // 65536
}

TEST(StoredTensor, HugePackedDimsNeedTheirBytes) {
  StoredTensor stored;
  stored.dtype = DataType::kInt4;
  stored.dims = {int64_t{1} << 62};  // 2^64 bits
  stored.storage = StoredTensor::Raw{};
  EXPECT_EQ(stored.ToTensor().status().code(), StatusCode::kCorrupt);
}

}  // namespace
}  // namespace sardonyx::ir
