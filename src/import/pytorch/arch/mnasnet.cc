// MNASNet B1 (Tan et al., 2018).
#include "import/pytorch/arch/families.h"

namespace sardonyx::pytorch::arch {
namespace {

V ConvNorm(Net& net, V x, const std::string& path, int64_t at, Act act, int64_t stride = 1) {
  return net.Activate(net.BatchNorm(net.Conv(x, At(path, at), {.stride = stride}), At(path, at + 1)), act);
}

constexpr int64_t kFirstStack = 8;
constexpr int64_t kStackStrides[] = {2, 2, 2, 1, 2, 1};

}  // namespace

V BuildMnasNet(Net& net, V x, std::string_view) {
  x = ConvNorm(net, x, "layers", 0, Act::kRelu, 2);
  x = ConvNorm(net, ConvNorm(net, x, "layers", 3, Act::kRelu), "layers", 6, Act::kNone);
  for (int64_t stack = 0; stack < std::ssize(kStackStrides); ++stack) {
    const std::string path = At("layers", kFirstStack + stack);
    const int64_t blocks = net.weights.Count(path + ".{}");
    for (int64_t i = 0; i < blocks; ++i) {
      const std::string block = At(path, i) + ".layers";
      V y = ConvNorm(net, x, block, 0, Act::kRelu);
      y = ConvNorm(net, y, block, 3, Act::kRelu, i == 0 ? kStackStrides[stack] : 1);
      y = ConvNorm(net, y, block, 6, Act::kNone);
      // The first has none even where it keeps the size, unless the channels stay too.
      x = (i > 0 || kStackStrides[stack] == 1) && net.Channels(x) == net.Channels(y) ? net.b.Add(y, x) : y;
    }
  }
  x = ConvNorm(net, x, "layers", kFirstStack + std::ssize(kStackStrides), Act::kRelu);
  return net.Linear(net.GlobalAverage(x), "classifier.1");
}

}  // namespace sardonyx::pytorch::arch
