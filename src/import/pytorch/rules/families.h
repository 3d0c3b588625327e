// The families of rules, one function and one file each. A new file needs its line here and in table.cc.
#pragma once

#include <span>

#include "import/pytorch/translation.h"

namespace sardonyx::pytorch::rules {

std::span<const RuleRow> Activation();

}  // namespace sardonyx::pytorch::rules
