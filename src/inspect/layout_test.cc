#include "inspect/layout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "inspect/layers.h"

namespace sardonyx::inspect {
namespace {

LayoutGraph RandomGraph(int count, int span, unsigned seed) {
  std::mt19937 random(seed);
  LayoutGraph graph;
  for (int i = 0; i < count; ++i) {
    graph.nodes.push_back({40.0 + static_cast<double>(random() % 100), 20.0 + static_cast<double>(random() % 60)});
    graph.nets.push_back({i, 0, {}});
  }
  for (int i = 1; i < count; ++i)
    for (int k = 0; k < 2; ++k) {
      std::vector<int>& targets =
          graph.nets[static_cast<size_t>(std::max(0, i - 1 - static_cast<int>(random() % static_cast<unsigned>(span))))].targets;
      if (std::find(targets.begin(), targets.end(), i) == targets.end()) targets.push_back(i);
    }
  return graph;
}

// Edges lead downwards, boxes do not overlap, and everything lies inside the picture.
void ExpectGood(const LayoutGraph& graph, const Layout& layout) {
  ASSERT_EQ(layout.nodes.size(), graph.nodes.size());
  ASSERT_EQ(layout.nets.size(), graph.nets.size());
  for (size_t i = 0; i < graph.nets.size(); ++i) {
    const auto source = static_cast<size_t>(graph.nets[i].source);
    for (int target : graph.nets[i].targets)
      EXPECT_LT(layout.nodes[source].y + graph.nodes[source].height, layout.nodes[static_cast<size_t>(target)].y);
    EXPECT_EQ(layout.nets[i].size(), graph.nets[i].targets.size());
  }
  std::vector<size_t> order(graph.nodes.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto left = [&](size_t i) { return layout.nodes[i].x - graph.nodes[i].width / 2; };
  const auto right = [&](size_t i) { return layout.nodes[i].x + graph.nodes[i].width / 2; };
  const auto overlap = [&](size_t a, size_t b) {
    return left(a) < right(b) && left(b) < right(a) && layout.nodes[a].y < layout.nodes[b].y + graph.nodes[b].height &&
           layout.nodes[b].y < layout.nodes[a].y + graph.nodes[a].height;
  };
  for (size_t a = 0; a < order.size(); ++a) {
    EXPECT_GE(left(a), -0.01);
    EXPECT_LE(right(a), layout.width + 0.01);
    for (size_t b = a + 1; b < order.size(); ++b) EXPECT_FALSE(overlap(a, b)) << a << " and " << b;
  }
}

TEST(Layout, OfRandomGraphs) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    const LayoutGraph graph = RandomGraph(2 + static_cast<int>(seed) * 5, 1 + static_cast<int>(seed % 9), seed);
    const Layout layout = LayOut(graph);
    ExpectGood(graph, layout);
    const Layout again = LayOut(graph);
    for (size_t i = 0; i < layout.nodes.size(); ++i) EXPECT_EQ(layout.nodes[i].x, again.nodes[i].x);
  }
}

TEST(Layout, AChainIsAStraightLine) {
  LayoutGraph graph;
  for (int i = 0; i < 10; ++i) graph.nodes.push_back({50.0 + i, 20});
  for (int i = 0; i < 9; ++i) graph.nets.push_back({i, 0, {i + 1}});
  const Layout layout = LayOut(graph);
  for (size_t i = 1; i < 10; ++i) EXPECT_NEAR(layout.nodes[i].x, layout.nodes[0].x, 0.01);
  EXPECT_EQ(layout.nets[0][0].size(), 2u);
}

TEST(Layout, UncrossesWhatNeedNotCross) {
  // Two paths whose nodes are given in the wrong order.
  LayoutGraph graph;
  for (int i = 0; i < 8; ++i) graph.nodes.push_back({40, 20});
  graph.nets = {{0, 0, {3, 2}}, {2, 0, {5}}, {3, 0, {4}}, {5, 0, {6}}, {4, 0, {7}}};
  Layers layers = MakeLayers(graph, {});
  OrderLayers(&layers);
  EXPECT_EQ(CountCrossings(layers), 0u);
}

TEST(Layout, TakesCyclesAndNothing) {
  EXPECT_EQ(LayOut({}).nodes.size(), 0u);
  LayoutGraph graph;
  for (int i = 0; i < 3; ++i) graph.nodes.push_back({40, 20});
  graph.nets = {{0, 0, {1}}, {1, 0, {2}}, {2, 0, {0, 2}}};
  const Layout layout = LayOut(graph);
  EXPECT_EQ(layout.nets[2].size(), 2u);
}

TEST(Layout, InputsStandNearTheirReaders) {
  LayoutGraph graph;
  for (int i = 0; i < 12; ++i) graph.nodes.push_back({40, 20});
  for (int i = 0; i < 10; ++i) graph.nets.push_back({i, 0, {i + 1}});
  graph.nets.push_back({11, 0, {10}});
  const Layers layers = MakeLayers(graph, {});
  EXPECT_EQ(layers.vertices[11].rank, 9);
}

TEST(Layout, ManyNodesTakeSeconds) {
  const LayoutGraph graph = RandomGraph(20'000, 2'000, 1);
  const Layout layout = LayOut(graph);
  EXPECT_EQ(layout.nodes.size(), 20'000u);
}

}  // namespace
}  // namespace sardonyx::inspect
