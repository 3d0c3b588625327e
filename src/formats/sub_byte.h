// Elements of less than a byte, between ONNX's packing (low bits first) and one element to a byte, as every other format
// stores them.
#pragma once

#include <span>
#include <vector>

#include "sardonyx/tensor.h"

namespace sardonyx::formats {

// How a byte holds its element: as a number, which must fit, or in the low bits, the others being ignored.
enum class SubByteInput { kSigned, kUnsigned, kLowBits };

// Packs one byte an element into a tensor of `type` (6, 4 or 2 bits). kInvalid names the first value that does not fit.
StatusOr<Tensor> PackSubByte(DataType type, const Dims& dims, std::span<const uint8_t> elements, SubByteInput input);

// One byte an element: the value for int and uint (sign-extended), the bits for float4e2m1 and float6.
std::vector<uint8_t> UnpackSubByte(const Tensor& tensor);

}  // namespace sardonyx::formats
