#include <gtest/gtest.h>

#include <cmath>

#include "providers/cpu/one_node.h"

namespace sardonyx::cpu {
namespace {

using I = std::vector<int64_t>;
Tensor Ints(I values) { return Tensor::From<int64_t>({static_cast<int64_t>(values.size())}, values); }
I ToInts(const StatusOr<Tensor>& tensor) {
  EXPECT_TRUE(tensor.ok()) << tensor.status().ToString();
  if (!tensor.ok() || tensor->dtype() != DataType::kInt64) return {};
  return I(tensor->data<int64_t>().begin(), tensor->data<int64_t>().end());
}

TEST(GeneratorBindings, CoverEveryVersion) {
  for (const KernelEntry& entry : GeneratorKernels()) {
    for (const ops::OpSchema* schema : ops::SchemaVersions(entry.domain, entry.op_type))
      EXPECT_FALSE(FindKernels(entry.domain, entry.op_type, schema->since_version).empty())
          << entry.op_type << " " << schema->since_version;
  }
}

TEST(GeneratorBindings, ConstantsOfEveryAttribute) {
  EXPECT_EQ(ToInts(OneNode("Constant", 12).Attribute("value_int", int64_t{7}).RunOne()), I{7});
  EXPECT_EQ(ToInts(OneNode("Constant", 12).Attribute("value_ints", I{1, 2}).RunOne()), (I{1, 2}));
  const auto text = OneNode("Constant", 12).Attribute("value_string", std::string("x")).RunOne();
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(text->data<std::string>()[0], "x");
  EXPECT_EQ(OneNode("Constant", 12).RunOne().status().code(), StatusCode::kInvalid);

  ir::StoredSparseTensor sparse;
  sparse.values = ir::StoredTensor::Of("v", Ints({5, 6}));
  sparse.indices = ir::StoredTensor::Of("i", Ints({1, 3}));
  sparse.dims = {2, 2};
  const auto attribute = [&] {
    ir::Attribute a;
    a.name = "sparse_value";
    a.type = ir::AttributeType::kSparseTensor;
    a.value = sparse;
    return a;
  };
  EXPECT_EQ(ToInts(OneNode("Constant", 12).Add(attribute()).RunOne()), (I{0, 5, 0, 6}));
  sparse.indices = ir::StoredTensor::Of("i", Ints({1, 4}));
  EXPECT_EQ(OneNode("Constant", 12).Add(attribute()).RunOne().status().code(), StatusCode::kCorrupt);
}

TEST(GeneratorBindings, ShapesFromInputsAreChecked) {
  EXPECT_EQ(OneNode("ConstantOfShape", 9).Input(Ints({2, -1})).RunOne().status().code(), StatusCode::kUsage);
  EXPECT_EQ(OneNode("ConstantOfShape", 9).Input(Ints({int64_t{1} << 40, int64_t{1} << 40})).RunOne().status().code(),
            StatusCode::kResource);
  EXPECT_EQ(OneNode("Range", 11)
                .Input(Tensor::Scalar<int64_t>(0))
                .Input(Tensor::Scalar<int64_t>(5))
                .Input(Tensor::Scalar<int64_t>(0))
                .RunOne()
                .status()
                .code(),
            StatusCode::kUsage);
  EXPECT_FALSE(OneNode("OneHot", 11).Input(Ints({1})).Input(Tensor::Scalar<int64_t>(-3)).Input(Ints({0, 1})).RunOne().ok());
  EXPECT_FALSE(OneNode("HannWindow", 17).Input(Tensor::Scalar<int64_t>(-1)).RunOne().ok());
}

TEST(GeneratorBindings, NegativeIndicesOfOneHotCountSinceOpset11) {
  const auto run = [](int64_t opset) {
    return OneNode("OneHot", opset).Input(Ints({-1})).Input(Tensor::Scalar<int64_t>(2)).Input(Ints({0, 1})).RunOne();
  };
  EXPECT_EQ(ToInts(run(9)), (I{0, 0}));
  EXPECT_EQ(ToInts(run(11)), (I{0, 1}));
}

TEST(GeneratorBindings, SliceOfAShape) {
  const Tensor x = Tensor::From<float>({2, 3, 4}, std::vector<float>(24));
  EXPECT_EQ(ToInts(OneNode("Shape", 13).Input(x).RunOne()), (I{2, 3, 4}));
  EXPECT_EQ(ToInts(OneNode("Shape", 15).Attribute("start", int64_t{-2}).Attribute("end", int64_t{-1}).Input(x).RunOne()), (I{3}));
  EXPECT_EQ(ToInts(OneNode("Shape", 15).Attribute("start", int64_t{2}).Attribute("end", int64_t{1}).Input(x).RunOne()), (I{}));
  EXPECT_EQ(ToInts(OneNode("Size", 13).Input(x).RunOne()), I{24});
}

// The suites cannot compare draws, so their distribution is held here: five standard deviations of 10000 draws.
TEST(GeneratorBindings, BernoulliDrawsAsOftenAsItsInputSays) {
  constexpr int64_t kCount = 10000;
  for (const double p : {0.0, 0.1, 0.5, 0.9, 1.0}) {
    const auto y = OneNode("Bernoulli", 22).Input(Tensor::From<float>({kCount}, std::vector<float>(kCount, static_cast<float>(p)))).RunOne();
    ASSERT_TRUE(y.ok()) << y.status().ToString();
    double sum = 0;
    for (const float draw : y->data<float>()) {
      EXPECT_TRUE(draw == 0 || draw == 1);
      sum += static_cast<double>(draw);
    }
    EXPECT_NEAR(sum, p * kCount, 5 * std::sqrt(kCount * p * (1 - p)) + 1e-3);
  }
}

TEST(GeneratorBindings, SeedsGiveNumpysNumbers) {
  const auto y = OneNode("RandomUniform", 1).Attribute("shape", I{2}).Attribute("seed", 0.0f).RunOne();
  ASSERT_TRUE(y.ok());
  EXPECT_FLOAT_EQ(y->data<float>()[0], 0.5488135f);
  const auto a = OneNode("RandomUniform", 1).Attribute("shape", I{4}).RunOne(),
             b = OneNode("RandomUniform", 1).Attribute("shape", I{4}).RunOne();
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_NE(a->data<float>()[0], b->data<float>()[0]);
}

}  // namespace
}  // namespace sardonyx::cpu
