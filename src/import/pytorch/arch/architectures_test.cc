#include "import/pytorch/arch/architectures.h"

#include <gtest/gtest.h>

#include "import/pytorch/arch/net.h"
#include "import/pytorch/arch/windows.h"

namespace sardonyx::pytorch::arch {
namespace {

void Add(StateDict* weights, const std::string& name, std::vector<int64_t> dims) {
  weights->Add(name, {DataType::kFloat, dims, [dims] { return Tensor::Allocate(DataType::kFloat, Dims(dims)); }});
}

void AddConv(StateDict* weights, const std::string& path, int64_t out, int64_t in, int64_t kernel) {
  Add(weights, path + ".weight", {out, in, kernel, kernel});
  Add(weights, path + ".bias", {out});
}

// SqueezeNet 1.1 with two channels everywhere.
StateDict TinySqueezeNet(int64_t classes = 5) {
  StateDict weights;
  AddConv(&weights, "features.0", 2, 3, 3);
  for (const int64_t i : {3, 4, 6, 7, 9, 10, 11, 12}) {
    const std::string path = At("features", i);
    AddConv(&weights, path + ".squeeze", 2, i == 3 ? 2 : 4, 1);
    AddConv(&weights, path + ".expand1x1", 2, 2, 1);
    AddConv(&weights, path + ".expand3x3", 2, 2, 3);
  }
  AddConv(&weights, "classifier.1", classes, 4, 1);
  return weights;
}

StatusOr<std::unique_ptr<ir::Model>> Build(const StateDict& weights, std::string name) {
  import::ImportOptions options;
  options.architecture = std::move(name);
  import::ImportReport report;
  return BuildArchitecture(weights, options, &report);
}

std::string Error(const StateDict& weights, std::string name) {
  const auto model = Build(weights, std::move(name));
  return model.ok() ? "" : std::string(model.status().message());
}

TEST(Architectures, SizesAreTheWeights) {
  const auto model = Build(TinySqueezeNet(7), "auto");
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  const ir::Graph& graph = *(*model)->graph;
  EXPECT_EQ(graph.inputs()[0].value->type.Spelling(), "tensor(float)");
  EXPECT_EQ(graph.inputs()[0].value->type.shape->ToString(), "[batch,3,height,width]");
  EXPECT_EQ(graph.outputs()[0].value->type.shape->ToString(), "[batch,7]");
  size_t pools = 0, convolutions = 0;
  for (const auto& node : graph.nodes()) {
    pools += node->op_type == "MaxPool";
    convolutions += node->op_type == "Conv";
  }
  EXPECT_EQ(pools, 3u);
  EXPECT_EQ(convolutions, 26u);
  EXPECT_NE(graph.Find("features.3.squeeze.weight"), nullptr);
}

TEST(Architectures, EveryNameIsOfAFamily) {
  const std::vector<std::string> names = ArchitectureNames();
  EXPECT_GT(names.size(), 80u);
  for (const std::string& name : names)
    EXPECT_NE(Error(StateDict(), name).find("these are no weights of"), std::string::npos) << name;
}

TEST(Architectures, ErrorsSayWhatIsWrong) {
  EXPECT_EQ(RecognizeFamily(TinySqueezeNet()), "squeezenet");
  EXPECT_NE(Error(TinySqueezeNet(), "resnet50").find("but of squeezenet"), std::string::npos);
  EXPECT_NE(Error(TinySqueezeNet(), "resnet5000").find("not known"), std::string::npos);
  StateDict other;
  Add(&other, "a.weight", {2, 2});
  EXPECT_NE(Error(other, "auto").find("no architecture that is known"), std::string::npos);
  StateDict more = TinySqueezeNet();
  Add(&more, "extra.weight", {2, 2});
  EXPECT_NE(Error(more, "auto").find("extra.weight"), std::string::npos);
  StateDict wrong = TinySqueezeNet();
  AddConv(&wrong, "features.4.squeeze", 2, 3, 1);
  EXPECT_NE(Error(wrong, "auto").find("features.4.squeeze"), std::string::npos);
}

TEST(StateDict, WrappersAreStripped) {
  StateDict weights;
  Add(&weights, "module._orig_mod.a.0.weight", {2});
  Add(&weights, "module._orig_mod.a.1.weight", {2});
  weights.StripPrefixes();
  EXPECT_TRUE(weights.Has("a.1.weight"));
  EXPECT_EQ(weights.Count("a.{}"), 2);
  // Not where only some have it.
  StateDict mixed;
  Add(&mixed, "module.a", {2});
  Add(&mixed, "b", {2});
  mixed.StripPrefixes();
  EXPECT_TRUE(mixed.Has("module.a"));
}

TEST(Windows, BiasOfRelativePlaces) {
  EXPECT_EQ(WindowOfTable(169), 7);
  EXPECT_EQ(WindowOfTable(170), 0);
  // A window of 2 x 2: places that are (dy, dx) apart look up (dy + 1) * 3 + dx + 1.
  std::vector<float> table(9);
  for (size_t i = 0; i < table.size(); ++i) table[i] = static_cast<float>(i);
  const std::vector<float> bias = RelativeBias(table, 2, 1);
  EXPECT_EQ(bias, (std::vector<float>{4, 3, 1, 0, 5, 4, 2, 1, 7, 6, 4, 3, 8, 7, 5, 4}));
}

}  // namespace
}  // namespace sardonyx::pytorch::arch
