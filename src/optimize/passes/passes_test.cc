// Runs the text cases of tests/passes: a model, a pass, and the model that must come out. Each file is read when the test runs, so a
// new case needs no compiling.
#include "optimize/passes/passes.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <set>

#include <gtest/gtest.h>

#include "ir/text.h"
#include "ops/inference.h"

namespace sardonyx::optimize {
namespace {

struct Case {
  std::string file, name, passes, model, expected;
};

// "=== NAME: PASS PASS", the model, "---", the result.
std::vector<Case> ReadCases(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::vector<Case> cases;
  bool in_result = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("=== ")) {
      const size_t colon = line.find(": ");
      cases.push_back({path.filename(), line.substr(4, colon - 4), line.substr(colon + 2), "", ""});
      in_result = false;
    } else if (line == "---") {
      in_result = true;
    } else if (!cases.empty()) {
      (in_result ? cases.back().expected : cases.back().model) += line + "\n";
    }
  }
  return cases;
}

StatusOr<std::string> Rewritten(const Case& test) {
  StatusOr<std::unique_ptr<ir::Model>> model = ir::ParseText(test.model);
  if (!model.ok()) return model.status();
  if (const Status status = ops::InferTypes(**model); !status.ok()) return status;
  PassOptions options;
  options.verify = true;
  std::istringstream names(test.passes);
  for (std::string name; names >> name;) {
    const auto pass = std::find_if(AllPasses().begin(), AllPasses().end(), [&](const Pass& one) { return one.name == name; });
    if (pass == AllPasses().end()) return Usage("no pass '" + name + "'");
    const auto reports = RunPasses(**model, {&*pass, 1}, options);
    if (!reports.ok()) return reports.status();
  }
  (*model)->graph->value_info.clear();
  return ir::PrintText(*(*model)->graph);
}

StatusOr<std::string> Expected(const Case& test) {
  if (test.expected == "unchanged\n") {
    StatusOr<std::unique_ptr<ir::Model>> model = ir::ParseText(test.model);
    if (!model.ok()) return model.status();
    return ir::PrintText(*(*model)->graph);
  }
  StatusOr<std::unique_ptr<ir::Graph>> graph = ir::ParseGraphText(test.expected);
  if (!graph.ok()) return graph.status();
  return ir::PrintText(**graph);
}

TEST(Passes, TextCases) {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(SARDONYX_SOURCE_DIR) / "tests/passes")) {
    if (entry.path().extension() != ".test") continue;
    for (const Case& test : ReadCases(entry.path())) {
      SCOPED_TRACE(test.file + ": " + test.name);
      ++count;
      const StatusOr<std::string> expected = Expected(test), actual = Rewritten(test);
      ASSERT_TRUE(expected.ok()) << expected.status().ToString();
      ASSERT_TRUE(actual.ok()) << actual.status().ToString();
      EXPECT_EQ(*actual, *expected);
    }
  }
  EXPECT_GT(count, 20u);
}

TEST(Passes, NamesAreUniqueAndRulesParse) {
  std::set<std::string_view> names;
  for (const Pass& pass : AllPasses()) {
    EXPECT_TRUE(names.insert(pass.name).second) << pass.name;
    EXPECT_NE(pass.rules.empty(), pass.run == nullptr) << pass.name;
    for (const Rule& rule : pass.rules) {
      Names slots;
      const auto pattern = ParsePattern(rule.pattern, slots);
      EXPECT_TRUE(pattern.ok()) << rule.name << ": " << pattern.status().ToString();
      const auto replacement = ParseReplacement(rule.replacement, slots);
      EXPECT_TRUE(replacement.ok()) << rule.name << ": " << replacement.status().ToString();
    }
  }
}

TEST(Passes, OptionsNamePasses) {
  auto model = ir::ParseText("<ir_version: 8, opset_import: [\"\" : 18]> g (float[2] x) => (float[2] y) { t = Identity(x)\n y = Relu(t) }");
  ASSERT_TRUE(model.ok());
  PassOptions options;
  options.disabled = {"claen"};
  EXPECT_EQ(RunPasses(**model, AllPasses(), options).status().code(), StatusCode::kUsage);
  options.disabled = {};
  options.stop_after = "fold-constants";
  const auto reports = RunPasses(**model, AllPasses(), options);
  ASSERT_TRUE(reports.ok());
  EXPECT_EQ(reports->size(), 1u);
  EXPECT_EQ((*model)->graph->nodes().size(), 2u);
  options.stop_after = "clean";
  ASSERT_TRUE(RunPasses(**model, AllPasses(), options).ok());
  EXPECT_EQ((*model)->graph->nodes().size(), 1u);
}

}  // namespace
}  // namespace sardonyx::optimize
