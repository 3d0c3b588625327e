// Safetensors files: headers and the ranges that they claim.
#include "formats/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto read = sardonyx::formats::ReadSafeTensors(sardonyx::Bytes::Own(std::string(reinterpret_cast<const char*>(data), size)));
  if (!read.ok()) return 0;
  for (const auto& [name, tensor] : read->tensors)
    if (tensor.byte_size() > size) __builtin_trap();
  return 0;
}
