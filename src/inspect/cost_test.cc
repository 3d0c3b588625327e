#include "inspect/cost.h"

#include <gtest/gtest.h>

#include "inspect/memory.h"
#include "inspect/op_table.h"
#include "inspect/summary.h"
#include "ir/text.h"
#include "ops/inference.h"

namespace sardonyx::inspect {
namespace {

std::unique_ptr<ir::Model> Model(std::string_view graph) {
  auto model = ir::ParseText("<ir_version: 10, opset_import: [\"\" : 23, \"ai.onnx.ml\" : 5]>\n" + std::string(graph));
  EXPECT_TRUE(model.ok()) << model.status().ToString();
  if (!model.ok()) return std::make_unique<ir::Model>();
  const Status status = ops::InferTypes(**model);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return *std::move(model);
}

// Every value of the graphs below has a declared type, so that nothing depends on inference.
TEST(Cost, OfOperators) {
  const struct {
    std::string_view graph;
    uint64_t macs, flops;
  } cases[] = {
      {"g (float[2,3] x) => (float[2,3] y) { y = Relu(x) }", 0, 6},
      {"g (float[2,3] x) => (float[2,3] y) { y = Sum(x, x, x) }", 0, 12},
      {"g (float[2,3] a, float[3,5] b) => (float[2,5] y) { y = MatMul(a, b) }", 30, 60},
      {"g (float[3,2] a, float[3,5] b, float[5] c) => (float[2,5] y) { y = Gemm <transA = 1> (a, b, c) }", 30, 70},
      {"g (float[1,4,8,8] x, float[6,2,3,3] w, float[6] b) => (float[1,6,6,6] y) { y = Conv <group = 2> (x, w, b) }", 216 * 18, 216 * 37},
      {"g (float[1,4,3,3] x, float[4,2,2,2] w) => (float[1,2,6,6] y) { y = ConvTranspose <strides = [2, 2]> (x, w) }", 36 * 8, 72 * 8},
      {"g (float[1,4,8,8] x) => (float[1,4,4,4] y) { y = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (x) }", 0, 64 * 4},
      {"g (float[2,3,4] a, float[2,4,5] b) => (float[2,3,5] y) { y = Einsum <equation = \"bij, bjk -> bik\"> (a, b) }", 120, 240},
      {"g (float[7,1,4] x, float[1,12,4] w, float[1,12,3] r) => (float[7,1,1,3] y) { y = LSTM <hidden_size = 3> (x, w, r) }", 7 * 84,
       2 * 7 * 84 + 7 * 36},
      {"g (float[2,4] x) => (float[2,4] y) { y = Softmax(x) }", 0, 40},
      {"g (float[1,2,8,16] q, float[1,2,8,16] k, float[1,2,8,16] v) => (float[1,2,8,16] y) { y = Attention(q, k, v) }", 4096, 8192 + 640},
      {"g (float[2,4] x) => (float[4,2] y) { y = Transpose(x) }", 0, 0},
  };
  for (const auto& c : cases) {
    const auto model = Model(c.graph);
    ASSERT_TRUE(model->graph) << c.graph;
    const Cost cost = CostOf(*model->graph, Sizes());
    EXPECT_TRUE(cost.known) << c.graph;
    EXPECT_EQ(cost.macs, c.macs) << c.graph;
    EXPECT_EQ(cost.flops, c.flops) << c.graph;
  }
}

TEST(Cost, CountsTheRoundsOfALoopAndTheDearerBranch) {
  const auto model = Model(R"(g (bool c, float[4] x) => (float[4] y, float[4] z) <int64 n = {10}>
    {
      y = If (c) <then_branch = t () => (float[4] a) { a = Neg(x) }, else_branch = e () => (float[4] b) { r = Neg(x) b = Neg(r) }>
      z = Loop (n, c, x) <body = l (int64 i, bool p, float[4] s) => (bool q, float[4] o) { q = Identity(p) o = Neg(s) }>
    })");
  const auto& nodes = model->graph->nodes();
  EXPECT_EQ(CostOf(*nodes[0], Sizes()).flops, 8u);
  EXPECT_EQ(CostOf(*nodes[1], Sizes()).flops, 40u);
}

TEST(Cost, KnowsWhatItDoesNotKnow) {
  const auto model = Model("g (float[2] x, float[] u) => (y, z) { y = my.domain.Relu(x) z = Relu(u) }");
  EXPECT_FALSE(CostOf(*model->graph->nodes()[0], Sizes()).known);
  EXPECT_FALSE(CostOf(*model->graph->nodes()[1], Sizes()).known);
}

TEST(Cost, SymbolsHaveTheGivenSizes) {
  const auto model = Model("g (float[batch, 2, seq] x) => (float[batch, 2, seq] y) { y = Relu(x) }");
  const Sizes sizes({{"batch", 3}});
  EXPECT_EQ(CostOf(*model->graph, sizes).flops, 6u);
  EXPECT_EQ(sizes.assumed(), std::set<std::string>{"seq"});
}

TEST(Cost, TakesAnyRank) {
  for (const char* dims : {"", "[]", "[3]", "[2,3]", "[2,3,4]", "[0]", "[-1,-5,2,9]"})
    for (const char* op :
         {"Attention", "MatMul", "Gemm", "Conv", "ConvTranspose", "LSTM", "DFT", "STFT", "Det", "Einsum", "MaxPool", "Scan", "TopK"}) {
      const auto model = ir::ParseText(std::string("g (float") + dims + " x) => (float" + dims + " y) { y = " + op +
                                       " <equation = \"...ab,b...,...\"> (x, x, x) }");
      ASSERT_TRUE(model.ok()) << model.status().ToString();
      CostOf(*(*model)->graph, Sizes());
      PlanPeakMemory(*(*model)->graph, Sizes(), 8);
    }
}

TEST(Cost, DoesNotOverflow) {
  const auto model = Model(
      "g (float[4000000000, 4000000000] a, float[4000000000, 4000000000] b) => (float[4000000000, 4000000000] y) { y = MatMul(a, b) }");
  EXPECT_EQ(CostOf(*model->graph, Sizes()).macs, UINT64_MAX);
  EXPECT_EQ(Sizes().Bytes(model->graph->inputs()[0].value), UINT64_MAX);
}

TEST(OpTable, HasEveryOperatorOfOnnx) {
  for (const ops::OpSchema& schema : ops::AllSchemas()) {
    if (schema.deprecated || !ops::IsStandardDomain(schema.domain)) continue;
    EXPECT_NE(FindOpFacts(schema.name), nullptr) << schema.name;
  }
}

TEST(Memory, PeakIsWhatLivesAtOnce) {
  // x is read twice; at the second node x, a and b are alive; then a has gone.
  const auto model = Model("g (float[256] x) => (float[256] y) { a = Relu(x) b = Add(x, a) c = Neg(b) y = Neg(c) }");
  const PeakMemory peak = PlanPeakMemory(*model->graph, Sizes(), 10);
  EXPECT_EQ(peak.bytes, 3u * 1024);
  EXPECT_EQ(peak.node, model->graph->nodes()[1].get());
  EXPECT_EQ(peak.total_bytes, 5u * 1024);
  EXPECT_TRUE(peak.complete);
}

TEST(Memory, RenamingTakesNoneAndConstantsAreWeights) {
  const auto model = Model(
      "g (float[256] x) => (float[16,16] y) <int64[2] s = {16, 16}, float[256] w = [\"location\": \"w\"]> { k = Neg(w) r = Reshape(x, s) q "
      "= Reshape(k, s) y = Add(r, q) }");
  EXPECT_EQ(PlanPeakMemory(*model->graph, Sizes(), 10).bytes, 2u * 1024);
  EXPECT_EQ(ConstantNodes(*model->graph, 10).size(), 2u);
}

TEST(Summary, HasTheFacts) {
  const auto model = Model(R"(g (float[N, 4] x) => (float[N, 2] y) <float[4, 2] w = {1, 2, 3, 4, 5, 6, 7, 8}>
    { y = MatMul(x, w) } <domain: "f", opset_import: ["" : 21]> twice (a) => (b) { b = Add(a, a) })");
  const Summary summary = Summarize(*model, {.symbols = {{"N", 10}}});
  EXPECT_EQ(summary.parameters, 8u);
  EXPECT_EQ(summary.weight_bytes, 32u);
  EXPECT_EQ(summary.macs, 80u);
  EXPECT_EQ(summary.peak_memory_bytes, 160u + 80u);
  ASSERT_EQ(summary.functions.size(), 1u);
  EXPECT_EQ(summary.functions[0].calls, 0u);
  EXPECT_EQ(summary.operators, (std::vector<std::pair<std::string, int64_t>>{{"MatMul", 1}}));
  const std::string json = SummaryJson(summary, true);
  for (const char* key :
       {"\"ir_version\": 10", "\"opsets\"", "\"producer\"", "\"inputs\"", "\"outputs\"", "\"MatMul\": 1", "\"parameters\": 8",
        "\"flops\": 160", "\"weight_bytes\": 32", "\"peak_memory_bytes\": 240", "\"metadata\": {}", "\"dtype\": \"float\"", "\"N\""})
    EXPECT_NE(json.find(key), std::string::npos) << key << "\n" << json;
  EXPECT_NE(SummaryText(summary, {.nodes = true}).find("MatMul"), std::string::npos);
}

TEST(Summary, CountsReadably) {
  EXPECT_EQ(Count(999), "999");
  EXPECT_EQ(Count(12'345'678), "12.3 M");
  EXPECT_EQ(Count(UINT64_MAX), "18.4 E");
  EXPECT_EQ(ByteCount(437'597'388), "438 MB");
  EXPECT_EQ(ByteCount(0), "0 B");
}

}  // namespace
}  // namespace sardonyx::inspect
