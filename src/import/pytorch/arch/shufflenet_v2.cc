// ShuffleNet v2 (Ma et al., 2018).
#include <fmt/format.h>

#include "import/pytorch/arch/families.h"

namespace sardonyx::pytorch::arch {
namespace {

V ConvNorm(Net& net, V x, const std::string& path, int64_t at, Act act, const ConvOptions& options = {}) {
  return net.Activate(net.BatchNorm(net.Conv(x, At(path, at), options), At(path, at + 1)), act);
}

V Branch2(Net& net, V x, const std::string& path, int64_t stride) {
  x = ConvNorm(net, x, path, 0, Act::kRelu);
  x = ConvNorm(net, x, path, 3, Act::kNone, {.stride = stride});
  return ConvNorm(net, x, path, 5, Act::kRelu);
}

// The two halves, channel by channel in turn.
V Interleave(Net& net, V a, V b) {
  const V x = net.b.Concat({a, b}, 1);
  const V height = net.b.SizeOf(x, 2), width = net.b.SizeOf(x, 3);
  const int64_t channels = net.Channels(x);
  const auto shape = [&](std::initializer_list<int64_t> front) { return net.b.Stack1D({net.b.Ints(front), height, width}); };
  const V split = net.b.Transpose(net.b.Reshape(x, shape({-1, 2, channels / 2})), {0, 2, 1, 3, 4});
  return net.b.Reshape(split, shape({-1, channels}));
}

V Unit(Net& net, V x, const std::string& path) {
  const std::string branch1 = path + ".branch1", branch2 = path + ".branch2";
  if (net.weights.HasModule(branch1)) {
    const V left = ConvNorm(net, ConvNorm(net, x, branch1, 0, Act::kNone, {.stride = 2}), branch1, 2, Act::kRelu);
    return Interleave(net, left, Branch2(net, x, branch2, 2));
  }
  const int64_t half = net.Channels(x) / 2;
  const std::vector<V> halves = net.b.Ops("Split", {x, net.b.Ints({half, half})}, 2, {{"axis", 1}});
  return Interleave(net, halves[0], Branch2(net, halves[1], branch2, 1));
}

}  // namespace

V BuildShuffleNetV2(Net& net, V x, std::string_view) {
  x = net.MaxPool(net.ConvNormAct(x, "conv1", Act::kRelu, {.stride = 2}), {.padding = 1});
  for (int64_t stage = 2; net.weights.HasModule(fmt::format("stage{}", stage)); ++stage) {
    const std::string path = fmt::format("stage{}", stage);
    const int64_t units = net.weights.Count(path + ".{}");
    for (int64_t i = 0; i < units; ++i) x = Unit(net, x, At(path, i));
  }
  x = net.ConvNormAct(x, "conv5", Act::kRelu);
  return net.Linear(net.GlobalAverage(x), "fc");
}

}  // namespace sardonyx::pytorch::arch
