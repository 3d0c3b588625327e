// The textual syntax: what parses must print as text that parses to the same.
#include <cstdlib>

#include "ir/text.h"

namespace ir = sardonyx::ir;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto model = ir::ParseText({reinterpret_cast<const char*>(data), size});
  if (!model.ok()) return 0;
  const std::string once = ir::PrintText(**model);
  const auto again = ir::ParseText(once);
  if (!again.ok() || ir::PrintText(**again) != once) std::abort();
  return 0;
}
