#include "import/pytorch/arch/windows.h"

namespace sardonyx::pytorch::arch {

int64_t WindowOfTable(int64_t rows) {
  for (int64_t window = 1; (2 * window - 1) * (2 * window - 1) <= rows; ++window)
    if ((2 * window - 1) * (2 * window - 1) == rows) return window;
  return 0;
}

std::vector<float> RelativeBias(const std::vector<float>& table, int64_t window, int64_t heads) {
  const int64_t side = 2 * window - 1, places = window * window;
  if (static_cast<int64_t>(table.size()) != side * side * heads) return {};
  std::vector<float> bias;
  bias.reserve(static_cast<size_t>(heads * places * places));
  for (int64_t head = 0; head < heads; ++head)
    for (int64_t i = 0; i < places; ++i)
      for (int64_t j = 0; j < places; ++j) {
        const int64_t dy = i / window - j / window + window - 1, dx = i % window - j % window + window - 1;
        bias.push_back(table[static_cast<size_t>((dy * side + dx) * heads + head)]);
      }
  return bias;
}

}  // namespace sardonyx::pytorch::arch
