#include "vision/topk.h"

#include <gtest/gtest.h>

#include <cmath>

namespace sardonyx::vision {
namespace {

TEST(TopK, BestFirst) {
  const Tensor scores = Tensor::From<float>({2, 4}, {0.1f, 0.7f, NAN, 0.7f, 5, 4, 3, 2});
  const auto top = TopK(scores, 3, {"a", "b", "c", "d"});
  ASSERT_TRUE(top.ok()) << top.status().ToString();
  ASSERT_EQ(top->size(), 2u);
  EXPECT_EQ((*top)[0][0].label, "b");
  EXPECT_EQ((*top)[0][1].label, "d");
  EXPECT_EQ((*top)[0][2].label, "a");
  EXPECT_EQ((*top)[1][0].index, 0);
  EXPECT_EQ(TopK(scores, 100)->front().size(), 4u);
}

TEST(TopK, SoftmaxAndShapes) {
  const auto top = TopK(Tensor::From<Float16>({1, 2, 1, 1}, {Float16(0.0f), Float16(1.0f)}), 1, {}, true);
  ASSERT_TRUE(top.ok());
  EXPECT_EQ((*top)[0][0].index, 1);
  EXPECT_NEAR((*top)[0][0].score, 1 / (1 + std::exp(-1.0)), 1e-12);
  EXPECT_EQ(TopK(Tensor::From<int64_t>({3}, {1, 2, 3}), 1)->front()[0].index, 2);
  EXPECT_EQ(TopK(Tensor::From<float>({3, 1}, {1, 2, 3}), 1)->size(), 3u);
}

TEST(TopK, SaysWhyNot) {
  EXPECT_EQ(TopK(Tensor::From<float>({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}), 1).status().code(), StatusCode::kUsage);
  EXPECT_EQ(TopK(Tensor::From<std::string>({1}, {"a"}), 1).status().code(), StatusCode::kUsage);
  EXPECT_EQ(TopK(*Tensor::Allocate(DataType::kFloat, {1, 0}), 1).status().code(), StatusCode::kUsage);
  EXPECT_EQ(TopK(Tensor::From<float>({2}, {1, 2}), 0).status().code(), StatusCode::kUsage);
  EXPECT_EQ(TopK(Tensor::From<float>({2}, {1, 2}), 1, {"a"}).status().code(), StatusCode::kUsage);
}

TEST(TopK, Probabilities) {
  EXPECT_TRUE(*LooksLikeProbabilities(Tensor::From<float>({2, 2}, {0.5f, 0.5f, 1.0f, 0.0f})));
  EXPECT_FALSE(*LooksLikeProbabilities(Tensor::From<float>({2}, {0.5f, 0.6f})));
  EXPECT_FALSE(*LooksLikeProbabilities(Tensor::From<float>({2}, {-0.5f, 1.5f})));
}

}  // namespace
}  // namespace sardonyx::vision
