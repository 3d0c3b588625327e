// DenseNet (Huang et al., 2016).
#include <fmt/format.h>

#include "import/pytorch/arch/families.h"

namespace sardonyx::pytorch::arch {
namespace {

V NormRelu(Net& net, V x, const std::string& path) { return net.Activate(net.BatchNorm(x, path), Act::kRelu); }

// Each layer sees what all before it gave.
V DenseBlock(Net& net, V x, const std::string& path) {
  std::vector<V> features = {x};
  for (int64_t i = 1; net.weights.HasModule(fmt::format("{}.denselayer{}", path, i)); ++i) {
    const std::string layer = fmt::format("{}.denselayer{}", path, i);
    // Old checkpoints say norm.1 for norm1.
    const std::string dot = net.weights.HasModule(layer + ".norm1") ? "" : ".";
    V y = features.size() == 1 ? features[0] : net.b.Concat(features, 1);
    y = net.Conv(NormRelu(net, y, layer + ".norm" + dot + "1"), layer + ".conv" + dot + "1");
    features.push_back(net.Conv(NormRelu(net, y, layer + ".norm" + dot + "2"), layer + ".conv" + dot + "2"));
  }
  return net.b.Concat(features, 1);
}

}  // namespace

V BuildDenseNet(Net& net, V x, std::string_view) {
  x = net.Conv(x, "features.conv0", {.stride = 2});
  x = net.MaxPool(NormRelu(net, x, "features.norm0"), {.padding = 1});
  for (int64_t i = 1; net.weights.HasModule(fmt::format("features.denseblock{}", i)); ++i) {
    x = DenseBlock(net, x, fmt::format("features.denseblock{}", i));
    const std::string transition = fmt::format("features.transition{}", i);
    if (!net.weights.HasModule(transition)) continue;
    x = net.Conv(NormRelu(net, x, transition + ".norm"), transition + ".conv");
    x = net.AveragePool(x, {.kernel = 2, .stride = 2});
  }
  return net.Linear(net.GlobalAverage(NormRelu(net, x, "features.norm5")), "classifier");
}

}  // namespace sardonyx::pytorch::arch
