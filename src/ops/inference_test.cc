#include "ops/inference.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "ir/text.h"

namespace sardonyx::ops {
namespace {

using ir::Dim;
using ir::Shape;
using ir::Type;

std::unique_ptr<ir::Model> Parse(const std::string& text) {
  StatusOr<std::unique_ptr<ir::Model>> model = ir::ParseText(text);
  EXPECT_TRUE(model.ok()) << model.status().ToString();
  return model.ok() ? *std::move(model) : nullptr;
}

std::unique_ptr<ir::Model> Graph(const std::string& graph, int opset = 21) {
  return Parse(fmt::format("<ir_version: 10, opset_import: [\"\" : {}, \"local\" : 1, \"com.microsoft\" : 1]>\n{}", opset, graph));
}

// The inferred type of a value of the main graph, as text.
std::string TypeOf(const ir::Model& model, const std::string& name) {
  const ir::Value* value = model.graph->Find(name);
  return value == nullptr ? "no such value" : value->type.ToString();
}

// Infers `model` and gives the type of `name`, or the error.
std::string Infer(const std::unique_ptr<ir::Model>& model, const std::string& name, const InferenceOptions& options = {}) {
  if (model == nullptr) return "no model";
  const Status status = InferTypes(*model, options);
  return status.ok() ? TypeOf(*model, name) : status.ToString();
}

std::string Infer(const std::string& graph, const std::string& name, const InferenceOptions& options = {}) {
  return Infer(Graph(graph), name, options);
}

std::vector<std::string> Errors(ir::Model& model, bool strict = false) {
  std::vector<std::string> errors;
  InferenceOptions options;
  options.strict = strict;
  options.on_error = [&](const ir::Graph&, const ir::Node*, const Status& error) { errors.push_back(error.ToString()); };
  EXPECT_TRUE(InferTypes(model, options).ok());
  return errors;
}

TEST(InferenceTest, FollowsSymbols) {
  EXPECT_EQ(Infer("g (float[batch, seq, 768] x, float[768, 12] w) => (y) { t = MatMul(x, w) y = Relu(t) }", "y"), "float[batch,seq,12]");
  EXPECT_EQ(Infer("g (float[N, 3, H, W] x, float[8, 3, 3, 3] w) => (y) { y = Conv <strides = [2, 2], pads = [1, 1, 1, 1]> (x, w) }", "y"),
            "float[N,8,floor((H+1)/2),floor((W+1)/2)]");
  EXPECT_EQ(Infer("g (float[a] x, float[b] y) => (z) { z = Concat <axis = 0> (x, y) }", "z"), "float[a+b]");
}

TEST(InferenceTest, ComputesWithShapes) {
  const std::string heads =
      R"(g (float[batch, seq, 768] x) => (y) <int64[1] zero = {0}, int64[1] one = {1}, int64[1] heads = {12}, int64[1] rest = {-1}> {
      s = Shape(x)
      b = Gather(s, zero)
      n = Gather(s, one)
      target = Concat <axis = 0> (b, n, heads, rest)
      t = Reshape(x, target)
      y = Transpose <perm = [0, 2, 1, 3]> (t)
    })";
  EXPECT_EQ(Infer(heads, "y"), "float[batch,12,seq,64]");
  const std::string arithmetic = R"(g (float[n] x) => (y) <int64 two = {2}> {
      s = Size(x)
      d = Mul(s, two)
      h = Div(d, two)
      m = Sub(d, h)
      axes = Constant <value_ints = [0]> ()
      v = Unsqueeze(m, axes)
      y = ConstantOfShape(v)
    })";
  EXPECT_EQ(Infer(arithmetic, "y"), "float[n]");
  const std::string expand = R"(g (float[1, k] x, float[m, k] like) => (y) <int64[1] minus = {-1}> {
      s = Shape(like)
      minus2 = Expand(minus, two)
      two = Shape(s)
      same = Equal(s, minus2)
      ones = ConstantOfShape <value = int64[1] {1}> (two)
      w = Where(same, ones, s)
      y = Expand(x, w)
    })";
  EXPECT_EQ(Infer(expand, "y"), "float[m,k]");
}

TEST(InferenceTest, GivesFacts) {
  auto model = Graph("g (float[n, 4] x) => (s) { s = Shape(x) }");
  StatusOr<InferenceResult> result = InferFacts(*model);
  ASSERT_TRUE(result.ok());
  const ValueFacts& facts = result->facts.at(model->graph->Find("s"));
  ASSERT_TRUE(facts.elements.has_value());
  EXPECT_EQ(*facts.elements, (std::vector<Dim>{Dim::Symbol("n"), Dim(4)}));
}

TEST(InferenceTest, NamesSizesThatDependOnData) {
  EXPECT_EQ(Infer("g (float[3, 4] x) => (y) { y = NonZero(x) }", "y"), "int64[2,y_nonzero]");
  EXPECT_EQ(Infer("g (float[?, 3] x) => (y) { y = Relu(x) }", "y"), "float[x_dim0,3]");
  EXPECT_EQ(Infer("g (float[a] x, float[b] y) => (z) { t = Add(x, y) z = Add(t, t) }", "z"), "float[t_dim0]");
}

TEST(InferenceTest, OrderOfNodesDoesNotMatter) {
  EXPECT_EQ(Infer("g (float[2, 3] x) => (y) { y = Relu(t) t = Transpose(x) }", "y"), "float[3,2]");
}

TEST(InferenceTest, BrokenGraphsAreReported) {
  auto cycle = Graph("g (float[2] x) => (y) { a = Add(x, b) b = Relu(a) y = Relu(b) }");
  const std::vector<std::string> errors = Errors(*cycle);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_NE(errors[0].find("cycle"), std::string::npos) << errors[0];

  auto undefined = Graph("g (float[2] x) => (y) { y = Add(x, nothing) }");
  EXPECT_EQ(Errors(*undefined), std::vector<std::string>{"invalid: Add -> 'y': reads 'nothing', which nothing defines"});

  auto arity = Graph("g (float[2] x) => (y, z) { y = Add(x) z, z2 = Relu(x) }");
  EXPECT_EQ(Errors(*arity).size(), 2u);

  auto unknown = Graph("g (float[2] x) => (y) { y = NoSuchOperator(x) }");
  EXPECT_TRUE(Errors(*unknown).empty());  // for the checker to report
}

TEST(InferenceTest, ErrorsSayWhere) {
  EXPECT_EQ(Infer("g (float[2, 3] x) => (y) { [mm] y = MatMul(x, x) }", "y"),
            "invalid: MatMul 'mm': (float[2,3], float[2,3]): [2,3] and [2,3] cannot be multiplied: inner sizes 3 and 2 differ");
  EXPECT_EQ(Infer("g (float[2, 3] x, bool c) => (y) { [check] y = If (c) <then_branch = t () => (a) { [r] a = Reshape(x, five) five = "
                  "Constant <value_ints = [5]> () }, "
                  "else_branch = e () => (b) { b = Relu(x) }> }",
                  "y"),
            "invalid: If 'check'.then_branch / Reshape 'r': (float[2,3], int64[1]): cannot reshape [2,3] into [5]");
}

TEST(InferenceTest, IfJoinsItsBranches) {
  const auto graph = [](const std::string& condition) {
    return "g (float[n, 3] x, bool dynamic) => (y) <bool yes = {1}, bool no = {0}> { y = If (" + condition +
           ") <then_branch = t () => (a) { a = Relu(x) }, else_branch = e () => (b) { b = Transpose(x) }> }";
  };
  EXPECT_EQ(Infer(graph("dynamic"), "y"), "float[y_output0_dim0,y_output0_dim1]");
  EXPECT_EQ(Infer(graph("yes"), "y"), "float[n,3]");
  EXPECT_EQ(Infer(graph("no"), "y"), "float[3,n]");
}

TEST(InferenceTest, ABranchThatCannotRunMayBeNonsense) {
  const std::string guarded = R"(g (float[2, 3] x) => (y) <int64 one = {1}, int64[1] axis = {1}> {
      s = Shape(x)
      d = Gather(s, one)
      c = Equal(d, one)
      y = If (c) <then_branch = t () => (a) { a = Squeeze(x, axis) }, else_branch = e () => (b) { b = Identity(x) }>
    })";
  EXPECT_EQ(Infer(guarded, "y"), "float[2,3]");
}

TEST(InferenceTest, LoopStateIsRelaxedUntilItHolds) {
  const std::string grows = R"(g (int64 n, float[1, 4] x) => (y, s) <bool go = {1}> {
      y, s = Loop (n, go, x) <body = b (int64 i, bool c, float[k, 4] state) => (c_out, next, part) {
        c_out = Identity(c)
        next = Concat <axis = 0> (state, x)
        part = ReduceSum <keepdims = 0> (x)
      }>
    })";
  EXPECT_EQ(Infer(grows, "y"), "float[y_final0_dim0,4]");
  EXPECT_EQ(Infer(grows, "s"), "float[y_iterations]");
  const std::string counted = R"(g (float[2, 4] x) => (y, s) <int64 n = {5}> {
      y, s = Loop (n, "", x) <body = b (int64 i, bool c, float[2, 4] state) => (c, next, part) { next = Relu(state) part = Identity(state) }>
    })";
  EXPECT_EQ(Infer(counted, "y"), "float[2,4]");
  EXPECT_EQ(Infer(counted, "s"), "float[5,2,4]");
  const std::string symbolic = R"(g (float[m, 4] x) => (y) <int64 zero = {0}> {
      shape = Shape(x)
      m = Gather(shape, zero)
      y = Loop (m, "") <body = b (int64 i, bool c) => (c, row) { row = Gather(x, i) }>
    })";
  EXPECT_EQ(Infer(symbolic, "y"), "float[m,4]");
}

TEST(InferenceTest, LoopCollectsASequence) {
  const std::string graph = R"(g (int64 n, float[2, 3] x) => (all) <bool go = {1}> {
      empty = SequenceEmpty()
      seq = Loop (n, go, empty) <body = b (int64 i, bool c, seq(float[]) state) => (c, next) { next = SequenceInsert(state, x) }>
      all = ConcatFromSequence <axis = 0> (seq)
    })";
  EXPECT_EQ(Infer(graph, "all"), "float[?,3]");
}

TEST(InferenceTest, LoopMustKeepItsTypes) {
  const std::string graph = R"(g (int64 n, float[2] x) => (y) <bool go = {1}> {
      y = Loop (n, go, x) <body = b (int64 i, bool c, float[2] state) => (c, next) { next = Cast <to = 7> (state) }>
    })";
  EXPECT_EQ(Infer(graph, "y"),
            "invalid: Loop -> 'y': (int64[], bool[], float[2]): state 0 is tensor(float), but the body makes it tensor(int64)");
}

TEST(InferenceTest, ScanWalksAlongItsAxes) {
  const std::string graph = R"(g (float[3] start, float[5, t, 3] x) => (last, all) {
      last, all = Scan <num_scan_inputs = 1, scan_input_axes = [1], scan_output_axes = [-1], body = b (float[3] s, float[5, 3] e) => (next, out) {
        next = Identity(s)
        out = Add(e, s)
      }> (start, x)
    })";
  EXPECT_EQ(Infer(graph, "last"), "float[3]");
  EXPECT_EQ(Infer(graph, "all"), "float[5,3,t]");
}

TEST(InferenceTest, FunctionsAreInferredAtEachCall) {
  const std::string text = R"(<ir_version: 10, opset_import: ["" : 21, "local" : 1]>
    g (float[n, 3] x) => (y, z) { y = local.rows <axis = 0> (x) z = local.rows <axis = 1> (x) }
    <domain: "local", opset_import: ["" : 21]>
    rows <axis, keep: int = 1> (a) => (b) { b = ReduceMax <keepdims: int = @keep> (t) t = Softmax <axis: int = @axis> (a) })";
  auto model = Parse(text);
  EXPECT_EQ(Infer(model, "y"), "float[1,1]");
  EXPECT_EQ(TypeOf(*model, "z"), "float[1,1]");
  // Calls differ, so nothing stays in the body.
  EXPECT_FALSE(model->functions[0].body->Find("t")->type.known());

  auto bad = Parse(R"(<ir_version: 10, opset_import: ["" : 21, "local" : 1]>
    g (float[n, 3] x) => (y) { y = local.soft <axis = 2> (x) }
    <domain: "local", opset_import: ["" : 21]> soft <axis> (a) => (b) { b = Softmax <axis: int = @axis> (a) })");
  EXPECT_EQ(Infer(bad, "y"), "invalid: local.soft -> 'y': in function soft: Softmax -> 'b': (float[n,3]): axis = 2 lies outside [-2, 1]");
}

TEST(InferenceTest, FunctionsThatCallThemselvesEnd) {
  auto recursive = Parse(R"(<ir_version: 10, opset_import: ["" : 21, "local" : 1]>
    g (float[n] x) => (y) { y = local.f(x) }
    <domain: "local", opset_import: ["" : 21, "local" : 1]> f (a) => (b) { c = local.f(a) b = Add(c, d) d = local.f(a) })");
  EXPECT_EQ(Infer(recursive, "y"), "?");
}

TEST(InferenceTest, DeclaredAndInferredTypesAreMerged) {
  EXPECT_EQ(Infer("g (float[n] x) => (float[rows, cols] y) { y = NoSuchOperator(x) }", "y"), "float[rows,cols]");
  EXPECT_EQ(Infer("g (float[3, 4] x) => (int64[2, count] y) { y = NonZero(x) }", "y"), "int64[2,count]");
  EXPECT_EQ(Infer("g (float[n, 4] x) => (float[m, k] y) { y = Relu(x) }", "y"), "float[n,4]");
  EXPECT_EQ(Infer("g (float[n] x) => (float[\"2*n + 1\"] y) { y = NoSuchOperator(x) }", "y"), "float[2*n+1]");
  EXPECT_EQ(Infer("g (float[\"batch-size\"] x) => (y) { y = Relu(x) }", "y"), "float[batch-size]");
}

TEST(InferenceTest, ContradictionsAreErrorsOnlyWhenStrict) {
  const std::string graph = "g (float[3, 4] x) => (float[3, 5] y) { y = Relu(x) }";
  EXPECT_EQ(Infer(graph, "y"), "float[3,4]");
  InferenceOptions strict;
  strict.strict = true;
  EXPECT_EQ(Infer(graph, "y", strict), "invalid: Relu -> 'y': 'y' is declared float[3,5], but is float[3,4]");
  const std::string types = "g (float[3] x, double[3] z) => (y) { y = Add(x, z) }";
  EXPECT_EQ(Infer(types, "y"), "float[3]");
  EXPECT_EQ(
      Infer(types, "y", strict),
      "invalid: Add -> 'y': (float[3], double[3]): input 1 (B) is tensor(double), but input 0 (A) is tensor(float); both must have the "
      "same type T");
}

TEST(InferenceTest, SymbolsAndInputsCanBeGiven) {
  const std::string graph = "g (float[n, 4] x) => (float[n, 4] y) { y = Relu(x) }";
  InferenceOptions sized;
  sized.symbol_value = [](std::string_view name) -> std::optional<int64_t> {
    if (name == "n") return 7;
    return std::nullopt;
  };
  EXPECT_EQ(Infer(graph, "y", sized), "float[7,4]");
  InferenceOptions typed;
  typed.input_types = {Type::Tensor(DataType::kFloat, Shape{5, 4})};
  EXPECT_EQ(Infer(graph, "y", typed), "float[5,4]");
  // The declared 1 was for another batch than the caller's.
  typed.input_types = {Type::Tensor(DataType::kFloat, Shape{5, 4})};
  EXPECT_EQ(Infer("g (float[1, 4] x) => (float[1, k] y) { y = NoSuchOperator(x) }", "y", typed), "float[?,?]");
}

TEST(InferenceTest, DefaultsOfInputs) {
  const std::string graph = "g (float[6] x, int64[2] shape = {2, 3}) => (y) { y = Reshape(x, shape) }";
  EXPECT_EQ(Infer(graph, "y"), "float[?,?]");
  InferenceOptions options;
  options.defaults_are_constant = true;
  EXPECT_EQ(Infer(graph, "y", options), "float[2,3]");
}

TEST(InferenceTest, LargeInitializersAreNotDecoded) {
  auto model = Graph("g (float[1000] x) => (y) <float[1000000] w = [\"location\": \"nowhere\"]> { y = Mul(x, x) z = Identity(w) }");
  StatusOr<InferenceResult> result = InferFacts(*model);
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(TypeOf(*model, "z"), "float[1000000]");
  EXPECT_FALSE(result->facts.at(model->graph->Find("w")).constant.has_value());
}

TEST(InferenceTest, RanksStayBounded) {
  std::string nodes;
  for (int i = 0; i < 60; ++i) nodes += fmt::format("x{} = Gather(x{}, i{}) i{} = Cast <to = 7> (x{}) ", i + 1, i, i, i + 1, i + 1);
  auto model = Graph("g (float[2, 2] x0, int64[2, 2] i0) => (x60) { " + nodes + "}");
  EXPECT_EQ(Infer(model, "x60"), "float[...]");
}

TEST(InferenceTest, NestedLoopsEnd) {
  std::string inner = "next = Concat <axis = 0> (s, s)";
  for (int i = 0; i < 20; ++i)
    inner =
        fmt::format("next = Loop (n, \"\", s) <body = b{} (int64 i{}, bool c{}, float[?] s) => (c{}, next) {{ {} }}>", i, i, i, i, inner);
  auto model = Graph("g (int64 n, float[2] x) => (y) { y = Loop (n, \"\", x) <body = b (int64 i, bool c, float[?] s) => (c, next) { " +
                     inner + " }> }");
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(Infer(model, "y").substr(0, 6), "float[");
}

}  // namespace
}  // namespace sardonyx::ops
