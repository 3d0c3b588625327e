// operator_cases FILE [--dynamic]: runs what importers make of single operators of PyTorch, and compares with what PyTorch gives.
// With --dynamic all sizes of inputs but 1 are symbols when the operator is translated, equal sizes the same one.
//
// FILE has a case a line, as tools/make_torch_operator_cases.py writes them:
//   {"operator": "aten.renorm.default", "arguments": [{"tensor": {"dtype": "float", "shape": [2, 2], "data": [...]}}, 2, 0, 1.5],
//    "named": {}, "outputs": [{"dtype": ...}], "rtol": 0.001, "atol": 0.0001}
// A complex tensor has "complex": true (its pairs are the last axis); an element type is {"dtype": "float"}.
#include <fstream>
#include <iostream>

#include "base/status_macros.h"
#include "formats/json.h"
#include "import/pytorch/import_pytorch.h"
#include "import/pytorch/signature.h"
#include "sardonyx/session.h"
#include "validate/compare.h"

namespace sardonyx {
namespace {

using formats::Json;

struct Call {
  bool dynamic = false;
  pytorch::Program program;
  std::vector<Session::NamedValue> inputs;
};

// {"dtype", "shape", "data"}, and whether it is complex.
StatusOr<Tensor> TensorOf(Json json, bool* is_complex) {
  *is_complex = json.value("complex", false);
  json.erase("complex");
  return formats::TensorFromJson(json);
}

// Tensors become inputs of the program.
StatusOr<pytorch::IValue> Argument(const Json& json, Call* call) {
  using pytorch::IValue;
  if (json.is_null()) return IValue();
  if (json.is_boolean()) return IValue(json.get<bool>());
  if (json.is_number_integer()) return IValue(json.get<int64_t>());
  if (json.is_number()) return IValue(json.get<double>());
  if (json.is_string()) return IValue(json.get<std::string>());
  if (json.is_array()) {
    IValue::List items;
    for (const Json& item : json) {
      ASSIGN_OR_RETURN(IValue one, Argument(item, call));
      items.push_back(std::move(one));
    }
    return IValue::MakeList(std::move(items));
  }
  if (json.contains("dtype")) {
    const std::optional<DataType> dtype = ParseDataType(json.at("dtype").get<std::string>());
    return dtype ? StatusOr<IValue>(IValue(*dtype)) : StatusOr<IValue>(Internal("there is no such type"));
  }
  bool is_complex = false;
  ASSIGN_OR_RETURN(Tensor tensor, TensorOf(json.at("tensor"), &is_complex));
  const std::string name = "x" + std::to_string(call->inputs.size());
  ir::Shape shape;
  for (const int64_t size : tensor.dims()) {
    if (is_complex && shape.rank() + 1 == tensor.dims().size()) break;
    shape.Append(call->dynamic && size > 1 ? ir::Dim::Symbol("size_" + std::to_string(size)) : ir::Dim(size));
  }
  DataType dtype = tensor.dtype();
  if (is_complex) dtype = dtype == DataType::kDouble ? DataType::kComplex128 : DataType::kComplex64;
  pytorch::Value* value = call->program.graph->AddValue(name, pytorch::Kind::kTensor, ir::Type::Tensor(dtype, shape));
  call->program.inputs.push_back({value, name});
  call->inputs.emplace_back(name, std::move(tensor));
  return IValue(static_cast<const pytorch::Value*>(value));
}

Status Run(const Json& json, bool dynamic) {
  Call call;
  call.dynamic = dynamic;
  call.program.graph = std::make_shared<pytorch::Graph>();
  const auto target = json.at("operator").get<std::string>();
  const pytorch::Signature* signature = pytorch::FindSignature(target);
  if (signature == nullptr) return Internal("there is no such operator");
  std::vector<pytorch::IValue> positional;
  std::vector<std::pair<std::string, pytorch::IValue>> named;
  for (const Json& item : json.at("arguments")) {
    ASSIGN_OR_RETURN(pytorch::IValue value, Argument(item, &call));
    positional.push_back(std::move(value));
  }
  for (auto it = json.at("named").begin(); it != json.at("named").end(); ++it) {
    ASSIGN_OR_RETURN(pytorch::IValue value, Argument(*it, &call));
    named.emplace_back(it.key(), std::move(value));
  }
  pytorch::Node* node = call.program.graph->AddNode(target);
  node->name = "node";
  ASSIGN_OR_RETURN(node->inputs, pytorch::BindArguments(*signature, std::move(positional), std::move(named)));
  std::vector<Tensor> expected;
  for (const Json& item : json.at("outputs")) {
    bool is_complex = false;
    ASSIGN_OR_RETURN(Tensor tensor, TensorOf(item, &is_complex));
    const std::string name = "y" + std::to_string(expected.size());
    // The element type is what the rule makes of it, but that it is complex.
    const DataType dtype = is_complex ? DataType::kComplex64 : DataType::kUndefined;
    const pytorch::Value* value = call.program.graph->AddOutput(node, name, pytorch::Kind::kTensor, ir::Type::Tensor(dtype));
    call.program.outputs.push_back({pytorch::IValue(value), name});
    expected.push_back(std::move(tensor));
  }
  ASSIGN_OR_RETURN(import::Imported imported, pytorch::ImportProgram(call.program, {}));
  if (imported.model == nullptr) return Unsupported(import::UnsupportedText(imported.report));
  ASSIGN_OR_RETURN(const Session session, Session::Create(Model(std::shared_ptr<const ir::Model>(std::move(imported.model)))));
  std::vector<Session::NamedValue> inputs;
  for (Session::NamedValue& input : call.inputs)
    for (const ValueInfo& wanted : session.inputs())
      if (wanted.name == input.first) inputs.push_back(std::move(input));
  ASSIGN_OR_RETURN(const std::vector<Value> outputs, session.Run(inputs));
  const validate::Tolerance tolerance{json.at("rtol").get<double>(), json.at("atol").get<double>()};
  for (size_t i = 0; i < expected.size(); ++i) {
    if (i >= outputs.size()) return Internal("an output is missing");
    const std::string reason = validate::CompareValues(outputs[i], Value(expected[i]), tolerance);
    if (!reason.empty()) return Internal("output " + std::to_string(i) + ": " + reason);
  }
  return {};
}

}  // namespace
}  // namespace sardonyx

int main(int argc, char** argv) {
  const bool dynamic = argc == 3 && std::string_view(argv[2]) == "--dynamic";
  std::ifstream file(argc == 2 || dynamic ? argv[1] : "");
  if (!file) {
    std::cerr << "usage: operator_cases FILE [--dynamic]\n";
    return 2;
  }
  int line_number = 0, failed = 0;
  for (std::string line; std::getline(file, line);) {
    ++line_number;
    const auto json = sardonyx::formats::ParseJson(line);
    const sardonyx::Status status = json.ok() ? sardonyx::Run(*json, dynamic) : json.status();
    if (status.ok()) continue;
    ++failed;
    std::cout << argv[1] << ":" << line_number << ": " << (json.ok() ? (*json)["operator"].get<std::string>() : "") << ": "
              << status.ToString() << "\n";
  }
  std::cout << line_number - failed << " of " << line_number << " cases pass\n";
  return failed == 0 && line_number > 0 ? 0 : 1;
}
