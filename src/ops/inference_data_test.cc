// Inference over real data: the conformance suite and the models under SARDONYX_SHARED (default: ../shared beside the
// source tree). Skipped where that is absent.
#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/shared_data.h"
#include "ir/load.h"
#include "ops/function_body.h"
#include "ops/inference.h"

namespace sardonyx::ops {
namespace {

namespace fs = std::filesystem;

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
    if (StatusOr<ir::StoredTensor> tensor = ir::ParseTensor(*bytes); tensor.ok())
      model.graph->SetInitializer(input.value, *std::move(tensor));
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

// Cases whose sizes depend on computed data: parts of their names.
constexpr std::string_view kDataDependent[] = {
    "image_decoder", "nonmaxsuppression", "nonzero",         "string_split",   "strnorm", "unique",
    "range_",        "sequence_model1",   "sequence_model4", "sequence_model5"};

bool DependsOnData(const std::string& name) {
  return std::any_of(std::begin(kDataDependent), std::end(kDataDependent),
                     [&](std::string_view part) { return name.find(part) != std::string::npos; });
}

void CheckCase(const fs::path& file, bool with_data) {
  StatusOr<std::unique_ptr<ir::Model>> model = ir::LoadModel(file);
  ASSERT_TRUE(model.ok()) << file << ": " << model.status().ToString();
  ir::Graph& graph = *(*model)->graph;
  std::vector<ir::Type> expected = TakeDeclared(graph);
  const fs::path data = file.parent_path() / "test_data_set_0";
  if (with_data) UseInputData(data, **model);
  if (with_data) expected = ExpectedTypes(data, expected);
  InferenceOptions options;
  options.strict = true;
  const Status status = InferTypes(**model, options);
  EXPECT_TRUE(status.ok()) << file << ": " << status.ToString();
  for (size_t i = 0; status.ok() && i < expected.size(); ++i) {
    const ir::Value& output = *graph.outputs()[i].value;
    const std::string missing = Missing(output.type, expected[i]);
    if (missing == "size unknown" && (!with_data || DependsOnData(file.string()))) continue;
    EXPECT_EQ(missing, "") << file << ": " << output.name() << " is " << output.type.ToString() << ", expected " << expected[i].ToString();
  }
}

// With the case's inputs known, inference must say what their run gives; without, it must not contradict it.
TEST(InferenceDataTest, ConformanceOutputs) {
  const fs::path folder = SharedData(SARDONYX_SOURCE_DIR) / "conformance";
  if (!fs::exists(folder)) GTEST_SKIP() << "no conformance suite";
  for (const fs::path& file : FilesNamed(folder, ".onnx"))
    for (const bool with_data : {false, true}) CheckCase(file, with_data);
}

// The types that an operator's own function gives and those of the body that the specification gives agree.
void CheckFunctionBody(const fs::path& file) {
  StatusOr<std::unique_ptr<ir::Model>> model = ir::LoadModel(file);
  ASSERT_TRUE(model.ok()) << file << ": " << model.status().ToString();
  ir::Graph& graph = *(*model)->graph;
  if (graph.nodes().size() != 1) return;
  const ir::Node& node = *graph.nodes().front();
  const OpSchema* schema = FindSchema(node.domain, node.op_type, (*model)->OpsetVersion(node.domain));
  if (schema == nullptr || !schema->has_function) return;
  TakeDeclared(graph);
  ASSERT_TRUE(InferTypes(**model).ok()) << file;
  std::vector<ir::Type> own;
  for (const ir::ValueInfo& output : graph.outputs()) own.push_back(std::exchange(output.value->type, ir::Type()));
  StatusOr<std::unique_ptr<ir::Function>> body = FunctionBody(*schema, node);
  ASSERT_TRUE(body.ok()) << file << ": " << body.status().ToString();
  if (*body == nullptr) return;
  // As a function of the model it is what its calls are inferred by.
  ir::Function& function = (*model)->functions.emplace_back(std::move(**body));
  function.domain = node.domain;
  function.name = node.op_type;
  const Status status = InferTypes(**model);
  ASSERT_TRUE(status.ok()) << file << ": " << status.ToString();
  for (size_t i = 0; i < own.size(); ++i) {
    const ir::Type& by_body = graph.outputs()[i].value->type;
    EXPECT_TRUE(Compatible(own[i], by_body)) << file << ": " << own[i].ToString() << ", by its body " << by_body.ToString();
    EXPECT_EQ(own[i].Spelling(), by_body.Spelling()) << file;
  }
}

TEST(InferenceDataTest, FunctionBodiesAgree) {
  const fs::path folder = SharedData(SARDONYX_SOURCE_DIR) / "conformance";
  if (!fs::exists(folder)) GTEST_SKIP() << "no conformance suite";
  for (const fs::path& file : FilesNamed(folder, ".onnx")) CheckFunctionBody(file);
}

// Every value of a real model gets its rank, from the types of the inputs alone.
TEST(InferenceDataTest, RealModels) {
  const fs::path shared = SharedData(SARDONYX_SOURCE_DIR);
  if (shared.empty()) GTEST_SKIP() << "no shared data";
  for (const char* part : {"models", "bench", "conformance/onnx-1.22.0/light"}) {
    for (const fs::path& file : FilesNamed(shared / part, ".onnx")) {
      StatusOr<std::unique_ptr<ir::Model>> model = ir::LoadModel(file);
      ASSERT_TRUE(model.ok()) << file << ": " << model.status().ToString();
      TakeDeclared(*(*model)->graph);
      const Status status = InferTypes(**model);
      EXPECT_TRUE(status.ok()) << file << ": " << status.ToString();
      for (const auto& node : (*model)->graph->nodes()) {
        for (const ir::Value* output : node->outputs()) {
          if (output == nullptr) continue;
          EXPECT_TRUE(output->type.known() && (!output->type.is_tensor() || output->type.shape)) << file << ": " << node->Label();
        }
      }
    }
  }
}

}  // namespace
}  // namespace sardonyx::ops
