#include "import/pytorch/torchscript/merge.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "ops/infer/merge.h"

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

bool IsNone(const MergedValue& merged) { return merged.form == Form::kSame && merged.same.is_none(); }
bool IsUninitialized(const MergedValue& merged) { return merged.form == Form::kSame && As<Uninitialized>(merged.same) != nullptr; }
// What a dict, a NamedTuple or an instance holds, in order; nothing for any other object.
struct Entries {
  std::vector<IValue> keys;
  IValue::List values;
};
std::optional<Entries> EntriesOf(const IValue& value) {
  Entries entries;
  const auto add = [&](IValue key, const IValue& item) {
    entries.keys.push_back(std::move(key));
    entries.values.push_back(item);
  };
  if (const auto dict = As<DictCell>(value)) {
    for (const auto& [key, item] : dict->entries) add(key, item);
  } else if (const auto instance = As<Instance>(value)) {
    for (const auto& [name, item] : instance->attributes) add(IValue(name), item);
  } else if (const auto tuple = As<NamedTuple>(value)) {
    for (const IValue& item : tuple->items) add(IValue(static_cast<int64_t>(entries.keys.size())), item);
  } else {
    return std::nullopt;
  }
  return entries;
}

// An object like that one with other content.
IValue WithEntries(Heap& heap, const IValue& like, const std::vector<IValue>& keys, IValue::List values) {
  std::shared_ptr<Object> made;
  if (As<DictCell>(like) != nullptr) {
    auto dict = heap.New<DictCell>();
    for (size_t i = 0; i < keys.size(); ++i) dict->entries.emplace_back(keys[i], values[i]);
    made = std::move(dict);
  } else if (const auto instance = As<Instance>(like)) {
    auto copy = heap.New<Instance>();
    copy->type = instance->type;
    copy->path = instance->path;
    for (size_t i = 0; i < keys.size(); ++i) copy->attributes.emplace(keys[i].string(), values[i]);
    made = std::move(copy);
  } else if (const auto tuple = As<NamedTuple>(like)) {
    auto copy = heap.New<NamedTuple>();
    copy->type = tuple->type;
    copy->items = std::move(values);
    made = std::move(copy);
  }
  return IValue(std::move(made));
}

const void* ClassOf(const IValue& value) {
  if (const auto instance = As<Instance>(value)) return instance->type;
  const auto tuple = As<NamedTuple>(value);
  return tuple != nullptr ? tuple->type : nullptr;
}

// Whether two objects are of one class and hold things under the same keys.
bool Alike(const IValue& a, const std::vector<IValue>& a_keys, const IValue& b, const std::vector<IValue>& b_keys) {
  const auto equal = [](const IValue& p, const IValue& q) { return p.is_string() == q.is_string() && p.ToString() == q.ToString(); };
  return ClassOf(a) == ClassOf(b) && (As<DictCell>(a) == nullptr) == (As<DictCell>(b) == nullptr) &&
         std::equal(a_keys.begin(), a_keys.end(), b_keys.begin(), b_keys.end(), equal);
}

// A list of known length as one of any.
MergedValue AsSequence(const MergedValue& list) {
  if (list.form == Form::kSequence) return list;
  if (list.form != Form::kTuple || !list.is_list) return Nothing("a list and something else");
  MergedValue merged;
  merged.form = Form::kSequence;
  merged.number = Kind::kTensor;
  for (const MergedValue& part : list.parts) {
    if (IsNumber(part))
      merged.number = NumberKind(part);
    else if (part.form == Form::kTensor)
      merged.element = part.type.dtype;
    else
      return Nothing("a list of something other than tensors and numbers");
  }
  return merged;
}

const MergedValue& Content(const MergedValue& merged) { return merged.form == Form::kOptional ? merged.parts[0] : merged; }

// The optional of that type which holds nothing.
V None(ops::GraphBuilder& b, const ir::Type& type) {
  ops::Attr attribute("type", 0);
  attribute.type = ir::AttributeType::kTypeProto;
  attribute.value = type;
  return b.Op("Optional", {}, {attribute});
}

// The ONNX types of a value's outputs; of tensors without sizes that not all have.
void LeafTypes(const MergedValue& merged, std::vector<ir::Type>* types) {
  switch (merged.form) {
    case Form::kNumber:
      types->push_back(ir::Type::Tensor(ElementType(merged.number, DataType::kUndefined), ir::Shape()));
      break;
    case Form::kTensor:
      types->push_back(merged.type);
      break;
    case Form::kSequence:
      types->push_back(ir::Type::Sequence(ir::Type::Tensor(ElementType(merged.number, merged.element))));
      break;
    case Form::kOptional: {
      std::vector<ir::Type> content;
      LeafTypes(merged.parts[0], &content);
      if (content.empty()) types->push_back(ir::Type::Tensor(DataType::kBool, ir::Shape()));
      for (ir::Type& type : content) types->push_back(ir::Type::Optional(std::move(type)));
      break;
    }
    default:
      for (const MergedValue& part : merged.parts) LeafTypes(part, types);
  }
}

}  // namespace

MergedValue Merger::Constant(const IValue& value) { return Same(value); }

MergedValue Merger::Of(const IValue& value) {
  MergedValue merged;
  if (Interpreter::IsNumber(value)) {
    if (!value.is_number_value() && !loop_) return Same(value);
    merged.form = Form::kNumber;
    merged.number = Interpreter::KindOf(value);
  } else if (value.is_tensor()) {
    if (value.tensor().quantization != nullptr) return Nothing("a quantized tensor");
    merged.form = Form::kTensor;
    merged.type = value.tensor().value->type;
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
  } else if (const auto optional = As<OptionalCell>(value)) {
    merged.form = Form::kOptional;
    merged.parts.push_back(*optional->content);
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
  if (IsUninitialized(a)) return b;
  if (IsUninitialized(b)) return a;
  if (IsNone(a) != IsNone(b) || a.form == Form::kOptional || b.form == Form::kOptional) {
    MergedValue content = IsNone(a) ? Content(b) : IsNone(b) ? Content(a) : Merge(Content(a), Content(b));
    if (content.form == Form::kNone) return content;
    MergedValue merged;
    merged.form = Form::kOptional;
    merged.parts.push_back(std::move(content));
    return merged;
  }
  if (IsNumber(a) && IsNumber(b)) {
    const Kind x = NumberKind(a), y = NumberKind(b);
    if (x != y) return Nothing("numbers of different types");
    if (a.form == Form::kSame && b.form == Form::kSame && a.same.ToString() == b.same.ToString()) return a;
    MergedValue merged;
    merged.form = Form::kNumber;
    merged.number = x;
    return merged;
  }
  if (a.form == Form::kObject && b.form == Form::kSame) return Merge(a, Expanded(b));
  if (b.form == Form::kObject && a.form == Form::kSame) return Merge(Expanded(a), b);
  const bool lists = (a.form == Form::kTuple && a.is_list) || (b.form == Form::kTuple && b.is_list);
  if (lists && (a.form == Form::kSequence || b.form == Form::kSequence || a.parts.size() != b.parts.size())) {
    const MergedValue x = AsSequence(a), y = AsSequence(b);  // of a length that depends on data
    if (x.form == Form::kNone) return x;
    return y.form == Form::kNone ? y : Merge(x, y);
  }
  if (a.form != b.form) return Nothing("values of different kinds");
  MergedValue merged = a;
  switch (a.form) {
    case Form::kTuple:
      if (a.parts.size() != b.parts.size()) return Nothing("lists of different lengths");
      for (size_t i = 0; i < a.parts.size(); ++i) merged.parts[i] = Merge(a.parts[i], b.parts[i]);
      return merged;
    case Form::kSame: {
      const bool same = (IsNone(a) && IsNone(b)) || (a.same.is_string() && b.same.is_string() && a.same.string() == b.same.string()) ||
                        (a.same.is_object() && b.same.is_object() && a.same.object() == b.same.object());
      if (!same && a.same.is_object() && b.same.is_object()) return MergeObjects(a.same, b.same);
      return same ? a : Nothing("different objects");
    }
    case Form::kObject:
      if (!Alike(a.same, a.keys, b.same, b.keys)) return Nothing("different objects");
      for (size_t i = 0; i < a.parts.size(); ++i) merged.parts[i] = Merge(a.parts[i], b.parts[i]);
      return merged;
    case Form::kTensor:
      if (a.is_complex != b.is_complex) return Nothing("a real and a complex tensor");
      merged.type = ops::infer::Join(a.type, b.type);
      return merged;
    case Form::kSequence:
      if (merged.element == DataType::kUndefined && merged.number == Kind::kTensor) merged.element = b.element, merged.number = b.number;
      return merged;
    default:
      return merged;
  }
}

// An object by what it holds.
MergedValue Merger::Expanded(const MergedValue& merged) {
  const std::optional<Entries> entries = EntriesOf(merged.same);
  if (!entries) return Nothing("different objects");
  MergedValue expanded;
  expanded.form = Form::kObject;
  expanded.same = merged.same;
  expanded.keys = entries->keys;
  for (const IValue& value : entries->values) expanded.parts.push_back(Of(value));
  return expanded;
}

MergedValue Merger::MergeObjects(const IValue& a, const IValue& b) {
  const std::optional<Entries> x = EntriesOf(a), y = EntriesOf(b);
  if (!x || !y || !Alike(a, x->keys, b, y->keys)) return Nothing("different objects");
  MergedValue merged;
  merged.form = Form::kObject;
  merged.same = a;
  merged.keys = x->keys;
  for (size_t i = 0; i < x->values.size(); ++i) {
    const IValue &p = x->values[i], &q = y->values[i];
    // What both left alone keeps its memory, which a copy does not have.
    if (p.is_tensor() && q.is_tensor() && p.tensor().value == q.tensor().value && (p.tensor().cell != nullptr || q.tensor().cell != nullptr))
      merged.parts.push_back(Same(p.tensor().cell != nullptr ? p : q));
    else
      merged.parts.push_back(Merge(Of(p), Of(q)));
  }
  return merged;
}

bool Merger::SameForm(const MergedValue& a, const MergedValue& b) {
  return a.form == b.form && a.number == b.number && std::equal(a.parts.begin(), a.parts.end(), b.parts.begin(), b.parts.end(), SameForm);
}

size_t Merger::Leaves(const MergedValue& merged) {
  std::vector<ir::Type> types;
  LeafTypes(merged, &types);
  return types.size();
}

Status Merger::FlattenNothing(const MergedValue& merged, std::vector<V>* leaves) {
  ops::GraphBuilder& b = in_.builder();
  std::vector<ir::Type> types;
  LeafTypes(merged, &types);
  for (const ir::Type& type : types) {
    if (type.kind == ir::Type::Kind::kOptional) {
      leaves->push_back(None(b, *type.element));
    } else if (type.kind == ir::Type::Kind::kSequence) {
      leaves->push_back(b.Op("SequenceEmpty", {}, {{"dtype", type.element->dtype}}));
    } else {
      if (type.dtype == DataType::kUndefined) return Unsupported("a variable of unknown type that only one branch sets");
      std::vector<int64_t> sizes(type.shape ? type.shape->rank() : 1, 0);
      for (size_t i = 0; type.shape && i < sizes.size(); ++i)
        if ((*type.shape)[i].is_constant()) sizes[i] = (*type.shape)[i].value();
      leaves->push_back(b.Expand(b.Number(int64_t{0}, type.dtype), b.Ints(sizes)));
    }
  }
  return b.status();
}

Status Merger::FlattenOptional(const MergedValue& merged, const IValue& value, std::vector<V>* leaves) {
  ops::GraphBuilder& b = in_.builder();
  const MergedValue& content = merged.parts[0];
  const size_t count = Leaves(content);
  std::vector<ir::Type> types;
  LeafTypes(content, &types);
  for (const ir::Type& type : types) {
    if (type.kind == ir::Type::Kind::kOptional) return Unsupported("an Optional within an Optional that depends on data");
    if (type.is_tensor() && type.dtype == DataType::kUndefined) return Unsupported("an Optional of a tensor of unknown type");
  }
  if (value.is_none()) {
    for (const ir::Type& type : types) leaves->push_back(None(b, type));
    if (count == 0) leaves->push_back(b.Scalar<bool>(false));
    return b.status();
  }
  const auto optional = As<OptionalCell>(value);
  if (optional == nullptr) {
    std::vector<V> inner;
    RETURN_IF_ERROR(Flatten(content, value, &inner));
    for (V leaf : inner) leaves->push_back(b.Op("Optional", {leaf}));
    if (count == 0) leaves->push_back(b.Scalar<bool>(true));
    return b.status();
  }
  if (Leaves(*optional->content) == count) {
    leaves->insert(leaves->end(), optional->leaves.begin(), optional->leaves.end());
    return {};
  }
  // What it holds has outputs here that it has not there: a number that is known there, say.
  Status status;
  const auto give = [&](const IValue& what) {
    std::vector<V> inner;
    if (status.ok()) status = FlattenOptional(merged, what, &inner);
    inner.resize(std::max<size_t>(count, 1), nullptr);
    for (V& leaf : inner)
      if (leaf == nullptr) leaf = b.Int(0);
    return inner;
  };
  const std::vector<V> made = b.If(
      in_.Has(*optional), [&] { return give(in_.Unwrap(*optional)); }, [&] { return give(IValue()); });
  leaves->insert(leaves->end(), made.begin(), made.end());
  return status.ok() ? b.status() : status;
}

Status Merger::Flatten(const MergedValue& merged, const IValue& value, std::vector<V>* leaves) {
  ops::GraphBuilder& b = in_.builder();
  if (As<Uninitialized>(value) != nullptr) return FlattenNothing(merged, leaves);
  switch (merged.form) {
    case Form::kOptional:
      return FlattenOptional(merged, value, leaves);
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
    case Form::kObject: {
      const std::optional<Entries> entries = EntriesOf(value);
      if (!entries || entries->values.size() != merged.parts.size()) return Internal("an object changed what it holds");
      for (size_t i = 0; i < merged.parts.size(); ++i) RETURN_IF_ERROR(Flatten(merged.parts[i], entries->values[i], leaves));
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
      return in_.Number(in_.builder().Cast(leaves[(*at)++], ElementType(merged.number, DataType::kUndefined)), merged.number);
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
    case Form::kObject: {
      IValue::List values;
      for (const MergedValue& part : merged.parts) values.push_back(Rebuild(part, leaves, at));
      return WithEntries(in_.heap(), merged.same, merged.keys, std::move(values));
    }
    case Form::kOptional: {
      auto optional = in_.heap().New<OptionalCell>();
      optional->content = std::make_shared<const MergedValue>(merged.parts[0]);
      for (size_t i = std::max<size_t>(Leaves(merged.parts[0]), 1); i > 0; --i) optional->leaves.push_back(leaves[(*at)++]);
      return IValue(std::shared_ptr<Object>(std::move(optional)));
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
