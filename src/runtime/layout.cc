#include "runtime/layout.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "runtime/kernel.h"

namespace sardonyx::runtime {

int64_t ChannelBlock(Layout layout) {
  switch (layout) {
    case Layout::kPlain:
    case Layout::kChannelsLast:
      return 1;
    case Layout::kNchw8c:
      return 8;
    case Layout::kNchw16c:
      return 16;
  }
  return 1;
}

std::string_view LayoutName(Layout layout) {
  switch (layout) {
    case Layout::kPlain:
      return "plain";
    case Layout::kNchw8c:
      return "nchw8c";
    case Layout::kNchw16c:
      return "nchw16c";
    case Layout::kChannelsLast:
      return "channels last";
  }
  return "unknown";
}

StatusOr<int64_t> LayoutElements(DataType dtype, const Dims& dims, Layout layout) {
  if (layout == Layout::kPlain) return CheckedNumElements(dtype, dims);
  if (dims.rank() < 2) return Invalid(fmt::format("a tensor {} has no channels to lay out as {}", dims.ToString(), LayoutName(layout)));
  const int64_t block = ChannelBlock(layout);
  RETURN_IF_ERROR(CheckedNumElements(dtype, dims).status());
  Dims padded = dims;
  padded[1] = (dims[1] + block - 1) / block * block;
  return CheckedNumElements(dtype, padded);
}

namespace {

// out[i, j] = in[j, i] of `rows` rows by `columns` columns of `in`, tile by tile, so that both stay in cache.
template <class T>
void Transpose(const T* in, T* out, int64_t rows, int64_t columns, int64_t first_column, int64_t last_column) {
  if (rows == 3) {  // the channels of a picture
    for (int64_t c = first_column; c < last_column; ++c) {
      out[3 * c] = in[c];
      out[3 * c + 1] = in[columns + c];
      out[3 * c + 2] = in[2 * columns + c];
    }
    return;
  }
  constexpr int64_t kTile = 16;
  for (int64_t j = first_column; j < last_column; j += kTile)
    for (int64_t i = 0; i < rows; i += kTile)
      for (int64_t c = j; c < std::min(last_column, j + kTile); ++c)
        for (int64_t r = i; r < std::min(rows, i + kTile); ++r) out[c * rows + r] = in[r * columns + c];
}

// Between plain and channels last: a transpose of each image's channels and positions.
template <class T>
void SwapChannels(KernelContext& context, const TensorView& input, TensorView output, bool to_last) {
  const int64_t batch = input.dims[0], channels = input.dims[1], spatial = input.dims.Product(2, input.dims.rank());
  const int64_t rows = to_last ? channels : spatial, columns = to_last ? spatial : channels;
  constexpr int64_t kStrip = 64;
  const int64_t strips = (columns + kStrip - 1) / kStrip;
  context.ParallelFor(batch * strips, 0.5 * static_cast<double>(rows * kStrip), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t image = i / strips * rows * columns, first = i % strips * kStrip;
      Transpose(input.ptr<T>() + image, output.mutable_ptr<T>() + image, rows, columns, first, std::min(columns, first + kStrip));
    }
  });
}

// Copies one plane of channels (at most `block` of them) between the two forms; T is an unsigned integer of the element's size.
// A few positions at a time, so that both sides stay in the first-level cache.
template <class T>
void ReorderBlock(const T* from, T* to, int64_t channels, int64_t block, int64_t spatial, bool to_blocked) {
  constexpr int64_t kPositions = 16;
  for (int64_t first = 0; first < spatial; first += kPositions) {
    const int64_t count = std::min(kPositions, spatial - first);
    if (to_blocked) {
      T* out = to + first * block;
      for (int64_t c = 0; c < channels; ++c)
        for (int64_t s = 0; s < count; ++s) out[s * block + c] = from[c * spatial + first + s];
      for (int64_t s = 0; s < count && channels < block; ++s) std::fill(out + s * block + channels, out + (s + 1) * block, T{});
    } else {
      const T* in = from + first * block;
      for (int64_t c = 0; c < channels; ++c)
        for (int64_t s = 0; s < count; ++s) to[c * spatial + first + s] = in[s * block + c];
    }
  }
}

template <class T>
void ReorderAll(KernelContext& context, const TensorView& input, TensorView output, Layout from, Layout to) {
  const bool to_blocked = from == Layout::kPlain;
  const Layout other = to_blocked ? to : from;
  if (other == Layout::kChannelsLast) return SwapChannels<T>(context, input, output, to_blocked);
  const int64_t block = ChannelBlock(other);
  const int64_t batch = input.dims[0], channels = input.dims[1], blocks = (channels + block - 1) / block;
  int64_t spatial = 1;
  for (size_t d = 2; d < input.dims.rank(); ++d) spatial *= input.dims[d];
  const double cost = 0.5 * static_cast<double>(spatial * block);
  context.ParallelFor(batch * blocks, cost, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i % blocks * block;  // the block's first channel
      const int64_t plain = (i / blocks * channels + first) * spatial, blocked = i * block * spatial;
      ReorderBlock(input.ptr<T>() + (to_blocked ? plain : blocked), output.mutable_ptr<T>() + (to_blocked ? blocked : plain),
                   std::min(block, channels - first), block, spatial, to_blocked);
    }
  });
}

class Reorder final : public Kernel {
 public:
  Reorder(Layout from, Layout to) : from_(from), to_(to) {}
  Layout InputLayout(size_t) const override { return from_; }
  Layout OutputLayout(size_t) const override { return to_; }
  Status Run(KernelContext& context) const override {
    const TensorView& input = context.input(0);
    ASSIGN_OR_RETURN(const TensorView output, context.Output(0, input.dtype, input.dims));
    switch (input.dtype == DataType::kString ? 0 : BitsPerElement(input.dtype)) {
      case 8:
        ReorderAll<uint8_t>(context, input, output, from_, to_);
        break;
      case 16:
        ReorderAll<uint16_t>(context, input, output, from_, to_);
        break;
      case 32:
        ReorderAll<uint32_t>(context, input, output, from_, to_);
        break;
      case 64:
        ReorderAll<uint64_t>(context, input, output, from_, to_);
        break;
      default:
        return Unsupported(fmt::format("{} tensors have no blocked layout", DataTypeName(input.dtype)));
    }
    return {};
  }

 private:
  Layout from_, to_;
};

}  // namespace

std::unique_ptr<Kernel> MakeReorder(Layout from, Layout to) { return std::make_unique<Reorder>(from, to); }

}  // namespace sardonyx::runtime
