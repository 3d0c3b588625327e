#include "validate/made_inputs.h"

#include <gtest/gtest.h>

#include "ir/text.h"

namespace sardonyx::validate {
namespace {

std::unique_ptr<ir::Model> Parse(const std::string& graph) {
  auto model = ir::ParseText("<ir_version: 8, opset_import: [\"\": 18]> " + graph);
  EXPECT_TRUE(model.ok()) << model.status().ToString();
  return model.ok() ? *std::move(model) : std::make_unique<ir::Model>();
}

std::string Shapes(const ir::Model& model, const Sizes& sizes, const MadeInputOptions& options = {}) {
  const auto inputs = MakeInputs(model, InputKind::kRandom, sizes, options);
  if (!inputs.ok()) return inputs.status().ToString();
  std::string text;
  for (const auto& [name, value] : *inputs) text += (text.empty() ? "" : " ") + value.TypeString();
  return text;
}

TEST(MakeInputs, FreeDimsGetSizesByWhatTheySeem) {
  const Sizes sizes{2, 96, 13};
  const struct {
    const char* inputs;
    const char* shapes;
  } cases[] = {
      {"float[N,3,H,W] x", "float[2,3,96,96]"},
      {"float[N,H,W,3] x", "float[2,96,96,3]"},
      {"float[?,3,?,?] x", "float[2,3,96,96]"},
      {"float[batch,4,past,8] x", "float[2,4,13,8]"},
      {"int64[batch,seq] ids, int64[batch,seq] attention_mask", "int64[2,13] int64[2,13]"},
      {"float[b,past] x, float[b,n] y, float[b,\"past+n\"] z", "float[2,13] float[2,13] float[2,26]"},
      {"float[7] x", "float[7]"},
  };
  for (const auto& one : cases)
    EXPECT_EQ(Shapes(*Parse(std::string("g (") + one.inputs + ") => (float[] y) { y = Constant <value_float = 1.0> () }"), sizes), one.shapes);
}

TEST(MakeInputs, GivenShapesBindTheirSymbols) {
  const auto model = Parse("g (float[N,S] x, float[S,2] y) => (float[N,2] z) { z = MatMul(x, y) }");
  MadeInputOptions options;
  options.shapes = {{"x", Dims{4, 6}}};
  EXPECT_EQ(Shapes(*model, {1, 64, 8}, options), "float[4,6] float[6,2]");
}

TEST(MakeInputs, IdsStayInTheirTable) {
  const auto model = Parse(
      "g (int32[N,S] ids) => (float[N,S,1] y) <float[5,1] table = {1,2,3,4,5}> "
      "{ wide = Cast <to = 7> (ids) y = Gather(table, wide) }");
  EXPECT_EQ(TableRows(*model->graph->inputs()[0].value), 5);
  for (const InputKind kind : kInputKinds) {
    const auto inputs = MakeInputs(*model, kind, {8, 64, 32}, {});
    ASSERT_TRUE(inputs.ok());
    int32_t most = 0;
    for (const int32_t id : (*inputs)[0].second.tensor().data<int32_t>()) {
      ASSERT_GE(id, 0);
      most = std::max(most, id);
    }
    ASSERT_LT(most, 5) << InputKindName(kind);
    if (kind == InputKind::kRandom || kind == InputKind::kLarge) EXPECT_EQ(most, 4);
  }
}

TEST(MakeInputs, KindsAreWhatTheySay) {
  const auto model = Parse("g (double[4] x) => (double[4] y) { y = Identity(x) }");
  const auto value = [&](InputKind kind) {
    return (*MakeInputs(*model, kind, {}, {}))[0].second.tensor().data<double>()[0];
  };
  EXPECT_EQ(value(InputKind::kZeros), 0);
  EXPECT_EQ(value(InputKind::kOnes), 1);
  EXPECT_LT(std::abs(value(InputKind::kSmall)), 1e-4);
  EXPECT_EQ(value(InputKind::kRandom), value(InputKind::kRandom));
}

TEST(MakeInputs, OptionalTensorsAreGiven) {
  const auto model = Parse("g (optional(float[n,3]) x, optional(seq(float[2])) s) => (bool y) { y = OptionalHasElement(x) }");
  const auto inputs = MakeInputs(*model, InputKind::kRandom, {2, 5, 32}, {});
  ASSERT_TRUE(inputs.ok()) << inputs.status().ToString();
  ASSERT_EQ(inputs->size(), 1u);
  EXPECT_EQ((*inputs)[0].second.tensor().dims(), Dims({2, 3}));
}

TEST(MakeInputs, SaysWhatCannotBeMade) {
  EXPECT_NE(Shapes(*Parse("g (seq(float[2]) x) => (int64[] y) { y = SequenceLength(x) }"), {}).find("give it with --inputs"), std::string::npos);
}

}  // namespace
}  // namespace sardonyx::validate
