// The families of rules, one function and one file each. A new file needs its line here and in table.cc.
#pragma once

#include <span>

#include "import/pytorch/translation.h"

namespace sardonyx::pytorch::rules {

std::span<const RuleRow> Activation();
std::span<const RuleRow> Arithmetic();
std::span<const RuleRow> Comparison();
std::span<const RuleRow> Indexing();
std::span<const RuleRow> Reductions();
std::span<const RuleRow> Shapes();
std::span<const RuleRow> Unary();

}  // namespace sardonyx::pytorch::rules
