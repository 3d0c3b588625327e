// What GoogLeNet and Inception v3 share.
#pragma once

#include "import/pytorch/arch/families.h"

namespace sardonyx::pytorch::arch {

// Convolution at PATH.conv, normalization at PATH.bn, ReLU.
inline V BasicConv(Net& net, V x, const std::string& path, const ConvOptions& options = {}) {
  return net.Activate(net.BatchNorm(net.Conv(x, path + ".conv", options), path + ".bn", 1e-3), Act::kRelu);
}

// Inputs that are normalized as torchvision does for ImageNet, scaled to [-1, 1]: torchvision's `transform_input`, which its
// pretrained weights ask for. Names end in "+transform_input" then.
V TransformInput(Net& net, V x, std::string_view name);

}  // namespace sardonyx::pytorch::arch
