#include "kernels/conv/conv_u8.h"

#include <algorithm>
#include <cstring>

#include "kernels/conv/depthwise_u8.h"

namespace sardonyx::kernels {
namespace {

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

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

  // Calls f(i, tap, pixel) for outputs [first, first + count) of an image and all taps; pixel is null in the padding.
  template <class F>
  void ForTaps(const uint8_t* image, int64_t first, int64_t count, F&& f) const {
    const WindowAxis &da = window_.depth(), &ha = window_.height(), &wa = window_.width();
    int64_t w = first % wa.output, row = first / wa.output;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t h = row % ha.output, d = row / ha.output, w_start = wa.Start(w);
      int64_t tap = 0;
      for (int64_t kd = 0; kd < da.kernel; ++kd) {
        const int64_t depth = window_.DepthAt(d, kd);
        for (int64_t kh = 0; kh < ha.kernel; ++kh) {
          const int64_t y = ha.Start(h) + kh * ha.dilation;
          const bool inside = depth >= 0 && y >= 0 && y < ha.input;
          const uint8_t* line = inside ? image + ((depth * ha.input + y) * wa.input) * pixel_ : nullptr;
          for (int64_t kw = 0; kw < wa.kernel; ++kw, ++tap) {
            const int64_t x = w_start + kw * wa.dilation;
            f(i, tap, inside && x >= 0 && x < wa.input ? line + x * pixel_ : nullptr);
          }
        }
      }
      if (++w == wa.output) w = 0, ++row;
    }
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
    ForTaps(x, first, count, [&](int64_t i, int64_t tap, const uint8_t* pixel) { taps[i * taps_ + tap] = pixel ? pixel : padding_; });
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
      ForTaps(image, first, count,
              [&](int64_t i, int64_t tap, const uint8_t* pixel) { rows[tap * kQuadRowBlock + i] = pixel ? pixel : padding_; });
      return;
    }
    const int64_t channels = a_.shape.channels, row_bytes = CeilDiv(taps_ * channels, 4) * 4;
    auto* bytes = reinterpret_cast<uint8_t*>(slice + kQuadRowBlock * static_cast<int64_t>(sizeof(const uint8_t*)));
    for (int64_t i = 0; i < count; ++i) rows[i] = bytes + i * row_bytes;
    ForTaps(image, first, count, [&](int64_t i, int64_t tap, const uint8_t* pixel) {
      uint8_t* to = bytes + i * row_bytes + tap * channels;
      const uint8_t* from = pixel ? pixel : padding_;
      for (int64_t c = 0; c < channels; ++c) to[c] = from[c];
    });
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
