// Where two models of the same function begin to differ: their intermediate values side by side.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ir/model.h"
#include "validate/compare.h"
#include "validate/made_inputs.h"

namespace sardonyx::validate {

// One intermediate value of the candidate beside the value of the reference that stands for it.
struct Layer {
  std::string node;             // that gives it in the candidate: "Conv 'conv1'"
  std::string value;            // its name
  std::string reference_value;  // its counterpart's
  TensorDifference difference;
  bool differs = false;
  // It differs, but what is computed from it does not: an optimization moved work across it, as a BatchNormalization into a Conv.
  bool explained = false;
};

struct LayerReport {
  bool by_name = true;        // how counterparts were found: by the values' names, or by operators, shapes and order
  std::vector<Layer> layers;  // in the candidate's topological order
  int64_t first = -1;         // index of the first that differs and is not explained; -1: none
  size_t without_counterpart = 0;
  std::vector<std::string> suspects;  // nodes between the last equal layers and the first that differs, which have no counterpart
};

// Runs a model that this made (with more outputs than the original).
using ModelRunner = std::function<StatusOr<NamedValues>(std::shared_ptr<const ir::Model> model, const NamedValues& inputs)>;

// A layer differs when its largest error passes atol + rtol * the largest magnitude of its reference, or where NaN and
// infinities are not in the same places: element by element, an early layer would differ by rounding alone.
StatusOr<LayerReport> CompareLayers(const ir::Model& candidate, const ModelRunner& run_candidate, const ir::Model& reference,
                                    const ModelRunner& run_reference, const NamedValues& inputs, const Tolerance& tolerance);

}  // namespace sardonyx::validate
