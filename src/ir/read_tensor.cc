// TensorProto, SparseTensorProto, TypeProto and their parts.
#include <fmt/format.h>

#include "base/status_macros.h"
#include "ir/onnx_wire.h"
#include "ir/read_fields.h"

namespace sardonyx::ir {
namespace {

constexpr int kMaxTypeDepth = 32;

// Sets dtype, or raw_dtype when the number is not a type that we know.
void SetDataType(int32_t number, DataType* dtype, int32_t* raw) {
  const bool known = number > 0 && number < kNumDataTypes;
  *dtype = known ? static_cast<DataType>(number) : DataType::kUndefined;
  *raw = known ? 0 : number;
}

// Collects the occurrences of one typed data field. Almost always there is one, packed: a view of the file.
class TypedData {
 public:
  Status Add(const WireReader& field, const Bytes& whole) {
    if (field.type() == WireType::kLength && !merged_ && view_.empty()) {
      view_ = whole;
      return {};
    }
    if (!merged_) {
      merged_ = true;
      joined_ = view_.view();
    }
    switch (field.type()) {
      case WireType::kLength:
        joined_.append(field.bytes());
        break;
      case WireType::kFixed32:
      case WireType::kFixed64: {
        const uint64_t bits = field.fixed();
        joined_.append(reinterpret_cast<const char*>(&bits), field.type() == WireType::kFixed32 ? 4 : 8);
        break;
      }
      default: {
        uint64_t value = field.varint();
        for (; value >= 0x80; value >>= 7) joined_.push_back(static_cast<char>(value | 0x80));
        joined_.push_back(static_cast<char>(value));
      }
    }
    return {};
  }
  Bytes Finish() { return merged_ ? Bytes::Own(std::move(joined_)) : view_; }

 private:
  Bytes view_;
  std::string joined_;
  bool merged_ = false;
};

Status ReadSegment(std::string_view message, StoredTensor* tensor) {
  tensor->has_segment = true;
  WireReader reader(message);
  while (reader.Next()) {
    switch (reader.field()) {
      case 1:
        TakeInt(reader, &tensor->segment_extras, &tensor->segment_begin);
        break;
      case 2:
        TakeInt(reader, &tensor->segment_extras, &tensor->segment_end);
        break;
      default:
        KeepUnknown(reader, &tensor->segment_extras);
    }
  }
  return reader.status();
}

}  // namespace

Status ReadStringPair(std::string_view message, StringPairs* pairs) {
  std::pair<std::string, std::string> entry;
  Extras ignored;
  WireReader reader(message);
  while (reader.Next()) {
    if (reader.field() == 1)
      TakeString(reader, &ignored, &entry.first);
    else if (reader.field() == 2)
      TakeString(reader, &ignored, &entry.second);
  }
  pairs->push_back(std::move(entry));
  return reader.status();
}

Status MessageReader::ReadTensor(std::string_view message, StoredTensor* tensor) {
  Extras* extras = &tensor->extras;
  TypedData typed;
  int typed_field = 0;
  bool has_raw = false, has_strings = false, external = false;
  Bytes raw;
  std::vector<std::string> strings;
  StringPairs entries;
  std::string entries_wire;
  int32_t number = 0;

  WireReader reader(message);
  while (reader.Next()) {
    switch (reader.field()) {
      case 1:
        RETURN_IF_ERROR(TakeInts(reader, extras, &tensor->dims, &tensor->dims_packed));
        break;
      case 2:
        TakeInt(reader, extras, &number);
        break;
      case 3:
        if (IsMessage(reader, extras)) RETURN_IF_ERROR(ReadSegment(reader.bytes(), tensor));
        break;
      case 4:
      case 5:
      case 7:
      case 10:
      case 11:
        if (typed_field != 0 && typed_field != reader.field()) {
          KeepUnknown(reader, extras);
        } else {
          typed_field = reader.field();
          RETURN_IF_ERROR(typed.Add(reader, reader.type() == WireType::kLength ? Own(reader.bytes()) : Bytes()));
        }
        break;
      case 6:
        if (!IsMessage(reader, extras)) break;
        has_strings = true;
        strings.emplace_back(reader.bytes());
        break;
      case 8:
        TakeString(reader, extras, &tensor->name);
        break;
      case 9:
        if (!IsMessage(reader, extras)) break;
        has_raw = true;
        raw = Own(reader.bytes());
        break;
      case 12:
        TakeString(reader, extras, &tensor->doc);
        break;
      case 13:
        if (!IsMessage(reader, extras)) break;
        RETURN_IF_ERROR(ReadStringPair(reader.bytes(), &entries));
        entries_wire.append(reader.raw());
        break;
      case 14: {
        int32_t location = 0;
        if (TakeInt(reader, extras, &location)) external = location == 1;
        break;
      }
      case 16:
        if (IsMessage(reader, extras)) RETURN_IF_ERROR(ReadStringPair(reader.bytes(), &tensor->metadata));
        break;
      default:
        KeepUnknown(reader, extras);
    }
  }
  RETURN_IF_ERROR(reader.status().WithContext(fmt::format("tensor '{}'", tensor->name)));
  SetDataType(number, &tensor->dtype, &tensor->raw_dtype);

  // One of them becomes the storage; the others, which should not be there, are kept as they are.
  const auto keep = [&](int field, const Bytes& payload) {
    formats::WireRope rope;
    rope.String(field, payload.view());
    extras->unknown.append(rope.Flatten());
  };
  if (external) {
    tensor->storage = StoredTensor::External{std::move(entries), folder_, files_};
    if (has_raw) keep(9, raw);
    if (typed_field) keep(typed_field, typed.Finish());
  } else {
    extras->unknown.append(entries_wire);
    if (has_raw) {
      tensor->storage = StoredTensor::Raw{raw};
      if (typed_field) keep(typed_field, typed.Finish());
    } else if (typed_field) {
      tensor->storage = StoredTensor::Typed{typed_field, typed.Finish()};
    } else if (has_strings) {
      tensor->storage = StoredTensor::Strings{std::move(strings)};
      return {};
    }
  }
  if (has_strings)
    for (const std::string& s : strings) keep(6, Bytes(s.data(), s.size(), nullptr));
  return {};
}

Status MessageReader::ReadSparseTensor(std::string_view message, StoredSparseTensor* tensor) {
  WireReader reader(message);
  while (reader.Next()) {
    switch (reader.field()) {
      case 1:
        if (IsMessage(reader, &tensor->extras)) RETURN_IF_ERROR(ReadTensor(reader.bytes(), &tensor->values));
        break;
      case 2:
        if (IsMessage(reader, &tensor->extras)) RETURN_IF_ERROR(ReadTensor(reader.bytes(), &tensor->indices));
        break;
      case 3:
        RETURN_IF_ERROR(TakeInts(reader, &tensor->extras, &tensor->dims, &tensor->dims_packed));
        break;
      default:
        KeepUnknown(reader, &tensor->extras);
    }
  }
  return reader.status();
}

// TensorShapeProto.
Status MessageReader::ReadShape(std::string_view message, Shape* shape) {
  WireReader reader(message);
  while (reader.Next()) {
    if (reader.field() != 1 || !IsMessage(reader, &shape->extras)) {
      if (reader.field() != 1) KeepUnknown(reader, &shape->extras);
      continue;
    }
    Dim dim;
    Shape::DimExtras extras;
    bool remarkable = false;
    WireReader inner(reader.bytes());
    while (inner.Next()) {
      switch (inner.field()) {
        case 1: {
          int64_t value = 0;
          Extras ignored;
          if (TakeInt(inner, &ignored, &value)) dim = Dim(value);
          break;
        }
        case 2: {
          std::string symbol;
          if (TakeString(inner, &extras.extras, &symbol)) {
            if (symbol.empty())
              remarkable = true;
            else
              dim = Dim::Symbol(std::move(symbol));
          }
          break;
        }
        case 3:
          remarkable |= TakeString(inner, &extras.extras, &extras.denotation);
          break;
        default:
          KeepUnknown(inner, &extras.extras);
          remarkable = true;
      }
    }
    RETURN_IF_ERROR(inner.status());
    shape->Append(std::move(dim));
    if (remarkable || !shape->dim_extras.empty()) {
      shape->dim_extras.resize(shape->rank() - 1);
      shape->dim_extras.push_back(std::move(extras));
    }
  }
  return reader.status();
}

// TypeProto.Tensor, TypeProto.SparseTensor.
Status MessageReader::ReadTensorType(std::string_view message, Type* type) {
  int32_t number = 0;
  WireReader reader(message);
  while (reader.Next()) {
    if (reader.field() == 1) {
      TakeInt(reader, &type->inner_extras, &number);
    } else if (reader.field() == 2 && IsMessage(reader, &type->inner_extras)) {
      if (!type->shape) type->shape.emplace();
      RETURN_IF_ERROR(ReadShape(reader.bytes(), &*type->shape));
    } else if (reader.field() != 2) {
      KeepUnknown(reader, &type->inner_extras);
    }
  }
  SetDataType(number, &type->dtype, &type->raw_dtype);
  return reader.status();
}

// TypeProto.Sequence, TypeProto.Optional (element = 1); TypeProto.Map (key = 1, value = 2); TypeProto.Opaque (1, 2).
Status MessageReader::ReadContainerType(std::string_view message, int depth, Type* type) {
  Extras* extras = &type->inner_extras;
  const int element_field = type->kind == Type::Kind::kMap ? 2 : 1;
  WireReader reader(message);
  while (reader.Next()) {
    if (type->kind == Type::Kind::kOpaque && reader.field() <= 2) {
      TakeString(reader, extras, reader.field() == 1 ? &type->opaque_domain : &type->opaque_name);
    } else if (type->kind == Type::Kind::kMap && reader.field() == 1) {
      int32_t number = 0;
      TakeInt(reader, extras, &number);
      SetDataType(number, &type->dtype, &type->raw_dtype);
    } else if (type->kind != Type::Kind::kOpaque && reader.field() == element_field) {
      if (!IsMessage(reader, extras)) continue;
      auto element = std::make_shared<Type>();
      RETURN_IF_ERROR(ReadType(reader.bytes(), depth + 1, element.get()));
      type->element = std::move(element);
    } else {
      KeepUnknown(reader, extras);
    }
  }
  return reader.status();
}

Status MessageReader::ReadType(std::string_view message, int depth, Type* type) {
  if (depth > kMaxTypeDepth) return Corrupt(fmt::format("types nested deeper than {}", kMaxTypeDepth));
  WireReader reader(message);
  while (reader.Next()) {
    const int field = reader.field();
    if (field == 6) {
      TakeString(reader, &type->extras, &type->denotation);
      continue;
    }
    const bool known = field == 1 || field == 4 || field == 5 || field == 7 || field == 8 || field == 9;
    // The kinds are a oneof: a second one is kept as unknown.
    if (!known || type->kind != Type::Kind::kUnknown || reader.type() != WireType::kLength) {
      KeepUnknown(reader, &type->extras);
      continue;
    }
    switch (field) {
      case 1:
        type->kind = Type::Kind::kTensor;
        break;
      case 4:
        type->kind = Type::Kind::kSequence;
        break;
      case 5:
        type->kind = Type::Kind::kMap;
        break;
      case 7:
        type->kind = Type::Kind::kOpaque;
        break;
      case 8:
        type->kind = Type::Kind::kSparseTensor;
        break;
      default:
        type->kind = Type::Kind::kOptional;
        break;
    }
    RETURN_IF_ERROR(field == 1 || field == 8 ? ReadTensorType(reader.bytes(), type) : ReadContainerType(reader.bytes(), depth, type));
  }
  return reader.status();
}

}  // namespace sardonyx::ir
