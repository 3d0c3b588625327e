// Each thread goes down a part of an image. A ring holds the rows of the wide tensor, all of its channels, that the next few rows of
// outputs see, between columns of zeros; rows above a part that its neighbour computes, too, are computed twice.
#include "kernels/conv/blocked_expanded.h"

#include <algorithm>

#include "base/ceil_div.h"
#include "kernels/conv/blocked_depthwise.h"

namespace sardonyx::kernels {
namespace {

constexpr int64_t kRingBytes = 256 << 10;

struct Plan {
  Plan(const ConvShape& s, int threads) : height(s.window.height()), width(s.window.width()), blocks(ChannelBlocks(s.groups)) {
    low = width.pad_begin;
    columns = std::max((width.output - 1) * width.stride + width.extent(), low + width.input);
    const int64_t slot_bytes = blocks * columns * kChannelBlock * static_cast<int64_t>(sizeof(float));
    const int64_t room = kRingBytes / std::max<int64_t>(1, slot_bytes) - height.extent();
    band = std::clamp<int64_t>(room / height.stride + 1, 1, std::max<int64_t>(1, height.output));
    slots = height.extent() + (band - 1) * height.stride;
    parts = threads == 1 ? 1 : std::clamp<int64_t>(CeilDiv(threads, std::max<int64_t>(1, s.batch)), 1, std::max<int64_t>(1, height.output));
    count = s.batch * parts;
    workers = std::min<int64_t>(threads, count);
  }
  int64_t RowFloats() const { return columns * kChannelBlock; }
  size_t RingFloats() const { return static_cast<size_t>(blocks * slots * RowFloats()); }
  size_t WorkerBytes() const { return (RingFloats() * sizeof(float) + 63) / 64 * 64; }

  const WindowAxis &height, &width;
  int64_t blocks;
  int64_t low, columns;  // of the ring: zeros before the first column of the image, and all
  int64_t band, slots;   // rows of outputs at a time, and rows of the ring
  int64_t parts, count;  // of an image, and of all
  int64_t workers;
};

class Part {
 public:
  Part(const ExpandedDepthwiseArguments& a, const Plan& plan, float* ring) : a_(a), p_(plan), ring_(ring), width_(RingAxis(plan)) {
    // What pads the sides; the rest is computed before it is read.
    const int64_t right = p_.low + p_.width.input;
    for (int64_t line = 0; line < p_.blocks * p_.slots; ++line) {
      float* row = ring_ + line * p_.RowFloats();
      std::fill_n(row, p_.low * kChannelBlock, 0.0f);
      std::fill(row + right * kChannelBlock, row + p_.RowFloats(), 0.0f);
    }
    row_.width = &width_;
    row_.activation = &a.activation;
  }

  // Rows [first, last) of outputs.
  void Run(int64_t image, int64_t first, int64_t last) {
    const WindowAxis& ha = p_.height;
    image_ = image;
    int64_t next = 0;  // the first row that the ring does not hold
    for (int64_t row = first; row < last; row += p_.band) {
      const int64_t end = std::min(row + p_.band, last);
      next = std::max({next, ha.Start(row), int64_t{0}});
      const int64_t needed = std::min(ha.input, ha.Start(end - 1) + ha.extent());
      if (next < needed) Expand(next, needed);
      next = std::max(next, needed);
      for (int64_t block = 0; block < p_.blocks; ++block)
        for (int64_t r = row; r < end; ++r) ComputeRow(block, r);
    }
  }

 private:
  static WindowAxis RingAxis(const Plan& plan) {
    WindowAxis axis = plan.width;
    axis.input = plan.columns;
    axis.pad_begin = axis.pad_end = 0;
    return axis;
  }
  int64_t SlotOf(int64_t row) const { return row % p_.slots * p_.RowFloats(); }

  // Rows [first, last) of the wide tensor, into the ring.
  void Expand(int64_t first, int64_t last) {
    const int64_t columns = p_.width.input, plane = p_.height.input * columns * kChannelBlock, count = (last - first) * columns;
    const float* x = a_.x + image_ * ChannelBlocks(a_.channels) * plane + first * columns * kChannelBlock;
    const TileShape limits = TileLimits(count);
    TileTap tap;
    tap.weights = 0;
    std::fill_n(tap.step, kMaxTilePixels, plane);
    int64_t offsets[kMaxTilePixels];
    ConvTile tile;
    tile.channels = a_.channels;
    tile.taps = &tap;
    tile.num_taps = 1;
    tile.weight_stride = a_.channels * kChannelBlock;
    tile.activation = a_.expand_activation;
    tile.offsets = offsets;
    tile.output_stride = p_.slots * p_.RowFloats();
    const int64_t tiles = CeilDiv(count, limits.pixels);
    for (int64_t t = 0; t < tiles; ++t) {
      const int64_t begin = count * t / tiles;
      tile.pixels = count * (t + 1) / tiles - begin;
      int64_t row = first + begin / columns, column = begin % columns, slot = SlotOf(row);
      for (int64_t p = 0; p < kMaxTilePixels; ++p) {
        tap.at[p] = x + (begin + std::min(p, tile.pixels - 1)) * kChannelBlock;
        offsets[p] = slot + (p_.low + column) * kChannelBlock;
        if (p + 1 >= tile.pixels || ++column < columns) continue;
        column = 0;
        slot = SlotOf(++row);
      }
      for (int64_t block = 0; block < p_.blocks; block += limits.blocks) {
        tile.blocks = std::min(limits.blocks, p_.blocks - block);
        tile.weights = a_.expand_weights + block * tile.weight_stride;
        if (a_.expand_bias) tile.bias = a_.expand_bias + block * kChannelBlock;
        tile.output = ring_ + block * tile.output_stride;
        ComputeConvTile(tile);
      }
    }
  }

  void ComputeRow(int64_t block, int64_t row) {
    const WindowAxis &ha = p_.height, &wa = p_.width;
    const float* ring = ring_ + block * p_.slots * p_.RowFloats();
    const float* weights = a_.weights + block * ha.kernel * wa.kernel * kChannelBlock;
    row_.rows = 0;
    for (int64_t k = 0; k < ha.kernel; ++k) {
      const int64_t h = ha.Start(row) + k * ha.dilation;
      if (h < 0 || h >= ha.input) continue;
      row_.inputs[row_.rows] = ring + SlotOf(h);
      row_.weights[row_.rows++] = weights + k * wa.kernel * kChannelBlock;
    }
    row_.bias = a_.bias ? a_.bias + block * kChannelBlock : nullptr;
    row_.output = a_.y + ((image_ * p_.blocks + block) * ha.output + row) * wa.output * kChannelBlock;
    ComputeDepthwiseRow(row_);
  }

  const ExpandedDepthwiseArguments& a_;
  const Plan& p_;
  float* ring_;  // [block][slot][column][16]
  DepthwiseWidth width_;
  DepthwiseRow row_;
  int64_t image_ = 0;
};

}  // namespace

size_t ExpandedDepthwiseWorkspace(const ConvShape& shape, int threads) {
  if (shape.output.num_elements() == 0) return 0;
  const Plan plan(shape, threads);
  return plan.WorkerBytes() * static_cast<size_t>(plan.workers);
}

void ExpandedDepthwise(const ExpandedDepthwiseArguments& a, void* workspace, ThreadPool& pool) {
  if (a.shape.output.num_elements() == 0) return;
  const Plan plan(a.shape, pool.threads());
  const double products = static_cast<double>(a.shape.batch * a.shape.groups * a.shape.window.input_size()) *
                          static_cast<double>(a.channels + a.shape.window.kernel_size());
  constexpr double kProductsANanosecond = 50;
  pool.ParallelFor(plan.workers, products / kProductsANanosecond / static_cast<double>(plan.workers), [&](int64_t first, int64_t last) {
    Part part(a, plan, reinterpret_cast<float*>(static_cast<char*>(workspace) + plan.WorkerBytes() * static_cast<size_t>(first)));
    for (int64_t i = plan.count * first / plan.workers; i < plan.count * last / plan.workers; ++i) {
      const int64_t rows = plan.height.output, within = i % plan.parts;
      part.Run(i / plan.parts, rows * within / plan.parts, rows * (within + 1) / plan.parts);
    }
  });
}

}  // namespace sardonyx::kernels
