// Sequences and optionals.
#include "ops/infer/elements.h"
#include "ops/infer/families.h"
#include "ops/infer/merge.h"

namespace sardonyx::ops::infer {
namespace {

// The element of a sequence (or optional) input; unknown when it is not known to be one.
Type ElementOf(const InferenceContext& context, size_t i, Type::Kind kind) {
  if (!context.has_input(i)) return {};
  const Type& type = context.input_type(i);
  return type.kind == kind && type.element != nullptr ? *type.element : Type();
}

Type SequenceElement(const InferenceContext& context, size_t i) { return ElementOf(context, i, Type::Kind::kSequence); }

Type WithoutExtras(const Type& type) {
  Type plain = type;
  plain.denotation.clear();
  return plain;
}

}  // namespace

Status InferSequenceConstruct(InferenceContext& context) {
  Type element = context.num_inputs() > 0 ? WithoutExtras(context.input_type(0)) : Type();
  for (size_t i = 1; i < context.num_inputs(); ++i) {
    const Type& other = context.input_type(i);
    if (element.is_tensor() && other.is_tensor() && element.dtype != other.dtype)
      return Invalid(fmt::format("elements differ in type: {} and {}", element.Spelling(), other.Spelling()));
    element = Join(element, other);
  }
  if (element.known()) context.set_output_type(0, Type::Sequence(std::move(element)));
  return {};
}

Status InferSequenceEmpty(InferenceContext& context) {
  ASSIGN_OR_RETURN(DataType dtype, GetDataType(context, "dtype"));
  if (dtype == DataType::kUndefined) dtype = DataType::kFloat;
  context.set_output_type(0, Type::Sequence(Type::Tensor(dtype)));
  context.set_output_elements(0, {});  // known to be empty
  return {};
}

Status InferSequenceAt(InferenceContext& context) {
  RETURN_IF_ERROR(RequireSingleElement(context, 1));
  context.set_output_type(0, SequenceElement(context, 0));
  return {};
}

Status InferSequenceInsert(InferenceContext& context) {
  const Type element = SequenceElement(context, 0);
  const Type& inserted = context.input_type(1);
  if (element.is_tensor() && inserted.is_tensor() && element.dtype != DataType::kUndefined && inserted.dtype != DataType::kUndefined &&
      element.dtype != inserted.dtype)
    return Invalid(fmt::format("{} cannot be inserted into a sequence of {}", inserted.Spelling(), element.Spelling()));
  const std::optional<Elements> known_empty = context.input_elements(0);
  Type joined = known_empty && known_empty->empty() ? WithoutExtras(inserted) : Join(element, inserted);
  if (!joined.known() && inserted.known() && !element.known()) joined = Type::Tensor(inserted.dtype);
  if (joined.known()) context.set_output_type(0, Type::Sequence(std::move(joined)));
  return {};
}

Status InferSequenceErase(InferenceContext& context) {
  CopyType(context, 0, 0);
  return {};
}

Status InferSequenceLength(InferenceContext& context) {
  context.SetOutput(0, DataType::kInt64, Shape());
  if (const std::optional<Elements> elements = context.input_elements(0); elements && elements->empty())
    context.set_output_elements(0, {Dim(0)});
  return {};
}

Status InferSplitToSequence(InferenceContext& context) {
  std::optional<Shape> shape = InputShape(context, 0);
  if (shape) {
    ASSIGN_OR_RETURN(const size_t axis, NormalAxis(GetInt(context, "axis", 0), shape->rank()));
    const Dim size = (*shape)[axis];
    Dim part;
    bool drop_axis = false;
    if (!context.has_input(1)) {
      part = Dim(1);
      drop_axis = GetInt(context, "keepdims", 1) == 0;
    } else if (const Shape* split = context.input_shape(1)) {
      const std::optional<std::vector<int64_t>> sizes = ConstantElements(context, 1);
      if (split->rank() > 1) return Invalid(fmt::format("{} has rank {}; expected 0 or 1", InputLabel(context, 1), split->rank()));
      if (sizes && !sizes->empty()) {
        if (sizes->front() <= 0 && split->rank() == 0) return Invalid(fmt::format("split = {} is not positive", sizes->front()));
        // A size of all parts; with one number for all, the last part may be smaller.
        bool equal = split->rank() == 1 || (size.is_constant() && size.value() % sizes->front() == 0);
        for (int64_t one : *sizes) equal = equal && one == sizes->front();
        if (equal) part = Dim(sizes->front());
      }
    }
    if (drop_axis)
      shape->dims().erase(shape->dims().begin() + static_cast<ptrdiff_t>(axis));
    else
      (*shape)[axis] = part;
  }
  Type element = Type::Tensor(context.input_dtype(0));
  element.shape = std::move(shape);
  context.set_output_type(0, Type::Sequence(std::move(element)));
  return {};
}

Status InferConcatFromSequence(InferenceContext& context) {
  const Type element = SequenceElement(context, 0);
  std::optional<Shape> shape;
  if (element.is_tensor() && element.shape) {
    const bool new_axis = GetInt(context, "new_axis") != 0;
    const size_t rank = element.shape->rank() + (new_axis ? 1 : 0);
    ASSIGN_OR_RETURN(const size_t axis, NormalAxis(GetInt(context, "axis"), rank));
    shape = Shape(element.shape->dims());
    if (new_axis)
      shape->dims().insert(shape->dims().begin() + static_cast<ptrdiff_t>(axis), Dim());
    else
      (*shape)[axis] = Dim();
  }
  context.SetOutput(0, element.is_tensor() ? element.dtype : kBySchema, std::move(shape));
  return {};
}

// One call of the body for each element; additional inputs that are no sequences are handed over whole.
Status InferSequenceMap(InferenceContext& context) {
  const ir::Graph* body = context.node().GetGraph("body");
  if (body == nullptr) return Invalid("attribute body is missing");
  std::vector<ValueFacts> inputs;
  for (size_t i = 0; i < context.num_inputs(); ++i) {
    if (context.input_type(i).kind == Type::Kind::kSequence)
      inputs.push_back({SequenceElement(context, i), std::nullopt, std::nullopt});
    else
      inputs.push_back(context.input_facts(i));
  }
  ASSIGN_OR_RETURN(const std::vector<ValueFacts> outputs, context.InferSubgraph(*body, inputs));
  if (outputs.size() < context.num_outputs())
    return Invalid(fmt::format("body has {} outputs for {} of the node", outputs.size(), context.num_outputs()));
  for (size_t i = 0; i < context.num_outputs(); ++i)
    if (outputs[i].type.known()) context.set_output_type(i, Type::Sequence(outputs[i].type));
  return {};
}

Status InferOptional(InferenceContext& context) {
  if (const ir::Attribute* attribute = context.node().attribute("type")) {
    const Type* type = std::get_if<Type>(&attribute->value);
    if (type == nullptr) return Invalid("attribute type is no type");
    context.set_output_type(0, Type::Optional(*type));
  } else if (context.has_input(0)) {
    if (context.input_type(0).known()) context.set_output_type(0, Type::Optional(WithoutExtras(context.input_type(0))));
  } else {
    return Invalid("needs an input or attribute type");
  }
  return {};
}

Status InferOptionalHasElement(InferenceContext& context) {
  context.SetOutput(0, DataType::kBool, Shape());
  if (!context.has_input(0))
    context.set_output_elements(0, {Dim(0)});
  else if (context.input_type(0).known() && context.input_type(0).kind != Type::Kind::kOptional)
    context.set_output_elements(0, {Dim(1)});
  return {};
}

Status InferOptionalGetElement(InferenceContext& context) {
  const Type& type = context.input_type(0);
  if (type.kind == Type::Kind::kOptional)
    context.set_output_type(0, ElementOf(context, 0, Type::Kind::kOptional));
  else
    CopyType(context, 0, 0);
  return {};
}

}  // namespace sardonyx::ops::infer
