// Inside of Decompress(): one function a family of codecs. `out` receives the content, at most `allowance` bytes (else
// kResource).
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "formats/archive.h"

namespace sardonyx::formats {

Status DecompressGzip(std::span<const uint8_t> packed, uint64_t allowance, std::string* out);
// xz, bzip2 and zstd.
Status DecompressByLibarchive(Container container, std::span<const uint8_t> packed, uint64_t allowance, std::string* out);

}  // namespace sardonyx::formats
