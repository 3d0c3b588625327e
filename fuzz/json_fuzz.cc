// JSON documents, and tensors in them. The first byte chooses the element type of bare lists.
#include <cstdlib>

#include "formats/json.h"

using sardonyx::DataType;
namespace formats = sardonyx::formats;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto type = static_cast<DataType>(data[0] % sardonyx::kNumDataTypes);
  const auto json = formats::ParseJson({reinterpret_cast<const char*>(data + 1), size - 1}, {.max_bytes = 1 << 20, .max_depth = 100});
  if (!json.ok()) return 0;
  const std::string text = formats::DumpJson(*json);
  const auto again = formats::ParseJson(text);
  if (!again.ok() || formats::DumpJson(*again) != text) std::abort();
  const auto tensor = formats::TensorFromJson(*json, type);
  if (!tensor.ok()) return 0;
  const auto written = formats::TensorToJson(*tensor);
  if (!written.ok()) std::abort();
  const auto read = formats::TensorFromJson(*written);
  if (!read.ok() || formats::DumpJson(*formats::TensorToJson(*read)) != formats::DumpJson(*written)) std::abort();
  return 0;
}
