// Binary models: what loads must save and load again to the same bytes, and survive inference, the checker and printing.
#include <cstdlib>

#include "check/check.h"
#include "ir/load.h"
#include "ir/save.h"
#include "ir/text.h"

using sardonyx::Bytes;
namespace ir = sardonyx::ir;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ir::LoadOptions options;
  options.max_unpacked_bytes = 1 << 24;
  const auto model = ir::ParseModel(Bytes::Own(std::string(reinterpret_cast<const char*>(data), size)), "/nonexistent", options);
  if (!model.ok()) return 0;
  const std::string once = ir::SerializeModel(**model);
  const auto again = ir::ParseModel(Bytes::Own(once), "/nonexistent", options);
  // Saving may make a message of nothing but unknown fields, which is no model.
  if (again.ok() && ir::SerializeModel(**again) != once) std::abort();
  (void)sardonyx::check::CheckModel(**model);
  (void)ir::PrintText(**model);
  return 0;
}
