#include "validate/layers.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

#include "base/status_macros.h"
#include "ops/inference.h"
#include "validate/correspondence.h"

namespace sardonyx::validate {
namespace {

// Values taken out of a run at once; their memory cannot be shared with others.
constexpr size_t kBatch = 48;
constexpr size_t kMaxSuspects = 8;

// A copy of the model that also gives `values` (of `original`), and only them and its own outputs.
StatusOr<std::shared_ptr<const ir::Model>> WithOutputs(const ir::Model& original, const std::vector<const ir::Value*>& values) {
  std::shared_ptr<ir::Model> model = ir::CloneModel(original);
  for (const ir::Value* value : values) {
    ir::Value* copy = model->graph->Find(value->name());
    if (!copy || copy->is_graph_output()) continue;
    ir::ValueInfo info;
    info.value = copy;
    if (value->type.is_tensor()) info.type = value->type;
    model->graph->AddOutput(std::move(info));
  }
  return std::shared_ptr<const ir::Model>(std::move(model));
}

StatusOr<NamedValues> RunFor(const ir::Model& model, const ModelRunner& run, const std::vector<const ir::Value*>& values,
                             const NamedValues& inputs) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const ir::Model> extended, WithOutputs(model, values));
  return run(extended, inputs);
}

const Value* Find(const NamedValues& values, const std::string& name) {
  const auto found = std::find_if(values.begin(), values.end(), [&](const auto& one) { return one.first == name; });
  return found == values.end() ? nullptr : &found->second;
}

void Judge(const Tensor& got, const Tensor& expected, const Tolerance& tolerance, Layer* layer) {
  layer->difference = CompareTensors(got, expected, tolerance);
  if (got.dtype() == DataType::kString) {
    layer->differs = !layer->difference.ok;
    return;
  }
  const TensorDifference& d = layer->difference;
  layer->differs = d.max_abs > tolerance.atol + tolerance.rtol * d.largest || d.nan_got != d.nan_expected || d.inf_got != d.inf_expected;
}

using IndexOf = std::unordered_map<const ir::Value*, size_t>;

// True when the nearest layers that are computed from this one all agree with their counterparts.
bool Explained(const ir::Value& value, const IndexOf& index, const std::vector<Layer>& layers) {
  std::unordered_set<const ir::Value*> seen{&value};
  std::vector<const ir::Value*> open{&value};
  size_t agreeing = 0;
  while (!open.empty()) {
    const ir::Value* at = open.back();
    open.pop_back();
    if (at->is_graph_output()) return false;
    for (const ir::Use& use : at->uses()) {
      for (const ir::Value* output : use.node->outputs()) {
        if (!output || !seen.insert(output).second) continue;
        const auto found = index.find(output);
        if (found == index.end())
          open.push_back(output);
        else if (layers[found->second].differs && !layers[found->second].explained)
          return false;
        else
          ++agreeing;
      }
    }
  }
  return agreeing > 0;
}

// Nodes before `value` up to the values that have counterparts.
std::vector<std::string> SuspectsBefore(const ir::Value& value, const IndexOf& index) {
  std::vector<std::string> suspects;
  std::unordered_set<const ir::Node*> seen{value.producer()};
  std::vector<const ir::Node*> open{value.producer()};
  while (!open.empty() && suspects.size() < kMaxSuspects) {
    const ir::Node* node = open.back();
    open.pop_back();
    for (const ir::Value* input : node->inputs()) {
      if (!input || !input->producer() || index.contains(input) || !seen.insert(input->producer()).second) continue;
      if (input->producer()->op_type == "Constant") continue;
      suspects.push_back(input->producer()->Label());
      open.push_back(input->producer());
    }
  }
  std::reverse(suspects.begin(), suspects.end());
  return suspects;
}

// A copy with sorted nodes and inferred types. What cannot be inferred is left open.
std::unique_ptr<ir::Model> Prepared(const ir::Model& model) {
  std::unique_ptr<ir::Model> copy = ir::CloneModel(model);
  copy->path = model.path;
  copy->graph->SortTopologically();
  ops::InferenceOptions options;
  options.on_error = [](const ir::Graph&, const ir::Node*, const Status&) {};
  ops::InferTypes(*copy, options).ok();
  return copy;
}

}  // namespace

StatusOr<LayerReport> CompareLayers(const ir::Model& candidate, const ModelRunner& run_candidate, const ir::Model& reference,
                                    const ModelRunner& run_reference, const NamedValues& inputs, const Tolerance& tolerance) {
  if (!candidate.graph || !reference.graph) return Invalid("a model without a graph has no layers");
  const std::unique_ptr<ir::Model> ours = Prepared(candidate), theirs = Prepared(reference);
  const Correspondence match = FindCorrespondence(*ours->graph, *theirs->graph);
  LayerReport report;
  report.by_name = match.by_name;
  report.without_counterpart = match.without_counterpart;
  IndexOf index;
  std::vector<const ir::Value*> at;
  for (size_t begin = 0; begin < match.pairs.size(); begin += kBatch) {
    const size_t end = std::min(match.pairs.size(), begin + kBatch);
    std::vector<const ir::Value*> a, b;
    for (size_t i = begin; i < end; ++i) {
      a.push_back(match.pairs[i].first);
      b.push_back(match.pairs[i].second);
    }
    ASSIGN_OR_RETURN(const NamedValues got, RunFor(*ours, run_candidate, a, inputs));
    ASSIGN_OR_RETURN(const NamedValues expected, RunFor(*theirs, run_reference, b, inputs));
    for (size_t i = begin; i < end; ++i) {
      const auto& [x, y] = match.pairs[i];
      const Value *p = Find(got, x->name()), *q = Find(expected, y->name());
      // A counterpart of another shape was none.
      if (!p || !q || !p->is_tensor() || !q->is_tensor() || !(p->tensor().dims() == q->tensor().dims()) ||
          p->tensor().dtype() != q->tensor().dtype()) {
        ++report.without_counterpart;
        continue;
      }
      Layer layer{x->producer()->Label(), x->name(), y->name(), {}, false, false};
      Judge(p->tensor(), q->tensor(), tolerance, &layer);
      index.emplace(x, report.layers.size());
      at.push_back(x);
      report.layers.push_back(std::move(layer));
    }
  }
  // Backwards, since what explains a layer may itself have been explained.
  for (size_t i = report.layers.size(); i-- > 0;)
    report.layers[i].explained = report.layers[i].differs && Explained(*at[i], index, report.layers);
  for (size_t i = 0; i < report.layers.size() && report.first < 0; ++i)
    if (report.layers[i].differs && !report.layers[i].explained) report.first = static_cast<int64_t>(i);
  if (report.first >= 0) report.suspects = SuspectsBefore(*at[static_cast<size_t>(report.first)], index);
  return report;
}

}  // namespace sardonyx::validate
