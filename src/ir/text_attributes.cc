// TextParser's attributes.
#include <fmt/format.h>

#include "base/status_macros.h"
#include "ir/descriptor_writer.h"
#include "ir/text_parser.h"
#include "ir/text_words.h"

namespace sardonyx::ir {

// One value, not yet converted: an integer literal may turn out to belong to a list of floats.
struct TextParser::AttributeValue {
  AttributeType type = AttributeType::kUndefined;
  TextLiteral literal;    // kFloat, kInt, kString
  std::string message;    // the others
  std::string reference;  // `@name`
  bool is_reference = false;
  size_t position = 0;
};

namespace {

// AttributeProto's field of a single value and of an element of a list.
int FieldOf(AttributeType type, bool list) {
  switch (type) {
    case AttributeType::kFloat:
      return list ? 7 : 2;
    case AttributeType::kInt:
      return list ? 8 : 3;
    case AttributeType::kString:
      return list ? 9 : 4;
    case AttributeType::kTensor:
      return list ? 10 : 5;
    case AttributeType::kGraph:
      return list ? 11 : 6;
    case AttributeType::kSparseTensor:
      return list ? 23 : 22;
    default:
      return list ? 15 : 14;  // kTypeProto
  }
}

}  // namespace

Status TextParser::AttributeList(int field, int depth, std::string* out) {
  if (!reader_.Accept('<') || reader_.Accept('>')) return {};
  do {
    ASSIGN_OR_RETURN(const std::string name, reader_.Name("the name of an attribute"));
    ASSIGN_OR_RETURN(const std::string attribute, AttributeAfterName(name, depth));
    MessageWriter(out).String(field, attribute);
  } while (reader_.Accept(','));
  return reader_.Expect('>', "after the attributes");
}

StatusOr<std::string> TextParser::AttributeAfterName(std::string_view name, int depth) {
  AttributeType declared = AttributeType::kUndefined;
  if (reader_.Accept(':')) {
    reader_.Peek();
    const size_t position = reader_.position();
    const std::string_view word = reader_.AcceptIdentifier();
    const std::optional<AttributeType> type = ParseAttributeTypeWord(word);
    if (!type)
      return reader_.ErrorAt(position, fmt::format("expected an attribute type (float, ints, tensor, graph, ...), found '{}'", word));
    declared = *type;
  }
  RETURN_IF_ERROR(reader_.Expect('=', fmt::format("after attribute {}", name)));
  std::string attribute;
  MessageWriter(&attribute).String(1, name);
  RETURN_IF_ERROR(AttributeValues(declared, depth, &attribute));
  return attribute;
}

// The value after '=': writes it, its type, and the name that a reference takes its value from.
Status TextParser::AttributeValues(AttributeType declared, int depth, std::string* out) {
  std::vector<AttributeValue> values;
  const bool declared_list = ElementOfListType(declared) != AttributeType::kUndefined;
  reader_.Peek();
  const size_t position = reader_.position();
  const bool list = reader_.Accept('[');
  if (list && declared != AttributeType::kUndefined && !declared_list)
    return reader_.ErrorAt(position, fmt::format("expected one value of type {}, found a list", AttributeTypeWord(declared)));
  AttributeType element = list ? ElementOfListType(declared) : declared;
  if (list && reader_.Accept(']')) {
    if (declared == AttributeType::kUndefined)
      return reader_.ErrorAt(position, "expected a type before an empty list, as in `name : ints = []`");
    MessageWriter(out).Int(20, static_cast<int>(declared));
    return {};
  }
  do {
    RETURN_IF_ERROR(SingleValue(element, depth, &values.emplace_back()));
    const AttributeValue& value = values.back();
    if (value.is_reference) {
      if (list) return reader_.ErrorAt(value.position, "expected a value in a list, found a reference to an attribute");
      if (declared != AttributeType::kUndefined) MessageWriter(out).Int(20, static_cast<int>(declared));
      MessageWriter(out).String(21, value.reference);
      return {};
    }
    const bool widens = value.type == AttributeType::kFloat && element == AttributeType::kInt;
    const bool fits = element == AttributeType::kFloat && value.type == AttributeType::kInt;
    if (element == AttributeType::kUndefined || (widens && declared == AttributeType::kUndefined)) {
      element = value.type;
    } else if (value.type != element && !fits) {
      return reader_.ErrorAt(value.position, fmt::format("expected a value of type {}, found one of type {}",
                                                         declared_list && !list ? AttributeTypeWord(declared) : AttributeTypeWord(element),
                                                         AttributeTypeWord(value.type)));
    }
  } while (list && reader_.Accept(','));
  if (list) RETURN_IF_ERROR(reader_.Expect(']', "after the list"));
  for (const AttributeValue& value : values) {
    MessageWriter writer(out);
    const int field = FieldOf(element, list);
    if (element == AttributeType::kFloat) {
      const StatusOr<float> number = LiteralToFloat(value.literal);
      if (!number.ok()) return reader_.ErrorAt(value.position, number.status().message());
      writer.Float(field, *number);
    } else if (element == AttributeType::kInt) {
      const StatusOr<int64_t> number = LiteralToInt64(value.literal);
      if (!number.ok()) return reader_.ErrorAt(value.position, number.status().message());
      writer.Int(field, *number);
    } else {
      writer.String(field, element == AttributeType::kString ? value.literal.text : value.message);
    }
  }
  MessageWriter(out).Int(20, static_cast<int>(list ? ListOfType(element) : element));
  return {};
}

Status TextParser::SingleValue(AttributeType expected, int depth, AttributeValue* value) {
  const char next = reader_.Peek();
  value->position = reader_.position();
  if (reader_.Accept('@')) {
    value->is_reference = true;
    ASSIGN_OR_RETURN(value->reference, reader_.Name("the name of an attribute after '@'"));
    return {};
  }
  if (reader_.NextIsIdentifier() && NextIsType()) return TypedValue(expected, value);
  const bool is_graph = expected == AttributeType::kGraph || (reader_.NextIsIdentifier() && !reader_.NextIsFloatWord());
  if (!is_graph) {
    ASSIGN_OR_RETURN(value->literal, reader_.Literal("the value of an attribute"));
    switch (value->literal.kind) {
      case TextLiteral::Kind::kInteger:
        value->type = AttributeType::kInt;
        break;
      case TextLiteral::Kind::kFloat:
        value->type = AttributeType::kFloat;
        break;
      case TextLiteral::Kind::kString:
        value->type = AttributeType::kString;
        break;
    }
    if (next != '"' || reader_.Peek() != '(') return {};
  } else {
    ASSIGN_OR_RETURN(value->literal.text, reader_.Name("a graph"));
  }
  value->type = AttributeType::kGraph;
  ASSIGN_OR_RETURN(value->message, GraphAfterName(value->literal.text, depth + 1));
  return {};
}

// A value that begins with a type is a tensor if data follows, else the type itself.
Status TextParser::TypedValue(AttributeType expected, AttributeValue* value) {
  ASSIGN_OR_RETURN(ParsedType type, Type(0));
  const char next = reader_.Peek();
  const bool is_data = next == '{' || next == '=' || next == '"' || reader_.NextIsIdentifier();
  if (!is_data || expected == AttributeType::kTypeProto) {
    value->type = AttributeType::kTypeProto;
    value->message = std::move(type.wire);
    return {};
  }
  bool has_name = false;
  ASSIGN_OR_RETURN(const std::string name, reader_.OptionalName(&has_name));
  reader_.Accept('=');
  if (type.is_sparse) {
    value->type = AttributeType::kSparseTensor;
    ASSIGN_OR_RETURN(value->message, SparseTensorData(type, name));
  } else {
    value->type = AttributeType::kTensor;
    ASSIGN_OR_RETURN(value->message, TensorData(type, name));
  }
  return {};
}

}  // namespace sardonyx::ir
