#include "ops/graph_builder.h"

#include <gtest/gtest.h>

namespace sardonyx::ops {
namespace {

using Values = GraphBuilder::Values;

ir::Type Floats(std::initializer_list<ir::Dim> dims) { return ir::Type::Tensor(DataType::kFloat, ir::Shape(dims)); }

TEST(GraphBuilder, KnowsTypesAsItBuilds) {
  GraphBuilder b(18);
  auto x = b.Input("x", Floats({ir::Dim::Symbol("n"), 3}));
  auto y = b.Op("MatMul", {x, b.Weight("w", Tensor::From<float>({3, 2}, std::vector<float>(6, 1)))});
  EXPECT_EQ(y->type.ToString(), "float[n,2]");
  EXPECT_EQ(b.Op("ReduceMax", {y, b.Ints({0})}, {{"keepdims", 0}})->type.ToString(), "float[2]");
  EXPECT_TRUE(b.ok()) << b.status().ToString();
}

TEST(GraphBuilder, StaticSizesAreConstants) {
  GraphBuilder b(18);
  auto x = b.Input("x", Floats({ir::Dim::Symbol("n"), 4, 6}));
  auto product = b.Mul(b.SizeOf(x, 1), b.SizeOf(x, -1));
  EXPECT_EQ(b.constant_ints(product), (std::vector<int64_t>{24}));
  // One size that is not static follows from the others: no shape is computed.
  b.Output(b.Reshape(x, b.Stack1D({b.SizeOf(x, 0), product})), "y");
  auto model = b.Finish();
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  ASSERT_EQ((*model)->graph->nodes().size(), 1u);
  EXPECT_EQ((*model)->graph->nodes()[0]->op_type, "Reshape");
  EXPECT_EQ((*model)->graph->outputs()[0].type->ToString(), "float[n,24]");
}

TEST(GraphBuilder, EqualNodesAndConstantsAreOne) {
  GraphBuilder b(18);
  auto x = b.Input("x", Floats({2}));
  EXPECT_EQ(b.Op("Abs", {x}), b.Op("Abs", {x}));
  EXPECT_EQ(b.Number(1.5, DataType::kFloat), b.Number(1.5, DataType::kFloat));
  EXPECT_NE(b.Number(1.5, DataType::kFloat), b.Number(1.5, DataType::kDouble));
  EXPECT_NE(b.Op("RandomNormalLike", {x}), b.Op("RandomNormalLike", {x}));
}

TEST(GraphBuilder, WhatChangesNothingIsNotAdded) {
  GraphBuilder b(18);
  auto x = b.Input("x", Floats({ir::Dim::Symbol("n"), 3}));
  EXPECT_EQ(b.Cast(x, DataType::kFloat), x);
  EXPECT_EQ(b.Transpose(b.Transpose(x, {1, 0}), {1, 0}), x);
  EXPECT_EQ(b.Reshape(x, b.Stack1D({b.SizeOf(x, 0), b.Int(3)})), x);
  EXPECT_EQ(b.Expand(x, b.Ints({1, 3})), x);
  EXPECT_EQ(b.Slice(x, 1, 0, 100), x);
}

TEST(GraphBuilder, ErrorsStick) {
  GraphBuilder b(18);
  auto x = b.Input("x", Floats({2, 3}));
  auto y = b.Op("MatMul", {x, x});
  EXPECT_FALSE(b.ok());
  EXPECT_NE(b.Op("Abs", {y}), nullptr);
  EXPECT_EQ(b.status().code(), StatusCode::kInvalid);
  b.ClearStatus();
  (void)b.Op("Gelu", {x});
  EXPECT_EQ(b.status().code(), StatusCode::kUnsupported);
  EXPECT_EQ(b.needed_opset(), 20);
  EXPECT_FALSE(b.Finish().ok());
}

TEST(GraphBuilder, BranchesAndLoops) {
  GraphBuilder b(18);
  auto x = b.Input("x", Floats({ir::Dim::Symbol("n")}));
  auto flag = b.Input("flag", ir::Type::Tensor(DataType::kBool, ir::Shape()));
  const Values chosen = b.If(
      flag, [&]() -> Values { return {b.Op("Abs", {x})}; }, [&]() -> Values { return {x}; });
  EXPECT_EQ(chosen[0]->type.ToString(), "float[n]");
  // The state grows: its size is not known afterwards.
  const Values grown = b.Loop(b.Int(3), nullptr, {chosen[0]}, 0, [&](GraphBuilder::Value, const Values& state) -> Values {
    return {b.Scalar<bool>(true), b.Concat({state[0], x}, 0)};
  });
  ASSERT_TRUE(b.ok()) << b.status().ToString();
  EXPECT_EQ(grown[0]->type.shape->rank(), 1u);
  b.Output(grown[0], "y");
  auto model = b.Finish();
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  EXPECT_EQ((*model)->graph->nodes().size(), 2u);
}

TEST(GraphBuilder, OutputsThatAreInputsOrTwice) {
  GraphBuilder b(18);
  auto x = b.Input("x", Floats({2}));
  auto y = b.Op("Abs", {x});
  b.Output(x, "a");
  b.Output(y, "b");
  b.Output(y, "c");
  auto model = b.Finish();
  ASSERT_TRUE(model.ok());
  ASSERT_EQ((*model)->graph->outputs().size(), 3u);
  EXPECT_EQ((*model)->graph->outputs()[2].value->name(), "c");
}

}  // namespace
}  // namespace sardonyx::ops
