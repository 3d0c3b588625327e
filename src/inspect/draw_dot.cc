// DrawDot.
#include <iterator>

#include <fmt/format.h>

#include "formats/markup.h"
#include "inspect/draw.h"

namespace sardonyx::inspect {
namespace {

using formats::Escaped;

std::string_view Color(const SceneBox& box) {
  switch (box.kind) {
    case SceneBox::Kind::kInput:
      return "#4a72b8";
    case SceneBox::Kind::kOutput:
      return "#43895a";
    case SceneBox::Kind::kOuter:
      return "#b39b3a";
    case SceneBox::Kind::kNode:
      break;
  }
  static constexpr std::string_view kColors[] = {"#2f5fb3", "#b0442c", "#3c7a4b", "#33797a", "#4a525c", "#6a6f76", "#7553a6",
                                                 "#848b94", "#9c6f1f", "#a03c6d", "#4f766b", "#66478f", "#5f6b3a", "#3b424a"};
  return kColors[static_cast<size_t>(box.family)];
}

// Inside a quoted DOT string.
std::string Quotable(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

void DrawDotScene(const Scene& scene, size_t index, std::string* text) {
  const auto out = std::back_inserter(*text);
  fmt::format_to(out, "  subgraph cluster_{} {{\n    label=\"{}\";\n", index, Quotable(scene.title));
  for (size_t i = 0; i < scene.boxes.size(); ++i) {
    const SceneBox& box = scene.boxes[i];
    const bool is_node = box.kind == SceneBox::Kind::kNode;
    // HTML-like labels: a coloured title over the lines.
    fmt::format_to(out,
                   "    g{}b{} [label=<<table border=\"0\" cellborder=\"0\" cellspacing=\"0\" cellpadding=\"3\"><tr><td "
                   "bgcolor=\"{}\"><font color=\"white\"><b>{}</b></font></td></tr>",
                   index, i, Color(box), Escaped(box.title));
    for (const std::string& line : box.lines) fmt::format_to(out, "<tr><td align=\"left\">{}</td></tr>", Escaped(line));
    fmt::format_to(out, "</table>>, color=\"{}\"{}];\n", Color(box), is_node ? "" : ", style=rounded");
  }
  for (const SceneNet& net : scene.nets)
    for (int target : net.targets) {
      fmt::format_to(out, "    g{0}b{1} -> g{0}b{2}", index, net.source, target);
      if (!net.label.empty()) fmt::format_to(out, " [label=\"{}\"]", Quotable(net.label));
      *text += ";\n";
    }
  *text += "  }\n";
}

}  // namespace

std::string DrawDot(const ir::Model& model, const DrawOptions& options) {
  std::string text =
      "digraph model {\n  node [shape=box, margin=0, fontname=\"Helvetica\", fontsize=10];\n  edge [fontname=\"Helvetica\", fontsize=9, "
      "color=\"#57606a\"];\n";
  const std::vector<Scene> scenes = MakeScenes(model, options.scenes);
  for (size_t i = 0; i < scenes.size(); ++i) DrawDotScene(scenes[i], i, &text);
  return text + "}\n";
}

}  // namespace sardonyx::inspect
