// What the bindings of ai.onnx.ml share, and the factories that classical_ml.cc lists.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/ml/post_transform.h"
#include "providers/cpu/bind.h"

namespace sardonyx::cpu {

using KernelOr = StatusOr<std::unique_ptr<Kernel>>;

// A model's input as rows of features: [N, C], or [C] as one row.
struct FeatureRows {
  int64_t rows = 0, features = 0;
};
// kInvalid for other ranks.
StatusOr<FeatureRows> ReadRows(const TensorView& x);

// The elements of a numeric tensor as T (float or double), in place where they are T already.
template <class T>
class NumbersAs {
 public:
  // kUnsupported for other than float, double, float16, int64 and int32.
  static StatusOr<NumbersAs> Read(const TensorView& tensor);
  const T* data() const { return converted_.empty() ? data_ : converted_.data(); }

 private:
  const T* data_ = nullptr;
  std::vector<T> converted_;
};
extern template class NumbersAs<float>;
extern template class NumbersAs<double>;

// The class labels of a classifier: strings or integers.
class ClassLabels {
 public:
  // `ints` is the name of the integer attribute, which differs between operators. kInvalid if both or none are given.
  static StatusOr<ClassLabels> Read(const NodeInfo& node, std::string_view ints);
  size_t size() const { return strings_.empty() ? ints_.size() : strings_.size(); }
  // Places of the labels "0" and "1" behind the model's own, for two-way decisions of models that name only one class.
  size_t zero() const { return size(); }
  size_t one() const { return size() + 1; }
  // Output 0, [N]: the labels of `chosen`.
  Status Write(KernelContext& context, std::span<const size_t> chosen) const;

 private:
  std::vector<std::string> strings_;
  std::vector<int64_t> ints_;
};

// Attribute post_transform.
StatusOr<kernels::PostTransform> ReadPostTransform(const NodeInfo& node);

// classical_ml_tree.cc
KernelOr CreateTreeEnsembleClassifier(const NodeInfo& node);
KernelOr CreateTreeEnsembleRegressor(const NodeInfo& node);
KernelOr CreateTreeEnsemble(const NodeInfo& node);

// classical_ml_linear.cc
KernelOr CreateLinearClassifier(const NodeInfo& node);
KernelOr CreateLinearRegressor(const NodeInfo& node);
KernelOr CreateSVMClassifier(const NodeInfo& node);
KernelOr CreateSVMRegressor(const NodeInfo& node);

// classical_ml_features.cc
KernelOr CreateArrayFeatureExtractor(const NodeInfo& node);
KernelOr CreateBinarizer(const NodeInfo& node);
KernelOr CreateFeatureVectorizer(const NodeInfo& node);
KernelOr CreateImputer(const NodeInfo& node);
KernelOr CreateNormalizer(const NodeInfo& node);
KernelOr CreateOneHotEncoder(const NodeInfo& node);
KernelOr CreateScaler(const NodeInfo& node);

// classical_ml_tables.cc
KernelOr CreateCategoryMapper(const NodeInfo& node);
KernelOr CreateLabelEncoder1(const NodeInfo& node);
KernelOr CreateLabelEncoder2(const NodeInfo& node);

// classical_ml_maps.cc
KernelOr CreateCastMap(const NodeInfo& node);
KernelOr CreateDictVectorizer(const NodeInfo& node);
KernelOr CreateZipMap(const NodeInfo& node);

}  // namespace sardonyx::cpu
