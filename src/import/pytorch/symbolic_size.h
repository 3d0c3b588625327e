// Sizes as exported programs write them: sympy's srepr, "Mul(Integer(2), Symbol('s0', positive=True, integer=True))".
#pragma once

#include <string_view>

#include "ir/dim.h"

namespace sardonyx::pytorch {

// Unknown for what is not an integer expression that Dim can hold. Old files have plain "2*s0".
ir::Dim ParseSymbolicSize(std::string_view text);

}  // namespace sardonyx::pytorch
