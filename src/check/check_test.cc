#include "check/check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

#include "ir/load.h"

namespace sardonyx::check {
namespace {

using ir::Attribute;
using ir::Graph;
using ir::Model;
using ir::Node;
using ir::Shape;
using ir::StoredTensor;
using ir::Type;
using ir::Value;

Node* Add(Graph* graph, std::string_view op, std::vector<Value*> inputs, std::vector<std::string> outputs) {
  Node* node = graph->AddNode(op);
  for (Value* input : inputs) node->AddInput(input);
  for (const std::string& output : outputs) node->AddOutput(output.empty() ? nullptr : graph->AddValue(output, /*keep_duplicate=*/true));
  return node;
}

ir::ValueInfo Info(Value* value, std::optional<Type> type = std::nullopt) {
  ir::ValueInfo info;
  info.value = value;
  info.type = std::move(type);
  return info;
}

const Type kFloatMatrix = Type::Tensor(DataType::kFloat, Shape{ir::Dim::Symbol("batch"), 3});

// x -> MatMul with w -> Add b -> Relu -> y
std::unique_ptr<Model> GoodModel() {
  auto model = std::make_unique<Model>();
  model->ir_version = 8;
  model->SetOpset("", 17);
  model->graph = std::make_unique<Graph>();
  Graph* g = model->graph.get();
  g->name = "g";
  Value* x = g->AddValue("x");
  g->AddInput(Info(x, kFloatMatrix));
  Value* w = g->AddInitializer(StoredTensor::Of("w", Tensor::From<float>({3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9})));
  Value* b = g->AddInitializer(StoredTensor::Of("b", Tensor::From<float>({3}, {1, 2, 3})));
  Add(g, "MatMul", {x, w}, {"xw"})->name = "matmul";
  Add(g, "Add", {g->Find("xw"), b}, {"sum"})->name = "add";
  Add(g, "Relu", {g->Find("sum")}, {"y"})->name = "relu";
  g->AddOutput(Info(g->Find("y"), kFloatMatrix));
  return model;
}

std::string AllText(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) text += finding.ToString() + "\n";
  return text;
}

std::unique_ptr<Graph> Body(const std::string& name) {
  auto graph = std::make_unique<Graph>();
  graph->name = name;
  return graph;
}

TEST(CheckTest, AGoodModelHasNoFindings) {
  auto model = GoodModel();
  EXPECT_EQ(AllText(CheckModel(*model)), "");
}

struct Case {
  const char* name;
  const char* expected;  // what a line of the findings must contain
  std::function<void(Model&)> damage;
};

StoredTensor RawTensor(std::string name, DataType dtype, std::vector<int64_t> dims, std::string bytes) {
  StoredTensor tensor;
  tensor.name = std::move(name);
  tensor.dtype = dtype;
  tensor.dims = std::move(dims);
  tensor.storage = StoredTensor::Raw{Bytes::Own(std::move(bytes))};
  return tensor;
}

StoredTensor TypedTensor(DataType dtype, std::vector<int64_t> dims, int field, std::string payload) {
  StoredTensor tensor = RawTensor("t", dtype, std::move(dims), "");
  StoredTensor::Typed typed;
  typed.field = field;
  typed.payload = Bytes::Own(std::move(payload));
  tensor.storage = std::move(typed);
  return tensor;
}

void AddSparse(Model& m, std::vector<int64_t> dims, std::vector<int64_t> indices) {
  ir::StoredSparseTensor sparse;
  sparse.values =
      StoredTensor::Of("s", Tensor::From<float>({static_cast<int64_t>(indices.size())}, std::vector<float>(indices.size(), 1.0f)));
  sparse.indices = StoredTensor::Of("", Tensor::From<int64_t>({static_cast<int64_t>(indices.size())}, indices));
  sparse.dims = std::move(dims);
  m.graph->SetSparseInitializer(m.graph->AddValue("s"), std::move(sparse));
}

ir::Function& AddFunction(Model& m, const std::string& name, const std::string& calls = "Identity") {
  ir::Function& function = m.functions.emplace_back();
  function.name = name;
  function.domain = "com.example";
  function.opset_imports.push_back({"", 17, {}});
  function.opset_imports.push_back({"com.example", 1, {}});
  function.body = std::make_unique<Graph>();
  Graph* body = function.body.get();
  Value* x = body->AddValue("x");
  body->AddInput(Info(x));
  Node* node = Add(body, calls, {x}, {"y"});
  if (calls != "Identity") node->domain = "com.example";
  body->AddOutput(Info(body->Find("y")));
  return function;
}

// An If whose branches give `count` outputs each.
Node* AddIf(Model& m, int count) {
  Graph* g = m.graph.get();
  Value* condition = g->AddInitializer(StoredTensor::Of("condition", Tensor::From<bool>({}, {true})));
  Node* node = Add(g, "If", {condition}, {"if_y"});
  for (const char* branch : {"then_branch", "else_branch"}) {
    auto body = std::make_shared<Graph>();
    body->name = branch;
    node->SetAttribute(Attribute(branch, body));
    for (int i = 0; i < count; ++i) {
      const std::string name = std::string(branch) + std::to_string(i);
      Add(body.get(), "Identity", {g->Find("x")}, {name});
      body->AddOutput(Info(body->Find(name)));
    }
  }
  return node;
}

const Case kCases[] = {
    {"no ir_version", "ir_version is missing", [](Model& m) { m.ir_version = 0; }},
    {"new ir_version", "ir_version 99 is newer", [](Model& m) { m.ir_version = 99; }},
    {"no graph", "has no graph", [](Model& m) { m.graph.reset(); }},
    {"no opset", "No opset is imported", [](Model& m) { m.opset_imports.clear(); }},
    {"no opset of the domain", "imports no version of domain 'ai.onnx'", [](Model& m) { m.opset_imports[0].domain = "other"; }},
    {"opset 0", "versions begin with 1", [](Model& m) { m.opset_imports[0].version = 0; }},
    {"opset 29", "Version 29 of domain 'ai.onnx' is newer than 28", [](Model& m) { m.opset_imports[0].version = 29; }},
    {"opset twice", "imported more than once",
     [](Model& m) {
       m.opset_imports.push_back({"ai.onnx", 18, {}});
     }},
    {"metadata twice", "the key 'k' twice",
     [](Model& m) {
       m.metadata = {{"k", "a"}, {"k", "b"}};
     }},
    {"graph name", "The graph has no name", [](Model& m) { m.graph->name.clear(); }},
    {"fp8 in IR 8", "float8e4m3fn came with IR version 9",
     [](Model& m) { m.graph->AddInitializer(RawTensor("f8", DataType::kFloat8E4M3FN, {1}, "x")); }},
    {"float6 in IR 8", "float6e3m2 came with IR version 14",
     [](Model& m) { m.graph->AddInitializer(RawTensor("f6", DataType::kFloat6E3M2, {1}, "x")); }},
    {"function in IR 7", "functions, which came with IR version 8",
     [](Model& m) {
       m.ir_version = 7;
       AddFunction(m, "F");
     }},

    {"two outputs of one name", "The name 'xw' is defined a second time",
     [](Model& m) { Add(m.graph.get(), "Relu", {m.graph->Find("x")}, {"xw"}); }},
    {"two inputs of one name", "The name 'x' is defined a second time",
     [](Model& m) { m.graph->AddInput(Info(m.graph->AddValue("x", true), kFloatMatrix)); }},
    {"undefined name", "Reads 'summ', which nothing defines: no input, initializer or node output has that name. Did you mean 'sum'",
     [](Model& m) { Add(m.graph.get(), "Relu", {m.graph->AddValue("summ")}, {"z"}); }},
    {"undefined output", "Output 'nothing' is defined by nothing",
     [](Model& m) { m.graph->AddOutput(Info(m.graph->AddValue("nothing"), kFloatMatrix)); }},
    {"order", "Reads 'late' before Relu -> 'late' defines it",
     [](Model& m) {
       Value* late = m.graph->AddValue("late");
       Add(m.graph.get(), "Relu", {late}, {"early"});
       Node* node = m.graph->AddNode("Relu");
       node->AddInput(m.graph->Find("x"));
       node->AddOutput(late);
     }},
    {"cycle", "Depends on itself: Relu -> 'p' -> Relu -> 'q' -> Relu -> 'p'",
     [](Model& m) {
       Value* q = m.graph->AddValue("q");
       Node* first = Add(m.graph.get(), "Relu", {q}, {"p"});
       Node* second = m.graph->AddNode("Relu");
       second->AddInput(first->output(0));
       second->AddOutput(q);
     }},
    {"node names", "Another node of this graph has the same name", [](Model& m) { m.graph->nodes()[0]->name = "relu"; }},
    {"input without type", "input 'x' has no type", [](Model& m) { m.graph->mutable_inputs()[0].type.reset(); }},
    {"input without shape", "input 'x' has no shape", [](Model& m) { m.graph->mutable_inputs()[0].type->shape.reset(); }},
    {"value_info of nothing", "value_info of 'ghost', which nothing defines",
     [](Model& m) { m.graph->value_info.push_back(Info(m.graph->AddValue("ghost"))); }},
    {"annotation", "annotation is about 'ghost'",
     [](Model& m) {
       m.graph->quantization_annotations.push_back({"ghost", {{"SCALE_TENSOR", "w"}}, {}});
     }},

    {"unknown operator", "has no operator 'Relo'. Did you mean 'Relu'", [](Model& m) { m.graph->nodes()[2]->op_type = "Relo"; }},
    {"operator of a later opset", "It came with version 20, and the model imports 17",
     [](Model& m) { m.graph->nodes()[2]->op_type = "Gelu"; }},
    {"operator of another domain", "Domain 'com.microsoft' has one of that name",
     [](Model& m) { m.graph->nodes()[2]->op_type = "BiasGelu"; }},
    {"deprecated operator", "deprecated since version 10 of domain 'ai.onnx', and the model imports 17. Use Resize",
     [](Model& m) { m.graph->nodes()[2]->op_type = "Upsample"; }},
    {"custom domain", "Operators of domain 'my.own' are not known",
     [](Model& m) {
       m.graph->nodes()[2]->domain = "my.own";
       m.SetOpset("my.own", 1);
     }},
    {"no operator", "The node has no operator", [](Model& m) { m.graph->nodes()[2]->op_type.clear(); }},
    {"too many inputs", "Has 2 inputs, but takes at most 1", [](Model& m) { m.graph->nodes()[2]->AddInput(m.graph->Find("x")); }},
    {"too few inputs", "Has 1 inputs, but needs at least 2", [](Model& m) { m.graph->nodes()[1]->ResizeInputs(1); }},
    {"omitted input", "Leaves out input 0 ('A'), which is not optional", [](Model& m) { m.graph->nodes()[0]->SetInput(0, nullptr); }},
    {"no inputs or outputs", "neither inputs nor outputs", [](Model& m) { m.graph->AddNode("Relu"); }},

    {"unknown attribute", "The operator has no attribute 'alpha'",
     [](Model& m) { m.graph->nodes()[2]->SetAttribute(Attribute("alpha", 1.0f)); }},
    {"attribute of an older version", "Version 6 of the operator has it; this is version 14",
     [](Model& m) { m.graph->nodes()[1]->SetAttribute(Attribute("broadcast", int64_t{1})); }},
    {"attribute type", "Attribute 'axis' is FLOAT, but must be INT",
     [](Model& m) { Add(m.graph.get(), "Softmax", {m.graph->Find("x")}, {"z"})->SetAttribute(Attribute("axis", 1.0f)); }},
    {"missing attribute", "Attribute 'axis' (INT) is required but missing",
     [](Model& m) { Add(m.graph.get(), "Concat", {m.graph->Find("x")}, {"z"}); }},
    {"attribute twice", "Attribute 'axis' stands there twice",
     [](Model& m) {
       Node* node = Add(m.graph.get(), "Softmax", {m.graph->Find("x")}, {"z"});
       for (int i = 0; i < 2; ++i) node->mutable_attributes().emplace_back("axis", int64_t{1});
     }},
    {"reference outside a function", "refers to an attribute 'a' of a function, but is not in one",
     [](Model& m) {
       Attribute& axis = Add(m.graph.get(), "Softmax", {m.graph->Find("x")}, {"z"})->SetAttribute(Attribute("axis", int64_t{1}));
       axis.value = std::monostate();
       axis.ref_attr_name = "a";
     }},
    {"second value", "holds a value of another type",
     [](Model& m) {
       // AttributeProto.f (field 2, fixed32) beside the int.
       Add(m.graph.get(), "Softmax", {m.graph->Find("x")}, {"z"})->SetAttribute(Attribute("axis", int64_t{1})).extras.unknown =
           std::string("\x15\0\0\0\0", 5);
     }},

    {"raw size", "is float[2], which takes 8 bytes, but has 7 bytes",
     [](Model& m) { m.graph->AddInitializer(RawTensor("t", DataType::kFloat, {2}, "1234567")); }},
    {"packed raw size", "is int4[3], which takes 2 bytes, but has 3",
     [](Model& m) { m.graph->AddInitializer(RawTensor("t", DataType::kInt4, {3}, "123")); }},
    {"packed raw size of 6 bits", "is float6e2m3[5], which takes 4 bytes, but has 3",
     [](Model& m) { m.graph->AddInitializer(RawTensor("t", DataType::kFloat6E2M3, {5}, "123")); }},
    {"a value each of 6 bits", "is float6e3m2[3], which takes 3 values, but has 2 in int32_data",
     [](Model& m) { m.graph->AddInitializer(TypedTensor(DataType::kFloat6E3M2, {3}, 5, "\x01\x02")); }},
    {"negative dim", "has a negative dim", [](Model& m) { m.graph->AddInitializer(RawTensor("t", DataType::kFloat, {-1}, "")); }},
    {"overflowing dims", "its dims [4611686018427387904,16] overflow",
     [](Model& m) {
       m.graph->AddInitializer(RawTensor("t", DataType::kFloat, {int64_t{1} << 62, 16}, ""));
     }},
    {"no data", "but has no data",
     [](Model& m) {
       StoredTensor t;
       t.name = "t";
       t.dtype = DataType::kFloat;
       t.dims = {2};
       m.graph->AddInitializer(t);
     }},
    {"raw strings", "holds strings in raw_data", [](Model& m) { m.graph->AddInitializer(RawTensor("t", DataType::kString, {1}, "x")); }},
    {"data in the wrong field", "whose data belongs into int64_data or raw_data, but stands in int32_data",
     [](Model& m) { m.graph->AddInitializer(TypedTensor(DataType::kInt64, {1}, 5, "\x01")); }},
    {"too few varints", "takes 3 values, but has 2 in int64_data",
     [](Model& m) { m.graph->AddInitializer(TypedTensor(DataType::kInt64, {3}, 7, "\x81\x01\x02")); }},
    {"several data fields", "has data in float_data besides another field",
     [](Model& m) {
       StoredTensor t = RawTensor("t", DataType::kInt8, {1}, "x");
       t.extras.unknown = std::string("\x22\x04\0\0\0\0", 6);
       m.graph->AddInitializer(std::move(t));
     }},
    {"no element type", "has no element type", [](Model& m) { m.graph->AddInitializer(RawTensor("t", DataType::kUndefined, {1}, "x")); }},
    {"two initializers of one name", "more than one initializer 'w'",
     [](Model& m) { m.graph->SetInitializer(m.graph->AddValue("w", true), RawTensor("w", DataType::kInt8, {1}, "x")); }},
    {"initializer not an input in IR 3", "is not a graph input, as it must be before IR version 4", [](Model& m) { m.ir_version = 3; }},
    {"initializer of another type than the input", "but the input of that name is declared float[batch,3]",
     [](Model& m) { m.graph->SetInitializer(m.graph->Find("x"), StoredTensor::Of("x", Tensor::From<int64_t>({1}, {1}))); }},
    {"unsorted sparse indices", "not in ascending order",
     [](Model& m) {
       AddSparse(m, {4}, {2, 1});
     }},
    {"sparse index out of range", "has index 4 at position 1, which is not between 0 and 3",
     [](Model& m) {
       AddSparse(m, {4}, {0, 4});
     }},
    {"sparse without dims", "has no dims", [](Model& m) { AddSparse(m, {}, {0}); }},

    {"map with float keys", "keys of type float",
     [](Model& m) { m.graph->AddInput(Info(m.graph->AddValue("m"), Type::Map(DataType::kFloat, Type::Tensor(DataType::kFloat)))); }},
    {"sequence of nothing", "does not say what it contains",
     [](Model& m) {
       Type t;
       t.kind = Type::Kind::kSequence;
       m.graph->AddInput(Info(m.graph->AddValue("s"), t));
     }},
    {"negative dim of an input", "Dim 0 of input 'n' is -1",
     [](Model& m) { m.graph->AddInput(Info(m.graph->AddValue("n"), Type::Tensor(DataType::kFloat, Shape{-1}))); }},

    {"branch outputs", "The graph 'then_branch' has 2 outputs, but the node needs 1", [](Model& m) { AddIf(m, 2); }},
    {"branch inputs", "has 1 inputs, but the node needs 0",
     [](Model& m) {
       Graph* branch = std::get<std::shared_ptr<Graph>>(AddIf(m, 1)->mutable_attributes()[0].value).get();
       branch->AddInput(Info(branch->AddValue("i")));
     }},
    {"shadowing", "main/If -> 'if_y'.then_branch: Relu -> 'x': The output 'x' hides the value of that name in 'main'",
     [](Model& m) {
       Graph* branch = std::get<std::shared_ptr<Graph>>(AddIf(m, 1)->mutable_attributes()[0].value).get();
       Add(branch, "Relu", {m.graph->Find("w")}, {"x"});
     }},
    {"output of an outer graph", "Output 'x' is not defined in this graph but in an outer one",
     [](Model& m) { std::get<std::shared_ptr<Graph>>(AddIf(m, 0)->mutable_attributes()[0].value)->AddOutput(Info(m.graph->Find("x"))); }},

    {"recursive function", "Functions call themselves: com.example.F -> com.example.G -> com.example.F",
     [](Model& m) {
       AddFunction(m, "F", "G");
       AddFunction(m, "G", "F");
     }},
    {"function twice", "more than one function of this name",
     [](Model& m) {
       AddFunction(m, "F");
       AddFunction(m, "F");
     }},
    {"function without domain", "The function has no domain", [](Model& m) { AddFunction(m, "F").domain.clear(); }},
    {"function attribute twice", "lists its attribute 'a' twice",
     [](Model& m) {
       AddFunction(m, "F").attributes = {"a", "a"};
     }},
    {"function attribute in both lists", "lists its attribute 'a' twice: with a default",
     [](Model& m) {
       auto& f = AddFunction(m, "F");
       f.attributes = {"a"};
       f.attribute_defaults.emplace_back("a", int64_t{1});
     }},
    {"function without import", "The function imports no version of domain 'ai.onnx'",
     [](Model& m) { AddFunction(m, "F").opset_imports.clear(); }},
    {"function of another opset", "and the operator changed between them",
     [](Model& m) { AddFunction(m, "F").opset_imports[0].version = 1; }},
    {"function reference", "refers to 'b', which is no attribute of the function",
     [](Model& m) {
       ir::Function& f = AddFunction(m, "F");
       f.attributes = {"a"};
       Attribute alpha("alpha", 1.0f);
       alpha.value = std::monostate();
       alpha.ref_attr_name = "b";
       Add(f.body.get(), "Elu", {f.body->Find("x")}, {"z"})->SetAttribute(alpha);
     }},
    {"call with too many inputs", "Has 2 inputs, but the function it calls has 1",
     [](Model& m) {
       AddFunction(m, "F");
       m.SetOpset("com.example", 1);
       Add(m.graph.get(), "F", {m.graph->Find("x"), m.graph->Find("w")}, {"z"})->domain = "com.example";
     }},
    {"training binding", "sets 'nothing', which is no initializer",
     [](Model& m) {
       m.training_info.emplace_back().algorithm = Body("step");
       m.training_info.back().update_binding = {{"nothing", "x"}};
     }},
};

TEST(CheckTest, FindsWhatIsBroken) {
  for (const Case& one : kCases) {
    auto model = GoodModel();
    one.damage(*model);
    CheckOptions options;
    options.infer = false;
    const std::string text = AllText(CheckModel(*model, options));
    EXPECT_NE(text.find(one.expected), std::string::npos) << one.name << "\n  expected: " << one.expected << "\n  findings: " << text;
  }
}

TEST(CheckTest, FindingsNameKnownRules) {
  for (const Case& one : kCases) {
    auto model = GoodModel();
    one.damage(*model);
    for (const Finding& finding : CheckModel(*model)) {
      EXPECT_TRUE(std::any_of(AllRules().begin(), AllRules().end(), [&](const Rule& r) { return r.name == finding.rule; })) << finding.rule;
    }
  }
}

TEST(CheckTest, ReportsEverythingAtOnce) {
  auto model = GoodModel();
  size_t least = 0;
  for (const char* name : {"graph name", "undefined name", "unknown operator", "raw size", "two outputs of one name"}) {
    std::find_if(std::begin(kCases), std::end(kCases), [&](const Case& c) { return std::string_view(c.name) == name; })->damage(*model);
    ++least;
  }
  EXPECT_GE(CheckModel(*model).size(), least);
}

TEST(CheckTest, FindingsAreBounded) {
  auto model = GoodModel();
  for (int i = 0; i < 1000; ++i) Add(model->graph.get(), "NoSuchOperator", {model->graph->AddValue("undefined")}, {});
  CheckOptions options;
  options.max_findings = 100;
  const std::vector<Finding> findings = CheckModel(*model, options);
  ASSERT_EQ(findings.size(), 101u);
  EXPECT_NE(findings.back().message.find("more findings are not listed"), std::string::npos);
  EXPECT_TRUE(HasErrors(findings));
}

TEST(CheckTest, HostileNamesAreShortened) {
  auto model = GoodModel();
  model->graph->nodes()[2]->op_type = std::string(1 << 20, 'x') + "\n\x1b[31m";
  for (const Finding& finding : CheckModel(*model)) {
    EXPECT_LT(finding.ToString().size(), 2000u);
    EXPECT_EQ(finding.ToString().find('\x1b'), std::string::npos);
  }
}

TEST(CheckTest, TypesAreHeldAgainstSchemas) {
  auto model = GoodModel();
  Graph* g = model->graph.get();
  Value* i = g->AddInitializer(StoredTensor::Of("i", Tensor::From<int64_t>({3}, {1, 2, 3})));
  Add(g, "Add", {g->Find("x"), i}, {"mixed"});
  Add(g, "Sin", {i}, {"sine"});
  const std::string text = AllText(CheckModel(*model));
  EXPECT_NE(text.find("Input 1 ('i') is tensor(int64), but input 0 ('x') is tensor(float); both must be of one type (T)"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("Input 0 ('i') is tensor(int64), but Sin version 7 takes tensor(float16), tensor(float), tensor(double)"),
            std::string::npos)
      << text;
}

TEST(CheckTest, DeclaredShapesAreHeldAgainstInferredOnes) {
  auto model = GoodModel();
  model->graph->mutable_outputs()[0].type = Type::Tensor(DataType::kFloat, Shape{ir::Dim::Symbol("batch"), 4});
  EXPECT_TRUE(HasErrors(CheckModel(*model)));
}

class ExternalDataTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(folder_ / "model");
    std::ofstream(folder_ / "model" / "w.bin") << std::string(16, 'x');
    std::ofstream(folder_ / "outside.bin") << std::string(16, 'x');
    std::filesystem::remove(folder_ / "model" / "link.bin");
    std::filesystem::create_symlink(folder_ / "outside.bin", folder_ / "model" / "link.bin");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Check(ir::StringPairs entries, std::vector<int64_t> dims = {4}) {
    auto model = GoodModel();
    StoredTensor tensor = RawTensor("e", DataType::kFloat, std::move(dims), "");
    StoredTensor::External external;
    external.entries = std::move(entries);
    external.folder = folder_ / "model";
    tensor.storage = std::move(external);
    model->graph->AddInitializer(std::move(tensor));
    CheckOptions options;
    options.infer = false;
    return AllText(CheckModel(*model, options));
  }
  std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("sardonyx_check_test_" + std::to_string(::getpid()));
};

TEST_F(ExternalDataTest, GoodAndBad) {
  EXPECT_EQ(Check({{"location", "w.bin"}}), "");
  EXPECT_EQ(Check({{"location", "w.bin"}, {"offset", "8"}, {"length", "8"}}, {2}), "");
  const std::pair<ir::StringPairs, const char*> bad[] = {
      {{}, "has no location"},
      {{{"location", "missing.bin"}}, "cannot be read"},
      {{{"location", "../outside.bin"}}, "leads out of the model's folder"},
      {{{"location", "/etc/hostname"}}, "absolute"},
      {{{"location", "link.bin"}}, "leads out of the model's folder"},
      {{{"location", "."}}, "which is not a file"},
      {{{"location", "w.bin"}, {"offset", "4"}}, "which has only 16"},
      {{{"location", "w.bin"}, {"offset", "18446744073709551615"}}, "which has only 16"},
      {{{"location", "w.bin"}, {"offset", "-1"}}, "not a number of bytes"},
      {{{"location", "w.bin"}, {"length", "12"}}, "takes 16 bytes, but its external data is said to have 12"},
  };
  for (const auto& [entries, expected] : bad) {
    const std::string text = Check(entries);
    EXPECT_NE(text.find(expected), std::string::npos) << expected << "\n" << text;
  }
}

// Every model of the conformance suite is valid by definition.
TEST(CheckTest, RealModelsAreValid) {
  const char* shared = std::getenv("SARDONYX_SHARED");
  const std::filesystem::path root = shared ? shared : SARDONYX_SOURCE_DIR "/../shared";
  int count = 0;
  for (const char* folder : {"models", "bench", "conformance/onnx-1.22.0"}) {
    if (!std::filesystem::is_directory(root / folder)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
      if (entry.path().extension() != ".onnx") continue;
      auto model = ir::LoadModel(entry.path());
      ASSERT_TRUE(model.ok()) << model.status().ToString();
      const std::vector<Finding> findings = CheckModel(**model);
      EXPECT_FALSE(HasErrors(findings)) << entry.path() << "\n" << AllText(findings);
      ++count;
    }
  }
  if (count == 0) GTEST_SKIP() << "no models: set SARDONYX_SHARED to the folder that holds models/ and conformance/";
}

}  // namespace
}  // namespace sardonyx::check
