#include "kernels/elementwise/convert_hub.h"

namespace sardonyx::kernels {

template void LoadElements<int64_t>(DataType, const void*, int64_t, int64_t, int64_t*);
template void StoreElements<int64_t>(const int64_t*, int64_t, DataType, void*, int64_t, const ConvertOptions&);

}  // namespace sardonyx::kernels
