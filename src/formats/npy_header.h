// The header of a .npy file: a Python dict literal, of which only what NumPy itself writes is accepted.
#pragma once

#include <span>
#include <string>

#include "sardonyx/tensor.h"

namespace sardonyx::formats {

struct NpyHeader {
  bool big_endian = false;
  char kind = 0;     // 'b', 'i', 'u', 'f', 'c', 'U', 'S' or 'V'
  size_t width = 0;  // the number after it: bytes of an element, or characters of an 'U'
  bool fortran_order = false;
  Dims dims;
  size_t data_offset = 0;

  size_t item_bytes() const { return kind == 'U' ? width * 4 : width; }
};

// kCorrupt if it is not a .npy header; kUnsupported for element types that no tensor has.
StatusOr<NpyHeader> ParseNpyHeader(std::span<const uint8_t> bytes);

// Magic, version and header for C-ordered data, padded so that the data begins at a multiple of 64.
std::string MakeNpyHeader(const std::string& descr, const Dims& dims);

}  // namespace sardonyx::formats
