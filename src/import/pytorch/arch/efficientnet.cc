// EfficientNet (Tan and Le, 2019) and EfficientNet v2 (2021).
#include <fmt/format.h>

#include "import/pytorch/arch/families.h"

namespace sardonyx::pytorch::arch {
namespace {

constexpr int64_t kStrides[] = {1, 2, 2, 2, 1, 2, 1};  // v2 small has no seventh stage

// MBConv (expansion, depthwise, squeeze and excitation, projection) or FusedMBConv (convolution, projection).
V Block(Net& net, V x, const std::string& path, int64_t stride, double eps) {
  const int64_t parts = net.weights.Count(path + ".{}");
  const bool fused = [&] {
    for (int64_t i = 0; i < parts; ++i)
      if (net.weights.HasModule(At(path, i) + ".fc1")) return false;
    return true;
  }();
  V y = x;
  for (int64_t i = 0; i < parts; ++i) {
    const std::string part = At(path, i);
    if (net.weights.HasModule(part + ".fc1")) {
      y = net.SqueezeExcite(y, part, Act::kSilu, Act::kSigmoid);
      continue;
    }
    // Where the stride is: in the depthwise convolution, or in a fused block's first.
    const bool strided = fused ? i == 0 : net.weights.HasModule(At(path, i + 1) + ".fc1");
    const bool linear = i + 1 == parts && !(fused && parts == 1);
    y = net.ConvNormAct(y, part, linear ? Act::kNone : Act::kSilu, {.stride = strided ? stride : 1}, eps);
  }
  return stride == 1 && net.Channels(x) == net.Channels(y) ? net.b.Add(y, x) : y;
}

// B0 to B4 have PyTorch's default, the larger ones and v2 TensorFlow's. B4 and B5 are equally wide at their beginning.
double Epsilon(const Net& net, bool v2) {
  if (v2) return 1e-3;
  const int64_t width = net.weights.Size("features.0.0.weight", 0), depth = net.weights.Count("features.2.{}");
  return width > 48 || (width == 48 && depth >= 5) ? 1e-3 : 1e-5;
}

}  // namespace

V BuildEfficientNet(Net& net, V x, std::string_view) {
  const bool v2 = !net.weights.HasModule("features.1.0.block.1.fc1");
  const double eps = Epsilon(net, v2);
  const int64_t stages = net.weights.Count("features.{}.0.block", 1);
  if (stages > std::ssize(kStrides) || stages < 6) {
    net.Fail(fmt::format("efficientnet has 6 or 7 stages, and the checkpoint {}: their strides are not known", stages));
    return nullptr;
  }
  x = net.ConvNormAct(x, "features.0", Act::kSilu, {.stride = 2}, eps);
  for (int64_t stage = 0; stage < stages; ++stage) {
    const std::string path = At("features", stage + 1);
    const int64_t blocks = net.weights.Count(path + ".{}");
    for (int64_t i = 0; i < blocks; ++i)
      x = Block(net, x, At(path, i) + ".block", i == 0 ? kStrides[stage] : 1, eps);
  }
  x = net.ConvNormAct(x, At("features", stages + 1), Act::kSilu, {}, eps);
  return net.Linear(net.GlobalAverage(x), "classifier.1");
}

}  // namespace sardonyx::pytorch::arch
