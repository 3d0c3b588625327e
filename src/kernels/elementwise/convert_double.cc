#include "kernels/elementwise/convert_hub.h"

namespace sardonyx::kernels {

template void LoadElements<double>(DataType, const void*, int64_t, int64_t, double*);
template void StoreElements<double>(const double*, int64_t, DataType, void*, int64_t, const ConvertOptions&);

}  // namespace sardonyx::kernels
