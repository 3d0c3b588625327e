#include "kernels/elementwise/convert_hub.h"

namespace sardonyx::kernels {

template void LoadElements<uint64_t>(DataType, const void*, int64_t, int64_t, uint64_t*);
template void StoreElements<uint64_t>(const uint64_t*, int64_t, DataType, void*, int64_t, const ConvertOptions&);

}  // namespace sardonyx::kernels
