// What the bindings of reductions add to their kernels: versions, axes, checks.
#include <cmath>

#include <gtest/gtest.h>

#include "providers/cpu/one_node.h"

namespace sardonyx::cpu {
namespace {

using F = std::vector<float>;
using I = std::vector<int64_t>;

Tensor Floats(Dims dims, F values) { return Tensor::From<float>(std::move(dims), values); }
Tensor Ints(I values) { return Tensor::From<int64_t>({static_cast<int64_t>(values.size())}, values); }
F ToFloats(const StatusOr<Tensor>& tensor) {
  EXPECT_TRUE(tensor.ok()) << tensor.status().ToString();
  if (!tensor.ok() || tensor->dtype() != DataType::kFloat) return {};
  return F(tensor->data<float>().begin(), tensor->data<float>().end());
}

TEST(ReductionBindings, CoverEveryVersion) {
  for (const KernelEntry& entry : ReductionKernels()) {
    for (const ops::OpSchema* schema : ops::SchemaVersions(entry.domain, entry.op_type))
      EXPECT_FALSE(FindKernels(entry.domain, entry.op_type, schema->since_version).empty())
          << entry.op_type << " " << schema->since_version;
  }
}

TEST(ReductionBindings, AxesMoveFromAttributeToInput) {
  const Tensor x = Floats({2, 2}, {1, 2, 3, 4});
  EXPECT_EQ(ToFloats(OneNode("ReduceSum", 11).Attribute("axes", I{0}).Input(x).RunOne()), (F{4, 6}));
  EXPECT_EQ(ToFloats(OneNode("ReduceSum", 13).Input(x).Input(Ints({-1})).RunOne()), (F{3, 7}));
  EXPECT_EQ(ToFloats(OneNode("ReduceMax", 13).Attribute("axes", I{0}).Input(x).RunOne()), (F{3, 4}));
  EXPECT_EQ(ToFloats(OneNode("ReduceMax", 18).Input(x).Input(Ints({0})).RunOne()), (F{3, 4}));
  EXPECT_EQ(ToFloats(OneNode("ReduceSum", 13).Input(x).RunOne()), (F{10}));
  EXPECT_EQ(ToFloats(OneNode("ReduceSumSquare", 18).Attribute("noop_with_empty_axes", int64_t{1}).Input(x).RunOne()), (F{1, 4, 9, 16}));
  const auto scalar = OneNode("ReduceSum", 13).Attribute("keepdims", int64_t{0}).Input(x).RunOne();
  EXPECT_EQ(scalar->rank(), 0u);
  EXPECT_EQ(OneNode("ReduceSum", 13).Input(x).Input(Ints({2})).RunOne().status().code(), StatusCode::kUsage);
}

TEST(ReductionBindings, SoftmaxFlattensBeforeOpset13) {
  const Tensor x = Floats({1, 2, 2}, {0, 0, 0, 0});
  EXPECT_EQ(ToFloats(OneNode("Softmax", 11).Input(x).RunOne()), F(4, 0.25f));
  EXPECT_EQ(ToFloats(OneNode("Softmax", 13).Input(x).RunOne()), F(4, 0.5f));
  EXPECT_FALSE(OneNode("Softmax", 13).Attribute("axis", int64_t{3}).Input(x).RunOne().ok());
}

TEST(ReductionBindings, TopKOverItsVersions) {
  const Tensor x = Floats({3}, {2, 9, 5});
  auto y = OneNode("TopK", 1).Attribute("k", int64_t{2}).Input(x).Outputs(2).Run();
  ASSERT_TRUE(y.ok());
  EXPECT_EQ(ToFloats((*y)[0]), (F{9, 5}));
  y = OneNode("TopK", 11).Attribute("largest", int64_t{0}).Input(x).Input(Ints({1})).Outputs(2).Run();
  ASSERT_TRUE(y.ok());
  EXPECT_EQ((*y)[1].data<int64_t>()[0], 0);
  EXPECT_EQ(OneNode("TopK", 11).Input(x).Input(Ints({4})).Outputs(2).Run().status().code(), StatusCode::kUsage);
  EXPECT_EQ(OneNode("TopK", 11).Input(x).Input(Ints({-1})).Outputs(2).Run().status().code(), StatusCode::kUsage);
}

TEST(ReductionBindings, EmptyAxisHasNoLargestElement) {
  EXPECT_EQ(OneNode("ArgMax", 13).Input(Floats({0, 2}, {})).RunOne().status().code(), StatusCode::kUsage);
}

TEST(ReductionBindings, BatchNormalizationTrainsWhenAsked) {
  const Tensor x = Floats({2, 1}, {1, 3}), one = Floats({1}, {1}), zero = Floats({1}, {0});
  const auto node = [&](int64_t opset, size_t outputs) {
    OneNode n("BatchNormalization", opset);
    n.Attribute("epsilon", 0.0f).Outputs(outputs);
    if (opset >= 14 && outputs > 1) n.Attribute("training_mode", int64_t{1});
    return n.Input(x).Input(one).Input(zero).Input(Floats({1}, {10})).Input(Floats({1}, {4})).Run();
  };
  auto inference = node(9, 1);
  ASSERT_TRUE(inference.ok());
  EXPECT_EQ(ToFloats((*inference)[0]), (F{-4.5f, -3.5f}));
  for (int64_t opset : {7, 9, 15}) {
    auto training = node(opset, opset < 14 ? 5 : 3);
    ASSERT_TRUE(training.ok()) << training.status().ToString();
    EXPECT_EQ(ToFloats((*training)[0]), (F{-1, 1}));
    EXPECT_FLOAT_EQ((*training)[1].data<float>()[0], 10 * 0.9f + 2 * 0.1f);
    EXPECT_FLOAT_EQ((*training)[2].data<float>()[0], 4 * 0.9f + 1 * 0.1f);
  }
}

TEST(ReductionBindings, GroupNormalizationScalesGroupsThenChannels) {
  const Tensor x = Floats({1, 4, 1}, {-1, 1, -1, 1});
  const auto run = [&](int64_t opset, F scale) {
    const auto n = static_cast<int64_t>(scale.size());
    return OneNode("GroupNormalization", opset)
        .Attribute("num_groups", int64_t{2})
        .Attribute("epsilon", 0.0f)
        .Input(x)
        .Input(Floats({n}, scale))
        .Input(Floats({n}, F(scale.size(), 0)))
        .RunOne();
  };
  EXPECT_EQ(ToFloats(run(18, {1, 2})), (F{-1, 1, -2, 2}));
  EXPECT_EQ(ToFloats(run(21, {1, 2, 3, 4})), (F{-1, 2, -3, 4}));
  EXPECT_FALSE(run(21, {1, 2}).ok());
}

TEST(ReductionBindings, LayerNormalizationBroadcastsAnyScale) {
  const Tensor x = Floats({2, 2}, {-1, 1, -2, 2});
  const auto run = [&](Tensor scale) {
    return OneNode("LayerNormalization", 17).Attribute("epsilon", 0.0f).Input(x).Input(std::move(scale)).RunOne();
  };
  EXPECT_EQ(ToFloats(run(Floats({2}, {1, 10}))), (F{-1, 10, -1, 10}));
  EXPECT_EQ(ToFloats(run(Floats({2, 1}, {1, 10}))), (F{-1, 1, -10, 10}));
  EXPECT_EQ(ToFloats(run(Floats({}, {3}))), (F{-3, 3, -3, 3}));
  EXPECT_FALSE(run(Floats({3}, {1, 2, 3})).ok());
}

TEST(ReductionBindings, LossesReduceAndCheckLabels) {
  const Tensor x = Floats({2, 2}, {-1, -2, -3, -4});
  const auto run = [&](const char* reduction, I labels) {
    return OneNode("NegativeLogLikelihoodLoss", 13)
        .Attribute("reduction", std::string(reduction))
        .Input(x)
        .Input(Ints(std::move(labels)))
        .RunOne();
  };
  EXPECT_EQ(ToFloats(run("none", {0, 1})), (F{1, 4}));
  EXPECT_EQ(ToFloats(run("sum", {0, 1})), (F{5}));
  EXPECT_EQ(ToFloats(run("mean", {0, 1})), (F{2.5f}));
  EXPECT_EQ(run("mean", {0, 2}).status().code(), StatusCode::kUsage);
  EXPECT_EQ(run("median", {0, 1}).status().code(), StatusCode::kInvalid);
}

}  // namespace
}  // namespace sardonyx::cpu
