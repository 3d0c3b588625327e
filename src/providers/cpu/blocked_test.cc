// Small networks compiled twice: with weights as constants, so that tensors are kept in blocks of channels, and with weights as inputs, so
// that everything is row-major. Both must compute the same, and blocked tensors must be reordered only where they have to.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>

#include "ir/text.h"
#include "ops/inference.h"
#include "providers/cpu/cpu_provider.h"
#include "runtime/program.h"

namespace sardonyx::cpu {
namespace {

Tensor Random(const Dims& dims, unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> uniform(0.1f, 1);  // variances must be positive
  std::vector<float> values(static_cast<size_t>(dims.num_elements()));
  for (float& v : values) v = uniform(generator);
  return Tensor::From<float>(dims, values);
}

struct Compiled {
  std::unique_ptr<ir::Model> model;
  std::unique_ptr<ThreadPool> pool;
  std::unique_ptr<runtime::Program> program;
  size_t reorders = 0;
  std::string plain;  // operators of steps that are not blocked, apart from reorders
};

// All inputs but the first become constants, if `constant`.
Compiled Compile(const std::string& text, bool constant, int threads) {
  Compiled result;
  auto model = ir::ParseText(text);
  EXPECT_TRUE(model.ok()) << model.status().ToString();
  result.model = *std::move(model);
  ir::Graph& graph = *result.model->graph;
  for (size_t i = graph.inputs().size(); constant && i-- > 1;) {
    ir::Value* value = graph.inputs()[i].value;
    const Dims dims = *value->type.shape->concrete();
    graph.RemoveInput(i);
    graph.SetInitializer(value, ir::StoredTensor::Of(value->name(), Random(dims, static_cast<unsigned>(i))));
  }
  EXPECT_TRUE(ops::InferTypes(*result.model, {}).ok());
  result.pool = std::make_unique<ThreadPool>(threads);
  const std::vector<std::shared_ptr<runtime::Provider>> providers = {std::make_shared<CpuProvider>()};
  runtime::CompileOptions options;
  options.pool = result.pool.get();
  options.providers = providers;
  auto program = runtime::Program::Compile(*result.model, graph, options);
  EXPECT_TRUE(program.ok()) << program.status().ToString();
  result.program = *std::move(program);
  for (const runtime::Step& step : result.program->steps()) {
    const bool blocked = std::any_of(step.output_layouts.begin(), step.output_layouts.end(), [](runtime::Layout l) { return l != runtime::Layout::kPlain; });
    if (step.op_type == "Reorder")
      ++result.reorders;
    else if (!blocked)
      result.plain += step.op_type + " ";
  }
  return result;
}

std::vector<std::vector<float>> Run(const Compiled& compiled, const std::vector<Value>& inputs) {
  runtime::RunState state;
  const auto outputs = compiled.program->Run(inputs, {}, &state);
  EXPECT_TRUE(outputs.ok()) << outputs.status().ToString();
  std::vector<std::vector<float>> result;
  if (!outputs.ok()) return result;
  for (const Value& output : *outputs) {
    const auto data = output.tensor().data<float>();
    result.emplace_back(data.begin(), data.end());
  }
  return result;
}

struct Network {
  const char* name;
  std::string signature;  // x first, then what may be constant
  std::string outputs;
  std::string nodes;
  size_t reorders;    // of the blocked form
  std::string plain;  // its steps that are row-major
  Dims x;             // where the signature leaves dims open
};

void Check(const Network& network) {
  SCOPED_TRACE(network.name);
  const std::string text = "<ir_version: 10, opset_import: [\"\" : 20, \"com.microsoft\" : 1]> g (" + network.signature + ") => (" +
                           network.outputs + ") {" + network.nodes + "}";
  const Compiled plain = Compile(text, false, 1), one = Compile(text, true, 1), two = Compile(text, true, 2);
  EXPECT_EQ(one.reorders, network.reorders);
  EXPECT_EQ(one.plain, network.plain);
  std::vector<Value> inputs;
  for (size_t i = 0; i < plain.model->graph->inputs().size(); ++i) {
    const ir::Shape& shape = *plain.model->graph->inputs()[i].value->type.shape;
    inputs.push_back(Random(i == 0 && !network.x.empty() ? network.x : *shape.concrete(), static_cast<unsigned>(i)));
  }
  const auto expected = Run(plain, inputs), got = Run(one, {inputs[0]});
  EXPECT_EQ(got, Run(two, {inputs[0]}));
  ASSERT_EQ(got.size(), expected.size());
  for (size_t o = 0; o < got.size(); ++o) {
    ASSERT_EQ(got[o].size(), expected[o].size());
    float largest = 0;
    for (float v : expected[o]) largest = std::max(largest, std::abs(v));
    for (size_t i = 0; i < got[o].size(); ++i) ASSERT_NEAR(got[o][i], expected[o][i], 1e-5f * largest) << "output " << o << " at " << i;
  }
}

TEST(Blocked, ConvolutionsStayBlockedFromFirstToLast) {
  Check({"residual",
         "float[2,3,20,22] x, float[24,3,3,3] w0, float[24] b0, float[24,24,3,3] w1, float[24,1,3,3] w2, float[40,24,1,1] w3", "float[2,40,1,1] y",
         "a = Conv<strides = [2,2], pads = [1,1,1,1]>(x, w0, b0) b = Relu(a) c = Conv<pads = [1,1,1,1]>(b, w1) d = Add(c, b) e = HardSwish(d) "
         "f = Conv<group = 24, pads = [1,1,1,1]>(e, w2) g = Conv(f, w3) y = GlobalAveragePool(g)",
         1, "", {}});
}

TEST(Blocked, FusedConvAddsItsResidual) {
  Check({"fused", "float[1,20,9,9] x, float[33,20,3,3] w, float[33] b, float[33,33,1,1] v", "float[1,33,9,9] y",
         "a = Conv<pads = [1,1,1,1]>(x, w) y = com.microsoft.FusedConv<activation = \"LeakyRelu\", activation_params = [0.2]>(a, v, b, a)", 2, "",
         {}});
}

TEST(Blocked, OperatorsBetweenKeepTheLayout) {
  Check({"squeeze and excite", "float[2,19,7,9] x, float[32,19,1,1] w, float[8,32,1,1] v, float[32,8,1,1] u, float[32,1,1] s, float t",
         "float[2,32,7,9] y",
         "a = Conv(x, w) b = GlobalAveragePool(a) c = Conv(b, v) d = Sigmoid(c) e = Conv(d, u) f = HardSigmoid(e) g = Mul(a, f) h = Mul(g, s) "
         "i = Add(h, t) y = Sub(i, s)",
         2, "", {}});
  Check({"pools and joins",
         "float[1,16,10,12] x, float[32,16,1,1] w, float[32] p0, float[32] p1, float[32] p2, float[32] p3", "float[1,64,10,12] y, float[1,16,5,6] z",
         "a = Conv(x, w) b = BatchNormalization(a, p0, p1, p2, p3) c = MaxPool<kernel_shape = [3,3], strides = [2,2], pads = [1,1,1,1]>(b) "
         "s = Constant<value_floats = [1.0, 1.0, 2.0, 2.0]>() d = Resize<mode = \"linear\">(c, , s) e = Concat<axis = 1>(b, d) y = Clip(e) "
         "f = AveragePool<kernel_shape = [2,2], strides = [2,2]>(b) z, g = Split<axis = 1, num_outputs = 2>(f)",
         3, "", {}});
  Check({"transposed", "float[1,16,5,6] x, float[16,24,2,2] w, float[24] b", "float[1,24,10,12] y",
         "y = ConvTranspose<strides = [2,2]>(x, w, b)", 2, "", {}});
}

TEST(Blocked, JoinsAndSplitsOfOneImageArePlacedInMemory) {
  for (const char* batch : {"1", "2"}) {
    const std::string n = std::string("float[") + batch + ",";
    // Densely connected: every join begins with the one before. The last is read by an operator that may compute in place.
    Check({"dense", n + "16,5,6] x, float[16,16,1,1] w0, float[16,32,3,3] w1, float[16,48,3,3] w2", n + "64,5,6] y",
           "a = Conv(x, w0) b = Relu(a) j = Concat<axis = 1>(a, b) c = Conv<pads = [1,1,1,1]>(j, w1) k = Concat<axis = 1>(a, b, c) "
           "d = Conv<pads = [1,1,1,1]>(k, w2) l = Concat<axis = 1>(k, d) m = Relu(l) y = Sigmoid(m)",
           2, "", {}});
    // A part of a split goes through a convolution and is joined with both parts; one tensor is joined twice.
    Check({"split", n + "16,5,6] x, float[32,16,1,1] w0, float[16,16,3,3] w1", n + "64,5,6] y, " + n + "16,5,6] z",
           "a = Conv(x, w0) b, c = Split<axis = 1, num_outputs = 2>(a) d = Conv<pads = [1,1,1,1]>(c, w1) e = Add(d, c) f = Relu(b) "
           "y = Concat<axis = 1>(c, b, e, e) z = Sub(f, b)",
           3, "", {}});
    Check({"split and join", n + "16,5,6] x, float[32,16,1,1] w0, float[16,16,3,3] w1, float[8,64,1,1] w2", n + "8,5,6] y",
           "a = Conv(x, w0) b, c = Split<axis = 1, num_outputs = 2>(a) d = Conv<pads = [1,1,1,1]>(c, w1) e = Add(d, c) "
           "f = Concat<axis = 1>(b, c, e, d) y = Conv(f, w2)",
           2, "", {}});
  }
}

TEST(Blocked, ChannelsMoveToTheLastPlaceAndBack) {
  Check({"channels last", "float[2,18,5,6] x, float[20,18,1,1] w, float[20,1,3,3] v, float[20] s", "float[2,20,5,6] y",
         "a = Conv(x, w) b = Transpose<perm = [0,2,3,1]>(a) c = Mul(b, s) d = Transpose<perm = [0,3,1,2]>(c) e = Add(d, a) "
         "y = Conv<group = 20, pads = [1,1,1,1]>(e, v)",
         2, "Transpose Mul ", {}});
}

TEST(Blocked, PlainOperatorsReorderOnce) {
  // Both plain readers share one reorder; the second convolution reads the blocked tensor.
  Check({"two readers", "float[1,16,6,6] x, float[16,16,1,1] w", "float[1,6,16,6] y, float[6,1,16,6] z, float[1,16,6,6] u",
         "a = Conv(x, w) y = Transpose<perm = [0,2,1,3]>(a) z = Transpose<perm = [2,0,1,3]>(a) u = Conv(a, w)", 3, "Transpose Transpose ", {}});
}

TEST(Blocked, SizesMayBeOpen) {
  Check({"dynamic", "float[n,3,h,v] x, float[16,3,3,3] w0, float[16,16,3,3] w1", "float[n,16,1,1] y",
         "a = Conv<pads = [1,1,1,1]>(x, w0) b = Conv<pads = [1,1,1,1]>(a, w1) c = Relu(b) y = GlobalMaxPool(c)", 1, "", Dims{3, 3, 9, 13}});
}

TEST(Blocked, ChannelsThatAreNotKnownAreLeftToPlainKernels) {
  Check({"unknown channels", "float[1,16,6,6] x, float[16,16,1,1] w, float[1,1,6,6] m", "float[1,16,6,6] y", "a = Conv(x, w) y = Mul(a, m)", 2,
         "Mul ", {}});
}

}  // namespace
}  // namespace sardonyx::cpu
