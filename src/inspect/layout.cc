#include "inspect/layout.h"

#include <algorithm>
#include <limits>

#include "inspect/layers.h"

namespace sardonyx::inspect {
namespace {

struct Band {
  double top = 0, bottom = 0;
};

// Heights of the ranks, one below the other.
std::vector<Band> Bands(const LayoutGraph& graph, const Layers& layers, const LayoutOptions& options) {
  std::vector<Band> bands(layers.ranks.size());
  double y = 0;
  for (size_t rank = 0; rank < bands.size(); ++rank) {
    double height = 0;
    for (int v : layers.ranks[rank])
      if (!layers.vertices[static_cast<size_t>(v)].dummy) height = std::max(height, graph.nodes[static_cast<size_t>(v)].height);
    bands[rank] = {y, y + height};
    y += height + options.rank_gap;
  }
  return bands;
}

class Router {
 public:
  Router(const LayoutGraph& graph, const Layers& layers, const std::vector<Band>& bands, const std::vector<double>& x, Layout* layout)
      : graph_(graph), layers_(layers), bands_(bands), x_(x), layout_(layout) {}

  std::vector<std::vector<Point>> Route(size_t index) const {
    const LayoutGraph::Net& net = graph_.nets[index];
    std::vector<std::vector<Point>> lines;
    const std::vector<int>& chain = layers_.chains[index];
    const int first = layers_.vertices[static_cast<size_t>(net.source)].rank;
    int longest = -1;
    for (int target : net.targets)
      if (longest < 0 || RankOf(target) > RankOf(longest)) longest = target;
    for (int target : net.targets) {
      std::vector<Point> line;
      const int steps = RankOf(target) - first;
      if (layers_.straight[index]) {
        lines.push_back({Bottom(net), Top(target)});
        continue;
      }
      // The longest line runs along the whole chain; the others leave it at the dummy above their target.
      const int from = target == longest ? 0 : std::max(steps - 1, 0);
      if (from == 0) {
        // Straight to the end of its rank first, past taller neighbours.
        line = {Bottom(net), {Bottom(net).x, bands_[static_cast<size_t>(first)].bottom}};
        line.push_back(line.back());
      } else {
        line.push_back(LeaveDummy(chain[static_cast<size_t>(from) - 1]));
      }
      for (int i = from; i < steps - 1; ++i) {
        const int dummy = chain[static_cast<size_t>(i)];
        line.push_back({x_[static_cast<size_t>(dummy)], bands_[static_cast<size_t>(RankOf(dummy))].top});
        line.push_back(LeaveDummy(dummy));
      }
      line.push_back({Top(target).x, bands_[static_cast<size_t>(RankOf(target))].top});
      line.push_back(line.back());
      line.push_back(Top(target));
      lines.push_back(Simplified(line));
    }
    return lines;
  }

 private:
  int RankOf(int v) const { return layers_.vertices[static_cast<size_t>(v)].rank; }
  Point LeaveDummy(int dummy) const { return {x_[static_cast<size_t>(dummy)], bands_[static_cast<size_t>(RankOf(dummy))].bottom}; }
  Point Top(int node) const { return layout_->nodes[static_cast<size_t>(node)]; }
  Point Bottom(const LayoutGraph::Net& net) const {
    const Point top = layout_->nodes[static_cast<size_t>(net.source)];
    return {top.x + net.port, top.y + graph_.nodes[static_cast<size_t>(net.source)].height};
  }

  // Pairs of points on one vertical line are joined to one pair.
  static std::vector<Point> Simplified(const std::vector<Point>& line) {
    std::vector<Point> kept;
    for (size_t i = 0; i + 1 < line.size(); i += 2) {
      const bool straight = line[i].x == line[i + 1].x;
      const bool continues = straight && kept.size() >= 2 && kept[kept.size() - 1].x == line[i].x && kept[kept.size() - 2].x == line[i].x;
      if (continues) {
        kept.back() = line[i + 1];
      } else {
        kept.push_back(line[i]);
        kept.push_back(line[i + 1]);
      }
    }
    return kept;
  }

  const LayoutGraph& graph_;
  const Layers& layers_;
  const std::vector<Band>& bands_;
  const std::vector<double>& x_;
  Layout* layout_;
};

}  // namespace

Layout LayOut(const LayoutGraph& graph, const LayoutOptions& options) {
  Layout layout;
  if (graph.nodes.empty()) return layout;
  Layers layers = MakeLayers(graph, options);
  OrderLayers(&layers);
  std::vector<double> x = PlaceHorizontally(layers, options);
  const std::vector<Band> bands = Bands(graph, layers, options);

  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (size_t v = 0; v < x.size(); ++v) {
    low = std::min(low, x[v] - layers.vertices[v].width / 2);
    high = std::max(high, x[v] + layers.vertices[v].width / 2);
  }
  for (double& value : x) value -= low;
  layout.width = high - low;
  layout.height = bands.back().bottom;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Band& band = bands[static_cast<size_t>(layers.vertices[i].rank)];
    layout.nodes.push_back({x[i], (band.top + band.bottom - graph.nodes[i].height) / 2});
  }
  const Router router(graph, layers, bands, x, &layout);
  for (size_t i = 0; i < graph.nets.size(); ++i) layout.nets.push_back(router.Route(i));
  return layout;
}

}  // namespace sardonyx::inspect
