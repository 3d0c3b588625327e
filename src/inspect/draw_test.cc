#include "inspect/draw.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "formats/json.h"
#include "inspect/svg.h"
#include "inspect/weights.h"
#include "ir/text.h"
#include "ops/inference.h"

namespace sardonyx::inspect {
namespace {

std::unique_ptr<ir::Model> Model(std::string_view graph) {
  auto model = ir::ParseText("<ir_version: 10, opset_import: [\"\" : 21]>\n" + std::string(graph));
  EXPECT_TRUE(model.ok()) << model.status().ToString();
  if (!model.ok()) return std::make_unique<ir::Model>();
  EXPECT_TRUE(ops::InferTypes(**model).ok());
  return *std::move(model);
}

constexpr std::string_view kGraph = R"(
  g (float[N, 4] x, bool c) => (float[N, 2] y, z)
  <float[4, 2] w = {1, 2, 3, 4, 5, 6, 7, 8}, int64[2] s = {2, -1}, float[4] v = {1, 2, 3, 4}>
  {
    ["mat/<mul>"] t = MatMul(x, w)
    y = LeakyRelu <alpha = 0.2> (t)
    n = Neg(v)
    z = If (c) <then_branch = yes () => (a) { a = Add(x, n) }, else_branch = no () => (b) { b = Reshape(x, s) }>
  })";

// Tags are closed in order and attributes have quotes: enough to know that an XML reader takes it.
void ExpectWellFormed(std::string_view xml) {
  std::vector<std::string> open;
  for (size_t at = 0; (at = xml.find('<', at)) != std::string_view::npos;) {
    const size_t end = xml.find('>', at);
    ASSERT_NE(end, std::string_view::npos);
    std::string_view tag = xml.substr(at + 1, end - at - 1);
    at = end;
    if (tag.ends_with('/')) continue;
    if (tag.starts_with('/')) {
      ASSERT_FALSE(open.empty());
      EXPECT_EQ(open.back(), tag.substr(1));
      open.pop_back();
    } else {
      open.emplace_back(tag.substr(0, tag.find(' ')));
    }
  }
  EXPECT_TRUE(open.empty());
}

TEST(Draw, Svg) {
  const auto model = Model(kGraph);
  const std::string svg = DrawSvg(*model);
  ExpectWellFormed(svg);
  for (const char* text : {">MatMul<", "mat/&lt;mul&gt;", "B \u23294\u00d72\u232a", "alpha = 0.2", ">N\u00d72<", "then_branch of If", ">x<",
                           "shape = [2, -1]"})
    EXPECT_NE(svg.find(text), std::string::npos) << text;
  // Neg of a constant is drawn as a weight of its reader.
  EXPECT_EQ(svg.find(">Neg<"), std::string::npos);
  EXPECT_NE(DrawSvg(*model, {.scenes = {.fold_constants = false}}).find(">Neg<"), std::string::npos);
}

TEST(Draw, ScenesFollowValuesIntoSubgraphs) {
  const auto model = Model(kGraph);
  const std::vector<Scene> scenes = MakeScenes(*model);
  ASSERT_EQ(scenes.size(), 3u);
  // x is read by MatMul and, inside of If, by Add and Reshape.
  const auto& nets = scenes[0].nets;
  const auto x = std::find_if(nets.begin(), nets.end(), [](const SceneNet& net) { return net.value->name() == "x"; });
  ASSERT_NE(x, nets.end());
  EXPECT_EQ(x->targets.size(), 2u);
  EXPECT_EQ(scenes[1].boxes[1].kind, SceneBox::Kind::kOuter);
}

TEST(Draw, Dot) {
  const std::string dot = DrawDot(*Model(kGraph));
  EXPECT_NE(dot.find("digraph"), std::string::npos);
  EXPECT_NE(dot.find("mat/&lt;mul&gt;"), std::string::npos);
  EXPECT_NE(dot.find("->"), std::string::npos);
}

std::string DataOf(const std::string& html) {
  const std::string begin = "id=\"data\">";
  const size_t at = html.find(begin) + begin.size();
  return html.substr(at, html.find("</script>", at) - at);
}

TEST(Draw, Html) {
  const auto model = Model(kGraph);
  const std::string html = DrawHtml(*model);
  for (const char* outside : {"http://", "https://", "src=", "@import", "url("})
    EXPECT_EQ(html.find(outside), std::string::npos) << outside;
  const auto data = formats::ParseJson(DataOf(html));
  ASSERT_TRUE(data.ok()) << data.status().ToString();
  const auto& boxes = (*data)["graphs"][0]["boxes"];
  const auto matmul = std::find_if(boxes.begin(), boxes.end(), [](const auto& box) { return box["title"] == "MatMul"; });
  ASSERT_NE(matmul, boxes.end());
  const auto& weight = (*matmul)["inputs"][1]["weight"];
  EXPECT_EQ(weight["min"], "1");
  EXPECT_EQ(weight["max"], "8");
  EXPECT_EQ(weight["mean"], "4.5");
  EXPECT_EQ(weight["first"].size(), 8u);
}

TEST(Draw, NamesCannotLeaveTheirPlace) {
  const auto model = Model(
      "\"</script><script>alert(1)</script>\" (float[1] \"<x onload='\") => (y) "
      "{ [\"\\\"]]>&\x01\xff\"] y = \"<op>\" <\"a<b\" = \"</script>\"> (\"<x onload='\") }");
  const std::string svg = DrawSvg(*model);
  ExpectWellFormed(svg);
  EXPECT_NE(svg.find("&lt;op&gt;"), std::string::npos);
  const std::string html = DrawHtml(*model);
  EXPECT_EQ(html.find("<script>alert"), std::string::npos);
  EXPECT_TRUE(formats::ParseJson(DataOf(html)).ok());
  DrawDot(*model);
}

TEST(Draw, EmptyGraphs) {
  ExpectWellFormed(DrawSvg(ir::Model()));
  ExpectWellFormed(DrawSvg(*Model("g () => () {}")));
  EXPECT_TRUE(formats::ParseJson(DataOf(DrawHtml(ir::Model()))).ok());
}

TEST(Weights, OfEveryType) {
  const auto model = Model(
      "g () => () <float[4] f = {1, -3, nan, inf}, float16[2] h = {1.5, -0.5}, int4[3] i = {-8, 7, 0}, int64[1] l = {9223372036854775807}, "
      "string[1] s = {\"a\"}, complex64[1] c = {3, 4}, bool[2] b = {1, 0}, float[0] e = {}> {}");
  const auto weights = WeightsOf(*model, {.preview = 2});
  ASSERT_EQ(weights.size(), 8u);
  EXPECT_EQ(weights[0].min, -3);
  EXPECT_EQ(weights[0].mean, -1);
  EXPECT_EQ(weights[0].deviation, 2);
  EXPECT_EQ(weights[0].nans, 1u);
  EXPECT_EQ(weights[0].infinities, 1u);
  EXPECT_EQ(weights[1].first, (std::vector<std::string>{"1.5", "-0.5"}));
  EXPECT_EQ(weights[2].min, -8);
  EXPECT_EQ(weights[2].zeros, 1u);
  EXPECT_EQ(weights[3].first[0], "9223372036854775807");
  EXPECT_EQ(weights[4].first[0], "a");
  EXPECT_EQ(weights[5].max, 5);
  EXPECT_FALSE(weights[7].has_range);
  EXPECT_NE(WeightsText(weights).find("1 NaN"), std::string::npos);
  EXPECT_TRUE(formats::ParseJson(WeightsJson(weights)).ok());
}

}  // namespace
}  // namespace sardonyx::inspect
