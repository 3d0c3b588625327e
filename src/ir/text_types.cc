// TextParser's types and tensors.
#include <bit>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "ir/descriptor_writer.h"
#include "ir/text_parser.h"
#include "ir/text_words.h"

namespace sardonyx::ir {
namespace {

constexpr int kMaxTypeDepth = 64;

// "undefined" is an element type only to print what a broken file says.
std::optional<DataType> ElementType(std::string_view word) { return word == "undefined" ? DataType::kUndefined : ParseDataType(word); }

StatusOr<uint64_t> IntegerBits(const TextLiteral& literal, int64_t low, int64_t high, DataType dtype) {
  ASSIGN_OR_RETURN(const int64_t value, LiteralToInt64(literal));
  if (value < low || value > high) return Corrupt(fmt::format("{} does not fit {}", literal.text, DataTypeName(dtype)));
  return static_cast<uint64_t>(value);
}

// The bits of one narrow float: an integer literal is the bit pattern, a float literal the value.
template <class T>
StatusOr<uint64_t> NarrowFloatBits(const TextLiteral& literal, DataType dtype) {
  if (literal.kind == TextLiteral::Kind::kInteger) return IntegerBits(literal, 0, (int64_t{1} << BitsPerElement(dtype)) - 1, dtype);
  ASSIGN_OR_RETURN(const float value, LiteralToFloat(literal));
  return T(value).bits;
}

// The bits of one number of a tensor; a complex element takes two.
StatusOr<uint64_t> ElementBits(const TextLiteral& literal, DataType dtype) {
  switch (dtype) {
    case DataType::kFloat:
    case DataType::kComplex64: {
      ASSIGN_OR_RETURN(const float value, LiteralToFloat(literal));
      return std::bit_cast<uint32_t>(value);
    }
    case DataType::kDouble:
    case DataType::kComplex128: {
      ASSIGN_OR_RETURN(const double value, LiteralToDouble(literal));
      return std::bit_cast<uint64_t>(value);
    }
    case DataType::kFloat16:
      return NarrowFloatBits<Float16>(literal, dtype);
    case DataType::kBfloat16:
      return NarrowFloatBits<BFloat16>(literal, dtype);
    case DataType::kFloat8E4M3FN:
      return NarrowFloatBits<Float8E4M3FN>(literal, dtype);
    case DataType::kFloat8E4M3FNUZ:
      return NarrowFloatBits<Float8E4M3FNUZ>(literal, dtype);
    case DataType::kFloat8E5M2:
      return NarrowFloatBits<Float8E5M2>(literal, dtype);
    case DataType::kFloat8E5M2FNUZ:
      return NarrowFloatBits<Float8E5M2FNUZ>(literal, dtype);
    case DataType::kFloat8E8M0:
      return NarrowFloatBits<Float8E8M0>(literal, dtype);
    case DataType::kFloat4E2M1:
      return NarrowFloatBits<Float4E2M1>(literal, dtype);
    case DataType::kFloat6E2M3:
      return NarrowFloatBits<Float6E2M3>(literal, dtype);
    case DataType::kFloat6E3M2:
      return NarrowFloatBits<Float6E3M2>(literal, dtype);
    case DataType::kBool:
      return IntegerBits(literal, 0, 1, dtype);
    case DataType::kUint64:
      return LiteralToUint64(literal);
    case DataType::kInt64:
      return IntegerBits(literal, INT64_MIN, INT64_MAX, dtype);
    case DataType::kInt2:
    case DataType::kInt4:
    case DataType::kInt8:
    case DataType::kInt16:
    case DataType::kInt32: {
      const int64_t half = int64_t{1} << (BitsPerElement(dtype) - 1);
      return IntegerBits(literal, -half, half - 1, dtype);
    }
    default:
      return IntegerBits(literal, 0, (int64_t{1} << BitsPerElement(dtype)) - 1, dtype);  // unsigned
  }
}

// Collects elements of any width, low bits first.
class BitPacker {
 public:
  BitPacker(int bits, std::string* out) : bits_(bits), out_(out) {}
  void Add(uint64_t value) {
    if (bits_ >= 8) {
      for (int shift = 0; shift < bits_; shift += 8) out_->push_back(static_cast<char>(value >> shift));
      return;
    }
    pending_ |= (value & ((1u << bits_) - 1)) << used_;
    used_ += bits_;
    for (; used_ >= 8; used_ -= 8, pending_ >>= 8) out_->push_back(static_cast<char>(pending_));
  }
  void Flush() {
    if (used_ > 0) out_->push_back(static_cast<char>(pending_));
    pending_ = 0;
    used_ = 0;
  }

 private:
  int bits_;
  std::string* out_;
  uint64_t pending_ = 0;
  int used_ = 0;
};

}  // namespace

bool TextParser::NextIsType() { return IsTypeWord(reader_.PeekIdentifier()); }

StatusOr<ParsedType> TextParser::Type(int depth) {
  reader_.Peek();
  const size_t position = reader_.position();
  if (depth > kMaxTypeDepth) return reader_.ErrorAt(position, fmt::format("types nested more than {} deep", kMaxTypeDepth));
  const std::string_view word = reader_.PeekIdentifier();
  if (!IsTypeWord(word)) return reader_.Expected("a type");
  reader_.AcceptIdentifier();
  ParsedType type;
  MessageWriter writer(&type.wire);
  if (const std::optional<DataType> dtype = ElementType(word)) {
    type.dtype = *dtype;
    type.is_dense = true;
    RETURN_IF_ERROR(TensorType(&type));
    return type;
  }
  RETURN_IF_ERROR(reader_.Expect('(', fmt::format("after {}", word)));
  std::string inner;
  if (word == "opaque") {
    RETURN_IF_ERROR(Opaque(&inner));
    writer.String(7, inner);
  } else if (word == "sparse_tensor") {
    const std::string_view element = reader_.PeekIdentifier();
    const std::optional<DataType> dtype = ElementType(element);
    if (!dtype) return reader_.Expected("an element type");
    reader_.AcceptIdentifier();
    type.dtype = *dtype;
    type.is_sparse = true;
    RETURN_IF_ERROR(TensorType(&type));
  } else {
    if (word == "map") {
      const std::optional<DataType> key = ElementType(reader_.PeekIdentifier());
      if (!key) return reader_.Expected("an element type for the keys of a map");
      reader_.AcceptIdentifier();
      RETURN_IF_ERROR(reader_.Expect(',', "after the key type of a map"));
      MessageWriter(&inner).Int(1, static_cast<int>(*key));
    }
    ASSIGN_OR_RETURN(const ParsedType element, Type(depth + 1));
    MessageWriter(&inner).String(word == "map" ? 2 : 1, element.wire);
    writer.String(word == "seq" ? 4 : word == "map" ? 5 : 9, inner);
  }
  RETURN_IF_ERROR(reader_.Expect(')', fmt::format("after the parts of {}", word)));
  return type;
}

// The shape after an element type: none is a scalar, [] an unknown rank.
Status TextParser::TensorType(ParsedType* type) {
  std::string tensor, shape;
  MessageWriter(&tensor).Int(1, static_cast<int>(type->dtype));
  type->has_shape = true;
  type->is_static = true;
  if (reader_.Accept('[')) {
    type->has_shape = !reader_.Accept(']');
    if (type->has_shape) RETURN_IF_ERROR(ShapeOf(type, &shape));
  }
  if (type->has_shape) MessageWriter(&tensor).String(2, shape);
  type->is_static &= type->has_shape;
  MessageWriter(&type->wire).String(type->is_sparse ? 8 : 1, tensor);
  return {};
}

Status TextParser::ShapeOf(ParsedType* type, std::string* shape) {
  do {
    std::string dim;
    bool found = false;
    if (reader_.Accept('?')) {
      type->is_static = false;
    } else {
      ASSIGN_OR_RETURN(const std::string symbol, reader_.OptionalName(&found));
      if (found) {
        type->is_static = false;
        MessageWriter(&dim).String(2, symbol);
      } else {
        ASSIGN_OR_RETURN(const int64_t size, reader_.Int64("a dimension: a number, a name or ?"));
        type->dims.push_back(size);
        MessageWriter(&dim).Int(1, size);
      }
    }
    MessageWriter(shape).String(1, dim);
  } while (reader_.Accept(','));
  return reader_.Expect(']', "after the dimensions");
}

// `domain, name` or `name`, both with dots, after the parenthesis.
Status TextParser::Opaque(std::string* opaque) {
  if (reader_.Peek() == ')') return {};
  const auto qualified = [&]() -> StatusOr<std::string> {
    ASSIGN_OR_RETURN(std::string name, reader_.Name("the name of an opaque type"));
    while (reader_.Accept('.')) {
      ASSIGN_OR_RETURN(const std::string part, reader_.Name("the name of an opaque type"));
      name.append(".").append(part);
    }
    return name;
  };
  ASSIGN_OR_RETURN(std::string name, qualified());
  if (reader_.Accept(',')) {
    MessageWriter(opaque).String(1, name);
    ASSIGN_OR_RETURN(name, qualified());
  }
  MessageWriter(opaque).String(2, name);
  return {};
}

StatusOr<std::string> TextParser::ValueInfo(ParsedType* type, std::string* name) {
  std::string info;
  if (NextIsType()) {
    ASSIGN_OR_RETURN(*type, Type(0));
  }
  ASSIGN_OR_RETURN(*name, reader_.Name(type->wire.empty() ? "a type or the name of a value" : "the name of a value after its type"));
  MessageWriter(&info).String(1, *name);
  if (!type->wire.empty()) MessageWriter(&info).String(2, type->wire);
  return info;
}

StatusOr<std::string> TextParser::TensorData(const ParsedType& type, std::string_view name) {
  if (!type.is_dense || type.dtype == DataType::kUndefined) return reader_.Expected("a tensor type before the data");
  if (!type.is_static) return reader_.Expected("numbers only as the dimensions before the data");
  const StatusOr<int64_t> count = CheckedNumElements(type.dtype, type.dims);
  if (!count.ok()) return reader_.ErrorAt(reader_.position(), count.status().message());
  std::string tensor;
  MessageWriter writer(&tensor);
  for (int64_t dim : type.dims) writer.Int(1, dim);
  writer.Int(2, static_cast<int>(type.dtype));
  if (reader_.Peek() == '[') {
    if (!name.empty()) writer.String(8, name);
    RETURN_IF_ERROR(StringPairs(13, &tensor));
    writer.Int(14, 1);  // data_location EXTERNAL
    return tensor;
  }
  if (type.dtype == DataType::kString) {
    RETURN_IF_ERROR(Strings(static_cast<uint64_t>(*count), &tensor));
    if (!name.empty()) writer.String(8, name);
    return tensor;
  }
  if (!name.empty()) writer.String(8, name);
  std::string raw;
  RETURN_IF_ERROR(Elements(type, static_cast<uint64_t>(*count), &raw));
  if (!raw.empty()) writer.String(9, raw);
  return tensor;
}

Status TextParser::Elements(const ParsedType& type, uint64_t count, std::string* out) {
  const bool complex = type.dtype == DataType::kComplex64 || type.dtype == DataType::kComplex128;
  const uint64_t expected = complex ? 2 * count : count;
  BitPacker packer(complex ? BitsPerElement(type.dtype) / 2 : BitsPerElement(type.dtype), out);
  RETURN_IF_ERROR(reader_.Expect('{', "before the data of a tensor"));
  const size_t begin = reader_.position();
  uint64_t read = 0;
  if (!reader_.Accept('}')) {
    do {
      if (read == expected) return reader_.Expected(fmt::format("'}}' after {} numbers, as the tensor's shape says", expected));
      ASSIGN_OR_RETURN(const TextLiteral literal, reader_.Literal("a number"));
      const StatusOr<uint64_t> bits = ElementBits(literal, type.dtype);
      if (!bits.ok()) return reader_.ErrorAt(literal.position, bits.status().message());
      packer.Add(*bits);
      ++read;
    } while (reader_.Accept(','));
    RETURN_IF_ERROR(reader_.Expect('}', "after the data of a tensor"));
  }
  packer.Flush();
  if (read != expected)
    return reader_.ErrorAt(begin, fmt::format("expected {} numbers, as the tensor's shape says, found {}", expected, read));
  return {};
}

Status TextParser::Strings(uint64_t count, std::string* out) {
  RETURN_IF_ERROR(reader_.Expect('{', "before the data of a tensor"));
  const size_t begin = reader_.position();
  uint64_t read = 0;
  if (!reader_.Accept('}')) {
    do {
      if (read == count) return reader_.Expected(fmt::format("'}}' after {} strings, as the tensor's shape says", count));
      ASSIGN_OR_RETURN(const std::string value, reader_.String("a string in quotes"));
      MessageWriter(out).String(6, value);
      ++read;
    } while (reader_.Accept(','));
    RETURN_IF_ERROR(reader_.Expect('}', "after the data of a tensor"));
  }
  if (read != count) return reader_.ErrorAt(begin, fmt::format("expected {} strings, as the tensor's shape says, found {}", count, read));
  return {};
}

// {values, indices}: two dense tensors; the sparse tensor's name is that of its values.
StatusOr<std::string> TextParser::SparseTensorData(const ParsedType& type, std::string_view name) {
  if (!type.is_static) return reader_.Expected("numbers only as the dimensions before the data");
  RETURN_IF_ERROR(reader_.Expect('{', "before the values of a sparse tensor"));
  std::string sparse;
  for (const int field : {1, 2}) {
    if (field == 2) RETURN_IF_ERROR(reader_.Expect(',', "between the values and the indices of a sparse tensor"));
    ASSIGN_OR_RETURN(const ParsedType part, Type(0));
    bool has_name = false;
    ASSIGN_OR_RETURN(const std::string own_name, reader_.OptionalName(&has_name));
    reader_.Accept('=');
    ASSIGN_OR_RETURN(const std::string tensor, TensorData(part, field == 1 && !name.empty() ? name : std::string_view(own_name)));
    MessageWriter(&sparse).String(field, tensor);
  }
  for (int64_t dim : type.dims) MessageWriter(&sparse).Int(3, dim);
  RETURN_IF_ERROR(reader_.Expect('}', "after the indices of a sparse tensor"));
  return sparse;
}

}  // namespace sardonyx::ir
