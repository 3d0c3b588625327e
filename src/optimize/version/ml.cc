// ai.onnx.ml.
#include <numeric>

#include "base/status_macros.h"
#include "optimize/version/adapter.h"

namespace sardonyx::optimize::version {
namespace {

// Version 1 numbers a list of strings; since version 2 keys and values are both given.
Status LabelEncoderUp(NodeEditor& e) {
  ASSIGN_OR_RETURN(const DataType dtype, e.Dtype(0));
  std::vector<std::string> classes = e.node().GetStrings("classes_strings");
  std::vector<int64_t> numbers(classes.size());
  std::iota(numbers.begin(), numbers.end(), 0);
  const bool from_string = dtype == DataType::kString;
  e.Remove("classes_strings");
  e.Set(from_string ? "keys_strings" : "values_strings", std::move(classes));
  e.Set(from_string ? "values_int64s" : "keys_int64s", std::move(numbers));
  e.SetChanged();
  return {};
}

Status LabelEncoderDown(NodeEditor& e) {
  const bool from_string = e.Has("keys_strings");
  const std::vector<int64_t> numbers = e.node().GetInts(from_string ? "values_int64s" : "keys_int64s");
  std::vector<std::string> classes = e.node().GetStrings(from_string ? "keys_strings" : "values_strings");
  if (numbers.size() != classes.size() || numbers.empty()) return Unsupported("version 1 maps strings to int64 and back only");
  for (size_t i = 0; i < numbers.size(); ++i)
    if (numbers[i] != static_cast<int64_t>(i)) return Unsupported("version 1 numbers its strings 0, 1, 2...");
  for (const std::string_view name : {"keys_strings", "values_strings", "keys_int64s", "values_int64s", "default_float"}) e.Remove(name);
  e.Set("classes_strings", std::move(classes));
  e.SetChanged();
  return {};
}

Status TensorsDown(NodeEditor& e) {
  for (const std::string_view name : {"keys_tensor", "values_tensor", "default_tensor"})
    if (e.Has(name)) return Unsupported(fmt::format("{} came with ai.onnx.ml 4", name));
  return {};
}

constexpr Adapter kRows[] = {
    {"LabelEncoder", 2, LabelEncoderUp, LabelEncoderDown, "ai.onnx.ml"},
    {"LabelEncoder", 4, nullptr, TensorsDown, "ai.onnx.ml"},
};

}  // namespace

std::span<const Adapter> MlAdapters() { return kRows; }

}  // namespace sardonyx::optimize::version
