#include "inspect/svg.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "formats/markup.h"
#include "inspect/draw.h"
#include "inspect/labels.h"

namespace sardonyx::inspect {
namespace {

using formats::Escaped;

constexpr double kTitleSize = 12, kLineSize = 10.5, kTitleHeight = 20, kLineHeight = 14, kPadding = 8;
constexpr double kMinWidth = 64;

double BoxWidth(const SceneBox& box) {
  double width = std::max(kMinWidth, TextWidth(box.title) * kTitleSize * 1.08 + 2 * kPadding);  // titles are bold
  for (const std::string& line : box.lines) width = std::max(width, TextWidth(line) * kLineSize + 2 * kPadding);
  return std::ceil(width);
}

double BoxHeight(const SceneBox& box) {
  return kTitleHeight + (box.lines.empty() ? 0 : static_cast<double>(box.lines.size()) * kLineHeight + 5);
}

LayoutGraph ToLayout(const Scene& scene) {
  LayoutGraph graph;
  for (const SceneBox& box : scene.boxes) graph.nodes.push_back({BoxWidth(box), BoxHeight(box)});
  std::vector<int> nets_of(scene.boxes.size(), 0), seen(scene.boxes.size(), 0);
  for (const SceneNet& net : scene.nets) ++nets_of[static_cast<size_t>(net.source)];
  for (const SceneNet& net : scene.nets) {
    const auto source = static_cast<size_t>(net.source);
    // Several outputs leave side by side.
    const double room = graph.nodes[source].width - 2 * kPadding;
    const double port = room * ((seen[source]++ + 0.5) / nets_of[source] - 0.5);
    graph.nets.push_back({net.source, port, net.targets});
  }
  return graph;
}

class Pen {
 public:
  explicit Pen(std::string* out) : out_(*out) {}
  template <class... T>
  void Add(fmt::format_string<T...> format, T&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<T>(args)...);
  }

  void Path(const std::vector<Point>& line) {
    Add("M{:.1f} {:.1f}", line[0].x, line[0].y);
    for (size_t i = 0; i + 1 < line.size(); i += 2) {
      const Point a = line[i], b = line[i + 1];
      if (i > 0) Add("L{:.1f} {:.1f}", a.x, a.y);
      if (a.x == b.x)
        Add("V{:.1f}", b.y);
      else
        Add("C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}", a.x, (a.y + b.y) / 2, b.x, (a.y + b.y) / 2, b.x, b.y);
    }
  }

 private:
  std::string& out_;
};

void DrawNet(const SceneNet& net, const std::vector<std::vector<Point>>& lines, size_t index, Pen* pen) {
  if (lines.empty()) return;
  pen->Add("<path class=\"e\" data-e=\"{}\" d=\"", index);
  for (const std::vector<Point>& line : lines) pen->Path(line);
  pen->Add("\"/>");
  for (const std::vector<Point>& line : lines) {
    const Point tip = line.back();
    pen->Add("<path class=\"a\" d=\"M{:.1f} {:.1f}l-3.5 -7h7z\"/>", tip.x, tip.y);
  }
}

// A value's shape stands where it leaves its node.
void DrawLabel(const SceneNet& net, Point start, Pen* pen) {
  if (net.label.empty()) return;
  pen->Add("<text class=\"l\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>", start.x + 4, start.y + 12, Escaped(net.label));
}

std::string_view BoxClass(const SceneBox& box) {
  switch (box.kind) {
    case SceneBox::Kind::kInput:
      return "input";
    case SceneBox::Kind::kOutput:
      return "output";
    case SceneBox::Kind::kOuter:
      return "outer";
    case SceneBox::Kind::kNode:
      break;
  }
  return FamilyName(box.family);
}

void DrawBox(const SceneBox& box, const LayoutGraph::Node& size, Point place, size_t index, Pen* pen) {
  const double left = place.x - size.width / 2;
  const bool is_node = box.kind == SceneBox::Kind::kNode;
  pen->Add("<g class=\"b {}\" data-b=\"{}\" transform=\"translate({:.1f} {:.1f})\">", BoxClass(box), index, left, place.y);
  pen->Add("<rect class=\"o\" width=\"{:.0f}\" height=\"{:.0f}\" rx=\"{}\"/>", size.width, size.height, is_node ? 4 : 10);
  if (is_node && !box.lines.empty())
    // The title's corners are round above and square below.
    pen->Add("<path class=\"h\" d=\"M0 {0:.0f}V4a4 4 0 0 1 4 -4H{1:.0f}a4 4 0 0 1 4 4V{0:.0f}z\"/>", kTitleHeight, size.width - 4);
  else if (is_node)
    pen->Add("<rect class=\"h\" width=\"{:.0f}\" height=\"{:.0f}\" rx=\"4\"/>", size.width, size.height);
  pen->Add("<text class=\"t\" x=\"{:.1f}\" y=\"14\">{}</text>", size.width / 2, Escaped(box.title));
  double y = kTitleHeight + 12;
  for (size_t i = 0; i < box.lines.size(); ++i, y += kLineHeight)
    pen->Add("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.0f}\">{}</text>", is_node ? (i == 0 && box.has_name_line ? "n" : "p") : "c",
             is_node ? kPadding : size.width / 2, y, Escaped(box.lines[i]));
  pen->Add("</g>\n");
}

}  // namespace

std::string_view PictureStyle() {
  return R"(text{font-family:Helvetica,Arial,"Liberation Sans",system-ui,sans-serif;font-size:10.5px;fill:#24292f}
.e{fill:none;stroke:#57606a;stroke-width:1.1}.a{fill:#57606a}
.l{font-size:9.5px;fill:#6e7781;paint-order:stroke;stroke:#fff;stroke-width:3px}
.o{fill:#fff;stroke:#8c959f}
.t{font-size:12px;font-weight:600;text-anchor:middle}.b .h+.t{fill:#fff}
.n{fill:#6e7781}.c{text-anchor:middle;fill:#57606a}
.title{font-size:15px;font-weight:600}
.input .o{fill:#eef4ff;stroke:#4a72b8}.output .o{fill:#eefaf0;stroke:#43895a}.outer .o{fill:#fffbe8;stroke:#b39b3a;stroke-dasharray:4 3}
.h{fill:#3b424a}.matrix .h{fill:#2f5fb3}.activation .h{fill:#b0442c}.normalization .h{fill:#3c7a4b}.pooling .h{fill:#33797a}
.arithmetic .h{fill:#4a525c}.logic .h{fill:#6a6f76}.reduction .h{fill:#7553a6}.movement .h{fill:#848b94}.quantization .h{fill:#9c6f1f}
.control .h{fill:#a03c6d}.sequence .h{fill:#4f766b}.ml .h{fill:#66478f}.source .h{fill:#5f6b3a}
)";
}

ScenePicture DrawScene(const Scene& scene) {
  const LayoutGraph graph = ToLayout(scene);
  const Layout layout = LayOut(graph);
  ScenePicture picture{layout.width, layout.height, {}};
  Pen pen(&picture.body);
  for (size_t i = 0; i < scene.nets.size(); ++i) DrawNet(scene.nets[i], layout.nets[i], i, &pen);
  picture.body += '\n';
  for (size_t i = 0; i < scene.nets.size(); ++i) {
    const auto source = static_cast<size_t>(scene.nets[i].source);
    const Point start = {layout.nodes[source].x + graph.nets[i].port, layout.nodes[source].y + graph.nodes[source].height};
    DrawLabel(scene.nets[i], start, &pen);
    picture.width = std::max(picture.width, start.x + 4 + TextWidth(scene.nets[i].label) * 9.5);
  }
  picture.body += '\n';
  for (size_t i = 0; i < scene.boxes.size(); ++i) DrawBox(scene.boxes[i], graph.nodes[i], layout.nodes[i], i, &pen);
  return picture;
}

namespace {

// Columns of panels, filled from top to bottom: the main graph alone in the first, subgraphs and functions after it.
class Columns {
 public:
  // As high as the main graph, or as high as makes all panels together a square.
  explicit Columns(const std::vector<ScenePicture>& pictures) {
    double area = 0;
    for (const ScenePicture& picture : pictures) area += (picture.width + kColumnGap) * (picture.height + kTitle + kColumnGap);
    height_ = std::max(std::sqrt(area), pictures.empty() ? 0 : pictures[0].height + kTitle);
  }

  // Where the next panel goes.
  Point Place(double panel_width, double panel_height) {
    const bool full = column_width_ > 0 && (first_ || y_ + panel_height > kMargin + height_);
    if (full) {
      first_ = false;
      x_ += column_width_ + kColumnGap;
      y_ = kMargin;
      column_width_ = 0;
    }
    const Point place = {x_, y_};
    column_width_ = std::max(column_width_, panel_width);
    y_ += panel_height + kColumnGap;
    width_ = std::max(width_, x_ + column_width_ + kMargin);
    bottom_ = std::max(bottom_, place.y + panel_height + kMargin);
    return place;
  }

  double width() const { return width_; }
  double height() const { return bottom_; }
  static constexpr double kTitle = 28;

 private:
  static constexpr double kMargin = 24, kColumnGap = 50;
  double height_ = 0, x_ = kMargin, y_ = kMargin, column_width_ = 0, width_ = 2 * kMargin, bottom_ = 2 * kMargin;
  bool first_ = true;
};

}  // namespace

std::string DrawSvg(const ir::Model& model, const DrawOptions& options) {
  const std::vector<Scene> scenes = MakeScenes(model, options.scenes);
  std::vector<ScenePicture> pictures;
  for (const Scene& scene : scenes) pictures.push_back(DrawScene(scene));
  Columns columns(pictures);
  std::string body;
  for (size_t i = 0; i < scenes.size(); ++i) {
    const double title_width = TextWidth(scenes[i].title) * 15;
    const Point place = columns.Place(std::max(pictures[i].width, title_width), pictures[i].height + Columns::kTitle);
    fmt::format_to(std::back_inserter(body), "<g transform=\"translate({:.1f} {:.1f})\"><text class=\"title\" y=\"14\">{}</text>", place.x,
                   place.y, Escaped(scenes[i].title));
    fmt::format_to(std::back_inserter(body), "<g transform=\"translate(0 {})\">\n{}</g></g>\n", Columns::kTitle, pictures[i].body);
  }
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} "
      "{1:.0f}\">\n<style>{2}</style>\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{3}</svg>\n",
      columns.width(), columns.height(), PictureStyle(), body);
}

}  // namespace sardonyx::inspect
