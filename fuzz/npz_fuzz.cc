// Zip archives of NumPy arrays.
#include "formats/npz.h"

using sardonyx::Bytes;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const sardonyx::formats::UnpackLimits limits{.max_bytes = 1 << 20, .max_expansion = 1000, .max_members = 100};
  (void)sardonyx::formats::ReadNpz(Bytes(data, size, nullptr), nullptr, limits);
  return 0;
}
