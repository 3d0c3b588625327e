// The flame picture of `profile`.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "cli/profile.h"
#include "formats/markup.h"

namespace sardonyx::cli {
namespace {

constexpr double kWidth = 1200, kRow = 22;

// A bar with its name, cut where it does not fit; the whole text is its title.
std::string Bar(double x, double width, int row, const std::string& text, const char* color) {
  const size_t letters = static_cast<size_t>(std::max(0.0, width / 7 - 1));
  const std::string shown = text.size() <= letters ? text : letters < 3 ? "" : text.substr(0, letters - 1) + "…";
  return fmt::format(
      "<g><title>{}</title><rect x=\"{:.2f}\" y=\"{:.0f}\" width=\"{:.2f}\" height=\"{:.0f}\" fill=\"{}\" stroke=\"white\"/>"
      "<text x=\"{:.2f}\" y=\"{:.0f}\">{}</text></g>\n",
      formats::Escaped(text), x, row * kRow, std::max(width, 0.2), kRow - 1, color, x + 4, row * kRow + 15, formats::Escaped(shown));
}

}  // namespace

std::string FlameSvg(const std::string& title, const std::vector<ProfiledNode>& nodes) {
  double total = 0;
  std::map<std::string, std::vector<const ProfiledNode*>> by_operator;
  std::map<std::string, double> time_of;
  for (const ProfiledNode& node : nodes) {
    by_operator[node.op_type].push_back(&node);
    time_of[node.op_type] += node.ms;
    total += node.ms;
  }
  std::vector<std::string> order;
  for (const auto& [name, ms] : time_of) order.push_back(name);
  std::sort(order.begin(), order.end(), [&](const std::string& a, const std::string& b) { return time_of[a] > time_of[b]; });
  const double scale = total > 0 ? kWidth / total : 0;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0f} {:.0f}\" font-family=\"sans-serif\" font-size=\"12\">\n", kWidth,
      3 * kRow);
  svg += Bar(0, kWidth, 0, fmt::format("{}: {:.3f} ms a run", title, total), "#d9d9d9");
  double x = 0;
  for (const std::string& name : order) {
    svg += Bar(x, time_of[name] * scale, 1, fmt::format("{} {:.3f} ms ({:.1f} %)", name, time_of[name], 100 * time_of[name] / total), "#fdae61");
    std::vector<const ProfiledNode*>& list = by_operator[name];
    std::stable_sort(list.begin(), list.end(), [](const ProfiledNode* a, const ProfiledNode* b) { return a->ms > b->ms; });
    for (const ProfiledNode* node : list) {
      svg += Bar(x, node->ms * scale, 2, fmt::format("{} [{}] {:.3f} ms", node->node, node->kernel, node->ms), "#abd9e9");
      x += node->ms * scale;
    }
  }
  return svg + "</svg>\n";
}

}  // namespace sardonyx::cli
