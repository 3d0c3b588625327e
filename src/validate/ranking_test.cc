#include "validate/ranking.h"

#include <cmath>

#include <gtest/gtest.h>

#include "validate/error_profile.h"

namespace sardonyx::validate {
namespace {

TEST(CompareRanking, BestClassesOfEachRow) {
  const Tensor expected = Tensor::From<float>({2, 6}, {6, 5, 4, 3, 2, 1, 1, 2, 3, 4, 5, 6});
  // The first row's best two change places; in the second the least class comes among the best five.
  const Tensor got = Tensor::From<float>({2, 6}, {5, 6, 4, 3, 2, 1, 2.5, 2, 3, 4, 5, 6});
  const Ranking ranking = CompareRanking(got, expected);
  EXPECT_EQ(ranking.rows, 2);
  EXPECT_EQ(ranking.k, 5);
  EXPECT_DOUBLE_EQ(ranking.top1, 0.5);
  EXPECT_DOUBLE_EQ(ranking.topk, 0.9);
}

TEST(CompareRanking, EqualScoresAndNan) {
  const Tensor tie = Tensor::From<float>({1, 2}, {1, 1});
  EXPECT_DOUBLE_EQ(CompareRanking(tie, tie).top1, 1);
  const Tensor nan = Tensor::From<float>({1, 2}, {NAN, 0});
  EXPECT_DOUBLE_EQ(CompareRanking(nan, Tensor::From<float>({1, 2}, {0, 1})).top1, 1);
}

TEST(CompareRanking, OnlyScores) {
  const Tensor flat = Tensor::From<float>({4}, {1, 2, 3, 4});
  EXPECT_EQ(CompareRanking(flat, flat).rows, 0);
  const Tensor ids = Tensor::From<int64_t>({1, 4}, {1, 2, 3, 4});
  EXPECT_EQ(CompareRanking(ids, ids).rows, 0);
}

TEST(ErrorProfile, BinsAreHalvesOfPowersOfTen) {
  ErrorProfile profile;
  profile.Add(Tensor::From<double>({5}, {0, 1e-3, 2, INFINITY, 1e9}), Tensor::From<double>({5}, {0, 0, 0, INFINITY, 0}));
  EXPECT_EQ(profile.exact, 1);
  EXPECT_EQ(profile.special, 1);
  EXPECT_EQ(profile.bins[ErrorProfile::kBins - 1], 1);  // what lies beyond
  EXPECT_EQ(profile.bins[ErrorProfile::kZero], 1);      // 2 is in [1, 3.2)
  EXPECT_EQ(profile.samples.size(), 4u);
  EXPECT_DOUBLE_EQ(ErrorProfile::LowerEdge(ErrorProfile::kZero), 1);
}

}  // namespace
}  // namespace sardonyx::validate
