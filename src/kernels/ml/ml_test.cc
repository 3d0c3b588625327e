#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernels/gemm/simd_choice.h"
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

// A tree of `leaves` leaves over `features` features, random in shape, kinds of splits and thresholds.
template <class T>
TreeLink GrowTree(std::mt19937& random, int leaves, uint32_t features, uint32_t targets, bool dense, TreeForest<T>* forest) {
  const auto below = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  if (leaves == 1) {
    forest->leaves.emplace_back();
    for (uint32_t t = 0; t < targets; ++t)
      if (dense || below(2) == 0) forest->leaves.back().push_back({t, static_cast<T>(below(1000)) / 64});
    return static_cast<uint32_t>(forest->leaves.size() - 1) | kLeafBit;
  }
  const auto at = static_cast<TreeLink>(forest->splits.size());
  forest->splits.emplace_back();
  const int left = 1 + static_cast<int>(below(static_cast<uint32_t>(leaves - 1)));
  constexpr T kOdd[] = {0, T{-0.0}, std::numeric_limits<T>::infinity(), -std::numeric_limits<T>::infinity(),
                        std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::denorm_min()};
  typename TreeForest<T>::Split split;
  split.threshold = below(16) == 0 ? kOdd[below(6)] : static_cast<T>(below(9)) - 4;
  split.feature = below(features);
  constexpr SplitMode kModes[] = {SplitMode::kLeq, SplitMode::kLt, SplitMode::kGte, SplitMode::kGt};
  split.mode = kModes[below(4)];
  split.missing_is_true = below(2) == 0;
  split.if_true = GrowTree(random, left, features, targets, dense, forest);
  split.if_false = GrowTree(random, leaves - left, features, targets, dense, forest);
  forest->splits[at] = split;
  return at;
}

template <class T>
bool AnswersTrue(const typename TreeForest<T>::Split& split, T x) {
  if (std::isnan(x) && split.missing_is_true) return true;
  switch (split.mode) {
    case SplitMode::kLeq:
      return x <= split.threshold;
    case SplitMode::kLt:
      return x < split.threshold;
    case SplitMode::kGte:
      return x >= split.threshold;
    default:
      return x > split.threshold;
  }
}

template <class T>
void ComparesWithWalks(int leaves, int trees, int64_t rows, uint32_t targets, bool dense, TreeAggregate aggregate) {
  constexpr uint32_t kFeatures = 5;
  std::mt19937 random(static_cast<uint32_t>(leaves * 31 + trees * 7 + rows));
  TreeForest<T> forest;
  forest.targets = targets;
  forest.aggregate = aggregate;
  for (int t = 0; t < trees; ++t) forest.roots.push_back(GrowTree(random, leaves, kFeatures, targets, dense, &forest));
  constexpr int64_t kStride = 7;
  std::vector<T> x(static_cast<size_t>(rows * kStride));
  constexpr T kOdd[] = {T{-0.0}, std::numeric_limits<T>::infinity(), -std::numeric_limits<T>::infinity(),
                        std::numeric_limits<T>::quiet_NaN(), -std::numeric_limits<T>::denorm_min()};
  for (T& v : x) v = random() % 16 == 0 ? kOdd[random() % 5] : static_cast<T>(random() % 17) / 2 - 4;
  std::vector<T> expected(static_cast<size_t>(rows * targets));
  std::vector<uint8_t> expected_given(expected.size());
  for (int64_t r = 0; r < rows; ++r) {
    for (TreeLink at : forest.roots) {
      while ((at & kLeafBit) == 0) {
        const auto& split = forest.splits[at];
        at = AnswersTrue<T>(split, x[r * kStride + split.feature]) ? split.if_true : split.if_false;
      }
      for (const auto& [target, value] : forest.leaves[at & ~kLeafBit]) {
        T& score = expected[r * targets + target];
        uint8_t& given = expected_given[r * targets + target];
        if (aggregate == TreeAggregate::kMax)
          score = given ? std::max(score, value) : value;
        else
          score += value;
        given = 1;
      }
    }
  }
  StatusOr<TreeEnsemble<T>> ensemble = TreeEnsemble<T>::Create(std::move(forest));
  ASSERT_TRUE(ensemble.ok());
  std::vector<T> scores(expected.size());
  std::vector<uint8_t> given(expected.size());
  ensemble->Score(x.data(), rows, kStride, scores.data(), given.data(), nullptr);
  EXPECT_EQ(scores, expected) << leaves << " leaves, " << trees << " trees, " << rows << " rows";
  EXPECT_EQ(given, expected_given);
}

TEST(Trees, AllLayoutsDoAsPlainWalks) {
  for (const std::string& target : SimdTargets()) {
    SCOPED_TRACE(target);
    ASSERT_TRUE(ChooseSimdTarget(target).ok());
    for (const int leaves : {1, 2, 31, 32, 33, 200})
      for (const int trees : {1, 7, 8, 9, 33})
        for (const int64_t rows : {0, 1, 3, 5, 15, 16, 17, 127, 129, 300}) {
          ComparesWithWalks<float>(leaves, trees, rows, 1, true, TreeAggregate::kSum);
          ComparesWithWalks<float>(leaves, trees, rows, 3, true, TreeAggregate::kSum);
          ComparesWithWalks<double>(leaves, trees, rows, 2, false, TreeAggregate::kSum);
          ComparesWithWalks<float>(leaves, trees, rows, 2, false, TreeAggregate::kMax);
        }
  }
  ASSERT_TRUE(ChooseSimdTarget("").ok());
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
