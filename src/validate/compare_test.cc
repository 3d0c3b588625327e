#include "validate/compare.h"

#include <gtest/gtest.h>

#include <cmath>

namespace sardonyx::validate {
namespace {

TEST(CompareTensors, ToleranceIsThatOfAssertAllclose) {
  const Tensor expected = Tensor::From<float>({3}, {1.0f, 100.0f, 0.0f});
  EXPECT_TRUE(CompareTensors(Tensor::From<float>({3}, {1.0009f, 100.09f, 0.0f}), expected, {1e-3, 0}).ok);
  const TensorDifference d = CompareTensors(Tensor::From<float>({3}, {1.002f, 100.0f, 1e-6f}), expected, {1e-3, 0});
  EXPECT_FALSE(d.ok);
  EXPECT_EQ(d.mismatches, 2);
  EXPECT_NEAR(d.max_abs, 0.002, 1e-6);
  EXPECT_NE(d.reason.find("first at [0]"), std::string::npos) << d.reason;
}

TEST(CompareTensors, NanEqualsNanAndInfinityItself) {
  const float nan = std::nanf(""), inf = INFINITY;
  const Tensor expected = Tensor::From<float>({3}, {nan, inf, -inf});
  EXPECT_TRUE(CompareTensors(expected, expected, {0, 0}).ok);
  EXPECT_FALSE(CompareTensors(Tensor::From<float>({3}, {nan, -inf, -inf}), expected, {1e-3, 1}).ok);
  EXPECT_FALSE(CompareTensors(Tensor::From<float>({3}, {0.0f, inf, -inf}), expected, {1e-3, 1}).ok);
}

TEST(CompareTensors, ShapesAndTypesMustBeTheSame) {
  const Tensor expected = Tensor::From<float>({2, 1}, {1.0f, 2.0f});
  EXPECT_FALSE(CompareTensors(Tensor::From<float>({2}, {1.0f, 2.0f}), expected, {}).shape_ok);
  EXPECT_FALSE(CompareTensors(Tensor::From<double>({2, 1}, {1.0, 2.0}), expected, {}).dtype_ok);
}

TEST(CompareTensors, LargeIntegersAndStringsAreExact) {
  const int64_t big = (int64_t{1} << 60) + 1;
  EXPECT_FALSE(CompareTensors(Tensor::From<std::string>({1}, {std::string("a")}), Tensor::From<std::string>({1}, {std::string("b")}), {}).ok);
  EXPECT_TRUE(CompareTensors(Tensor::From<int64_t>({1}, {big}), Tensor::From<int64_t>({1}, {big}), {0, 0}).ok);
}

TEST(CompareTensors, PackedTypesAreUnpacked) {
  Tensor int4 = *Tensor::Allocate(DataType::kInt4, {3});
  static_cast<uint8_t*>(int4.mutable_raw_data())[0] = 0xf7;  // 7, -1
  static_cast<uint8_t*>(int4.mutable_raw_data())[1] = 0x08;  // -8
  EXPECT_EQ(ElementAsDouble(int4, 0), 7);
  EXPECT_EQ(ElementAsDouble(int4, 1), -1);
  EXPECT_EQ(ElementAsDouble(int4, 2), -8);
  Tensor float6 = *Tensor::Allocate(DataType::kFloat6E3M2, {3});
  static_cast<uint8_t*>(float6.mutable_raw_data())[0] = 0xdf;  // 28, -28, 1: codes 0x1f, 0x3f, 0x0c
  static_cast<uint8_t*>(float6.mutable_raw_data())[1] = 0xcf;
  EXPECT_EQ(ElementAsDouble(float6, 0), 28);
  EXPECT_EQ(ElementAsDouble(float6, 1), -28);
  EXPECT_EQ(ElementAsDouble(float6, 2), 1);
}

TEST(CompareValues, SequencesAndMapsAreWalked) {
  const Tensor one = Tensor::From<float>({1}, {1.0f}), two = Tensor::From<float>({1}, {2.0f});
  const Tensor keys = Tensor::From<int64_t>({1}, {5});
  EXPECT_EQ(CompareValues(Value(Value::Sequence{one, two}), Value(Value::Sequence{one, two}), {}), "");
  EXPECT_NE(CompareValues(Value(Value::Sequence{one, one}), Value(Value::Sequence{one, two}), {}).find("element 1"), std::string::npos);
  EXPECT_NE(CompareValues(Value(Value::Sequence{one}), Value(Value::Sequence{one, two}), {}), "");
  EXPECT_EQ(CompareValues(Value::Map(keys, one), Value::Map(keys, one), {}), "");
  EXPECT_NE(CompareValues(Value::Map(keys, one), Value::Map(keys, two), {}), "");
}

}  // namespace
}  // namespace sardonyx::validate
