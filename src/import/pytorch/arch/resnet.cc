// ResNet (He et al., 2015), ResNeXt (Xie et al., 2016) and Wide ResNet: they differ in weights only.
#include <fmt/format.h>

#include "import/pytorch/arch/families.h"

namespace sardonyx::pytorch::arch {
namespace {

V Block(Net& net, V x, const std::string& path, int64_t stride) {
  const bool bottleneck = net.weights.HasModule(path + ".conv3");
  V y = net.BatchNorm(net.Conv(x, path + ".conv1", {.stride = bottleneck ? 1 : stride}), path + ".bn1");
  y = net.Activate(y, Act::kRelu);
  // The stride of a bottleneck is in its 3 x 3 convolution (ResNet v1.5).
  y = net.BatchNorm(net.Conv(y, path + ".conv2", {.stride = bottleneck ? stride : 1}), path + ".bn2");
  if (bottleneck) y = net.BatchNorm(net.Conv(net.Activate(y, Act::kRelu), path + ".conv3"), path + ".bn3");
  const std::string shortcut = path + ".downsample";
  if (net.weights.HasModule(shortcut)) x = net.ConvNormAct(x, shortcut, Act::kNone, {.stride = stride});
  return net.Activate(net.b.Add(y, x), Act::kRelu);
}

}  // namespace

V BuildResNet(Net& net, V x, std::string_view) {
  x = net.Activate(net.BatchNorm(net.Conv(x, "conv1", {.stride = 2}), "bn1"), Act::kRelu);
  x = net.MaxPool(x, {.padding = 1});
  for (int64_t stage = 1; net.weights.HasModule(fmt::format("layer{}", stage)); ++stage) {
    const std::string path = fmt::format("layer{}", stage);
    const int64_t blocks = net.weights.Count(path + ".{}");
    for (int64_t i = 0; i < blocks; ++i) x = Block(net, x, At(path, i), i == 0 && stage > 1 ? 2 : 1);
  }
  return net.Linear(net.GlobalAverage(x), "fc");
}

}  // namespace sardonyx::pytorch::arch
