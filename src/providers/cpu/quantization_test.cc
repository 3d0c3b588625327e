#include <gtest/gtest.h>

#include "providers/cpu/one_node.h"

namespace sardonyx::cpu {
namespace {

using F = std::vector<float>;
Tensor Floats(Dims dims, F values) { return Tensor::From<float>(std::move(dims), values); }

TEST(QuantizationBindings, CoverEveryVersion) {
  for (const KernelEntry& entry : QuantizationKernels()) {
    for (const ops::OpSchema* schema : ops::SchemaVersions(entry.domain, entry.op_type))
      EXPECT_FALSE(FindKernels(entry.domain, entry.op_type, schema->since_version).empty())
          << entry.op_type << " " << schema->since_version;
  }
}

TEST(QuantizationBindings, TheTypeComesFromZeroPointOrAttribute) {
  const Tensor x = Floats({2}, {1, -300}), scale = Floats({}, {1});
  auto y = OneNode("QuantizeLinear", 21).Input(x).Input(scale).RunOne();
  ASSERT_TRUE(y.ok());
  EXPECT_EQ(y->dtype(), DataType::kUint8);
  y = OneNode("QuantizeLinear", 21).Attribute("output_dtype", static_cast<int64_t>(DataType::kInt16)).Input(x).Input(scale).RunOne();
  ASSERT_TRUE(y.ok());
  EXPECT_EQ(y->data<int16_t>()[1], -300);
  y = OneNode("QuantizeLinear", 21).Input(x).Input(scale).Input(Tensor::Scalar<int8_t>(1)).RunOne();
  ASSERT_TRUE(y.ok());
  EXPECT_EQ(y->data<int8_t>()[0], 2);
  EXPECT_EQ(OneNode("QuantizeLinear", 21)
                .Attribute("output_dtype", static_cast<int64_t>(DataType::kInt16))
                .Input(x)
                .Input(scale)
                .Input(Tensor::Scalar<int8_t>(1))
                .RunOne()
                .status()
                .code(),
            StatusCode::kUsage);
}

TEST(QuantizationBindings, ScalesMustFit) {
  const Tensor x = Tensor::From<uint8_t>({2, 3}, {1, 2, 3, 4, 5, 6});
  const auto run = [&](Tensor scale, int64_t axis, int64_t block) {
    OneNode node("DequantizeLinear", 21);
    return node.Attribute("axis", axis).Attribute("block_size", block).Input(x).Input(std::move(scale)).RunOne();
  };
  EXPECT_TRUE(run(Floats({3}, {1, 2, 3}), 1, 0).ok());
  EXPECT_TRUE(run(Floats({2, 2}, {1, 2, 3, 4}), 1, 2).ok());
  EXPECT_EQ(run(Floats({2}, {1, 2}), 1, 0).status().code(), StatusCode::kUsage);
  EXPECT_EQ(run(Floats({2, 2}, {1, 2, 3, 4}), 0, 2).status().code(), StatusCode::kUsage);
  EXPECT_EQ(run(Floats({3}, {1, 2, 3}), 5, 0).status().code(), StatusCode::kUsage);
  EXPECT_EQ(run(Floats({3}, {1, 2, 3}), 1, -1).status().code(), StatusCode::kInvalid);
}

TEST(QuantizationBindings, QLinearNeedsEightBits) {
  const Tensor x = Floats({1}, {1}), scale = Floats({}, {1});
  EXPECT_EQ(OneNode("QLinearSigmoid", 1, "com.microsoft").Input(x).Input(scale).Input(std::nullopt).Input(scale).RunOne().status().code(),
            StatusCode::kUnsupported);
}

}  // namespace
}  // namespace sardonyx::cpu
