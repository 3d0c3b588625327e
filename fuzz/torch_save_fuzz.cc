// Files of torch.save, of every age: whatever opens has all of its tensors read.
#include "formats/torch_save.h"

using sardonyx::Bytes;
using namespace sardonyx::formats;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = TorchFile::Open(Bytes(data, size, nullptr));
  if (!file.ok()) return 0;
  int tensors = 0;
  for (const PickleValue& value : file->pickle()->values()) {
    if (!TorchFile::IsTensor(value) || ++tensors > 100) continue;
    const auto tensor = file->ReadTensor(value);
    int64_t elements = 1;
    if (tensor.ok()) {
      for (const int64_t dim : tensor->sizes) elements = dim == 0 || elements > (1 << 20) / dim ? 1 << 20 : elements * dim;
      if (elements < 1 << 20) (void)tensor->Dense();
    }
  }
  return 0;
}
