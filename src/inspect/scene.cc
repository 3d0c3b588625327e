#include "inspect/scene.h"

#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "inspect/labels.h"
#include "inspect/memory.h"
#include "ops/schema.h"

namespace sardonyx::inspect {
namespace {

constexpr size_t kNameWidth = 32;
constexpr size_t kMaxAttributes = 5;
constexpr size_t kMaxWeights = 6;

class SceneMaker {
 public:
  SceneMaker(const ir::Model& model, const ir::Graph& graph, const SceneOptions& options) : model_(model), graph_(graph) {
    scene_.graph = &graph;
    if (options.fold_constants) constants_ = ConstantNodes(graph, model.ir_version);
    // What a graph returns is drawn, even if it never changes.
    for (const ir::ValueInfo& output : graph.outputs())
      if (output.value && output.value->producer()) constants_.erase(output.value->producer());
    for (const ir::Node* node : constants_) scene_.folded_nodes += node->op_type != "Constant";
  }

  Scene Make() {
    for (const ir::ValueInfo& input : graph_.inputs())
      if (input.value && !IsWeight(input.value)) AddValueBox(SceneBox::Kind::kInput, input.value);
    std::vector<std::pair<const ir::Node*, int>> drawn;
    for (const auto& node : graph_.nodes())
      if (!constants_.contains(node.get())) drawn.emplace_back(node.get(), AddNode(*node));
    for (const auto& [node, box] : drawn) ConnectInputs(*node, box);
    for (const ir::ValueInfo& output : graph_.outputs())
      if (output.value) Connect(output.value, AddValueBox(SceneBox::Kind::kOutput, output.value));
    return std::move(scene_);
  }

 private:
  // Shown as a line of text in its readers.
  bool IsWeight(const ir::Value* value) const {
    if (value->producer()) return constants_.contains(value->producer());
    // Before IR version 4 every initializer had to be an input as well.
    return value->is_constant() || (value->initializer() && model_.ir_version < 4);
  }

  int AddBox(SceneBox box) {
    scene_.boxes.push_back(std::move(box));
    return static_cast<int>(scene_.boxes.size()) - 1;
  }

  int AddValueBox(SceneBox::Kind kind, const ir::Value* value) {
    SceneBox box;
    box.kind = kind;
    box.value = value;
    box.title = ShortName(value->name(), kNameWidth);
    if (value->type.known()) box.lines.push_back(ShortName(value->type.ToString(), 44));
    const int index = AddBox(std::move(box));
    if (kind != SceneBox::Kind::kOutput) source_of_[value] = index;
    return index;
  }

  int AddNode(const ir::Node& node) {
    SceneBox box;
    box.node = &node;
    const bool is_call = model_.FindFunction(node.domain, node.op_type, node.overload) != nullptr;
    box.family = is_call ? Family::kControl : FamilyOf(node);
    box.title = ShortName(node.op_type, kNameWidth);
    if (!node.name.empty()) {
      box.lines.push_back(ShortName(node.name, kNameWidth));
      box.has_name_line = true;
    }
    const ops::OpSchema* schema = ops::FindSchema(node.domain, node.op_type, model_.OpsetVersion(node.domain));
    AddWeights(node, schema, &box);
    AddAttributes(node, schema, &box);
    const int index = AddBox(std::move(box));
    for (const ir::Value* output : node.outputs())
      if (output) source_of_.emplace(output, index);
    return index;
  }

  void AddWeights(const ir::Node& node, const ops::OpSchema* schema, SceneBox* box) const {
    size_t weights = 0;
    for (size_t i = 0; i < node.inputs().size(); ++i) {
      const ir::Value* value = node.inputs()[i];
      if (value == nullptr || !IsWeight(value) || ++weights > kMaxWeights) continue;
      const ops::FormalParameter* parameter = schema ? schema->input(i) : nullptr;
      const bool named = parameter && parameter->arity != ops::Arity::kVariadic;
      box->lines.push_back(fmt::format("{} {}", named ? std::string(parameter->name) : fmt::format("input {}", i), WeightText(value)));
    }
    if (weights > kMaxWeights) box->lines.push_back(fmt::format("and {} more weights", weights - kMaxWeights));
  }

  static void AddAttributes(const ir::Node& node, const ops::OpSchema* schema, SceneBox* box) {
    size_t attributes = 0;
    for (const ir::Attribute& attribute : node.attributes())
      if (IsWorthShowing(attribute, schema) && ++attributes <= kMaxAttributes)
        box->lines.push_back(fmt::format("{} = {}", ShortName(attribute.name, kNameWidth), AttributeText(attribute, 28)));
    if (attributes > kMaxAttributes) box->lines.push_back(fmt::format("and {} more attributes", attributes - kMaxAttributes));
  }

  // Everything that the node reads; of what its subgraphs read, that which is defined outside of them.
  void ConnectInputs(const ir::Node& node, int target) {
    for (const ir::Value* value : node.inputs()) Connect(value, target);
    std::unordered_set<const ir::Graph*> inside;
    const auto subgraphs = ir::Subgraphs(node);
    for (const auto& [name, body] : subgraphs) {
      inside.insert(body);
      ir::ForEachNode(*body, [&](const ir::Node& inner) {
        for (const auto& [inner_name, inner_body] : ir::Subgraphs(inner)) inside.insert(inner_body);
      });
    }
    for (const auto& [name, body] : subgraphs) {
      const auto connect = [&](const ir::Value* value) {
        if (value && !inside.contains(value->graph())) Connect(value, target);
      };
      ir::ForEachNode(*body, [&](const ir::Node& inner) {
        for (const ir::Value* value : inner.inputs()) connect(value);
      });
      for (const ir::ValueInfo& output : body->outputs()) connect(output.value);
    }
  }

  void Connect(const ir::Value* value, int target) {
    if (value == nullptr) return;
    auto source = source_of_.find(value);
    if (source == source_of_.end()) {
      if (IsWeight(value)) return;
      AddValueBox(SceneBox::Kind::kOuter, value);
      source = source_of_.find(value);
    }
    const auto [place, is_new] = net_of_.try_emplace(value, scene_.nets.size());
    if (is_new) scene_.nets.push_back({value, ShapeLabel(value->type), source->second, {}});
    // Targets come one after the other, so a repetition is always the last one.
    std::vector<int>& targets = scene_.nets[place->second].targets;
    if (targets.empty() || targets.back() != target) targets.push_back(target);
  }

  const ir::Model& model_;
  const ir::Graph& graph_;
  Scene scene_;
  std::unordered_set<const ir::Node*> constants_;
  std::unordered_map<const ir::Value*, int> source_of_;
  std::unordered_map<const ir::Value*, size_t> net_of_;
};

class ScenesMaker {
 public:
  ScenesMaker(const ir::Model& model, const SceneOptions& options) : model_(model), options_(options) {}

  std::vector<Scene> Make() {
    if (model_.graph) Add(*model_.graph, model_.graph->name.empty() ? "main graph" : model_.graph->name);
    for (const ir::Function& function : model_.functions)
      if (function.body)
        Add(*function.body, fmt::format("function {}{}{}{}{}", function.domain, function.domain.empty() ? "" : ".", function.name,
                                        function.overload.empty() ? "" : ":", function.overload));
    return std::move(scenes_);
  }

 private:
  void Add(const ir::Graph& graph, const std::string& title) {
    if (scenes_.size() >= options_.max_scenes) return;
    scenes_.push_back(SceneMaker(model_, graph, options_).Make());
    scenes_.back().title = title;
    for (const auto& node : graph.nodes())
      for (const auto& [name, body] : ir::Subgraphs(*node)) Add(*body, fmt::format("{} \u203a {} of {}", title, name, node->Label()));
  }

  const ir::Model& model_;
  const SceneOptions& options_;
  std::vector<Scene> scenes_;
};

}  // namespace

std::vector<Scene> MakeScenes(const ir::Model& model, const SceneOptions& options) { return ScenesMaker(model, options).Make(); }

}  // namespace sardonyx::inspect
