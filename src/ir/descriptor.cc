#include "ir/descriptor.h"

#include <algorithm>
#include <iterator>

namespace sardonyx::ir {
namespace {

#include "ir/descriptor_table.inc"

static_assert(std::size(kMessages) == static_cast<size_t>(MessageKind::kCount));

}  // namespace

const EnumValue* EnumDescriptor::Find(std::string_view name) const {
  const auto found = std::find_if(values.begin(), values.end(), [&](const EnumValue& value) { return value.name == name; });
  return found == values.end() ? nullptr : &*found;
}

const EnumValue* EnumDescriptor::Find(int32_t number) const {
  const auto found = std::find_if(values.begin(), values.end(), [&](const EnumValue& value) { return value.number == number; });
  return found == values.end() ? nullptr : &*found;
}

const FieldDescriptor* MessageDescriptor::Find(int number) const {
  const auto found = std::lower_bound(fields.begin(), fields.end(), number, [](const FieldDescriptor& f, int n) { return f.number < n; });
  return found == fields.end() || found->number != number ? nullptr : &*found;
}

const FieldDescriptor* MessageDescriptor::Find(std::string_view name) const {
  const auto found =
      std::find_if(fields.begin(), fields.end(), [&](const FieldDescriptor& f) { return f.name == name || f.json_name == name; });
  return found == fields.end() ? nullptr : &*found;
}

const MessageDescriptor& DescriptorOf(MessageKind kind) { return kMessages[static_cast<size_t>(kind)]; }

}  // namespace sardonyx::ir
