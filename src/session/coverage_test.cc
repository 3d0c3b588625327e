// Whether every operator of the ONNX specification can run.
#include <gtest/gtest.h>

#include <algorithm>

#include "ops/schema.h"
#include "providers/cpu/cpu_provider.h"

namespace sardonyx {
namespace {

TEST(Coverage, EveryVersionOfEveryOnnxOperatorHasAKernelOrABody) {
  constexpr std::string_view kDomains[] = {"", "ai.onnx.ml", "ai.onnx.preview", "ai.onnx.preview.training"};
  constexpr std::string_view kOfTheRuntime[] = {"If", "Loop", "Scan"};
  const cpu::CpuProvider provider;
  int count = 0;
  for (const ops::OpSchema& schema : ops::AllSchemas()) {
    if (std::find(std::begin(kDomains), std::end(kDomains), schema.domain) == std::end(kDomains) || schema.deprecated) continue;
    if (std::find(std::begin(kOfTheRuntime), std::end(kOfTheRuntime), schema.name) != std::end(kOfTheRuntime)) continue;
    if (schema.name == "Gradient") continue;  // optimize/differentiate.h
    ++count;
    EXPECT_TRUE(schema.has_function || provider.HasOperator(schema.domain, schema.name, schema.since_version))
        << schema.domain << " " << schema.name << " " << schema.since_version;
  }
  EXPECT_GT(count, 500);
}

}  // namespace
}  // namespace sardonyx
