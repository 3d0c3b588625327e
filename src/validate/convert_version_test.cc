// Conversion between opsets, here because the results are also run: model text in, expected text out, equal outputs.
#include "optimize/version/convert_version.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "check/check.h"
#include "ir/text.h"
#include "ops/inference.h"
#include "optimize/version/adapter.h"
#include "sardonyx/session.h"
#include "validate/compare.h"

namespace sardonyx::validate {
namespace {

// tests/version/*.txt; README.md there says how they are written.
struct Case {
  std::string place;  // "file.txt:12"
  int from = 0, to = 0;
  bool run = true;
  std::string inputs, nodes, expected;
};

// Lines that begin with two blanks, without them.
std::string TakeBlock(const std::vector<std::string>& lines, size_t* at) {
  std::string block;
  for (; *at < lines.size() && lines[*at].starts_with("  "); ++*at) block += (block.empty() ? "" : "\n") + lines[*at].substr(2);
  return block;
}

std::vector<std::string> ReadLines(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::vector<Case> ReadCases(const std::filesystem::path& path) {
  static const std::regex kHeader("([0-9]+) -> ([0-9]+)( not run)?: ?(.*)");
  const std::vector<std::string> lines = ReadLines(path);
  std::vector<Case> cases;
  for (size_t at = 0; at < lines.size();) {
    std::smatch match;
    if (!std::regex_match(lines[at], match, kHeader)) {
      EXPECT_TRUE(lines[at].empty() || lines[at][0] == '#') << path << ":" << at + 1 << ": " << lines[at];
      ++at;
      continue;
    }
    Case test{fmt::format("{}:{}", path.filename().string(), at + 1),
              std::stoi(match[1]),
              std::stoi(match[2]),
              !match[3].matched,
              match[4],
              "",
              ""};
    test.nodes = TakeBlock(lines, &++at);
    if (at < lines.size() && lines[at] == "=") test.expected = TakeBlock(lines, &++at);
    cases.push_back(std::move(test));
  }
  return cases;
}

std::vector<std::filesystem::path> CaseFiles() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(SARDONYX_SOURCE_DIR "/tests/version"))
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<Case> AllCases() {
  std::vector<Case> all;
  for (const std::filesystem::path& file : CaseFiles())
    for (Case& test : ReadCases(file)) all.push_back(std::move(test));
  return all;
}

bool IsMl(const Case& test) { return test.nodes.find("ai.onnx.ml.") != std::string::npos; }

std::unique_ptr<ir::Model> Parse(const Case& test) {
  const bool ml = IsMl(test);
  const int ir_version = ml ? 8 : test.from < 9 ? 3 : test.from < 19 ? 8 : 11;
  const std::string text = fmt::format("<ir_version: {}, opset_import: [\"{}\" : {}]>\ng ({}) => () {{\n{}\n}}", ir_version,
                                       ml ? "ai.onnx.ml" : "", test.from, test.inputs, test.nodes);
  StatusOr<std::unique_ptr<ir::Model>> model = ir::ParseText(text);
  if (!model.ok()) {
    ADD_FAILURE() << model.status().ToString() << "\n" << text;
    return nullptr;
  }
  ops::InferenceOptions options;
  options.on_error = [&](const ir::Graph&, const ir::Node*, const Status& error) { ADD_FAILURE() << error.ToString() << "\n" << text; };
  EXPECT_TRUE(ops::InferTypes(**model, options).ok());
  ir::Graph& graph = *(*model)->graph;
  for (ir::Value* output : graph.nodes().back()->outputs())
    if (output) graph.AddOutput({output, output->type, "", {}, {}});
  return *std::move(model);
}

// The nodes of the main graph as text, without indentation.
std::string NodesText(const ir::Model& model) {
  const std::string text = ir::PrintText(model);
  std::string nodes;
  int depth = 0;
  for (size_t begin = text.find("\ng ") + 1; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if (depth++ == 0 || line == "}") continue;
    nodes += (nodes.empty() ? "" : "\n") + line.substr(std::min(line.find_first_not_of(' '), line.size()));
  }
  return nodes;
}

// Numbers without meaning, the same each time: symbols are 3.
Value MakeInput(const ir::Type& type, int seed) {
  std::vector<int64_t> sizes;
  for (const ir::Dim& dim : type.shape->dims()) sizes.push_back(dim.is_constant() ? dim.value() : 3);
  const Dims dims(sizes);
  const auto fill = [&]<class T>(const std::function<T(int)>& number) {
    std::vector<T> values;
    for (int i = 0; i < dims.num_elements(); ++i) values.push_back(number((i * 7 + seed * 5 + 3) % 17));
    return Value(Tensor::From<T>(dims, values));
  };
  switch (type.dtype) {
    case DataType::kFloat:
      return fill.operator()<float>([](int i) { return static_cast<float>(i - 8) / 3; });
    case DataType::kDouble:
      return fill.operator()<double>([](int i) { return (i - 8) / 3.0; });
    case DataType::kInt64:
      return fill.operator()<int64_t>([](int i) { return i % 2; });
    case DataType::kInt32:
      return fill.operator()<int32_t>([](int i) { return i % 5 - 2; });
    case DataType::kInt8:
      return fill.operator()<int8_t>([](int i) { return static_cast<int8_t>(i % 5 - 2); });
    case DataType::kUint8:
      return fill.operator()<uint8_t>([](int i) { return static_cast<uint8_t>(i); });
    case DataType::kBool: {
      StatusOr<Tensor> tensor = Tensor::Allocate(DataType::kBool, dims);
      for (int64_t i = 0; tensor.ok() && i < dims.num_elements(); ++i)
        tensor->mutable_data<bool>()[static_cast<size_t>(i)] = (i + seed) % 3 == 0;
      return Value(*tensor);
    }
    case DataType::kString: {
      std::vector<std::string> values(static_cast<size_t>(dims.num_elements()), "a");
      return Value(Tensor::FromStrings(dims, values));
    }
    default:
      return Value();
  }
}

StatusOr<std::vector<Value>> Run(const ir::Model& model) {
  std::vector<Session::NamedValue> inputs;
  for (size_t i = 0; i < model.graph->inputs().size(); ++i) {
    const ir::ValueInfo& info = model.graph->inputs()[i];
    if (!info.value->initializer()) inputs.emplace_back(info.value->name(), MakeInput(*info.type, static_cast<int>(i)));
  }
  SessionOptions options;
  options.threads = 1;
  StatusOr<Session> session = Session::Create(Model(std::shared_ptr<const ir::Model>(ir::CloneModel(model))), options);
  if (!session.ok()) return session.status();
  return session->Run(inputs);
}

// Converts, compares outputs and checks the result; gives the text that the case expects: the nodes, or "! REASON" for the
// first of them that cannot be converted.
std::string Convert(const Case& test) {
  const std::unique_ptr<ir::Model> before = Parse(test);
  if (!before) return "";
  const std::unique_ptr<ir::Model> after = ir::CloneModel(*before);
  const StatusOr<optimize::VersionReport> report = optimize::ConvertVersion(*after, {{IsMl(test) ? "ai.onnx.ml" : "", test.to}});
  if (!report.ok()) return report.status().ToString();
  if (!report->impossible.empty()) {
    EXPECT_EQ(ir::PrintText(*after), ir::PrintText(*before)) << "a model that cannot be converted was changed";
    return "! " + report->impossible[0].reason;
  }
  for (const check::Finding& finding : check::CheckModel(*after))
    EXPECT_TRUE(finding.severity != check::Severity::kError) << finding.ToString();
  if (test.run) {
    const StatusOr<std::vector<Value>> expected = Run(*before), got = Run(*after);
    EXPECT_TRUE(expected.ok()) << expected.status().ToString();
    EXPECT_TRUE(got.ok()) << got.status().ToString();
    for (size_t i = 0; expected.ok() && got.ok() && i < expected->size(); ++i)
      EXPECT_EQ(CompareValues((*got)[i], (*expected)[i], {1e-5, 1e-6}), "");
  }
  return NodesText(*after);
}

TEST(ConvertVersion, Cases) {
  for (const Case& test : AllCases()) {
    SCOPED_TRACE(fmt::format("{}: opset {} to {}: {}", test.place, test.from, test.to, test.nodes));
    EXPECT_EQ(Convert(test), test.expected);
  }
}

// With SARDONYX_UPDATE_CASES set, writes what conversion gives into the files, to be read before it is committed.
TEST(ConvertVersion, Update) {
  if (!std::getenv("SARDONYX_UPDATE_CASES")) GTEST_SKIP();
  for (const std::filesystem::path& path : CaseFiles()) {
    const std::vector<std::string> lines = ReadLines(path);
    const std::vector<Case> cases = ReadCases(path);
    std::string text;
    size_t next = 0;
    for (size_t at = 0; at < lines.size();) {
      text += lines[at] + "\n";
      const bool is_case = next < cases.size() && cases[next].place == fmt::format("{}:{}", path.filename().string(), at + 1);
      ++at;
      if (!is_case) continue;
      for (; at < lines.size() && lines[at].starts_with("  "); ++at) text += lines[at] + "\n";
      if (at < lines.size() && lines[at] == "=") TakeBlock(lines, &++at);
      SCOPED_TRACE(cases[next].place + " " + cases[next].nodes);
      text += "=\n  " + std::regex_replace(Convert(cases[next++]), std::regex("\n"), "\n  ") + "\n";
    }
    std::ofstream(path) << text;
  }
}

// A new adapter comes with a row above.
TEST(ConvertVersion, EveryAdapterHasACase) {
  const std::vector<Case> cases = AllCases();
  std::set<std::string> missing;
  for (const optimize::version::Adapter& adapter : optimize::version::AllAdapters()) {
    bool up = !adapter.up, down = !adapter.down;
    for (const Case& test : cases) {
      // The node, or one that such a node became on the way.
      const bool has = test.nodes.find(fmt::format("{} ", adapter.op_type)) != std::string::npos;
      up |= has && test.from < adapter.since && adapter.since <= test.to;
      down |= has && test.to < adapter.since && adapter.since <= test.from;
    }
    if (!up) missing.insert(fmt::format("{} {} up", adapter.op_type, adapter.since));
    if (!down) missing.insert(fmt::format("{} {} down", adapter.op_type, adapter.since));
  }
  EXPECT_TRUE(missing.empty()) << fmt::format("{}", fmt::join(missing, "\n"));
}

// Every adapter is of an operator and a version that exist.
TEST(ConvertVersion, AdaptersAreOfOperators) {
  for (const optimize::version::Adapter& adapter : optimize::version::AllAdapters()) {
    const ops::OpSchema* schema = ops::FindSchema(adapter.domain, adapter.op_type, adapter.since);
    ASSERT_NE(schema, nullptr) << adapter.op_type;
    EXPECT_EQ(schema->since_version, adapter.since) << adapter.op_type;
  }
}

}  // namespace
}  // namespace sardonyx::validate
