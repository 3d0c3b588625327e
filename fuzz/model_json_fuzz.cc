// Models as protobuf JSON: what is read must be written as JSON that reads to the same message.
#include <cstdlib>

#include "ir/json.h"

namespace ir = sardonyx::ir;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto wire = ir::JsonToWire({reinterpret_cast<const char*>(data), size}, ir::MessageKind::kModelProto);
  if (!wire.ok()) return 0;
  const auto json = ir::WireToJson(*wire, ir::MessageKind::kModelProto);
  if (!json.ok()) return 0;
  const auto again = ir::JsonToWire(*json, ir::MessageKind::kModelProto);
  if (again.ok() && *again != *wire) std::abort();
  return 0;
}
