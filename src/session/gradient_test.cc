// Derivatives of operators, held against central differences in double.
#include <gtest/gtest.h>

#include <cmath>

#include <fmt/format.h>

#include "ir/text.h"
#include "sardonyx/session.h"

namespace sardonyx {
namespace {

struct Input {
  std::string name;
  std::vector<int64_t> dims;
  double low = -2, high = 2;
};

struct Case {
  std::string body;  // gives y
  std::vector<Input> inputs;
  int opset = 22;
  bool static_only = false;  // a rule that needs known dims
};

StatusOr<Session> MakeSession(const std::string& text) {
  auto model = ir::ParseText(text);
  if (!model.ok()) return model.status();
  return Session::Create(Model(std::shared_ptr<const ir::Model>(*std::move(model))));
}

// y is weighted unevenly, so that a gradient that goes to the wrong element shows.
std::string ModelText(const Case& c, bool symbolic) {
  std::string inputs, names, gradients, outputs;
  for (const Input& input : c.inputs) {
    std::string dims;
    for (size_t i = 0; i < input.dims.size(); ++i)
      dims += (i ? "," : "") + (symbolic ? fmt::format("{}_{}", input.name, i) : std::to_string(input.dims[i]));
    const std::string comma = inputs.empty() ? "" : ", ";
    inputs += fmt::format("{}double[{}] {}", comma, dims, input.name);
    names += fmt::format("{}\"{}\"", comma, input.name);
    gradients += fmt::format("{}d_{}", comma, input.name);
    outputs += fmt::format(", double[] d_{}", input.name);
  }
  std::string plain;
  for (const Input& input : c.inputs) plain += (plain.empty() ? "" : ", ") + input.name;
  std::string declared;
  for (const Input& input : c.inputs) declared += fmt::format(", d_{}", input.name);
  return fmt::format(R"(<ir_version: 10, opset_import: ["" : {}, "ai.onnx.preview.training" : 1]>
g ({}, double[count] weights) => (loss, y{}) {{
  {}
  minus_one = Constant <value = int64[1] {{-1}}> ()
  flat = Reshape (y, minus_one)
  weighted = Mul (flat, weights)
  loss = ReduceSum <keepdims = 0> (weighted)
  {} = ai.onnx.preview.training.Gradient <xs = [{}], zs = ["weights"], y = "loss"> ({}, weights)
}})",
                     c.opset, inputs, declared, c.body, gradients, names, plain);
}

std::vector<Session::NamedValue> Values(const Case& c, const std::vector<std::vector<double>>& data, const std::vector<double>& weights) {
  std::vector<Session::NamedValue> values;
  for (size_t i = 0; i < data.size(); ++i) values.emplace_back(c.inputs[i].name, Tensor::From<double>(Dims(c.inputs[i].dims), data[i]));
  values.emplace_back("weights", Tensor::From<double>({static_cast<int64_t>(weights.size())}, weights));
  return values;
}

void Check(const Case& c, bool symbolic) {
  const std::string text = ModelText(c, symbolic);
  SCOPED_TRACE(fmt::format("{}{}", c.body, symbolic ? " (symbolic dims)" : ""));
  const StatusOr<Session> session = MakeSession(text);
  ASSERT_TRUE(session.ok()) << session.status().ToString() << "\n" << text;
  std::vector<std::vector<double>> data;
  double random = 0.37;
  for (const Input& input : c.inputs) {
    data.emplace_back(static_cast<size_t>(Dims(input.dims).num_elements()));
    for (double& x : data.back()) {
      random = std::fmod(random + 0.6180339887498949, 1.0);
      x = input.low + (input.high - input.low) * random;
    }
  }
  // The number of weights is that of y's elements, which one weight for all of them tells.
  RunOptions only_y;
  only_y.outputs = {"y"};
  const auto y = session->Run(Values(c, data, {1}), only_y);
  ASSERT_TRUE(y.ok()) << y.status().ToString();
  std::vector<double> weights(static_cast<size_t>((*y)[0].tensor().num_elements()));
  for (size_t i = 0; i < weights.size(); ++i) weights[i] = std::cos(static_cast<double>(i));
  const auto result = session->Run(Values(c, data, weights));
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  RunOptions only_loss;
  only_loss.outputs = {"loss"};
  const auto loss = [&] {
    const auto run = session->Run(Values(c, data, weights), only_loss);
    return run.ok() ? (*run)[0].tensor().data<double>()[0] : NAN;
  };
  constexpr double kStep = 1e-5;
  for (size_t i = 0; i < data.size(); ++i) {
    const Tensor& gradient = (*result)[i + 2].tensor();
    ASSERT_EQ(gradient.dims(), Dims(c.inputs[i].dims)) << c.inputs[i].name;
    for (size_t k = 0; k < data[i].size(); ++k) {
      const double x = data[i][k];
      data[i][k] = x + kStep;
      const double above = loss();
      data[i][k] = x - kStep;
      const double slope = (above - loss()) / (2 * kStep);
      data[i][k] = x;
      const double got = gradient.data<double>()[k];
      ASSERT_NEAR(got, slope, 1e-6 * (1 + std::fabs(slope))) << c.inputs[i].name << "[" << k << "]";
    }
  }
}

void CheckAll(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    Check(c, false);
    if (!c.static_only) Check(c, true);
  }
}

TEST(Gradient, Elementwise) {
  std::vector<Case> cases;
  for (const char* op : {"Abs",
                         "Atan",
                         "Asinh",
                         "Ceil",
                         "Cos",
                         "Cosh",
                         "Elu <alpha = 0.7>",
                         "Erf",
                         "Exp",
                         "Floor",
                         "Gelu",
                         "Gelu <approximate = \"tanh\">",
                         "HardSigmoid",
                         "HardSwish",
                         "Identity",
                         "LeakyRelu <alpha = 0.2>",
                         "Mish",
                         "Neg",
                         "Reciprocal",
                         "Relu",
                         "Round",
                         "Selu",
                         "Shrink <bias = 0.1, lambd = 0.6>",
                         "Sigmoid",
                         "Sign",
                         "Sin",
                         "Sinh",
                         "Softplus",
                         "Softsign",
                         "Tan",
                         "Tanh",
                         "ThresholdedRelu <alpha = 0.3>"})
    cases.push_back({fmt::format("y = {} (x)", op), {{"x", {3, 5}, -1.4, 1.5}}});
  for (const char* op : {"Acos", "Asin", "Atanh"}) cases.push_back({fmt::format("y = {} (x)", op), {{"x", {7}, -0.8, 0.8}}});
  for (const char* op : {"Log", "Sqrt", "Acosh"}) cases.push_back({fmt::format("y = {} (x)", op), {{"x", {7}, 1.2, 3}}});
  cases.push_back({"y = Celu <alpha = 1.5> (x)", {{"x", {5}}}, 28});
  cases.push_back({"y = Swish <alpha = 1.3> (x)", {{"x", {4}}}, 24});
  cases.push_back({"f = Cast <to = 1> (x) z = Cast <to = 11> (f) y = CastLike (x, z)", {{"x", {4}}}});
  cases.push_back(
      {"low = Constant <value = double {-0.5}> () high = Constant <value = double {0.9}> () y = Clip (x, low, high)", {{"x", {9}}}});
  cases.push_back({"high = Constant <value = double {0.9}> () y = Clip (x, , high)", {{"x", {9}}}});
  cases.push_back({"y = Clip (x, low, high)", {{"x", {9}}, {"low", {}, -0.6, -0.5}, {"high", {}, 0.5, 0.6}}});
  cases.push_back({"y = Clip <min = -0.5, max = 0.7> (x)", {{"x", {9}}}, 10});
  cases.push_back({"y = Dropout (x)", {{"x", {9}}}});
  cases.push_back(
      {"r = Constant <value = double {0.4}> () t = Constant <value = bool {1}> () y = Dropout <seed = 7> (x, r, t)", {{"x", {19}}}});
  CheckAll(cases);
}

TEST(Gradient, Broadcasting) {
  std::vector<Case> cases;
  for (const char* op : {"Add", "Sub", "Mul", "Div", "Max", "Min", "Mean", "Sum", "PRelu", "Mod <fmod = 1>"}) {
    const bool divides = std::string(op) == "Div" || std::string(op).starts_with("Mod");
    cases.push_back({fmt::format("y = {} (a, b)", op), {{"a", {2, 3, 4}}, {"b", {3, 1}, divides ? 0.7 : -2, divides ? 1.1 : 2}}});
    if (std::string(op) != "PRelu") cases.push_back({fmt::format("y = {} (a, b)", op), {{"a", {3, 1}}, {"b", {2, 1, 4}, 0.6, 1.9}}});
  }
  cases.push_back({"y = Pow (a, b)", {{"a", {2, 3}, 0.3, 2}, {"b", {3}}}});
  cases.push_back({"two = Constant <value = int64 {2}> () y = Pow (a, two)", {{"a", {2, 3}}}});
  cases.push_back({"y = Max (a, b, c)", {{"a", {2, 3}}, {"b", {3}}, {"c", {2, 1}}}});
  cases.push_back(
      {"zero = Constant <value = double {0.1}> () m = Less (c, zero) y = Where (m, a, b)", {{"c", {3}}, {"a", {2, 3}}, {"b", {2, 1}}}});
  cases.push_back({"s = Constant <value = int64[3] {2, 3, 4}> () y = Expand (x, s)", {{"x", {3, 1}}}});
  CheckAll(cases);
}

TEST(Gradient, Matrices) {
  CheckAll({
      {"y = MatMul (a, b)", {{"a", {3, 4}}, {"b", {4, 2}}}},
      {"y = MatMul (a, b)", {{"a", {2, 1, 3, 4}}, {"b", {5, 4, 2}}}},
      {"y = MatMul (a, b)", {{"a", {4}}, {"b", {2, 4, 3}}}},
      {"y = MatMul (a, b)", {{"a", {2, 3, 4}}, {"b", {4}}}},
      {"y = MatMul (a, b)", {{"a", {4}}, {"b", {4}}}},
      {"y = Gemm <alpha = 0.5, beta = 1.5> (a, b, c)", {{"a", {3, 4}}, {"b", {4, 2}}, {"c", {2}}}},
      {"y = Gemm <transA = 1> (a, b, c)", {{"a", {4, 3}}, {"b", {4, 2}}, {"c", {3, 1}}}},
      {"y = Gemm <transB = 1, alpha = 2.0> (a, b)", {{"a", {3, 4}}, {"b", {2, 4}}}},
      {"y = Gemm <transA = 1, transB = 1> (a, b, c)", {{"a", {4, 3}}, {"b", {2, 4}}, {"c", {}}}},
      {"y = Einsum <equation = \"bij,bjk->bik\"> (a, b)", {{"a", {2, 3, 4}}, {"b", {2, 4, 2}}}},
      {"y = Einsum <equation = \"ij,k->i\"> (a, b)", {{"a", {2, 3}}, {"b", {4}}}},
  });
}

TEST(Gradient, Reductions) {
  std::vector<Case> cases;
  for (const char* op : {"ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd",
                         "ReduceSum", "ReduceSumSquare"}) {
    const Input x{"x", {2, 3, 4}, 0.3, 2};
    cases.push_back({fmt::format("axes = Constant <value = int64[2] {{0, -1}}> () y = {} (x, axes)", op), {x}});
    cases.push_back({fmt::format("axes = Constant <value = int64[1] {{1}}> () y = {} <keepdims = 0> (x, axes)", op), {x}});
    cases.push_back({fmt::format("y = {} <keepdims = 0> (x)", op), {x}});
    cases.push_back({fmt::format("y = {} <axes = [1], keepdims = 0> (x)", op), {x}, 11});
    cases.push_back({fmt::format("y = {} <noop_with_empty_axes = 1> (x)", op), {x}});
  }
  cases.push_back(
      {"zero = Constant <value = double[2,2] {0, 3, 0, 0}> () z = Mul (x, zero) axes = Constant <value = int64[1] {1}> () y = ReduceProd "
       "(z, axes)",
       {{"x", {2, 2}}}});
  for (const char* op : {"Softmax", "LogSoftmax"}) {
    cases.push_back({fmt::format("y = {} <axis = 1> (x)", op), {{"x", {2, 3, 4}}}});
    cases.push_back({fmt::format("y = {} (x)", op), {{"x", {2, 3, 4}}}, 11});
  }
  cases.push_back({"axis = Constant <value = int64 {1}> () y = CumSum <exclusive = 1> (x, axis)", {{"x", {2, 5}}}});
  cases.push_back({"axis = Constant <value = int64 {0}> () y = CumSum <reverse = 1> (x, axis)", {{"x", {5, 2}}}});
  for (const char* attributes : {"", "<exclusive = 1>", "<reverse = 1>", "<exclusive = 1, reverse = 1>"})
    cases.push_back({fmt::format("axis = Constant <value = int64 {{1}}> () y = CumProd {} (x, axis)", attributes), {{"x", {2, 4, 2}}}, 26});
  cases.push_back(
      {"axis = Constant <value = int64 {-1}> () zeros = Constant <value = double[4] {1, 0, 2, 0}> () z = Mul (x, zeros) y = CumProd (z, "
       "axis)",
       {{"x", {2, 4}}},
       26});
  cases.push_back({"y = LpNormalization <axis = 1> (x)", {{"x", {2, 5}}}});
  cases.push_back({"y = LpNormalization <p = 1> (x)", {{"x", {2, 5}}}});
  CheckAll(cases);
}

TEST(Gradient, Movement) {
  CheckAll({
      {"s = Constant <value = int64[2] {3, -1}> () y = Reshape (x, s)", {{"x", {2, 6}}}},
      {"y = Flatten <axis = 2> (x)", {{"x", {2, 3, 2}}}},
      {"a = Constant <value = int64[1] {1}> () y = Squeeze (x, a)", {{"x", {2, 1, 2}}}, 22, true},
      {"a = Constant <value = int64[1] {1}> () y = Unsqueeze (x, a)", {{"x", {2, 2}}}},
      {"y = Transpose (x)", {{"x", {2, 3, 4}}}},
      {"y = Transpose <perm = [1, 2, 0]> (x)", {{"x", {2, 3, 4}}}},
      {"y = Concat <axis = 1> (a, b, a)", {{"a", {2, 3}}, {"b", {2, 2}}}},
      {"y = Concat <axis = -1> (a, b)", {{"a", {2, 3}}, {"b", {2, 2}}}},
      {"p, q, r = Split <axis = 1, num_outputs = 3> (x) y = Mul (p, r)", {{"x", {2, 6}}}},
      {"s = Constant <value = int64[2] {-1, 0}> () e = Constant <value = int64[2] {-10, 3}> () a = Constant <value = int64[2] {1, 0}> () "
       "t = Constant <value = int64[2] {-2, 1}> () y = Slice (x, s, e, a, t)",
       {{"x", {4, 5}}}},
      {"y = Slice <starts = [1], ends = [3], axes = [1]> (x)", {{"x", {2, 5}}}, 9},
      {"r = Constant <value = int64[2] {2, 3}> () y = Tile (x, r)", {{"x", {2, 2}}}},
      {"y = DepthToSpace <blocksize = 2> (x)", {{"x", {1, 4, 2, 3}}}},
      {"y = SpaceToDepth <blocksize = 2> (x)", {{"x", {1, 1, 4, 6}}}},
      {"r = Constant <value = float[2] {2.0, 1.5}> () y = Resize (x, , r)", {{"x", {2, 4}}}},
      {"r = Constant <value = float[4] {1.0, 1.0, 2.0, 2.0}> () y = Upsample (x, r)", {{"x", {1, 1, 2, 3}}}, 9},
      {"y = Trilu <upper = 0> (x)", {{"x", {2, 3, 4}}}},
      {"p = Constant <value = int64[4] {1, 0, 2, -1}> () y = Pad (x, p, v)", {{"x", {2, 3}}, {"v", {}}}},
      {"p = Constant <value = int64[4] {1, 2, 0, 1}> () y = Pad <mode = \"reflect\"> (x, p)", {{"x", {3, 4}}}},
      {"p = Constant <value = int64[2] {1, 2}> () a = Constant <value = int64[1] {1}> () y = Pad <mode = \"edge\"> (x, p, , a)",
       {{"x", {3, 4}}}},
      {"y = Pad <pads = [0, 1, 1, 0]> (x)", {{"x", {3, 4}}}, 10},
      {"l = Constant <value = int64[3] {1, 2, 3}> () y = ReverseSequence <batch_axis = 0, time_axis = 1> (x, l)", {{"x", {3, 4}}}},
      {"m = Constant <value = bool[3] {1, 0, 1}> () y = Compress <axis = 0> (x, m)", {{"x", {3, 4}}}},
  });
}

TEST(Gradient, Indices) {
  const std::string pick = "i = Constant <value = int64[2,2] {0, -1, 2, 0}> () ";
  const std::string pairs = "i = Constant <value = int64[3,2] {0, 1, 2, 0, 0, 3}> () ";
  CheckAll({
      {pick + "y = Gather (x, i)", {{"x", {3, 4}}}},
      {pick + "y = Gather <axis = 1> (x, i)", {{"x", {2, 3, 4}}}},
      {pick + "y = Gather <axis = -1> (x, i)", {{"x", {2, 3, 4}}}},
      {pick + "y = GatherElements <axis = 1> (x, i)", {{"x", {2, 4}}}},
      {pairs + "y = GatherND (x, i)", {{"x", {3, 4}}}},
      {pairs + "y = ScatterND (x, i, u)", {{"x", {3, 4}}, {"u", {3}}}},
      {pairs + "y = ScatterND <reduction = \"add\"> (x, i, u)", {{"x", {3, 4, 2}}, {"u", {3, 2}}}},
      {"i = Constant <value = int64[2,2] {0, 3, 2, 1}> () y = ScatterElements <axis = 1> (x, i, u)", {{"x", {2, 4}}, {"u", {2, 2}}}},
      {"k = Constant <value = int64[1] {2}> () y, at = TopK <axis = 0> (x, k)", {{"x", {5, 2}}}},
      {"k = Constant <value = int64[1] {2}> () y = TopK (x, k)", {{"x", {2, 5}}}},
  });
}

TEST(Gradient, ScattersThatCombine) {
  const std::string twice = "i = Constant <value = int64[4,1] {0, 2, 2, 0}> () ";
  const std::string zero = "z = Constant <value = double[4] {1, 0, 1, 1}> () v = Mul (u, z) ";
  const std::string zeros = "z = Constant <value = double[4] {1, 0, 0, 1}> () v = Mul (u, z) ";
  CheckAll({
      {twice + "y = ScatterND <reduction = \"mul\"> (x, i, u)", {{"x", {3}}, {"u", {4}}}, 18},
      {twice + zero + "y = ScatterND <reduction = \"mul\"> (x, i, v)", {{"x", {3}}, {"u", {4}}}, 18},
      {twice + zeros + "y = ScatterND <reduction = \"mul\"> (x, i, v)", {{"x", {3}}, {"u", {4}}}, 18},
      {twice + "y = ScatterND <reduction = \"max\"> (x, i, u)", {{"x", {3}}, {"u", {4}}}, 18},
      {"i = Constant <value = int64[2,2] {0, 3, 2, 2}> () y = ScatterElements <axis = 1, reduction = \"min\"> (x, i, u)",
       {{"x", {2, 4}}, {"u", {2, 2}}},
       18},
      {"i = Constant <value = int64[2,2,1] {0, 2, 1, 1}> () y = GatherND <batch_dims = 1> (x, i)", {{"x", {2, 3, 2}}}},
      {"y, first = Unique (x)", {{"x", {2, 3}}}},
      {"y = Unique <axis = 1, sorted = 0> (x)", {{"x", {2, 3}}}},
  });
}

TEST(Gradient, Determinants) {
  CheckAll({
      {"y = Det (x)", {{"x", {3, 3}}}},
      {"y = Det (x)", {{"x", {2, 2, 4, 4}}}},
      {"y = Det (x)", {{"x", {2, 1, 1}}}},
      // Of a singular matrix.
      {"z = Constant <value = double[3,1] {1, 0, 1}> () s = Mul (x, z) y = Det (s)", {{"x", {3, 3}}}},
  });
}

TEST(Gradient, OfPositions) {
  const std::string boxes = "b = Constant <value = int64[2] {1, 0}> () ";
  std::vector<Case> cases;
  for (const char* padding : {"zeros", "border", "reflection"})
    for (const char* mode : {"linear", "cubic"})
      for (int align : {0, 1})
        cases.push_back(
            {fmt::format("y = GridSample <mode = \"{}\", padding_mode = \"{}\", align_corners = {}> (x, g)", mode, padding, align),
             {{"x", {2, 2, 4, 3}}, {"g", {2, 2, 3, 2}, -1.3, 1.3}}});
  cases.push_back({"y = GridSample <mode = \"nearest\"> (x, g)", {{"x", {1, 2, 4, 3}}, {"g", {1, 2, 2, 2}, -1.2, 1.2}}});
  cases.push_back({"y = GridSample (x, g)", {{"x", {1, 1, 2, 3, 2}}, {"g", {1, 2, 1, 2, 3}, -1.2, 1.2}}});
  cases.push_back({"y = GridSample (x, g)", {{"x", {1, 1, 2, 3, 2, 2}}, {"g", {1, 1, 2, 1, 1, 4}, -1.2, 1.2}}});
  const std::vector<Input> rois = {{"x", {2, 2, 5, 6}}, {"r", {2, 4}, 0.3, 4.7}};
  cases.push_back({boxes + "y = RoiAlign <output_height = 2, output_width = 2, sampling_ratio = 2> (x, r, b)", rois});
  cases.push_back({boxes + "y = RoiAlign <output_height = 2, output_width = 3> (x, r, b)", rois});
  cases.push_back(
      {boxes + "y = RoiAlign <mode = \"max\", output_height = 2, output_width = 2, sampling_ratio = 2, spatial_scale = 0.7> (x, r, b)",
       rois});
  cases.push_back({boxes + "y = RoiAlign <output_height = 2, output_width = 2, sampling_ratio = 2> (x, r, b)", rois, 10});
  cases.push_back({"r = Constant <value = double[2,5] {0, 0, 0, 3, 4, 1, 2, 1, 9, 3}> () y = MaxRoiPool <pooled_shape = [2, 2]> (x, r)",
                   {{"x", {2, 2, 5, 6}}}});
  cases.push_back({"y = DeformConv <kernel_shape = [2, 2], pads = [1, 0, 0, 1], strides = [1, 2]> (x, w, o, b, m)",
                   {{"x", {2, 2, 4, 5}}, {"w", {3, 2, 2, 2}}, {"o", {2, 8, 4, 3}, -0.8, 0.9}, {"b", {3}}, {"m", {2, 4, 4, 3}}}});
  cases.push_back({"y = DeformConv <kernel_shape = [2, 1], group = 2, offset_group = 2, dilations = [2, 1]> (x, w, o)",
                   {{"x", {1, 4, 4, 3}}, {"w", {2, 2, 2, 1}}, {"o", {1, 8, 2, 3}, -0.8, 0.9}}});
  CheckAll(cases);
}

TEST(Gradient, OfSpectra) {
  const std::string step = "s = Constant <value = int64 {2}> () n = Constant <value = int64 {4}> () ";
  CheckAll({
      {step + "y = STFT (x, s, w)", {{"x", {2, 9, 1}}, {"w", {4}}}},
      {step + "y = STFT <onesided = 0> (x, s, , n)", {{"x", {1, 8, 2}}}},
      {step + "y = STFT <onesided = 0> (x, s, w, n)", {{"x", {1, 8, 1}}, {"w", {4}}}},
  });
}

TEST(Gradient, ThroughSequences) {
  const std::string zero =
      "zero = Constant <value = int64 {0}> () one = Constant <value = int64 {1}> () last = Constant <value = int64 {-1}> () ";
  CheckAll({
      {zero + "s = SequenceConstruct (a, b) t = SequenceInsert (s, a, one) u = SequenceErase (t, zero) p = SequenceAt (u, last) q = "
              "SequenceAt "
              "(u, zero) y = Mul (p, q)",
       {{"a", {2, 3}}, {"b", {2, 3}}}},
      {"s = SequenceConstruct (a, b, a) y = ConcatFromSequence <axis = 1> (s)", {{"a", {2, 3}}, {"b", {2, 1}}}},
      {"s = SequenceConstruct (a, b) y = ConcatFromSequence <axis = -1, new_axis = 1> (s)", {{"a", {2, 3}}, {"b", {2, 3}}}},
      {zero + "n = Constant <value = int64 {2}> () s = SplitToSequence <axis = 1> (x, n) y = SequenceAt (s, last)",
       {{"x", {2, 5}}},
       22,
       true},
      {zero + "s = SplitToSequence <keepdims = 0> (x) y = SequenceAt (s, one)", {{"x", {3, 2}}}, 22, true},
      {"o = Optional (x) e = OptionalGetElement (o) y = Sin (e)", {{"x", {3}}}},
  });
}

TEST(Gradient, LinearMaps) {
  const std::string scales = "r = Constant <value = float[4] {1.0, 1.0, 2.0, 1.5}> () ";
  const std::string axis = "axis = Constant <value = int64 {1}> () ";
  CheckAll({
      {scales + "y = Resize <mode = \"linear\"> (x, , r)", {{"x", {1, 2, 3, 4}}}},
      {scales + "e = Constant <value = float[0] {}> () y = Resize <mode = \"linear\"> (x, e, r)", {{"x", {1, 1, 3, 4}}}, 11},
      {scales + "y = Resize <mode = \"linear\"> (x, r)", {{"x", {1, 1, 3, 4}}}, 10},
      {scales + "y = Upsample <mode = \"linear\"> (x, r)", {{"x", {1, 1, 3, 4}}}, 9},
      {"y = Upsample <mode = \"linear\", scales = [1.0, 1.0, 2.0, 2.0]> (x)", {{"x", {1, 1, 3, 2}}}, 7},
      {"s = Constant <value = int64[2] {3, 9}> () y = Resize <mode = \"cubic\", axes = [3, 2]> (x, , , s)", {{"x", {1, 1, 5, 6}}}},
      {"r = Constant <value = float[2] {0.6, 1.1}> () y = Resize <mode = \"linear\", antialias = 1> (x, , r)", {{"x", {7, 4}}}},
      {axis + "y = DFT (x, , axis)", {{"x", {1, 5, 1}}}},
      {axis + "y = DFT <inverse = 1> (x, , axis)", {{"x", {2, 6, 2}}}},
      {axis + "n = Constant <value = int64 {8}> () y = DFT <onesided = 1> (x, n, axis)", {{"x", {1, 5, 2, 1}}}},
      {"n = Constant <value = int64 {3}> () y = DFT (x, n)", {{"x", {2, 4, 5, 2}}}},
      {"y = DFT <axis = 1, onesided = 1> (x)", {{"x", {1, 6, 1}}}, 17},
      {"i = Constant <value = int64[2] {3, 4}> () b = Constant <value = int64[2] {2, 2}> () y = Col2Im (x, i, b)",
       {{"x", {1, 8, 6}}},
       22,
       true},
      {"i = Constant <value = int64[1,1,2] {1, 2}> () y = MaxUnpool <kernel_shape = [2], strides = [2]> (x, i)", {{"x", {1, 1, 2}}}},
      {"i = Constant <value = int64[2] {1, 2}> () y = TensorScatter <axis = 1> (c, u, i)", {{"c", {2, 4, 3}}, {"u", {2, 2, 3}}}, 24},
      {"i = Constant <value = int64[3] {1, 0, 2}> () n = Constant <value = int64 {4}> () y = OneHot (i, n, v)", {{"v", {2}}}},
      {"e = EyeLike (x) r = RandomUniformLike <seed = 3.0> (x) p = Mul (e, r) y = Add (p, x)", {{"x", {3, 3}}}},
  });
}

TEST(Gradient, Windows) {
  CheckAll({
      {"y = Conv (x, w, b)", {{"x", {2, 3, 5, 4}}, {"w", {2, 3, 3, 2}}, {"b", {2}}}},
      {"y = Conv <strides = [2, 3], pads = [1, 0, 2, 1], dilations = [2, 1]> (x, w)", {{"x", {1, 2, 7, 8}}, {"w", {2, 2, 2, 3}}}},
      {"y = Conv <group = 2, strides = [2]> (x, w)", {{"x", {2, 4, 6}}, {"w", {6, 2, 3}}}},
      {"y = Conv <auto_pad = \"SAME_UPPER\", strides = [2, 2]> (x, w)", {{"x", {1, 1, 5, 6}}, {"w", {1, 1, 3, 2}}}, 22, true},
      {"y = ConvTranspose <strides = [2, 3], pads = [1, 0, 0, 1], output_padding = [1, 2]> (x, w, b)",
       {{"x", {1, 2, 3, 2}}, {"w", {2, 3, 3, 2}}, {"b", {3}}}},
      {"y = ConvTranspose <group = 2, dilations = [2]> (x, w)", {{"x", {2, 4, 3}}, {"w", {4, 1, 3}}}},
      {"y = MaxPool <kernel_shape = [2, 2], strides = [1, 2], pads = [1, 0, 0, 1]> (x)", {{"x", {2, 2, 4, 5}}}},
      {"y = MaxPool <kernel_shape = [3]> (x)", {{"x", {1, 2, 7}}}, 7},
      {"y = AveragePool <kernel_shape = [3, 2], strides = [2, 1], pads = [1, 1, 1, 0]> (x)", {{"x", {1, 2, 5, 4}}}},
      {"y = AveragePool <kernel_shape = [3], strides = [2], pads = [1, 1], count_include_pad = 1, ceil_mode = 1> (x)", {{"x", {2, 1, 6}}}},
      {"y = Conv <strides = [2, 1, 1, 2], pads = [1, 0, 0, 1, 0, 0, 1, 0]> (x, w)", {{"x", {1, 1, 3, 2, 3, 3}}, {"w", {2, 1, 2, 1, 2, 2}}}},
      {"y = ConvTranspose <strides = [2, 1, 1, 2]> (x, w)", {{"x", {1, 2, 2, 1, 2, 2}}, {"w", {2, 1, 2, 2, 1, 2}}}},
      {"y = LpPool <kernel_shape = [2], p = 3> (x)", {{"x", {1, 2, 5}, 0.4, 2}}},
      {"y = GlobalAveragePool (x)", {{"x", {2, 3, 2, 2}}}},
      {"y = GlobalMaxPool (x)", {{"x", {2, 3, 2, 2}}}},
      {"y = GlobalLpPool (x)", {{"x", {2, 3, 2, 2}}}},
  });
}

TEST(Gradient, Normalizations) {
  CheckAll({
      {"y = BatchNormalization (x, s, b, m, v)", {{"x", {2, 3, 2}}, {"s", {3}}, {"b", {3}}, {"m", {3}}, {"v", {3}, 0.5, 2}}},
      {"m = Constant <value = double[3] {0, 0, 0}> () y, rm, rv = BatchNormalization <training_mode = 1> (x, s, b, m, m)",
       {{"x", {2, 3, 2}}, {"s", {3}}, {"b", {3}}}},
      {"y = InstanceNormalization (x, s, b)", {{"x", {2, 3, 4}}, {"s", {3}}, {"b", {3}}}},
      {"y = LayerNormalization <axis = 1> (x, s, b)", {{"x", {2, 3, 4}}, {"s", {3, 4}}, {"b", {4}}}, 17},
      {"y = RMSNormalization (x, s)", {{"x", {2, 3, 4}}, {"s", {4}}}, 23},
      {"y = GroupNormalization <num_groups = 2, stash_type = 11> (x, s, b)", {{"x", {2, 4, 3}}, {"s", {4}}, {"b", {4}}}, 21},
      {"y = MeanVarianceNormalization <axes = [0, 2]> (x)", {{"x", {2, 2, 3}}}, 13},
      {"y = LRN <size = 3, alpha = 0.5, beta = 0.6> (x)", {{"x", {2, 5, 2, 2}}}},
      {"y = LRN <size = 4, alpha = 0.5> (x)", {{"x", {1, 5, 3}}}},
  });
}

TEST(Gradient, ThroughBodies) {
  CheckAll({
      {"t = Constant <value = int64[3] {1, 0, 3}> () y = SoftmaxCrossEntropyLoss (x, t, w)", {{"x", {3, 4}}, {"w", {4}, 0.5, 2}}},
      {"t = Constant <value = int64[3] {1, 0, 3}> () y = NegativeLogLikelihoodLoss <reduction = \"sum\"> (x, t)", {{"x", {3, 4}}}},
      {"y = Attention <is_causal = 1> (q, k, v)", {{"q", {1, 2, 3, 4}}, {"k", {1, 1, 3, 4}}, {"v", {1, 1, 3, 2}}}, 23, true},
  });
}

TEST(Gradient, ThroughIf) {
  const std::string body = R"(zero = Constant <value = double {0.0}> () sum = ReduceSum <keepdims = 0> (a) positive = Greater (sum, zero)
    y = If (positive) <then_branch = t () => (p) { p = Mul (a, b) }, else_branch = e () => (n) { s = Sin (a) n = Identity (s) }>)";
  CheckAll({{body, {{"a", {3}, 0.5, 2}, {"b", {3}}}}, {body, {{"a", {3}, -2, -0.5}, {"b", {3}}}}});
}

TEST(Gradient, ThroughScan) {
  // h = tanh(h w + x_t), written at each step; w is captured.
  static constexpr char kBody[] = R"(
    last, y = Scan <num_scan_inputs = 1, {}body = b (double[2] h, double[2] x_t) => (next, out) {{
      hw = MatMul (h, w) sum = Add (hw, x_t) next = Tanh (sum) out = Mul (next, x_t) }}> (h0, x))";
  const std::vector<Input> inputs = {{"h0", {2}}, {"x", {4, 2}}, {"w", {2, 2}}};
  CheckAll({
      {fmt::format(kBody, ""), inputs},
      {fmt::format(kBody, "scan_input_directions = [1], "), inputs},
      {fmt::format(kBody, "scan_output_directions = [1], scan_output_axes = [1], "), inputs},
      {"last, all = Scan <num_scan_inputs = 1, scan_input_axes = [1], body = b (double[2] h, double[2] t) => (n, o) { n = Mul (h, t) o = "
       "Sin (n) "
       "}> (h0, x) "
       "y = Add (last, h0)",
       {{"h0", {2}}, {"x", {2, 3}}}},
  });
}

TEST(Gradient, ThroughLoop) {
  static constexpr char kLoop[] = R"(n = Constant <value = int64 {{{}}}> () true = Constant <value = bool {{1}}> ()
    last, y = Loop <body = b (int64 i, bool go, double[3] v) => (keep, next, out) {{
      keep = Identity (go) k = Cast <to = 11> (i) s = Sin (v) t = Mul (s, w) next = Add (t, k) out = Mul (next, v) }}> (n, true, v0))";
  const std::vector<Input> inputs = {{"v0", {3}}, {"w", {3}}};
  CheckAll({{fmt::format(kLoop, 3), inputs}, {fmt::format(kLoop, 1), inputs}});
  // Until the sum is large, however often that takes.
  CheckAll({{R"(limit = Constant <value = double {6.0}> () true = Constant <value = bool {1}> ()
    y = Loop <body = b (int64 i, bool go, double[2] v) => (keep, next) {
      next = Mul (v, w) sum = ReduceSum <keepdims = 0> (next) keep = Less (sum, limit) }> (, true, v0))",
             {{"v0", {2}, 0.5, 1}, {"w", {2}, 1.5, 1.9}}}});
}

TEST(Gradient, ThroughRecurrentLayers) {
  const auto inputs = [](int64_t gates, int64_t directions) {
    return std::vector<Input>{
        {"x", {3, 2, 2}}, {"w", {directions, gates * 2, 2}}, {"r", {directions, gates * 2, 2}}, {"b", {directions, gates * 4}}};
  };
  std::vector<Input> lstm = inputs(4, 2), first = inputs(3, 1), plain = inputs(1, 1);
  lstm.push_back({"h", {2, 2, 2}});
  lstm.push_back({"c", {2, 2, 2}});
  plain.pop_back();
  CheckAll({
      {"s, last, y = LSTM <hidden_size = 2, direction = \"bidirectional\"> (x, w, r, b, , h, c)", lstm},
      {"y = LSTM <hidden_size = 2> (x, w, r, b)", inputs(4, 1)},
      {"y, last = GRU <hidden_size = 2, direction = \"reverse\"> (x, w, r, b)", first},
      {"s, y = GRU <hidden_size = 2, linear_before_reset = 1> (x, w, r, b)", first},
      {"y = RNN <hidden_size = 2, activations = [\"Softsign\"], layout = 1> (x, w, r)", plain},
  });
  std::vector<Input> peepholes = inputs(4, 2), lengths = inputs(4, 2), gru = inputs(3, 2);
  peepholes.push_back({"p", {2, 6}});
  const std::string lens = "l = Constant <value = int32[2] {3, 1}> () ";
  CheckAll({
      {"s, last, y = LSTM <hidden_size = 2, direction = \"bidirectional\", clip = 0.9> (x, w, r, b, , , , p)", peepholes},
      {"y = LSTM <hidden_size = 2, direction = \"bidirectional\", input_forget = 1> (x, w, r, b, , , , p)", peepholes},
      {lens + "y = LSTM <hidden_size = 2, direction = \"bidirectional\"> (x, w, r, b, l)", lengths},
      {lens + "s, last, y = LSTM <hidden_size = 2, direction = \"bidirectional\"> (x, w, r, b, l)", lengths},
      {lens + "s, y = GRU <hidden_size = 2, direction = \"bidirectional\", clip = 1.1> (x, w, r, b, l)", gru},
      {lens + "y = RNN <hidden_size = 2, direction = \"reverse\"> (x, w, r, b, l)", inputs(1, 1)},
  });
  for (const char* f :
       {"Affine\"], activation_alpha = [0.5], activation_beta = [0.2", "ScaledTanh\"], activation_alpha = [1.5], activation_beta = [0.7",
        "HardSigmoid", "LeakyRelu", "Elu\"], activation_alpha = [0.6", "ThresholdedRelu\"], activation_alpha = [0.1"})
    CheckAll({{fmt::format("y = RNN <hidden_size = 2, activations = [\"{}{}]> (x, w, r, b)", f,
                           std::string_view(f).find('[') == std::string_view::npos ? "\"" : ""),
               inputs(1, 1)}});
}

std::vector<double> RunModel(const std::string& body, const std::vector<Session::NamedValue>& inputs) {
  const auto session = MakeSession("<ir_version: 10, opset_import: [\"\" : 22, \"ai.onnx.preview.training\" : 1]>\n" + body);
  EXPECT_TRUE(session.ok()) << session.status().ToString();
  if (!session.ok()) return {};
  const auto result = session->Run(inputs);
  EXPECT_TRUE(result.ok()) << result.status().ToString();
  std::vector<double> all;
  if (result.ok())
    for (const Value& value : *result)
      for (double x : value.tensor().data<double>()) all.push_back(x);
  return all;
}

Tensor Number(double x) { return Tensor::Scalar(x); }

TEST(Gradient, OfHigherOrder) {
  // y = x^3 w: 3 x^2 w, then 6 x w and 3 x^2.
  const std::string body = R"(g (double x, double w) => (double dx, double dxx, double dxw) {
    square = Mul (x, x) cube = Mul (square, x) y = Mul (cube, w)
    dx = ai.onnx.preview.training.Gradient <xs = ["x"], zs = ["w"], y = "y"> (x, w)
    dxx, dxw = ai.onnx.preview.training.Gradient <xs = ["x", "w"], y = "dx"> (x, w)
  })";
  EXPECT_EQ(RunModel(body, {{"x", Number(2)}, {"w", Number(5)}}), (std::vector<double>{60, 60, 12}));
}

TEST(Gradient, OfScales) {
  // What is quantized less its zero point, summed down each column.
  const std::string body = R"(g (double[3] s) => (double[3] ds) {
    q = Constant <value = int8[2,3] {-5, 7, 100, 3, -128, 0}> () z = Constant <value = int8[3] {1, 2, -3}> ()
    f = Cast <to = 1> (s) y = DequantizeLinear (q, f, z)
    ds = ai.onnx.preview.training.Gradient <xs = ["s"], y = "y"> (s)
  })";
  EXPECT_EQ(RunModel(body, {{"s", Tensor::From<double>({3}, {0.5, 2, 1})}}), (std::vector<double>{-4, -125, 106}));
}

TEST(Gradient, AtOtherValuesAndOfIntermediates) {
  // h = x w, y = h^2 z; at h = other the derivative by h is 2 other z.
  const std::string body = R"(g (double x, double w, double z, double other) => (double here, double there, double none) {
    h = Mul (x, w) square = Mul (h, h) y = Mul (square, z)
    here = ai.onnx.preview.training.Gradient <xs = ["h"], zs = ["z"], y = "y"> (h, z)
    there = ai.onnx.preview.training.Gradient <xs = ["h"], zs = ["z"], y = "y"> (other, z)
    none = ai.onnx.preview.training.Gradient <xs = ["other"], y = "y"> (other)
  })";
  EXPECT_EQ(RunModel(body, {{"x", Number(2)}, {"w", Number(3)}, {"z", Number(5)}, {"other", Number(7)}}), (std::vector<double>{60, 70, 0}));
}

TEST(Gradient, WithoutDerivativeNamesEveryNode) {
  const auto session = MakeSession(R"(<ir_version: 10, opset_import: ["" : 22, "ai.onnx.preview.training" : 1, "ai.onnx.ml" : 3]>
    g (double[2,2] x) => (double[2,2] dx) {
      [first] a = ai.onnx.ml.Normalizer (x) f = Cast <to = 11> (a) b = Hardmax (x) c = Add (f, b) [third] d = LpNormalization (c)
      [fourth] y = ai.onnx.ml.Normalizer (d)
      dx = ai.onnx.preview.training.Gradient <xs = ["x"], y = "y"> (x)
    })");
  ASSERT_EQ(session.status().code(), StatusCode::kUnsupported);
  EXPECT_NE(session.status().message().find("Normalizer 'first'"), std::string::npos) << session.status().ToString();
  EXPECT_NE(session.status().message().find("Normalizer 'fourth'"), std::string::npos) << session.status().ToString();
}

TEST(Gradient, ErrorsOfNames) {
  for (const char* gradient : {"<xs = [\"z\"], y = \"y\"> (x)", "<xs = [\"x\"], y = \"z\"> (x)", "<xs = [\"x\", \"x\"], y = \"y\"> (x)",
                               "<xs = [\"x\"], y = \"dx\"> (x)"}) {
    const auto session = MakeSession(fmt::format(R"(<ir_version: 10, opset_import: ["" : 22, "ai.onnx.preview.training" : 1]>
      g (double x) => (double dx) {{ y = Sin (x) dx = ai.onnx.preview.training.Gradient {} }})",
                                                 gradient));
    EXPECT_EQ(session.status().code(), StatusCode::kInvalid) << gradient << session.status().ToString();
  }
}

}  // namespace
}  // namespace sardonyx
