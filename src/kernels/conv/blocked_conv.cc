#include "kernels/conv/blocked_conv.h"

#include <algorithm>
#include <utility>

#include "base/ceil_div.h"
#include "base/home_ranges.h"
#include "base/machine.h"

namespace sardonyx::kernels {
namespace {

// What a band of tiles reads again for every block of outputs (inputs: half of the second-level cache) and its table should stay in that.
constexpr int64_t kBandTableBytes = 64 << 10;
constexpr int64_t kMaxBandTiles = 64;

alignas(64) constexpr float kZeros[kChannelBlock] = {};

// The tiles of output positions: as even as possible over all of them, or, where many windows reach far into the padding, rows cut where
// a column of the kernel leaves the input, so that tiles see it as a whole or not at all.
class Tiling {
 public:
  Tiling(const Window& window, int64_t most_pixels) : positions_(window.output_size()), width_(window.width().output) {
    tiles_ = CeilDiv(positions_, most_pixels);
    if (window.width().dilation > 1 && width_ > 1) CutRows(window.width(), most_pixels);
  }
  int64_t tiles() const { return tiles_; }
  int64_t FirstOf(int64_t tile) const {
    return cuts_ == 0 ? positions_ * tile / tiles_ : tile / cuts_ * width_ + first_[tile % cuts_];
  }

 private:
  static constexpr int64_t kMaxCuts = 32;
  // Outputs [begin, end) of a row whose input in column `k` of the kernel is none of the padding.
  static std::pair<int64_t, int64_t> Inside(const WindowAxis& axis, int64_t k) {
    const int64_t before = axis.pad_begin - k * axis.dilation, after = axis.input + before;
    const int64_t begin = before <= 0 ? 0 : std::min(axis.output, CeilDiv(before, axis.stride));
    return {begin, after <= 0 ? begin : std::clamp(CeilDiv(after, axis.stride), begin, axis.output)};
  }
  void CutRows(const WindowAxis& axis, int64_t most_pixels) {
    if (axis.kernel > kMaxCuts) return;
    std::pair<int64_t, int64_t> inside[kMaxCuts];
    int64_t edges[2 * kMaxCuts + 2] = {0, axis.output};
    int64_t* end = edges + 2;
    for (int64_t k = 0; k < axis.kernel; ++k) {
      inside[k] = Inside(axis, k);
      *end++ = inside[k].first;
      *end++ = inside[k].second;
    }
    std::sort(edges, end);
    end = std::unique(edges, end);
    int64_t count = 0;
    double cost = 0;  // pixels times columns of the kernel; small tiles take their time, too
    for (const int64_t* edge = edges; edge + 1 < end; ++edge) {
      const int64_t length = edge[1] - edge[0], tiles = CeilDiv(length, most_pixels);
      if (count + tiles > kMaxCuts) return;
      for (int64_t t = 0; t < tiles; ++t) first_[count++] = edge[0] + length * t / tiles;
      const auto columns = std::count_if(inside, inside + axis.kernel, [&](const auto& of) { return of.first <= edge[0] && edge[1] <= of.second; });
      cost += static_cast<double>(columns * std::max(length, tiles * most_pixels / 2));
    }
    if (cost > 0.9 * static_cast<double>(axis.kernel * axis.output)) return;
    cuts_ = count;
    tiles_ = positions_ / width_ * count;
  }

  int64_t positions_, width_, tiles_;
  int64_t cuts_ = 0;  // of a row; 0: rows are not cut
  int64_t first_[kMaxCuts];
};

// How the work is cut: image, group, group of output blocks and tile of output positions, the last changing fastest.
struct Cut {
  Cut(const ConvShape& s, int threads) : limits(TileLimits(s.window.output_size())), tiling(s.window, limits.pixels), tiles(tiling.tiles()) {
    blocks = ChannelBlocks(s.outputs);
    const int64_t steps = CeilDiv(blocks, limits.blocks), planes = s.batch * s.groups;
    // Threads take part after part, so that one that is held up leaves more to the others. Every group of blocks makes its own tables, so
    // blocks are cut only to keep all threads busy, but then before tiles: a part reads all weights of its blocks.
    const int64_t wanted = threads > 1 ? int64_t{8} * threads : 1, lines = planes * tiles;
    group_blocks = CeilDiv(steps, std::clamp<int64_t>(lines >= wanted ? 1 : CeilDiv(wanted, planes), 1, steps)) * limits.blocks;
    block_groups = CeilDiv(blocks, group_blocks);
    count = planes * block_groups * tiles;
    const int64_t groups = planes * block_groups;
    if (lines >= wanted)
      part = CeilDiv(count, wanted);
    else
      part = groups >= wanted / 2 ? CeilDiv(groups, wanted) * tiles : CeilDiv(tiles, CeilDiv(wanted / 2, groups));
    const WindowAxis &ha = s.window.height(), &wa = s.window.width();
    const int64_t input_bytes = limits.pixels * ha.stride * wa.stride * s.channels * static_cast<int64_t>(sizeof(float));
    const int64_t table_bytes = s.window.kernel_size() * static_cast<int64_t>(sizeof(TileTap));
    band = std::clamp<int64_t>(std::min(SecondLevelCacheBytes() / 2 / std::max<int64_t>(1, input_bytes), kBandTableBytes / std::max<int64_t>(1, table_bytes)), 1,
                               std::min(kMaxBandTiles, std::max<int64_t>(1, tiles)));
    workers = std::min<int64_t>(threads, count);
  }
  TileShape limits;
  Tiling tiling;
  int64_t tiles, blocks;
  int64_t group_blocks, block_groups;
  int64_t count;  // image * group * block group * tile
  int64_t part;   // of count: what a thread takes at a time
  int64_t band;   // tiles whose tables are made at once
  int64_t workers;
};

// The tables of a band of tiles.
struct Band {
  TileTap* taps;     // [band][kernel]
  int64_t* offsets;  // [band][kMaxTilePixels]
  int64_t num_taps[kMaxBandTiles];
  int64_t pixels[kMaxBandTiles];
};

size_t TableBytes(const ConvShape& s, const Cut& cut) {
  const size_t tile = static_cast<size_t>(s.window.kernel_size()) * sizeof(TileTap) + kMaxTilePixels * sizeof(int64_t);
  return (static_cast<size_t>(cut.band) * tile + 63) / 64 * 64;
}

// How X lies: floats from one position, block of channels and image (of all groups) to the next.
struct InputLayout {
  int64_t pixel, step, image;
};

// Positions whose inputs lie `stride` floats from each other, the first at `at`.
void FillTap(const float* at, int64_t stride, int64_t count, int64_t step, int64_t weights, TileTap& tap) {
  tap.weights = weights;
  for (int64_t p = 0; p < kMaxTilePixels; ++p) tap.at[p] = at + std::min(p, count - 1) * stride;
  for (int64_t p = 0; p < kMaxTilePixels; ++p) tap.step[p] = step;
}

// FillTaps of positions in one row of outputs that see no padding at its sides; -1 of others.
int64_t FillTapsOfRow(const Window& window, const float* x, const InputLayout& layout, int64_t weights_a_tap, int64_t first, int64_t count,
                      TileTap* taps) {
  const WindowAxis &da = window.depth(), &ha = window.height(), &wa = window.width();
  const int64_t row = first / wa.output, w = first - row * wa.output, w0 = wa.Start(w);
  if (w + count > wa.output || w0 < 0 || w0 + (count - 1) * wa.stride + wa.extent() > wa.input) return -1;
  const int64_t d = row / ha.output, h0 = ha.Start(row - d * ha.output);
  TileTap* tap = taps;
  for (int64_t kd = 0; kd < da.kernel; ++kd) {
    const int64_t at_d = window.DepthAt(d, kd);
    for (int64_t kh = 0; kh < ha.kernel; ++kh) {
      const int64_t at_h = h0 + kh * ha.dilation;
      if (at_d < 0 || at_h < 0 || at_h >= ha.input) continue;
      const float* line = x + ((at_d * ha.input + at_h) * wa.input + w0) * layout.pixel;
      for (int64_t kw = 0; kw < wa.kernel; ++kw)
        FillTap(line + kw * wa.dilation * layout.pixel, wa.stride * layout.pixel, count, layout.step,
                ((kd * ha.kernel + kh) * wa.kernel + kw) * weights_a_tap, *tap++);
    }
  }
  return tap - taps;
}

// Where `count` output positions from `first` on find their inputs; returns the number of taps that any of them sees.
int64_t FillTaps(const Window& window, const float* x, const InputLayout& layout, int64_t weights_a_tap, int64_t first, int64_t count,
                 TileTap* taps) {
  if (window.is_pointwise()) {
    FillTap(x + first * layout.pixel, layout.pixel, count, layout.step, 0, *taps);
    return 1;
  }
  if (const int64_t found = FillTapsOfRow(window, x, layout, weights_a_tap, first, count, taps); found >= 0) return found;
  const WindowAxis &da = window.depth(), &ha = window.height(), &wa = window.width();
  int64_t od[kMaxTilePixels], h0[kMaxTilePixels], w0[kMaxTilePixels], row[kMaxTilePixels];
  int64_t w = first % wa.output, h = first / wa.output % ha.output, d = first / wa.output / ha.output;
  for (int64_t p = 0; p < kMaxTilePixels; ++p) {
    w0[p] = wa.Start(w);
    h0[p] = ha.Start(h);
    od[p] = d;
    if (p + 1 >= count) continue;  // the rest repeats the last one
    if (++w < wa.output) continue;
    w = 0;
    if (++h < ha.output) continue;
    h = 0;
    ++d;
  }
  TileTap* tap = taps;
  int64_t weights = 0;
  for (int64_t kd = 0; kd < da.kernel; ++kd)
    for (int64_t kh = 0; kh < ha.kernel; ++kh) {
      bool any_row = false;
      for (int64_t p = 0; p < kMaxTilePixels; ++p) {
        const int64_t at_d = window.DepthAt(od[p], kd), at_h = h0[p] + kh * ha.dilation;
        row[p] = at_d >= 0 && at_h >= 0 && at_h < ha.input ? (at_d * ha.input + at_h) * wa.input : -1;
        any_row |= row[p] >= 0;
      }
      if (!any_row) {
        weights += wa.kernel * weights_a_tap;
        continue;
      }
      for (int64_t kw = 0; kw < wa.kernel; ++kw, weights += weights_a_tap) {
        bool any = false;
        for (int64_t p = 0; p < kMaxTilePixels; ++p) {
          const int64_t at_w = w0[p] + kw * wa.dilation;
          const bool inside = row[p] >= 0 && at_w >= 0 && at_w < wa.input;
          tap->at[p] = inside ? x + (row[p] + at_w) * layout.pixel : kZeros;
          tap->step[p] = inside ? layout.step : 0;
          any |= inside;
        }
        tap->weights = weights;
        tap += any;
      }
    }
  return tap - taps;
}

class Worker {
 public:
  Worker(const BlockedConvArguments& a, const InputLayout& layout, const Cut& cut, char* memory)
      : a_(a), s_(a.shape), layout_(layout), cut_(cut) {
    band_.taps = reinterpret_cast<TileTap*>(memory);
    band_.offsets = reinterpret_cast<int64_t*>(memory + static_cast<size_t>(cut.band * s_.window.kernel_size()) * sizeof(TileTap));
  }

  void Run(int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t tile = begin % cut_.tiles, rest = begin / cut_.tiles;
      const int64_t count = std::min({end - begin, cut_.tiles - tile, cut_.band});
      const int64_t block = rest % cut_.block_groups * cut_.group_blocks, plane = rest / cut_.block_groups;
      FillBand(plane, tile, count);
      ComputeBand(plane, block, std::min(cut_.group_blocks, cut_.blocks - block), count);
      begin += count;
    }
  }

 private:
  void FillBand(int64_t plane, int64_t tile, int64_t count) {
    const float* x = a_.x + plane * layout_.image;
    for (int64_t t = 0; t < count; ++t) {
      const int64_t first = cut_.tiling.FirstOf(tile + t);
      band_.pixels[t] = cut_.tiling.FirstOf(tile + t + 1) - first;
      FillOffsets(first, band_.pixels[t], band_.offsets + t * kMaxTilePixels);
      band_.num_taps[t] = FillTaps(s_.window, x, layout_, s_.channels * kChannelBlock, first, band_.pixels[t],
                                   band_.taps + t * s_.window.kernel_size());
    }
  }

  // Those beyond `count` repeat the last one.
  void FillOffsets(int64_t first, int64_t count, int64_t* offsets) const {
    const int64_t width = s_.window.width().output, height = s_.window.height().output;
    for (int64_t p = 0; p < kMaxTilePixels; ++p) offsets[p] = (first + std::min(p, count - 1)) * kChannelBlock;
    if (!a_.grid) return;
    for (int64_t p = 0; p < kMaxTilePixels; ++p) {
      const int64_t n = offsets[p] / kChannelBlock;
      offsets[p] = a_.grid->first + n / width / height * a_.grid->depth + n / width % height * a_.grid->row + n % width * a_.grid->column;
    }
  }

  void ComputeBand(int64_t plane, int64_t first_block, int64_t blocks, int64_t count) const {
    const int64_t group = plane % s_.groups;
    ConvTile tile;
    tile.channels = s_.channels;
    tile.weight_stride = s_.depth() * kChannelBlock;
    tile.activation = a_.activation;
    tile.output_stride = a_.grid ? a_.grid->block : s_.window.output_size() * kChannelBlock;
    for (int64_t b = 0; b < blocks; b += cut_.limits.blocks) {
      const int64_t block = first_block + b;
      tile.blocks = std::min(cut_.limits.blocks, blocks - b);
      tile.weights = a_.weights + (group * cut_.blocks + block) * tile.weight_stride;
      if (a_.bias) tile.bias = a_.bias + (group * cut_.blocks + block) * kChannelBlock;
      int64_t at = (plane * cut_.blocks + block) * tile.output_stride;
      if (a_.grid) at = plane / s_.groups * a_.grid->image + (group * cut_.blocks + block) * tile.output_stride;
      tile.output = a_.y + at;
      if (a_.residual) tile.residual = a_.residual + at;
      // While the tiles of the band take these weights the next ones come in, a part with each tile.
      const int64_t left = std::min(cut_.limits.blocks, blocks - b - tile.blocks) * s_.depth();  // vectors of the next ones
      tile.next_weights = tile.weights + tile.blocks * tile.weight_stride;
      tile.next_vectors = CeilDiv(4 * tile.blocks, count);
      const int64_t a_tile = s_.depth() / 4 * tile.next_vectors;
      for (int64_t t = 0; t < count; ++t, tile.next_weights += a_tile * kChannelBlock) {
        if (t * a_tile >= left) tile.next_vectors = 0;
        tile.pixels = band_.pixels[t];
        tile.offsets = band_.offsets + t * kMaxTilePixels;
        tile.taps = band_.taps + t * s_.window.kernel_size();
        tile.num_taps = band_.num_taps[t];
        ComputeConvTile(tile);
      }
    }
  }

  const BlockedConvArguments& a_;
  const ConvShape& s_;
  const InputLayout& layout_;
  const Cut& cut_;
  Band band_;
};

// A plain X is copied so that the channels of a position lie side by side, with columns of zeros where its padding is. The inputs that a
// row of the kernel sees are then one run of floats, and a convolution of one column whose channels they are has the same weights.
struct PlainInput {
  explicit PlainInput(const ConvShape& s) : channels(s.channels) {
    const WindowAxis& wa = s.window.width();
    columns = (wa.output - 1) * wa.stride + wa.kernel;
    rows = s.window.depth().input * s.window.height().input;
    shape = s;
    shape.channels = wa.kernel * channels;
    WindowAxis& width = shape.window.axes[2];
    width.input = columns * channels;
    width.stride = wa.stride * channels;
    width.kernel = 1;
    width.pad_begin = width.pad_end = 0;
  }
  InputLayout layout() const { return {1, kChannelBlock, rows * columns * channels}; }
  size_t Bytes() const { return (static_cast<size_t>(shape.batch * layout().image) * sizeof(float) + 63) / 64 * 64; }

  void Copy(const ConvShape& s, const float* x, float* to, ThreadPool& pool) const {
    const WindowAxis& wa = s.window.width();
    const int64_t low = std::min(wa.pad_begin, columns), high = std::clamp(wa.input + wa.pad_begin, low, columns);
    pool.ParallelFor(s.batch * rows, static_cast<double>(columns * channels), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        float* line = to + i * columns * channels;
        std::fill_n(line, low * channels, 0.0f);
        std::fill(line + high * channels, line + columns * channels, 0.0f);
        for (int64_t c = 0; c < channels; ++c) {
          const float* from = x + ((i / rows * channels + c) * rows + i % rows) * wa.input;
          float* out = line + low * channels + c;
          for (int64_t w = 0; w < high - low; ++w) out[w * channels] = from[w];
        }
      }
    });
  }

  ConvShape shape;  // that of the convolution of one column
  int64_t channels, columns, rows;
};

// A window that visits every position in order is one long row.
void Flatten(Window& window) {
  if (!window.is_pointwise()) return;
  const int64_t size = window.output_size();
  window = Window();
  window.rank = 1;
  window.axes[2].input = window.axes[2].output = size;
}

void Convolve(const BlockedConvArguments& a, const InputLayout& layout, void* workspace, ThreadPool& pool) {
  const ConvShape& s = a.shape;
  const Cut cut(s, pool.threads());
  const double products = static_cast<double>(s.output.num_elements()) * static_cast<double>(s.depth());
  constexpr double kProductsANanosecond = 50;
  HomeRanges ranges(cut.count, cut.part, cut.workers);
  pool.ParallelFor(cut.workers, products / kProductsANanosecond / static_cast<double>(cut.workers), [&](int64_t first, int64_t) {
    Worker worker(a, layout, cut, static_cast<char*>(workspace) + TableBytes(s, cut) * static_cast<size_t>(first));
    ranges.Work(first, [&](int64_t begin, int64_t end) { worker.Run(begin, end); });
  });
}

}  // namespace

int64_t PackedBlockedWeightsSize(int64_t groups, int64_t outputs, int64_t channels, int64_t taps) {
  return groups * ChannelBlocks(outputs) * kChannelBlock * channels * taps;
}

void PackBlockedWeights(const float* w, int64_t groups, int64_t outputs, int64_t channels, int64_t taps, float* out, ThreadPool& pool) {
  const int64_t blocks = ChannelBlocks(outputs), depth = channels * taps;
  pool.ParallelFor(groups * blocks, static_cast<double>(depth * kChannelBlock), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i % blocks * kChannelBlock, count = std::min(kChannelBlock, outputs - first);
      const float* from = w + (i / blocks * outputs + first) * depth;
      float* to = out + i * depth * kChannelBlock;
      for (int64_t tap = 0; tap < taps; ++tap)
        for (int64_t c = 0; c < channels; ++c, to += kChannelBlock) {
          for (int64_t o = 0; o < count; ++o) to[o] = from[o * depth + c * taps + tap];
          std::fill(to + count, to + kChannelBlock, 0.0f);
        }
    }
  });
}

size_t BlockedConvWorkspace(const ConvShape& s, bool plain_x, int threads) {
  if (s.output.num_elements() == 0) return 0;
  const auto tables = [&](const ConvShape& shape) {
    const Cut cut(shape, threads);
    return TableBytes(shape, cut) * static_cast<size_t>(cut.workers);
  };
  if (!plain_x) return tables(s);
  const PlainInput input(s);
  return input.Bytes() + tables(input.shape);
}

void BlockedConv(const BlockedConvArguments& arguments, void* workspace, ThreadPool& pool) {
  if (arguments.shape.output.num_elements() == 0) return;
  BlockedConvArguments a = arguments;
  if (a.plain_x) {
    const PlainInput input(arguments.shape);
    float* copy = static_cast<float*>(workspace);
    input.Copy(arguments.shape, arguments.x, copy, pool);
    a.shape = input.shape;
    a.x = copy;
    return Convolve(a, input.layout(), static_cast<char*>(workspace) + input.Bytes(), pool);
  }
  if (!a.grid) Flatten(a.shape.window);
  const int64_t plane = a.shape.window.input_size() * kChannelBlock;
  Convolve(a, {kChannelBlock, plane, ChannelBlocks(a.shape.channels) * plane}, workspace, pool);
}

}  // namespace sardonyx::kernels
