#include "optimize/plain_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/machine.h"
#include "base/status_macros.h"

namespace sardonyx::optimize {
namespace {

constexpr std::string_view kDomain = "com.microsoft.nchwc";
constexpr int64_t kOpset = 22;  // of the ai.onnx operators that replace

bool IsBlocked(const ir::Node& node) { return node.domain == kDomain; }

std::optional<std::vector<int64_t>> KnownDims(const ir::Value* value) {
  if (value == nullptr) return std::nullopt;
  if (value->initializer() != nullptr) return value->initializer()->dims;
  if (!value->type.is_tensor() || !value->type.shape) return std::nullopt;
  std::vector<int64_t> dims;
  for (const ir::Dim& dim : value->type.shape->dims()) dims.push_back(dim.is_constant() ? dim.value() : -1);
  return dims;
}

// Convolutions and poolings of 8-bit tensors that ONNX Runtime turned to channels-last layout.
bool IsChannelsLast(const ir::Node& node) {
  return node.domain == "com.microsoft" &&
         (node.op_type == "NhwcMaxPool" || (node.op_type == "QLinearConv" && node.GetInt("channels_last", 0) != 0));
}

int64_t RoundUp(int64_t n, int64_t block) { return n / block * block + (n % block != 0 ? block : 0); }

// --- The size of a block.

// What one number of channels and what it was padded to say: 8, 16, or 0 when both fit.
int64_t BlockOf(int64_t channels, int64_t padded) {
  if (channels <= 0 || channels > padded || padded > INT32_MAX) return 0;
  const bool fits8 = RoundUp(channels, 8) == padded, fits16 = RoundUp(channels, 16) == padded;
  return fits8 == fits16 ? 0 : fits8 ? 8 : 16;
}

// The number of channels that a blocked value has: of the convolution that it comes from, whatever element-wise and pooling
// nodes stand between.
int64_t PaddedChannels(const ir::Value* value) {
  for (int steps = 0; value != nullptr && value->producer() != nullptr && steps < 64; ++steps) {
    const ir::Node& node = *value->producer();
    if (IsBlocked(node) && node.op_type == "Conv") {
      const auto weights = KnownDims(node.input(1));
      return weights && !weights->empty() ? weights->front() : 0;
    }
    if (node.op_type == "Concat" || node.inputs().empty()) return 0;
    value = node.input(0);
  }
  return 0;
}

int64_t Evidence(const ir::Node& node) {
  if (node.op_type == "ReorderOutput") return BlockOf(node.GetInt("channels", 0), PaddedChannels(node.input(0)));
  if (node.op_type != "Conv") return 0;
  const auto weights = KnownDims(node.input(1));
  if (!weights || weights->size() != 4) return 0;
  if ((*weights)[0] % 16 == 8) return 8;
  const ir::Node* before = node.input(0) ? node.input(0)->producer() : nullptr;
  if (before == nullptr || !IsBlocked(*before) || before->op_type != "ReorderInput") return 0;
  const auto plain = KnownDims(before->input(0));
  if (!plain || plain->size() != 4) return 0;
  const int64_t channels = (*plain)[before->GetInt("channels_last", 0) != 0 ? 3 : 1];
  return BlockOf(channels, (*weights)[1] * std::max<int64_t>(1, node.GetInt("group", 1)));
}

int64_t BlockOfThisMachine() {
  const std::vector<std::string> simd = DescribeMachine().simd;
  return std::find(simd.begin(), simd.end(), "avx512f") != simd.end() ? 16 : 8;
}

StatusOr<int64_t> FindBlock(const ir::Graph& graph, int64_t fallback) {
  int64_t found = 0;
  bool contradiction = false;
  ir::ForEachNode(graph, [&](const ir::Node& node) {
    const int64_t block = IsBlocked(node) ? Evidence(node) : 0;
    contradiction = contradiction || (block != 0 && found != 0 && block != found);
    if (block != 0) found = block;
  });
  if (contradiction) return Invalid("channels are padded to blocks of 8 at some nodes of com.microsoft.nchwc, of 16 at others");
  return found != 0 ? found : fallback != 0 ? fallback : BlockOfThisMachine();
}

// --- The rewrite.

class Restorer {
 public:
  explicit Restorer(int64_t block) : block_(block) {}

  Status Rewrite(ir::Graph& graph) {
    std::vector<ir::Node*> nodes;
    for (const auto& node : graph.nodes()) nodes.push_back(node.get());
    const size_t before = count_;
    for (ir::Node* node : nodes) {
      for (const auto& [name, subgraph] : ir::Subgraphs(*node)) RETURN_IF_ERROR(Rewrite(*subgraph));
      if (IsBlocked(*node)) RETURN_IF_ERROR(RewriteNode(*node).WithContext(node->Label()));
      if (IsChannelsLast(*node)) RewriteChannelsLast(*node);
    }
    if (count_ != before && !graph.SortTopologically()) return Invalid("the graph has a cycle");
    return {};
  }
  size_t count() const { return count_; }

 private:
  Status RewriteNode(ir::Node& node) {
    ++count_;
    if (node.input(0) == nullptr || node.output(0) == nullptr) return Invalid("the input or output is missing");
    if (node.op_type == "Conv") return RewriteConv(node);
    if (node.op_type == "Upsample") return RewriteUpsample(node);
    if (node.op_type == "ReorderInput") return RewriteReorderInput(node);
    if (node.op_type == "ReorderOutput") return RewriteReorderOutput(node);
    for (std::string_view same : {"MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool"})
      if (node.op_type == same) return Become(node, same);
    return Unsupported(fmt::format("{} has no operator {}", kDomain, node.op_type));
  }

  static Status Become(ir::Node& node, std::string_view op_type, std::string_view domain = "") {
    node.op_type = op_type;
    node.domain = domain;
    node.opset_version = domain.empty() ? kOpset : 1;
    return {};
  }

  static ir::Value* Constant(ir::Graph& graph, const std::vector<int64_t>& numbers) {
    return graph.AddInitializer(ir::StoredTensor::Of("", Tensor::From(Dims{static_cast<int64_t>(numbers.size())}, numbers)));
  }

  // A new node of ai.onnx and its output.
  static std::pair<ir::Node*, ir::Value*> Add(ir::Graph& graph, std::string_view op_type, const std::vector<ir::Value*>& inputs,
                                              std::string_view name) {
    ir::Node* node = graph.AddNode(op_type);
    node->name = name;
    node->opset_version = kOpset;
    for (ir::Value* input : inputs) node->AddInput(input);
    ir::Value* output = graph.AddValue(fmt::format("{}/{}", name, op_type));
    node->AddOutput(output);
    return {node, output};
  }

  // Weights lie in the file as [O/b, I/b, h, w, b of I, b of O], or [O/b, I, h, w, b of O] where the convolution reads a
  // plain input (of fewer channels than a block) or is depthwise; their dims say [O, I, h, w] all the same.
  Status RewriteConv(ir::Node& node) {
    ir::Value* weights = node.input(1);
    const auto dims = KnownDims(weights);
    if (!dims || dims->size() != 4 || std::any_of(dims->begin(), dims->end(), [](int64_t dim) { return dim < 0; }))
      return Unsupported("weights of unknown shape, in blocks");
    const int64_t out = (*dims)[0], in = (*dims)[1], height = (*dims)[2], width = (*dims)[3], group = node.GetInt("group", 1);
    if (out % block_ != 0) return Invalid(fmt::format("{} feature maps do not fall into blocks of {}", out, block_));
    const bool depthwise = group > 1 && in == 1 && out == group;
    const bool plain_input = group == 1 && in < block_;
    if (!depthwise && !plain_input && in % block_ != 0)
      return Invalid(fmt::format("weights of {} channels do not fall into blocks of {}", in, block_));
    ir::Graph& graph = *node.graph();
    const bool both = !depthwise && !plain_input;
    const std::vector<int64_t> stored = both ? std::vector<int64_t>{out / block_, in / block_, height, width, block_, block_}
                                             : std::vector<int64_t>{out / block_, in, height, width, block_};
    const std::string name = fmt::format("{}/weights", node.name.empty() ? node.output(0)->name() : node.name);
    auto [split, blocks] = Add(graph, "Reshape", {weights, Constant(graph, stored)}, name);
    auto [transpose, ordered] = Add(graph, "Transpose", {blocks}, name);
    transpose->SetAttribute(ir::Attribute("perm", both ? std::vector<int64_t>{0, 5, 1, 4, 2, 3} : std::vector<int64_t>{0, 4, 1, 2, 3}));
    auto [join, plain] = Add(graph, "Reshape", {ordered, Constant(graph, *dims)}, name);
    node.SetInput(1, plain);
    return Become(node, "FusedConv", "com.microsoft");
  }

  // Between transposes; where the input itself comes from a transpose that stands behind such a node, without either.
  void RewriteChannelsLast(ir::Node& node) {
    const bool pool = node.op_type == "NhwcMaxPool";
    const auto weights = pool ? std::nullopt : KnownDims(node.input(3));
    const size_t rank = pool ? node.GetInts("kernel_shape").size() + 2 : weights ? weights->size() : 0;
    if (rank < 3 || rank > 8 || node.input(0) == nullptr || node.output(0) == nullptr) return;  // the kernel will say what is wrong
    ++count_;
    ir::Graph& graph = *node.graph();
    const std::string name = node.name.empty() ? node.output(0)->name() : node.name;
    std::vector<int64_t> to_first(rank), to_last(rank);
    for (size_t i = 0; i < rank; ++i) {
      to_first[i] = i == 0 ? 0 : i == 1 ? static_cast<int64_t>(rank) - 1 : static_cast<int64_t>(i) - 1;
      to_last[i] = i == 0 ? 0 : i + 1 == rank ? 1 : static_cast<int64_t>(i) + 1;
    }
    ir::Value*& first = channels_first_[node.input(0)];
    if (first == nullptr) {
      auto [transpose, transposed] = Add(graph, "Transpose", {node.input(0)}, name);
      transpose->SetAttribute(ir::Attribute("perm", to_first));
      first = transposed;
    }
    // A new node computes, and this one becomes the transpose behind it, so that its output stays what it was.
    std::vector<ir::Value*> inputs = node.inputs();
    inputs[0] = first;
    auto [inner, result] = Add(graph, pool ? "MaxPool" : "QLinearConv", inputs, name);
    for (const ir::Attribute& attribute : node.attributes())
      if (attribute.name != "channels_last") inner->SetAttribute(attribute);
    node.mutable_attributes().clear();
    node.ResizeInputs(0);
    node.AddInput(result);
    node.SetAttribute(ir::Attribute("perm", to_last));
    node.op_type = "Transpose";
    node.domain.clear();
    node.opset_version = kOpset;
    channels_first_[node.output(0)] = result;
  }

  Status RewriteUpsample(ir::Node& node) {
    const std::vector<int64_t> scales = node.GetInts("scales");
    if (scales.size() != 4) return Invalid("scales must be four numbers");
    const std::vector<float> floats(scales.begin(), scales.end());
    const bool nearest = node.GetString("mode", "nearest") == "nearest";
    if (node.attribute("coordinate_transformation_mode") == nullptr || nearest)
      node.SetAttribute(ir::Attribute("coordinate_transformation_mode", std::string("asymmetric")));
    if (nearest) node.SetAttribute(ir::Attribute("nearest_mode", std::string("floor")));
    node.RemoveAttribute("scales");
    node.ResizeInputs(1);
    node.SetInput(2, node.graph()->AddInitializer(ir::StoredTensor::Of("", Tensor::From(Dims{4}, floats))));
    return Become(node, "Resize");
  }

  // Pads the channels with zeros: by -channels mod block of them.
  Status RewriteReorderInput(ir::Node& node) {
    ir::Graph& graph = *node.graph();
    const std::string name = node.name.empty() ? node.output(0)->name() : node.name;
    ir::Value* x = node.input(0);
    if (node.GetInt("channels_last", 0) != 0) {
      auto [transpose, first] = Add(graph, "Transpose", {x}, name);
      transpose->SetAttribute(ir::Attribute("perm", std::vector<int64_t>{0, 3, 1, 2}));
      x = first;
    }
    auto [shape, channels] = Add(graph, "Shape", {x}, name);
    shape->SetAttribute(ir::Attribute("start", int64_t{1}));
    shape->SetAttribute(ir::Attribute("end", int64_t{2}));
    ir::Value* negative = Add(graph, "Neg", {channels}, name).second;
    ir::Value* padding = Add(graph, "Mod", {negative, Constant(graph, {block_})}, name).second;
    auto [concat, pads] = Add(graph, "Concat", {Constant(graph, {0}), padding}, name);
    concat->SetAttribute(ir::Attribute("axis", int64_t{0}));
    node.mutable_attributes().clear();
    node.SetInput(0, x);
    node.SetInput(1, pads);
    node.SetInput(2, nullptr);
    node.SetInput(3, Constant(graph, {1}));
    return Become(node, "Pad");
  }

  Status RewriteReorderOutput(ir::Node& node) {
    ir::Graph& graph = *node.graph();
    const int64_t channels = node.GetInt("channels", 0);
    if (channels < 1) return Invalid(fmt::format("channels = {} is not positive", channels));
    const bool last = node.GetInt("channels_last", 0) != 0;
    node.mutable_attributes().clear();
    const std::vector<ir::Value*> arguments = {node.input(0), Constant(graph, {0}), Constant(graph, {channels}), Constant(graph, {1})};
    if (last) {
      node.SetInput(0, Add(graph, "Slice", arguments, node.name.empty() ? node.output(0)->name() : node.name).second);
      node.SetAttribute(ir::Attribute("perm", std::vector<int64_t>{0, 2, 3, 1}));
      return Become(node, "Transpose");
    }
    for (size_t i = 0; i < arguments.size(); ++i) node.SetInput(i, arguments[i]);
    return Become(node, "Slice");
  }

  const int64_t block_;
  std::unordered_map<const ir::Value*, ir::Value*> channels_first_;  // of tensors with channels last
  size_t count_ = 0;
};

}  // namespace

StatusOr<size_t> RestorePlainLayout(ir::Model& model, const PlainLayoutOptions& options) {
  if (!model.graph) return size_t{0};
  bool any = false;
  ir::ForEachNode(*model.graph, [&](const ir::Node& node) { any = any || IsBlocked(node) || IsChannelsLast(node); });
  if (!any) return size_t{0};
  ASSIGN_OR_RETURN(const int64_t block, FindBlock(*model.graph, options.default_block));
  Restorer restorer(block);
  RETURN_IF_ERROR(restorer.Rewrite(*model.graph));
  return restorer.count();
}

}  // namespace sardonyx::optimize
