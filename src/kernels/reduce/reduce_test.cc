#include "kernels/reduce/reduce.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/elementwise/convert.h"

namespace sardonyx::kernels {
namespace {

std::vector<double> Reduced(ReduceOp op, DataType dtype, const Dims& dims, const std::vector<bool>& reduced,
                            const std::vector<double>& values) {
  int64_t outputs = 1;
  for (size_t d = 0; d < dims.rank(); ++d) outputs *= reduced[d] ? 1 : dims[d];
  std::vector<double> x(values.size() + 1), y(static_cast<size_t>(outputs) + 1), result(static_cast<size_t>(outputs));
  ConvertElements(DataType::kDouble, values.data(), dtype, x.data(), 0, static_cast<int64_t>(values.size()));
  const ReduceShape shape(dims, reduced);
  Reduce(op, dtype, x.data(), shape, dtype, y.data(), 0, shape.units() / 2);
  Reduce(op, dtype, x.data(), shape, dtype, y.data(), shape.units() / 2, shape.units());
  LoadElements(dtype, y.data(), 0, outputs, result.data());
  return result;
}
using V = std::vector<double>;

// Every subset of axes of a 4-d tensor against sums by index arithmetic.
TEST(Reduce, EverySubsetOfAxes) {
  const Dims dims{2, 3, 1, 5};
  V x;
  for (int i = 0; i < 30; ++i) x.push_back(i * i % 7);
  for (int mask = 0; mask < 16; ++mask) {
    std::vector<bool> reduced;
    for (int d = 0; d < 4; ++d) reduced.push_back(mask >> d & 1);
    std::vector<double> expected(static_cast<size_t>((reduced[0] ? 1 : 2) * (reduced[1] ? 1 : 3) * (reduced[3] ? 1 : 5)));
    for (int64_t i = 0; i < 30; ++i) {
      const int64_t a = i / 15, b = i / 5 % 3, d = i % 5;
      int64_t o = reduced[0] ? 0 : a;
      if (!reduced[1]) o = o * 3 + b;
      if (!reduced[3]) o = o * 5 + d;
      expected[static_cast<size_t>(o)] += x[static_cast<size_t>(i)];
    }
    for (DataType t : {DataType::kFloat, DataType::kFloat16, DataType::kInt32, DataType::kUint64, DataType::kDouble})
      EXPECT_EQ(Reduced(ReduceOp::kSum, t, dims, reduced, x), expected) << mask;
  }
}

TEST(Reduce, EveryOperator) {
  const Dims dims{4, 2};
  const V x = {1, -2, 3, 4, -5, 6, 7, 8};
  const auto row = [&](ReduceOp op) { return Reduced(op, DataType::kFloat, {8}, {true}, x)[0]; };
  EXPECT_EQ(row(ReduceOp::kSum), 22);
  EXPECT_EQ(row(ReduceOp::kMean), 2.75);
  EXPECT_EQ(row(ReduceOp::kMax), 8);
  EXPECT_EQ(row(ReduceOp::kMin), -5);
  EXPECT_EQ(row(ReduceOp::kProd), 40320);
  EXPECT_EQ(row(ReduceOp::kL1), 36);
  EXPECT_EQ(row(ReduceOp::kSumSquare), 204);
  EXPECT_FLOAT_EQ(static_cast<float>(row(ReduceOp::kL2)), std::sqrt(204.0f));
  EXPECT_FLOAT_EQ(static_cast<float>(row(ReduceOp::kLogSum)), std::log(22.0f));
  EXPECT_FLOAT_EQ(static_cast<float>(row(ReduceOp::kLogSumExp)), 8.4247627f);
  EXPECT_EQ(Reduced(ReduceOp::kMean, DataType::kInt32, dims, {true, false}, x), (V{1, 4}));
  const V columns = Reduced(ReduceOp::kLogSumExp, DataType::kDouble, dims, {true, false}, x);
  EXPECT_NEAR(columns[0], std::log(std::exp(1.) + std::exp(3.) + std::exp(-5.) + std::exp(7.)), 1e-12);
}

TEST(Reduce, LogSumExpDoesNotOverflow) {
  EXPECT_NEAR(Reduced(ReduceOp::kLogSumExp, DataType::kFloat, {2}, {true}, {1000, 1000})[0], 1000 + std::log(2.0), 1e-4);
  EXPECT_EQ(Reduced(ReduceOp::kLogSumExp, DataType::kFloat, {2}, {true}, {-INFINITY, -INFINITY})[0], -INFINITY);
  EXPECT_EQ(Reduced(ReduceOp::kLogSumExp, DataType::kFloat, {2}, {true}, {INFINITY, 0})[0], INFINITY);
}

TEST(Reduce, NaNPasses) {
  EXPECT_TRUE(std::isnan(Reduced(ReduceOp::kMax, DataType::kFloat, {3}, {true}, {1, NAN, 2})[0]));
  EXPECT_TRUE(std::isnan(Reduced(ReduceOp::kMin, DataType::kFloat, {3, 1}, {true, false}, {NAN, 1, 2})[0]));
}

TEST(Reduce, EmptySets) {
  EXPECT_EQ(Reduced(ReduceOp::kSum, DataType::kFloat, {2, 0, 3}, {false, true, false}, {}), V(6, 0));
  EXPECT_EQ(Reduced(ReduceOp::kProd, DataType::kFloat, {2, 0}, {false, true}, {}), V(2, 1));
  EXPECT_EQ(Reduced(ReduceOp::kMax, DataType::kFloat, {1, 0}, {false, true}, {}), V{-INFINITY});
  EXPECT_EQ(Reduced(ReduceOp::kMax, DataType::kInt32, {1, 0}, {false, true}, {}), V{INT32_MIN});
  EXPECT_EQ(Reduced(ReduceOp::kMin, DataType::kInt8, {1, 0}, {false, true}, {}), V{127});
  EXPECT_EQ(Reduced(ReduceOp::kMin, DataType::kUint8, {1, 0}, {false, true}, {}), V{255});
  EXPECT_EQ(Reduced(ReduceOp::kMin, DataType::kBool, {1, 0}, {false, true}, {}), V{1});
  EXPECT_EQ(Reduced(ReduceOp::kLogSum, DataType::kFloat, {0}, {true}, {}), V{-INFINITY});
  EXPECT_TRUE(std::isnan(Reduced(ReduceOp::kMean, DataType::kFloat, {0}, {true}, {})[0]));
  EXPECT_TRUE(Reduced(ReduceOp::kSum, DataType::kFloat, {0, 3}, {false, true}, {}).empty());
}

TEST(Reduce, LongRowsAndWideColumns) {
  const V ones(1300, 1.0);
  EXPECT_EQ(Reduced(ReduceOp::kSum, DataType::kFloat, {1300}, {true}, ones), V{1300});
  EXPECT_EQ(Reduced(ReduceOp::kSum, DataType::kFloat, {1300, 1}, {false, true}, ones), ones);
  const V two(2600, 1.0);
  EXPECT_EQ(Reduced(ReduceOp::kSum, DataType::kBfloat16, {2, 1300}, {true, false}, two), V(1300, 2.0));
}

TEST(Reduce, ScalarReducesToItself) { EXPECT_EQ(Reduced(ReduceOp::kSumSquare, DataType::kFloat, {}, {}, {3}), V{9}); }

}  // namespace
}  // namespace sardonyx::kernels
