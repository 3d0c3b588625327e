// Pickles of any protocol.
#include "formats/pickle.h"

using sardonyx::Bytes;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const sardonyx::formats::PickleOptions options{.allows = [](std::string_view, std::string_view name) { return name.size() < 12; },
                                                 .max_objects = 10000};
  const auto pickle = sardonyx::formats::ReadPickle(Bytes(data, size, nullptr), options);
  if (pickle.ok()) (void)(*pickle)->root().Describe();
  return 0;
}
