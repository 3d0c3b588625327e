#include "formats/sub_byte.h"

#include <fmt/format.h>

#include "base/packed_bits.h"
#include "base/status_macros.h"

namespace sardonyx::formats {
namespace {

bool IsSigned(DataType type) { return type == DataType::kInt4 || type == DataType::kInt2; }

}  // namespace

StatusOr<Tensor> PackSubByte(DataType type, const Dims& dims, std::span<const uint8_t> elements, SubByteInput input) {
  ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(type, dims));
  const int bits = BitsPerElement(type);
  const int low = IsSigned(type) ? -(1 << (bits - 1)) : 0, high = low + (1 << bits) - 1;
  auto* packed = static_cast<uint8_t*>(tensor.mutable_raw_data());
  for (size_t i = 0; i < elements.size(); ++i) {
    const int value = input == SubByteInput::kSigned ? static_cast<int8_t>(elements[i]) : elements[i];
    if (input != SubByteInput::kLowBits && (value < low || value > high))
      return Invalid(fmt::format("element {} is {}, which {} cannot hold ({} to {})", i, value, DataTypeName(type), low, high));
    SetPackedBits(packed, i, bits, elements[i]);
  }
  return tensor;
}

std::vector<uint8_t> UnpackSubByte(const Tensor& tensor) {
  const int bits = BitsPerElement(tensor.dtype());
  const auto* packed = static_cast<const uint8_t*>(tensor.raw_data());
  const uint8_t sign = IsSigned(tensor.dtype()) ? static_cast<uint8_t>(1 << (bits - 1)) : 0;
  std::vector<uint8_t> elements(static_cast<size_t>(tensor.num_elements()));
  for (size_t i = 0; i < elements.size(); ++i) {
    elements[i] = static_cast<uint8_t>((PackedBits(packed, i, bits) ^ sign) - sign);
  }
  return elements;
}

}  // namespace sardonyx::formats
