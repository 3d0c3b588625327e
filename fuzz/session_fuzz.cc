// The whole engine: models in any form are prepared and run on zeros, within limits of time and memory.
#include "ir/load.h"
#include "sardonyx/session.h"

using namespace sardonyx;  // NOLINT: a test program

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ir::LoadOptions load;
  load.max_unpacked_bytes = 1 << 22;
  auto model = ir::ParseModel(Bytes::Own(std::string(reinterpret_cast<const char*>(data), size)), "/nonexistent", load);
  if (!model.ok()) return 0;
  SessionOptions options;
  options.threads = 1;
  options.memory_limit = 32 << 20;
  const auto session = Session::Create(Model(std::shared_ptr<const ir::Model>(*std::move(model))), options);
  if (!session.ok()) return 0;
  std::vector<Session::NamedValue> inputs;
  for (const ValueInfo& info : session->inputs()) {
    Dims dims;
    for (const int64_t dim : info.dims) dims.push_back(dim < 0 ? 3 : dim);
    const auto count = CheckedNumElements(info.dtype, dims);
    if (info.dtype == DataType::kUndefined || !count.ok() || *count > 100'000) return 0;
    auto tensor = Tensor::Allocate(info.dtype, dims);
    if (!tensor.ok()) return 0;
    inputs.emplace_back(info.name, *std::move(tensor));
  }
  RunOptions run;
  run.time_limit = std::chrono::seconds(1);
  (void)session->Run(inputs, run);
  return 0;
}
