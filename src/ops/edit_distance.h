// Which known names somebody may have meant: for "did you mean" in messages.
#pragma once

#include <string_view>
#include <vector>

namespace sardonyx::ops {

// Insertions, deletions and replacements of one letter, and swaps of neighbours, that turn `a` into `b`; case counts
// nothing. At most `bound` + 1 is returned, and work stops there.
int EditDistance(std::string_view a, std::string_view b, int bound);

// Those of `names` that are near `name`, nearest first and then by the alphabet; at most `count`.
std::vector<std::string_view> NearestNames(std::string_view name, std::vector<std::string_view> names, size_t count);

}  // namespace sardonyx::ops
