// DecodedMessage: one serialized message taken apart by its descriptor, without copying.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/descriptor.h"
#include "sardonyx/status.h"

namespace sardonyx::ir {

class DecodedMessage {
 public:
  // One occurrence of a field on the wire.
  struct Field {
    const FieldDescriptor* descriptor = nullptr;  // null: unknown number, or a wire type that is not the field's
    int number = 0;
    uint64_t scalar = 0;     // one scalar
    std::string_view bytes;  // strings, bytes, messages; a packed run of scalars; of an unknown field: all of it
    bool packed = false;
  };
  // All occurrences of one field, in the order of the wire.
  using Occurrences = std::span<const Field>;

  // kCorrupt where the wire format is broken. Nested messages are not looked into.
  static StatusOr<DecodedMessage> Decode(std::string_view wire, MessageKind kind);

  // Fields by ascending number.
  const std::vector<Occurrences>& fields() const { return groups_; }

 private:
  std::vector<Field> fields_;
  std::vector<Occurrences> groups_;
};

// Calls `f` with each scalar: int32 and enums as their sign-extended 32 bits, floats as their bits. kCorrupt when a
// packed run ends within an element.
Status ForEachScalar(DecodedMessage::Occurrences field, const std::function<void(uint64_t)>& f);
// The last scalar, string or bytes: what counts of a field that is not repeated.
uint64_t LastScalar(DecodedMessage::Occurrences field);
// The message that a field that is not repeated holds: its occurrences merged. `*merged` keeps the bytes if there are several.
std::string_view MergedMessage(DecodedMessage::Occurrences field, std::string* merged);

// Whether two serialized messages say the same: neither the order of fields, nor packing, nor the forms of varints
// matter; what is unknown must be equal byte for byte, and an explicit default differs from absence. If not, *difference
// (may be null) names the first place and what stands there: "graph.node[3].op_type: 'Add' against 'Sub'".
bool SemanticallyEqual(std::string_view a, std::string_view b, MessageKind kind, std::string* difference);

}  // namespace sardonyx::ir
