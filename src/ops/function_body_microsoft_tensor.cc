// Bodies of com.microsoft's convolutions, poolings, sequence and indexing operators, and of those in channels-last layout.
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "ops/function_builders.h"

namespace sardonyx::ops::builders {
namespace {

// Between [N, ..., C] and [N, C, ...].
std::string ToChannelsFirst(size_t rank) {
  std::vector<int64_t> permutation(rank);
  std::iota(permutation.begin(), permutation.end(), int64_t{-1});
  permutation[0] = 0;
  permutation[1] = static_cast<int64_t>(rank) - 1;
  return fmt::format("perm = [{}]", fmt::join(permutation, ", "));
}
std::string ToChannelsLast(size_t rank) {
  std::vector<int64_t> permutation(rank);
  std::iota(permutation.begin(), permutation.end(), int64_t{1});
  permutation[0] = 0;
  permutation[rank - 1] = 1;
  return fmt::format("perm = [{}]", fmt::join(permutation, ", "));
}

// "name: kind = @name, ..." for every attribute of the node but those named in `without`.
std::string PassAttributes(const FunctionBuilder& b, std::initializer_list<std::string_view> without = {}) {
  std::string text;
  for (const AttributeSchema& attribute : b.schema().attributes) {
    if (!b.HasAttribute(attribute.name) || std::find(without.begin(), without.end(), attribute.name) != without.end()) continue;
    std::string_view kind;
    switch (attribute.type) {
      case ir::AttributeType::kInt:
        kind = "int";
        break;
      case ir::AttributeType::kInts:
        kind = "ints";
        break;
      case ir::AttributeType::kFloat:
        kind = "float";
        break;
      case ir::AttributeType::kFloats:
        kind = "floats";
        break;
      case ir::AttributeType::kString:
        kind = "string";
        break;
      default:
        continue;
    }
    text += fmt::format("{}{}: {} = @{}", text.empty() ? "" : ", ", attribute.name, kind, attribute.name);
  }
  return text;
}

// A convolution or pooling of channels-last tensors by the operator `op` of channels-first ones.
bool ChannelsLast(FunctionBuilder& b, std::string_view op, std::initializer_list<size_t> transposed, std::string_view attributes) {
  const std::optional<size_t> rank = b.InputRank(0);
  if (!rank || *rank < 3 || *rank > 8) return false;
  std::vector<std::string> arguments;
  for (size_t i = 0; i < b.node().inputs().size(); ++i) {
    if (!b.HasInput(i)) {
      arguments.emplace_back();
    } else if (std::find(transposed.begin(), transposed.end(), i) != transposed.end()) {
      arguments.push_back(fmt::format("first_{}", i));
      b.Add("first_{} = Transpose <{}> ({})", i, ToChannelsFirst(*rank), b.InputName(i));
    } else {
      arguments.push_back(b.InputName(i));
    }
  }
  b.Add("result = {} <{}> ({})", op, attributes, fmt::join(arguments, ", "));
  b.Add("{} = Transpose <{}> (result)", b.OutputName(0), ToChannelsLast(*rank));
  return true;
}

}  // namespace

bool NhwcConv(FunctionBuilder& b) { return ChannelsLast(b, "com.microsoft.FusedConv", {0, 3}, PassAttributes(b)); }
bool NhwcMaxPool(FunctionBuilder& b) { return ChannelsLast(b, "MaxPool", {0}, PassAttributes(b)); }

// com.ms.internal.nhwc: operators of ai.onnx in channels-last layout, some with an activation behind.
bool InternalNhwc(FunctionBuilder& b) {
  const std::string_view name = b.schema().name;
  if (b.node().outputs().size() > 1) return false;
  const bool activated = !b.String("activation").empty();
  if (name == "Conv") return ChannelsLast(b, "com.microsoft.FusedConv", {0}, PassAttributes(b));
  if (activated) return false;
  // Sizes and scales of Resize are in the order of its input's axes, so it is the same in every layout.
  if (name == "Resize") {
    b.Add("Y = Resize <{}> (X{}{}{})", PassAttributes(b), b.node().inputs().size() > 1 ? b.HasInput(1) ? ", roi" : ", " : "",
          b.node().inputs().size() > 2 ? b.HasInput(2) ? ", scales" : ", " : "", b.HasInput(3) ? ", sizes" : "");
    return true;
  }
  if (name == "QLinearAveragePool" || name == "QLinearConv")
    return ChannelsLast(b, fmt::format("com.microsoft.{}", name), {0}, PassAttributes(b, {"channels_last"}));
  if (name == "MaxUnpool" || name == "QLinearConvTranspose") return false;
  return ChannelsLast(b, name, {0}, PassAttributes(b, {"activation", "activation_params"}));
}

// The outermost rows and columns of an unpadded result are cut off.
bool ConvTransposeWithDynamicPads(FunctionBuilder& b) {
  const std::optional<size_t> rank = b.InputRank(0);
  if (!rank || *rank < 3 || (b.HasAttribute("auto_pad") && b.String("auto_pad") != "NOTSET")) return false;
  const std::string attributes = PassAttributes(b, {"auto_pad"});
  if (!b.HasInput(2)) {
    b.Add("Y = ConvTranspose <{}> (X, W{})", attributes, b.HasInput(3) ? ", B" : "");
    return true;
  }
  std::vector<int64_t> axes(*rank - 2);
  std::iota(axes.begin(), axes.end(), int64_t{2});
  b.Add("whole = ConvTranspose <{}> (X, W{})", attributes, b.HasInput(3) ? ", B" : "");
  b.Add("begin, cut = Split <axis = 0, num_outputs = 2> (Pads)");
  b.Add("size = Shape <start = 2> (whole)");
  b.Add("end = Sub (size, cut)");
  b.Add("Y = Slice (whole, begin, end, {})", b.Ints(axes));
  return true;
}

bool CDist(FunctionBuilder& b) {
  const std::string metric = b.String("metric", "sqeuclidean");
  if (metric != "euclidean" && metric != "sqeuclidean") return false;
  // |a|^2 + |b|^2 - 2 a b, which costs one matrix product; below zero only by rounding.
  const std::string last = b.Ints({1});
  b.Add("a_square = Mul (A, A)");
  b.Add("a_norm = ReduceSum <keepdims = 1> (a_square, {})", last);
  b.Add("b_square = Mul (B, B)");
  b.Add("b_norm = ReduceSum <keepdims = 0> (b_square, {})", last);
  b.Add("b_transposed = Transpose <perm = [1, 0]> (B)");
  b.Add("products = MatMul (A, b_transposed)");
  b.Add("twice = Add (products, products)");
  b.Add("norms = Add (a_norm, b_norm)");
  b.Add("difference = Sub (norms, twice)");
  b.Add("{} = Max (difference, {})", metric == "euclidean" ? "squares" : "C", b.NumberLike(0, "A"));
  if (metric == "euclidean") b.Add("C = Sqrt (squares)");
  return true;
}

// Windows of `size` elements every `step` along `dim`, which become a new last axis.
bool UnfoldTensor(FunctionBuilder& b) {
  const std::optional<size_t> rank = b.InputRank(0);
  const int64_t size = b.Int("size"), step = b.Int("step", 1);
  if (!rank || *rank == 0 || size < 1 || step < 1) return false;
  const auto count = static_cast<int64_t>(*rank);
  int64_t dim = b.Int("dim", -1);
  if (dim < 0) dim += count;
  if (dim < 0 || dim >= count) return false;
  const std::string zero = b.Scalar(0), one = b.Scalar(1);
  b.Add("length_1d = Shape <start = {}, end = {}> (input)", dim, dim + 1);
  b.Add("length = Squeeze (length_1d, {})", b.Ints({0}));
  b.Add("end = Sub (length, {})", b.Scalar(size - 1));
  b.Add("starts = Range ({}, end, {})", zero, b.Scalar(step));
  b.Add("offsets = Range ({}, {}, {})", zero, b.Scalar(size), one);
  b.Add("start_column = Unsqueeze (starts, {})", b.Ints({1}));
  b.Add("index = Add (start_column, offsets)");
  b.Add("windows = Gather <axis = {}> (input, index)", dim);
  std::vector<int64_t> permutation;
  for (int64_t i = 0; i <= count; ++i)
    if (i != dim + 1) permutation.push_back(i);
  permutation.push_back(dim + 1);
  b.Add("output = Transpose <perm = [{}]> (windows)", fmt::join(permutation, ", "));
  return true;
}

// That of ai.onnx 20, by its newer names of the modes.
bool GridSample(FunctionBuilder& b) {
  const std::string given = b.String("mode", "bilinear"), padding = b.String("padding_mode", "zeros");
  const std::string mode = given == "bilinear" ? "linear" : given == "bicubic" ? "cubic" : given;
  if (mode != "linear" && mode != "cubic" && mode != "nearest") return false;
  b.Add("Y = GridSample <mode = \"{}\", padding_mode: string = @padding_mode, align_corners: int = @align_corners> (X, Grid)", mode);
  return true;
}

bool MicrosoftLinearAttention(FunctionBuilder& b) {
  if (b.Int("state_window") != 0) return false;
  b.Add("output, present_state = LinearAttention <{}> (query, key, value, {}, {}, {})", PassAttributes(b, {"state_window"}),
        b.HasInput(3) ? "past_state" : "", b.HasInput(4) ? "decay" : "", b.HasInput(5) ? "beta" : "");
  return true;
}

// In one dimension; the state holds the (k - 1) * dilation positions before the first.
bool MicrosoftCausalConvWithState(FunctionBuilder& b) {
  if (b.Int("ndim", 1) != 1 || b.Int("state_window") != 0) return false;
  const bool last = b.Int("channels_last") != 0;
  const std::optional<size_t> rank = b.InputRank(0);
  std::optional<int64_t> channels = b.InputDim(1, 0);
  if (!channels && !last) channels = b.InputDim(0, 1);
  if (!channels || (last && (!rank || *rank != 3))) return false;
  const int64_t dilation = b.Int("dilation", 1);
  if (dilation < 1) return false;
  const auto first = [&](std::string_view from, std::string_view to) {
    b.Add("{} = {} ({})", to, last ? "Transpose <perm = [0, 2, 1]>" : "Identity", from);
  };
  first("input", "x");
  b.Add("taps = Shape <start = 2, end = 3> (weight)");
  b.Add("steps = Sub (taps, {})", b.Ints({1}));
  b.Add("state_size = Mul (steps, {})", b.Ints({dilation}));
  if (b.HasInput(3)) {
    first("past_state", "past");
  } else {
    b.Add("rows = Shape <start = 0, end = 2> (x)");
    b.Add("state_shape = Concat <axis = 0> (rows, state_size)");
    b.Add("past = Expand ({}, state_shape)", b.NumberLike(0, "input"));
  }
  b.Add("extended = Concat <axis = 2> (past, x)");
  b.Add("length = Shape <start = 2, end = 3> (extended)");
  b.Add("state_begin = Sub (length, state_size)");
  b.Add("state = Slice (extended, state_begin, length, {})", b.Ints({2}));
  first("state", "present_state");
  b.Add("convolved = Conv <group = {}, dilations = [{}]> (extended, weight{})", *channels, dilation, b.HasInput(2) ? ", bias" : "");
  const std::string activation = b.String("activation", "none");
  const bool swish = activation == "silu" || activation == "swish";
  if (swish) b.Add("activated = Swish (convolved)");
  first(swish ? "activated" : "convolved", "output");
  return true;
}

// cos and sin of a token are put together of those at its three positions, by the sections of each.
bool MRotaryEmbedding(FunctionBuilder& b) {
  const std::vector<int64_t> sections = b.node().GetInts("mrope_section");
  if (sections.size() != 3 || b.Int("is_packed_batching") != 0 || b.Float("scale", 1) != 1) return false;
  int64_t half = 0;
  for (const int64_t section : sections) {
    if (section < 0 || section > 65536) return false;
    half += section;
  }
  const int64_t layout = b.Int("mrope_layout");
  std::vector<std::vector<int>> masks(3, std::vector<int>(static_cast<size_t>(half), 0));
  for (int64_t i = 0; i < half; ++i) {
    size_t stream = i < sections[0] ? 0 : i < sections[0] + sections[1] ? 1 : 2;
    if (layout == 1) stream = i % 3 != 0 && i < 3 * sections[static_cast<size_t>(i % 3)] ? static_cast<size_t>(i % 3) : 0;
    masks[stream][static_cast<size_t>(i)] = 1;
  }
  for (const std::string_view cache : {"cos", "sin"}) {
    b.Add("{0}_all = Gather <axis = 0> ({0}_cache, position_ids)", cache);
    b.Add("{0}_0, {0}_1, {0}_2 = Split <axis = 0, num_outputs = 3> ({0}_all)", cache);
    for (size_t i = 0; i < 3; ++i) {
      b.Add("{0}_mask_{1} = Constant <value = bool[{2}] {{{3}}}> ()", cache, i, half, fmt::join(masks[i], ", "));
    }
    b.Add("{0}_01 = Where ({0}_mask_1, {0}_1, {0}_0)", cache);
    b.Add("{0}_012 = Where ({0}_mask_2, {0}_2, {0}_01)", cache);
    b.Add("{0}_row = Squeeze ({0}_012, {1})", cache, b.Ints({0}));
  }
  b.Add(
      "output = RotaryEmbedding <interleaved: int = @interleaved, num_heads: int = @num_heads, rotary_embedding_dim: int = "
      "@rotary_embedding_dim> (input, cos_row, sin_row)");
  return true;
}

bool MeanVarianceNormalization1(FunctionBuilder& b) {
  const std::optional<size_t> rank = b.InputRank(0);
  if (!rank || *rank < 3) return false;
  std::vector<int64_t> axes;
  for (size_t i = 0; i < *rank; ++i)
    if (i != 1 || b.Int("across_channels") != 0) axes.push_back(static_cast<int64_t>(i));
  const std::string list = b.Ints(axes);
  b.Add("mean = ReduceMean (input, {})", list);
  const bool variance = b.Int("normalize_variance", 1) != 0;
  b.Add("{} = Sub (input, mean)", variance ? "deviation" : "output");
  if (!variance) return true;
  b.Add("square = Mul (deviation, deviation)");
  b.Add("variance = ReduceMean (square, {})", list);
  b.Add("sigma = Sqrt (variance)");
  b.Add("output = Div (deviation, sigma)");
  return true;
}

// border: what to cut off left, top, right and bottom; with scale, the left and top only, and the size of what stays.
bool Crop(FunctionBuilder& b) {
  const std::vector<int64_t> border = b.node().GetInts("border"), scale = b.node().GetInts("scale");
  if (border.size() != 4 || (!scale.empty() && scale.size() != 2)) return false;
  if (std::any_of(border.begin(), border.end(), [](int64_t n) { return n < 0 || n > INT32_MAX; })) return false;
  const std::string axes = b.Ints({2, 3}), begin = b.Ints({border[1], border[0]});
  if (scale.empty()) {
    b.Add("size = Shape <start = 2> (input)");
    b.Add("end = Sub (size, {})", b.Ints({border[3], border[2]}));
  } else {
    b.Add("end = Add ({}, {})", begin, b.Ints(scale));
  }
  b.Add("output = Slice (input, {}, end, {})", begin, axes);
  return true;
}

}  // namespace sardonyx::ops::builders
