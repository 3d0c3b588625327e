// ConvNeXt (Liu et al., 2022).
#include "import/pytorch/arch/families.h"

namespace sardonyx::pytorch::arch {
namespace {

constexpr double kEps = 1e-6;

V Block(Net& net, V x, const std::string& path) {
  V y = net.ToChannelsLast(net.Conv(x, path + ".block.0"));
  y = net.LayerNorm(y, path + ".block.2", kEps);
  y = net.Activate(net.Linear(y, path + ".block.3"), Act::kGelu);
  y = net.ToChannelsFirst(net.Linear(y, path + ".block.5"));
  net.b.SetPlace(path);
  return net.b.Add(net.b.Mul(net.Weight(path + ".layer_scale"), y), x);
}

// The kernel is the stride: patches that do not overlap.
V Patches(Net& net, V x, const std::string& path) {
  return net.Conv(x, path, {.stride = std::max<int64_t>(1, net.weights.Size(path + ".weight", 2)), .padding = 0});
}

}  // namespace

V BuildConvNext(Net& net, V x, std::string_view) {
  x = net.LayerNorm2d(Patches(net, x, "features.0.0"), "features.0.1", kEps);
  const int64_t parts = net.weights.Count("features.{}");
  for (int64_t i = 1; i < parts; ++i) {
    const std::string path = At("features", i);
    // Stages of blocks, and between them a normalization and a convolution that halves the size.
    if (net.weights.HasModule(path + ".0.block")) {
      const int64_t blocks = net.weights.Count(path + ".{}");
      for (int64_t j = 0; j < blocks; ++j) x = Block(net, x, At(path, j));
    } else {
      x = Patches(net, net.LayerNorm2d(x, path + ".0", kEps), path + ".1");
    }
  }
  x = net.GlobalAverage(x);
  return net.Linear(net.LayerNorm(x, "classifier.0", kEps), "classifier.2");
}

}  // namespace sardonyx::pytorch::arch
