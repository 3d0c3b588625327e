// AlexNet (Krizhevsky, "One weird trick", 2014), as torchvision has it.
#include "import/pytorch/arch/families.h"

namespace sardonyx::pytorch::arch {

V BuildAlexNet(Net& net, V x, std::string_view) {
  x = net.Activate(net.Conv(x, "features.0", {.stride = 4, .padding = 2}), Act::kRelu);
  x = net.MaxPool(x, {});
  x = net.Activate(net.Conv(x, "features.3"), Act::kRelu);
  x = net.MaxPool(x, {});
  for (const int64_t i : {6, 8, 10}) x = net.Activate(net.Conv(x, At("features", i)), Act::kRelu);
  x = net.Flatten(net.AdaptiveAverage(net.MaxPool(x, {}), 6));
  x = net.Activate(net.Linear(x, "classifier.1"), Act::kRelu);
  x = net.Activate(net.Linear(x, "classifier.4"), Act::kRelu);
  return net.Linear(x, "classifier.6");
}

}  // namespace sardonyx::pytorch::arch
