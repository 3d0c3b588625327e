// Element-wise operators over types, broadcasting and the edges of each type.
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/elementwise/binary.h"
#include "kernels/elementwise/convert.h"
#include "kernels/elementwise/select.h"
#include "kernels/elementwise/unary.h"

namespace sardonyx::kernels {
namespace {

using enum DataType;
const float kNaN = NAN;

// Runs an operator on tensors that are given as doubles and stored as `dtype`; the result comes back as doubles.
std::vector<double> Compute(const RowKernel& kernel, DataType dtype, DataType out_dtype,
                            const std::vector<std::pair<Dims, std::vector<double>>>& in, std::vector<float> parameters = {}) {
  EXPECT_TRUE(kernel) << DataTypeName(dtype);
  if (!kernel) return {};
  std::vector<std::vector<double>> stored;
  std::vector<Operand> operands;
  std::vector<const Dims*> dims;
  Dims shape;
  for (const auto& [d, values] : in) {
    stored.emplace_back(values.size() + 1);
    ConvertElements(kDouble, values.data(), dtype, stored.back().data(), 0, static_cast<int64_t>(values.size()));
    dims.push_back(&d);
    shape = *BroadcastShape(shape, d);
  }
  for (auto& s : stored) operands.push_back({s.data(), dtype});
  const BroadcastLoop loop(shape, dims);
  const int64_t n = shape.num_elements();
  std::vector<double> out(static_cast<size_t>(n)), result(static_cast<size_t>(n));
  parameters.resize(2);
  RunRows(kernel, loop, operands, out_dtype, out.data(), parameters.data(), 0, n / 2);
  RunRows(kernel, loop, operands, out_dtype, out.data(), parameters.data(), n / 2, n);
  LoadElements(out_dtype, out.data(), 0, n, result.data());
  return result;
}

std::vector<double> Unary(UnaryOp op, DataType dtype, const std::vector<double>& x, std::vector<float> parameters = {}) {
  return Compute(FindUnary(op, dtype), dtype, dtype, {{Dims{static_cast<int64_t>(x.size())}, x}}, std::move(parameters));
}
std::vector<double> Binary(BinaryOp op, DataType dtype, const std::vector<double>& a, const std::vector<double>& b) {
  const DataType out = op >= BinaryOp::kEqual && op <= BinaryOp::kXor ? kBool : dtype;
  return Compute(FindBinary(op, dtype), dtype, out, {{Dims{static_cast<int64_t>(a.size())}, a}, {Dims{static_cast<int64_t>(b.size())}, b}});
}
using V = std::vector<double>;

TEST(Unary, NumbersOfEveryType) {
  for (DataType t : {kFloat, kDouble, kFloat16, kBfloat16, kInt8, kInt16, kInt32, kInt64}) {
    EXPECT_EQ(Unary(UnaryOp::kAbs, t, {-3, 0, 5}), (V{3, 0, 5}));
    EXPECT_EQ(Unary(UnaryOp::kNeg, t, {-3, 0, 5}), (V{3, 0, -5}));
    EXPECT_EQ(Unary(UnaryOp::kSign, t, {-3, 0, 5}), (V{-1, 0, 1}));
    EXPECT_EQ(Unary(UnaryOp::kRelu, t, {-3, 0, 5}), (V{0, 0, 5}));
    EXPECT_EQ(Unary(UnaryOp::kShrink, t, {-3, 1, 5}, {1.5f, 1.0f}), (V{-2, 0, 4}));
  }
  EXPECT_EQ(Unary(UnaryOp::kAbs, kInt8, {-128}), (V{-128}));
  EXPECT_EQ(Unary(UnaryOp::kBitwiseNot, kUint8, {0, 255, 1}), (V{255, 0, 254}));
  EXPECT_EQ(Unary(UnaryOp::kNot, kBool, {0, 1}), (V{1, 0}));
}

TEST(Unary, NaNPasses) {
  for (UnaryOp op : {UnaryOp::kRelu, UnaryOp::kLeakyRelu, UnaryOp::kElu, UnaryOp::kCelu, UnaryOp::kSelu, UnaryOp::kHardSigmoid,
                     UnaryOp::kHardSwish, UnaryOp::kMish, UnaryOp::kGelu, UnaryOp::kSoftplus, UnaryOp::kSign}) {
    for (DataType t : {kFloat, kDouble, kFloat16}) EXPECT_TRUE(std::isnan(Unary(op, t, {kNaN}, {0.5f, 0.5f})[0])) << static_cast<int>(op);
  }
}

TEST(Unary, ThresholdedReluIsZeroUnlessGreater) { EXPECT_EQ(Unary(UnaryOp::kThresholdedRelu, kFloat, {kNaN, 1, 2}, {1}), (V{0, 0, 2})); }

TEST(Unary, RoundsHalfToEven) {
  for (DataType t : {kFloat, kDouble, kFloat16})
    EXPECT_EQ(Unary(UnaryOp::kRound, t, {0.5, 1.5, 2.5, -0.5, -1.5, -2.4}), (V{0, 2, 2, 0, -2, -2}));
}

TEST(Unary, InfinityTests) {
  const V x = {INFINITY, -INFINITY, 0, kNaN};
  const auto test = [&](UnaryOp op, DataType t, std::vector<float> p) {
    return Compute(FindUnary(op, t), t, kBool, {{Dims{4}, x}}, std::move(p));
  };
  EXPECT_EQ(test(UnaryOp::kIsInf, kFloat, {1, 1}), (V{1, 1, 0, 0}));
  EXPECT_EQ(test(UnaryOp::kIsInf, kDouble, {0, 1}), (V{0, 1, 0, 0}));
  EXPECT_EQ(test(UnaryOp::kIsInf, kFloat16, {1, 0}), (V{1, 0, 0, 0}));
  EXPECT_EQ(test(UnaryOp::kIsNaN, kBfloat16, {}), (V{0, 0, 0, 1}));
}

// Float agrees with double on every float-only operator.
TEST(Unary, FloatMatchesDouble) {
  V x;
  for (int i = 1; i < 1025; ++i) x.push_back(static_cast<double>(static_cast<float>(i / 1027.0)));
  for (int op = static_cast<int>(UnaryOp::kCeil); op <= static_cast<int>(UnaryOp::kSwish); ++op) {
    if (op == static_cast<int>(UnaryOp::kAcosh)) continue;  // not defined below 1
    const V a = Unary(static_cast<UnaryOp>(op), kFloat, x, {0.7f, 0.3f}), b = Unary(static_cast<UnaryOp>(op), kDouble, x, {0.7f, 0.3f});
    for (size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(a[i], b[i], 1e-6 * std::max(1.0, std::fabs(b[i]))) << op << " " << x[i];
  }
}

TEST(Binary, EveryTypeAndBroadcast) {
  for (DataType t : {kFloat, kDouble, kFloat16, kBfloat16, kInt8, kInt16, kInt32, kInt64, kUint8, kUint16, kUint32, kUint64}) {
    EXPECT_EQ(Binary(BinaryOp::kAdd, t, {1, 2, 3}, {4, 5, 6}), (V{5, 7, 9}));
    EXPECT_EQ(Binary(BinaryOp::kSub, t, {9}, {4, 5, 6}), (V{5, 4, 3}));
    EXPECT_EQ(Binary(BinaryOp::kMul, t, {1, 2, 3}, {4}), (V{4, 8, 12}));
    EXPECT_EQ(Binary(BinaryOp::kDiv, t, {12, 8}, {4}), (V{3, 2}));
    EXPECT_EQ(Binary(BinaryOp::kMod, t, {7, 8}, {4}), (V{3, 0}));
    EXPECT_EQ(Binary(BinaryOp::kMax, t, {7, 1}, {4}), (V{7, 4}));
    EXPECT_EQ(Binary(BinaryOp::kMin, t, {7, 1}, {4}), (V{4, 1}));
    EXPECT_EQ(Binary(BinaryOp::kLess, t, {7, 1}, {4}), (V{0, 1}));
    EXPECT_EQ(Binary(BinaryOp::kEqual, t, {7, 4}, {4}), (V{0, 1}));
    EXPECT_EQ(Binary(BinaryOp::kGreaterOrEqual, t, {7, 4}, {4}), (V{1, 1}));
    EXPECT_EQ(Binary(BinaryOp::kPow, t, {3, 2}, {2}), (V{9, 4}));
    const V wide = Compute(FindBinary(BinaryOp::kAdd, t), t, t, {{Dims{2, 1, 3}, {1, 2, 3, 4, 5, 6}}, {Dims{2, 1}, {10, 20}}});
    EXPECT_EQ(wide, (V{11, 12, 13, 21, 22, 23, 14, 15, 16, 24, 25, 26}));
  }
}

TEST(Binary, IntegerEdges) {
  EXPECT_EQ(Binary(BinaryOp::kAdd, kInt8, {127}, {1}), (V{-128}));
  EXPECT_EQ(Binary(BinaryOp::kSub, kUint8, {0}, {1}), (V{255}));
  EXPECT_EQ(Binary(BinaryOp::kDiv, kInt32, {-7, 7, INT32_MIN}, {2, -2, -1}), (V{-3, -3, INT32_MIN}));
  EXPECT_EQ(Binary(BinaryOp::kDiv, kInt64, {5}, {0}), (V{0}));
  EXPECT_EQ(Binary(BinaryOp::kMod, kInt32, {-4, 7, 5, INT32_MIN}, {2, -3, 8, -1}), (V{0, -2, 5, 0}));
  EXPECT_EQ(Binary(BinaryOp::kFmod, kInt32, {-5, 5}, {3, -3}), (V{-2, 2}));
  EXPECT_EQ(Binary(BinaryOp::kMod, kFloat, {-4.3, 5.5}, {2.0, -3.0})[1], -0.5);
  EXPECT_EQ(Binary(BinaryOp::kPow, kInt32, {2, -1, 0, 3}, {-1, -3, 0, 40}), (V{0, -1, 1, 689956897}));
  EXPECT_EQ(Binary(BinaryOp::kShiftLeft, kUint8, {16, 1, 1}, {4, 9, 200}), (V{0, 0, 0}));
  EXPECT_EQ(Binary(BinaryOp::kShiftRight, kInt8, {-16, -1, 64}, {2, 100, -1}), (V{-4, -1, 0}));
  const int64_t with_zero[] = {3, 0}, without[] = {3, -1};
  EXPECT_TRUE(FindZero(kInt64, with_zero, 2));
  EXPECT_FALSE(FindZero(kInt64, without, 2));
}

TEST(Binary, MinAndMaxPassNaN) {
  for (BinaryOp op : {BinaryOp::kMin, BinaryOp::kMax}) {
    for (double v : Binary(op, kFloat, {kNaN, 1}, {2, kNaN})) EXPECT_TRUE(std::isnan(v));
  }
}

TEST(Binary, PowersByConstants) {
  for (double exponent : {2.0, 3.0, 0.5, -1.0, 2.5}) {
    const V y = Binary(BinaryOp::kPow, kFloat, {0, 1.5, 4, INFINITY}, {exponent});
    EXPECT_FLOAT_EQ(static_cast<float>(y[1]), static_cast<float>(std::pow(1.5, exponent)));
    EXPECT_EQ(y[3], std::pow(INFINITY, exponent));
  }
  EXPECT_EQ(FindPow(kInt32, kFloat).in, kDouble);
  EXPECT_EQ(FindPow(kFloat, kInt64).in, kFloat);
}

TEST(Select, BroadcastsAllThree) {
  const Dims c{2, 1}, x{3}, y{};
  const Dims* dims[] = {&c, &x, &y};
  const BroadcastLoop loop({2, 3}, dims);
  const uint8_t condition[] = {1, 0};
  const float a[] = {1, 2, 3}, b[] = {9};
  float out[6];
  Select(loop, condition, a, b, kFloat, out, 0, 6);
  EXPECT_EQ(std::vector<float>(out, out + 6), (std::vector<float>{1, 2, 3, 9, 9, 9}));
}

TEST(Clip, BoundsAndNaN) {
  const float x[] = {-5, 0, 5, kNaN}, low = -1, high = 2;
  float y[4];
  Clip(kFloat, x, &low, &high, y, 0, 4);
  EXPECT_EQ(std::vector<float>(y, y + 3), (std::vector<float>{-1, 0, 2}));
  EXPECT_TRUE(std::isnan(y[3]));
  Clip(kFloat, x, nullptr, &low, y, 0, 3);
  EXPECT_EQ(std::vector<float>(y, y + 3), (std::vector<float>{-5, -1, -1}));
  const uint64_t big[] = {UINT64_MAX, 1};
  uint64_t z[2];
  Clip(kUint64, big, nullptr, nullptr, z, 0, 2);
  EXPECT_EQ(z[0], UINT64_MAX);
}

}  // namespace
}  // namespace sardonyx::kernels
