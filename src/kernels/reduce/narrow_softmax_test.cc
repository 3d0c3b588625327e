#include "kernels/reduce/narrow_softmax.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/reduce/along_axis.h"

namespace sardonyx::kernels {
namespace {

TEST(NarrowSoftmax, RoundsEachStep) {
  // By hand in bfloat16: exp(-0.5) = 0.60653 -> 0.60547 = 155/256; 1 + 155/256 -> 206/128; the quotients are rounded.
  std::vector<float> x = {1.0f, 0.5f};
  NarrowSoftmax(DataType::kBfloat16, x.data(), 2, 1);
  EXPECT_EQ(x[0], 0.62109375f);
  EXPECT_EQ(x[1], 0.376953125f);
}

TEST(NarrowSoftmax, IsThatOfTheOperator) {
  for (const DataType dtype : {DataType::kFloat16, DataType::kBfloat16}) {
    std::vector<float> x = {0.25f, -1.5f, 3.0f, 0.0f, 0.5f, 2.0f}, expected = x;
    NarrowSoftmax(dtype, expected.data(), 3, 2);
    NarrowSoftmax(dtype, expected.data() + 1, 3, 2);
    std::vector<uint16_t> bits(x.size());
    for (size_t i = 0; i < x.size(); ++i) bits[i] = dtype == DataType::kFloat16 ? Float16(x[i]).bits : BFloat16(x[i]).bits;
    Softmax(SoftmaxKind::kSoftmax, dtype, bits.data(), AxisView(1, 3, 2), bits.data(), 0, 2);
    for (size_t i = 0; i < x.size(); ++i)
      EXPECT_EQ(
          dtype == DataType::kFloat16 ? static_cast<float>(Float16::FromBits(bits[i])) : static_cast<float>(BFloat16::FromBits(bits[i])),
          expected[i]);
  }
}

// Were every addition rounded, a sum of bfloat16 would stay at 256.
TEST(NarrowSoftmax, LongRowsKeepTheirSum) {
  std::vector<float> x(5000, 1.0f);
  NarrowSoftmax(DataType::kBfloat16, x.data(), 5000, 1);
  EXPECT_NEAR(x[0] * 5000, 1, 0.01);
}

}  // namespace
}  // namespace sardonyx::kernels
