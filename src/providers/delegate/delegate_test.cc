// Delegation to an engine that knows only Neg and Add, of floats.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "ir/load.h"
#include "ir/text.h"
#include "ops/inference.h"
#include "providers/delegate/delegate_provider.h"
#include "providers/delegate/group_model.h"
#include "runtime/program.h"

namespace sardonyx::delegate {
namespace {

using Floats = std::vector<float>;

class SmallModel final : public LoadedModel {
 public:
  explicit SmallModel(std::shared_ptr<const ir::Model> model) : model_(std::move(model)) {}
  StatusOr<std::vector<Value>> Run(const NamedValues& inputs) const override {
    std::map<std::string, Tensor> values;
    for (const auto& [name, value] : inputs) values[name] = value.tensor();
    for (const ir::Value* value : model_->graph->initializers()) values[value->name()] = value->initializer()->ToTensor()->Aligned();
    for (const auto& node : model_->graph->nodes()) {
      const Tensor& a = values.at(node->input(0)->name());
      const Tensor& b = values.at(node->input(node->op_type == "Add" ? 1 : 0)->name());
      Floats y;
      for (int64_t i = 0; i < a.num_elements(); ++i)
        y.push_back(node->op_type == "Add" ? a.data<float>()[i] + b.data<float>()[i] : -a.data<float>()[i]);
      values[node->output(0)->name()] = Tensor::From<float>(a.dims(), y);
    }
    std::vector<Value> outputs;
    for (const ir::ValueInfo& output : model_->graph->outputs()) outputs.emplace_back(values.at(output.value->name()));
    return outputs;
  }

 private:
  std::shared_ptr<const ir::Model> model_;
};

class SmallEngine final : public Engine {
 public:
  std::string_view name() const override { return "small"; }
  std::string version() const override { return "1"; }
  bool KnowsDomain(std::string_view domain) const override { return domain.empty(); }
  StatusOr<std::unique_ptr<LoadedModel>> Load(const std::filesystem::path& path, int, const std::vector<DataType>&) const override {
    ASSIGN_OR_RETURN(std::shared_ptr<const ir::Model> model, ir::LoadModel(path));
    for (const auto& node : model->graph->nodes())
      if (node->op_type != "Neg" && node->op_type != "Add") return Unsupported(fmt::format("small: what is {}?", node->op_type));
    return std::unique_ptr<LoadedModel>(std::make_unique<SmallModel>(std::move(model)));
  }
};

// Takes everything, and computes the identity.
class CopyProvider final : public runtime::Provider {
 public:
  std::string_view name() const override { return "copy"; }
  bool HasOperator(std::string_view, std::string_view, int64_t) const override { return true; }
  StatusOr<runtime::KernelChoice> Compile(const runtime::NodeInfo&) const override {
    class Copy final : public runtime::Kernel {
      Status Run(runtime::KernelContext& context) const override { return context.SetOutput(0, context.input_value(0)); }
    };
    return runtime::KernelChoice{std::make_unique<Copy>(), "copy", {}};
  }
};

struct Case {
  const char* nodes;
  std::vector<std::string> steps;  // provider and label of each
  Floats y;
};

TEST(DelegateProvider, ClaimsWhatTheEngineTakes) {
  const Case cases[] = {
      {"a = Neg(x)\n b = Add(a, w)\n y = Neg(b)", {"small: Neg -> 'a' and 2 more nodes"}, {1 - 10, 2 - 20}},
      {"a = Neg(x)\n b = Abs(a)\n y = Neg(b)", {"small: Neg -> 'a'", "copy: Abs -> 'b'", "small: Neg -> 'y'"}, {1, 2}},
      // Beside the refused node there is a path of nodes that fit; it must not be one group with what follows on both.
      {"a = Neg(x)\n b = Abs(a)\n c = Neg(a)\n y = Add(b, c)",
       {"small: Neg -> 'a' and 1 more nodes", "copy: Abs -> 'b'", "small: Add -> 'y'"},
       {0, 0}},
      {"y = Abs(x)", {"copy: Abs -> 'y'"}, {1, 2}},
  };
  for (const Case& c : cases) {
    const auto model = ir::ParseText(fmt::format(
        "<ir_version: 8, opset_import: [\"\" : 18]>\ng (float[2] x) => (float[2] y) <float[2] w = {{10, 20}}> {{ {} }}", c.nodes));
    ASSERT_TRUE(model.ok()) << model.status().ToString();
    ASSERT_TRUE(ops::InferTypes(**model, {}).ok());
    ThreadPool pool(1);
    const std::vector<std::shared_ptr<runtime::Provider>> providers = {
        std::make_shared<DelegateProvider>(std::make_shared<SmallEngine>()), std::make_shared<CopyProvider>()};
    runtime::CompileOptions options;
    options.pool = &pool;
    options.providers = providers;
    options.fold_constants = false;
    const auto program = runtime::Program::Compile(**model, *(*model)->graph, options);
    ASSERT_TRUE(program.ok()) << program.status().ToString();
    std::vector<std::string> steps;
    for (const runtime::Step& step : (*program)->steps()) steps.push_back(fmt::format("{}: {}", step.provider, step.label));
    EXPECT_EQ(steps, c.steps) << c.nodes;
    runtime::RunState state;
    const auto outputs = (*program)->Run(std::vector<Value>{Tensor::From<float>({2}, {1, 2})}, {}, &state);
    ASSERT_TRUE(outputs.ok()) << outputs.status().ToString();
    const auto y = (*outputs)[0].tensor().data<float>();
    EXPECT_EQ(Floats(y.begin(), y.end()), c.y) << c.nodes;
  }
}

TEST(DelegateProvider, SaysWhyNobodyTakesANode) {
  const auto model = ir::ParseText("<ir_version: 8, opset_import: [\"\" : 18]>\ng (float[2] x) => (float[2] y) { y = Abs(x) }");
  ASSERT_TRUE(model.ok());
  ASSERT_TRUE(ops::InferTypes(**model, {}).ok());
  ThreadPool pool(1);
  const std::vector<std::shared_ptr<runtime::Provider>> providers = {std::make_shared<DelegateProvider>(std::make_shared<SmallEngine>())};
  runtime::CompileOptions options;
  options.pool = &pool;
  options.providers = providers;
  const Status status = runtime::Program::Compile(**model, *(*model)->graph, options).status();
  EXPECT_EQ(status.code(), StatusCode::kUnsupported);
  EXPECT_NE(status.message().find("small: what is Abs?"), std::string::npos) << status.message();
}

TEST(GroupModel, TakesConstantsAlongAndDeclaresTheRest) {
  const auto model = ir::ParseText(R"(<ir_version: 8, opset_import: ["" : 18]>
g (float[2] x) => (float[2] y, float[2] b) <float[2] w = {1, 2}> {
  a = Neg(x)
  b = Add(a, w)
  c = Neg(b)
  y = Add(c, a)
})");
  ASSERT_TRUE(model.ok());
  std::vector<const ir::Node*> nodes;
  for (const auto& node : (*model)->graph->nodes())
    if (node->output(0)->name() == "b" || node->output(0)->name() == "c") nodes.push_back(node.get());
  const GroupModel group = MakeGroupModel(**model, *(*model)->graph, nodes);
  const auto names = [](const std::vector<ir::ValueInfo>& infos) {
    std::vector<std::string> result;
    for (const ir::ValueInfo& info : infos) result.push_back(info.value->name());
    return result;
  };
  EXPECT_EQ(names(group.model->graph->inputs()), std::vector<std::string>{"a"});
  EXPECT_EQ(names(group.model->graph->outputs()), (std::vector<std::string>{"c", "b"}));
  ASSERT_EQ(group.model->graph->initializers().size(), 1u);
  EXPECT_EQ(group.model->graph->initializers()[0]->name(), "w");
}

}  // namespace
}  // namespace sardonyx::delegate
