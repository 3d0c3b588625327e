// Convolution with one input channel a group, by direct SIMD over the width.
#pragma once

#include <cstddef>

#include "base/thread_pool.h"
#include "kernels/conv/conv.h"

namespace sardonyx::kernels {

// Preconditions: shape.is_depthwise(), outputs are not empty; the workspace has DepthwiseConvF32Workspace bytes.
size_t DepthwiseConvF32Workspace(const ConvShape& shape, int threads);
void DepthwiseConvF32(const ConvF32Arguments& arguments, void* workspace, ThreadPool& pool);

}  // namespace sardonyx::kernels
