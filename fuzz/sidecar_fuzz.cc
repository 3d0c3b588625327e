// The YAML beside a model.
#include "vision/sidecar.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  (void)sardonyx::vision::ParseSidecar({reinterpret_cast<const char*>(data), size}, "/nonexistent");
  return 0;
}
