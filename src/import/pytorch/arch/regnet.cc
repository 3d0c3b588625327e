// RegNet X and Y (Radosavovic et al., 2020).
#include <fmt/format.h>

#include "import/pytorch/arch/families.h"

namespace sardonyx::pytorch::arch {
namespace {

V Block(Net& net, V x, const std::string& path, int64_t stride) {
  V y = net.ConvNormAct(x, path + ".f.a", Act::kRelu);
  y = net.ConvNormAct(y, path + ".f.b", Act::kRelu, {.stride = stride});
  if (net.weights.HasModule(path + ".f.se")) y = net.SqueezeExcite(y, path + ".f.se", Act::kRelu, Act::kSigmoid);
  y = net.ConvNormAct(y, path + ".f.c", Act::kNone);
  if (net.weights.HasModule(path + ".proj")) x = net.ConvNormAct(x, path + ".proj", Act::kNone, {.stride = stride});
  return net.Activate(net.b.Add(x, y), Act::kRelu);
}

}  // namespace

V BuildRegNet(Net& net, V x, std::string_view) {
  x = net.ConvNormAct(x, "stem", Act::kRelu, {.stride = 2});
  for (int64_t stage = 1; net.weights.HasModule(fmt::format("trunk_output.block{}", stage)); ++stage) {
    const std::string path = fmt::format("trunk_output.block{0}.block{0}-", stage);
    const int64_t blocks = net.weights.Count(path + "{}");
    for (int64_t i = 0; i < blocks; ++i) x = Block(net, x, path + std::to_string(i), i == 0 ? 2 : 1);
  }
  return net.Linear(net.GlobalAverage(x), "fc");
}

}  // namespace sardonyx::pytorch::arch
