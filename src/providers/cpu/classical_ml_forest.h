// The attributes of the tree operators as one forest. T is float or double.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "kernels/ml/tree_ensemble.h"
#include "providers/cpu/classical_ml.h"

namespace sardonyx::cpu {

// Doubles are needed where the input or one of the tensor attributes holds doubles; integers and unknown types are safe in
// them.
bool NeedsDouble(const NodeInfo& node, std::initializer_list<const char*> tensors);

// A numeric attribute that may also be given as a tensor, `name`_as_tensor. Empty if neither is there.
template <class T>
StatusOr<std::vector<T>> ReadNumbers(const NodeInfo& node, const std::string& name);

// TreeEnsembleClassifier and TreeEnsembleRegressor; `prefix` of the attributes of leaves is "class" or "target". Targets and
// aggregate are left to the caller. kInvalid where the lists do not fit together.
template <class T>
StatusOr<kernels::TreeForest<T>> ReadForest(const NodeInfo& node, const std::string& prefix);
// TreeEnsemble, since ai.onnx.ml 5.
template <class T>
StatusOr<kernels::TreeForest<T>> ReadForest5(const NodeInfo& node);

}  // namespace sardonyx::cpu
