#include "ops/function_body.h"

#include <gtest/gtest.h>

#include <set>

#include "ir/text.h"

namespace sardonyx::ops {
namespace {

using ir::Attribute;
using ir::Graph;
using ir::Node;
using ir::Type;
using ir::Value;

Value* Input(Graph& graph, std::string_view name, Type type) {
  Value* value = graph.AddValue(name);
  ir::ValueInfo info;
  info.value = value;
  info.type = std::move(type);
  graph.AddInput(std::move(info));
  return value;
}

// A node of the operator with every input of rank 4 and every output, and the attributes that it requires.
Node* MakeNode(Graph& graph, const OpSchema& schema) {
  Node* node = graph.AddNode(schema.name, schema.domain);
  for (size_t i = 0; i < schema.inputs.size(); ++i) {
    Type type = Type::Tensor(schema.inputs[i].type == "tensor(int64)" ? DataType::kInt64 : DataType::kFloat, ir::Shape{2, 4, 4, 4});
    if (schema.name == "AffineGrid") type.shape = i == 0 ? ir::Shape{2, 2, 3} : ir::Shape{4};
    if (schema.name == "SequenceMap") type = Type::Sequence(type);
    node->AddInput(Input(graph, "in", type));
  }
  for (size_t i = 0; i < schema.outputs.size(); ++i) node->AddOutput(graph.AddValue("out"));
  for (const AttributeSchema& attribute : schema.attributes) {
    if (!attribute.required) continue;
    if (attribute.type == ir::AttributeType::kGraph) {
      auto body = ir::ParseGraphText("g (float[4] a, float[4] b) => (float[4] c) { c = Add (a, b) }");
      EXPECT_TRUE(body.ok());
      node->SetAttribute(Attribute(std::string(attribute.name), std::shared_ptr<Graph>(*std::move(body))));
    } else {
      node->SetAttribute(Attribute(std::string(attribute.name), int64_t{2}));
    }
  }
  if (schema.name == "LinearAttention") {
    node->SetAttribute(Attribute("q_num_heads", int64_t{4}));
    node->SetAttribute(Attribute("kv_num_heads", int64_t{2}));
  }
  return node;
}

// Every node has a schema, and reads what stands before it.
void ExpectWellFormed(const Graph& graph, int64_t opset, std::set<const Value*> defined) {
  for (const ir::ValueInfo& input : graph.inputs()) defined.insert(input.value);
  for (const auto& node : graph.nodes()) {
    const int64_t version = node->opset_version > 0 ? node->opset_version : opset;
    const OpSchema* schema = FindSchema(node->domain, node->op_type, version);
    ASSERT_NE(schema, nullptr) << node->op_type << " " << version;
    EXPECT_FALSE(schema->deprecated) << node->op_type;
    EXPECT_GE(static_cast<int>(node->inputs().size()), schema->min_inputs) << node->Label();
    EXPECT_LE(static_cast<int>(node->inputs().size()), schema->max_inputs) << node->Label();
    for (const Value* input : node->inputs()) EXPECT_TRUE(!input || defined.contains(input)) << node->Label() << " reads " << input->name();
    for (const Attribute& attribute : node->attributes()) {
      ASSERT_NE(schema->attribute(attribute.name), nullptr) << node->Label() << " " << attribute.name;
      EXPECT_EQ(schema->attribute(attribute.name)->type, attribute.type) << node->Label() << " " << attribute.name;
    }
    for (const auto& [name, subgraph] : ir::Subgraphs(*node)) ExpectWellFormed(*subgraph, opset, defined);
    for (const Value* output : node->outputs()) defined.insert(output);
  }
  for (const ir::ValueInfo& output : graph.outputs()) EXPECT_TRUE(defined.contains(output.value)) << "output " << output.value->name();
}

TEST(FunctionBodyTest, EveryFunctionOperatorHasAWellFormedBody) {
  int count = 0;
  for (const OpSchema& schema : AllSchemas()) {
    if (!schema.has_function) continue;
    SCOPED_TRACE(std::string(schema.name) + " " + std::to_string(schema.since_version));
    Graph graph;
    const auto body = FunctionBody(schema, *MakeNode(graph, schema));
    ASSERT_TRUE(body.ok()) << body.status().ToString();
    ASSERT_NE(*body, nullptr);
    ASSERT_EQ((*body)->opset_imports.size(), 1u);
    EXPECT_EQ((*body)->name, schema.name);
    EXPECT_EQ((*body)->attributes.size() + (*body)->attribute_defaults.size(), schema.attributes.size());
    EXPECT_GT((*body)->body->nodes().size(), 0u);
    ExpectWellFormed(*(*body)->body, (*body)->opset_imports[0].version, {});
    ++count;
  }
  EXPECT_EQ(count, 76);
}

TEST(FunctionBodyTest, OtherOperatorsHaveNone) {
  Graph graph;
  const OpSchema& conv = *FindSchema("", "Conv", 22);
  const auto body = FunctionBody(conv, *MakeNode(graph, conv));
  ASSERT_TRUE(body.ok());
  EXPECT_EQ(*body, nullptr);
}

TEST(FunctionBodyTest, OmittedInputsAreOmittedInside) {
  Graph graph;
  Node* node = graph.AddNode("ReduceL1");
  node->AddInput(Input(graph, "x", Type::Tensor(DataType::kFloat)));
  node->AddOutput(graph.AddValue("y"));
  const auto body = FunctionBody(*FindSchema("", "ReduceL1", 18), *node);
  ASSERT_TRUE(body.ok() && *body);
  EXPECT_EQ((*body)->body->nodes()[1]->op_type, "ReduceSum");
  EXPECT_EQ((*body)->body->nodes()[1]->inputs().size(), 1u);
}

TEST(FunctionBodyTest, OutputsThatTheNodeLacksAreLeftOut) {
  Graph graph;
  const OpSchema& schema = *FindSchema("", "LayerNormalization", 17);
  Node* node = graph.AddNode("LayerNormalization");
  for (const char* name : {"x", "scale"}) node->AddInput(Input(graph, name, Type::Tensor(DataType::kFloat)));
  node->AddOutput(graph.AddValue("y"));
  const auto body = FunctionBody(schema, *node);
  ASSERT_TRUE(body.ok() && *body);
  EXPECT_EQ((*body)->body->outputs().size(), 1u);
}

TEST(FunctionBodyTest, CastLikeTakesTheTypeOfItsSecondInput) {
  Graph graph;
  Node* node = graph.AddNode("CastLike");
  node->AddInput(Input(graph, "x", Type::Tensor(DataType::kFloat)));
  node->AddInput(Input(graph, "t", Type::Tensor(DataType::kInt8)));
  node->AddOutput(graph.AddValue("y"));
  const OpSchema& schema = *FindSchema("", "CastLike", 15);
  const auto body = FunctionBody(schema, *node);
  ASSERT_TRUE(body.ok() && *body);
  EXPECT_EQ((*body)->body->nodes()[0]->GetInt("to", 0), static_cast<int64_t>(DataType::kInt8));
  node->input(1)->type = Type();
  const auto unknown = FunctionBody(schema, *node);
  ASSERT_TRUE(unknown.ok());
  EXPECT_EQ(*unknown, nullptr) << "nothing to cast to";
}

TEST(FunctionBodyTest, SubgraphsBecomePartOfTheBody) {
  Graph graph;
  const OpSchema& schema = *FindSchema("", "SequenceMap", 17);
  Node* node = graph.AddNode("SequenceMap");
  node->AddInput(Input(graph, "s", Type::Sequence(Type::Tensor(DataType::kFloat))));
  node->AddInput(Input(graph, "t", Type::Tensor(DataType::kFloat)));
  node->AddOutput(graph.AddValue("y"));
  auto each = ir::ParseGraphText("g (float[4] a, float[4] b) => (float[4] c) <float one = {1}> { sum = Add (a, b) c = Mul (sum, one) }");
  ASSERT_TRUE(each.ok()) << each.status().ToString();
  node->SetAttribute(Attribute("body", std::shared_ptr<Graph>(*std::move(each))));
  const auto body = FunctionBody(schema, *node, 17);
  ASSERT_TRUE(body.ok() && *body) << body.status().ToString();
  ExpectWellFormed(*(*body)->body, 18, {});
  std::multiset<std::string> ops;
  ir::ForEachNode(*(*body)->body, [&](const Node& inner) { ops.insert(inner.op_type); });
  EXPECT_EQ(ops.count("Add"), 1u);
  EXPECT_EQ(ops.count("SequenceAt"), 1u);
  EXPECT_EQ(ops.count("SequenceInsert"), 1u);

  // A body that reads a value of the model around it cannot move into a function.
  Value* outside = Input(graph, "outside", Type::Tensor(DataType::kFloat));
  const_cast<Graph*>(node->GetGraph("body"))->nodes()[0]->SetInput(1, outside);
  const auto captured = FunctionBody(schema, *node, 17);
  ASSERT_TRUE(captured.ok());
  EXPECT_EQ(*captured, nullptr);
}

}  // namespace
}  // namespace sardonyx::ops
