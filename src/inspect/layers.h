// The steps of the layered layout between each other: vertices (nodes, then dummies) in ranks.
#pragma once

#include <cstddef>
#include <vector>

#include "inspect/layout.h"

namespace sardonyx::inspect {

struct Layers {
  struct Vertex {
    int rank = 0;
    int position = 0;  // in its rank
    double width = 0;
    bool dummy = false;
    std::vector<int> up, down;  // neighbours in the ranks before and after
  };
  std::vector<Vertex> vertices;         // the graph's nodes first, in its order
  std::vector<std::vector<int>> ranks;  // vertices from left to right
  // Per net the dummies from the rank after its source on; empty where it needs none, or is drawn straight.
  std::vector<std::vector<int>> chains;
  std::vector<char> straight;  // per net: not routed (a cycle, or too long)

  void UpdatePositions();
};

// Ranks: producers above consumers, sources close to what they feed. Adds the dummies.
Layers MakeLayers(const LayoutGraph& graph, const LayoutOptions& options);
// Orders the vertices of each rank so that few lines cross.
void OrderLayers(Layers* layers);
// Number of crossings between all neighbouring ranks.
size_t CountCrossings(const Layers& layers);
// The centre of each vertex, left to right from 0; long lines straight, nodes over the middle of their neighbours.
std::vector<double> PlaceHorizontally(const Layers& layers, const LayoutOptions& options);

}  // namespace sardonyx::inspect
