#include "import/pytorch/import_pytorch.h"

#include <gtest/gtest.h>

#include "import/pytorch/exported_program.h"
#include "import/pytorch/signature.h"
#include "import/pytorch/symbolic_size.h"
#include "import/pytorch/translation.h"
#include "ir/text.h"

namespace sardonyx::pytorch {
namespace {

TEST(SymbolicSize, ReadsSympy) {
  const char* kSize = "Symbol('s0', positive=True, integer=True)";
  const auto read = [](const std::string& text) { return ParseSymbolicSize(text).ToString(); };
  EXPECT_EQ(read(kSize), "s0");
  EXPECT_EQ(read(std::string("Mul(Integer(2), ") + kSize + ")"), "2*s0");
  EXPECT_EQ(read(std::string("Add(Integer(-1), Mul(Integer(3), ") + kSize + "))"), ir::Dim::Parse("3*s0 - 1").ToString());
  EXPECT_EQ(read(std::string("FloorDiv(") + kSize + ", Integer(2))"), ir::Dim::Parse("s0//2").ToString());
  EXPECT_EQ(read("2*s1"), "2*s1");
  EXPECT_TRUE(ParseSymbolicSize("Mul(Integer(2), ").is_unknown());
  EXPECT_TRUE(ParseSymbolicSize(std::string(100000, '(')).is_unknown());
}

TEST(Signature, BindsArguments) {
  const Signature* add = FindSignature("aten.add.Tensor");
  ASSERT_NE(add, nullptr);
  ASSERT_EQ(add->parameters.size(), 3u);
  EXPECT_EQ(add->parameters[2].name, "alpha");
  EXPECT_TRUE(add->parameters[2].keyword_only);
  const auto bound = BindArguments(*add, {IValue(int64_t{1})}, {{"other", IValue(2.5)}});
  ASSERT_TRUE(bound.ok());
  EXPECT_EQ((*bound)[2].integer(), 1);
  EXPECT_FALSE(BindArguments(*add, {IValue(int64_t{1})}, {}).ok());
  EXPECT_FALSE(BindArguments(*add, {}, {{"nothing", IValue()}}).ok());

  const Signature* in_place = FindSignature("aten.relu_.default");
  ASSERT_NE(in_place, nullptr);
  EXPECT_TRUE(in_place->IsMutating());
  const Signature* view = FindSignature("aten.transpose.int");
  EXPECT_EQ(view->returns[0].alias, view->parameters[0].alias);
  EXPECT_NE(view->returns[0].alias, 0);
  EXPECT_FALSE(view->IsMutating());
  // dtypes as TorchScript numbers them.
  const auto typed = BindArguments(*FindSignature("aten.zeros.default"), {IValue::MakeList({})}, {{"dtype", IValue(int64_t{7})}});
  ASSERT_TRUE(typed.ok());
  EXPECT_EQ((*typed)[1].dtype(), DataType::kDouble);
}

TEST(Promotion, AsPyTorch) {
  using enum DataType;
  EXPECT_EQ(PromoteTypes(kInt32, kFloat16), kFloat16);
  EXPECT_EQ(PromoteTypes(kFloat16, kBfloat16), kFloat);
  EXPECT_EQ(PromoteTypes(kUint8, kInt8), kInt16);
  EXPECT_EQ(PromoteTypes(kBool, kUint8), kUint8);
  EXPECT_EQ(PromoteTypes(kFloat, kDouble), kDouble);
}

// A program of nodes that are added by hand.
struct Case {
  Program program;
  Case() { program.graph = std::make_shared<Graph>(); }
  Value* Input(const std::string& name, ir::Type type) {
    Value* value = program.graph->AddValue(name, Kind::kTensor, std::move(type));
    program.inputs.push_back({value, name});
    return value;
  }
  const Value* Add(const std::string& target, std::vector<IValue> arguments, const std::string& name) {
    Node* node = program.graph->AddNode(target);
    node->name = name;
    node->inputs = *BindArguments(*FindSignature(target), std::move(arguments), {});
    return program.graph->AddOutput(node, name);
  }
  StatusOr<import::Imported> Import(const Value* result) {
    program.outputs.push_back({IValue(result), "y"});
    return ImportProgram(program, {});
  }
};
std::vector<std::string> Operators(const import::Imported& imported) {
  std::vector<std::string> names;
  for (const auto& node : imported.model->graph->nodes()) names.push_back(node->op_type);
  return names;
}
ir::Type Floats(std::initializer_list<ir::Dim> dims) { return ir::Type::Tensor(DataType::kFloat, ir::Shape(dims)); }
IValue Ints(std::initializer_list<int64_t> values) {
  IValue::List list;
  for (const int64_t value : values) list.emplace_back(value);
  return IValue::MakeList(std::move(list));
}

TEST(Memory, WritesThroughViews) {
  Case c;
  const Value* x = c.Input("x", Floats({4, 3}));
  const Value* copy = c.Add("aten.clone.default", {IValue(x)}, "copy");
  const Value* row = c.Add("aten.select.int", {IValue(copy), IValue(int64_t{0}), IValue(int64_t{1})}, "row");
  c.Add("aten.mul_.Scalar", {IValue(row), IValue(2.0)}, "twice");
  auto imported = c.Import(copy);
  ASSERT_TRUE(imported.ok()) << imported.status().ToString();
  EXPECT_EQ(Operators(*imported), (std::vector<std::string>{"Gather", "Mul", "Unsqueeze", "ScatterND"}));
}

TEST(Memory, OtherViewsAreMadeAnew) {
  Case c;
  const Value* x = c.Input("x", Floats({4, 3}));
  const Value* copy = c.Add("aten.clone.default", {IValue(x)}, "copy");
  const Value* flat = c.Add("aten.view.default", {IValue(copy), Ints({12})}, "flat");
  c.Add("aten.relu_.default", {IValue(copy)}, "positive");
  auto imported = c.Import(flat);
  ASSERT_TRUE(imported.ok()) << imported.status().ToString();
  EXPECT_EQ(Operators(*imported), (std::vector<std::string>{"Relu", "Reshape"}));
}

TEST(Translator, ListsEverythingUnsupported) {
  Case c;
  const Value* x = c.Input("x", Floats({4, 4}));
  const Value* a = c.Add("aten.linalg_eigvals.default", {IValue(x)}, "first");
  const Value* b = c.Add("aten.linalg_pinv.default", {IValue(a), IValue(0.1)}, "second");
  const Value* d = c.Add("aten.linalg_eigvals.default", {IValue(b)}, "third");
  auto imported = c.Import(d);
  ASSERT_TRUE(imported.ok()) << imported.status().ToString();
  EXPECT_EQ(imported->model, nullptr);
  ASSERT_EQ(imported->report.unsupported.size(), 2u);
  EXPECT_EQ(imported->report.unsupported[0].target, "aten.linalg_eigvals.default");
  EXPECT_EQ(imported->report.unsupported[0].places, (std::vector<std::string>{"first", "third"}));
}

TEST(ExportedJson, SaysWhatIsWrong) {
  const FindParameter none = [](const std::string&) -> StatusOr<std::shared_ptr<const Parameter>> {
    return std::shared_ptr<const Parameter>();
  };
  for (const char* text :
       {"", "{", "[]", "{\"graph_module\": 3}", "{\"graph_module\": {\"graph\": {\"inputs\": 5}, \"signature\": {}}}",
        "{\"graph_module\": {\"graph\": {\"inputs\": [], \"nodes\": [{}], \"outputs\": []}, \"signature\": {\"input_specs\": []}}}"}) {
    const auto read = ReadExportedJson(text, none);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.status().code(), StatusCode::kCorrupt) << text;
  }
}

}  // namespace
}  // namespace sardonyx::pytorch
