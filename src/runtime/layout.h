// Layout: how a tensor's elements lie in memory.
#pragma once

#include <memory>

#include "sardonyx/status.h"
#include "sardonyx/tensor.h"

namespace sardonyx::runtime {

class Kernel;

// Plain is row-major. The blocked forms are for N, C, spatial...: 8 or 16 channels lie innermost, as N, C/b, spatial..., b with
// C padded to a multiple of b. Padding may hold anything: no kernel lets it reach other channels. A value's logical dims never
// change with its layout. Channels last is N, spatial..., C without padding: what 8-bit kernels take.
enum class Layout : uint8_t { kPlain, kNchw8c, kNchw16c, kChannelsLast };

// Channels that a block holds; 1 for the layouts without blocks.
int64_t ChannelBlock(Layout layout);
std::string_view LayoutName(Layout layout);

// Elements that a tensor of these logical dims takes, padding counted. kInvalid for a blocked layout of rank under 2;
// kResource if they are too many to address.
StatusOr<int64_t> LayoutElements(DataType dtype, const Dims& dims, Layout layout);

// A kernel that copies its input (laid out as `from`) into its output (laid out as `to`): what the compiler inserts where
// neighbours want different layouts. One of the two is plain; elements are 1, 2, 4 or 8 bytes wide.
std::unique_ptr<Kernel> MakeReorder(Layout from, Layout to);

}  // namespace sardonyx::runtime
