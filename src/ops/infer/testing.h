// For the tests of inference functions: one node, the types of its inputs, and what must come out.
#pragma once

#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "ir/text.h"
#include "ops/inference.h"

namespace sardonyx::ops::infer {

struct OpCase {
  int opset;
  std::string inputs;    // "float[n,3] x, int64[2] axes = {0, 1}"; those with a value are constants; float[] has any rank
  std::string node;      // "y = Relu(x)"
  std::string expected;  // the types of its outputs, with blanks between, or what the error says
};

// The types of the outputs of the last node, or "error: ..." without the node's place.
inline std::string InferCase(const OpCase& test) {
  const std::string text = fmt::format(
      "<ir_version: 3, opset_import: [\"\" : {}, \"ai.onnx.ml\" : 5, \"com.microsoft\" : 1, \"ai.onnx.preview.training\" : 1, "
      "\"ai.onnx.preview\" : 1]>\ng ({}) => () {{ {} }}",
      test.opset, test.inputs, test.node);
  const StatusOr<std::unique_ptr<ir::Model>> model = ir::ParseText(text);
  if (!model.ok()) return "text: " + model.status().ToString() + "\n" + text;
  const Status status = InferTypes(**model);
  if (!status.ok()) return "error: " + status.message();
  std::string types;
  for (const ir::Value* output : (*model)->graph->nodes().back()->outputs())
    types += (types.empty() ? "" : " ") + (output == nullptr ? std::string("-") : output->type.ToString());
  return types;
}

inline void Check(const OpCase& test) {
  const std::string actual = InferCase(test);
  const bool as_expected = actual.starts_with("error: ") ? actual.find(test.expected) != std::string::npos : actual == test.expected;
  EXPECT_TRUE(as_expected) << fmt::format("opset {}: {} with {}\n  gives    {}\n  expected {}", test.opset, test.node, test.inputs, actual,
                                          test.expected);
}

}  // namespace sardonyx::ops::infer
