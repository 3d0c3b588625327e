// The families, each in a file of its own: from pictures [N, C, H, W] to scores [N, classes].
#pragma once

#include "import/pytorch/arch/net.h"

namespace sardonyx::pytorch::arch {

V BuildAlexNet(Net& net, V x, std::string_view name);
V BuildVgg(Net& net, V x, std::string_view name);
V BuildResNet(Net& net, V x, std::string_view name);
V BuildSqueezeNet(Net& net, V x, std::string_view name);
V BuildDenseNet(Net& net, V x, std::string_view name);
V BuildInceptionV3(Net& net, V x, std::string_view name);
V BuildGoogLeNet(Net& net, V x, std::string_view name);
V BuildShuffleNetV2(Net& net, V x, std::string_view name);
V BuildMobileNetV2(Net& net, V x, std::string_view name);
V BuildMobileNetV3(Net& net, V x, std::string_view name);
V BuildMnasNet(Net& net, V x, std::string_view name);
V BuildEfficientNet(Net& net, V x, std::string_view name);
V BuildRegNet(Net& net, V x, std::string_view name);
V BuildConvNext(Net& net, V x, std::string_view name);
V BuildVit(Net& net, V x, std::string_view name);
V BuildSwin(Net& net, V x, std::string_view name);
V BuildMaxVit(Net& net, V x, std::string_view name);

}  // namespace sardonyx::pytorch::arch
