// Words of the textual syntax that its reader and its printer share.
#pragma once

#include <optional>
#include <string_view>

#include "ir/graph.h"

namespace sardonyx::ir {

// [A-Za-z_][A-Za-z0-9_]*: what may stand without quotes.
bool IsTextIdentifier(std::string_view name);
// An element type, or seq, map, optional, sparse_tensor, opaque: what begins a type wherever a type may stand.
bool IsTypeWord(std::string_view word);
// "float", "ints", "type_proto": the annotation of an attribute; empty for kUndefined.
std::string_view AttributeTypeWord(AttributeType type);
std::optional<AttributeType> ParseAttributeTypeWord(std::string_view word);
// kInts -> kInt; kUndefined for a type that is no list.
AttributeType ElementOfListType(AttributeType type);
// kInt -> kInts; kUndefined for a list.
AttributeType ListOfType(AttributeType type);

}  // namespace sardonyx::ir
