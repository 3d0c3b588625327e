#include "providers/cpu/classical_ml_forest.h"

#include <unordered_map>

namespace sardonyx::cpu {
namespace {

using kernels::kLeafBit;

// Which nodes of versions 1 and 3 a (tree, node) pair names. Converters number the nodes of each tree from 0 and write them in that
// order, so a tree's first node tells the place of all of them; whatever is numbered otherwise goes into a table.
class NodeIndex {
 public:
  // To be called for all nodes in their order.
  Status Add(int64_t tree, int64_t node, uint32_t at) {
    if (!last_ || last_->first != tree) {
      const auto [run, is_new] = runs_.try_emplace(tree, Run{at, 0});
      last_ = &*run;
    }
    Run& run = last_->second;
    if (run.first + run.count == at && run.count == node) {
      ++run.count;
      return {};
    }
    const bool known = node >= 0 && node < run.count;
    if (known || !others_.try_emplace(Key{tree, node}, at).second)
      return Invalid(fmt::format("node {} of tree {} is defined twice", node, tree));
    return {};
  }
  StatusOr<uint32_t> Find(int64_t tree, int64_t node) {
    if (!last_ || last_->first != tree) {
      const auto run = runs_.find(tree);
      if (run != runs_.end()) last_ = &*run;
    }
    if (last_ && last_->first == tree && node >= 0 && node < last_->second.count)
      return static_cast<uint32_t>(last_->second.first + node);
    const auto found = others_.find(Key{tree, node});
    if (found == others_.end()) return Invalid(fmt::format("tree {} has no node {}", tree, node));
    return found->second;
  }

 private:
  struct Run {
    int64_t first, count;  // nodes 0 to count - 1 of the tree stand at first, first + 1, ...
  };
  using Key = std::pair<int64_t, int64_t>;
  struct Hash {
    size_t operator()(const Key& key) const {
      return static_cast<size_t>(static_cast<uint64_t>(key.first) * 0x9e3779b97f4a7c15u ^ static_cast<uint64_t>(key.second));
    }
  };
  std::unordered_map<int64_t, Run> runs_;
  std::pair<const int64_t, Run>* last_ = nullptr;
  std::unordered_map<Key, uint32_t, Hash> others_;
};

template <class T>
StatusOr<std::vector<T>> ReadTensorNumbers(const NodeInfo& node, std::string_view name) {
  ASSIGN_OR_RETURN(const Tensor tensor, node.GetTensor(name));
  if (!tensor.defined()) return std::vector<T>();
  const TensorView view{tensor.dtype(), tensor.dims(), const_cast<void*>(tensor.raw_data())};
  ASSIGN_OR_RETURN(const auto numbers, NumbersAs<T>::Read(view));
  return std::vector<T>(numbers.data(), numbers.data() + tensor.num_elements());
}

// The sets of TreeEnsemble's BRANCH_MEMBER nodes, in the order of those nodes; a NaN ends each.
template <class T>
std::vector<std::vector<T>> SplitMembers(std::span<const T> values) {
  std::vector<std::vector<T>> sets;
  bool open = false;
  for (T value : values) {
    if (value != value) {
      if (!open) sets.emplace_back();
      open = false;
      continue;
    }
    if (!open) sets.emplace_back();
    open = true;
    sets.back().push_back(value);
  }
  return sets;
}

}  // namespace

bool NeedsDouble(const NodeInfo& node, std::initializer_list<const char*> tensors) {
  const DataType input = node.input_dtype(0);
  if (input != DataType::kFloat && input != DataType::kFloat16) return true;
  for (const char* name : tensors) {
    StatusOr<Tensor> tensor = node.GetTensor(name);
    if (tensor.ok() && tensor->dtype() == DataType::kDouble) return true;
  }
  return false;
}

template <class T>
StatusOr<std::vector<T>> ReadNumbers(const NodeInfo& node, const std::string& name) {
  ASSIGN_OR_RETURN(std::vector<T> numbers, ReadTensorNumbers<T>(node, name + "_as_tensor"));
  if (numbers.empty()) {
    const std::vector<float> floats = node.GetFloats(name);
    numbers.assign(floats.begin(), floats.end());
  }
  return numbers;
}

template <class T>
StatusOr<kernels::TreeForest<T>> ReadForest(const NodeInfo& node, const std::string& prefix) {
  const std::vector<int64_t> trees = node.GetInts("nodes_treeids"), ids = node.GetInts("nodes_nodeids"),
                             features = node.GetInts("nodes_featureids"), if_true = node.GetInts("nodes_truenodeids"),
                             if_false = node.GetInts("nodes_falsenodeids"), missing = node.GetInts("nodes_missing_value_tracks_true");
  const std::vector<std::string> modes = node.GetStrings("nodes_modes");
  ASSIGN_OR_RETURN(const std::vector<T> values, ReadNumbers<T>(node, "nodes_values"));
  const size_t count = trees.size();
  if (ids.size() != count || features.size() != count || if_true.size() != count || if_false.size() != count || modes.size() != count ||
      values.size() != count || (!missing.empty() && missing.size() != count) || count >= kLeafBit)
    return Invalid("the lists nodes_treeids, nodes_nodeids, nodes_modes and their like have different lengths");

  kernels::TreeForest<T> forest;
  NodeIndex index;
  std::vector<kernels::TreeLink> links(count);
  for (size_t i = 0; i < count; ++i) {
    RETURN_IF_ERROR(index.Add(trees[i], ids[i], static_cast<uint32_t>(i)));
    if (modes[i] == "LEAF") {
      links[i] = static_cast<uint32_t>(forest.leaves.size()) | kLeafBit;
      forest.leaves.emplace_back();
    } else {
      const std::optional<kernels::SplitMode> mode = kernels::ParseSplitMode(modes[i]);
      if (!mode || *mode == kernels::SplitMode::kMember) return Invalid(fmt::format("unknown mode '{}' in nodes_modes", modes[i]));
      if (features[i] < 0 || features[i] > INT32_MAX) return Invalid(fmt::format("feature {} of node {}", features[i], ids[i]));
      links[i] = static_cast<uint32_t>(forest.splits.size());
      auto& split = forest.splits.emplace_back();
      split.threshold = values[i];
      split.feature = static_cast<uint32_t>(features[i]);
      split.mode = *mode;
      split.missing_is_true = !missing.empty() && missing[i] == 1;
    }
    // A tree begins with its root.
    if (i == 0 || trees[i] != trees[i - 1]) forest.roots.push_back(links[i]);
  }
  for (size_t i = 0; i < count; ++i) {
    if ((links[i] & kLeafBit) != 0) continue;
    ASSIGN_OR_RETURN(const uint32_t true_at, index.Find(trees[i], if_true[i]));
    ASSIGN_OR_RETURN(const uint32_t false_at, index.Find(trees[i], if_false[i]));
    forest.splits[links[i]].if_true = links[true_at];
    forest.splits[links[i]].if_false = links[false_at];
  }
  const std::vector<int64_t> weight_trees = node.GetInts(prefix + "_treeids"), weight_nodes = node.GetInts(prefix + "_nodeids"),
                             targets = node.GetInts(prefix + "_ids");
  ASSIGN_OR_RETURN(const std::vector<T> weights, ReadNumbers<T>(node, prefix + "_weights"));
  if (weight_trees.size() != weights.size() || weight_nodes.size() != weights.size() || targets.size() != weights.size())
    return Invalid(fmt::format("the lists {0}_treeids, {0}_nodeids, {0}_ids and {0}_weights have different lengths", prefix));
  for (size_t i = 0; i < weights.size(); ++i) {
    ASSIGN_OR_RETURN(const uint32_t at, index.Find(weight_trees[i], weight_nodes[i]));
    if (targets[i] < 0 || targets[i] > INT32_MAX) return Invalid(fmt::format("{} {}", prefix, targets[i]));
    // Weights of inner nodes stand in some files; no row ends there.
    if ((links[at] & kLeafBit) != 0) forest.leaves[links[at] & ~kLeafBit].push_back({static_cast<uint32_t>(targets[i]), weights[i]});
  }
  return forest;
}

template <class T>
StatusOr<kernels::TreeForest<T>> ReadForest5(const NodeInfo& node) {
  const std::vector<int64_t> features = node.GetInts("nodes_featureids"), if_true = node.GetInts("nodes_truenodeids"),
                             if_false = node.GetInts("nodes_falsenodeids"), true_leaf = node.GetInts("nodes_trueleafs"),
                             false_leaf = node.GetInts("nodes_falseleafs"), missing = node.GetInts("nodes_missing_value_tracks_true"),
                             roots = node.GetInts("tree_roots"), targets = node.GetInts("leaf_targetids");
  ASSIGN_OR_RETURN(const Tensor modes, node.GetTensor("nodes_modes"));
  ASSIGN_OR_RETURN(const std::vector<T> splits, ReadTensorNumbers<T>(node, "nodes_splits"));
  ASSIGN_OR_RETURN(const std::vector<T> weights, ReadTensorNumbers<T>(node, "leaf_weights"));
  ASSIGN_OR_RETURN(const std::vector<T> members, ReadTensorNumbers<T>(node, "membership_values"));
  const size_t count = features.size();
  if (modes.dtype() != DataType::kUint8 || static_cast<size_t>(modes.num_elements()) != count || splits.size() != count ||
      if_true.size() != count || if_false.size() != count || true_leaf.size() != count || false_leaf.size() != count ||
      (!missing.empty() && missing.size() != count) || count >= kLeafBit || weights.size() >= kLeafBit)
    return Invalid("the lists nodes_featureids, nodes_splits, nodes_modes and their like have different lengths");
  if (targets.size() != weights.size()) return Invalid("leaf_targetids and leaf_weights have different lengths");
  const auto link = [](int64_t at, bool leaf) -> StatusOr<kernels::TreeLink> {
    if (at < 0 || at >= kLeafBit) return Invalid(fmt::format("a branch leads to node {}", at));
    return static_cast<uint32_t>(at) | (leaf ? kLeafBit : 0u);
  };
  const std::vector<std::vector<T>> sets = SplitMembers<T>(members);
  size_t next_set = 0;
  kernels::TreeForest<T> forest;
  for (size_t i = 0; i < count; ++i) {
    const uint8_t mode = modes.data<uint8_t>()[i];
    if (mode > static_cast<uint8_t>(kernels::SplitMode::kMember)) return Invalid(fmt::format("unknown mode {} in nodes_modes", mode));
    if (features[i] < 0 || features[i] > INT32_MAX) return Invalid(fmt::format("feature {} of node {}", features[i], i));
    auto& split = forest.splits.emplace_back();
    split.threshold = splits[i];
    split.feature = static_cast<uint32_t>(features[i]);
    split.mode = static_cast<kernels::SplitMode>(mode);
    split.missing_is_true = !missing.empty() && missing[i] == 1;
    ASSIGN_OR_RETURN(split.if_true, link(if_true[i], true_leaf[i] != 0));
    ASSIGN_OR_RETURN(split.if_false, link(if_false[i], false_leaf[i] != 0));
    if (split.mode != kernels::SplitMode::kMember) continue;
    if (next_set == sets.size()) return Invalid("membership_values has fewer sets than there are BRANCH_MEMBER nodes");
    split.members = sets[next_set++];
  }
  for (size_t i = 0; i < weights.size(); ++i) {
    if (targets[i] < 0 || targets[i] > INT32_MAX) return Invalid(fmt::format("leaf_targetids has {}", targets[i]));
    forest.leaves.push_back({{static_cast<uint32_t>(targets[i]), weights[i]}});
  }
  for (int64_t root : roots) {
    ASSIGN_OR_RETURN(const kernels::TreeLink at, link(root, false));
    forest.roots.push_back(at);
  }
  return forest;
}

template StatusOr<std::vector<float>> ReadNumbers(const NodeInfo&, const std::string&);
template StatusOr<std::vector<double>> ReadNumbers(const NodeInfo&, const std::string&);
template StatusOr<kernels::TreeForest<float>> ReadForest(const NodeInfo&, const std::string&);
template StatusOr<kernels::TreeForest<double>> ReadForest(const NodeInfo&, const std::string&);
template StatusOr<kernels::TreeForest<float>> ReadForest5(const NodeInfo&);
template StatusOr<kernels::TreeForest<double>> ReadForest5(const NodeInfo&);

}  // namespace sardonyx::cpu
