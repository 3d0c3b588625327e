#include "kernels/conv/conv_u8.h"

#include <algorithm>
#include <cstring>

#include "base/ceil_div.h"
#include "kernels/conv/depthwise_u8.h"

namespace sardonyx::kernels {
namespace {

constexpr int64_t kDepthwiseOutputs = 64;  // of a task
constexpr int64_t kMaxDepthwiseTaps = 64;

bool IsDepthwise(int64_t groups, int64_t outputs, int64_t channels, int64_t taps) {
  return channels == 1 && outputs == 1 && groups % 16 == 0 && taps <= kMaxDepthwiseTaps;
}

}  // namespace

ConvU8Weights::ConvU8Weights(const int8_t* w, int64_t groups, int64_t outputs, int64_t channels, int64_t taps, ThreadPool& pool)
    : groups_(groups), outputs_(outputs), channels_(channels), taps_(taps) {
  sums_.resize(static_cast<size_t>(groups * outputs));
  if (IsDepthwise(groups, outputs, channels, taps)) {
    depthwise_ = AlignedBuffer<int8_t>(DepthwiseU8Size(groups, taps));
    if (!depthwise_) return;
    PackDepthwiseU8(w, groups, taps, depthwise_.data());
    for (int64_t c = 0; c < groups; ++c)
      for (int64_t t = 0; t < taps; ++t) sums_[c] += w[c * taps + t];
    return;
  }
  rows_are_gathered_ = channels % 4 != 0;
  for (int64_t g = 0; g < groups; ++g) {
    const int8_t* group = w + g * outputs * channels * taps;
    QuadWeights packed;
    if (rows_are_gathered_) {
      // Depth runs over the taps, and within each over the channels.
      std::vector<int8_t> gathered(static_cast<size_t>(outputs * channels * taps));
      for (int64_t o = 0; o < outputs; ++o)
        for (int64_t c = 0; c < channels; ++c)
          for (int64_t t = 0; t < taps; ++t) gathered[(o * taps + t) * channels + c] = group[(o * channels + c) * taps + t];
      packed = PackQuads({gathered.data(), 0, 1, channels * taps}, 1, channels * taps, outputs, pool);
    } else {
      packed = PackQuads({group, 1, taps, channels * taps}, taps, channels, outputs, pool);
    }
    if (!packed.data) return;
    std::copy_n(packed.column_sums.begin(), outputs, sums_.begin() + g * outputs);
    packed.column_sums = {};
    packed_.push_back(std::move(packed));
  }
}

bool ConvU8Weights::ok() const { return depthwise_ || static_cast<int64_t>(packed_.size()) == groups_; }

// One call of ConvU8: which pixels the windows see, and the blocks of the products.
class ConvU8Run {
 public:
  ConvU8Run(const ConvU8Arguments& a) : a_(a), w_(*a.weights), window_(a.shape.window) {
    pixel_ = a.shape.groups * a.shape.channels;
    outputs_ = a.shape.groups * a.shape.outputs;
    taps_ = window_.kernel_size();
    padding_bytes_ = RoundUpToAlignment(static_cast<size_t>(pixel_ + 64));
    if (w_.depthwise_)
      slice_bytes_ = static_cast<size_t>(kDepthwiseOutputs * taps_) * sizeof(const uint8_t*);
    else if (w_.rows_are_gathered_)
      slice_bytes_ = static_cast<size_t>(kQuadRowBlock * (CeilDiv(taps_ * a.shape.channels, 4) * 4 + static_cast<int64_t>(sizeof(const uint8_t*))));
    else
      slice_bytes_ = static_cast<size_t>(kQuadRowBlock * taps_) * sizeof(const uint8_t*);
    slice_bytes_ = RoundUpToAlignment(slice_bytes_);
    const int64_t block = w_.depthwise_ ? kDepthwiseOutputs : kQuadRowBlock;
    blocks_ = CeilDiv(window_.output_size(), block);
    tasks_ = a.shape.batch * (w_.depthwise_ ? 1 : a.shape.groups) * blocks_;
    // Where there are few positions, the panels of outputs are shared out, too.
    if (!w_.depthwise_) panels_ = w_.packed_[0].panels();
    if (tasks_ < 8) {
      panel_tasks_ = panels_;
      tasks_ *= panels_;
    }
  }

  size_t Workspace(int threads) const { return padding_bytes_ + slice_bytes_ * static_cast<size_t>(Workers(threads)); }

  void Compute(void* workspace, ThreadPool& pool) {
    padding_ = static_cast<uint8_t*>(workspace);
    std::memset(workspace, a_.x_zero_point, padding_bytes_);
    const int64_t workers = Workers(pool.threads());
    const double work = static_cast<double>(a_.shape.output.num_elements()) * static_cast<double>(a_.shape.channels * taps_);
    const double cost = (w_.depthwise_ ? work / 40 : work / 150) / static_cast<double>(workers);
    pool.ParallelFor(workers, cost, [&](int64_t begin, int64_t end) {
      for (int64_t worker = begin; worker < end; ++worker) {
        char* slice = static_cast<char*>(workspace) + padding_bytes_ + slice_bytes_ * static_cast<size_t>(worker);
        const int64_t first = tasks_ * worker / workers, last = tasks_ * (worker + 1) / workers;
        int64_t filled = -1;
        for (int64_t task = first; task < last; ++task) w_.depthwise_ ? Depthwise(task, slice) : Product(task, slice, &filled);
      }
    });
  }

 private:
  // Several slices a thread even out threads of unlike speed.
  int64_t Workers(int threads) const { return std::min<int64_t>(threads == 1 ? 1 : 4 * threads, tasks_); }

  // Outputs [first, first + count) of an image by runs that lie in one row of the output: f(i, run, d, h, w) for those from i on.
  template <class F>
  void ForRuns(int64_t first, int64_t count, F&& f) const {
    const int64_t width = window_.width().output, height = window_.height().output;
    for (int64_t i = 0; i < count;) {
      const int64_t w = (first + i) % width, row = (first + i) / width, run = std::min(count - i, width - w);
      f(i, run, row / height, row % height, w);
      i += run;
    }
  }

  // The row of the image that kernel position (kd, kh) sees; null in the padding.
  const uint8_t* Line(const uint8_t* image, int64_t d, int64_t h, int64_t kd, int64_t kh) const {
    const WindowAxis& ha = window_.height();
    const int64_t depth = window_.DepthAt(d, kd), y = ha.Start(h) + kh * ha.dilation;
    return depth < 0 || y < 0 || y >= ha.input ? nullptr : image + (depth * ha.input + y) * window_.width().input * pixel_;
  }

  // out[tap * tap_step + i * step]: the pixel that tap sees of output first + i, or padding.
  void PointToPixels(const uint8_t* image, int64_t first, int64_t count, const uint8_t** out, int64_t tap_step, int64_t step) const {
    const WindowAxis& wa = window_.width();
    ForRuns(first, count, [&](int64_t i, int64_t run, int64_t d, int64_t h, int64_t w) {
      const uint8_t** to = out + i * step;
      for (int64_t kd = 0; kd < window_.depth().kernel; ++kd)
        for (int64_t kh = 0; kh < window_.height().kernel; ++kh) {
          const uint8_t* line = Line(image, d, h, kd, kh);
          for (int64_t kw = 0; kw < wa.kernel; ++kw, to += tap_step) {
            // Outputs [low, high) of the run see the inside of the line.
            const int64_t x = wa.Start(w) + kw * wa.dilation;
            const int64_t low = !line ? run : x >= 0 ? 0 : std::min(run, (-x + wa.stride - 1) / wa.stride);
            const int64_t high = !line || x >= wa.input ? low : std::clamp((wa.input - 1 - x) / wa.stride + 1, low, run);
            for (int64_t j = 0; j < low; ++j) to[j * step] = padding_;
            const uint8_t* pixel = line ? line + x * pixel_ : nullptr;
            for (int64_t j = low; j < high; ++j) to[j * step] = pixel + j * wa.stride * pixel_;
            for (int64_t j = high; j < run; ++j) to[j * step] = padding_;
          }
        }
    });
  }

  QuadEpilogue Epilogue(int64_t image, int64_t position, int64_t channel) const {
    QuadEpilogue e = a_.epilogue;
    e.offsets += channel;
    if (e.scales) e.scales += channel;
    if (e.biases) e.biases += channel;
    const int64_t element = e.kind == QuadEpilogue::Kind::kQuantize ? 1 : 4;
    e.out = static_cast<char*>(a_.y) + ((image * window_.output_size() + position) * outputs_ + channel) * element;
    e.stride = outputs_;
    return e;
  }

  void Depthwise(int64_t task, char* slice) const {
    const int64_t image = task / blocks_, first = task % blocks_ * kDepthwiseOutputs;
    const int64_t count = std::min(kDepthwiseOutputs, window_.output_size() - first);
    auto** taps = reinterpret_cast<const uint8_t**>(slice);
    const uint8_t* x = a_.x + image * window_.input_size() * pixel_;
    PointToPixels(x, first, count, taps, 1, taps_);
    ComputeDepthwiseU8({w_.depthwise_.data(), outputs_, taps_, taps, count, Epilogue(image, first, 0)});
  }

  void Product(int64_t task, char* slice, int64_t* filled) const {
    const int64_t panel = panel_tasks_ > 1 ? task % panel_tasks_ : 0, rest = task / panel_tasks_;
    const int64_t first = rest % blocks_ * kQuadRowBlock, group = rest / blocks_ % a_.shape.groups, image = rest / blocks_ / a_.shape.groups;
    const int64_t count = std::min(kQuadRowBlock, window_.output_size() - first);
    auto** rows = reinterpret_cast<const uint8_t**>(slice);
    if (*filled != rest) FillRows(a_.x + image * window_.input_size() * pixel_ + group * a_.shape.channels, first, count, rows, slice);
    *filled = rest;
    QuadBlock block{&w_.packed_[group], panel, rows, kQuadRowBlock, count, Epilogue(image, first, group * a_.shape.outputs)};
    const int64_t last = panel_tasks_ > 1 ? panel + 1 : panels_;
    for (; block.panel < last; ++block.panel) ComputeQuadBlock(block);
  }

  void FillRows(const uint8_t* image, int64_t first, int64_t count, const uint8_t** rows, char* slice) const {
    if (!w_.rows_are_gathered_) {
      if (window_.is_pointwise()) {
        for (int64_t i = 0; i < count; ++i) rows[i] = image + (first + i) * pixel_;
        return;
      }
      PointToPixels(image, first, count, rows, kQuadRowBlock, 1);
      return;
    }
    GatherRows(image, first, count, rows, slice);
  }

  // Each row of the product copied: the taps' channels one after another.
  void GatherRows(const uint8_t* image, int64_t first, int64_t count, const uint8_t** rows, char* slice) const {
    const WindowAxis& wa = window_.width();
    const int64_t channels = a_.shape.channels, row_bytes = CeilDiv(taps_ * channels, 4) * 4;
    const bool whole_lines = a_.shape.groups == 1 && wa.dilation == 1;
    auto* bytes = reinterpret_cast<uint8_t*>(slice + kQuadRowBlock * static_cast<int64_t>(sizeof(const uint8_t*)));
    for (int64_t i = 0; i < count; ++i) rows[i] = bytes + i * row_bytes;
    ForRuns(first, count, [&](int64_t i, int64_t run, int64_t d, int64_t h, int64_t w) {
      int64_t tap = 0;
      for (int64_t kd = 0; kd < window_.depth().kernel; ++kd)
        for (int64_t kh = 0; kh < window_.height().kernel; ++kh, tap += wa.kernel) {
          const uint8_t* line = Line(image, d, h, kd, kh);
          for (int64_t j = 0; j < run; ++j) {
            uint8_t* to = bytes + (i + j) * row_bytes + tap * channels;
            const int64_t x = wa.Start(w + j);
            if (whole_lines && line && x >= 0 && x + wa.kernel <= wa.input) {
              CopyBytes(line + x * pixel_, wa.kernel * channels, to);
              continue;
            }
            for (int64_t kw = 0; kw < wa.kernel; ++kw, to += channels) {
              const int64_t at = x + kw * wa.dilation;
              std::memcpy(to, line && at >= 0 && at < wa.input ? line + at * pixel_ : padding_, static_cast<size_t>(channels));
            }
          }
        }
    });
  }

  // Short runs, for which a call costs more than the copy: pieces of which the last may overlap the one before.
  static void CopyBytes(const uint8_t* from, int64_t count, uint8_t* to) {
    if (count >= 16) return CopyPieces<16>(from, count, to);
    if (count >= 8) return CopyPieces<8>(from, count, to);
    for (; count > 0; --count) *to++ = *from++;
  }
  template <int64_t kPiece>
  static void CopyPieces(const uint8_t* from, int64_t count, uint8_t* to) {
    for (int64_t i = 0; i + kPiece < count; i += kPiece) std::memcpy(to + i, from + i, kPiece);
    std::memcpy(to + count - kPiece, from + count - kPiece, kPiece);
  }

  const ConvU8Arguments& a_;
  const ConvU8Weights& w_;
  const Window& window_;
  int64_t pixel_ = 0, outputs_ = 0, taps_ = 0;
  size_t padding_bytes_ = 0, slice_bytes_ = 0;
  int64_t blocks_ = 0, panels_ = 1, panel_tasks_ = 1, tasks_ = 0;
  const uint8_t* padding_ = nullptr;
};

size_t ConvU8Workspace(const ConvU8Arguments& a, int threads) {
  return a.shape.output.num_elements() == 0 ? 0 : ConvU8Run(a).Workspace(threads);
}

void ConvU8(const ConvU8Arguments& a, void* workspace, ThreadPool& pool) {
  if (a.shape.output.num_elements() > 0) ConvU8Run(a).Compute(workspace, pool);
}

}  // namespace sardonyx::kernels
