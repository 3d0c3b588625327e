// The JSON of an exported program of PyTorch, read, translated and finished. Every parameter is a small tensor.
#include <cstdint>
#include <string_view>

#include "import/pytorch/exported_program.h"
#include "import/pytorch/import_pytorch.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sardonyx;
  const pytorch::FindParameter find = [](const std::string& name) -> StatusOr<std::shared_ptr<const pytorch::Parameter>> {
    auto parameter = std::make_shared<pytorch::Parameter>();
    parameter->name = name;
    parameter->tensor.dtype = DataType::kFloat;
    parameter->tensor.sizes = {2, 3};
    parameter->tensor.strides = {3, 1};
    parameter->tensor.storage = std::make_shared<formats::TorchStorage>(formats::TorchStorage{Bytes::Own(std::string(24, '\1'))});
    return std::shared_ptr<const pytorch::Parameter>(std::move(parameter));
  };
  StatusOr<pytorch::Program> program = pytorch::ReadExportedJson({reinterpret_cast<const char*>(data), size}, find);
  if (program.ok()) (void)pytorch::ImportProgram(*std::move(program), {});
  return 0;
}
