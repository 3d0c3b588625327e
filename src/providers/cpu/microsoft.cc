// Operators of com.microsoft that belong to no family: cut-outs of pictures, repeated n-grams, time warping, words of letters.
#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "providers/cpu/bind.h"
#include "providers/cpu/convolution.h"
#include "providers/cpu/generation.h"
#include "providers/cpu/microsoft.h"
#include "providers/cpu/widened.h"
#include "providers/cpu/workspace.h"

namespace sardonyx::cpu {
namespace {

Status CheckInput(const KernelContext& context, size_t i, DataType dtype, size_t rank) {
  const TensorView& x = context.input(i);
  if (x.dtype == dtype && x.rank() == rank) return Status();
  return Invalid(fmt::format("input {} is {}; {} of rank {} is needed", i, x.TypeString(), DataTypeName(dtype), rank));
}

// ---- CropAndResize: of picture batch_indices[r], the box rois[r] = (y1, x1, y2, x2), in parts of its size, sampled at
// crop_size points whose corners are the box's.

struct Sampling {
  bool bilinear;
  float outside;
};

// Where point i of `count` between the box's sides lies on an axis of `size` elements.
float PointOn(float low, float high, int64_t i, int64_t count, int64_t size) {
  const auto last = static_cast<float>(size - 1);
  return count > 1 ? low * last + static_cast<float>(i) * ((high - low) * last / static_cast<float>(count - 1))
                   : 0.5f * (low + high) * last;
}

float Sample(const Sampling& how, const float* plane, int64_t height, int64_t width, float y, float x) {
  if (!(y >= 0 && y <= static_cast<float>(height - 1) && x >= 0 && x <= static_cast<float>(width - 1))) return how.outside;
  if (!how.bilinear) return plane[static_cast<int64_t>(std::round(y)) * width + static_cast<int64_t>(std::round(x))];
  const auto top = static_cast<int64_t>(std::floor(y)), left = static_cast<int64_t>(std::floor(x));
  const auto bottom = static_cast<int64_t>(std::ceil(y)), right = static_cast<int64_t>(std::ceil(x));
  const float down = y - static_cast<float>(top), across = x - static_cast<float>(left);
  const auto between = [&](int64_t row) {
    return plane[row * width + left] + (plane[row * width + right] - plane[row * width + left]) * across;
  };
  const float upper = between(top);
  return upper + (between(bottom) - upper) * down;
}

Status RunCropAndResize(KernelContext& context, const Sampling& how) {
  RETURN_IF_ERROR(CheckInput(context, 0, DataType::kFloat, 4));
  RETURN_IF_ERROR(CheckInput(context, 1, DataType::kFloat, 2));
  RETURN_IF_ERROR(CheckInput(context, 2, DataType::kInt32, 1));
  RETURN_IF_ERROR(CheckInput(context, 3, DataType::kInt32, 1));
  const TensorView &x = context.input(0), &rois = context.input(1), &batch = context.input(2), &size = context.input(3);
  const int64_t boxes = rois.dims[0], channels = x.dims[1], height = x.dims[2], width = x.dims[3];
  if (rois.dims[1] != 4 || batch.dims[0] != boxes || size.dims[0] != 2)
    return Invalid(fmt::format("rois {}, batch_indices {} and crop_size {} do not fit", rois.dims.ToString(), batch.dims.ToString(),
                               size.dims.ToString()));
  const int64_t rows = size.ptr<int32_t>()[0], columns = size.ptr<int32_t>()[1];
  if (rows < 1 || columns < 1 || height < 1 || width < 1)
    return Invalid(fmt::format("a crop of {} x {} of {}", rows, columns, x.dims.ToString()));
  for (int32_t b : batch.as<int32_t>())
    if (b < 0 || b >= x.dims[0]) return Invalid(fmt::format("batch_indices holds {} of {} pictures", b, x.dims[0]));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, Dims{boxes, channels, rows, columns}));
  context.ParallelFor(boxes * channels, 8 * static_cast<double>(rows * columns), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float* box = rois.ptr<float>() + i / channels * 4;
      const float* plane = x.ptr<float>() + (batch.ptr<int32_t>()[i / channels] * channels + i % channels) * height * width;
      float* out = y.mutable_ptr<float>() + i * rows * columns;
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < columns; ++c)
          *out++ = Sample(how, plane, height, width, PointOn(box[0], box[2], r, rows, height), PointOn(box[1], box[3], c, columns, width));
    }
  });
  return Status();
}

StatusOr<std::unique_ptr<Kernel>> CreateCropAndResize(const NodeInfo& node) {
  const std::string mode = node.GetString("mode", "bilinear");
  if (mode != "bilinear" && mode != "nearest") return Invalid(fmt::format("mode is '{}'", mode));
  const Sampling how{mode == "bilinear", node.GetFloat("extrapolation_value", 0)};
  return MakeKernel([how](KernelContext& context) { return RunCropAndResize(context, how); });
}

// ---- NGramRepeatBlock: a token that would complete an n-gram which the row already holds gets -inf.

Status RunNGramRepeatBlock(KernelContext& context, int64_t n) {
  RETURN_IF_ERROR(CheckInput(context, 0, DataType::kInt64, 2));
  RETURN_IF_ERROR(CheckInput(context, 1, DataType::kFloat, 2));
  const TensorView &ids = context.input(0), &scores = context.input(1);
  const int64_t batch = ids.dims[0], length = ids.dims[1], tokens = scores.dims[1];
  if (scores.dims[0] != batch)
    return Invalid(fmt::format("input_ids {} and scores {} do not fit", ids.dims.ToString(), scores.dims.ToString()));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, scores.dims));
  std::copy_n(scores.ptr<float>(), scores.num_elements(), y.mutable_ptr<float>());
  for (int64_t b = 0; b < batch; ++b) {
    const int64_t* row = ids.ptr<int64_t>() + b * length;
    for (int64_t i = 0; i + n <= length; ++i) {
      if (!std::equal(row + i, row + i + n - 1, row + length - n + 1)) continue;
      const int64_t token = row[i + n - 1];
      if (token < 0 || token >= tokens) return Invalid(fmt::format("input_ids holds {} of {} tokens", token, tokens));
      y.mutable_ptr<float>()[b * tokens + token] = -std::numeric_limits<float>::infinity();
    }
  }
  return Status();
}

StatusOr<std::unique_ptr<Kernel>> CreateNGramRepeatBlock(const NodeInfo& node) {
  const int64_t n = node.GetInt("ngram_size");
  if (n < 1) return Invalid(fmt::format("ngram_size is {}", n));
  return MakeKernel([n](KernelContext& context) { return RunNGramRepeatBlock(context, n); });
}

// ---- DynamicTimeWarping: the cheapest path through a matrix of costs, [2, length].

Status RunDynamicTimeWarping(KernelContext& context) {
  const TensorView& x = context.input(0);
  const bool batched = x.rank() == 3 && x.dims[0] == 1;
  if (x.dtype != DataType::kFloat || (x.rank() != 2 && !batched))
    return Invalid(fmt::format("input {} must be one float matrix", x.TypeString()));
  const int64_t rows = x.dims[batched ? 1 : 0], columns = x.dims[batched ? 2 : 1];
  if (rows < 1 || columns < 1) return Invalid("no costs");
  const int64_t stride = columns + 1;
  ASSIGN_OR_RETURN([[maybe_unused]] const int64_t checked, CheckedNumElements(DataType::kDouble, Dims{rows + 1, stride}));
  WorkspacePlan plan;
  const size_t costs = plan.AddArray<float>((rows + 1) * stride), moves = plan.Add(static_cast<size_t>((rows + 1) * stride));
  ASSIGN_OR_RETURN(char* workspace, plan.Allocate(context));
  float* cost = reinterpret_cast<float*>(workspace + costs);
  char* move = workspace + moves;  // 0: from both before, 1: from the row before, 2: from the column before
  std::fill_n(cost, (rows + 1) * stride, std::numeric_limits<float>::infinity());
  cost[0] = 0;
  std::fill_n(move, (rows + 1) * stride, char{1});
  std::fill_n(move, stride, char{2});
  for (int64_t i = 1; i <= rows; ++i) {
    RETURN_IF_ERROR(context.CheckInterrupted());
    for (int64_t j = 1; j <= columns; ++j) {
      const float both = cost[(i - 1) * stride + j - 1], row = cost[(i - 1) * stride + j], column = cost[i * stride + j - 1];
      const char best = both < row && both < column ? 0 : row < both && row < column ? 1 : 2;
      move[i * stride + j] = best;
      cost[i * stride + j] = x.ptr<float>()[(i - 1) * columns + j - 1] + (best == 0 ? both : best == 1 ? row : column);
    }
  }
  std::vector<std::pair<int32_t, int32_t>> path;
  for (int64_t i = rows, j = columns; i > 0 || j > 0;) {
    path.emplace_back(static_cast<int32_t>(i - 1), static_cast<int32_t>(j - 1));
    const char from = move[i * stride + j];
    if (from != 2) --i;
    if (from != 1) --j;
  }
  const auto length = static_cast<int64_t>(path.size());
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kInt32, Dims{2, length}));
  for (int64_t i = 0; i < length; ++i) {
    y.mutable_ptr<int32_t>()[i] = path[static_cast<size_t>(length - 1 - i)].first;
    y.mutable_ptr<int32_t>()[length + i] = path[static_cast<size_t>(length - 1 - i)].second;
  }
  return Status();
}

StatusOr<std::unique_ptr<Kernel>> CreateDynamicTimeWarping(const NodeInfo&) { return MakeKernel(RunDynamicTimeWarping); }

// ---- WordConvEmbedding: letters [words, length] (0 ends a word) become vectors, a convolution over `width` letters at a
// time, tanh, and the highest of each word.

Status RunWordConvEmbedding(KernelContext& context) {
  RETURN_IF_ERROR(CheckInput(context, 0, DataType::kInt32, 2));
  RETURN_IF_ERROR(CheckInput(context, 1, DataType::kFloat, 4));
  RETURN_IF_ERROR(CheckInput(context, 2, DataType::kFloat, 1));
  RETURN_IF_ERROR(CheckInput(context, 3, DataType::kFloat, 2));
  const TensorView &words = context.input(0), &w = context.input(1), &bias = context.input(2), &letters = context.input(3);
  const int64_t count = words.dims[0], length = words.dims[1], filters = w.dims[0], width = w.dims[2], size = letters.dims[1];
  if (w.dims[1] != 1 || w.dims[3] != size || bias.dims[0] != filters || width < 1 || width > length)
    return Invalid(fmt::format("W {}, B {} and C {} do not fit words of {} letters", w.dims.ToString(), bias.dims.ToString(),
                               letters.dims.ToString(), length));
  for (int32_t letter : words.as<int32_t>())
    if (letter < 0 || letter >= letters.dims[0]) return Invalid(fmt::format("Sequence holds {} of {} letters", letter, letters.dims[0]));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, Dims{count, filters}));
  context.ParallelFor(count * filters, static_cast<double>(length * width * size), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int32_t* word = words.ptr<int32_t>() + i / filters * length;
      const float* filter = w.ptr<float>() + i % filters * width * size;
      const int64_t used = std::find(word, word + length, 0) - word;
      float best = -std::numeric_limits<float>::infinity();
      for (int64_t at = 0; at < std::max<int64_t>(1, used - width + 1); ++at) {
        float sum = bias.ptr<float>()[i % filters];
        for (int64_t k = 0; k < width; ++k) {
          const float* letter = letters.ptr<float>() + word[at + k] * size;
          for (int64_t c = 0; c < size; ++c) sum += letter[c] * filter[k * size + c];
        }
        best = std::max(best, std::tanh(sum));
      }
      y.mutable_ptr<float>()[i] = best;
    }
  });
  return Status();
}

StatusOr<std::unique_ptr<Kernel>> CreateWordConvEmbedding(const NodeInfo&) { return MakeKernel(RunWordConvEmbedding); }

// ---- MaxpoolWithMask: along the last axis a window ends where the mask is 0; one without elements gives the lowest float.

struct MaskedPool {
  kernels::WindowAttributes attributes;
  std::vector<int64_t> kernel_shape;
};

// Of the window at (d, h, w); each of its rows ends at the first masked element.
float HighestAllowed(const kernels::Window& window, int64_t d, int64_t h, int64_t w, const float* values, const int32_t* allowed) {
  const auto &depth = window.depth(), &height = window.height(), &width = window.width();
  float best = std::numeric_limits<float>::lowest();
  for (int64_t i = 0; i < depth.kernel; ++i)
    for (int64_t j = 0; j < height.kernel; ++j)
      for (int64_t k = 0; k < width.kernel; ++k) {
        const int64_t at_d = depth.Start(d) + i * depth.dilation, at_h = height.Start(h) + j * height.dilation,
                      at_w = width.Start(w) + k * width.dilation;
        if (at_d < 0 || at_d >= depth.input || at_h < 0 || at_h >= height.input || at_w < 0 || at_w >= width.input) continue;
        const int64_t at = (at_d * height.input + at_h) * width.input + at_w;
        if (allowed[at] == 0) break;
        best = std::max(best, values[at]);
      }
  return best;
}

Status RunMaskedPool(KernelContext& context, const MaskedPool& state) {
  const TensorView &x = context.input(0), &mask = context.input(1);
  if (x.dtype != DataType::kFloat || mask.dtype != DataType::kInt32 || x.rank() < 3)
    return Unsupported(fmt::format("MaxpoolWithMask on {} and {}", x.TypeString(), mask.TypeString()));
  const std::span<const int64_t> sizes = std::span<const int64_t>(x.dims).subspan(2);
  ASSIGN_OR_RETURN(const kernels::Window window, kernels::MakeWindow(state.attributes, sizes, state.kernel_shape));
  const int64_t planes = x.dims[0] * x.dims[1], in = window.input_size(), out = window.output_size();
  const int64_t mask_planes = in > 0 ? mask.num_elements() / in : 0;
  if (planes > 0 && (mask_planes < 1 || mask_planes * in != mask.num_elements()))
    return Invalid(fmt::format("mask {} does not fit {}", mask.TypeString(), x.TypeString()));
  Dims dims{x.dims[0], x.dims[1]};
  for (int64_t dim : window.output_dims()) dims.push_back(dim);
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, dims));
  context.ParallelFor(planes, 4 * static_cast<double>(out * window.kernel_size()), [&](int64_t begin, int64_t end) {
    for (int64_t plane = begin; plane < end; ++plane) {
      const float* values = x.ptr<float>() + plane * in;
      const int32_t* allowed = mask.ptr<int32_t>() + plane % mask_planes * in;
      float* results = y.mutable_ptr<float>() + plane * out;
      for (int64_t d = 0; d < window.depth().output; ++d)
        for (int64_t h = 0; h < window.height().output; ++h)
          for (int64_t w = 0; w < window.width().output; ++w) *results++ = HighestAllowed(window, d, h, w, values, allowed);
    }
  });
  return Status();
}

StatusOr<std::unique_ptr<Kernel>> CreateMaskedPool(const NodeInfo& node) {
  MaskedPool state;
  ASSIGN_OR_RETURN(state.attributes, ReadWindowAttributes(node));
  state.kernel_shape = node.GetInts("kernel_shape");
  return MakeKernel([state = std::move(state)](KernelContext& context) { return RunMaskedPool(context, state); });
}

constexpr KernelEntry kRows[] = {
    {"com.microsoft", "CropAndResize", "reference", AcceptsAll, Widened<CreateCropAndResize>},
    {"com.microsoft", "NGramRepeatBlock", "reference", AcceptsAll, CreateNGramRepeatBlock},
    {"com.microsoft", "DynamicTimeWarping", "reference", AcceptsAll, CreateDynamicTimeWarping},
    {"com.microsoft", "WordConvEmbedding", "reference", AcceptsAll, CreateWordConvEmbedding},
    {"com.microsoft", "MaxpoolWithMask", "reference", AcceptsAll, CreateMaskedPool},
    {"com.microsoft", "GreedySearch", "reference", AcceptsAll, CreateGreedySearch},
    {"com.microsoft", "BeamSearch", "reference", AcceptsAll, CreateBeamSearch},
    {"com.microsoft", "WhisperBeamSearch", "reference", AcceptsAll, CreateBeamSearch},
    {"com.microsoft", "Sampling", "reference", AcceptsAll, CreateSampling},
    {"com.microsoft", "BifurcationDetector", "reference", AcceptsAll, CreateBifurcationDetector},
    {"com.microsoft", "NGramHashMapping", "reference", AcceptsAll, CreateNGramHashMapping},
    {"com.microsoft", "VarlenNGramHashMapping", "reference", AcceptsAll, CreateVarlenNGramHashMapping},
    {"com.microsoft", "AttnLSTM", "reference", AcceptsAll, CreateAttentionLstm},
    {"com.microsoft", "VarlenCausalConvWithState", "reference", AcceptsAll, Widened<CreateVarlenCausalConv>},
    {"com.microsoft", "GatedDeltaNet", "reference", AcceptsAll, Widened<CreateGatedDeltaNet>},
};

}  // namespace

std::span<const KernelEntry> MicrosoftKernels() { return kRows; }

}  // namespace sardonyx::cpu
