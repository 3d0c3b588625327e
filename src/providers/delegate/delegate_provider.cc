#include "providers/delegate/delegate_provider.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "base/temporary_folder.h"
#include "ir/save.h"
#include "ops/schema.h"
#include "providers/delegate/group_model.h"
#include "runtime/partition.h"

namespace sardonyx::delegate {
namespace {

namespace fs = std::filesystem;
using runtime::Provider;

bool MayBeTensor(const ir::Value* value) { return !value || value->type.is_tensor() || !value->type.known(); }

// Groups of the nodes that fit, such that no path leaves one and enters it again: on every path to a node of the k-th group the
// same number of changes between fit and unfit nodes has happened at most.
std::vector<Provider::Group> ConvexGroups(const ir::Graph& graph, const std::unordered_set<const ir::Node*>& fit) {
  std::unordered_map<const ir::Node*, int> depths;
  std::map<int, Provider::Group> groups;
  for (const auto& node : graph.nodes()) {
    const bool fits = fit.contains(node.get());
    int depth = fits ? 0 : 1;  // even where nodes fit
    runtime::ForEachRead(*node, [&](const ir::Value& value) {
      const auto before = value.producer() ? depths.find(value.producer()) : depths.end();
      if (before == depths.end()) return;
      depth = std::max(depth, before->second + (before->second % 2 == (fits ? 0 : 1) ? 0 : 1));
    });
    depths[node.get()] = depth;
    if (fits) groups[depth].push_back(node.get());
  }
  std::vector<Provider::Group> result;
  for (auto& [depth, group] : groups) result.push_back(std::move(group));
  return result;
}

// Nodes that an engine treats alike, for all that we can tell: asked about once.
std::string Kind(const ir::Node& node) {
  std::string kind = fmt::format("{}.{}", node.domain, node.op_type);
  for (const ir::Value* input : node.inputs())
    kind += input && input->type.is_tensor() ? fmt::format(" {}", DataTypeName(input->type.dtype)) : input ? " ?" : " -";
  return kind;
}

// Engines may write pages, and name files that are gone.
Status InOneLine(const Status& status, const fs::path& path) {
  constexpr size_t kLongest = 400;
  std::string text;
  for (const char c : status.message()) {
    const bool blank = c == '\n' || c == '\r' || c == '\t' || c == ' ';
    if (!blank || (!text.empty() && text.back() != ' ')) text += blank ? ' ' : c;
  }
  for (size_t at; (at = text.find(path.string())) != std::string::npos;) text.replace(at, path.string().size(), "the group");
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  return Status(status.code(), text);
}

class GroupKernel final : public runtime::Kernel {
 public:
  GroupKernel(std::shared_ptr<const LoadedModel> model, std::vector<std::string> inputs, std::vector<size_t> outputs)
      : model_(std::move(model)), inputs_(std::move(inputs)), outputs_(std::move(outputs)) {}
  Status Run(runtime::KernelContext& context) const override {
    NamedValues inputs;
    for (size_t i = 0; i < inputs_.size(); ++i) inputs.emplace_back(inputs_[i], context.input_value(i));
    ASSIGN_OR_RETURN(std::vector<Value> values, model_->Run(inputs));
    for (size_t i = 0; i < outputs_.size(); ++i) {
      if (outputs_[i] >= values.size()) return Internal("an engine gave fewer outputs than the model has");
      RETURN_IF_ERROR(context.SetOutput(i, std::move(values[outputs_[i]])));
    }
    return {};
  }

 private:
  std::shared_ptr<const LoadedModel> model_;
  std::vector<std::string> inputs_;  // names, by place
  std::vector<size_t> outputs_;      // which of the engine's each is
};

}  // namespace

bool DelegateProvider::HasOperator(std::string_view domain, std::string_view op_type, int64_t opset_version) const {
  return engine_->KnowsDomain(ir::NormalDomain(domain)) && ops::FindSchema(ir::NormalDomain(domain), op_type, opset_version) != nullptr;
}

StatusOr<runtime::KernelChoice> DelegateProvider::Compile(const runtime::NodeInfo& info) const {
  const auto reason = reasons_.find(info.node().Label());
  runtime::KernelChoice none;
  none.declined.push_back({"group", reason == reasons_.end() ? "only whole groups of the main graph go to another engine" : reason->second});
  return none;
}

std::string DelegateProvider::Unfit(const ir::Model& model, const ir::Node& node) const {
  if (!engine_->KnowsDomain(ir::NormalDomain(node.domain))) return fmt::format("domain '{}'", node.domain);
  if (node.opset_version != 0 && node.opset_version != model.OpsetVersion(node.domain))
    return fmt::format("opset {} where the model has {}", node.opset_version, model.OpsetVersion(node.domain));
  const auto tensors = [](const std::vector<ir::Value*>& values) { return std::all_of(values.begin(), values.end(), MayBeTensor); };
  if (!tensors(node.inputs()) || !tensors(node.outputs())) return "only tensors are handed over";
  return "";
}

Status DelegateProvider::Load(const ir::Model& model, const ir::Graph& graph, const Group& nodes, int threads) const {
  const GroupModel group = MakeGroupModel(model, graph, nodes);
  ASSIGN_OR_RETURN(const TemporaryFolder folder, TemporaryFolder::Make());
  const fs::path path = folder / "group.onnx";
  RETURN_IF_ERROR(ir::SaveModel(*group.model, path));
  Loaded loaded;
  std::vector<DataType> dtypes;
  for (const ir::Value* value : group.inputs) loaded.inputs.push_back(value->name());
  for (const ir::Value* value : group.outputs) {
    loaded.outputs.push_back(value->name());
    dtypes.push_back(value->type.is_tensor() ? value->type.dtype : DataType::kUndefined);
  }
  StatusOr<std::unique_ptr<LoadedModel>> model_there = engine_->Load(path, threads, dtypes);
  if (!model_there.ok()) return InOneLine(model_there.status(), path);
  loaded.model = *std::move(model_there);
  loaded_[nodes.front()] = std::move(loaded);
  return {};
}

std::vector<Provider::Group> DelegateProvider::Claim(const ir::Model& model, const ir::Graph& graph, int threads,
                                                     const std::function<bool(const ir::Node&)>& free) const {
  if (&graph != model.graph.get()) return {};
  loaded_.clear();
  reasons_.clear();
  std::unordered_set<const ir::Node*> fit;
  for (const auto& node : graph.nodes()) {
    if (!free(*node)) continue;
    const std::string reason = Unfit(model, *node);
    if (reason.empty())
      fit.insert(node.get());
    else
      reasons_[node->Label()] = reason;
  }
  std::vector<Group> claimed;
  const auto load = [&](const Group& group) {
    const Status status = Load(model, graph, group, threads);
    if (status.ok()) claimed.push_back(group);
    return status;
  };
  std::vector<Group> refused;
  for (const Group& group : ConvexGroups(graph, fit))
    if (!load(group).ok()) refused.push_back(group);
  if (refused.empty()) return claimed;

  // Not all at once: which operators are to blame? Each refused group is cut on its own, so that groups stay in one order.
  std::map<std::string, Status> verdicts;
  for (const Group& group : refused) {
    std::unordered_set<const ir::Node*> taken;
    for (const ir::Node* node : group) {
      const auto [verdict, fresh] = verdicts.try_emplace(Kind(*node));
      if (fresh) {
        verdict->second = Load(model, graph, {node}, threads);
        loaded_.erase(node);
      }
      if (verdict->second.ok())
        taken.insert(node);
      else
        reasons_[node->Label()] = verdict->second.message();
    }
    for (const Group& part : ConvexGroups(graph, taken))
      if (const Status status = load(part); !status.ok())
        for (const ir::Node* node : part) reasons_[node->Label()] = status.message();
  }
  return claimed;
}

StatusOr<std::unique_ptr<runtime::Kernel>> DelegateProvider::CompileGroup(const GroupInfo& group) const {
  const auto found = loaded_.find(group.nodes.front());
  if (found == loaded_.end()) return Internal("a group that was not claimed");
  const Loaded& loaded = found->second;
  std::vector<std::string> inputs;
  for (const ir::Value* value : group.inputs) inputs.push_back(value->name());
  std::vector<size_t> outputs;
  for (const ir::Value* value : group.outputs) {
    const auto at = std::find(loaded.outputs.begin(), loaded.outputs.end(), value->name());
    if (at == loaded.outputs.end()) return Internal(fmt::format("'{}' is no output of the claimed group", value->name()));
    outputs.push_back(static_cast<size_t>(at - loaded.outputs.begin()));
  }
  return std::unique_ptr<runtime::Kernel>(std::make_unique<GroupKernel>(loaded.model, std::move(inputs), std::move(outputs)));
}

}  // namespace sardonyx::delegate
