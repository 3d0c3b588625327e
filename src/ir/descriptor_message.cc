#include "ir/descriptor_message.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "formats/wire.h"

namespace sardonyx::ir {
namespace {

using formats::WireType;
using Occurrences = DecodedMessage::Occurrences;

WireType WireTypeOf(FieldKind kind) {
  switch (kind) {
    case FieldKind::kFloat:
      return WireType::kFixed32;
    case FieldKind::kDouble:
      return WireType::kFixed64;
    case FieldKind::kString:
    case FieldKind::kBytes:
    case FieldKind::kMessage:
      return WireType::kLength;
    default:
      return WireType::kVarint;
  }
}

uint64_t Normalized(FieldKind kind, uint64_t value) {
  if (kind == FieldKind::kInt32 || kind == FieldKind::kEnum)
    return static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(value)));
  return value;
}

}  // namespace

StatusOr<DecodedMessage> DecodedMessage::Decode(std::string_view wire, MessageKind kind) {
  const MessageDescriptor& descriptor = DescriptorOf(kind);
  DecodedMessage message;
  formats::WireReader reader(wire);
  while (reader.Next()) {
    Field& field = message.fields_.emplace_back();
    field.number = reader.field();
    field.descriptor = descriptor.Find(field.number);
    const FieldDescriptor* known = field.descriptor;
    field.packed = known && known->repeated && known->is_scalar() && reader.type() == WireType::kLength;
    if (known && !field.packed && reader.type() != WireTypeOf(known->kind)) field.descriptor = known = nullptr;
    if (known == nullptr)
      field.bytes = reader.raw();
    else if (reader.type() == WireType::kLength)
      field.bytes = reader.bytes();
    else
      field.scalar = Normalized(known->kind, reader.type() == WireType::kVarint ? reader.varint() : reader.fixed());
    if (field.packed && field.bytes.empty()) message.fields_.pop_back();  // no element: the same as no field
  }
  RETURN_IF_ERROR(reader.status().WithContext(descriptor.name));
  // Unknown ones of a number that is known (a wrong wire type) form a group of their own.
  const auto before = [](const Field& a, const Field& b) {
    return a.number != b.number ? a.number < b.number : (a.descriptor != nullptr) > (b.descriptor != nullptr);
  };
  if (!std::is_sorted(message.fields_.begin(), message.fields_.end(), before))
    std::stable_sort(message.fields_.begin(), message.fields_.end(), before);
  for (size_t begin = 0, end = 0; begin < message.fields_.size(); begin = end) {
    const Field& first = message.fields_[begin];
    while (end < message.fields_.size() && message.fields_[end].number == first.number &&
           message.fields_[end].descriptor == first.descriptor)
      ++end;
    message.groups_.emplace_back(&first, end - begin);
  }
  return message;
}

Status ForEachScalar(Occurrences field, const std::function<void(uint64_t)>& f) {
  for (const DecodedMessage::Field& occurrence : field) {
    const FieldKind kind = occurrence.descriptor->kind;
    if (!occurrence.packed) {
      f(occurrence.scalar);
      continue;
    }
    const size_t width = kind == FieldKind::kFloat ? 4 : kind == FieldKind::kDouble ? 8 : 0;
    const char* at = occurrence.bytes.data();
    const char* end = at + occurrence.bytes.size();
    if (width > 0 && occurrence.bytes.size() % width != 0)
      return Corrupt(
          fmt::format("{} packed bytes of {} are no whole number of elements", occurrence.bytes.size(), occurrence.descriptor->name));
    while (at < end) {
      uint64_t value = 0;
      if (width > 0) {
        std::memcpy(&value, at, width);
        at += width;
      } else if (!formats::ReadVarint(&at, end, &value)) {
        return Corrupt(fmt::format("truncated integer in packed {}", occurrence.descriptor->name));
      }
      f(Normalized(kind, value));
    }
  }
  return {};
}

uint64_t LastScalar(Occurrences field) { return field.back().scalar; }

std::string_view MergedMessage(Occurrences field, std::string* merged) {
  if (field.size() == 1) return field.front().bytes;
  // Merging messages is joining their bytes: later scalars win, repeated fields add up.
  merged->clear();
  for (const DecodedMessage::Field& occurrence : field) merged->append(occurrence.bytes);
  return *merged;
}

}  // namespace sardonyx::ir
