// MaxViT (Tu et al., 2022).
#include <cmath>

#include <fmt/format.h>

#include "import/pytorch/arch/families.h"
#include "import/pytorch/arch/windows.h"

namespace sardonyx::pytorch::arch {
namespace {

constexpr double kNormEps = 1e-3, kLayerNormEps = 1e-5;

V MbConv(Net& net, V x, const std::string& path, int64_t stride) {
  V y = net.BatchNorm(x, path + ".layers.pre_norm", kNormEps);
  y = net.ConvNormAct(y, path + ".layers.conv_a", Act::kGelu, {}, kNormEps);
  y = net.ConvNormAct(y, path + ".layers.conv_b", Act::kGelu, {.stride = stride}, kNormEps);
  y = net.SqueezeExcite(y, path + ".layers.squeeze_excitation", Act::kSilu, Act::kSigmoid);
  y = net.Conv(y, path + ".layers.conv_c");
  if (net.weights.HasModule(path + ".proj.1"))
    x = net.Conv(net.AveragePool(x, {.kernel = 3, .stride = stride, .padding = 1}), path + ".proj.1");
  else if (net.weights.HasModule(path + ".proj.0"))
    x = net.Conv(x, path + ".proj.0");
  return net.b.Add(x, y);
}

// Attention over the second axis of [groups, places, channels].
V GroupAttention(Net& net, V x, const std::string& path, int64_t window) {
  const int64_t heads = net.weights.Size(path + ".relative_position_bias_table", 1), places = window * window;
  const int64_t channels = net.Size(x, 2, "channels");
  const std::vector<V> qkv = net.SplitHeads(net.Linear(x, path + ".to_qkv"), heads);
  net.b.SetPlace(path);
  const std::vector<float> bias = RelativeBias(net.Numbers(path + ".relative_position_bias_table"), window, heads);
  const V mask = net.Constant(path + ".relative_position_bias", Dims{1, heads, places, places}, bias);
  // Scaled by the whole width, not by that of a head.
  const V y = net.Attention(qkv[0], qkv[1], qkv[2], 1 / std::sqrt(static_cast<double>(channels)), mask);
  return net.Linear(net.JoinHeads(y), path + ".merge");
}

// Attention within windows, or over a grid of places that are far from each other.
V Partition(Net& net, V x, const std::string& path, bool grid) {
  const int64_t channels = net.Channels(x), height = net.Size(x, 2, "height"), width = net.Size(x, 3, "width");
  const int64_t window = WindowOfTable(net.weights.Size(path + ".attn_layer.1.relative_position_bias_table", 0));
  if (!net.b.ok()) return nullptr;
  if (window <= 0 || height % window != 0 || width % window != 0) {
    net.Fail(fmt::format("'{}': {} x {} places cannot be divided by {}: give another input size with --input", path, height, width, window));
    return nullptr;
  }
  net.b.SetPlace(path);
  // Groups and the places in them, with axes [N, rows of groups, columns, rows in a group, columns, C].
  const int64_t rows = height / window, columns = width / window, places = window * window;
  if (grid)
    x = net.b.Transpose(net.b.Reshape(x, {-1, channels, window, rows, window, columns}), {0, 3, 5, 2, 4, 1});
  else
    x = net.b.Transpose(net.b.Reshape(x, {-1, channels, rows, window, columns, window}), {0, 2, 4, 3, 5, 1});
  x = net.b.Reshape(x, {-1, places, channels});
  x = net.b.Add(x, GroupAttention(net, net.LayerNorm(x, path + ".attn_layer.0", kLayerNormEps), path + ".attn_layer.1", window));
  V y = net.LayerNorm(x, path + ".mlp_layer.0", kLayerNormEps);
  y = net.Linear(net.Activate(net.Linear(y, path + ".mlp_layer.1"), Act::kGelu), path + ".mlp_layer.3");
  x = net.b.Add(x, y);
  net.b.SetPlace(path);
  x = net.b.Reshape(x, {-1, rows, columns, window, window, channels});
  x = net.b.Transpose(x, grid ? std::vector<int64_t>{0, 5, 3, 1, 4, 2} : std::vector<int64_t>{0, 5, 1, 3, 2, 4});
  return net.b.Reshape(x, {-1, channels, height, width});
}

}  // namespace

V BuildMaxVit(Net& net, V x, std::string_view) {
  x = net.ConvNormAct(x, "stem.0", Act::kGelu, {.stride = 2}, kNormEps);
  x = net.Conv(x, "stem.1.0");
  const int64_t blocks = net.weights.Count("blocks.{}");
  for (int64_t i = 0; i < blocks; ++i) {
    const int64_t layers = net.weights.Count(At("blocks", i) + ".layers.{}");
    for (int64_t j = 0; j < layers && net.b.ok(); ++j) {
      const std::string path = fmt::format("blocks.{}.layers.{}.layers", i, j);
      x = MbConv(net, x, path + ".MBconv", j == 0 ? 2 : 1);
      x = Partition(net, x, path + ".window_attention", false);
      x = Partition(net, x, path + ".grid_attention", true);
    }
  }
  x = net.LayerNorm(net.GlobalAverage(x), "classifier.2", kLayerNormEps);
  return net.Linear(net.Activate(net.Linear(x, "classifier.3"), Act::kTanh), "classifier.5");
}

}  // namespace sardonyx::pytorch::arch
