// MobileNet v2 (Sandler et al., 2018) and v3 (Howard et al., 2019).
#include <fmt/format.h>

#include "import/pytorch/arch/families.h"

namespace sardonyx::pytorch::arch {
namespace {

// Strides are not in the weights: those of the papers' tables, block by block.
constexpr int64_t kStridesV2[] = {1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1};
constexpr int64_t kStridesSmall[] = {2, 2, 1, 2, 1, 1, 1, 1, 2, 1, 1};
constexpr int64_t kStridesLarge[] = {1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1};
constexpr int64_t kFirstHardSwishSmall = 3, kFirstHardSwishLarge = 6;  // blocks before them have ReLU
constexpr double kEpsV3 = 1e-3;

V AddIfSame(Net& net, V x, V y, int64_t stride) { return stride == 1 && net.Channels(x) == net.Channels(y) ? net.b.Add(x, y) : y; }

V BlockV2(Net& net, V x, const std::string& path, int64_t stride) {
  const bool expands = net.weights.HasModule(path + ".1.0");
  V y = x;
  if (expands) y = net.ConvNormAct(y, path + ".0", Act::kRelu6);
  const int64_t at = expands ? 1 : 0;
  y = net.ConvNormAct(y, At(path, at), Act::kRelu6, {.stride = stride});
  y = net.BatchNorm(net.Conv(y, At(path, at + 1)), At(path, at + 2));
  return AddIfSame(net, x, y, stride);
}

V BlockV3(Net& net, V x, const std::string& path, int64_t stride, Act act) {
  // Expansion where there is one, depthwise, squeeze and excitation where there is one, projection.
  const int64_t parts = net.weights.Count(path + ".{}");
  V y = x;
  for (int64_t i = 0; i < parts; ++i) {
    const std::string part = At(path, i);
    const bool depthwise = net.weights.Size(part + ".0.weight", 1) == 1;
    if (net.weights.HasModule(part + ".fc1"))
      y = net.SqueezeExcite(y, part, Act::kRelu, Act::kHardSigmoid);
    else
      y = net.ConvNormAct(y, part, i + 1 == parts ? Act::kNone : act, {.stride = depthwise ? stride : 1}, kEpsV3);
  }
  return AddIfSame(net, x, y, stride);
}

}  // namespace

V BuildMobileNetV2(Net& net, V x, std::string_view) {
  x = net.ConvNormAct(x, "features.0", Act::kRelu6, {.stride = 2});
  const int64_t blocks = net.weights.Count("features.{}.conv", 1);
  if (blocks != std::ssize(kStridesV2)) {
    net.Fail(fmt::format("mobilenet_v2 has {} blocks, and the checkpoint {}: their strides are not known", std::size(kStridesV2), blocks));
    return nullptr;
  }
  for (int64_t i = 0; i < blocks; ++i) x = BlockV2(net, x, At("features", i + 1) + ".conv", kStridesV2[i]);
  x = net.ConvNormAct(x, At("features", blocks + 1), Act::kRelu6);
  return net.Linear(net.GlobalAverage(x), "classifier.1");
}

V BuildMobileNetV3(Net& net, V x, std::string_view) {
  x = net.ConvNormAct(x, "features.0", Act::kHardSwish, {.stride = 2}, kEpsV3);
  const int64_t blocks = net.weights.Count("features.{}.block", 1);
  const bool small = blocks == std::ssize(kStridesSmall);
  if (!small && blocks != std::ssize(kStridesLarge)) {
    net.Fail(fmt::format("mobilenet_v3 has {} blocks (small) or {} (large), and the checkpoint {}", std::size(kStridesSmall),
                         std::size(kStridesLarge), blocks));
    return nullptr;
  }
  for (int64_t i = 0; i < blocks; ++i) {
    const Act act = i < (small ? kFirstHardSwishSmall : kFirstHardSwishLarge) ? Act::kRelu : Act::kHardSwish;
    x = BlockV3(net, x, At("features", i + 1) + ".block", (small ? kStridesSmall : kStridesLarge)[i], act);
  }
  x = net.ConvNormAct(x, At("features", blocks + 1), Act::kHardSwish, {}, kEpsV3);
  x = net.Activate(net.Linear(net.GlobalAverage(x), "classifier.0"), Act::kHardSwish);
  return net.Linear(x, "classifier.3");
}

}  // namespace sardonyx::pytorch::arch
