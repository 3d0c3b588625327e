#include "ir/text.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/file.h"
#include "base/shared_data.h"
#include "ir/descriptor_message.h"
#include "ir/load.h"
#include "ir/save.h"

namespace sardonyx::ir {
namespace {

constexpr std::string_view kHeader = "<ir_version: 10, opset_import: [\"\" : 21]>\n";

std::unique_ptr<Model> Parsed(std::string_view text) {
  auto model = ParseText(text);
  EXPECT_TRUE(model.ok()) << model.status().ToString();
  return model.ok() ? *std::move(model) : std::make_unique<Model>();
}

// The graph of a text without header, printed and read again: nothing may change on the way.
std::unique_ptr<Model> ParsedGraph(const std::string& graph) {
  auto model = Parsed(std::string(kHeader) + graph);
  if (!model->graph) return model;
  const std::string printed = PrintText(*model);
  auto again = Parsed(printed);
  std::string difference;
  EXPECT_TRUE(SemanticallyEqual(SerializeModel(*model), SerializeModel(*again), MessageKind::kModelProto, &difference))
      << difference << "\n"
      << printed;
  EXPECT_EQ(printed, PrintText(*again));
  return model;
}

const Node& FirstNode(const Model& model) { return *model.graph->nodes().front(); }

Tensor InitializerOf(const Model& model, std::string_view name) {
  const Value* value = model.graph->Find(name);
  if (!value || !value->initializer()) {
    ADD_FAILURE() << "no initializer " << name;
    return {};
  }
  auto tensor = value->initializer()->ToTensor();
  EXPECT_TRUE(tensor.ok()) << tensor.status().ToString();
  return tensor.ok() ? tensor->Aligned() : Tensor();
}

TEST(Text, ReadsAModel) {
  const auto model = Parsed(R"(
    <  # the header
      ir_version: 8, opset_import: ["" : 18, "ai.onnx.ml" : 3], producer_name: "me", producer_version: "1", domain: "d",
      model_version: 7, doc_string: "a \"doc\"", metadata_props: ["k": "v", "l": ""]
    >
    agraph (float[N, 128] X, float[128,10] W = ["location": "w.bin", "offset": "0"]) => (float[N, 10] C)
    <float[10] b = {1,2,3,4,5,6,7,8,9,-1e1}, float[N,10] T>
    {
      T = MatMul(X, W)
      [add] C = Add(T, b)
    })");
  EXPECT_EQ(model->ir_version, 8);
  EXPECT_EQ(model->OpsetVersion("ai.onnx.ml"), 3);
  EXPECT_EQ(model->doc, "a \"doc\"");
  EXPECT_EQ(model->metadata, (StringPairs{{"k", "v"}, {"l", ""}}));
  ASSERT_EQ(model->graph->nodes().size(), 2u);
  EXPECT_EQ(model->graph->nodes()[1]->name, "add");
  EXPECT_EQ(model->graph->nodes()[1]->input(0), model->graph->nodes()[0]->output(0));
  EXPECT_EQ(model->graph->inputs()[0].type->ToString(), "float[N,128]");
  EXPECT_EQ(model->graph->value_info.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<StoredTensor::External>(model->graph->Find("W")->initializer()->storage));
  EXPECT_EQ(InitializerOf(*model, "b").data<float>()[9], -10.0f);
}

TEST(Text, ReadsTypes) {
  const auto model = ParsedGraph(
      "g (float s, float[] any, double[?, \"2*n + 1\", 3] d, seq(map(string, optional(int64[2]))) q, sparse_tensor(float16[4]) p,"
      "   opaque(a.b, c) o, opaque(t) u, float8e4m3fnuz[1] f8, int2[5] i2, untyped) => (complex128[0] y) { }");
  const auto type = [&](size_t i) { return model->graph->inputs()[i].type->ToString(); };
  EXPECT_EQ(model->graph->inputs()[0].type->shape->rank(), 0u);
  EXPECT_FALSE(model->graph->inputs()[1].type->shape.has_value());
  EXPECT_EQ(type(3), "seq(map(string,optional(int64[2])))");
  EXPECT_EQ(model->graph->inputs()[5].type->opaque_domain, "a.b");
  EXPECT_EQ(model->graph->inputs()[7].type->dtype, DataType::kFloat8E4M3FNUZ);
  EXPECT_FALSE(model->graph->inputs()[9].type.has_value());
}

TEST(Text, ReadsAttributes) {
  const auto model = ParsedGraph(
      "g (x) => (y) { y = my.domain.Op:over <a = 1, b = -2.5, c = \"s\\\\\", d : float = 3, e = [1, 2], f = [1, 2.5], h : ints = [],"
      "  i = [\"p\", \"q\"], j = float[2] t {1, 2}, k = seq(float[N]), l : type_protos = [float, int64[2]], m = [float {1}, int8[1] {2}],"
      "  n = body (float z) => (float w) { w = Neg(z) v = Add(z, x) }, o = [g1 () => () {}, \"g 2\" () => () {}], p = @ref, q : int = @ref,"
      "  r = sparse_tensor(float[4]) {float[2] {1, 2}, int64[2] {0, 3}}, s = -inf, \"odd name\" = 1, u = sparse_tensor(float[4])>"
      " (x, , \"\", x,) }");
  const Node& node = FirstNode(*model);
  EXPECT_EQ(node.domain, "my.domain");
  EXPECT_EQ(node.overload, "over");
  ASSERT_EQ(node.inputs().size(), 4u);
  EXPECT_EQ(node.input(1), nullptr);
  EXPECT_EQ(node.GetInt("a", 0), 1);
  EXPECT_EQ(node.GetFloat("d", 0), 3.0f);
  EXPECT_EQ(node.GetString("c", ""), "s\\");
  EXPECT_EQ(node.GetFloats("f"), (std::vector<float>{1, 2.5f}));
  EXPECT_EQ(node.attribute("h")->type, AttributeType::kInts);
  EXPECT_EQ(node.attribute("j")->type, AttributeType::kTensor);
  EXPECT_EQ(node.attribute("l")->type, AttributeType::kTypeProtos);
  EXPECT_EQ(node.attribute("m")->type, AttributeType::kTensors);
  // A subgraph's nodes see the values around it.
  EXPECT_EQ(node.GetGraph("n")->nodes()[1]->input(1), node.input(0));
  EXPECT_EQ(node.attribute("o")->type, AttributeType::kGraphs);
  EXPECT_EQ(node.attribute("q")->ref_attr_name, "ref");
  EXPECT_EQ(node.attribute("q")->type, AttributeType::kInt);
  EXPECT_EQ(node.attribute("r")->type, AttributeType::kSparseTensor);
  EXPECT_EQ(node.GetFloat("s", 0), -INFINITY);
  EXPECT_EQ(node.GetInt("odd name", 0), 1);
  EXPECT_EQ(node.attribute("u")->type, AttributeType::kTypeProto);
}

TEST(Text, ReadsTensorsOfEveryType) {
  const auto model = ParsedGraph(
      "g () => () <float[3] f = {0x1.8p3, nan, 1e-50}, double d = {1e-310}, float16[3] h = {15360, 1.5, 0x7c00}, bfloat16[1] b = {16256},"
      " float8e5m2[1] e = {60}, int4[3] i4 = {1, -8, 7}, uint2[5] u2 = {0, 1, 2, 3, 1}, float4e2m1[2] f4 = {1, 15}, bool[2] t = {1, 0},"
      " float6e2m3[5] f6 = {1.0, 63, -7.5, 0, 2},"
      " int64[2] l = {-9223372036854775808, 9223372036854775807}, uint64[1] u = {18446744073709551615}, complex64[2] c = {1, 2, 3, -4.5},"
      " string[2] s = {\"a\nb\", \"\"}, float[0, 5] empty = {}, int8[2] i8 = {-128, 127}, uint32[1] u32 = {4294967295}> { }");
  EXPECT_EQ(InitializerOf(*model, "f").data<float>()[0], 12.0f);
  EXPECT_TRUE(std::isnan(InitializerOf(*model, "f").data<float>()[1]));
  EXPECT_EQ(InitializerOf(*model, "f").data<float>()[2], 0.0f);
  EXPECT_EQ(InitializerOf(*model, "d").data<double>()[0], 1e-310);
  EXPECT_EQ(InitializerOf(*model, "h").data<Float16>()[1].bits, 0x3e00);
  EXPECT_EQ(InitializerOf(*model, "h").data<Float16>()[2].bits, 0x7c00);
  const auto* i4 = static_cast<const uint8_t*>(InitializerOf(*model, "i4").raw_data());
  EXPECT_EQ(i4[0], 0x81);
  EXPECT_EQ(i4[1], 0x07);
  const auto* f6 = static_cast<const uint8_t*>(InitializerOf(*model, "f6").raw_data());
  EXPECT_EQ(std::vector<uint8_t>(f6, f6 + 4), (std::vector<uint8_t>{0xc8, 0xff, 0x03, 0x02}));
  EXPECT_EQ(InitializerOf(*model, "c").data<std::complex<float>>()[1], std::complex<float>(3, -4.5));
  EXPECT_EQ(InitializerOf(*model, "s").data<std::string>()[0], "a\nb");
  EXPECT_EQ(InitializerOf(*model, "u").data<uint64_t>()[0], UINT64_MAX);
  EXPECT_EQ(InitializerOf(*model, "empty").num_elements(), 0);
}

TEST(Text, ReadsFunctions) {
  const auto model = Parsed(std::string(kHeader) + R"(
    g (float[2] x) => (float[2] y) { y = local.twice <k = 2> (x) }
    <domain: "local", opset_import: ["" : 21], overload: "o", doc_string: "doubles">
    twice <k, bias : float = 0.5, plain> (float[2] a) => (b) <float[2] t> { t = Add(a, a) b = Mul <n : int = @k> (t, t) })");
  ASSERT_EQ(model->functions.size(), 1u);
  const Function& function = model->functions[0];
  EXPECT_EQ(function.domain, "local");
  EXPECT_EQ(function.overload, "o");
  EXPECT_EQ(function.attributes, (std::vector<std::string>{"k", "plain"}));
  ASSERT_EQ(function.attribute_defaults.size(), 1u);
  EXPECT_EQ(function.body->nodes().size(), 2u);
  EXPECT_EQ(function.body->value_info.size(), 2u);
  const auto alone = ParseFunctionText(PrintText(function));
  ASSERT_TRUE(alone.ok()) << alone.status().ToString();
  EXPECT_EQ(PrintText(*alone), PrintText(function));
  EXPECT_EQ(alone->body->nodes()[1]->attribute("n")->ref_attr_name, "k");
}

TEST(Text, ReadsAGraph) {
  const auto graph = ParseGraphText("\"a graph\" (float[1] x) => (y) { y = Neg(x) }");
  ASSERT_TRUE(graph.ok()) << graph.status().ToString();
  EXPECT_EQ((*graph)->name, "a graph");
}

TEST(Text, QuotesNamesThatNeedIt) {
  ParsedGraph(
      "\"my graph\" (float[\"a b\"] \"x/1:0\", float[2] \"float\") => (\"seq\") { [\"n/1\"] \"seq\" = \"my-domain\".v1.\"Op.Type\" "
      "(\"x/1:0\", \"\") }");
}

TEST(Text, SaysWhatIsWrongAndWhere) {
  const struct {
    std::string_view graph;
    std::string_view error;
  } cases[] = {
      {"g (x) => (y) { y = Add(x, x }", "1:29: expected ')' after the node's inputs, found '}'"},
      {"g (x) => (y) {\n  y = Foo <a = > (x)\n}", "2:16: expected the value of an attribute, found '> (x)'"},
      {"g (x) = (y) { }", "1:7: expected '=>' between inputs and outputs, found '= (y) { }'"},
      {"g (x) => (y) { y = Foo <a : flot = 1> (x) }", "1:29: expected an attribute type (float, ints, tensor, graph, ...), found 'flot'"},
      {"g (x) => (y) { y = Foo <a : int = 1.5> (x) }", "1:35: expected a value of type int, found one of type float"},
      {"g (x) => (y) { y = Foo <a = []> (x) }", "1:29: expected a type before an empty list, as in `name : ints = []`"},
      {"g (x) => (y) { y = Foo <a : int = [1]> (x) }", "1:35: expected one value of type int, found a list"},
      {"g (x) => (y) { y = Foo <a = 99999999999999999999> (x) }", "1:29: 99999999999999999999 does not fit int64"},
      {"g (x) => (y) { y = Foo <a = 1e39> (x) }", "1:29: 1e39 is too large for float"},
      {"g () => () <float[2] w = {1}> {}", "1:27: expected 2 numbers, as the tensor's shape says, found 1"},
      {"g () => () <int8[1] w = {128}> {}", "1:26: 128 does not fit int8"},
      {"g () => () <float[1000000000000,1000000000000] w = {1}> {}", "1:51: dimensions [1000000000000,1000000000000] overflow"},
      {"g () => () <float[-1] w = {1}> {}", "1:26: negative dimension in [-1]"},
      {"g () => () <float[N] w = {1}> {}", "1:26: expected numbers only as the dimensions before the data, found '{1}> {}'"},
      {"g () => () { y = \"unfinished }", "1:18: expected '\"' at the end of the string that begins with '\"unfinished }'"},
      {"g () => () { y = Foo(x) ", "1:25: expected '=' after the node's outputs, or '}' after the last node, found the end of the text"},
      {"g () => (12) { }", "1:10: expected a type or the name of a value, found '12) { }'"},
      {"", "1:1: expected the name of a graph, found the end of the text"},
      {"<ir_versoin: 1> g () => () {}",
       "1:2: expected one of ir_version, opset_import, producer_name, producer_version, domain, model_version, doc_string, metadata_props, "
       "found 'ir_versoin'"},
  };
  for (const auto& c : cases) {
    const auto model = ParseText(c.graph);
    ASSERT_FALSE(model.ok()) << c.graph;
    EXPECT_EQ(model.status().code(), StatusCode::kCorrupt);
    EXPECT_EQ(model.status().message(), c.error);
  }
}

TEST(Text, BoundsNesting) {
  std::string types = "g (", graphs, open;
  for (int i = 0; i < 100000; ++i) types += "seq(";
  EXPECT_FALSE(ParseText(types).ok());
  for (int i = 0; i < 10000; ++i) open += "g () => () { = If <b = ";
  EXPECT_FALSE(ParseText(open).ok());
}

TEST(Text, NamesWhatItCannotSay) {
  auto model = Parsed(std::string(kHeader) + "g (x) => (y) { [n] y = Neg(x) }");
  model->graph->doc = "about";
  model->graph->nodes()[0]->doc = "about";
  std::vector<std::string> losses;
  PrintText(*model, {.losses = &losses});
  EXPECT_EQ(losses, (std::vector<std::string>{"doc_string of Neg 'n'", "doc_string of graph 'g'"}));
}

TEST(Text, ElidesForPeople) {
  const auto model = Parsed(std::string(kHeader) + "g () => () <int8[4] w = {1, 2, 3, 4}> { }");
  EXPECT_NE(PrintText(*model, {.max_elements = 2}).find("int8[4] w = {1, 2, ...}"), std::string::npos);
}

// What is printed of every real model reads back as a model that prints the same.
TEST(Text, EverySharedModelIsKept) {
  namespace fs = std::filesystem;
  const fs::path shared = SharedData(SARDONYX_SOURCE_DIR);
  if (shared.empty()) GTEST_SKIP() << "no shared test data";
  for (const auto& entry : fs::recursive_directory_iterator(shared)) {
    if (!entry.is_regular_file() || entry.path().extension() != ".onnx" || entry.file_size() > (1 << 20)) continue;
    const auto bytes = MapFile(entry.path());
    ASSERT_TRUE(bytes.ok());
    const auto model = ParseModel(*bytes, entry.path().parent_path());
    ASSERT_TRUE(model.ok()) << entry.path();
    const std::string printed = PrintText(**model);
    const auto again = ParseText(printed, entry.path().parent_path());
    ASSERT_TRUE(again.ok()) << entry.path() << ": " << again.status().ToString();
    EXPECT_EQ(printed, PrintText(**again)) << entry.path();
  }
}

}  // namespace
}  // namespace sardonyx::ir
