// Pad: a tensor with a border around it, or without some of its edge.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/thread_pool.h"
#include "kernels/movement/element.h"
#include "sardonyx/status.h"
#include "sardonyx/tensor.h"

namespace sardonyx::kernels {

enum class PadMode : uint8_t { kConstant, kReflect, kEdge, kWrap };
std::optional<PadMode> ParsePadMode(std::string_view name);  // "constant", "reflect", "edge", "wrap"

// Dims of the padded tensor. begins and ends have an entry per axis; negative ones crop. kInvalid where an axis would
// become negative, or where a mode other than constant has nothing to repeat; kResource where the result overflows.
StatusOr<Dims> PaddedDims(std::span<const int64_t> dims, std::span<const int64_t> begins, std::span<const int64_t> ends, PadMode mode);

// What negative entries crop goes first; the other modes repeat what is left, over and over if the border is wider.
// `value` is one element, for constant mode. `out_dims` is PaddedDims' result.
void Pad(Element element, PadMode mode, const void* src, std::span<const int64_t> dims, std::span<const int64_t> begins,
         std::span<const int64_t> ends, const void* value, void* dst, const Dims& out_dims, ThreadPool* pool);

}  // namespace sardonyx::kernels
