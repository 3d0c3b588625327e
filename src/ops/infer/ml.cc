// ai.onnx.ml.
#include <algorithm>
#include <numeric>

#include "ops/infer/common.h"
#include "ops/infer/families.h"

namespace sardonyx::ops::infer {
namespace {

// Number of rows of [N, C] or, as one row, [C].
StatusOr<Dim> Rows(const InferenceContext& context) {
  const Shape* x = context.input_shape(0);
  if (x == nullptr) return Dim();
  if (x->rank() == 0 || x->rank() > 2) return Invalid(fmt::format("{} has rank {}; expected 1 or 2", InputLabel(context, 0), x->rank()));
  return x->rank() == 1 ? Dim(1) : (*x)[0];
}

size_t CountStrings(const InferenceContext& context, std::string_view name) { return context.node().GetStrings(name).size(); }
size_t CountInts(const InferenceContext& context, std::string_view name) { return GetInts(context, name).size(); }
Dim SizeDim(size_t size) { return Dim(static_cast<int64_t>(size)); }

// Labels [N], scores [N, E].
Status Classifier(InferenceContext& context, std::string_view strings, std::string_view ints, Dim scores) {
  ASSIGN_OR_RETURN(const Dim rows, Rows(context));
  context.SetOutput(0, CountStrings(context, strings) > 0 ? DataType::kString : DataType::kInt64, Shape{rows});
  context.SetOutput(1, DataType::kFloat, Shape{rows, std::move(scores)});
  return {};
}

Dim NumClasses(const InferenceContext& context, std::string_view strings, std::string_view ints) {
  const size_t count = std::max(CountStrings(context, strings), CountInts(context, ints));
  return count == 0 ? Dim() : SizeDim(count);
}

Status Regressor(InferenceContext& context, Dim targets, DataType dtype) {
  ASSIGN_OR_RETURN(const Dim rows, Rows(context));
  context.SetOutput(0, dtype, Shape{rows, std::move(targets)});
  return {};
}

}  // namespace

// Scaler, Normalizer: floats of the same shape.
Status InferToFloat(InferenceContext& context) {
  context.SetOutput(0, DataType::kFloat, InputShape(context, 0));
  return {};
}

Status InferArrayFeatureExtractor(InferenceContext& context) {
  RETURN_IF_ERROR(RequireRankAtLeast(context, 0, 1));
  const Shape* x = context.input_shape(0);
  const Shape* indices = context.input_shape(1);
  std::optional<Shape> shape;
  if (x != nullptr) {
    shape = x->rank() == 1 ? Shape{Dim(1)} : SubShape(*x, 0, x->rank() - 1);
    shape->Append(indices != nullptr ? indices->num_elements() : Dim());
  }
  context.SetOutput(0, context.input_dtype(0), std::move(shape));
  return {};
}

Status InferCastMap(InferenceContext& context) {
  const std::string to = GetString(context, "cast_to", "TO_FLOAT");
  const DataType dtype = to == "TO_FLOAT"    ? DataType::kFloat
                         : to == "TO_STRING" ? DataType::kString
                         : to == "TO_INT64"  ? DataType::kInt64
                                             : DataType::kUndefined;
  if (dtype == DataType::kUndefined) return Invalid(fmt::format("cast_to = '{}' is none of TO_FLOAT, TO_STRING, TO_INT64", to));
  const bool sparse = GetString(context, "map_form", "DENSE") == "SPARSE";
  context.SetOutput(0, dtype, Shape{Dim(1), sparse ? Dim(GetInt(context, "max_map", 1)) : context.NewSymbol("entries")});
  return {};
}

// CategoryMapper and LabelEncoder 1: strings become int64 and int64 strings.
Status InferCategoryMapper(InferenceContext& context) {
  const DataType from = context.input_dtype(0);
  const DataType to = from == DataType::kString ? DataType::kInt64 : from == DataType::kInt64 ? DataType::kString : DataType::kUndefined;
  context.SetOutput(0, to, InputShape(context, 0));
  return {};
}

namespace {

// One side of a LabelEncoder's table, "keys" or "values": the one attribute of the four that says it.
struct LabelColumn {
  int attributes = 0;
  DataType dtype = DataType::kUndefined;
  std::optional<int64_t> size;
};

LabelColumn ReadLabelColumn(const InferenceContext& context, const std::string& side) {
  LabelColumn column;
  const ir::Node& node = context.node();
  const auto list = [&](const char* suffix, DataType dtype, auto get) {
    if (node.attribute(side + suffix) == nullptr) return;
    column = {column.attributes + 1, dtype, static_cast<int64_t>(get(side + suffix).size())};
  };
  list("_strings", DataType::kString, [&](const std::string& name) { return node.GetStrings(name); });
  list("_int64s", DataType::kInt64, [&](const std::string& name) { return GetInts(context, name); });
  list("_floats", DataType::kFloat, [&](const std::string& name) { return node.GetFloats(name); });
  if (const ir::Attribute* attribute = node.attribute(side + "_tensor")) {
    ++column.attributes;
    if (const auto* tensor = std::get_if<ir::StoredTensor>(&attribute->value)) {
      column.dtype = tensor->dtype;
      column.size = std::accumulate(tensor->dims.begin(), tensor->dims.end(), int64_t{1}, std::multiplies<>());
    }
  }
  return column;
}

}  // namespace

Status InferLabelEncoder(InferenceContext& context) {
  if (context.schema().since_version == 1) return InferCategoryMapper(context);
  const LabelColumn keys = ReadLabelColumn(context, "keys"), values = ReadLabelColumn(context, "values");
  context.SetOutput(0, values.dtype, InputShape(context, 0));
  if (keys.attributes != 1) return Invalid(fmt::format("{} attributes keys_*; expected 1", keys.attributes));
  if (values.attributes != 1) return Invalid(fmt::format("{} attributes values_*; expected 1", values.attributes));
  if (keys.size && values.size && *keys.size != *values.size)
    return Invalid(fmt::format("{} keys for {} values", *keys.size, *values.size));
  const DataType input = context.input_dtype(0);
  if (input != DataType::kUndefined && keys.dtype != DataType::kUndefined && input != keys.dtype)
    return Invalid(fmt::format("{} is {}, but the keys are {}", InputLabel(context, 0), DataTypeName(input), DataTypeName(keys.dtype)));
  return {};
}

Status InferDictVectorizer(InferenceContext& context) {
  const Type& map = context.input_type(0);
  const DataType dtype = map.kind == Type::Kind::kMap && map.element != nullptr ? map.element->dtype : DataType::kUndefined;
  const size_t words = std::max(CountStrings(context, "string_vocabulary"), CountInts(context, "int64_vocabulary"));
  context.SetOutput(0, dtype, Shape{Dim(1), SizeDim(words)});
  return {};
}

// Each input is flattened to its rows.
Status InferFeatureVectorizer(InferenceContext& context) {
  const Shape* first = context.input_shape(0);
  const Dim rows = first == nullptr ? Dim() : first->rank() < 2 ? Dim(1) : (*first)[0];
  const std::vector<int64_t> sizes = GetInts(context, "inputdimensions");
  Dim total(0);
  for (size_t i = 0; i < context.num_inputs(); ++i) {
    const Shape* x = context.input_shape(i);
    if (i < sizes.size())
      total = total + Dim(sizes[i]);
    else
      total = x != nullptr ? total + Product(*x, x->rank() < 2 ? 0 : 1, x->rank()) : Dim();
  }
  context.SetOutput(0, DataType::kFloat, Shape{rows, total});
  return {};
}

Status InferLinearClassifier(InferenceContext& context) {
  return Classifier(context, "classlabels_strings", "classlabels_ints", NumClasses(context, "classlabels_strings", "classlabels_ints"));
}

Status InferLinearRegressor(InferenceContext& context) { return Regressor(context, Dim(GetInt(context, "targets", 1)), DataType::kFloat); }

Status InferOneHotEncoder(InferenceContext& context) {
  const size_t categories = std::max(CountStrings(context, "cats_strings"), CountInts(context, "cats_int64s"));
  std::optional<Shape> shape = InputShape(context, 0);
  if (shape) shape->Append(SizeDim(categories));
  context.SetOutput(0, DataType::kFloat, std::move(shape));
  return {};
}

Status InferSvmClassifier(InferenceContext& context) {
  const Dim classes = NumClasses(context, "classlabels_strings", "classlabels_ints");
  // Without probabilities there is one score a pair of classes, of which 2 and 3 classes have as many.
  constexpr int64_t kPairsEqualClasses = 3;
  const bool probabilities = !context.node().GetFloats("prob_a").empty();
  const bool known = probabilities || (classes.is_constant() && classes.value() <= kPairsEqualClasses);
  return Classifier(context, "classlabels_strings", "classlabels_ints", known ? classes : Dim());
}

Status InferSvmRegressor(InferenceContext& context) { return Regressor(context, Dim(1), DataType::kFloat); }

Status InferTreeEnsembleClassifier(InferenceContext& context) {
  return Classifier(context, "classlabels_strings", "classlabels_int64s", NumClasses(context, "classlabels_strings", "classlabels_int64s"));
}

Status InferTreeEnsembleRegressor(InferenceContext& context) {
  return Regressor(context, Dim(GetInt(context, "n_targets", 1)), DataType::kFloat);
}

Status InferTreeEnsemble(InferenceContext& context) {
  return Regressor(context, Dim(GetInt(context, "n_targets", 1)), context.input_dtype(0));
}

Status InferZipMap(InferenceContext& context) {
  const bool strings = CountStrings(context, "classlabels_strings") > 0;
  const size_t classes = std::max(CountStrings(context, "classlabels_strings"), CountInts(context, "classlabels_int64s"));
  if (const Shape* x = context.input_shape(0); x != nullptr && classes > 0 && x->rank() > 0)
    RETURN_IF_ERROR(EqualDims((*x)[x->rank() - 1], SizeDim(classes), "number of scores and of class labels").status());
  const Type map = Type::Map(strings ? DataType::kString : DataType::kInt64, Type::Tensor(DataType::kFloat, Shape()));
  context.set_output_type(0, Type::Sequence(map));
  return {};
}

}  // namespace sardonyx::ops::infer
