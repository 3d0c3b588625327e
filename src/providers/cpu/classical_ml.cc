#include "providers/cpu/classical_ml.h"

namespace sardonyx::cpu {

StatusOr<FeatureRows> ReadRows(const TensorView& x) {
  if (x.rank() == 1) return FeatureRows{1, x.dims[0]};
  if (x.rank() == 2) return FeatureRows{x.dims[0], x.dims[1]};
  return Invalid(fmt::format("the input must be [N,C] or [C], not {}", x.dims.ToString()));
}

template <class T>
StatusOr<NumbersAs<T>> NumbersAs<T>::Read(const TensorView& tensor) {
  NumbersAs numbers;
  if (tensor.dtype == DataTypeOf<T>::value) {
    numbers.data_ = tensor.ptr<T>();
    return numbers;
  }
  RETURN_IF_ERROR((Dispatch<float, double, Float16, int64_t, int32_t>(tensor.dtype, "the model", [&]<class From>() -> Status {
    for (const From& value : tensor.as<From>()) {
      if constexpr (std::is_same_v<From, Float16>)
        numbers.converted_.push_back(static_cast<T>(static_cast<float>(value)));
      else
        numbers.converted_.push_back(static_cast<T>(value));
    }
    return {};
  })));
  return numbers;
}
template class NumbersAs<float>;
template class NumbersAs<double>;

StatusOr<ClassLabels> ClassLabels::Read(const NodeInfo& node, std::string_view ints) {
  ClassLabels labels;
  labels.strings_ = node.GetStrings("classlabels_strings");
  labels.ints_ = node.GetInts(ints);
  if (labels.strings_.empty() == labels.ints_.empty())
    return Invalid(fmt::format("exactly one of classlabels_strings and {} must be given", ints));
  return labels;
}

Status ClassLabels::Write(KernelContext& context, std::span<const size_t> chosen) const {
  const Dims dims{static_cast<int64_t>(chosen.size())};
  ASSIGN_OR_RETURN(TensorView view, context.Output(0, strings_.empty() ? DataType::kInt64 : DataType::kString, dims));
  for (size_t i = 0; i < chosen.size(); ++i) {
    const bool own = chosen[i] < size();
    if (strings_.empty())
      view.mutable_ptr<int64_t>()[i] = own ? ints_[chosen[i]] : static_cast<int64_t>(chosen[i] - zero());
    else
      view.mutable_ptr<std::string>()[i] = own ? strings_[chosen[i]] : std::to_string(chosen[i] - zero());
  }
  return {};
}

StatusOr<kernels::PostTransform> ReadPostTransform(const NodeInfo& node) {
  const std::string name = node.GetString("post_transform", "NONE");
  const std::optional<kernels::PostTransform> transform = kernels::ParsePostTransform(name);
  if (!transform) return Invalid(fmt::format("post_transform '{}' is not one of NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO, PROBIT", name));
  return *transform;
}

namespace {

constexpr int kNewest = 0x7fffffff;
constexpr std::string_view kMl = "ai.onnx.ml";

constexpr KernelEntry kClassicalMl[] = {
    {kMl, "ArrayFeatureExtractor", "reference", AcceptsAll, CreateArrayFeatureExtractor},
    {kMl, "Binarizer", "reference", AcceptsAll, CreateBinarizer},
    {kMl, "CastMap", "reference", AcceptsAll, CreateCastMap},
    {kMl, "CategoryMapper", "reference", AcceptsAll, CreateCategoryMapper},
    {kMl, "DictVectorizer", "reference", AcceptsAll, CreateDictVectorizer},
    {kMl, "FeatureVectorizer", "reference", AcceptsAll, CreateFeatureVectorizer},
    {kMl, "Imputer", "reference", AcceptsAll, CreateImputer},
    {kMl, "LabelEncoder", "reference", AcceptsAll, CreateLabelEncoder1, 1, 1},
    {kMl, "LabelEncoder", "reference", AcceptsAll, CreateLabelEncoder2, 2, kNewest},
    {kMl, "LinearClassifier", "reference", AcceptsAll, CreateLinearClassifier},
    {kMl, "LinearRegressor", "reference", AcceptsAll, CreateLinearRegressor},
    {kMl, "Normalizer", "reference", AcceptsAll, CreateNormalizer},
    {kMl, "OneHotEncoder", "reference", AcceptsAll, CreateOneHotEncoder},
    {kMl, "SVMClassifier", "reference", AcceptsAll, CreateSVMClassifier},
    {kMl, "SVMRegressor", "reference", AcceptsAll, CreateSVMRegressor},
    {kMl, "Scaler", "reference", AcceptsAll, CreateScaler},
    {kMl, "TreeEnsemble", "reference", AcceptsAll, CreateTreeEnsemble},
    {kMl, "TreeEnsembleClassifier", "reference", AcceptsAll, CreateTreeEnsembleClassifier},
    {kMl, "TreeEnsembleRegressor", "reference", AcceptsAll, CreateTreeEnsembleRegressor},
    {kMl, "ZipMap", "reference", AcceptsAll, CreateZipMap},
};

}  // namespace

std::span<const KernelEntry> ClassicalMlKernels() { return kClassicalMl; }

}  // namespace sardonyx::cpu
