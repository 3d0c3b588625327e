#include "optimize/plain_layout.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "ir/text.h"

namespace sardonyx::optimize {
namespace {

constexpr const char* kHeader = R"(<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1, "com.microsoft.nchwc" : 1]> )";

std::unique_ptr<ir::Model> Parse(const std::string& graph) {
  auto model = ir::ParseText(kHeader + graph);
  EXPECT_TRUE(model.ok()) << model.status().ToString();
  return model.ok() ? *std::move(model) : nullptr;
}

int Count(const ir::Model& model, std::string_view op_type) {
  int count = 0;
  for (const auto& node : model.graph->nodes()) count += node->op_type == op_type;
  return count;
}

// The first dims that weights are reshaped to: their blocks.
std::vector<int64_t> Blocks(const ir::Model& model) {
  for (const auto& node : model.graph->nodes()) {
    if (node->op_type != "Reshape") continue;
    const auto shape = node->input(1)->initializer()->ToTensor();
    return shape.ok() ? std::vector<int64_t>(shape->data<int64_t>().begin(), shape->data<int64_t>().end()) : std::vector<int64_t>();
  }
  return {};
}

TEST(PlainLayoutTest, FeatureMapsTellTheBlock) {
  const auto model = Parse(R"(g (float[1,3,8,8] x, float[24,3,3,3] w) => (float[1,20,6,6] y) {
    a = com.microsoft.nchwc.Conv <activation = "Relu"> (x, w)
    y = com.microsoft.nchwc.ReorderOutput <channels = 20> (a)
  })");
  const auto count = RestorePlainLayout(*model, {.default_block = 16});
  ASSERT_TRUE(count.ok()) << count.status().ToString();
  EXPECT_EQ(*count, 2u);
  EXPECT_EQ(Blocks(*model), (std::vector<int64_t>{3, 3, 3, 3, 8}));
  EXPECT_EQ(Count(*model, "FusedConv"), 1);
  EXPECT_EQ(Count(*model, "Slice"), 1);
}

TEST(PlainLayoutTest, WhatChannelsArePaddedToTellsTheBlock) {
  const auto model = Parse(R"(g (float[1,24,8,8] x, float[32,32,1,1] w) => (float[1,20,8,8] y) {
    b = com.microsoft.nchwc.ReorderInput (x)
    a = com.microsoft.nchwc.Conv (b, w)
    y = com.microsoft.nchwc.ReorderOutput <channels = 32> (a)
  })");
  ASSERT_TRUE(RestorePlainLayout(*model, {.default_block = 8}).ok());
  EXPECT_EQ(Blocks(*model), (std::vector<int64_t>{2, 2, 1, 1, 16, 16}));
  EXPECT_EQ(Count(*model, "Pad"), 1);
}

TEST(PlainLayoutTest, TheDefaultServesWhereBothBlocksFit) {
  for (const int64_t block : {8, 16}) {
    const auto model = Parse(R"(g (float[1,3,8,8] x, float[32,3,1,1] w) => (float[1,32,8,8] y) {
      a = com.microsoft.nchwc.Conv (x, w)
      y = com.microsoft.nchwc.ReorderOutput <channels = 32> (a)
    })");
    ASSERT_TRUE(RestorePlainLayout(*model, {.default_block = block}).ok());
    EXPECT_EQ(Blocks(*model), (std::vector<int64_t>{32 / block, 3, 1, 1, block}));
  }
}

TEST(PlainLayoutTest, DepthwiseWeightsAreBlockedByFeatureMapOnly) {
  const auto model = Parse(R"(g (float[1,24,8,8] x, float[24,1,3,3] w) => (float[1,24,8,8] y) {
    b = com.microsoft.nchwc.ReorderInput (x)
    a = com.microsoft.nchwc.Conv <group = 24, pads = [1, 1, 1, 1]> (b, w)
    y = com.microsoft.nchwc.ReorderOutput <channels = 24> (a)
  })");
  ASSERT_TRUE(RestorePlainLayout(*model).ok());
  EXPECT_EQ(Blocks(*model), (std::vector<int64_t>{3, 1, 3, 3, 8}));
}

TEST(PlainLayoutTest, WhatDoesNotFitIsAnError) {
  const std::pair<const char*, const char*> cases[] = {
      {R"(g (float[1,3,8,8] x, float[24,3,1,1] v, float[32,24,1,1] w) => (float[1,20,8,8] y) {
         a = com.microsoft.nchwc.Conv (x, v)
         b = com.microsoft.nchwc.Conv (a, w)
         y = com.microsoft.nchwc.ReorderOutput <channels = 20> (b) })",
       "blocks of 8"},
      {"g (float[1,3,8,8] x, float[n,3,1,1] w) => (float y) { y = com.microsoft.nchwc.Conv (x, w) }", "unknown shape"},
      {"g (float[1,3,8,8] x, float[20,3,1,1] w) => (float y) { y = com.microsoft.nchwc.Conv (x, w) }", "20 feature maps"},
      {"g (float[1,3,8,8] x) => (float y) { y = com.microsoft.nchwc.ReorderOutput (x) }", "channels"},
      {"g (float[1,3,8,8] x) => (float y) { y = com.microsoft.nchwc.Upsample <scales = [2]> (x) }", "scales"},
      {"g (float[1,3,8,8] x) => (float y) { y = com.microsoft.nchwc.Frobnicate (x) }", "Frobnicate"},
  };
  for (const auto& [graph, message] : cases) {
    const auto model = Parse(graph);
    const auto count = RestorePlainLayout(*model);
    ASSERT_FALSE(count.ok()) << graph;
    EXPECT_NE(count.status().message().find(message), std::string::npos) << count.status().ToString();
  }
}

TEST(PlainLayoutTest, ChannelsLastConvolutionsShareTheirTransposes) {
  const auto model = Parse(R"(g (uint8[1,8,8,4] x, float s, uint8 z, uint8[4,4,1,1] w) => (uint8[1,8,8,4] y) {
    a = com.microsoft.QLinearConv <channels_last = 1> (x, s, z, w, s, z, s, z)
    y = com.microsoft.QLinearConv <channels_last = 1> (a, s, z, w, s, z, s, z)
  })");
  ASSERT_TRUE(RestorePlainLayout(*model).ok());
  EXPECT_EQ(Count(*model, "QLinearConv"), 2);
  EXPECT_EQ(Count(*model, "Transpose"), 3);  // before the first, and behind each; nothing reads the one in the middle
}

TEST(PlainLayoutTest, OtherModelsStayAsTheyAre) {
  const auto model = Parse("g (float[1,3,8,8] x) => (float y) { y = Relu (x) }");
  const auto count = RestorePlainLayout(*model);
  ASSERT_TRUE(count.ok());
  EXPECT_EQ(*count, 0u);
  EXPECT_EQ(model->graph->nodes().size(), 1u);
}

}  // namespace
}  // namespace sardonyx::optimize
