// Swin Transformer (Liu et al., 2021) and Swin v2 (2021).
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "import/pytorch/arch/families.h"
#include "import/pytorch/arch/windows.h"

namespace sardonyx::pytorch::arch {
namespace {

constexpr double kEps = 1e-5;

// v2: what the small MLP says of each relative position, log-spaced, limited to (0, 16).
std::vector<float> ContinuousBias(Net& net, const std::string& path, int64_t window, int64_t heads) {
  const std::vector<float> w0 = net.Numbers(path + ".cpb_mlp.0.weight"), b0 = net.Numbers(path + ".cpb_mlp.0.bias"),
                           w2 = net.Numbers(path + ".cpb_mlp.2.weight");
  const size_t hidden = b0.size();
  if (w0.size() != 2 * hidden || w2.size() != hidden * static_cast<size_t>(heads)) {
    net.Fail(fmt::format("'{}.cpb_mlp' has weights of other sizes than expected", path));
    return {};
  }
  const auto coordinate = [&](int64_t step) {
    const double scaled = window > 1 ? 8.0 * static_cast<double>(step) / static_cast<double>(window - 1) : 0;
    return std::copysign(std::log2(std::fabs(scaled) + 1) / 3, scaled);
  };
  std::vector<float> table;
  for (int64_t dy = 1 - window; dy < window; ++dy)
    for (int64_t dx = 1 - window; dx < window; ++dx) {
      std::vector<double> sums(static_cast<size_t>(heads), 0.0);
      for (size_t k = 0; k < hidden; ++k) {
        const double inner = std::max(0.0, w0[2 * k] * coordinate(dy) + w0[2 * k + 1] * coordinate(dx) + b0[k]);
        for (size_t head = 0; head < sums.size(); ++head) sums[head] += inner * w2[head * hidden + k];
      }
      for (const double sum : sums) table.push_back(static_cast<float>(16 / (1 + std::exp(-sum))));
    }
  return RelativeBias(table, window, heads);
}

// What one block's attention is made of; sizes are those of the padded picture.
struct Windows {
  int64_t height = 0, width = 0, window = 0, shift_y = 0, shift_x = 0;
  int64_t count() const { return (height / window) * (width / window); }
  bool shifted() const { return shift_y + shift_x > 0; }
};

// Pairs in a shifted window that were not neighbours before the shift: -100, others 0. [1, windows, 1, w*w, w*w]
V ShiftMask(Net& net, const Windows& w, const std::string& path) {
  const auto region = [&](int64_t at, int64_t size, int64_t shift) { return at < size - w.window ? 0 : at < size - shift ? 1 : 2; };
  const int64_t places = w.window * w.window, across = w.width / w.window;
  std::vector<float> mask;
  for (int64_t one = 0; one < w.count(); ++one) {
    const auto label = [&](int64_t place) {
      const int64_t y = one / across * w.window + place / w.window, x = one % across * w.window + place % w.window;
      return 3 * region(y, w.height, w.shift_y) + region(x, w.width, w.shift_x);
    };
    for (int64_t i = 0; i < places; ++i)
      for (int64_t j = 0; j < places; ++j) mask.push_back(label(i) == label(j) ? 0.0f : -100.0f);
  }
  return net.Constant(path + ".attn_mask", Dims{1, w.count(), 1, places, places}, mask);
}

// Rows (axis 1) or columns (axis 2) move up by `shift`, those that leave come in again below.
V Roll(Net& net, V x, int64_t axis, int64_t shift, int64_t size) {
  if (shift == 0) return x;
  const int64_t at = shift > 0 ? shift : size + shift;
  return net.b.Concat({net.b.Slice(x, axis, at, size), net.b.Slice(x, axis, 0, at)}, axis);
}

V Normalized(Net& net, V x) {
  const V length = net.b.Reduce("ReduceL2", x, {-1}, true);
  return net.b.Div(x, net.b.Op("Max", {length, net.b.NumberLike(1e-12, x)}));
}

V WindowAttention(Net& net, V x, const std::string& path, const Windows& w, int64_t heads) {
  const bool v2 = net.weights.Has(path + ".logit_scale");
  const int64_t places = w.window * w.window, width = net.Size(x, 2, "width");
  V bias = nullptr;
  if (v2) {
    // Keys have no bias.
    std::vector<float> numbers = net.Numbers(path + ".qkv.bias");
    for (size_t i = numbers.size() / 3; i < numbers.size() / 3 * 2; ++i) numbers[i] = 0;
    bias = net.Constant(path + ".qkv.bias", Dims{3 * width}, numbers);
  }
  const std::vector<V> qkv = net.SplitHeads(net.Linear(x, path + ".qkv", bias), heads);
  net.b.SetPlace(path);
  V scores;
  if (v2) {
    std::vector<float> scale = net.Numbers(path + ".logit_scale");
    for (float& one : scale) one = std::exp(std::min(one, std::log(100.0f)));
    scores = net.b.Op("MatMul", {Normalized(net, qkv[0]), net.b.Transpose(Normalized(net, qkv[1]), {0, 1, 3, 2})});
    scores = net.b.Mul(scores, net.Constant(path + ".logit_scale", Dims{heads, 1, 1}, scale));
  } else {
    const V q = net.b.Mul(qkv[0], net.b.NumberLike(1 / std::sqrt(static_cast<double>(width / heads)), qkv[0]));
    scores = net.b.Op("MatMul", {q, net.b.Transpose(qkv[1], {0, 1, 3, 2})});
  }
  const std::vector<float> relative =
      v2 ? ContinuousBias(net, path, w.window, heads) : RelativeBias(net.Numbers(path + ".relative_position_bias_table"), w.window, heads);
  scores = net.b.Add(scores, net.Constant(path + ".relative_position_bias", Dims{1, heads, places, places}, relative));
  if (w.shifted()) {
    scores = net.b.Add(net.b.Reshape(scores, {-1, w.count(), heads, places, places}), ShiftMask(net, w, path));
    scores = net.b.Reshape(scores, {-1, heads, places, places});
  }
  const V y = net.b.Op("MatMul", {net.b.Op("Softmax", {scores}, {{"axis", -1}}), qkv[2]});
  return net.Linear(net.JoinHeads(y), path + ".proj");
}

// [N, H, W, C] padded below and to the right.
V PadTo(Net& net, V x, int64_t height, int64_t width, int64_t to_height, int64_t to_width) {
  if (height == to_height && width == to_width) return x;
  return net.b.Op("Pad", {x, net.b.Ints({0, 0, 0, 0, 0, to_height - height, to_width - width, 0})});
}

V ShiftedAttention(Net& net, V x, const std::string& path, bool shift) {
  const int64_t height = net.Size(x, 1, "height"), width = net.Size(x, 2, "width"), channels = net.Size(x, 3, "channels");
  const bool v2 = net.weights.Has(path + ".logit_scale");
  const int64_t heads = v2 ? net.weights.Size(path + ".logit_scale", 0) : net.weights.Size(path + ".relative_position_bias_table", 1);
  const int64_t window = v2 ? static_cast<int64_t>(std::lround(std::pow(net.weights.Size(path + ".relative_position_index", 0), 0.25)))
                            : WindowOfTable(net.weights.Size(path + ".relative_position_bias_table", 0));
  if (window <= 0 || heads <= 0) {
    net.Fail(fmt::format("'{}' has no table of relative positions", path));
    return nullptr;
  }
  const auto up = [&](int64_t n) { return (n + window - 1) / window * window; };
  Windows w{up(height), up(width), window, 0, 0};
  // A window as large as the picture has nothing to shift to.
  if (shift && window < w.height) w.shift_y = window / 2;
  if (shift && window < w.width) w.shift_x = window / 2;
  net.b.SetPlace(path);
  x = PadTo(net, x, height, width, w.height, w.width);
  x = Roll(net, Roll(net, x, 1, w.shift_y, w.height), 2, w.shift_x, w.width);
  const int64_t down = w.height / window, across = w.width / window;
  x = net.b.Transpose(net.b.Reshape(x, {-1, down, window, across, window, channels}), {0, 1, 3, 2, 4, 5});
  x = WindowAttention(net, net.b.Reshape(x, {-1, window * window, channels}), path, w, heads);
  net.b.SetPlace(path);
  x = net.b.Transpose(net.b.Reshape(x, {-1, down, across, window, window, channels}), {0, 1, 3, 2, 4, 5});
  x = net.b.Reshape(x, {-1, w.height, w.width, channels});
  x = Roll(net, Roll(net, x, 1, -w.shift_y, w.height), 2, -w.shift_x, w.width);
  if (height != w.height) x = net.b.Slice(x, 1, 0, height);
  return width != w.width ? net.b.Slice(x, 2, 0, width) : x;
}

V Block(Net& net, V x, const std::string& path, bool shift) {
  const bool v2 = net.weights.Has(path + ".attn.logit_scale");
  const auto mlp = [&](V y) { return net.Linear(net.Activate(net.Linear(y, path + ".mlp.0"), Act::kGelu), path + ".mlp.3"); };
  const auto norm = [&](V y, const char* name) { return net.LayerNorm(y, path + name, kEps); };
  // v2 normalizes what is added, v1 what goes in.
  if (v2) {
    x = net.b.Add(x, norm(ShiftedAttention(net, x, path + ".attn", shift), ".norm1"));
    return net.b.Add(x, norm(mlp(x), ".norm2"));
  }
  x = net.b.Add(x, ShiftedAttention(net, norm(x, ".norm1"), path + ".attn", shift));
  return net.b.Add(x, mlp(norm(x, ".norm2")));
}

// Four neighbours become one place of four times the channels, then half of these.
V Merge(Net& net, V x, const std::string& path, bool v2) {
  const int64_t height = net.Size(x, 1, "height"), width = net.Size(x, 2, "width");
  net.b.SetPlace(path);
  x = PadTo(net, x, height, width, height + height % 2, width + width % 2);
  std::vector<V> parts;
  for (const auto& [dy, dx] : {std::pair<int64_t, int64_t>{0, 0}, {1, 0}, {0, 1}, {1, 1}})
    parts.push_back(net.b.Slice(net.b.Slice(x, 1, dy, height + 1, 2), 2, dx, width + 1, 2));
  x = net.b.Concat(parts, 3);
  if (v2) return net.LayerNorm(net.Linear(x, path + ".reduction"), path + ".norm", kEps);
  return net.Linear(net.LayerNorm(x, path + ".norm", kEps), path + ".reduction");
}

}  // namespace

V BuildSwin(Net& net, V x, std::string_view) {
  const bool v2 = net.weights.Has("features.1.0.attn.logit_scale");
  x = net.Conv(x, "features.0.0", {.stride = std::max<int64_t>(1, net.weights.Size("features.0.0.weight", 2)), .padding = 0});
  x = net.LayerNorm(net.ToChannelsLast(x), "features.0.2", kEps);
  const int64_t parts = net.weights.Count("features.{}");
  for (int64_t i = 1; i < parts && net.b.ok(); ++i) {
    const std::string path = At("features", i);
    if (net.weights.HasModule(path + ".reduction")) {
      x = Merge(net, x, path, v2);
      continue;
    }
    const int64_t blocks = net.weights.Count(path + ".{}");
    for (int64_t j = 0; j < blocks; ++j) x = Block(net, x, At(path, j), j % 2 == 1);
  }
  x = net.ToChannelsFirst(net.LayerNorm(x, "norm", kEps));
  return net.Linear(net.GlobalAverage(x), "head");
}

}  // namespace sardonyx::pytorch::arch
