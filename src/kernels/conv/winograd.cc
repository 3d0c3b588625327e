// Patches are taken a group at a time: their transformed inputs V and products P stay in the second-level cache, or the weights, when
// they are many, are at least read once for all of the group. For each of the (m + 2)^2 elements the products are those of a 1x1
// convolution over the patches (ComputeConvTile).
#include "kernels/conv/winograd.h"

#include <algorithm>
#include <cstring>

#include "base/ceil_div.h"
#include "base/home_ranges.h"
#include "kernels/conv/blocked_tile.h"
#include "kernels/conv/winograd_transform.h"

namespace sardonyx::kernels {
namespace {

constexpr int64_t kGroupBytes = 768 << 10;
constexpr int64_t kMinGroup = 28;
constexpr int64_t kMinOwnGroup = 14;

// The patches of all images, and how they are grouped.
struct Patches {
  Patches(Winograd form, const ConvShape& s, int threads) : m(static_cast<int>(form)), size(m + 2), elements(size * size) {
    rows = CeilDiv(s.window.height().output, m);
    columns = CeilDiv(s.window.width().output, m);
    count = s.batch * rows * columns;
    channel_blocks = ChannelBlocks(s.channels);
    output_blocks = ChannelBlocks(s.outputs);
    const int64_t bytes = (channel_blocks + output_blocks) * kChannelBlock * elements * static_cast<int64_t>(sizeof(float));
    const int64_t wanted = std::max(kMinGroup, kGroupBytes / bytes);
    groups = std::max<int64_t>(1, CeilDiv(count, wanted));
    // Enough groups for each thread to have its own, where all weights stay in its cache and groups are not too small for them.
    const int64_t weights = channel_blocks * output_blocks * kChannelBlock * kChannelBlock * elements * static_cast<int64_t>(sizeof(float));
    const int64_t own = int64_t{4} * threads;
    if (threads > 1 && groups < own && weights <= kGroupBytes && count >= own * kMinOwnGroup) groups = own;
    // As even as possible, so that no thread waits for a small one.
    group = CeilDiv(count, groups);
    groups = CeilDiv(count, std::max<int64_t>(1, group));
    // With fewer groups than that, threads share each group instead.
    workers = groups >= 4 * threads ? threads : 1;
  }
  // A line more from element to element: else all of a patch's would fall on the same sets of the cache.
  int64_t InputStride() const { return (channel_blocks * group + 1) * kChannelBlock; }
  int64_t ProductStride() const { return (output_blocks * group + 1) * kChannelBlock; }
  size_t WorkerBytes() const { return static_cast<size_t>((InputStride() + ProductStride()) * elements) * sizeof(float); }

  int m, size, elements;
  int64_t rows, columns, count;
  int64_t channel_blocks, output_blocks;
  int64_t group, groups;
  int64_t workers;
};

class Group {
 public:
  Group(const WinogradArguments& a, const Patches& patches, float* memory, ThreadPool& pool)
      : a_(a), s_(a.shape), p_(patches), inputs_(memory), products_(memory + p_.InputStride() * p_.elements), pool_(pool) {}

  void Run(int64_t group) {
    first_ = group * p_.group;
    count_ = std::min(p_.group, p_.count - first_);
    pool_.ParallelFor(p_.channel_blocks * count_, 4.0 * p_.elements, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) TransformInput(i / count_, i % count_);
    });
    const TileShape limits = TileLimits(p_.group);
    const int64_t steps = CeilDiv(p_.output_blocks, limits.blocks);
    const double cost = static_cast<double>(count_ * s_.channels * limits.blocks * kChannelBlock) / 50;
    pool_.ParallelFor(p_.elements * steps, cost, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) Multiply(i / steps, i % steps * limits.blocks, limits);
    });
    pool_.ParallelFor(p_.output_blocks * count_, 4.0 * p_.elements, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) TransformOutput(i / count_, i % count_);
    });
  }

 private:
  struct Place {
    int64_t image, row, column;  // of the first output
  };
  Place PlaceOf(int64_t patch) const {
    const int64_t i = first_ + patch;
    return {i / p_.columns / p_.rows, i / p_.columns % p_.rows * p_.m, i % p_.columns * p_.m};
  }

  void TransformInput(int64_t block, int64_t patch) {
    const WindowAxis &ha = s_.window.height(), &wa = s_.window.width();
    const Place place = PlaceOf(patch);
    const int64_t h = place.row - ha.pad_begin, w = place.column - wa.pad_begin, row_stride = wa.input * kChannelBlock;
    const float* x = a_.x + (place.image * p_.channel_blocks + block) * ha.input * row_stride;
    float* to = inputs_ + (block * p_.group + patch) * kChannelBlock;
    if (h >= 0 && w >= 0 && h + p_.size <= ha.input && w + p_.size <= wa.input)
      return TransformWinogradInput(p_.m, x + h * row_stride + w * kChannelBlock, row_stride, to, p_.InputStride());
    alignas(64) float copy[kMaxPatch * kMaxPatch * kChannelBlock];
    const int64_t line = p_.size * kChannelBlock;
    const int64_t begin = std::clamp<int64_t>(-w, 0, p_.size), end = std::clamp<int64_t>(wa.input - w, begin, p_.size);
    for (int64_t i = 0; i < p_.size; ++i) {
      std::fill_n(copy + i * line, line, 0.0f);
      if (h + i >= 0 && h + i < ha.input)
        std::memcpy(copy + i * line + begin * kChannelBlock, x + (h + i) * row_stride + (w + begin) * kChannelBlock,
                    static_cast<size_t>((end - begin) * kChannelBlock) * sizeof(float));
    }
    TransformWinogradInput(p_.m, copy, line, to, p_.InputStride());
  }

  // Products of one element, for `limits.blocks` blocks of outputs.
  void Multiply(int64_t element, int64_t block, const TileShape& limits) {
    const int64_t block_stride = p_.group * kChannelBlock;
    ConvTile tile;
    TileTap tap;
    int64_t offsets[kMaxTilePixels];
    tap.weights = 0;
    std::fill_n(tap.step, kMaxTilePixels, block_stride);
    tile.taps = &tap;
    tile.num_taps = 1;
    tile.offsets = offsets;
    tile.channels = s_.channels;
    tile.blocks = std::min(limits.blocks, p_.output_blocks - block);
    tile.weight_stride = s_.channels * kChannelBlock;
    tile.weights = a_.weights + (element * p_.output_blocks + block) * tile.weight_stride;
    tile.output = products_ + element * p_.ProductStride() + block * block_stride;
    tile.output_stride = block_stride;
    const float* inputs = inputs_ + element * p_.InputStride();
    const int64_t tiles = CeilDiv(count_, limits.pixels);
    for (int64_t t = 0; t < tiles; ++t) {
      const int64_t first = count_ * t / tiles;
      tile.pixels = count_ * (t + 1) / tiles - first;
      for (int64_t p = 0; p < kMaxTilePixels; ++p) {
        const int64_t patch = first + std::min(p, tile.pixels - 1);
        tap.at[p] = inputs + patch * kChannelBlock;
        offsets[p] = patch * kChannelBlock;
      }
      ComputeConvTile(tile);
    }
  }

  void TransformOutput(int64_t block, int64_t patch) {
    const WindowAxis &ha = s_.window.height(), &wa = s_.window.width();
    const Place place = PlaceOf(patch);
    WinogradOutput output;
    output.from = products_ + (block * p_.group + patch) * kChannelBlock;
    output.stride = p_.ProductStride();
    output.rows = std::min<int64_t>(p_.m, ha.output - place.row);
    output.columns = std::min<int64_t>(p_.m, wa.output - place.column);
    output.row_stride = wa.output * kChannelBlock;
    const int64_t at = ((place.image * p_.output_blocks + block) * ha.output + place.row) * output.row_stride + place.column * kChannelBlock;
    output.bias = a_.bias ? a_.bias + block * kChannelBlock : nullptr;
    output.residual = a_.residual ? a_.residual + at : nullptr;
    output.activation = &a_.activation;
    output.y = a_.y + at;
    TransformWinogradOutput(p_.m, output);
  }

  const WinogradArguments& a_;
  const ConvShape& s_;
  const Patches& p_;
  float* inputs_;    // [element][channel block][patch][16]
  float* products_;  // [element][output block][patch][16]
  ThreadPool& pool_;
  int64_t first_ = 0, count_ = 0;
};

int64_t Elements(Winograd form) { return (static_cast<int64_t>(form) + 2) * (static_cast<int64_t>(form) + 2); }

// Nanoseconds, for comparison of the forms alone: multiply-adds at a usual rate (32 a nanosecond a core, two of these in a machine of
// today), and the weights once from memory, whichever takes longer; and the passes over inputs and products.
double EstimatedCost(Winograd form, const ConvShape& s) {
  constexpr double kProducts = 55, kBytes = 15, kPass = 1.0;
  const auto pairs = static_cast<double>(s.channels) * static_cast<double>(ChannelBlocks(s.outputs) * kChannelBlock);
  const WindowAxis &ha = s.window.height(), &wa = s.window.width();
  if (form == Winograd::kNone) {
    const double positions = static_cast<double>(s.batch) * static_cast<double>(ha.output) * static_cast<double>(wa.output);
    return std::max(9 * pairs * positions / kProducts, 9 * pairs * sizeof(float) / kBytes);
  }
  const auto m = static_cast<int64_t>(form);
  const double patches = static_cast<double>(s.batch) * static_cast<double>(CeilDiv(ha.output, m)) * static_cast<double>(CeilDiv(wa.output, m));
  const auto elements = static_cast<double>(Elements(form));
  const double blocks = static_cast<double>(ChannelBlocks(s.channels) + ChannelBlocks(s.outputs));
  return std::max(elements * pairs * patches / kProducts, elements * pairs * sizeof(float) / kBytes) + blocks * patches * elements * kPass;
}

}  // namespace

Winograd ChooseWinograd(const ConvShape& s) {
  const WindowAxis &ha = s.window.height(), &wa = s.window.width();
  const auto fits = [](const WindowAxis& axis) { return axis.kernel == 3 && axis.stride == 1 && axis.dilation == 1; };
  if (s.groups != 1 || !s.window.leading.empty() || s.window.depth().kernel != 1 || s.window.depth().input != 1 || !fits(ha) || !fits(wa) ||
      s.window.depth().output != 1)
    return Winograd::kNone;
  Winograd best = Winograd::kNone;
  for (Winograd form : {Winograd::k4, Winograd::k2})
    if (EstimatedCost(form, s) < 0.9 * EstimatedCost(best, s)) best = form;
  return best;
}

int64_t WinogradWeightsSize(Winograd form, int64_t outputs, int64_t channels) {
  return Elements(form) * ChannelBlocks(outputs) * channels * kChannelBlock;
}

void TransformWinogradWeights(Winograd form, const float* w, int64_t outputs, int64_t channels, float* out, ThreadPool& pool) {
  // Elements lie far apart, often by a power of two, so that single stores of them all would fall on the same lines of the cache:
  // some channels are transformed in a buffer first, and each element's part is stored at once.
  constexpr int64_t kChannels = 8;
  const int64_t blocks = ChannelBlocks(outputs), stride = blocks * channels * kChannelBlock, pieces = CeilDiv(channels, kChannels);
  pool.ParallelFor(blocks * pieces, 1000 * kChannels, [&](int64_t begin, int64_t end) {
    float buffer[kMaxPatch * kMaxPatch * kChannels * kChannelBlock];
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i / pieces * kChannelBlock, first_c = i % pieces * kChannels, count = std::min(kChannels, channels - first_c);
      for (int64_t c = 0; c < count; ++c) {
        float kernels[9 * kChannelBlock] = {};
        for (int64_t o = 0; o < std::min(kChannelBlock, outputs - first); ++o)
          for (int64_t k = 0; k < 9; ++k) kernels[k * kChannelBlock + o] = w[((first + o) * channels + first_c + c) * 9 + k];
        TransformWinogradKernels(static_cast<int>(form), kernels, buffer + c * kChannelBlock, kChannels * kChannelBlock);
      }
      float* to = out + (i / pieces * channels + first_c) * kChannelBlock;
      for (int64_t e = 0; e < Elements(form); ++e)
        std::copy_n(buffer + e * kChannels * kChannelBlock, count * kChannelBlock, to + e * stride);
    }
  });
}

size_t WinogradWorkspace(Winograd form, const ConvShape& shape, int threads) {
  if (shape.output.num_elements() == 0) return 0;
  const Patches patches(form, shape, threads);
  return patches.WorkerBytes() * static_cast<size_t>(patches.workers);
}

void WinogradConv(const WinogradArguments& a, void* workspace, ThreadPool& pool) {
  if (a.shape.output.num_elements() == 0) return;
  const Patches patches(a.form, a.shape, pool.threads());
  HomeRanges ranges(patches.groups, 1, patches.workers);
  const auto run = [&](int64_t first, int64_t) {
    Group group(a, patches, reinterpret_cast<float*>(static_cast<char*>(workspace) + patches.WorkerBytes() * static_cast<size_t>(first)), pool);
    ranges.Work(first, [&](int64_t g, int64_t) { group.Run(g); });
  };
  if (patches.workers == 1) return run(0, 1);  // threads share each group
  const double products = static_cast<double>(patches.count * patches.elements) * static_cast<double>(a.shape.channels * a.shape.outputs);
  pool.ParallelFor(patches.workers, products / 50 / static_cast<double>(patches.workers), run);
}

}  // namespace sardonyx::kernels
