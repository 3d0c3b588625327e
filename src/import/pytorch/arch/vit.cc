// Vision Transformer (Dosovitskiy et al., 2020).
#include <cmath>

#include <fmt/format.h>

#include "import/pytorch/arch/families.h"

namespace sardonyx::pytorch::arch {
namespace {

constexpr double kEps = 1e-6;

// The number of heads is not in the weights. All sizes have heads 64 wide, but for Huge, whose are 80.
int64_t Heads(int64_t width) { return width == 1280 ? 16 : std::max<int64_t>(1, width / 64); }

V SelfAttention(Net& net, V x, const std::string& path, int64_t width) {
  net.b.SetPlace(path);
  // in_proj_weight [3 width, width] is no module of its own.
  const int64_t heads = Heads(width);
  const V qkv = net.b.Add(net.b.Op("MatMul", {x, net.TransposedWeight(path + ".in_proj_weight")}), net.Weight(path + ".in_proj_bias"));
  const std::vector<V> parts = net.SplitHeads(qkv, heads);
  const V y = net.Attention(parts[0], parts[1], parts[2], 1 / std::sqrt(static_cast<double>(width / heads)), nullptr);
  return net.Linear(net.JoinHeads(y), path + ".out_proj");
}

V Layer(Net& net, V x, const std::string& path, int64_t width) {
  x = net.b.Add(SelfAttention(net, net.LayerNorm(x, path + ".ln_1", kEps), path + ".self_attention", width), x);
  // Old checkpoints name the layers of the MLP.
  const bool named = net.weights.HasModule(path + ".mlp.linear_1");
  V y = net.LayerNorm(x, path + ".ln_2", kEps);
  y = net.Activate(net.Linear(y, path + (named ? ".mlp.linear_1" : ".mlp.0")), Act::kGelu);
  return net.b.Add(net.Linear(y, path + (named ? ".mlp.linear_2" : ".mlp.3")), x);
}

}  // namespace

V BuildVit(Net& net, V x, std::string_view) {
  const int64_t patch = net.weights.Size("conv_proj.weight", 2), width = net.weights.Size("class_token", 2);
  x = net.Conv(x, "conv_proj", {.stride = std::max<int64_t>(1, patch), .padding = 0});
  const int64_t length = net.Size(x, 2, "height") * net.Size(x, 3, "width");
  if (net.b.ok() && length + 1 != net.weights.Size("encoder.pos_embedding", 1)) {
    net.Fail(fmt::format("the input makes {} patches of {} x {}, and the checkpoint has positions for {}", length, patch, patch,
                         net.weights.Size("encoder.pos_embedding", 1) - 1));
    return nullptr;
  }
  x = net.b.Transpose(net.b.Reshape(x, {-1, width, length}), {0, 2, 1});
  net.b.SetPlace("class_token");
  const V token = net.b.Expand(net.Weight("class_token"), net.b.Stack1D({net.b.SizeOf(x, 0), net.b.Int(1), net.b.Int(width)}));
  net.b.SetPlace("encoder");
  x = net.b.Add(net.b.Concat({token, x}, 1), net.Weight("encoder.pos_embedding"));
  const int64_t layers = net.weights.Count("encoder.layers.encoder_layer_{}");
  for (int64_t i = 0; i < layers; ++i) x = Layer(net, x, "encoder.layers.encoder_layer_" + std::to_string(i), width);
  x = net.b.Gather(net.LayerNorm(x, "encoder.ln", kEps), net.b.Int(0), 1);
  if (net.weights.HasModule("heads.pre_logits")) x = net.Activate(net.Linear(x, "heads.pre_logits"), Act::kTanh);
  return net.Linear(x, "heads.head");
}

}  // namespace sardonyx::pytorch::arch
