#include "import/pytorch/import_pytorch.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/status_macros.h"
#include "formats/zip.h"
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
  // Rules go by the names of the pure form, where it takes the same.
  EXPECT_EQ(RuleSignature("aten.dropout_.default"), FindSignature("aten.dropout.default"));
  EXPECT_EQ(RuleSignature("aten.ldexp_.default"), FindSignature("aten.ldexp_.default"));
  EXPECT_EQ(PureTarget("aten.__ior__.Tensor"), "aten.__or__.Tensor");
  // What writes to arguments of its own.
  const Signature* writing = FindSignature("aten.max.dim_max");
  ASSERT_NE(writing, nullptr);
  EXPECT_EQ(PureTarget("aten.max.dim_max"), "aten.max.dim");
  EXPECT_EQ(RuleSignature("aten.max.dim_max"), FindSignature("aten.max.dim"));
  ASSERT_EQ(writing->parameters.size(), 5u);
  EXPECT_EQ(writing->parameters[4].name, "max_values");
  EXPECT_TRUE(writing->parameters[4].written);
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
  EXPECT_EQ(Operators(*imported), (std::vector<std::string>{"Gather", "Mul", "Unsqueeze", "Slice", "Slice", "Concat"}));
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
  const Value* b = c.Add("aten.linalg_eig.default", {IValue(a)}, "second");
  const Value* d = c.Add("aten.linalg_eigvals.default", {IValue(b)}, "third");
  auto imported = c.Import(d);
  ASSERT_TRUE(imported.ok()) << imported.status().ToString();
  EXPECT_EQ(imported->model, nullptr);
  ASSERT_EQ(imported->report.unsupported.size(), 2u);
  EXPECT_EQ(imported->report.unsupported[0].target, "aten.linalg_eigvals.default");
  EXPECT_EQ(imported->report.unsupported[0].places, (std::vector<std::string>{"first", "third"}));
}

// Operators of higher order have no signature: their arguments are what the file gives, by position.
TEST(HigherOrder, BlocksEffectsAndTypes) {
  const auto block = [] {
    auto graph = std::make_shared<Graph>();
    graph->inputs.push_back(graph->AddValue("a"));
    Node* node = graph->AddNode("aten.relu.default");
    node->inputs = {IValue(static_cast<const Value*>(graph->inputs[0]))};
    graph->outputs.emplace_back(static_cast<const Value*>(graph->AddOutput(node, "b")));
    return IValue(std::shared_ptr<const Graph>(std::move(graph)));
  };
  const struct {
    const char* target;
    std::vector<IValue> before;  // of x
    size_t result;
    std::vector<std::string> operators;
  } cases[] = {
      {"higher_order.invoke_subgraph", {block(), IValue(std::string("region_0"))}, 0, {"Relu"}},
      {"higher_order.out_dtype", {IValue(std::string("torch.ops.aten.relu.default")), IValue(DataType::kDouble)}, 0, {"Cast", "Relu"}},
      {"higher_order.with_effects", {IValue(), IValue(std::string("torch.ops.aten.relu.default"))}, 1, {"Relu"}},
  };
  for (const auto& one : cases) {
    Case c;
    const Value* x = c.Input("x", Floats({4}));
    Node* node = c.program.graph->AddNode(one.target);
    node->inputs = one.before;
    node->inputs.emplace_back(x);
    const Value* result = nullptr;
    for (size_t i = 0; i <= one.result; ++i) result = c.program.graph->AddOutput(node, i == one.result ? "y0" : "");
    auto imported = c.Import(result);
    ASSERT_TRUE(imported.ok() && imported->model != nullptr) << one.target << ": " << imported.status().ToString();
    EXPECT_EQ(Operators(*imported), one.operators) << one.target;
  }
  Case c;
  const Value* x = c.Input("x", Floats({4}));
  Node* node = c.program.graph->AddNode("torch._functorch.predispatch._add_batch_dim");
  node->inputs = {IValue(x)};
  const auto imported = c.Import(c.program.graph->AddOutput(node, "y0"));
  ASSERT_TRUE(imported.ok()) << imported.status().ToString();
  ASSERT_EQ(imported->report.unsupported.size(), 1u);
  EXPECT_NE(imported->report.unsupported[0].reason.find("run_decompositions"), std::string::npos);
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

// y = x W^T as an exported program of one kind of layout: the archive's members, the graph's parts where versions differ.
StatusOr<import::Imported> ImportLayout(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string archive;
  formats::ZipWriter zip([&archive](const void* data, size_t size) {
    archive.append(static_cast<const char*>(data), size);
    return Status();
  });
  for (const auto& [name, text] : members) {
    const std::string_view content = text;
    RETURN_IF_ERROR(zip.Add(name, {&content, 1}));
  }
  RETURN_IF_ERROR(zip.Finish());
  ASSIGN_OR_RETURN(Program program, ReadExportedProgram(Bytes::Own(std::move(archive))));
  return ImportProgram(program, {});
}
std::string LinearJson(const std::string& meta_open, const std::string& meta_close, const std::string& signature) {
  const auto sizes = [&](const char* name, const char* list) {
    return "\"" + std::string(name) + "\": " + meta_open + "{\"dtype\": 7, \"sizes\": [" + list +
           "], \"strides\": [], \"storage_offset\": 0, \"layout\": 7, \"requires_grad\": false}" + meta_close;
  };
  return R"({"graph_module": {"graph": {"inputs": [{"as_tensor": {"name": "arg0_1"}}, {"as_tensor": {"name": "arg1_1"}}],
    "outputs": [{"as_tensor": {"name": "mm"}}], "nodes": [
      {"target": "torch.ops.aten.t.default", "inputs": [{"name": "self", "arg": {"as_tensor": {"name": "arg0_1"}}}],
       "outputs": [{"as_tensor": {"name": "t"}}], "metadata": {}},
      {"target": "torch.ops.aten.mm.default", "inputs": [{"name": "self", "arg": {"as_tensor": {"name": "arg1_1"}}},
       {"name": "mat2", "arg": {"as_tensor": {"name": "t"}}}], "outputs": [{"as_tensor": {"name": "mm"}}], "metadata": {}}],
    "tensor_values": {)" +
         sizes("arg0_1", R"({"as_int": 3}, {"as_int": 4})") + ", " + sizes("arg1_1", R"({"as_int": 2}, {"as_int": 4})") + ", " +
         sizes("mm", R"({"as_int": 2}, {"as_int": 3})") + R"(}, "sym_int_values": {}, "sym_bool_values": {}}, "signature": )" + signature +
         R"(, "call_spec": {"in_spec": "", "out_spec": ""}, "module_call_graph": []}, "opset_version": {"aten": 10}, "range_constraints": {}})";
}

// Lists of optional tensors hold bare names up to torch 2.2, and floats stand as Python writes them up to 2.4.
TEST(ExportedLayouts, OldArguments) {
  const std::string program = R"({"graph_module": {"graph": {"inputs": [{"as_tensor": {"name": "x"}}, {"as_tensor": {"name": "i"}}],
    "outputs": [{"as_tensor": {"name": "z"}}], "nodes": [
      {"target": "torch.ops.aten.index.Tensor", "inputs": [{"name": "self", "arg": {"as_tensor": {"name": "x"}}},
       {"name": "indices", "arg": {"as_optional_tensors": [{"as_tensor": null, "as_none": []}, {"as_tensor": "i", "as_none": null}]}}],
       "outputs": [{"as_tensor": {"name": "y"}}], "metadata": {}},
      {"target": "torch.ops.aten.clamp.default", "inputs": [{"name": "self", "arg": {"as_tensor": {"name": "y"}}},
       {"name": "min", "arg": {"as_float": -Infinity}}], "outputs": [{"as_tensor": {"name": "z"}}], "metadata": {}}],
    "tensor_values": {"x": {"meta": {"dtype": 7, "sizes": [{"as_int": 2}, {"as_int": 4}]}}, "i": {"meta": {"dtype": 5, "sizes": [{"as_int": 3}]}}},
    "sym_int_values": {}, "sym_bool_values": {}}, "signature": {"inputs_to_parameters": {}, "inputs_to_buffers": {}, "buffers_to_mutate": {}}}})";
  const auto imported = ImportLayout({{"serialized_exported_program.json", program}, {"version", "1"}});
  ASSERT_TRUE(imported.ok()) << imported.status().ToString();
  ASSERT_NE(imported->model, nullptr);
  EXPECT_EQ(imported->model->graph->outputs()[0].value->type.ToString(), "float[2,3]");
}

TEST(ExportedLayouts, OfEveryVersion) {
  const auto weights = MapFile(std::filesystem::path(SARDONYX_SOURCE_DIR) / "src/formats/testdata/torch/stored.pt");
  ASSERT_TRUE(weights.ok()) << weights.status().ToString();
  const std::string state(weights->view());  // of torch.save: `whole` is [3, 4]
  const std::string maps = R"({"inputs_to_parameters": {"arg0_1": "whole"}, "inputs_to_buffers": {}, "user_inputs": ["arg1_1"],
    "user_outputs": ["mm"], "buffers_to_mutate": {}, "backward_signature": null})";
  const std::string specs = R"({"input_specs": [{"parameter": {"arg": {"name": "arg0_1"}, "parameter_name": "whole"}},
    {"user_input": {"arg": {"as_tensor": {"name": "arg1_1"}}}}], "output_specs": [{"user_output": {"arg": {"as_tensor": {"name": "mm"}}}}]})";
  const struct {
    const char* version;
    std::vector<std::pair<std::string, std::string>> members;
  } cases[] = {
      {"2.1",
       {{"serialized_exported_program.json", LinearJson("{\"meta\": ", "}", maps)},
        {"serialized_state_dict.json", state},
        {"version", "1"}}},
      {"2.2",
       {{"serialized_exported_program.json", LinearJson("", "", specs)},
        {"serialized_state_dict.json", state},
        {"serialized_constants.json", ""},
        {"version", "2"}}},
      {"2.4",
       {{"version", "5.1"},
        {"serialized_exported_program.json", LinearJson("", "", specs)},
        {"serialized_state_dict.pt", state},
        {"serialized_constants.pt", ""},
        {"serialized_example_inputs.pt", ""}}},
      {"2.7",
       {{"model/archive_format", "pt2"},
        {"model/models/model.json", LinearJson("", "", specs)},
        {"model/data/weights/model.pt", state},
        {"model/data/constants/model.pt", ""},
        {"model/archive_version", "0"}}},
  };
  for (const auto& c : cases) {
    const auto imported = ImportLayout(c.members);
    ASSERT_TRUE(imported.ok()) << c.version << ": " << imported.status().ToString();
    ASSERT_NE(imported->model, nullptr) << c.version;
    EXPECT_EQ(imported->model->graph->inputs().size(), 1u) << c.version;
    EXPECT_EQ(imported->model->graph->outputs()[0].value->type.ToString(), "float[2,3]") << c.version;
  }
}

}  // namespace
}  // namespace sardonyx::pytorch
