#include "kernels/elementwise/convert_hub.h"

namespace sardonyx::kernels {

template void LoadElements<float>(DataType, const void*, int64_t, int64_t, float*);
template void StoreElements<float>(const float*, int64_t, DataType, void*, int64_t, const ConvertOptions&);

}  // namespace sardonyx::kernels
