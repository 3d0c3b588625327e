#include "import/pytorch/arch/architectures.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/status_macros.h"
#include "import/pytorch/arch/families.h"

namespace sardonyx::pytorch::arch {
namespace {

struct Family {
  std::string_view name;
  std::string_view members;                         // names, separated by blanks
  bool (*recognizes)(const StateDict& weights);     // rows before it have said no
  V (*build)(Net& net, V x, std::string_view name);
  int64_t (*image_size)(const StateDict& weights);  // height and width when the user says none; 0: free
  // Weights of training only: auxiliary classifiers. Separated by blanks.
  std::string_view unused = "";
  std::string_view remark = "";
};

int64_t AnySize(const StateDict&) { return 0; }

int64_t SizeOfVit(const StateDict& weights) {
  const auto patches = static_cast<double>(std::max<int64_t>(1, weights.Size("encoder.pos_embedding", 1) - 1));
  return weights.Size("conv_proj.weight", 2) * std::lround(std::sqrt(patches));
}

int64_t SizeOfSwin(const StateDict& weights) { return weights.Has("features.1.0.attn.logit_scale") ? 256 : 224; }
int64_t SizeOfMaxVit(const StateDict&) { return 224; }

constexpr std::string_view kTransformRemark =
    "inputs are taken as they are; torchvision's pretrained weights want them transformed: --arch NAME+transform_input";

// The readable list. Order matters for `recognizes`.
constexpr Family kFamilies[] = {
    {"resnet", "resnet18 resnet34 resnet50 resnet101 resnet152 resnext50_32x4d resnext101_32x8d resnext101_64x4d wide_resnet50_2 wide_resnet101_2",
     [](const StateDict& w) { return w.Has("conv1.weight") && w.Has("bn1.weight") && w.HasModule("layer1.0.conv1") && w.HasModule("fc"); }, BuildResNet, AnySize},
    {"maxvit", "maxvit_t", [](const StateDict& w) { return w.HasModule("blocks.0.layers.0.layers.MBconv"); }, BuildMaxVit, SizeOfMaxVit},
    {"vit", "vit_b_16 vit_b_32 vit_l_16 vit_l_32 vit_h_14",
     [](const StateDict& w) { return w.Has("class_token") && w.Has("encoder.pos_embedding") && w.HasModule("conv_proj"); }, BuildVit, SizeOfVit},
    {"swin", "swin_t swin_s swin_b swin_v2_t swin_v2_s swin_v2_b", [](const StateDict& w) { return w.HasModule("features.1.0.attn.qkv"); }, BuildSwin, SizeOfSwin},
    {"convnext", "convnext_tiny convnext_small convnext_base convnext_large",
     [](const StateDict& w) { return w.Has("features.1.0.layer_scale"); }, BuildConvNext, AnySize},
    {"regnet",
     "regnet_x_400mf regnet_x_800mf regnet_x_1_6gf regnet_x_3_2gf regnet_x_8gf regnet_x_16gf regnet_x_32gf regnet_y_400mf regnet_y_800mf "
     "regnet_y_1_6gf regnet_y_3_2gf regnet_y_8gf regnet_y_16gf regnet_y_32gf regnet_y_128gf",
     [](const StateDict& w) { return w.HasModule("trunk_output.block1.block1-0.f.a"); }, BuildRegNet, AnySize},
    {"efficientnet",
     "efficientnet_b0 efficientnet_b1 efficientnet_b2 efficientnet_b3 efficientnet_b4 efficientnet_b5 efficientnet_b6 efficientnet_b7 "
     "efficientnet_v2_s efficientnet_v2_m efficientnet_v2_l",
     [](const StateDict& w) { return w.HasModule("features.1.0.block.0.0") && w.HasModule("classifier.1"); }, BuildEfficientNet, AnySize},
    {"mobilenet_v3", "mobilenet_v3_large mobilenet_v3_small", [](const StateDict& w) { return w.HasModule("features.1.block.0.0"); },
     BuildMobileNetV3, AnySize},
    {"mobilenet_v2", "mobilenet_v2", [](const StateDict& w) { return w.HasModule("features.1.conv.0.0"); }, BuildMobileNetV2, AnySize},
    {"mnasnet", "mnasnet0_5 mnasnet0_75 mnasnet1_0 mnasnet1_3", [](const StateDict& w) { return w.HasModule("layers.8.0.layers.0"); },
     BuildMnasNet, AnySize},
    {"shufflenet_v2", "shufflenet_v2_x0_5 shufflenet_v2_x1_0 shufflenet_v2_x1_5 shufflenet_v2_x2_0",
     [](const StateDict& w) { return w.HasModule("stage2.0.branch2") && w.HasModule("conv5.0"); }, BuildShuffleNetV2, AnySize},
    {"inception_v3", "inception_v3 inception_v3+transform_input", [](const StateDict& w) { return w.HasModule("Mixed_5b.branch1x1"); },
     BuildInceptionV3, AnySize, "AuxLogits", kTransformRemark},
    {"googlenet", "googlenet googlenet+transform_input", [](const StateDict& w) { return w.HasModule("inception3a.branch1"); }, BuildGoogLeNet,
     AnySize, "aux1 aux2", kTransformRemark},
    {"densenet", "densenet121 densenet161 densenet169 densenet201", [](const StateDict& w) { return w.HasModule("features.denseblock1"); },
     BuildDenseNet, AnySize},
    {"squeezenet", "squeezenet1_0 squeezenet1_1", [](const StateDict& w) { return w.HasModule("features.3.squeeze"); }, BuildSqueezeNet, AnySize},
    {"vgg", "vgg11 vgg13 vgg16 vgg19 vgg11_bn vgg13_bn vgg16_bn vgg19_bn",
     [](const StateDict& w) { return w.Size("features.0.weight", 2) == 3 && w.HasModule("classifier.6"); }, BuildVgg, AnySize},
    {"alexnet", "alexnet", [](const StateDict& w) { return w.Size("features.0.weight", 2) == 11 && w.HasModule("classifier.6"); }, BuildAlexNet,
     AnySize},
};

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const size_t blank = text.find(' ');
    if (blank != 0) words.emplace_back(text.substr(0, blank));
    text = blank == std::string_view::npos ? std::string_view() : text.substr(blank + 1);
  }
  return words;
}

const Family* FindRecognized(const StateDict& weights) {
  const auto found = std::find_if(std::begin(kFamilies), std::end(kFamilies), [&](const Family& family) { return family.recognizes(weights); });
  return found == std::end(kFamilies) ? nullptr : found;
}

StatusOr<const Family*> FindFamily(const StateDict& weights, const std::string& name) {
  const Family* recognized = FindRecognized(weights);
  if (name.empty() || name == "auto") {
    if (recognized) return recognized;
    std::vector<std::string_view> families;
    for (const Family& family : kFamilies) families.push_back(family.name);
    return Unsupported(fmt::format("the file has weights only, and they are of no architecture that is known ({}); export the model itself "
                                   "with torch.export.save or torch.jit.save",
                                   fmt::join(families, ", ")));
  }
  for (const Family& family : kFamilies) {
    const std::vector<std::string> members = Words(family.members);
    if (family.name != name && std::find(members.begin(), members.end(), name) == members.end()) continue;
    if (!family.recognizes(weights))
      return Invalid(fmt::format("--arch {}: these are no weights of {}{}", name, family.name,
                                 recognized ? fmt::format(", but of {}", recognized->name) : ""));
    return &family;
  }
  return Usage(fmt::format("--arch {}: not known; known: auto, {}", name, fmt::join(ArchitectureNames(), ", ")));
}

StatusOr<ir::Type> InputType(const Family& family, const Net& net, const import::ImportOptions& options, std::string* name) {
  const int64_t size = family.image_size(net.weights);
  ir::Shape shape({ir::Dim::Symbol("batch"), 3, size > 0 ? ir::Dim(size) : ir::Dim::Symbol("height"),
                   size > 0 ? ir::Dim(size) : ir::Dim::Symbol("width")});
  ir::Type type = ir::Type::Tensor(net.DataTypeOfFloats(), shape);
  if (options.inputs.size() > 1) return Usage(fmt::format("--input: {} has one input", family.name));
  for (const import::InputSpec& input : options.inputs) {
    *name = input.name;
    if (!input.type.shape || input.type.shape->rank() != 4) return Usage(fmt::format("--input {}: the shape must be [batch,channels,height,width]", input.name));
    if (input.type.dtype != type.dtype)
      return Usage(fmt::format("--input {}: the weights are {}, and so must the input be", input.name, DataTypeName(type.dtype)));
    type = input.type;
  }
  for (const import::DynamicAxis& axis : options.dynamic) {
    if (axis.input != *name || axis.axis < 0 || axis.axis > 3) return Usage(fmt::format("--dynamic {}:{}: no such axis", axis.input, axis.axis));
    (*type.shape)[static_cast<size_t>(axis.axis)] = ir::Dim::Symbol(axis.symbol);
  }
  return type;
}

// Weights without a place mean that the graph is not the checkpoint's.
Status CheckUnused(const Family& family, const StateDict& weights) {
  std::vector<std::string> left;
  const std::vector<std::string> expected = Words(family.unused);
  for (const std::string& name : weights.Unused()) {
    const bool known = name.ends_with("relative_coords_table") ||
                       std::any_of(expected.begin(), expected.end(), [&](const std::string& path) { return name.starts_with(path + "."); });
    if (!known) left.push_back(name);
  }
  if (left.empty()) return {};
  const size_t shown = std::min<size_t>(left.size(), 8);
  return Invalid(fmt::format("{} weights have no place in {}, so this is another architecture: {}{}", left.size(), family.name,
                             fmt::join(left.begin(), left.begin() + static_cast<int64_t>(shown), ", "), left.size() > shown ? ", ..." : ""));
}

}  // namespace

std::vector<std::string> ArchitectureNames() {
  std::vector<std::string> names;
  for (const Family& family : kFamilies)
    for (std::string& name : Words(family.members)) names.push_back(std::move(name));
  return names;
}

std::string RecognizeFamily(const StateDict& weights) {
  const Family* family = FindRecognized(weights);
  return family ? std::string(family->name) : "";
}

StatusOr<std::unique_ptr<ir::Model>> BuildArchitecture(const StateDict& weights, const import::ImportOptions& options,
                                                       import::ImportReport* report) {
  ASSIGN_OR_RETURN(const Family* family, FindFamily(weights, options.architecture));
  ops::GraphBuilder builder(options.opset);
  Net net(builder, weights);
  std::string name = "input";
  ASSIGN_OR_RETURN(ir::Type type, InputType(*family, net, options, &name));
  builder.ReserveName("output");
  const V x = builder.Input(name, std::move(type));
  const V y = family->build(net, x, options.architecture);
  RETURN_IF_ERROR(builder.status().WithContext(family->name));
  RETURN_IF_ERROR(CheckUnused(*family, weights));
  builder.Output(y, "output");
  const auto classes = builder.static_dim(y, -1);
  report->warnings.push_back(fmt::format("the graph is that of {}{}; its sizes and {} classes are the weights'", family->name,
                                         options.architecture.empty() || options.architecture == "auto" ? ", recognized by its weights" : "",
                                         classes.value_or(0)));
  if (!family->remark.empty() && !options.architecture.ends_with("+transform_input")) report->warnings.emplace_back(family->remark);
  return builder.Finish();
}

}  // namespace sardonyx::pytorch::arch
