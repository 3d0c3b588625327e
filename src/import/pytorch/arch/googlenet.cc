// GoogLeNet (Szegedy et al., 2014).
#include "import/pytorch/arch/inception_parts.h"

namespace sardonyx::pytorch::arch {
namespace {

V Module(Net& net, V x, const std::string& path) {
  const V one = BasicConv(net, x, path + ".branch1");
  const V two = BasicConv(net, BasicConv(net, x, path + ".branch2.0"), path + ".branch2.1");
  const V three = BasicConv(net, BasicConv(net, x, path + ".branch3.0"), path + ".branch3.1");
  const V four = BasicConv(net, net.MaxPool(x, {.kernel = 3, .stride = 1, .padding = 1, .ceil_mode = true}), path + ".branch4.1");
  return net.b.Concat({one, two, three, four}, 1);
}

}  // namespace

V TransformInput(Net& net, V x, std::string_view name) {
  if (!name.ends_with("+transform_input")) return x;
  constexpr float kMean[] = {0.485f, 0.456f, 0.406f}, kStd[] = {0.229f, 0.224f, 0.225f};
  std::vector<float> scale, shift;
  for (int i = 0; i < 3; ++i) {
    scale.push_back(kStd[i] / 0.5f);
    shift.push_back((kMean[i] - 0.5f) / 0.5f);
  }
  net.b.SetPlace("transform_input");
  return net.b.Add(net.b.Mul(x, net.Constant("transform_input.scale", Dims{1, 3, 1, 1}, scale)),
                   net.Constant("transform_input.shift", Dims{1, 3, 1, 1}, shift));
}

V BuildGoogLeNet(Net& net, V x, std::string_view name) {
  x = BasicConv(net, TransformInput(net, x, name), "conv1", {.stride = 2});
  x = net.MaxPool(x, {.ceil_mode = true});
  x = BasicConv(net, BasicConv(net, x, "conv2"), "conv3");
  x = net.MaxPool(x, {.ceil_mode = true});
  for (const char* path : {"inception3a", "inception3b"}) x = Module(net, x, path);
  x = net.MaxPool(x, {.ceil_mode = true});
  for (const char* path : {"inception4a", "inception4b", "inception4c", "inception4d", "inception4e"}) x = Module(net, x, path);
  x = net.MaxPool(x, {.kernel = 2, .stride = 2, .ceil_mode = true});
  for (const char* path : {"inception5a", "inception5b"}) x = Module(net, x, path);
  return net.Linear(net.GlobalAverage(x), "fc");
}

}  // namespace sardonyx::pytorch::arch
