// Horizontal coordinates after Brandes and Koepf: vertices are joined to vertical blocks in four ways (with their upper or lower
// neighbours, leftmost or rightmost first), each is packed, and the four results are averaged.
#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <unordered_set>

#include "inspect/layers.h"

namespace sardonyx::inspect {
namespace {

size_t At(int index) { return static_cast<size_t>(index); }

class Placement {
 public:
  Placement(const Layers& layers, const LayoutOptions& options) : layers_(layers), options_(options), count_(layers.vertices.size()) {
    FindConflicts();
  }

  std::vector<double> Place() {
    std::array<std::vector<double>, 4> ways;
    for (int way = 0; way < 4; ++way) ways[At(way)] = OneWay(/*by_upper=*/way < 2, /*leftmost=*/way % 2 == 0);
    AlignWays(&ways);
    std::vector<double> x(count_);
    for (size_t v = 0; v < count_; ++v) {
      std::array<double, 4> values = {ways[0][v], ways[1][v], ways[2][v], ways[3][v]};
      std::sort(values.begin(), values.end());
      x[v] = (values[1] + values[2]) / 2;
    }
    return x;
  }

 private:
  static uint64_t Key(int upper, int lower) { return static_cast<uint64_t>(upper) << 32 | static_cast<uint32_t>(lower); }

  // Where a line crosses the inner part of a long line (dummy to dummy), the long one stays straight.
  void FindConflicts() {
    for (size_t rank = 1; rank + 1 < layers_.ranks.size(); ++rank) {
      const std::vector<int>& upper = layers_.ranks[rank];
      const std::vector<int>& lower = layers_.ranks[rank + 1];
      int left = 0;
      size_t scanned = 0;
      for (size_t i = 0; i < lower.size(); ++i) {
        const int inner = InnerNeighbour(lower[i]);
        if (inner < 0 && i + 1 < lower.size()) continue;
        const int right = inner < 0 ? static_cast<int>(upper.size()) : layers_.vertices[At(inner)].position;
        for (; scanned <= i; ++scanned) {
          const int v = lower[scanned];
          for (int u : layers_.vertices[At(v)].up) {
            const int position = layers_.vertices[At(u)].position;
            const bool both_dummies = layers_.vertices[At(u)].dummy && layers_.vertices[At(v)].dummy;
            if ((position < left || position > right) && !both_dummies) conflicts_.insert(Key(u, v));
          }
        }
        left = right;
      }
    }
  }

  int InnerNeighbour(int v) const {
    const Layers::Vertex& vertex = layers_.vertices[At(v)];
    if (!vertex.dummy || vertex.up.empty()) return -1;
    return layers_.vertices[At(vertex.up[0])].dummy ? vertex.up[0] : -1;
  }

  // Position counted from the side that the way begins at.
  int PositionOf(int v, bool leftmost) const {
    const Layers::Vertex& vertex = layers_.vertices[At(v)];
    return leftmost ? vertex.position : static_cast<int>(layers_.ranks[At(vertex.rank)].size()) - 1 - vertex.position;
  }

  int VertexAt(size_t rank, size_t i, bool leftmost) const {
    const std::vector<int>& order = layers_.ranks[rank];
    return leftmost ? order[i] : order[order.size() - 1 - i];
  }

  std::vector<double> OneWay(bool by_upper, bool leftmost) {
    std::vector<int> root(count_), align(count_);
    for (size_t v = 0; v < count_; ++v) root[v] = align[v] = static_cast<int>(v);
    const size_t ranks = layers_.ranks.size();
    std::vector<int> neighbours;
    for (size_t step = 0; step < ranks; ++step) {
      const size_t rank = by_upper ? step : ranks - 1 - step;
      int last = -1;
      for (size_t i = 0; i < layers_.ranks[rank].size(); ++i) {
        const int v = VertexAt(rank, i, leftmost);
        neighbours = by_upper ? layers_.vertices[At(v)].up : layers_.vertices[At(v)].down;
        if (neighbours.empty()) continue;
        std::sort(neighbours.begin(), neighbours.end(), [&](int a, int b) { return PositionOf(a, leftmost) < PositionOf(b, leftmost); });
        for (size_t m = (neighbours.size() - 1) / 2; m <= neighbours.size() / 2; ++m) {
          const int w = neighbours[m];
          const uint64_t key = by_upper ? Key(w, v) : Key(v, w);
          if (align[At(v)] != v || last >= PositionOf(w, leftmost) || conflicts_.contains(key)) continue;
          align[At(w)] = v;
          root[At(v)] = root[At(w)];
          align[At(v)] = root[At(v)];
          last = PositionOf(w, leftmost);
        }
      }
    }
    std::vector<double> x = Pack(root, leftmost);
    if (!leftmost)
      for (double& value : x) value = -value;
    return x;
  }

  double Separation(int a, int b) const {
    const Layers::Vertex& u = layers_.vertices[At(a)];
    const Layers::Vertex& v = layers_.vertices[At(b)];
    const double gap = u.dummy && v.dummy   ? options_.line_gap
                       : u.dummy || v.dummy ? (options_.node_gap + options_.line_gap) / 2
                                            : options_.node_gap;
    return (u.width + v.width) / 2 + gap;
  }

  // Blocks as close to the beginning side as their neighbours allow, then each moved as close to the blocks after it as
  // possible, which closes the gaps that the first pass leaves.
  std::vector<double> Pack(const std::vector<int>& root, bool leftmost) const {
    struct Arc {
      int to;
      double distance;
    };
    std::vector<std::vector<Arc>> after(count_);
    std::vector<int> waits(count_, 0);
    for (size_t rank = 0; rank < layers_.ranks.size(); ++rank)
      for (size_t i = 1; i < layers_.ranks[rank].size(); ++i) {
        const int a = VertexAt(rank, i - 1, leftmost), b = VertexAt(rank, i, leftmost);
        after[At(root[At(a)])].push_back({root[At(b)], Separation(a, b)});
        ++waits[At(root[At(b)])];
      }
    std::vector<int> order;
    for (size_t v = 0; v < count_; ++v)
      if (root[v] == static_cast<int>(v) && waits[v] == 0) order.push_back(static_cast<int>(v));
    std::vector<double> x(count_, 0);
    for (size_t i = 0; i < order.size(); ++i)
      for (const Arc& arc : after[At(order[i])]) {
        x[At(arc.to)] = std::max(x[At(arc.to)], x[At(order[i])] + arc.distance);
        if (--waits[At(arc.to)] == 0) order.push_back(arc.to);
      }
    for (auto it = order.rbegin(); it != order.rend(); ++it) {
      double limit = std::numeric_limits<double>::infinity();
      for (const Arc& arc : after[At(*it)]) limit = std::min(limit, x[At(arc.to)] - arc.distance);
      if (limit < std::numeric_limits<double>::infinity()) x[At(*it)] = std::max(x[At(*it)], limit);
    }
    for (size_t v = 0; v < count_; ++v) x[v] = x[At(root[v])];
    return x;
  }

  // Shifts the four results onto the narrowest: the leftmost ones by their left ends, the others by their right ends.
  void AlignWays(std::array<std::vector<double>, 4>* ways) const {
    std::array<double, 4> low, high;
    for (size_t way = 0; way < 4; ++way) {
      low[way] = std::numeric_limits<double>::infinity();
      high[way] = -low[way];
      for (size_t v = 0; v < count_; ++v) {
        low[way] = std::min(low[way], (*ways)[way][v] - layers_.vertices[v].width / 2);
        high[way] = std::max(high[way], (*ways)[way][v] + layers_.vertices[v].width / 2);
      }
    }
    size_t narrowest = 0;
    for (size_t way = 1; way < 4; ++way)
      if (high[way] - low[way] < high[narrowest] - low[narrowest]) narrowest = way;
    for (size_t way = 0; way < 4; ++way) {
      const double shift = way % 2 == 0 ? low[narrowest] - low[way] : high[narrowest] - high[way];
      for (double& value : (*ways)[way]) value += shift;
    }
  }

  const Layers& layers_;
  const LayoutOptions& options_;
  size_t count_;
  std::unordered_set<uint64_t> conflicts_;  // upper and lower end of lines that may not be straightened
};

}  // namespace

std::vector<double> PlaceHorizontally(const Layers& layers, const LayoutOptions& options) { return Placement(layers, options).Place(); }

}  // namespace sardonyx::inspect
