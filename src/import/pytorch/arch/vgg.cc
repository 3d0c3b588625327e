// VGG (Simonyan and Zisserman, 2014), with and without batch normalization.
#include "import/pytorch/arch/families.h"

namespace sardonyx::pytorch::arch {

V BuildVgg(Net& net, V x, std::string_view) {
  // Layers are numbered through; a place more than convolution (, normalization) and activation take is a pooling.
  const bool norm = net.weights.Has("features.1.running_mean");
  const int64_t layers = norm ? 3 : 2;
  int64_t at = 0;
  while (net.b.ok() && net.weights.Has(At("features", at) + ".weight")) {
    x = net.Conv(x, At("features", at));
    if (norm) x = net.BatchNorm(x, At("features", at + 1));
    x = net.Activate(x, Act::kRelu);
    at += layers;
    if (net.weights.Has(At("features", at) + ".weight")) continue;
    x = net.MaxPool(x, {.kernel = 2, .stride = 2});
    ++at;
  }
  x = net.Flatten(net.AdaptiveAverage(x, 7));
  x = net.Activate(net.Linear(x, "classifier.0"), Act::kRelu);
  x = net.Activate(net.Linear(x, "classifier.3"), Act::kRelu);
  return net.Linear(x, "classifier.6");
}

}  // namespace sardonyx::pytorch::arch
