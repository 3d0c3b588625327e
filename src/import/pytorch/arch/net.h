// Net: layers of PyTorch modules as ONNX nodes, with the weights of a checkpoint.
//
// Each takes the path of its module ("layer1.0.conv1"), under which the checkpoint has its weights, and which names its nodes.
// What a module's weights say (channels, kernel, groups, bias) is taken from them. Errors stick to the GraphBuilder.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "import/pytorch/arch/state_dict.h"
#include "ops/graph_builder.h"

namespace sardonyx::pytorch::arch {

using V = ops::GraphBuilder::Value;

enum class Act { kNone, kRelu, kRelu6, kSilu, kHardSwish, kGelu, kSigmoid, kHardSigmoid, kTanh };

struct ConvOptions {
  int64_t stride = 1;
  int64_t padding = -1;  // -1: half the kernel, which keeps the size
  int64_t dilation = 1;
};

struct PoolOptions {
  int64_t kernel = 3, stride = 2, padding = 0;
  bool ceil_mode = false;
};

class Net {
 public:
  Net(ops::GraphBuilder& builder, const StateDict& weights) : b(builder), weights(weights) {}

  ops::GraphBuilder& b;
  const StateDict& weights;

  // An initializer of the checkpoint's name.
  V Weight(const std::string& name);
  // A matrix the other way round, as MatMul wants what nn.Linear has.
  V TransposedWeight(const std::string& name);
  // Its numbers, where they are computed with. Empty, and an error, if they cannot be had.
  std::vector<float> Numbers(const std::string& name);
  // A constant of the checkpoint's element type.
  V Constant(const std::string& name, const Dims& dims, const std::vector<float>& numbers);
  // Of the checkpoint's floats: the first one's.
  DataType DataTypeOfFloats() const;
  void Fail(std::string message) { b.Fail(Invalid(std::move(message))); }

  // nn.Conv2d on [N, C, H, W]; groups are C / the weight's second axis.
  V Conv(V x, const std::string& path, const ConvOptions& options = {});
  // nn.BatchNorm2d with its running statistics.
  V BatchNorm(V x, const std::string& path, double eps = 1e-5);
  // Over the last axis.
  V LayerNorm(V x, const std::string& path, double eps);
  // Over channels of [N, C, H, W], as ConvNeXt has it.
  V LayerNorm2d(V x, const std::string& path, double eps);
  // On the last axis: Gemm for matrices, else MatMul and Add. `bias` replaces the module's own.
  V Linear(V x, const std::string& path, V bias = nullptr);
  V Activate(V x, Act act);
  // Conv at PATH.0 and BatchNorm at PATH.1, then the activation.
  V ConvNormAct(V x, const std::string& path, Act act, const ConvOptions& options = {}, double eps = 1e-5);
  // torchvision's SqueezeExcitation: fc1 and fc2 are convolutions.
  V SqueezeExcite(V x, const std::string& path, Act inner, Act gate);
  V MaxPool(V x, const PoolOptions& options);
  V AveragePool(V x, const PoolOptions& options);
  // [N, C, H, W] -> [N, C]
  V GlobalAverage(V x);
  // To [N, C, size, size] whatever H and W are.
  V AdaptiveAverage(V x, int64_t size);
  V Flatten(V x) { return b.Op("Flatten", {x}, {{"axis", 1}}); }
  // [..., 4 or 3]: NCHW to NHWC and back.
  V ToChannelsLast(V x) { return b.Transpose(x, {0, 2, 3, 1}); }
  V ToChannelsFirst(V x) { return b.Transpose(x, {0, 3, 1, 2}); }

  // softmax(q k^T * scale + mask) v of q, k, v [batch, heads, length, width]; mask broadcasts to [batch, heads, length, length], or null.
  V Attention(V q, V k, V v, double scale, V mask);
  // [batch, length, 3 * heads * width] -> q, k, v of [batch, heads, length, width]. The length must be static.
  std::vector<V> SplitHeads(V qkv, int64_t heads);
  // The inverse for one of them: [batch, heads, length, width] -> [batch, length, heads * width].
  V JoinHeads(V x);

  // The static size of an axis; an error (and 1) where it is not static.
  int64_t Size(V x, int64_t axis, std::string_view what);
  int64_t Channels(V x) { return Size(x, 1, "channels"); }
};

// "a.b" of "a" and "b"; numbers too.
inline std::string At(const std::string& path, std::string_view child) { return path + "." + std::string(child); }
inline std::string At(const std::string& path, int64_t child) { return path + "." + std::to_string(child); }

}  // namespace sardonyx::pytorch::arch
