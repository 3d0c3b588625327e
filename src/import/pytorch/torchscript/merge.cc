#include "import/pytorch/torchscript/merge.h"

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx::pytorch {
namespace {

using Form = MergedValue::Form;

MergedValue Nothing(std::string why) {
  MergedValue merged;
  merged.why = std::move(why);
  return merged;
}

MergedValue Same(const IValue& value) {
  MergedValue merged;
  merged.form = Form::kSame;
  merged.same = value;
  return merged;
}

bool IsNumber(const MergedValue& merged) {
  return merged.form == Form::kNumber || (merged.form == Form::kSame && Interpreter::IsNumber(merged.same));
}
Kind NumberKind(const MergedValue& merged) { return merged.form == Form::kNumber ? merged.number : Interpreter::KindOf(merged.same); }

DataType ElementType(Kind kind, DataType tensors) {
  if (kind == Kind::kTensor) return tensors;
  return kind == Kind::kFloat ? DataType::kDouble : kind == Kind::kBool ? DataType::kBool : DataType::kInt64;
}

}  // namespace

MergedValue Merger::Of(const IValue& value) {
  MergedValue merged;
  if (Interpreter::IsNumber(value)) {
    if (!value.is_number_value() && !loop_) return Same(value);
    merged.form = Form::kNumber;
    merged.number = Interpreter::KindOf(value);
  } else if (value.is_tensor()) {
    if (value.tensor().quantization != nullptr) return Nothing("a quantized tensor");
    merged.form = Form::kTensor;
    merged.is_complex = value.tensor().is_complex;
  } else if (const auto list = As<ListCell>(value); list != nullptr && (loop_ || list->sequence != nullptr)) {
    merged.form = Form::kSequence;
    merged.same = value;
    merged.number = list->sequence != nullptr ? list->element : Kind::kTensor;
    for (const IValue& item : list->items) {
      if (Interpreter::IsNumber(item)) {
        merged.number = Interpreter::KindOf(item);
      } else if (item.is_tensor()) {
        merged.element = in_.builder().dtype(item.tensor().value);
      } else {
        return Nothing("a list of something other than tensors and numbers");
      }
    }
  } else if (list != nullptr || value.is_tuple()) {
    merged.form = Form::kTuple;
    merged.is_list = list != nullptr;
    for (const IValue& item : list != nullptr ? list->items : value.list()) merged.parts.push_back(Of(item));
  } else {
    return Same(value);
  }
  return merged;
}

MergedValue Merger::Merge(const MergedValue& a, const MergedValue& b) {
  if (a.form == Form::kNone) return a;
  if (b.form == Form::kNone) return b;
  if (IsNumber(a) && IsNumber(b)) {
    const Kind x = NumberKind(a), y = NumberKind(b);
    if (x != y) return Nothing("numbers of different types");
    if (a.form == Form::kSame && b.form == Form::kSame && a.same.ToString() == b.same.ToString()) return a;
    MergedValue merged;
    merged.form = Form::kNumber;
    merged.number = x;
    return merged;
  }
  if (a.form != b.form) return Nothing("values of different kinds");
  MergedValue merged = a;
  switch (a.form) {
    case Form::kTuple:
      if (a.parts.size() != b.parts.size()) return Nothing("lists of different lengths");
      for (size_t i = 0; i < a.parts.size(); ++i) merged.parts[i] = Merge(a.parts[i], b.parts[i]);
      return merged;
    case Form::kSame: {
      const bool same = (a.same.is_none() && b.same.is_none()) ||
                        (a.same.is_string() && b.same.is_string() && a.same.string() == b.same.string()) ||
                        (a.same.is_object() && b.same.is_object() && a.same.object() == b.same.object());
      return same ? a : Nothing("different objects, or None and a value");
    }
    case Form::kTensor:
      return a.is_complex == b.is_complex ? merged : Nothing("a real and a complex tensor");
    case Form::kSequence:
      if (merged.element == DataType::kUndefined && merged.number == Kind::kTensor) merged.element = b.element, merged.number = b.number;
      return merged;
    default:
      return merged;
  }
}

size_t Merger::Leaves(const MergedValue& merged) {
  if (merged.form == Form::kNumber || merged.form == Form::kTensor || merged.form == Form::kSequence) return 1;
  size_t count = 0;
  for (const MergedValue& part : merged.parts) count += Leaves(part);
  return count;
}

Status Merger::Flatten(const MergedValue& merged, const IValue& value, std::vector<V>* leaves) {
  ops::GraphBuilder& b = in_.builder();
  switch (merged.form) {
    case Form::kNumber:
      leaves->push_back(in_.Scalar(value));
      return b.status();
    case Form::kTensor: {
      ASSIGN_OR_RETURN(const TensorValue tensor, in_.Tensor(value));
      leaves->push_back(tensor.value);
      return {};
    }
    case Form::kSequence: {
      const auto list = As<ListCell>(value);
      if (list == nullptr) return Internal("a list became something else");
      if (list->sequence != nullptr) return leaves->push_back(list->sequence), Status();
      std::vector<V> items;
      for (const IValue& item : list->items) {
        if (Interpreter::IsNumber(item)) {
          items.push_back(in_.Scalar(item));
        } else {
          ASSIGN_OR_RETURN(const TensorValue tensor, in_.Tensor(item));
          items.push_back(tensor.value);
        }
      }
      const DataType type = ElementType(merged.number, merged.element);
      if (items.empty() && type == DataType::kUndefined)
        return Unsupported("an empty list of unknown elements in a loop of unknown length");
      leaves->push_back(items.empty() ? b.Op("SequenceEmpty", {}, {{"dtype", type}}) : b.Op("SequenceConstruct", items));
      return b.status();
    }
    case Form::kTuple: {
      const auto list = As<ListCell>(value);
      const IValue::List items = list != nullptr ? list->items : value.list();
      if (items.size() != merged.parts.size()) return Internal("a list changed its length");
      for (size_t i = 0; i < items.size(); ++i) RETURN_IF_ERROR(Flatten(merged.parts[i], items[i], leaves));
      return {};
    }
    case Form::kSame:
    case Form::kNone:
      return {};
  }
  return {};
}

IValue Merger::Rebuild(const MergedValue& merged, const std::vector<V>& leaves, size_t* at) {
  switch (merged.form) {
    case Form::kNumber:
      return in_.Number(leaves[(*at)++], merged.number);
    case Form::kTensor:
      return in_.NewTensor(leaves[(*at)++], merged.is_complex);
    case Form::kSequence: {
      auto list = in_.heap().New<ListCell>();
      list->sequence = leaves[(*at)++];
      list->element = merged.number;
      return IValue(std::shared_ptr<Object>(std::move(list)));
    }
    case Form::kTuple: {
      IValue::List items;
      for (const MergedValue& part : merged.parts) items.push_back(Rebuild(part, leaves, at));
      return merged.is_list ? in_.heap().NewList(std::move(items)) : IValue::MakeTuple(std::move(items));
    }
    case Form::kSame:
      return merged.same;
    case Form::kNone: {
      auto opaque = in_.heap().New<Opaque>();
      opaque->what = fmt::format("the outcome of a branch or loop that depends on data and leaves {}", merged.why);
      return IValue(std::shared_ptr<Object>(std::move(opaque)));
    }
  }
  return {};
}

}  // namespace sardonyx::pytorch
