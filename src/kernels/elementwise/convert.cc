#include "kernels/elementwise/convert.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace sardonyx::kernels {
namespace {

template <class Hub>
void ConvertThrough(DataType in_dtype, const void* in, DataType out_dtype, void* out, int64_t begin, int64_t count,
                    const ConvertOptions& options) {
  Hub chunk[kChunk];
  for (int64_t done = 0; done < count; done += kChunk) {
    const int64_t n = std::min(kChunk, count - done);
    LoadElements(in_dtype, in, begin + done, n, chunk);
    StoreElements(chunk, n, out_dtype, out, begin + done, options);
  }
}

// Two types whose conversion is one load or one store have no need of a chunk between.
template <class Hub>
bool ConvertDirectly(DataType hub, DataType in_dtype, const void* in, DataType out_dtype, void* out, int64_t begin, int64_t count,
                     const ConvertOptions& options) {
  if (out_dtype == hub) return LoadElements(in_dtype, in, begin, count, static_cast<Hub*>(out) + begin), true;
  if (in_dtype == hub) return StoreElements(static_cast<const Hub*>(in) + begin, count, out_dtype, out, begin, options), true;
  return false;
}

}  // namespace

DataType HubOf(DataType dtype) {
  if (dtype == DataType::kDouble) return DataType::kDouble;
  if (dtype == DataType::kUint64) return DataType::kUint64;
  return IsFloatingPoint(dtype) ? DataType::kFloat : DataType::kInt64;
}

int64_t ElementStride(DataType dtype) {
  return dtype == DataType::kString ? static_cast<int64_t>(sizeof(std::string)) : BitsPerElement(dtype) / 8;
}

void ConvertElements(DataType in_dtype, const void* in, DataType out_dtype, void* out, int64_t begin, int64_t count,
                     const ConvertOptions& options) {
  if (in_dtype == out_dtype && in == out) return;
  if (ConvertDirectly<float>(DataType::kFloat, in_dtype, in, out_dtype, out, begin, count, options)) return;
  if (ConvertDirectly<double>(DataType::kDouble, in_dtype, in, out_dtype, out, begin, count, options)) return;
  if (ConvertDirectly<int64_t>(DataType::kInt64, in_dtype, in, out_dtype, out, begin, count, options)) return;
  if (HubOf(in_dtype) == DataType::kFloat) return ConvertThrough<float>(in_dtype, in, out_dtype, out, begin, count, options);
  if (HubOf(in_dtype) == DataType::kUint64) return ConvertThrough<uint64_t>(in_dtype, in, out_dtype, out, begin, count, options);
  ConvertThrough<int64_t>(in_dtype, in, out_dtype, out, begin, count, options);
}

}  // namespace sardonyx::kernels
