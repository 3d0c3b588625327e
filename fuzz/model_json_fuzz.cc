// Models as protobuf JSON: what is read must be written as JSON that is read and written as itself.
#include <cstdlib>

#include "ir/json.h"

namespace ir = sardonyx::ir;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto wire = ir::JsonToWire({reinterpret_cast<const char*>(data), size}, ir::MessageKind::kModelProto);
  if (!wire.ok()) return 0;
  const auto json = ir::WireToJson(*wire, ir::MessageKind::kModelProto);
  if (!json.ok()) return 0;
  // The first text may have its keys in any order; the second has them by number.
  const auto again = ir::JsonToWire(*json, ir::MessageKind::kModelProto);
  if (!again.ok()) std::abort();
  const auto json_again = ir::WireToJson(*again, ir::MessageKind::kModelProto);
  if (!json_again.ok() || *json_again != *json) std::abort();
  return 0;
}
