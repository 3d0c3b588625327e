#include "validate/conformance.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <regex>

#include <fmt/format.h>

#include "base/file.h"
#include "base/status_macros.h"
#include "ir/load.h"

namespace sardonyx::validate {
namespace fs = std::filesystem;
namespace {

// data.json is {"rtol": 1e-3, "atol": 1e-7} and little else; two numbers do not need a parser.
Tolerance ReadTolerance(const fs::path& folder) {
  Tolerance tolerance;
  std::ifstream file(folder / "data.json");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto read = [&](const char* key, double* value) {
    std::smatch match;
    if (std::regex_search(text, match, std::regex(fmt::format("\"{}\"\\s*:\\s*([-+.eE0-9]+)", key))))
      *value = std::atof(match[1].str().c_str());
  };
  read("rtol", &tolerance.rtol);
  read("atol", &tolerance.atol);
  return tolerance;
}

StatusOr<Value> ReadValue(const fs::path& path, const ir::Type& type) {
  ASSIGN_OR_RETURN(const Bytes bytes, MapFile(path));
  return ir::ParseValue(bytes, type).WithContext(path.filename().string());
}

std::string CompareDraws(const Value& got, const Value& expected) {
  if (!got.is_tensor() || got.tensor().dtype() != expected.tensor().dtype() || !(got.tensor().dims() == expected.tensor().dims()))
    return fmt::format("{} for {}", got.TypeString(), expected.TypeString());
  for (int64_t i = 0; i < got.tensor().num_elements(); ++i)
    if (const double v = ElementAsDouble(got.tensor(), i); v != 0 && v != 1) return fmt::format("a draw of {}", v);
  return "";
}

// The input that the expected outputs of the light models were made from.
StatusOr<Tensor> Ramp(const ir::Type& type) {
  if (!type.is_tensor() || type.dtype != DataType::kFloat || !type.shape || !type.shape->is_static())
    return Unsupported("a real case whose input is not a float tensor of known shape");
  ASSIGN_OR_RETURN(Tensor ramp, Tensor::Allocate(DataType::kFloat, *type.shape->concrete()));
  const auto n = static_cast<double>(ramp.num_elements());
  for (int64_t i = 0; i < ramp.num_elements(); ++i) ramp.mutable_data<float>()[i] = static_cast<float>(static_cast<double>(i) / n);
  return ramp;
}

StatusOr<std::string> RunLightModel(const ConformanceCase& one, const Model& model, const Session& session, const Tolerance& tolerance) {
  std::vector<Session::NamedValue> inputs;
  for (const ir::ValueInfo& input : model.ir().graph->inputs()) {
    if (input.value->initializer()) continue;
    ASSIGN_OR_RETURN(Tensor ramp, Ramp(input.value->type));
    inputs.emplace_back(input.value->name(), std::move(ramp));
  }
  fs::path expected_path = one.light_model;
  expected_path.replace_filename(one.light_model.stem().string() + "_output_0.pb");
  ASSIGN_OR_RETURN(const Value expected, ReadValue(expected_path, ir::Type::Tensor(DataType::kFloat)));
  ASSIGN_OR_RETURN(const std::vector<Value> got, session.Run(inputs));
  if (got.empty()) return std::string("no outputs");
  return CompareValues(got[0], expected, tolerance);
}

// Empty if the data set passes.
StatusOr<std::string> RunDataSet(const fs::path& set, const ConformanceCase& one, const Session& session, const ir::Graph& graph,
                                 const Tolerance& tolerance) {
  std::vector<Session::NamedValue> inputs;
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    const fs::path path = set / fmt::format("input_{}.pb", i);
    if (!fs::exists(path)) continue;
    ASSIGN_OR_RETURN(Value value, ReadValue(path, graph.inputs()[i].value->type));
    inputs.emplace_back(graph.inputs()[i].value->name(), std::move(value));
  }
  std::vector<Value> expected;
  for (size_t i = 0; i < graph.outputs().size(); ++i) {
    ASSIGN_OR_RETURN(Value value, ReadValue(set / fmt::format("output_{}.pb", i), graph.outputs()[i].type.value_or(ir::Type())));
    expected.push_back(std::move(value));
  }
  ASSIGN_OR_RETURN(const std::vector<Value> got, session.Run(inputs));
  if (got.size() != expected.size()) return fmt::format("{} outputs for {}", got.size(), expected.size());
  const bool draws = ComparesDraws(one.name);
  for (size_t i = 0; i < got.size(); ++i) {
    const std::string reason = draws ? CompareDraws(got[i], expected[i]) : CompareValues(got[i], expected[i], tolerance);
    if (!reason.empty()) return fmt::format("output {} ('{}'): {}", i, graph.outputs()[i].value->name(), reason);
  }
  return std::string();
}

StatusOr<Model> LoadChanged(const fs::path& path, const ModelChange& change) {
  if (!change) return Model::Load(path);
  ASSIGN_OR_RETURN(std::unique_ptr<ir::Model> model, ir::LoadModel(path));
  RETURN_IF_ERROR(change(*model));
  return Model(std::shared_ptr<const ir::Model>(std::move(model)));
}

Status RunAll(const ConformanceCase& one, const SessionOptions& options, const ModelChange& change, std::string* reason, bool* skipped) {
  const bool light = !one.light_model.empty();
  StatusOr<Model> loaded = LoadChanged(light ? one.light_model : one.folder / "model.onnx", change);
  *skipped = change && loaded.status().code() == StatusCode::kUnsupported;
  if (!loaded.ok()) return loaded.status();
  const Model model = *std::move(loaded);
  ASSIGN_OR_RETURN(const Session session, Session::Create(model, options));
  const Tolerance tolerance = ReadTolerance(one.folder);
  if (light) {
    ASSIGN_OR_RETURN(*reason, RunLightModel(one, model, session, tolerance));
    return {};
  }
  int sets = 0;
  for (;; ++sets) {
    const fs::path set = one.folder / fmt::format("test_data_set_{}", sets);
    if (!fs::is_directory(set)) break;
    ASSIGN_OR_RETURN(*reason, RunDataSet(set, one, session, *model.ir().graph, tolerance));
    if (!reason->empty()) return {};
  }
  if (sets == 0) *reason = "no test_data_set_0";
  return {};
}

}  // namespace

StatusOr<std::vector<ConformanceCase>> FindCases(const fs::path& root) {
  std::vector<ConformanceCase> cases;
  std::error_code error;
  for (fs::recursive_directory_iterator it(root, error), end; !error && it != end; it.increment(error)) {
    const fs::path folder = it->path().parent_path();
    const std::string name = folder == root ? folder.filename().string() : folder.lexically_relative(root).string();
    if (it->path().filename() == "model.onnx" && fs::is_directory(folder / "test_data_set_0")) {
      cases.push_back({name, folder, {}});
    } else if (it->path().filename() == "data.json" && !fs::exists(folder / "model.onnx") &&
               folder.filename().string().starts_with("test_")) {
      const fs::path light =
          folder.parent_path().parent_path() / "light" / fmt::format("light_{}.onnx", folder.filename().string().substr(5));
      if (fs::exists(light)) cases.push_back({name, folder, light});
    }
  }
  if (error) return Corrupt(fmt::format("{}: {}", root.string(), error.message()));
  if (cases.empty()) return Usage(fmt::format("{}: no folder with model.onnx and test_data_set_0 below it", root.string()));
  std::sort(cases.begin(), cases.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return cases;
}

bool ComparesDraws(std::string_view case_name) {
  static constexpr std::string_view kCases[] = {"test_bernoulli",        "test_bernoulli_expanded",
                                                "test_bernoulli_double", "test_bernoulli_double_expanded",
                                                "test_bernoulli_seed",   "test_bernoulli_seed_expanded"};
  const size_t slash = case_name.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? case_name : case_name.substr(slash + 1);
  return std::find(std::begin(kCases), std::end(kCases), name) != std::end(kCases);
}

ConformanceResult RunCase(const ConformanceCase& one, const SessionOptions& options, const ModelChange& change) {
  bool skipped = false;
  ConformanceResult result;
  result.name = one.name;
  result.draws = ComparesDraws(one.name);
  const auto start = std::chrono::steady_clock::now();
  const Status status = RunAll(one, options, change, &result.reason, &skipped);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!status.ok()) result.reason = status.ToString();
  result.outcome = result.reason.empty() ? ConformanceResult::Outcome::kPassed : ConformanceResult::Outcome::kFailed;
  if (skipped) result.outcome = ConformanceResult::Outcome::kSkipped;
  return result;
}

}  // namespace sardonyx::validate
