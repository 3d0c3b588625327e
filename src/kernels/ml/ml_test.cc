#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/ml/post_transform.h"
#include "kernels/ml/svm.h"
#include "kernels/ml/tree_ensemble.h"

namespace sardonyx::kernels {
namespace {

using V = std::vector<float>;

V Transformed(PostTransform transform, V scores) {
  ApplyPostTransform(transform, scores);
  return scores;
}

TEST(PostTransform, Values) {
  EXPECT_EQ(Transformed(PostTransform::kNone, {1, 2}), (V{1, 2}));
  EXPECT_FLOAT_EQ(Transformed(PostTransform::kSoftmax, {1, 1})[0], 0.5f);
  const V skipped = Transformed(PostTransform::kSoftmaxZero, {1, 0, 1});
  EXPECT_FLOAT_EQ(skipped[0], 0.5f);
  EXPECT_EQ(skipped[1], 0.f);
  EXPECT_FLOAT_EQ(Logistic(-1000.f), 0.f);
  EXPECT_FLOAT_EQ(Logistic(0.f), 0.5f);
  EXPECT_NEAR(Probit(0.6f), 0.2533f, 1e-3);
  EXPECT_EQ(ParsePostTransform("SOFTMAX_ZERO"), PostTransform::kSoftmaxZero);
  EXPECT_FALSE(ParsePostTransform("softmax").has_value());
}

TEST(PostTransform, TwoScoresOfOne) {
  float out[2];
  WriteTwoScores(PostTransform::kNone, SecondClass::kComplement, 0.25f, out);
  EXPECT_EQ(out[0], 0.75f);
  WriteTwoScores(PostTransform::kNone, SecondClass::kNegated, 0.25f, out);
  EXPECT_EQ(out[0], -0.25f);
  WriteTwoScores(PostTransform::kLogistic, SecondClass::kComplement, 1.f, out);
  EXPECT_FLOAT_EQ(out[0] + out[1], 1.f);
  EXPECT_FLOAT_EQ(out[1], Logistic(1.f));
}

// Two stumps on one feature: x <= 1 ? 1 : 2, and x <= 3 ? 10 : 20.
TreeForest<float> Stumps() {
  TreeForest<float> forest;
  forest.splits = {{.threshold = 1,
                    .feature = 0,
                    .if_true = 0 | kLeafBit,
                    .if_false = 1 | kLeafBit,
                    .mode = SplitMode::kLeq,
                    .missing_is_true = false,
                    .members = {}},
                   {.threshold = 3,
                    .feature = 0,
                    .if_true = 2 | kLeafBit,
                    .if_false = 3 | kLeafBit,
                    .mode = SplitMode::kLeq,
                    .missing_is_true = false,
                    .members = {}}};
  forest.leaves = {{{0, 1.f}}, {{0, 2.f}}, {{0, 10.f}}, {{0, 20.f}}};
  forest.roots = {0, 1};
  return forest;
}

V Scores(TreeForest<float> forest, V x) {
  StatusOr<TreeEnsemble<float>> ensemble = TreeEnsemble<float>::Create(std::move(forest));
  if (!ensemble.ok()) return {};
  V scores(x.size());
  std::vector<uint8_t> given(x.size());
  ensemble->Score(x.data(), static_cast<int64_t>(x.size()), 1, scores.data(), given.data(), nullptr);
  return scores;
}

TEST(Trees, Aggregates) {
  TreeForest<float> forest = Stumps();
  EXPECT_EQ(Scores(forest, {0, 2, 4}), (V{11, 12, 22}));
  forest.aggregate = TreeAggregate::kMin;
  EXPECT_EQ(Scores(forest, {0, 2, 4}), (V{1, 2, 2}));
  forest.aggregate = TreeAggregate::kMax;
  EXPECT_EQ(Scores(forest, {0, 2, 4}), (V{10, 10, 20}));
}

TEST(Trees, ModesAndMissingValues) {
  const float nan = NAN;
  const struct {
    SplitMode mode;
    V expected;
  } cases[] = {// of 0, 1, 2, NaN against threshold 1
               {SplitMode::kLeq, {1, 1, 2, 2}},   {SplitMode::kLt, {1, 2, 2, 2}}, {SplitMode::kGte, {2, 1, 1, 2}},
               {SplitMode::kGt, {2, 2, 1, 2}},    {SplitMode::kEq, {2, 1, 2, 2}}, {SplitMode::kNeq, {1, 2, 1, 1}},
               {SplitMode::kMember, {1, 2, 1, 2}}};
  for (const auto& c : cases) {
    TreeForest<float> forest = Stumps();
    forest.roots = {0};
    forest.splits[0].mode = c.mode;
    if (c.mode == SplitMode::kMember) forest.splits[0].members = {2, 0};
    EXPECT_EQ(Scores(forest, {0, 1, 2, nan}), c.expected) << static_cast<int>(c.mode);
    forest.splits[0].missing_is_true = true;
    EXPECT_EQ(Scores(forest, {nan}), (V{1})) << static_cast<int>(c.mode);
  }
}

TEST(Trees, FewRowsManyTreesGiveTheSameSums) {
  TreeForest<float> forest = Stumps();
  for (int i = 0; i < 200; ++i) {
    forest.roots.push_back(static_cast<TreeLink>(i % 2));
    forest.leaves[0][0].value = 0.1f;
  }
  StatusOr<TreeEnsemble<float>> ensemble = TreeEnsemble<float>::Create(forest);
  ASSERT_TRUE(ensemble.ok());
  ThreadPool pool(4);
  const float x = 0;
  float alone, pooled;
  uint8_t given;
  ensemble->Score(&x, 1, 1, &alone, &given, nullptr);
  ensemble->Score(&x, 1, 1, &pooled, &given, &pool);
  EXPECT_EQ(alone, pooled);
}

TEST(Trees, BranchesMayMeetButNotCircle) {
  TreeForest<float> forest = Stumps();
  forest.roots = {0};
  forest.splits[0].if_true = 1;
  forest.splits[0].if_false = 1;
  EXPECT_EQ(Scores(forest, {0}), (V{10}));
  forest.splits[1].if_false = 0;
  EXPECT_FALSE(TreeEnsemble<float>::Create(forest).ok());
  forest.splits[1].if_false = 9;
  EXPECT_FALSE(TreeEnsemble<float>::Create(forest).ok());
  forest.splits[1].if_false = 9 | kLeafBit;
  EXPECT_FALSE(TreeEnsemble<float>::Create(forest).ok());
  forest = Stumps();
  forest.leaves[0][0].target = 1;
  EXPECT_FALSE(TreeEnsemble<float>::Create(forest).ok());
}

TEST(Svm, Kernels) {
  const float a[] = {1, 2}, b[] = {3, -1};
  const auto kernel = [&](SvmKernelType type) { return SvmKernel{type, 0.5f, 1.f, 2.f}(a, b, 2); };
  EXPECT_FLOAT_EQ(kernel(SvmKernelType::kLinear), 1.f);
  EXPECT_FLOAT_EQ(kernel(SvmKernelType::kPoly), 2.25f);
  EXPECT_FLOAT_EQ(kernel(SvmKernelType::kRbf), std::exp(-6.5f));
  EXPECT_FLOAT_EQ(kernel(SvmKernelType::kSigmoid), std::tanh(1.5f));
}

TEST(Svm, DecidesAndVotes) {
  SvmClassifier machine;
  machine.features = 1;
  machine.classes = 2;
  machine.vectors_per_class = {1, 1};
  machine.vectors = {1, -1};
  machine.coefficients = {1, -1};
  machine.rho = {0.5f};
  const float x = 2;
  V decisions(1);
  std::vector<int64_t> votes(2);
  machine.Decide(&x, decisions, votes);
  EXPECT_EQ(decisions[0], 4.5f);
  EXPECT_EQ(votes, (std::vector<int64_t>{1, 0}));
}

TEST(Svm, ProbabilitiesAddUpToOne) {
  const V decisions{1, -0.5f, 2}, a{-1, -1, -1}, b{0, 0.1f, -0.2f};
  V p(3);
  SvmProbabilities(3, decisions, a, b, p);
  EXPECT_NEAR(p[0] + p[1] + p[2], 1, 1e-5);
  V two(2);
  SvmProbabilities(2, V{1}, V{-1}, V{0}, two);
  EXPECT_NEAR(two[0], Logistic(1.f), 1e-3);
}

TEST(LinearScores, WithAndWithoutIntercepts) {
  const V x{1, 2, 3, 4}, coefficients{1, 0, 0, 1}, intercepts{10, 20};
  V out(4);
  LinearScores(x.data(), 2, 2, coefficients, 2, intercepts, out.data(), nullptr);
  EXPECT_EQ(out, (V{11, 22, 13, 24}));
  LinearScores(x.data(), 2, 2, coefficients, 2, {}, out.data(), nullptr);
  EXPECT_EQ(out, (V{1, 2, 3, 4}));
}

}  // namespace
}  // namespace sardonyx::kernels
