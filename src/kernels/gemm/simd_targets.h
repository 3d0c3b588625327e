// Included before hwy/highway.h: the instruction sets that heavy kernels are compiled for.
//
// Targets whose float arithmetic is that of a neighbour (SSSE3: of SSE4; AVX3_DL: of AVX3) would only lengthen the build.
// Scalable vectors cannot be held in arrays, as register tiles are, so SVE machines run the NEON code.
#pragma once

#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
