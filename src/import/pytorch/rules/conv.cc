// Convolutions.
#include <algorithm>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

// A list of `count` numbers, one given for all.
std::vector<int64_t> Spread(std::vector<int64_t> list, size_t count, int64_t fallback) {
  if (list.empty()) list.assign(count, fallback);
  if (list.size() == 1) list.assign(count, list[0]);
  list.resize(count, fallback);
  return list;
}

Outputs Convolution(Call& c) {
  V x = c.tensor(c.is_none("input") ? "self" : "input"), weight = c.tensor("weight"), bias = c.tensor_or_null("bias");
  // Integers convolve as double, which is exact for what they hold here.
  const DataType type = c.b.dtype(x);
  const bool integers = IsInteger(type);
  if (integers) {
    x = c.b.Cast(x, DataType::kDouble);
    weight = c.b.Cast(weight, DataType::kDouble);
    if (bias) bias = c.b.Cast(bias, DataType::kDouble);
  }
  const size_t spatial = c.b.rank(weight) >= 2 ? c.b.rank(weight) - 2 : 0;
  if (spatial == 0) return c.Unsupported("a convolution without spatial axes");
  const bool unbatched = c.b.known_rank(x) == spatial + 1;
  if (unbatched) x = c.b.Unsqueeze(x, {0});
  const std::vector<int64_t> stride = Spread(c.Ints("stride"), spatial, 1), dilation = Spread(c.Ints("dilation"), spatial, 1);
  const bool transposed = c.param() == "transposed" || c.Bool("transposed", false);
  std::vector<ops::Attr> attributes;
  attributes.push_back({"dilations", dilation});
  attributes.push_back({"group", c.Int("groups", 1)});
  std::vector<int64_t> kernel;
  for (size_t i = 0; i < spatial; ++i) kernel.push_back(c.b.static_dim(weight, static_cast<int64_t>(i) + 2).value_or(0));
  const bool known = std::all_of(kernel.begin(), kernel.end(), [](int64_t size) { return size > 0; });
  if (known) attributes.push_back({"kernel_shape", kernel});
  std::vector<int64_t> pads(2 * spatial, 0);
  if (c.arg("padding").is_string()) {
    // "same" pads what does not divide evenly at the end.
    if (c.String("padding") == "same" && !known) return c.Unsupported("padding to the same size of a kernel whose size is not known");
    if (c.String("padding") == "same")
      for (size_t i = 0; i < spatial; ++i) {
        const int64_t total = dilation[i] * (kernel[i] - 1);
        pads[i] = total / 2;
        pads[spatial + i] = total - total / 2;
      }
  } else {
    const std::vector<int64_t> padding = Spread(c.Ints("padding"), spatial, 0);
    for (size_t i = 0; i < spatial; ++i) pads[i] = pads[spatial + i] = padding[i];
  }
  attributes.push_back({"pads", pads});
  attributes.push_back({"strides", stride});
  if (transposed) {
    const std::vector<int64_t> output = Spread(c.Ints("output_padding"), spatial, 0);
    if (std::any_of(output.begin(), output.end(), [](int64_t n) { return n != 0; })) attributes.push_back({"output_padding", output});
  }
  V y = c.b.Op(transposed ? "ConvTranspose" : "Conv", {x, weight, bias}, std::move(attributes));
  if (integers) y = c.b.Cast(y, type);
  return unbatched ? c.b.Squeeze(y, {0}) : y;
}

Outputs ConvTbc(Call& c) {
  // [time, batch, channels], weight [kernel, in, out]
  V x = c.b.Transpose(c.tensor("self"), {1, 2, 0}), weight = c.b.Transpose(c.tensor("weight"), {2, 1, 0});
  const int64_t pad = c.Int("pad", 0);
  return c.b.Transpose(c.b.Op("Conv", {x, weight, c.tensor("bias")}, {{"pads", {pad, pad}}}), {2, 0, 1});
}

// Blocks of an image as columns, and back.
Outputs Im2col(Call& c) {
  V x = c.tensor("self");
  const bool unbatched = c.rank("self") == 3;
  if (unbatched) x = c.b.Unsqueeze(x, {0});
  const std::vector<int64_t> kernel = Spread(c.Ints("kernel_size"), 2, 1), dilation = Spread(c.Ints("dilation"), 2, 1),
                             padding = Spread(c.Ints("padding"), 2, 0), stride = Spread(c.Ints("stride"), 2, 1);
  V padded = c.b.Op("Pad", {x, c.b.Ints({0, 0, padding[0], padding[1], 0, 0, padding[0], padding[1]})});
  V n = c.b.SizeOf(x, 0), channels = c.b.SizeOf(x, 1);
  // Positions of each block's elements along one axis: [kernel, blocks].
  const auto positions = [&](int64_t axis) {
    const auto i = static_cast<size_t>(axis - 2);
    V room = c.b.Sub(c.b.SizeOf(padded, axis), c.b.Int(dilation[i] * (kernel[i] - 1) + 1));
    V blocks = c.b.Add(c.b.Div(room, c.b.Int(stride[i])), c.b.Int(1));
    V starts = c.b.Mul(Arange(c.b, blocks), c.b.Int(stride[i]));
    V offsets = c.b.Mul(Arange(c.b, c.b.Int(kernel[i])), c.b.Int(dilation[i]));
    return c.b.Add(c.b.Unsqueeze(offsets, {1}), c.b.Unsqueeze(starts, {0}));
  };
  V rows = c.b.Gather(padded, positions(2), 2);        // [n, c, kh, bh, w]
  V both = c.b.Gather(rows, positions(3), 4);          // [n, c, kh, bh, kw, bw]
  V blocks = c.b.Transpose(both, {0, 1, 2, 4, 3, 5});  // [n, c, kh, kw, bh, bw]
  V y = c.b.Reshape(
      blocks, c.b.Stack1D({n, c.b.Mul(channels, c.b.Int(kernel[0] * kernel[1])), c.b.Mul(c.b.SizeOf(blocks, 4), c.b.SizeOf(blocks, 5))}));
  return unbatched ? c.b.Squeeze(y, {0}) : y;
}
Outputs Col2im(Call& c) {
  V x = c.tensor("self");
  const bool unbatched = c.rank("self") == 2;
  if (unbatched) x = c.b.Unsqueeze(x, {0});
  const std::vector<int64_t> kernel = Spread(c.Ints("kernel_size"), 2, 1), dilation = Spread(c.Ints("dilation"), 2, 1),
                             padding = Spread(c.Ints("padding"), 2, 0), stride = Spread(c.Ints("stride"), 2, 1);
  V y = c.b.Op("Col2Im", {x, c.IntVector("output_size"), c.b.Ints(kernel)},
               {{"dilations", dilation}, {"pads", {padding[0], padding[1], padding[0], padding[1]}}, {"strides", stride}});
  return unbatched ? c.b.Squeeze(y, {0}) : y;
}

constexpr RuleRow kRows[] = {
    {"aten.conv1d", Convolution, ""},
    {"aten.conv2d", Convolution, ""},
    {"aten.conv3d", Convolution, ""},
    {"aten.convolution", Convolution, ""},
    {"aten._convolution", Convolution, ""},
    {"aten._convolution_mode", Convolution, ""},
    {"aten.conv_transpose1d", Convolution, "transposed"},
    {"aten.conv_transpose2d", Convolution, "transposed"},
    {"aten.conv_transpose3d", Convolution, "transposed"},
    {"aten.conv_depthwise3d", Convolution, ""},
    {"aten._conv_depthwise2d", Convolution, ""},
    {"aten.thnn_conv2d", Convolution, ""},
    {"aten.slow_conv3d", Convolution, ""},
    {"aten.slow_conv3d_forward", Convolution, ""},
    {"aten._slow_conv2d_forward", Convolution, ""},
    {"aten.slow_conv_dilated2d", Convolution, ""},
    {"aten.slow_conv_dilated3d", Convolution, ""},
    {"aten.slow_conv_transpose2d", Convolution, "transposed"},
    {"aten.slow_conv_transpose3d", Convolution, "transposed"},
    {"aten.conv_tbc", ConvTbc},
    {"aten.im2col", Im2col},
    {"aten.col2im", Col2im},
};

}  // namespace

std::span<const RuleRow> Convolutions() { return kRows; }

}  // namespace sardonyx::pytorch::rules
