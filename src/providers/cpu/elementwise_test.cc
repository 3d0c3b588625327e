// What the bindings of element-wise operators add to their kernels: versions, attributes, checks.
#include <cmath>

#include <gtest/gtest.h>

#include "providers/cpu/one_node.h"

namespace sardonyx::cpu {
namespace {

using F = std::vector<float>;

Tensor Floats(Dims dims, F values) { return Tensor::From<float>(std::move(dims), values); }
F ToFloats(const StatusOr<Tensor>& tensor) {
  EXPECT_TRUE(tensor.ok()) << tensor.status().ToString();
  if (!tensor.ok() || tensor->dtype() != DataType::kFloat) return {};
  return F(tensor->data<float>().begin(), tensor->data<float>().end());
}

// Every operator of the family has a kernel in every version of its schema.
TEST(ElementwiseBindings, CoverEveryVersion) {
  for (const KernelEntry& entry : ElementwiseKernels()) {
    for (const ops::OpSchema* schema : ops::SchemaVersions(entry.domain, entry.op_type)) {
      if (schema->deprecated) continue;
      EXPECT_FALSE(FindKernels(entry.domain, entry.op_type, schema->since_version).empty())
          << entry.op_type << " " << schema->since_version;
    }
  }
}

TEST(ElementwiseBindings, BroadcastingBeforeOpset7IsAskedForAndAligned) {
  const Tensor a = Floats({2, 2}, {1, 2, 3, 4}), b = Floats({2}, {10, 20});
  EXPECT_EQ(OneNode("Add", 6).Input(a).Input(b).RunOne().status().code(), StatusCode::kUsage);
  EXPECT_EQ(ToFloats(OneNode("Add", 6).Attribute("broadcast", int64_t{1}).Input(a).Input(b).RunOne()), (F{11, 22, 13, 24}));
  EXPECT_EQ(ToFloats(OneNode("Add", 6).Attribute("broadcast", int64_t{1}).Attribute("axis", int64_t{0}).Input(a).Input(b).RunOne()),
            (F{11, 12, 23, 24}));
  EXPECT_EQ(ToFloats(OneNode("Add", 7).Input(a).Input(b).RunOne()), (F{11, 22, 13, 24}));
  EXPECT_EQ(OneNode("Add", 7).Input(a).Input(Floats({3}, {1, 2, 3})).RunOne().status().code(), StatusCode::kUsage);
}

TEST(ElementwiseBindings, IntegerDivisionByZeroIsAnError) {
  const Tensor a = Tensor::From<int32_t>({2}, {1, 2}), b = Tensor::From<int32_t>({2}, {1, 0});
  for (const char* op : {"Div", "Mod"}) EXPECT_EQ(OneNode(op, 14).Input(a).Input(b).RunOne().status().code(), StatusCode::kUsage);
}

TEST(ElementwiseBindings, ClipReadsAttributesThenInputs) {
  const Tensor x = Floats({3}, {-5, 0, 5});
  EXPECT_EQ(ToFloats(OneNode("Clip", 6).Attribute("max", 1.0f).Input(x).RunOne()), (F{-5, 0, 1}));
  EXPECT_EQ(ToFloats(OneNode("Clip", 11).Input(x).Input(Floats({}, {-1})).RunOne()), (F{-1, 0, 5}));
  EXPECT_EQ(ToFloats(OneNode("Clip", 13).Input(x).Input(std::nullopt).Input(Floats({}, {2})).RunOne()), (F{-5, 0, 2}));
  EXPECT_FALSE(OneNode("Clip", 13).Input(x).Input(Floats({2}, {0, 1})).RunOne().ok());
}

TEST(ElementwiseBindings, VariadicOperandsMayGrow) {
  const Tensor one = Floats({1, 1}, {1}), two = Floats({1}, {2}), many = Floats({2, 3}, {0, 1, 2, 3, 4, 5});
  EXPECT_EQ(ToFloats(OneNode("Max", 13).Input(one).Input(two).Input(many).RunOne()), (F{2, 2, 2, 3, 4, 5}));
  EXPECT_EQ(ToFloats(OneNode("Sum", 13).Input(one).Input(two).Input(many).RunOne()), (F{3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(ToFloats(OneNode("Mean", 13).Input(one).Input(two).Input(many).RunOne()), (F{1, 4 / 3.0f, 5 / 3.0f, 2, 7 / 3.0f, 8 / 3.0f}));
}

TEST(ElementwiseBindings, SlopeOfPReluIsPerChannelBeforeOpset7) {
  const Tensor x = Floats({1, 2, 2}, {-1, -1, -1, -1}), slope = Floats({2}, {2, 3});
  EXPECT_EQ(ToFloats(OneNode("PRelu", 6).Input(x).Input(slope).RunOne()), (F{-2, -2, -3, -3}));
  EXPECT_EQ(ToFloats(OneNode("PRelu", 9).Input(x).Input(slope).RunOne()), (F{-2, -3, -2, -3}));
}

TEST(ElementwiseBindings, CastNamesItsTypeInOpset1) {
  const auto y = OneNode("Cast", 1).Attribute("to", std::string("INT32")).Input(Floats({2}, {1.9f, -1.9f})).RunOne();
  ASSERT_TRUE(y.ok());
  EXPECT_EQ(y->data<int32_t>()[1], -1);
  EXPECT_EQ(OneNode("Cast", 1).Attribute("to", std::string("NOTHING")).Input(Floats({1}, {1})).RunOne().status().code(),
            StatusCode::kInvalid);
  EXPECT_EQ(OneNode("Cast", 13).Attribute("to", int64_t{99}).Input(Floats({1}, {1})).RunOne().status().code(), StatusCode::kInvalid);
  EXPECT_EQ(OneNode("Cast", 13).Attribute("to", int64_t{1}).Input(Tensor::FromStrings({1}, {"x"})).RunOne().status().code(),
            StatusCode::kUsage);
}

TEST(ElementwiseBindings, BitCastKeepsBits) {
  const auto y = OneNode("BitCast", 26).Attribute("to", static_cast<int64_t>(DataType::kInt32)).Input(Floats({1}, {1.0f})).RunOne();
  ASSERT_TRUE(y.ok());
  EXPECT_EQ(y->data<int32_t>()[0], 0x3f800000);
  EXPECT_FALSE(OneNode("BitCast", 26).Attribute("to", static_cast<int64_t>(DataType::kDouble)).Input(Floats({1}, {1.0f})).RunOne().ok());
}

TEST(ElementwiseBindings, DropoutOverItsVersions) {
  const Tensor x = Floats({4}, {1, 2, 3, 4});
  auto y = OneNode("Dropout", 6).Attribute("is_test", int64_t{1}).Input(x).Outputs(2).Run();
  ASSERT_TRUE(y.ok());
  EXPECT_EQ(ToFloats((*y)[1]), (F{1, 1, 1, 1}));  // the mask has the data's type
  y = OneNode("Dropout", 10).Input(x).Outputs(2).Run();
  ASSERT_TRUE(y.ok());
  EXPECT_EQ((*y)[1].dtype(), DataType::kBool);
  y = OneNode("Dropout", 13).Attribute("seed", int64_t{0}).Input(x).Input(Floats({}, {0.6f})).Input(Tensor::Scalar(true)).Outputs(2).Run();
  ASSERT_TRUE(y.ok());
  // RandomState(0).uniform: 0.549, 0.715, 0.603, 0.545
  EXPECT_EQ((*y)[1].data<bool>()[0], false);
  EXPECT_NEAR((*y)[0].data<float>()[1], 5.0f, 1e-5);
  EXPECT_FALSE(OneNode("Dropout", 13).Input(x).Input(Floats({}, {1.0f})).Input(Tensor::Scalar(true)).Run().ok());
}

TEST(ElementwiseBindings, VariadicOperatorsFoldAndBroadcast) {
  const Tensor a = Floats({2, 1}, {1, 2}), b = Floats({2}, {10, 20}), c = Floats({}, {3});
  EXPECT_EQ(ToFloats(OneNode("Sum", 8).Input(a).Input(b).Input(c).RunOne()), (F{14, 24, 15, 25}));
  EXPECT_EQ(ToFloats(OneNode("Mean", 8).Input(a).Input(b).Input(c).RunOne()), (F{14 / 3.0f, 8, 5, 25 / 3.0f}));
  EXPECT_EQ(ToFloats(OneNode("Max", 8).Input(a).RunOne()), (F{1, 2}));
}

TEST(ElementwiseBindings, RefusesWhatTheOperatorIsNotDefinedFor) {
  EXPECT_EQ(OneNode("Sqrt", 13).Input(Tensor::Scalar<int32_t>(4)).RunOne().status().code(), StatusCode::kUnsupported);
  EXPECT_FALSE(OneNode("Add", 14).Input(Floats({1}, {1})).Input(Tensor::From<int32_t>({1}, {1})).RunOne().ok());
  EXPECT_EQ(OneNode("BitShift", 11)
                .Attribute("direction", std::string("UP"))
                .Input(Tensor::Scalar<uint8_t>(1))
                .Input(Tensor::Scalar<uint8_t>(1))
                .RunOne()
                .status()
                .code(),
            StatusCode::kInvalid);
  EXPECT_FALSE(OneNode("SwiGLU", 28).Input(Floats({2}, {1, 2})).Input(Floats({1}, {1})).RunOne().ok());
}

}  // namespace
}  // namespace sardonyx::cpu
