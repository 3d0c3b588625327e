// NumPy's .npy arrays (NEP 1 and numpy.lib.format, versions 1.0, 2.0 and 3.0) to and from tensors.
//
//   descr              tensor                        notes
//   b1                 bool                          any byte but 0 is true
//   i1..i8, u1..u8     int8..int64, uint8..uint64
//   f2, f4, f8         float16, float, double
//   c8, c16            complex64, complex128
//   U<n>               string                        UCS-4 to UTF-8, trailing NULs dropped as NumPy does
//   S<n>               string                        bytes as they are, trailing NULs dropped
//   V2                 bfloat16                      when asked for: the file does not say what it holds
//   V1                 float8*, float6*, float4e2m1, u/int4, u/int2   when asked for; one element to a byte, in its low bits
//
// Big-endian and Fortran-ordered files are converted. Pickled ("O"), structured, date and long double arrays are
// kUnsupported.
#pragma once

#include <span>
#include <string>

#include "base/bytes.h"
#include "base/file.h"
#include "sardonyx/tensor.h"

namespace sardonyx::formats {

bool IsNpy(std::span<const uint8_t> bytes);  // by its magic

// Reads one array that fills `bytes`. The tensor is a view of them where the file holds it as ONNX does, aligned.
// `expected` is what the caller will use it for, if known: it says what V1 and V2 hold, and packs i1 and u1 into 4- and
// 2-bit types (kInvalid for a value that does not fit). Any other type comes back as the file has it.
StatusOr<Tensor> ReadNpy(const Bytes& bytes, DataType expected = DataType::kUndefined);

// A tensor as .npy: `header` and then `data`, which is a view of the tensor where possible.
//
// NumPy has no such types of its own, so: bfloat16 is written as V2 and float8*, float6*, float4e2m1 as V1, as the
// package ml_dtypes writes them (`array.view(ml_dtypes.bfloat16)` brings them back); int4, int2 as i1 and uint4, uint2 as u1,
// one element to a byte. Strings become U (S if one of them is not valid UTF-8), so NULs at their ends are lost.
struct NpyImage {
  std::string header;
  Bytes data;
};
StatusOr<NpyImage> EncodeNpy(const Tensor& tensor);
Status WriteNpy(const Tensor& tensor, const ByteSink& sink);

}  // namespace sardonyx::formats
