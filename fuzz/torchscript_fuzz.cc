// TorchScript's code: the source of a module's class, parsed and interpreted.
#include "import/pytorch/torchscript/import_torchscript.h"
#include "import/pytorch/torchscript/test_util.h"

using namespace sardonyx;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096) return 0;
  import::ImportOptions options;
  options.inputs.push_back({"x", ir::Type::Tensor(DataType::kFloat, ir::Shape({2, 3}))});
  options.allow_unsupported = true;
  (void)pytorch::ImportTorchScript(pytorch::ModuleArchive(std::string(reinterpret_cast<const char*>(data), size)), options);
  return 0;
}
