// NumPy arrays, each read for the element type that the first byte chooses. What reads must write and read back alike.
#include <cstdlib>
#include <cstring>

#include "formats/npy.h"

using sardonyx::Bytes;
using sardonyx::DataType;
using sardonyx::Tensor;
namespace formats = sardonyx::formats;

namespace {

bool Same(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || !(a.dims() == b.dims())) return false;
  if (a.byte_size() == 0) return true;
  if (a.dtype() != DataType::kString) return std::memcmp(a.raw_data(), b.raw_data(), a.byte_size()) == 0;
  const auto x = a.data<std::string>(), y = b.data<std::string>();
  return std::equal(x.begin(), x.end(), y.begin(), y.end());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto expected = static_cast<DataType>(data[0] % sardonyx::kNumDataTypes);
  const auto tensor = formats::ReadNpy(Bytes(data + 1, size - 1, nullptr), expected);
  if (!tensor.ok()) return 0;
  std::string written;
  const auto status = formats::WriteNpy(*tensor, [&](const void* piece, size_t length) {
    written.append(static_cast<const char*>(piece), length);
    return sardonyx::Status();
  });
  if (status.code() == sardonyx::StatusCode::kResource) return 0;  // few long strings among many short ones
  const auto again = formats::ReadNpy(Bytes::Own(std::move(written)), tensor->dtype());
  if (!status.ok() || !again.ok() || !Same(*tensor, *again)) std::abort();
  return 0;
}
