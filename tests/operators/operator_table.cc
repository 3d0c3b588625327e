// operator_table SOURCE [--write]: the table of operators, made from the schemas, the kernels' lists and the tests of the project
// in the folder SOURCE. Without --write it is an error when docs/operators.md says something else. An operator with a kernel and
// without a test is an error, too, unless tests/operators/untested.list names it. ONNX's suites are among the tests: prints "skipped: ..."
// where they are not at hand.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <fmt/format.h>

#include "base/shared_data.h"
#include "base/status_macros.h"
#include "case.h"
#include "ir/model.h"
#include "providers/cpu/kernel_list.h"

namespace sardonyx::operators {
namespace {
namespace fs = std::filesystem;

using Name = std::pair<std::string, std::string>;  // domain, operator

struct Tests {
  std::set<Name> suite, own, onnx;
  std::string unit;  // the text of the bindings' and sessions' tests: an operator that stands there in quotes is tested
};

void AddOperators(const ir::Graph& graph, std::set<Name>& names) {
  for (const auto& node : graph.nodes()) {
    names.emplace(ir::NormalDomain(node->domain), node->op_type);
    for (const auto& [name, subgraph] : ir::Subgraphs(*node)) AddOperators(*subgraph, names);
  }
}

void AddModels(const fs::path& folder, std::set<Name>& names) {
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".onnx") continue;
    const StatusOr<Model> model = Model::Load(entry.path());
    if (model.ok()) AddOperators(*model->ir().graph, names);
  }
}

StatusOr<Tests> FindTests(const fs::path& tests_folder, const fs::path& onnx_suites) {
  Tests tests;
  for (const auto& entry : fs::directory_iterator(tests_folder / "operators")) {
    if (entry.path().extension() != ".txt" || entry.path().filename() == "CMakeLists.txt") continue;
    ASSIGN_OR_RETURN(const std::vector<Case> lines, ReadCases(entry.path()));
    for (const Case& one : lines)
      if (!one.refusal) tests.suite.emplace(ir::NormalDomain(one.domain), one.op_type);
  }
  for (const char* room : {"src/providers/cpu", "src/session"}) {
    for (const auto& entry : fs::directory_iterator(tests_folder.parent_path() / room)) {
      if (!entry.path().string().ends_with("_test.cc")) continue;
      std::stringstream text;
      text << std::ifstream(entry.path()).rdbuf();
      tests.unit += text.str();
    }
  }
  for (const char* own : {"conformance", "onnxruntime"}) AddModels(tests_folder / own, tests.own);
  AddModels(onnx_suites, tests.onnx);
  return tests;
}

std::string VersionsOf(std::string_view domain, std::string_view op_type) {
  std::string versions;
  for (const ops::OpSchema* schema : ops::SchemaVersions(domain, op_type))
    versions += fmt::format("{}{}{}", versions.empty() ? "" : ", ", schema->since_version, schema->deprecated ? " (deprecated)" : "");
  return versions;
}

// The types of the first input that may have several, in few words.
std::string TypesOf(const ops::OpSchema& schema) {
  for (size_t i = 0; i < std::max(schema.inputs.size(), schema.outputs.size()); ++i) {
    const ops::FormalParameter* parameter = i < schema.inputs.size() ? &schema.inputs[i] : &schema.outputs[i];
    const ops::TypeConstraint* constraint = schema.constraint(parameter->type);
    if (constraint == nullptr) continue;
    std::vector<std::string> names;
    for (std::string_view type : constraint->types)
      names.emplace_back(type.starts_with("tensor(") ? type.substr(7, type.size() - 8) : type);
    constexpr size_t kMany = 12;
    if (names.size() > kMany) return fmt::format("{} types", names.size());
    return fmt::format("{}", fmt::join(names, " "));
  }
  return schema.inputs.empty() ? "" : "fixed";
}

std::string KernelsOf(std::string_view domain, const ops::OpSchema& schema) {
  const bool control = domain.empty() && (schema.name == "If" || schema.name == "Loop" || schema.name == "Scan");
  if (control) return "runtime";
  std::string text;
  for (const cpu::KernelEntry* entry : cpu::KernelRows(domain, schema.name)) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", entry->name);
    if (entry->until_version != cpu::KernelEntry().until_version) text += fmt::format(" (to {})", entry->until_version);
    if (entry->since_version > 1) text += fmt::format(" (from {})", entry->since_version);
  }
  if (text.empty() && schema.has_function) return "function body";
  return text.empty() ? "none" : text;
}

struct Table {
  std::string text;
  std::vector<std::string> untested;
};

Table MakeTable(const Tests& tests) {
  std::map<Name, const ops::OpSchema*> newest;
  for (const ops::OpSchema& schema : ops::AllSchemas()) {
    const ops::OpSchema*& best = newest[{std::string(schema.domain), std::string(schema.name)}];
    if (best == nullptr || schema.since_version > best->since_version) best = &schema;
  }
  Table table;
  table.text =
      "# Operators\n\nMade by `operator_table --write` (`tests/operators`); change the schemas, kernels or tests, not this. Versions are "
      "those of the schemas.\nTypes are those of the first variable of the newest one. Kernels are the CPU provider's, best first; "
      "`function body`: it runs as\nthe operators that the specification defines it by. Tests: `suite` (`tests/operators`), `own` "
      "(models of `tests/conformance`\nand `tests/onnxruntime`), `ONNX` (ONNX's backend test data), `unit` (`*_test.cc`).\n";
  std::string domain = "?";
  for (const auto& [name, schema] : newest) {
    if (name.first != domain) {
      domain = name.first;
      table.text += fmt::format("\n## {}\n\n| operator | versions | types | kernels | tests |\n|---|---|---|---|---|\n",
                                domain.empty() ? "ai.onnx" : domain);
    }
    const std::string kernels = KernelsOf(domain, *schema);
    std::string tested;
    for (const auto& [label, names] : {std::pair("suite", &tests.suite), std::pair("own", &tests.own), std::pair("ONNX", &tests.onnx)})
      if (names->contains(name)) tested += fmt::format("{}{}", tested.empty() ? "" : ", ", label);
    if (tests.unit.find(fmt::format("\"{}\"", name.second)) != std::string::npos) tested += tested.empty() ? "unit" : ", unit";
    const bool has_kernel = kernels != "none" && kernels != "function body" && kernels != "runtime";
    if (has_kernel && tested.empty()) table.untested.push_back(fmt::format("{}.{}", domain, name.second));
    table.text +=
        fmt::format("| {} | {} | {} | {} | {} |\n", name.second, VersionsOf(domain, name.second), TypesOf(*schema), kernels, tested);
  }
  return table;
}

int Main(int argc, char** argv) {
  const bool write = argc == 3 && std::string_view(argv[2]) == "--write";
  if (argc != 2 && !write) {
    fmt::print("usage: operator_table SOURCE [--write]\n");
    return 2;
  }
  const fs::path source = fs::absolute(argv[1]), table_file = source / "docs/operators.md";
  const fs::path suites = SharedData(source.c_str()) / "conformance";
  if (!fs::is_directory(suites)) {
    fmt::print("skipped: ONNX's suites are not at hand; SARDONYX_SHARED may say where they are\n");
    return 0;
  }
  const StatusOr<Tests> tests = FindTests(source / "tests", suites);
  if (!tests.ok()) {
    fmt::print("{}\n", tests.status().ToString());
    return 1;
  }
  const Table table = MakeTable(*tests);
  std::set<std::string> known;
  std::ifstream list(source / "tests/operators/untested.list");
  for (std::string line; std::getline(list, line);) known.insert(line);
  int missing = 0;
  for (const std::string& name : table.untested) {
    if (!known.contains(name)) fmt::print("{} has a kernel, and neither a test nor a line in untested.list\n", name), ++missing;
  }
  if (write) {
    std::ofstream(table_file) << table.text;
  } else {
    std::stringstream is;
    is << std::ifstream(table_file).rdbuf();
    if (is.str() != table.text) {
      fmt::print("{} is not what the registries say: run with --write\n", table_file.string());
      return 1;
    }
  }
  return missing == 0 ? 0 : 1;
}

}  // namespace
}  // namespace sardonyx::operators

int main(int argc, char** argv) { return sardonyx::operators::Main(argc, argv); }
