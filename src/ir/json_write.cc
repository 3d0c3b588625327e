// WireToJson.
#include <bit>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "ir/descriptor_message.h"
#include "ir/json.h"
#include "ir/json_reader.h"

namespace sardonyx::ir {
namespace {

using Occurrences = DecodedMessage::Occurrences;

class JsonWriter {
 public:
  JsonWriter(const JsonOptions& options, std::string* out) : options_(options), out_(*out) {}

  Status Message(std::string_view wire, MessageKind kind, int depth);

 private:
  Status Field(Occurrences field, int depth);
  Status Repeated(Occurrences field, int depth);
  Status Single(const DecodedMessage::Field& field, int depth);
  void Scalar(const FieldDescriptor& field, uint64_t bits);
  template <class T>
  void Floating(T value);
  // Before a member or element (after a comma but for the first one), and before a closing bracket.
  void Separate(bool first, int depth) {
    if (!first) out_ += options_.indent > 0 ? "," : ", ";
    NewLine(depth);
  }
  void NewLine(int depth) {
    if (options_.indent <= 0) return;
    out_ += '\n';
    out_.append(static_cast<size_t>(options_.indent) * static_cast<size_t>(depth), ' ');
  }

  const JsonOptions& options_;
  std::string& out_;
};

Status JsonWriter::Message(std::string_view wire, MessageKind kind, int depth) {
  if (depth > kMaxMessageDepth) return Corrupt(fmt::format("messages nested more than {} deep", kMaxMessageDepth));
  ASSIGN_OR_RETURN(const DecodedMessage message, DecodedMessage::Decode(wire, kind));
  out_ += '{';
  bool first = true;
  for (const Occurrences& field : message.fields()) {
    if (field.front().descriptor == nullptr) {
      if (options_.dropped) *options_.dropped += static_cast<int64_t>(field.size());
      continue;
    }
    Separate(first, depth + 1);
    first = false;
    RETURN_IF_ERROR(Field(field, depth + 1));
  }
  if (!first) NewLine(depth);
  out_ += '}';
  return {};
}

Status JsonWriter::Field(Occurrences field, int depth) {
  const FieldDescriptor& descriptor = *field.front().descriptor;
  fmt::format_to(std::back_inserter(out_), "\"{}\": ", descriptor.json_name);
  if (descriptor.repeated) return Repeated(field, depth);
  if (descriptor.kind != FieldKind::kMessage) return Single(field.back(), depth);
  std::string merged;
  DecodedMessage::Field whole = field.back();
  whole.bytes = MergedMessage(field, &merged);
  return Single(whole, depth);
}

Status JsonWriter::Repeated(Occurrences field, int depth) {
  const FieldDescriptor& descriptor = *field.front().descriptor;
  bool first = true;
  out_ += '[';
  if (descriptor.is_scalar()) {
    RETURN_IF_ERROR(ForEachScalar(field, [&](uint64_t bits) {
      Separate(first, depth + 1);
      first = false;
      Scalar(descriptor, bits);
    }));
  } else {
    for (const DecodedMessage::Field& element : field) {
      Separate(first, depth + 1);
      first = false;
      RETURN_IF_ERROR(Single(element, depth + 1));
    }
  }
  if (!first) NewLine(depth);
  out_ += ']';
  return {};
}

Status JsonWriter::Single(const DecodedMessage::Field& field, int depth) {
  switch (field.descriptor->kind) {
    case FieldKind::kMessage:
      return Message(field.bytes, field.descriptor->message, depth);
    case FieldKind::kString:
      if (!AppendJsonString(field.bytes, &out_)) return Invalid(fmt::format("{} is not UTF-8, which JSON needs", field.descriptor->name));
      break;
    case FieldKind::kBytes:
      out_ += '"';
      AppendBase64(field.bytes, &out_);
      out_ += '"';
      break;
    default:
      Scalar(*field.descriptor, field.scalar);
  }
  return {};
}

template <class T>
void JsonWriter::Floating(T value) {
  if (std::isnan(value))
    out_ += "\"NaN\"";
  else if (std::isinf(value))
    out_ += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  else
    fmt::format_to(std::back_inserter(out_), "{}", value);
}

void JsonWriter::Scalar(const FieldDescriptor& field, uint64_t bits) {
  const auto out = std::back_inserter(out_);
  switch (field.kind) {
    case FieldKind::kInt32:
      fmt::format_to(out, "{}", static_cast<int32_t>(bits));
      break;
    case FieldKind::kInt64:
      fmt::format_to(out, "\"{}\"", static_cast<int64_t>(bits));
      break;
    case FieldKind::kUint64:
      fmt::format_to(out, "\"{}\"", bits);
      break;
    case FieldKind::kFloat:
      Floating(std::bit_cast<float>(static_cast<uint32_t>(bits)));
      break;
    case FieldKind::kDouble:
      Floating(std::bit_cast<double>(bits));
      break;
    default: {  // kEnum
      const EnumValue* value = field.values->Find(static_cast<int32_t>(bits));
      if (value)
        fmt::format_to(out, "\"{}\"", value->name);
      else
        fmt::format_to(out, "{}", static_cast<int32_t>(bits));
    }
  }
}

}  // namespace

StatusOr<std::string> WireToJson(std::string_view wire, MessageKind kind, const JsonOptions& options) {
  if (options.dropped) *options.dropped = 0;
  std::string json;
  RETURN_IF_ERROR(JsonWriter(options, &json).Message(wire, kind, 0));
  if (options.indent > 0) json += '\n';
  return json;
}

}  // namespace sardonyx::ir
