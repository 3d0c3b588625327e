// Layered drawing of directed graphs, after Sugiyama: ranks, dummy vertices, ordering within ranks, coordinates.
//
// Sources of the steps: K. Sugiyama, S. Tagawa, M. Toda, "Methods for visual understanding of hierarchical system structures",
// 1981 (ranks, barycenters); W. Barth, M. Juenger, P. Mutzel, "Simple and efficient bilayer cross counting", 2002; U. Brandes,
// B. Koepf, "Fast and simple horizontal coordinate assignment", 2001.
#pragma once

#include <cstddef>
#include <vector>

namespace sardonyx::inspect {

// What is drawn. A net is one value: it leaves one node and arrives at several, over one shared line.
struct LayoutGraph {
  struct Node {
    double width = 0, height = 0;
  };
  struct Net {
    int source = 0;
    double port = 0;           // where it leaves the source, from its centre
    std::vector<int> targets;  // without repetition
  };
  std::vector<Node> nodes;
  std::vector<Net> nets;
};

struct Point {
  double x = 0, y = 0;
};

struct Layout {
  std::vector<Point> nodes;  // top centre of each
  // The lines of each net. A line is pairs of points, (leaves a rank, arrives at the next), to be joined by a curve with
  // vertical ends; from one pair to the next it runs straight down.
  std::vector<std::vector<std::vector<Point>>> nets;
  double width = 0, height = 0;
};

struct LayoutOptions {
  double node_gap = 18, line_gap = 9;  // between neighbours of a rank
  double rank_gap = 34;
  // Lines that would need more dummy vertices than this in all are drawn straight, the longest first.
  size_t max_dummies = 300'000;
};

// Any graph is laid out: edges that would close a cycle are drawn without counting for ranks. Takes O(n log n) for n nodes,
// edges and dummies; 20,000 nodes take some seconds.
Layout LayOut(const LayoutGraph& graph, const LayoutOptions& options = {});

}  // namespace sardonyx::inspect
