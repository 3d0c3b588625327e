#include "validate/correspondence.h"

#include <algorithm>
#include <functional>
#include <string>

#include <fmt/format.h>

namespace sardonyx::validate {
namespace {

// Beyond this, the table of the longest common sequence is not worth its memory (16 MB).
constexpr size_t kMaxTable = size_t{1} << 23;

std::vector<const ir::Value*> NodeValues(const ir::Graph& graph) {
  std::vector<const ir::Value*> values;
  for (const auto& node : graph.nodes()) {
    if (node->op_type == "Constant") continue;
    for (const ir::Value* output : node->outputs())
      if (output && (output->type.is_tensor() || output->type.kind == ir::Type::Kind::kUnknown)) values.push_back(output);
  }
  return values;
}

bool ShapesMayAgree(const ir::Value& a, const ir::Value& b) {
  if (!a.type.shape || !b.type.shape) return true;
  if (a.type.shape->rank() != b.type.shape->rank()) return false;
  for (size_t i = 0; i < a.type.shape->rank(); ++i) {
    const ir::Dim &x = (*a.type.shape)[i], &y = (*b.type.shape)[i];
    if (x.is_constant() && y.is_constant() && x.value() != y.value()) return false;
  }
  return true;
}

// What a node's output must share with its counterpart's. Symbols are left out: the models may name them differently.
size_t Signature(const ir::Value& value) {
  std::string text = value.producer()->op_type + fmt::format(".{}", value.output_index());
  if (value.type.shape) {
    for (const ir::Dim& dim : value.type.shape->dims()) text += dim.is_constant() ? fmt::format(" {}", dim.value()) : " ?";
  }
  for (const ir::Value* input : value.producer()->inputs())
    if (input && input->initializer() && input->initializer()->dims.size() >= 2)
      text += fmt::format(" w{}", fmt::join(input->initializer()->dims, "x"));
  return std::hash<std::string>()(text);
}

using Values = std::vector<const ir::Value*>;

// The longest common sequence of equal signatures, by the textbook's table.
std::vector<std::pair<size_t, size_t>> LongestCommon(const std::vector<size_t>& a, const std::vector<size_t>& b) {
  std::vector<std::pair<size_t, size_t>> pairs;
  const size_t n = a.size(), m = b.size(), row = m + 1;
  if ((n + 1) * row > kMaxTable) {
    // Greedy: the next equal one, not too far ahead.
    for (size_t i = 0, j = 0; i < n; ++i)
      for (size_t k = j; k < std::min(m, j + 64); ++k)
        if (a[i] == b[k]) {
          pairs.emplace_back(i, k);
          j = k + 1;
          break;
        }
    return pairs;
  }
  std::vector<uint16_t> length((n + 1) * row, 0);
  for (size_t i = n; i-- > 0;)
    for (size_t j = m; j-- > 0;)
      length[i * row + j] = a[i] == b[j] ? static_cast<uint16_t>(length[(i + 1) * row + j + 1] + 1)
                                         : std::max(length[(i + 1) * row + j], length[i * row + j + 1]);
  for (size_t i = 0, j = 0; i < n && j < m;) {
    if (a[i] == b[j])
      pairs.emplace_back(i++, j++);
    else if (length[(i + 1) * row + j] >= length[i * row + j + 1])
      ++i;
    else
      ++j;
  }
  return pairs;
}

}  // namespace

Correspondence FindCorrespondence(const ir::Graph& candidate, const ir::Graph& reference) {
  const Values ours = NodeValues(candidate), theirs = NodeValues(reference);
  Correspondence result;
  for (const ir::Value* value : ours) {
    const ir::Value* namesake = reference.Find(value->name());
    if (namesake && namesake->producer() && ShapesMayAgree(*value, *namesake)) result.pairs.emplace_back(value, namesake);
  }
  // Outputs often keep their names when all else is named anew: they say nothing.
  const auto inner = [](const ir::Value* value) { return !value->is_graph_output(); };
  const auto named = std::count_if(result.pairs.begin(), result.pairs.end(), [&](const auto& pair) { return inner(pair.first); });
  if (named * 4 < std::count_if(ours.begin(), ours.end(), inner)) {
    result = {false, {}, 0};
    std::vector<size_t> a, b;
    for (const ir::Value* value : ours) a.push_back(Signature(*value));
    for (const ir::Value* value : theirs) b.push_back(Signature(*value));
    for (const auto& [i, j] : LongestCommon(a, b)) result.pairs.emplace_back(ours[i], theirs[j]);
  }
  result.without_counterpart = ours.size() - result.pairs.size();
  return result;
}

}  // namespace sardonyx::validate
