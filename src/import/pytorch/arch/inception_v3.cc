// Inception v3 (Szegedy et al., 2015).
#include "import/pytorch/arch/inception_parts.h"

namespace sardonyx::pytorch::arch {
namespace {

// One after another: PATH_1, PATH_2, ... The last with `last`, the others keep the size.
V Chain(Net& net, V x, const std::string& path, int64_t count, const ConvOptions& last = {}) {
  for (int64_t i = 1; i <= count; ++i) x = BasicConv(net, x, path + "_" + std::to_string(i), i == count ? last : ConvOptions{});
  return x;
}

V PooledBranch(Net& net, V x, const std::string& path) {
  return BasicConv(net, net.AveragePool(x, {.kernel = 3, .stride = 1, .padding = 1}), path + ".branch_pool");
}

constexpr ConvOptions kReduce{.stride = 2, .padding = 0};

V ModuleA(Net& net, V x, const std::string& path) {
  return net.b.Concat({BasicConv(net, x, path + ".branch1x1"), Chain(net, x, path + ".branch5x5", 2),
                       Chain(net, x, path + ".branch3x3dbl", 3), PooledBranch(net, x, path)},
                      1);
}

V ModuleB(Net& net, V x, const std::string& path) {
  return net.b.Concat({BasicConv(net, x, path + ".branch3x3", kReduce), Chain(net, x, path + ".branch3x3dbl", 3, kReduce), net.MaxPool(x, {})}, 1);
}

V ModuleC(Net& net, V x, const std::string& path) {
  return net.b.Concat({BasicConv(net, x, path + ".branch1x1"), Chain(net, x, path + ".branch7x7", 3),
                       Chain(net, x, path + ".branch7x7dbl", 5), PooledBranch(net, x, path)},
                      1);
}

V ModuleD(Net& net, V x, const std::string& path) {
  return net.b.Concat({Chain(net, x, path + ".branch3x3", 2, kReduce), Chain(net, x, path + ".branch7x7x3", 4, kReduce), net.MaxPool(x, {})}, 1);
}

V ModuleE(Net& net, V x, const std::string& path) {
  const auto fork = [&](V y, const std::string& name) { return net.b.Concat({BasicConv(net, y, name + "a"), BasicConv(net, y, name + "b")}, 1); };
  const V one = BasicConv(net, x, path + ".branch1x1");
  const V three = fork(Chain(net, x, path + ".branch3x3", 1), path + ".branch3x3_2");
  const V doubled = fork(Chain(net, x, path + ".branch3x3dbl", 2), path + ".branch3x3dbl_3");
  return net.b.Concat({one, three, doubled, PooledBranch(net, x, path)}, 1);
}

}  // namespace

V BuildInceptionV3(Net& net, V x, std::string_view name) {
  x = TransformInput(net, x, name);
  x = BasicConv(net, x, "Conv2d_1a_3x3", kReduce);
  x = BasicConv(net, x, "Conv2d_2a_3x3", {.padding = 0});
  x = net.MaxPool(BasicConv(net, x, "Conv2d_2b_3x3"), {});
  x = BasicConv(net, BasicConv(net, x, "Conv2d_3b_1x1"), "Conv2d_4a_3x3", {.padding = 0});
  x = net.MaxPool(x, {});
  for (const char* path : {"Mixed_5b", "Mixed_5c", "Mixed_5d"}) x = ModuleA(net, x, path);
  x = ModuleB(net, x, "Mixed_6a");
  for (const char* path : {"Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"}) x = ModuleC(net, x, path);
  x = ModuleD(net, x, "Mixed_7a");
  for (const char* path : {"Mixed_7b", "Mixed_7c"}) x = ModuleE(net, x, path);
  return net.Linear(net.GlobalAverage(x), "fc");
}

}  // namespace sardonyx::pytorch::arch
