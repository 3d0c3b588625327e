// Compressed streams and tar archives. What unpacks must pack and unpack to the same again.
#include <cstdlib>

#include "formats/archive.h"

using sardonyx::Bytes;
using sardonyx::Status;
namespace formats = sardonyx::formats;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const formats::UnpackLimits limits{.max_bytes = 1 << 20, .max_expansion = 1000, .max_members = 100};
  const Bytes bytes(data, size, nullptr);
  (void)formats::Decompress(bytes, limits);
  const auto members = formats::ReadTar(bytes, limits);
  if (!members.ok()) return 0;
  std::string packed;
  const Status written = formats::WriteTar(*members, [&](const void* piece, size_t length) {
    packed.append(static_cast<const char*>(piece), length);
    return Status();
  });
  if (members->empty()) return 0;
  const auto again = formats::ReadTar(Bytes::Own(packed), {});
  if (!written.ok() || !again.ok() || again->size() != members->size()) std::abort();
  for (size_t i = 0; i < again->size(); ++i)
    if ((*again)[i].name != (*members)[i].name || (*again)[i].content.view() != (*members)[i].content.view()) std::abort();
  return 0;
}
