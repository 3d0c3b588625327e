// Convolution with one input channel a group, by direct SIMD over the width.
#pragma once

#include "base/thread_pool.h"
#include "kernels/conv/conv.h"

namespace sardonyx::kernels {

// Precondition: arguments.shape.is_depthwise().
void DepthwiseConvF32(const ConvF32Arguments& arguments, ThreadPool& pool);

}  // namespace sardonyx::kernels
