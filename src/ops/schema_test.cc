#include "ops/schema.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "ops/edit_distance.h"
#include "ops/schema_table.h"

namespace sardonyx::ops {
namespace {

using nlohmann::json;

TEST(SchemaTest, FindsTheVersionInForce) {
  EXPECT_EQ(FindSchema("", "Relu", 5)->since_version, 1);
  EXPECT_EQ(FindSchema("", "Relu", 6)->since_version, 6);
  EXPECT_EQ(FindSchema("ai.onnx", "Relu", 13)->since_version, 13);
  EXPECT_EQ(FindSchema("", "Relu", 28)->since_version, 14);
  EXPECT_EQ(FindSchema("", "Celu", 11), nullptr) << "Celu came with 12";
  EXPECT_EQ(FindSchema("", "NoSuch", 20), nullptr);
  EXPECT_EQ(FindSchema("no.such", "Relu", 20), nullptr);
  EXPECT_EQ(FindSchema("", "Relu", 0), nullptr);
  EXPECT_TRUE(FindSchema("", "Upsample", 10)->deprecated);
  EXPECT_TRUE(FindSchema("", "Gelu", 20)->has_function);
}

TEST(SchemaTest, VersionsAreOldestFirst) {
  std::vector<int> versions;
  for (const OpSchema* schema : SchemaVersions("", "Relu")) versions.push_back(schema->since_version);
  EXPECT_EQ(versions, (std::vector<int>{1, 6, 13, 14}));
  EXPECT_TRUE(SchemaVersions("", "relu").empty());
}

TEST(SchemaTest, NewestOpsets) {
  EXPECT_EQ(NewestOpset(""), 28);
  EXPECT_EQ(NewestOpset("ai.onnx"), 28);
  EXPECT_EQ(NewestOpset("ai.onnx.ml"), 5);
  EXPECT_EQ(NewestOpset("com.microsoft"), 1);
  EXPECT_EQ(NewestOpset("example.com"), 0);
}

TEST(SchemaTest, ParametersBeyondTheLastAreItsOwnWhenVariadic) {
  const OpSchema& concat = *FindSchema("", "Concat", 13);
  EXPECT_EQ(concat.input(7)->name, "inputs");
  EXPECT_EQ(concat.output(1), nullptr);
  EXPECT_EQ(concat.min_inputs, 1);
  EXPECT_EQ(concat.max_inputs, kUnboundedArity);
  const OpSchema& loop = *FindSchema("", "Loop", 13);
  EXPECT_EQ(loop.min_inputs, 2);
  EXPECT_FALSE(loop.inputs.back().homogeneous);
  EXPECT_EQ(loop.inputs[0].arity, Arity::kOptional);
}

TEST(SchemaTest, AttributesAndDefaults) {
  const OpSchema& conv = *FindSchema("", "Conv", 11);
  EXPECT_EQ(std::get<int64_t>(conv.attribute("group")->default_value), 1);
  EXPECT_EQ(std::get<std::string>(conv.attribute("auto_pad")->default_value), "NOTSET");
  EXPECT_EQ(conv.attribute("pads")->default_value.index(), 0u);
  EXPECT_EQ(conv.attribute("no_such"), nullptr);
  EXPECT_TRUE(FindSchema("", "Concat", 13)->attribute("axis")->required);
  EXPECT_EQ(std::get<float>(FindSchema("", "BatchNormalization", 15)->attribute("epsilon")->default_value), 1e-5f);
  EXPECT_EQ(FindSchema("", "Conv", 11)->constraint("T")->types.size(), 3u);
}

TEST(SchemaTest, TypesAreSpeltInFull) {
  const auto& types = FindSchema("", "Loop", 16)->constraint("V")->types;
  EXPECT_NE(std::find(types.begin(), types.end(), "optional(seq(tensor(float)))"), types.end());
  EXPECT_EQ(FindSchema("ai.onnx.ml", "CastMap", 1)->constraint("T1")->types[0], "map(int64,tensor(string))");
  EXPECT_EQ(FindSchema("", "Shape", 13)->outputs[0].type == "T1" || FindSchema("", "Shape", 13)->outputs[0].type == "tensor(int64)", true);
}

TEST(SchemaTest, SuggestsWhatWasMeant) {
  ASSERT_FALSE(SimilarOperators("", "Sofmax").empty());
  EXPECT_EQ(SimilarOperators("", "Sofmax")[0], "Softmax");
  EXPECT_EQ(SimilarOperators("", "relu")[0], "Relu");
  EXPECT_EQ(SimilarOperators("", "Matmul")[0], "MatMul");
  EXPECT_TRUE(SimilarOperators("", "FrobnicateTensor").empty());
  EXPECT_TRUE(SimilarOperators("", "").empty());
  EXPECT_TRUE(SimilarOperators("", std::string(1 << 20, 'a')).empty());
}

TEST(EditDistanceTest, CountsEdits) {
  EXPECT_EQ(EditDistance("abc", "ABC", 3), 0);
  EXPECT_EQ(EditDistance("abcd", "acbd", 3), 1);
  EXPECT_EQ(EditDistance("kitten", "sitting", 5), 3);
  EXPECT_EQ(EditDistance("kitten", "sitting", 1), 2);
}

TEST(SchemaTableTest, NamesTheLineOfAnError) {
  const std::pair<const char*, const char*> cases[] = {
      {"domain x\n", "line 1: the domain's newest version is missing"},
      {"domain x 1\nOp\n  one () -> ()\n", "line 3: a version number is expected"},
      {"domain x 1\nOp\n  1 (a: T,\n      b: T) (c)\n", "line 3: '->' is missing"},
      {"domain x 1\nOp\n  1 () -> ()\n    a: number\n", "line 4: 'number' is no kind of attribute"},
      {"domain x 1\nOp\n  1 () -> ()\n    a: int = x\n", "line 4: the default does not fit the attribute's kind"},
      {"domain x 1\nOp\n  1 (a:\n", "line 3: the type of 'a' is missing"},
  };
  for (const auto& [text, message] : cases) {
    const StatusOr<SchemaTable> table = ParseSchemaTable(text);
    ASSERT_FALSE(table.ok()) << text;
    EXPECT_EQ(table.status().message(), message);
  }
}

TEST(SchemaTableTest, TruncatedTablesAreErrorsOrShorter) {
  const std::string text =
      "domain x 1\nset s = float int8\nOp\n  1 (a: T, b?: float, c 1+: any T) -> (d: T)\n    T in s seq(s)\n    m: strings = [\"x\", "
      "\"y\"]\n";
  ASSERT_TRUE(ParseSchemaTable(text).ok());
  for (size_t size = 0; size < text.size(); ++size) (void)ParseSchemaTable(std::string_view(text).substr(0, size)).ok();
}

// --- Against the list that the tables were made from.

json LoadRows(const std::string& file) {
  const char* shared = std::getenv("SARDONYX_SHARED");
  std::ifstream stream((shared ? std::string(shared) : SARDONYX_SOURCE_DIR "/../shared") + "/data/" + file);
  return stream ? json::parse(stream) : json();
}

std::string NormalType(std::string text) {
  std::erase(text, ' ');
  // The list writes map(int64,float) for what a TypeProto says as a map to tensor(float).
  if (const size_t map = text.find("map("); map != std::string::npos) {
    const size_t comma = text.find(',', map), end = text.find(')', map);
    text = text.substr(0, comma + 1) + "tensor(" + text.substr(comma + 1, end - comma - 1) + ")" + text.substr(end);
  }
  return text;
}

int ArityOf(const json& value) { return value.is_string() ? kUnboundedArity : value.get<int>(); }

void ExpectParameters(const json& rows, const json& types, const std::vector<FormalParameter>& parameters) {
  ASSERT_EQ(rows.size(), parameters.size());
  for (size_t i = 0; i < parameters.size(); ++i) {
    EXPECT_EQ(rows[i]["name"], parameters[i].name);
    EXPECT_EQ(rows[i]["type"], parameters[i].type);
    const std::string option = rows[i].value("option", "");
    EXPECT_EQ(parameters[i].arity, option == "variadic" ? Arity::kVariadic : option == "optional" ? Arity::kOptional : Arity::kSingle);
    EXPECT_EQ(rows[i].value("homogeneous", true), parameters[i].homogeneous);
  }
}

json DefaultAsJson(const AttributeSchema::Default& value) {
  if (const auto* v = std::get_if<int64_t>(&value)) return *v;
  if (const auto* v = std::get_if<float>(&value)) return static_cast<double>(*v);
  if (const auto* v = std::get_if<std::string>(&value)) return *v;
  if (const auto* v = std::get_if<std::vector<int64_t>>(&value)) return *v;
  if (const auto* v = std::get_if<std::vector<std::string>>(&value)) return *v;
  return nullptr;
}

const std::pair<const char*, ir::AttributeType> kKinds[] = {
    {"int", ir::AttributeType::kInt},
    {"ints", ir::AttributeType::kInts},
    {"float", ir::AttributeType::kFloat},
    {"floats", ir::AttributeType::kFloats},
    {"string", ir::AttributeType::kString},
    {"strings", ir::AttributeType::kStrings},
    {"tensor", ir::AttributeType::kTensor},
    {"graph", ir::AttributeType::kGraph},
    {"sparse_tensor", ir::AttributeType::kSparseTensor},
    {"type_proto", ir::AttributeType::kTypeProto},
};

void ExpectAttributes(const json& rows, const std::vector<AttributeSchema>& attributes) {
  ASSERT_EQ(rows.size(), attributes.size());
  for (size_t i = 0; i < attributes.size(); ++i) {
    EXPECT_EQ(rows[i]["name"], attributes[i].name);
    const auto kind = std::find_if(std::begin(kKinds), std::end(kKinds), [&](const auto& k) { return k.first == rows[i]["type"]; });
    ASSERT_NE(kind, std::end(kKinds)) << rows[i]["type"];
    EXPECT_EQ(attributes[i].type, kind->second);
    EXPECT_EQ(attributes[i].required, rows[i]["required"].get<bool>());
    EXPECT_EQ(DefaultAsJson(attributes[i].default_value), rows[i].value("default", json()));
  }
}

void ExpectRow(const json& row, const OpSchema& schema) {
  EXPECT_EQ(schema.deprecated, row.value("deprecated", false));
  EXPECT_EQ(schema.has_function, row.value("function", false));
  if (row.contains("min_in")) {
    EXPECT_EQ(schema.min_inputs, ArityOf(row["min_in"]));
    EXPECT_EQ(schema.max_inputs, ArityOf(row["max_in"]));
    EXPECT_EQ(schema.min_outputs, ArityOf(row["min_out"]));
    EXPECT_EQ(schema.max_outputs, ArityOf(row["max_out"]));
  }
  ExpectParameters(row["inputs"], row["types"], schema.inputs);
  ExpectParameters(row["outputs"], row["types"], schema.outputs);
  ASSERT_EQ(schema.constraints.size(), row["types"].size());
  for (const TypeConstraint& constraint : schema.constraints) {
    std::multiset<std::string> listed, ours(constraint.types.begin(), constraint.types.end());
    for (const json& type : row["types"].at(std::string(constraint.variable))) listed.insert(NormalType(type));
    EXPECT_EQ(ours, listed) << constraint.variable;
  }
  ExpectAttributes(row["attributes"], schema.attributes);
}

TEST(SchemaTest, EqualsTheListRowForRow) {
  // The project's own rows, some of them in place of one in a list.
  const json additions = json::parse(std::ifstream(SARDONYX_SOURCE_DIR "/src/ops/schemas/additions.json"));
  const auto is_replaced = [&](const json& row) {
    return std::any_of(additions.begin(), additions.end(), [&](const json& one) {
      return one["domain"] == row["domain"] && one["name"] == row["name"] && one["since"] == row["since"];
    });
  };
  size_t rows = 0;
  for (const char* file : {"onnx_schemas.json", "com_microsoft_schemas.json", ""}) {
    for (const json& row : *file ? LoadRows(file) : rows == 0 ? json() : additions) {
      if (*file && is_replaced(row)) continue;
      SCOPED_TRACE(row["domain"].get<std::string>() + "." + row["name"].get<std::string>() + " " + row["since"].dump());
      const OpSchema* schema = FindSchema(row["domain"].get<std::string>(), row["name"].get<std::string>(), row["since"].get<int>());
      ASSERT_NE(schema, nullptr);
      ASSERT_EQ(schema->since_version, row["since"].get<int>());
      ExpectRow(row, *schema);
      ++rows;
    }
  }
  if (rows == 0) GTEST_SKIP() << "no list of schemas: set SARDONYX_SHARED to the folder that holds data/onnx_schemas.json";
  // The operators of our own domain are in no list.
  const auto ours = std::count_if(AllSchemas().begin(), AllSchemas().end(), [](const OpSchema& one) { return one.domain == "sardonyx"; });
  EXPECT_EQ(rows + static_cast<size_t>(ours), AllSchemas().size());
}

}  // namespace
}  // namespace sardonyx::ops
