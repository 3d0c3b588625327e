// Inference over real data: the conformance suite and the models under SARDONYX_SHARED (default: ../shared beside the
// source tree). Skipped where that is absent.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/file.h"
#include "ir/load.h"
#include "ops/inference.h"

namespace sardonyx::ops {
namespace {

namespace fs = std::filesystem;

fs::path Shared() {
  const char* given = std::getenv("SARDONYX_SHARED");
  return given != nullptr ? fs::path(given) : fs::path(SARDONYX_SOURCE_DIR) / ".." / "shared";
}

std::vector<fs::path> FilesNamed(const fs::path& folder, std::string_view extension) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (at->is_regular_file(error) && at->path().extension() == extension) files.push_back(at->path());
  std::sort(files.begin(), files.end());
  return files;
}

// Removes what the file declares of everything but the main graph's inputs, so that only inference says what is known;
// returns the declared types of the outputs.
std::vector<ir::Type> TakeDeclared(ir::Graph& graph) {
  std::vector<ir::Type> declared;
  for (ir::ValueInfo& output : graph.mutable_outputs()) {
    declared.push_back(output.type.value_or(ir::Type()));
    if (output.value->is_graph_input()) continue;
    output.type.reset();
    output.value->type = ir::Type();
  }
  for (ir::ValueInfo& info : graph.value_info) info.value->type = ir::Type();
  graph.value_info.clear();
  return declared;
}

// What the inferred type lacks of the declared one: kind, element type, rank, sizes. Empty if nothing.
std::string Missing(const ir::Type& inferred, const ir::Type& declared) {
  if (!declared.known()) return "";
  if (!Compatible(inferred, declared)) return "contradicts";
  if (!inferred.known()) return "type unknown";
  if (inferred.Spelling() != declared.Spelling()) return "spelling";
  if (declared.shape && !inferred.shape) return "rank unknown";
  for (size_t i = 0; declared.shape && i < declared.shape->rank(); ++i)
    if ((*declared.shape)[i].is_constant() && !(*inferred.shape)[i].is_constant()) return "size unknown";
  if (declared.element != nullptr && inferred.element != nullptr) {
    const std::string inner = Missing(*inferred.element, *declared.element);
    if (inner == "contradicts" || inner == "type unknown" || inner == "spelling") return inner;
  }
  return "";
}

// Makes the case's input tensors known to inference: an input's initializer counts as constant before IR 4.
void UseInputData(const fs::path& folder, ir::Model& model) {
  model.ir_version = 3;
  for (size_t i = 0; i < model.graph->inputs().size(); ++i) {
    const ir::ValueInfo& input = model.graph->inputs()[i];
    if (!input.type || !input.type->is_tensor()) continue;
    StatusOr<Bytes> bytes = MapFile(folder / ("input_" + std::to_string(i) + ".pb"));
    if (!bytes.ok()) continue;
    if (StatusOr<ir::StoredTensor> tensor = ir::ParseTensor(*bytes); tensor.ok()) model.graph->SetInitializer(input.value, *std::move(tensor));
  }
}

// The types of the case's expected outputs.
std::vector<ir::Type> ExpectedTypes(const fs::path& folder, const std::vector<ir::Type>& declared) {
  std::vector<ir::Type> types = declared;
  for (size_t i = 0; i < types.size(); ++i) {
    if (!types[i].is_tensor()) continue;
    StatusOr<Bytes> bytes = MapFile(folder / ("output_" + std::to_string(i) + ".pb"));
    if (!bytes.ok()) continue;
    if (StatusOr<ir::StoredTensor> tensor = ir::ParseTensor(*bytes); tensor.ok())
      types[i] = ir::Type::Tensor(tensor->dtype, ir::Shape::Of(tensor->dims));
  }
  return types;
}

// Sizes that only the data of large or floating point tensors decides.
bool DependsOnData(const std::string& name) {
  return false;
}

TEST(InferenceDataTest, ConformanceOutputs) {
  const fs::path folder = Shared() / "conformance";
  if (!fs::exists(folder)) GTEST_SKIP() << folder << " is absent";
  std::map<std::string, std::vector<std::string>> findings;
  size_t count = 0;
  for (const fs::path& file : FilesNamed(folder, ".onnx")) {
    for (const bool with_data : {false, true}) {
      StatusOr<std::unique_ptr<ir::Model>> model = ir::LoadModel(file);
      ASSERT_TRUE(model.ok()) << file << ": " << model.status().ToString();
      ir::Graph& graph = *(*model)->graph;
      std::vector<ir::Type> expected = TakeDeclared(graph);
      const fs::path data = file.parent_path() / "test_data_set_0";
      if (with_data) UseInputData(data, **model);
      if (with_data) expected = ExpectedTypes(data, expected);
      count += with_data;
      InferenceOptions options;
      options.strict = true;
      const std::string name = fs::relative(file, folder).string();
      const Status status = InferTypes(**model, options);
      if (!status.ok()) {
        findings["error"].push_back(name + ": " + status.ToString());
        continue;
      }
      for (size_t i = 0; i < expected.size(); ++i) {
        const ir::Type& inferred = graph.outputs()[i].value->type;
        const std::string missing = Missing(inferred, expected[i]);
        if (missing.empty() || (missing == "size unknown" && !with_data)) continue;
        findings[missing].push_back(name + ": " + graph.outputs()[i].value->name() + " inferred " + inferred.ToString() + ", expected " + expected[i].ToString());
      }
    }
  }
  for (const auto& [kind, cases] : findings) {
    printf("%s: %zu\n", kind.c_str(), cases.size());
    for (const std::string& one : cases) printf("  %s\n", one.c_str());
  }
  printf("%zu models\n", count);
}

TEST(InferenceDataTest, RealModels) {
  const fs::path folder = Shared() / "models";
  if (!fs::exists(folder)) GTEST_SKIP() << folder << " is absent";
  for (const char* part : {"models", "bench", "conformance/onnx-1.22.0/light", "fixtures"}) {
    for (const fs::path& file : FilesNamed(Shared() / part, ".onnx")) {
      StatusOr<std::unique_ptr<ir::Model>> model = ir::LoadModel(file);
      if (!model.ok()) {
        printf("%s: %s\n", file.c_str(), model.status().ToString().c_str());
        continue;
      }
      TakeDeclared(*(*model)->graph);
      size_t errors = 0;
      InferenceOptions options;
      options.on_error = [&](const ir::Graph&, const ir::Node*, const Status& error) {
        if (++errors <= 3) printf("%s: %s\n", file.c_str(), error.ToString().c_str());
      };
      ASSERT_TRUE(InferTypes(**model, options).ok());
      size_t unknown = 0, values = 0;
      std::map<std::string, int> ops;
      for (const auto& node : (*model)->graph->nodes()) {
        for (const ir::Value* output : node->outputs()) {
          if (output == nullptr) continue;
          ++values;
          if (output->type.is_tensor() ? !output->type.shape.has_value() : !output->type.known()) ++unknown, ++ops[node->op_type];
        }
      }
      std::string which;
      for (const auto& [op, n] : ops) which += " " + op + ":" + std::to_string(n);
      if (unknown) printf("%s: %zu of %zu values without rank:%s\n", file.c_str(), unknown, values, which.c_str());
    }
  }
}

}  // namespace
}  // namespace sardonyx::ops
