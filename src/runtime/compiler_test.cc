// What the compiler makes of providers' wishes: claimed groups, layouts, in-place outputs. Two small providers stand in for real ones.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>

#include "base/status_macros.h"
#include "ir/text.h"
#include "ops/inference.h"
#include "runtime/program.h"

namespace sardonyx::runtime {
namespace {

// Neg and Add over however many elements their layout has. Add wants plain tensors.
class ElementwiseKernel final : public Kernel {
 public:
  ElementwiseKernel(std::string op, Layout layout) : op_(std::move(op)), layout_(layout) {}
  Layout InputLayout(size_t) const override { return layout_; }
  Layout OutputLayout(size_t) const override { return layout_; }
  bool CanRunInPlace(size_t, size_t) const override { return true; }
  Status Run(KernelContext& context) const override {
    const TensorView& a = context.input(0);
    const TensorView& b = context.input(op_ == "Add" ? 1 : 0);
    ASSIGN_OR_RETURN(TensorView out, context.Output(0, a.dtype, a.dims));
    ASSIGN_OR_RETURN(const int64_t count, LayoutElements(a.dtype, a.dims, layout_));
    for (int64_t i = 0; i < count; ++i)
      out.mutable_ptr<float>()[i] = op_ == "Add" ? a.ptr<float>()[i] + b.ptr<float>()[i] : -a.ptr<float>()[i];
    return {};
  }

 private:
  std::string op_;
  Layout layout_;
};

class BlockedProvider final : public Provider {
 public:
  std::string_view name() const override { return "blocked"; }
  bool HasOperator(std::string_view, std::string_view, int64_t) const override { return true; }
  StatusOr<KernelChoice> Compile(const NodeInfo& info) const override {
    const std::string& op = info.node().op_type;
    // Abs begins a blocked chain; Neg follows its input.
    const Layout layout = op == "Abs" ? Layout::kNchw8c : op == "Neg" ? info.input_layout(0) : Layout::kPlain;
    return KernelChoice{std::make_unique<ElementwiseKernel>(op, layout), std::string(LayoutName(layout)), {}};
  }
};

// Claims all Neg nodes as one group, which negates each of its inputs into the output of the same place.
class GroupProvider final : public Provider {
 public:
  std::string_view name() const override { return "group"; }
  bool HasOperator(std::string_view, std::string_view, int64_t) const override { return false; }
  StatusOr<KernelChoice> Compile(const NodeInfo&) const override { return KernelChoice{}; }
  std::vector<Group> Claim(const ir::Model&, const ir::Graph& graph, int, const std::function<bool(const ir::Node&)>& free) const override {
    Group group;
    for (const auto& node : graph.nodes())
      if (node->op_type == "Neg" && free(*node)) group.push_back(node.get());
    return {group};
  }
  StatusOr<std::unique_ptr<Kernel>> CompileGroup(const GroupInfo& group) const override {
    class NegateAll final : public Kernel {
     public:
      Status Run(KernelContext& context) const override {
        for (size_t k = 0; k < context.num_outputs(); ++k) {
          const TensorView& in = context.input(k);
          ASSIGN_OR_RETURN(TensorView out, context.Output(k, in.dtype, in.dims));
          std::transform(in.ptr<float>(), in.ptr<float>() + in.num_elements(), out.mutable_ptr<float>(), std::negate<>());
        }
        return {};
      }
    };
    if (group.inputs.size() != group.outputs.size()) return Unsupported("one input an output");
    return std::make_unique<NegateAll>();
  }
};

struct Compiled {
  std::unique_ptr<ir::Model> model;
  std::unique_ptr<ThreadPool> pool = std::make_unique<ThreadPool>(2);
  StatusOr<std::unique_ptr<Program>> program = Internal("not compiled");

  std::vector<std::string> Steps() const {
    std::vector<std::string> names;
    for (const Step& step : (*program)->steps()) names.push_back(step.op_type);
    return names;
  }
  std::vector<float> Run(const Dims& dims, const std::vector<float>& x) const {
    RunState state;
    const std::vector<Value> inputs = {Tensor::From<float>(dims, x)};
    std::vector<Value> outputs;
    const Status status = (*program)->Run(inputs, {}, &state, &outputs);
    EXPECT_TRUE(status.ok()) << status.ToString();
    if (!status.ok()) return {};
    const auto data = outputs[0].tensor().data<float>();
    return {data.begin(), data.end()};
  }
};

Compiled Compile(std::string_view text, std::vector<std::shared_ptr<Provider>> providers) {
  Compiled result;
  auto model = ir::ParseText(text);
  EXPECT_TRUE(model.ok()) << model.status().ToString();
  result.model = *std::move(model);
  EXPECT_TRUE(ops::InferTypes(*result.model, {}).ok());
  CompileOptions options;
  options.pool = result.pool.get();
  options.providers = providers;
  result.program = Program::Compile(*result.model, *result.model->graph, options);
  return result;
}

std::vector<float> Iota(int64_t count) {
  std::vector<float> x(static_cast<size_t>(count));
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i) + 1;
  return x;
}

TEST(Compiler, ReordersStandWhereLayoutsDifferAndNowhereElse) {
  // Abs here only begins the blocked chain: the test's kernel negates.
  for (const char* shape : {"2, 3, 5", "n, c, w"}) {
    const Compiled compiled = Compile(fmt::format(R"(<ir_version: 8, opset_import: ["" : 18]>
g (float[{0}] x) => (float[{0}] y) {{
  a = Abs(x)
  b = Neg(a)
  c = Neg(b)
  y = Add(c, c)
}})",
                                                  shape),
                                      {std::make_shared<BlockedProvider>()});
    ASSERT_TRUE(compiled.program.ok()) << compiled.program.status().ToString();
    EXPECT_EQ(compiled.Steps(), (std::vector<std::string>{"Reorder", "Abs", "Neg", "Neg", "Reorder", "Add"}));
    for (int round = 0; round < 3; ++round) {
      const std::vector<float> x = Iota(30);
      std::vector<float> expected = x;
      for (float& v : expected) v = -2 * v;
      EXPECT_EQ(compiled.Run({2, 3, 5}, x), expected) << shape << ", round " << round;
    }
  }
}

TEST(Compiler, AGraphOutputIsPlain) {
  const Compiled compiled = Compile(R"(<ir_version: 8, opset_import: ["" : 18]>
g (float[1, 9, 2] x) => (float[1, 9, 2] y) { y = Abs(x) })",
                                    {std::make_shared<BlockedProvider>()});
  ASSERT_TRUE(compiled.program.ok()) << compiled.program.status().ToString();
  EXPECT_EQ(compiled.Steps(), (std::vector<std::string>{"Reorder", "Abs", "Reorder"}));
  std::vector<float> expected = Iota(18);
  for (float& v : expected) v = -v;
  EXPECT_EQ(compiled.Run({1, 9, 2}, Iota(18)), expected);
}

TEST(Compiler, AClaimedGroupRunsAsOneStep) {
  const Compiled compiled = Compile(R"(<ir_version: 8, opset_import: ["" : 18]>
g (float[4] x) => (float[4] y) {
  a = Neg(x)
  s = Add(x, x)
  b = Neg(s)
  y = Add(a, b)
})",
                                    {std::make_shared<GroupProvider>(), std::make_shared<BlockedProvider>()});
  ASSERT_TRUE(compiled.program.ok()) << compiled.program.status().ToString();
  EXPECT_EQ(compiled.Steps(), (std::vector<std::string>{"Add", "Group", "Add"}));
  EXPECT_EQ((*compiled.program)->steps()[1].provider, "group");
  EXPECT_EQ(compiled.Run({4}, {1, 2, 3, 4}), (std::vector<float>{-3, -6, -9, -12}));
}

TEST(Compiler, AClaimThatIsNotConvexIsRefused) {
  const Compiled compiled = Compile(R"(<ir_version: 8, opset_import: ["" : 18]>
g (float[4] x) => (float[4] y) {
  a = Neg(x)
  s = Add(a, a)
  y = Neg(s)
})",
                                    {std::make_shared<GroupProvider>(), std::make_shared<BlockedProvider>()});
  ASSERT_FALSE(compiled.program.ok());
  EXPECT_EQ(compiled.program.status().code(), StatusCode::kInternal);
  EXPECT_NE(compiled.program.status().ToString().find("not convex"), std::string::npos) << compiled.program.status().ToString();
}

TEST(Compiler, AnEarlierProviderKeepsItsNodes) {
  const Compiled compiled = Compile(R"(<ir_version: 8, opset_import: ["" : 18]>
g (float[4] x) => (float[4] y) { y = Neg(x) })",
                                    {std::make_shared<BlockedProvider>(), std::make_shared<GroupProvider>()});
  ASSERT_TRUE(compiled.program.ok()) << compiled.program.status().ToString();
  EXPECT_EQ(compiled.Steps(), (std::vector<std::string>{"Neg"}));
}

}  // namespace
}  // namespace sardonyx::runtime
