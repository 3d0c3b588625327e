// Texts of drawings: short forms of names, shapes, attributes and weights.
#pragma once

#include <string>
#include <string_view>

#include "ir/graph.h"
#include "ops/schema.h"

namespace sardonyx::inspect {

// "1x3x224x224", "batch x seq" (with the multiplication sign); "scalar" for rank 0; "" when the rank is unknown.
std::string ShapeLabel(const ir::Type& type);
// An attribute's value as text, cut at about `width` characters.
std::string AttributeText(const ir::Attribute& attribute, size_t width);
// False for a value that the schema, or the operator's description, has as the default.
bool IsWorthShowing(const ir::Attribute& attribute, const ops::OpSchema* schema);
// A constant's value when it is a number or a few integers, else its shape.
std::string WeightText(const ir::Value* value);
// At most `width` characters of a UTF-8 text, on one line, the middle left out.
std::string ShortName(std::string_view name, size_t width);
// Width in a sans-serif font of size 1. A rough table: viewers have different fonts.
double TextWidth(std::string_view text);

}  // namespace sardonyx::inspect
