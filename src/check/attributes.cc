// Attributes, whatever operator they belong to.
#include <fmt/format.h>

#include <algorithm>

#include "check/parts.h"
#include "formats/wire.h"

namespace sardonyx::check {
namespace {

// AttributeProto's fields that hold values; a second one is kept among the unknown fields.
constexpr int kValueFields[] = {2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 15, 22, 23};

bool HasOtherValue(const ir::Attribute& attribute) {
  formats::WireReader reader(attribute.extras.unknown);
  while (reader.Next()) {
    if (std::find(std::begin(kValueFields), std::end(kValueFields), reader.field()) != std::end(kValueFields)) return true;
  }
  return false;
}

// Some fields have no value that absence could stand for.
bool MustHaveValue(ir::AttributeType type) {
  return type == ir::AttributeType::kTensor || type == ir::AttributeType::kGraph || type == ir::AttributeType::kSparseTensor ||
         type == ir::AttributeType::kTypeProto;
}

void CheckReference(Context& context, const Scope& scope, const ir::Node* node, const ir::Attribute& attribute) {
  const std::string name = Quote(attribute.name), from = Quote(attribute.ref_attr_name);
  if (!scope.function) {
    context.Error(rules::kAttribute, &scope, node,
                  fmt::format("Attribute {} refers to an attribute {} of a function, but is not in one. Give it a value.", name, from));
    return;
  }
  if (attribute.value.index() != 0) {
    context.Error(rules::kAttribute, &scope, node,
                  fmt::format("Attribute {} refers to the function's attribute {} and has a value too. Remove one.", name, from));
  }
  if (!context.HasAttribute(*scope.function, attribute.ref_attr_name)) {
    context.Error(rules::kAttribute, &scope, node,
                  fmt::format("Attribute {} refers to {}, which is no attribute of the function.", name, from));
  }
}

// Tensors and types inside the value. Graphs are checked as graphs.
void CheckContent(Context& context, const Scope& scope, const ir::Node* node, const ir::Attribute& attribute) {
  const std::string what = fmt::format("attribute {}", Quote(attribute.name));
  if (const auto* tensor = std::get_if<ir::StoredTensor>(&attribute.value)) {
    CheckTensor(context, &scope, node, *tensor, what);
  } else if (const auto* tensors = std::get_if<std::vector<ir::StoredTensor>>(&attribute.value)) {
    for (const ir::StoredTensor& one : *tensors) CheckTensor(context, &scope, node, one, what);
  } else if (const auto* sparse = std::get_if<ir::StoredSparseTensor>(&attribute.value)) {
    CheckSparseTensor(context, &scope, node, *sparse, what);
  } else if (const auto* sparses = std::get_if<std::vector<ir::StoredSparseTensor>>(&attribute.value)) {
    for (const ir::StoredSparseTensor& one : *sparses) CheckSparseTensor(context, &scope, node, one, what);
  } else if (const auto* type = std::get_if<ir::Type>(&attribute.value)) {
    CheckType(context, &scope, node, *type, what);
  } else if (const auto* types = std::get_if<std::vector<ir::Type>>(&attribute.value)) {
    for (const ir::Type& one : *types) CheckType(context, &scope, node, one, what);
  }
}

}  // namespace

void CheckAttribute(Context& context, const Scope& scope, const ir::Node* node, const ir::Attribute& attribute) {
  const std::string name = Quote(attribute.name);
  if (attribute.name.empty()) context.Error(rules::kAttribute, &scope, node, "An attribute has no name. Give it one, or remove it.");
  constexpr int kTypeToldFromContent = 19;  // see the loader: the file has no type field
  if (attribute.type == ir::AttributeType::kUndefined) {
    context.Error(rules::kAttribute, &scope, node, fmt::format("Attribute {} has no type. Set it to that of its value.", name));
  } else if (attribute.extras.Has(kTypeToldFromContent) && context.model().ir_version >= 2) {
    context.Error(rules::kAttribute, &scope, node,
                  fmt::format("Attribute {} does not say its type, which it must since IR version 2. Its value is {}.", name,
                              ir::AttributeTypeName(attribute.type)));
  }
  if (HasOtherValue(attribute)) {
    context.Error(rules::kAttribute, &scope, node,
                  fmt::format("Attribute {} is {}, but holds a value of another type. Keep only the field of its type.", name,
                              ir::AttributeTypeName(attribute.type)));
  }
  if (!attribute.ref_attr_name.empty()) {
    CheckReference(context, scope, node, attribute);
  } else if (attribute.value.index() == 0 && MustHaveValue(attribute.type)) {
    context.Error(rules::kAttribute, &scope, node,
                  fmt::format("Attribute {} is {}, but holds none.", name, ir::AttributeTypeName(attribute.type)));
  }
  CheckContent(context, scope, node, attribute);
}

}  // namespace sardonyx::check
