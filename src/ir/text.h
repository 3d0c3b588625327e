// The ONNX textual syntax (.onnxtxt): reading and printing.
//
// Grammar: https://onnx.ai/onnx/repo-docs/Syntax.html. What other readers of the syntax understand is printed in their
// form. A few things that the grammar has no words for are read and printed in a form of our own, because leaving them
// out would change what the model computes: sparse tensors `sparse_tensor(float[3,4]) {float[2] {1, 2}, int64[2] {0, 5}}`
// (values, indices), lists of tensors, graphs and types as attributes, quoted names of operators, domains, attributes and
// subgraphs, float literals for the narrow floats (an integer literal is their bit pattern), and hexadecimal numbers.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ir/model.h"

namespace sardonyx::ir {

// Reads a whole model. Errors are kCorrupt: "LINE:COLUMN: expected WHAT, found 'TEXT'". External data is relative to `folder`.
StatusOr<std::unique_ptr<Model>> ParseText(std::string_view text, const std::filesystem::path& folder = {});
// `name (inputs) => (outputs) <initializers> { nodes }`.
StatusOr<std::unique_ptr<Graph>> ParseGraphText(std::string_view text);
// `<domain: "d", opset_import: ["" : 18]> name <attributes> (inputs) => (outputs) { nodes }`.
StatusOr<Function> ParseFunctionText(std::string_view text);
// The same model as a serialized ModelProto.
StatusOr<std::string> TextToWire(std::string_view text);

struct PrintTextOptions {
  // Data of tensors with more elements is printed as its first few and `...`, which does not parse: for people.
  int64_t max_elements = INT64_MAX;
  // Receives a line for each thing that the syntax cannot say ("doc_string of node 'conv1'"), in the model's order and
  // at most 1000 of them; null: they are left out silently.
  std::vector<std::string>* losses = nullptr;
};

// The text of a model; ParseText gives an equal one but for `losses`.
std::string PrintText(const Model& model, const PrintTextOptions& options = {});
std::string PrintText(const Graph& graph, const PrintTextOptions& options = {});
std::string PrintText(const Function& function, const PrintTextOptions& options = {});

}  // namespace sardonyx::ir
