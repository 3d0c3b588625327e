// What Register refuses, and the C API without its C++ layer. tests/cli/custom_ops.test runs a real library.
#include "providers/custom/custom_ops.h"

#include <gtest/gtest.h>

#include <list>
#include <vector>

#include "ops/custom_schemas.h"

namespace sardonyx::custom_ops {
namespace {

int DoNothing(const SardonyxApi*, const void*, SardonyxRun*) { return 0; }

// Registered operators must live as long as the process.
const SardonyxCustomOps& Make(const char* schemas, std::vector<SardonyxCustomOp> ops, int32_t version = SARDONYX_CUSTOM_OP_API) {
  static auto* const kept = new std::list<std::pair<SardonyxCustomOps, std::vector<SardonyxCustomOp>>>;
  auto& [made, entries] = kept->emplace_back(SardonyxCustomOps{}, std::move(ops));
  made = {version, schemas, entries.size(), entries.data()};
  return made;
}

SardonyxCustomOp MakeEntry(const char* domain, const char* op_type) {
  return {domain, op_type, 1, 0, nullptr, nullptr, DoNothing, nullptr};
}

struct Refused {
  const char* name;
  const char* schemas;
  std::vector<SardonyxCustomOp> ops;
  const char* message;
};

TEST(CustomOps, WhatIsMalformedIsRefused) {
  const Refused kCases[] = {
      {"no schemas", nullptr, {MakeEntry("test.a", "A")}, "no schemas"},
      {"no operators", "domain test.a 1\n", {}, "no operators"},
      {"not a table", "what is this", {MakeEntry("test.a", "A")}, "line 1"},
      {"ONNX's domain", "domain ai.onnx 1\n\nMine\n  1 (X: float) -> (Y: float)\n", {MakeEntry("", "Mine")}, "belongs to ONNX"},
      {"known operator",
       "domain com.microsoft 1\n\nGelu\n  1 (X: float) -> (Y: float)\n",
       {MakeEntry("com.microsoft", "Gelu")},
       "known already"},
      {"sequence", "domain test.a 1\n\nA\n  1 (X: T) -> (Y: float)\n    T in seq(float)\n", {MakeEntry("test.a", "A")}, "no tensor"},
      {"schema without entry",
       "domain test.a 1\n\nA\n  1 (X: float) -> (Y: float)\nB\n  1 (X: float) -> (Y: float)\n",
       {MakeEntry("test.a", "A")},
       "no entry computes it"},
      {"entry without schema",
       "domain test.a 1\n\nA\n  1 (X: float) -> (Y: float)\n",
       {MakeEntry("test.a", "A"), MakeEntry("test.a", "C")},
       "no schema"},
  };
  for (const Refused& one : kCases) {
    const Status status = Register(Make(one.schemas, one.ops));
    EXPECT_EQ(status.code(), StatusCode::kInvalid) << one.name;
    EXPECT_NE(status.ToString().find(one.message), std::string::npos) << one.name << ": " << status.ToString();
  }
  // Nothing of these was kept.
  EXPECT_EQ(ops::FindSchema("test.a", "A", 1), nullptr);
}

TEST(CustomOps, ANewerApiIsUnsupported) {
  const Status status =
      Register(Make("domain test.b 1\n\nA\n  1 (X: float) -> (Y: float)\n", {MakeEntry("test.b", "A")}, SARDONYX_CUSTOM_OP_API + 1));
  EXPECT_EQ(status.code(), StatusCode::kUnsupported) << status.ToString();
}

TEST(CustomOps, ARegisteredOperatorIsKnownInItsVersions) {
  ASSERT_TRUE(
      Register(Make("domain test.c 3\n\nA\n  3 (X: float) -> (Y: float)\n  1 (X: double) -> (Y: double)\n", {MakeEntry("test.c", "A")}))
          .ok());
  EXPECT_EQ(ops::NewestOpset("test.c"), 3);
  ASSERT_NE(ops::FindSchema("test.c", "A", 2), nullptr);
  EXPECT_EQ(ops::FindSchema("test.c", "A", 2)->since_version, 1);
  EXPECT_EQ(ops::FindSchema("test.c", "A", 9)->since_version, 3);
  EXPECT_EQ(ops::SchemaVersions("test.c", "A").size(), 2u);
  EXPECT_EQ(FindEntries("test.c", "A", 2).size(), 1u);
  EXPECT_TRUE(FindEntries("test.c", "B", 2).empty());
  // Again: it is known already.
  EXPECT_FALSE(Register(Make("domain test.c 1\n\nA\n  1 (X: float) -> (Y: float)\n", {MakeEntry("test.c", "A")})).ok());
}

TEST(CustomOps, AFileThatIsNoLibraryIsCorrupt) {
  EXPECT_EQ(Load("/nonexistent/library.so").code(), StatusCode::kCorrupt);
  EXPECT_EQ(Load(std::filesystem::path(SARDONYX_SOURCE_DIR) / "README.md").code(), StatusCode::kCorrupt);
}

}  // namespace
}  // namespace sardonyx::custom_ops
