// JsonToWire.
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <set>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "ir/descriptor_writer.h"
#include "ir/json.h"
#include "ir/json_reader.h"

namespace sardonyx::ir {
namespace {

using formats::WireType;

class JsonParser {
 public:
  explicit JsonParser(std::string_view json) : reader_(json) {}

  // The object at the cursor; *known counts its keys that the message has.
  Status Message(MessageKind kind, int depth, std::string* out, int64_t* known);
  Status ExpectEnd() { return reader_.ExpectEnd(); }
  int64_t ignored() const { return ignored_; }

 private:
  Status Field(const FieldDescriptor& field, int depth, std::string* out);
  Status Repeated(const FieldDescriptor& field, int depth, std::string* out);
  Status Single(const FieldDescriptor& field, int depth, std::string* out);
  // The wire value of a scalar: varint, or the bits of a float.
  StatusOr<uint64_t> Scalar(const FieldDescriptor& field);
  StatusOr<uint64_t> Integer(const FieldDescriptor& field, std::string_view text) const;
  StatusOr<uint64_t> Floating(const FieldDescriptor& field, std::string_view text) const;
  void WriteScalar(const FieldDescriptor& field, uint64_t value, bool tagged, std::string* out) const;

  JsonReader reader_;
  std::string text_;  // the string last read, kept for its memory
  int64_t ignored_ = 0;
};

Status JsonParser::Message(MessageKind kind, int depth, std::string* out, int64_t* known) {
  if (depth > kMaxMessageDepth) return reader_.Expected(fmt::format("at most {} levels of nesting", kMaxMessageDepth));
  const MessageDescriptor& descriptor = DescriptorOf(kind);
  RETURN_IF_ERROR(reader_.BeginObject(descriptor.name));
  std::set<int> seen;
  std::string key;
  while (true) {
    bool more = false;
    RETURN_IF_ERROR(reader_.NextKey(&more, &key));
    if (!more) return {};
    const FieldDescriptor* field = descriptor.Find(key);
    if (field == nullptr) {
      ++ignored_;
      RETURN_IF_ERROR(reader_.Skip(depth + 1));
      continue;
    }
    ++*known;
    if (!seen.insert(field->number).second) return reader_.ErrorAtValue(fmt::format("{} has the key \"{}\" twice", descriptor.name, key));
    if (reader_.Peek() == JsonReader::Type::kNull) {
      RETURN_IF_ERROR(reader_.Null());
    } else {
      RETURN_IF_ERROR(Field(*field, depth + 1, out));
    }
  }
}

Status JsonParser::Field(const FieldDescriptor& field, int depth, std::string* out) {
  return field.repeated ? Repeated(field, depth, out) : Single(field, depth, out);
}

Status JsonParser::Repeated(const FieldDescriptor& field, int depth, std::string* out) {
  std::string run;
  RETURN_IF_ERROR(reader_.BeginArray(field.name));
  while (true) {
    bool more = false;
    RETURN_IF_ERROR(reader_.NextElement(&more));
    if (!more) break;
    if (field.packed) {
      ASSIGN_OR_RETURN(const uint64_t value, Scalar(field));
      WriteScalar(field, value, /*tagged=*/false, &run);
    } else {
      RETURN_IF_ERROR(Single(field, depth, out));
    }
  }
  if (!run.empty()) MessageWriter(out).String(field.number, run);
  return {};
}

Status JsonParser::Single(const FieldDescriptor& field, int depth, std::string* out) {
  switch (field.kind) {
    case FieldKind::kMessage: {
      std::string message;
      int64_t known = 0;
      RETURN_IF_ERROR(Message(field.message, depth, &message, &known));
      MessageWriter(out).String(field.number, message);
      return {};
    }
    case FieldKind::kString:
      RETURN_IF_ERROR(reader_.String(field.name, &text_));
      MessageWriter(out).String(field.number, text_);
      return {};
    case FieldKind::kBytes: {
      RETURN_IF_ERROR(reader_.String(field.name, &text_));
      std::string bytes;
      if (!AppendDecodedBase64(text_, &bytes)) return reader_.ErrorAtValue(fmt::format("expected base64 for {}", field.name));
      MessageWriter(out).String(field.number, bytes);
      return {};
    }
    default: {
      ASSIGN_OR_RETURN(const uint64_t value, Scalar(field));
      WriteScalar(field, value, /*tagged=*/true, out);
      return {};
    }
  }
}

void JsonParser::WriteScalar(const FieldDescriptor& field, uint64_t value, bool tagged, std::string* out) const {
  const bool is_float = field.kind == FieldKind::kFloat;
  const bool is_double = field.kind == FieldKind::kDouble;
  MessageWriter writer(out);
  if (tagged) writer.Tag(field.number, is_float ? WireType::kFixed32 : is_double ? WireType::kFixed64 : WireType::kVarint);
  if (is_float || is_double)
    writer.Raw({reinterpret_cast<const char*>(&value), is_float ? size_t{4} : size_t{8}});
  else
    writer.Varint(value);
}

StatusOr<uint64_t> JsonParser::Scalar(const FieldDescriptor& field) {
  std::string_view text;
  if (reader_.Peek() == JsonReader::Type::kString) {
    RETURN_IF_ERROR(reader_.String(field.name, &text_));
    text = text_;
    if (field.kind == FieldKind::kEnum)
      if (const EnumValue* value = field.values->Find(text)) return static_cast<uint64_t>(static_cast<int64_t>(value->number));
  } else {
    ASSIGN_OR_RETURN(text, reader_.Number(field.name));
  }
  return field.kind == FieldKind::kFloat || field.kind == FieldKind::kDouble ? Floating(field, text) : Integer(field, text);
}

// Integers may be written as 1e3 or 2.0 as long as they are whole.
StatusOr<uint64_t> JsonParser::Integer(const FieldDescriptor& field, std::string_view text) const {
  const char* end = text.data() + text.size();
  uint64_t value = 0;
  bool good = false;
  if (field.kind == FieldKind::kUint64) {
    const auto result = std::from_chars(text.data(), end, value);
    good = result.ec == std::errc() && result.ptr == end;
  } else {
    int64_t number = 0;
    const auto result = std::from_chars(text.data(), end, number);
    good = result.ec == std::errc() && result.ptr == end;
    value = static_cast<uint64_t>(number);
  }
  if (!good && text.find_first_of(".eE") != std::string_view::npos) {
    double number = 0;
    const auto result = std::from_chars(text.data(), end, number);
    // Beyond 2^53 a fraction or exponent is not how anybody writes an exact integer.
    good = result.ec == std::errc() && result.ptr == end && number == std::floor(number) && std::abs(number) <= 9007199254740992.0 &&
           (number >= 0 || field.kind != FieldKind::kUint64);
    if (good) value = static_cast<uint64_t>(static_cast<int64_t>(number));
  }
  if (field.kind == FieldKind::kInt32 || field.kind == FieldKind::kEnum) {
    const auto number = static_cast<int64_t>(value);
    good &= number >= std::numeric_limits<int32_t>::min() && number <= std::numeric_limits<int32_t>::max();
  }
  if (good) return value;
  if (field.kind == FieldKind::kEnum) return reader_.ErrorAtValue(fmt::format("'{}' is no value of {}", text.substr(0, 40), field.name));
  return reader_.ErrorAtValue(fmt::format("expected an integer in range for {}, found '{}'", field.name, text.substr(0, 40)));
}

StatusOr<uint64_t> JsonParser::Floating(const FieldDescriptor& field, std::string_view text) const {
  double value = 0;
  if (text == "NaN") {
    value = std::numeric_limits<double>::quiet_NaN();
  } else if (text == "Infinity" || text == "-Infinity") {
    value = text[0] == '-' ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
  } else {
    const char* end = text.data() + text.size();
    if (field.kind == FieldKind::kFloat) {
      // Read as float, not through double, so that it is rounded once.
      float number = 0;
      const auto result = std::from_chars(text.data(), end, number);
      if (result.ec == std::errc() && result.ptr == end && std::isfinite(number)) return std::bit_cast<uint32_t>(number);
    }
    const auto result = std::from_chars(text.data(), end, value);
    const bool tiny = result.ec == std::errc::result_out_of_range && text.find("e-") != std::string_view::npos;
    if (tiny) value = 0;
    const bool fits = field.kind == FieldKind::kDouble || std::abs(value) < 1;  // a float from_chars refused as too small
    if ((result.ec != std::errc() && !tiny) || result.ptr != end || !std::isfinite(value) || !fits)
      return reader_.ErrorAtValue(fmt::format("expected a number in range for {}, found '{}'", field.name, text.substr(0, 40)));
  }
  if (field.kind == FieldKind::kDouble) return std::bit_cast<uint64_t>(value);
  return std::bit_cast<uint32_t>(static_cast<float>(value));
}

}  // namespace

StatusOr<std::string> JsonToWire(std::string_view json, MessageKind kind, int64_t* ignored) {
  JsonParser parser(json);
  std::string wire;
  int64_t known = 0;
  RETURN_IF_ERROR(parser.Message(kind, 0, &wire, &known));
  RETURN_IF_ERROR(parser.ExpectEnd());
  if (ignored) *ignored = parser.ignored();
  if (known == 0 && parser.ignored() > 0)
    return Corrupt(fmt::format("this JSON is no {}: it has none of its keys", DescriptorOf(kind).name));
  return wire;
}

}  // namespace sardonyx::ir
