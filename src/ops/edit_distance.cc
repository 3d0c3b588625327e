#include "ops/edit_distance.h"

#include <algorithm>
#include <cstdlib>
#include <tuple>
#include <utility>

namespace sardonyx::ops {
namespace {

// A name longer than any operator's is not a misspelling of one, and must not cost time that grows with it.
constexpr size_t kLongestName = 128;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

int EditDistance(std::string_view a, std::string_view b, int bound) {
  const int difference = std::abs(static_cast<int>(a.size()) - static_cast<int>(b.size()));
  if (difference > bound) return bound + 1;
  // Rows of the table of distances between prefixes: two back, one back, and the present.
  std::vector<int> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) above[j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = static_cast<int>(i);
    int least = row[0];
    for (size_t j = 1; j <= b.size(); ++j) {
      const char x = Lower(a[i - 1]), y = Lower(b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (x != y)});
      if (i > 1 && j > 1 && x == Lower(b[j - 2]) && Lower(a[i - 2]) == y) row[j] = std::min(row[j], before[j - 2] + 1);
      least = std::min(least, row[j]);
    }
    if (least > bound) return bound + 1;
    std::swap(before, above);
    std::swap(above, row);
  }
  return std::min(above[b.size()], bound + 1);
}

std::vector<std::string_view> NearestNames(std::string_view name, std::vector<std::string_view> names, size_t count) {
  if (name.empty() || name.size() > kLongestName) return {};
  // A quarter of the letters may be wrong: "Sofmax" is Softmax, but "Foo" is not Floor.
  const int bound = static_cast<int>(name.size() + 2) / 4;
  std::vector<std::tuple<int, std::string_view>> near;
  for (std::string_view candidate : names) {
    const int distance = EditDistance(name, candidate, bound);
    if (distance <= bound) near.emplace_back(distance, candidate);
  }
  std::sort(near.begin(), near.end());
  if (near.size() > count) near.resize(count);
  std::vector<std::string_view> nearest;
  for (const auto& [distance, candidate] : near) nearest.push_back(candidate);
  return nearest;
}

}  // namespace sardonyx::ops
