#include "optimize/widen.h"

#include <gtest/gtest.h>

#include <string>

#include "ir/text.h"
#include "ops/inference.h"

namespace sardonyx::optimize {
namespace {

std::unique_ptr<ir::Model> Widen(const std::string& text, DataType to = DataType::kDouble) {
  auto model = ir::ParseText(text);
  EXPECT_TRUE(model.ok()) << model.status().ToString();
  if (!model.ok()) return nullptr;
  const auto count = WidenFloats(**model, to);
  EXPECT_TRUE(count.ok()) << count.status().ToString();
  ops::InferenceOptions strict;
  strict.strict = true;
  const Status inferred = ops::InferTypes(**model, strict);
  EXPECT_TRUE(inferred.ok()) << inferred.ToString();
  return *std::move(model);
}

DataType TypeOf(const ir::Graph& graph, std::string_view name) {
  const ir::Value* value = graph.Find(name);
  return value ? value->type.dtype : DataType::kUndefined;
}

int Count(const ir::Graph& graph, std::string_view op_type) {
  int count = 0;
  ir::ForEachNode(graph, [&](const ir::Node& node) { count += node.op_type == op_type; });
  return count;
}

TEST(WidenTest, ComputesInDoubleBetweenTheInputsAndOutputsOfTheModel) {
  const auto model = Widen(R"(<ir_version: 10, opset_import: ["" : 21]> g (float[N,4] x) => (float[N,3] y) <float[4,3] w = {1,2,3,4,5,6,7,8,9,10,11,12}> {
    h = MatMul (x, w)
    half = Cast <to = 10> (h)
    y = Cast <to = 1> (half)
  })");
  EXPECT_EQ(TypeOf(*model->graph, "x"), DataType::kFloat);
  EXPECT_EQ(TypeOf(*model->graph, "y"), DataType::kFloat);
  EXPECT_EQ(model->graph->outputs()[0].value->name(), "y");
  for (const char* inside : {"h", "half", "y/double"}) EXPECT_EQ(TypeOf(*model->graph, inside), DataType::kDouble) << inside;
}

TEST(WidenTest, OperatorsWithoutDoubleKeepTheirType) {
  const auto model = Widen(R"(<ir_version: 10, opset_import: ["" : 21]> g (float[2,4] x) => (float[2,4] y)
    <float scale = {0.5}, int8 zero = {0}> {
    r = Relu (x)
    q = QuantizeLinear (r, scale, zero)
    d = DequantizeLinear (q, scale, zero)
    y = Exp (d)
  })");
  EXPECT_EQ(TypeOf(*model->graph, "r"), DataType::kDouble);
  EXPECT_EQ(TypeOf(*model->graph, "d"), DataType::kFloat);
  EXPECT_EQ(TypeOf(*model->graph, "y/double"), DataType::kDouble);
}

TEST(WidenTest, SubgraphsComputeInDoubleToo) {
  const auto model = Widen(R"(<ir_version: 10, opset_import: ["" : 21]> g (bool c, float[2] x) => (float[2] y) <float[2] w = {1, 2}> {
    y = If (c) <
      then_branch = t () => (float[2] a) { a = Add (x, w) },
      else_branch = e () => (float[2] b) <float[2] v = {3, 4}> { b = Identity (v) }
    >
  })");
  EXPECT_EQ(TypeOf(*model->graph, "y/double"), DataType::kDouble);
  EXPECT_EQ(TypeOf(*model->graph, "y"), DataType::kFloat);
}

TEST(WidenTest, SaysWhatHasNoTypes) {
  auto model = ir::ParseText(R"(<ir_version: 10, opset_import: ["" : 21, "mine" : 1]> g (float[2] x) => (float[2] y) { y = mine.Thing (x) })");
  ASSERT_TRUE(model.ok());
  const auto count = WidenFloats(**model, DataType::kDouble);
  EXPECT_FALSE(count.ok());
  EXPECT_NE(count.status().message().find("mine.Thing"), std::string::npos) << count.status().ToString();
}

TEST(WidenTest, ToFloatCastsStillRoundAndTablesStay) {
  const auto model = Widen(R"(<ir_version: 10, opset_import: ["" : 21]> g (float16[2,2] x, int64[2] ids, float[2,2] z) => (float16[2,2] y)
    <float16[2,2] w = {1,2,3,4}, float16[3,2] table = {1,2,3,4,5,6}, bfloat16[2,2] b = {1,2,3,4}> {
    h = MatMul (x, w)
    row = Gather (table, ids)
    sum = Add (h, row)
    rounded = Cast <to = 10> (z)
    brain = Add (b, b)
    y = Mul (sum, rounded)
  })", DataType::kFloat);
  for (const char* wide : {"h", "sum", "y/float"}) EXPECT_EQ(TypeOf(*model->graph, wide), DataType::kFloat) << wide;
  for (const char* narrow : {"x", "y", "row", "rounded", "table"}) EXPECT_EQ(TypeOf(*model->graph, narrow), DataType::kFloat16) << narrow;
  EXPECT_EQ(TypeOf(*model->graph, "brain"), DataType::kBfloat16);
  EXPECT_TRUE(HasFloat16Weights(*model));
}

}  // namespace
}  // namespace sardonyx::optimize
