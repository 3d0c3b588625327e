// SqueezeNet 1.0 and 1.1 (Iandola et al., 2016).
#include "import/pytorch/arch/families.h"

namespace sardonyx::pytorch::arch {
namespace {

constexpr int64_t kLayers = 13;

V Fire(Net& net, V x, const std::string& path) {
  x = net.Activate(net.Conv(x, path + ".squeeze"), Act::kRelu);
  const V one = net.Activate(net.Conv(x, path + ".expand1x1"), Act::kRelu);
  const V three = net.Activate(net.Conv(x, path + ".expand3x3"), Act::kRelu);
  return net.b.Concat({one, three}, 1);
}

}  // namespace

V BuildSqueezeNet(Net& net, V x, std::string_view) {
  x = net.Activate(net.Conv(x, "features.0", {.stride = 2, .padding = 0}), Act::kRelu);
  // features.1 is the activation; a place without weights is a pooling. That is where 1.0 and 1.1 differ.
  for (int64_t i = 2; i < kLayers; ++i) {
    const std::string path = At("features", i);
    x = net.weights.HasModule(path) ? Fire(net, x, path) : net.MaxPool(x, {.ceil_mode = true});
  }
  return net.GlobalAverage(net.Activate(net.Conv(x, "classifier.1"), Act::kRelu));
}

}  // namespace sardonyx::pytorch::arch
