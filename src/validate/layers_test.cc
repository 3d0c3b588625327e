#include "validate/layers.h"

#include <gtest/gtest.h>

#include "ir/text.h"
#include "validate/comparison.h"
#include "validate/report.h"

namespace sardonyx::validate {
namespace {

std::unique_ptr<ir::Model> Parse(const std::string& body) {
  auto model = ir::ParseText("<ir_version: 8, opset_import: [\"\": 18]> g (float[2,3] x) => (float[2,3] y) { " + body + " }");
  EXPECT_TRUE(model.ok()) << model.status().ToString();
  return model.ok() ? *std::move(model) : std::make_unique<ir::Model>();
}

StatusOr<NamedValues> RunModel(std::shared_ptr<const ir::Model> model, const NamedValues& inputs) {
  auto session = Session::Create(Model(std::move(model)));
  if (!session.ok()) return session.status();
  auto values = session->Run(inputs);
  if (!values.ok()) return values.status();
  NamedValues named;
  for (size_t i = 0; i < values->size(); ++i) named.emplace_back(session->outputs()[i].name, (*values)[i]);
  return named;
}

NamedValues Inputs() { return {{"x", Tensor::From<float>({2, 3}, {1, -2, 3, -4, 5, -6})}}; }

LayerReport Compare(const std::string& candidate, const std::string& reference) {
  auto report = CompareLayers(*Parse(candidate), RunModel, *Parse(reference), RunModel, Inputs(), {1e-3, 1e-5});
  EXPECT_TRUE(report.ok()) << report.status().ToString();
  return *std::move(report);
}

std::string First(const LayerReport& report) { return report.first < 0 ? "" : report.layers[static_cast<size_t>(report.first)].node; }

TEST(CompareLayers, NamesTheFirstThatDiffers) {
  const LayerReport report = Compare("a = Abs(x) b = Exp(a) c = Neg(b) y = Tanh(c)", "a = Abs(x) b = Sqrt(a) c = Neg(b) y = Tanh(c)");
  EXPECT_TRUE(report.by_name);
  EXPECT_EQ(First(report), "Exp -> 'b'");
  EXPECT_EQ(report.layers.size(), 4u);
}

TEST(CompareLayers, MatchesByStructureWhereNamesDiffer) {
  const LayerReport report = Compare("p = Abs(x) q = Neg(p) r = Exp(q) y = Tanh(r)", "a = Abs(x) b = Neg(a) c = Sqrt(b) d = Exp(c) y = Tanh(d)");
  EXPECT_FALSE(report.by_name);
  EXPECT_EQ(First(report), "Exp -> 'r'");
  EXPECT_EQ(report.layers[0].reference_value, "a");
}

TEST(CompareLayers, WorkThatMovedIsNoDifference) {
  // The scale is applied before Neg in one model and after it in the other.
  const LayerReport report = Compare("n = Neg(x) s = Add(n, n) y = Tanh(s)", "s0 = Add(x, x) n = Neg(s0) s = Identity(n) y = Tanh(s)");
  EXPECT_EQ(First(report), "");
  EXPECT_TRUE(report.layers[0].explained);
}

TEST(CompareLayers, SuspectsHaveNoCounterpart) {
  const LayerReport report = Compare("a = Abs(x) extra = Exp(a) b = Neg(extra) y = Tanh(b)", "a = Abs(x) b = Neg(a) y = Tanh(b)");
  EXPECT_EQ(First(report), "Neg -> 'b'");
  ASSERT_EQ(report.suspects.size(), 1u);
  EXPECT_EQ(report.suspects[0], "Exp -> 'extra'");
}

Validation Validate(const std::string& candidate, const std::string& reference) {
  const std::shared_ptr<const ir::Model> a = Parse(candidate), b = Parse(reference);
  const auto runner = [](std::shared_ptr<const ir::Model> model) { return [model](const NamedValues& inputs) { return RunModel(model, inputs); }; };
  Comparison comparison("candidate <1>", runner(a), "reference", runner(b), {1e-3, 1e-5});
  EXPECT_TRUE(RunMadeCases(*a, {}, &comparison).ok());
  return comparison.Finish();
}

TEST(Comparison, TotalsAreTheWorstOfAllCases) {
  const Validation equal = Validate("y = Tanh(x)", "y = Tanh(x)");
  EXPECT_TRUE(equal.ok);
  EXPECT_EQ(equal.cases.size(), 5u);  // no free dims: one size
  // They agree at zero only.
  const Validation differ = Validate("y = Sin(x)", "y = Tan(x)");
  EXPECT_FALSE(differ.ok);
  EXPECT_TRUE(differ.cases[1].ok);
  EXPECT_FALSE(differ.outputs[0].worst.difference.ok);
  EXPECT_GT(differ.outputs[0].worst.difference.max_abs, 0.1);
}

TEST(Comparison, NothingComparedIsNotOk) {
  const std::shared_ptr<const ir::Model> a = Parse("y = Tanh(x)");
  Comparison comparison("a", [&](const NamedValues& inputs) { return RunModel(a, inputs); }, "b",
                        [](const NamedValues&) -> StatusOr<NamedValues> { return Unsupported("no"); }, {});
  EXPECT_TRUE(RunMadeCases(*a, {}, &comparison).ok());
  const Validation validation = comparison.Finish();
  EXPECT_FALSE(validation.ok);
  EXPECT_NE(validation.cases[0].skipped, "");
}

TEST(Report, PagesHoldEverythingAndEscapeNames) {
  Validation validation = Validate("y = Sin(x)", "y = Tan(x)");
  validation.layers = Compare("a = Abs(x) y = Exp(a)", "a = Abs(x) y = Sqrt(a)");
  const std::string page = HtmlReport(validation);
  EXPECT_NE(page.find("candidate &lt;1&gt;"), std::string::npos);
  EXPECT_EQ(page.find("<1>"), std::string::npos);
  EXPECT_EQ(page.find("http"), std::string::npos);  // nothing from elsewhere
  EXPECT_NE(page.find("First that differs"), std::string::npos);
  size_t drawings = 0;
  for (size_t at = page.find("<svg"); at != std::string::npos; at = page.find("<svg", at + 1)) ++drawings;
  EXPECT_EQ(drawings, 3u);
  const auto json = ToJson(validation);
  EXPECT_EQ(json["layers"]["first_differing"], "Exp -> 'y'");
  EXPECT_EQ(json["cases"].size(), 5u);
}

}  // namespace
}  // namespace sardonyx::validate
