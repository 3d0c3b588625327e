// Element by element, reductions, and along an axis.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "reference.h"

namespace sardonyx::operators {
namespace {

using Node = const ReferenceNode&;

Reference Unary(double (*f)(double, Node)) {
  return [f](Node node, const Arrays& in) {
    Array y = *in[0];
    for (double& v : y.values) v = f(v, node);
    return std::vector<Array>{y};
  };
}

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double Gelu(double x) { return 0.5 * x * (1 + std::erf(x / std::numbers::sqrt2)); }
double FastGelu(double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x))); }
double Softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

std::vector<int64_t> BroadcastDims(const std::vector<std::vector<int64_t>>& shapes) {
  size_t rank = 0;
  for (const auto& shape : shapes) rank = std::max(rank, shape.size());
  std::vector<int64_t> dims(rank, 1);
  for (const auto& shape : shapes)
    for (size_t d = 0; d < shape.size(); ++d) {
      int64_t& n = dims[rank - shape.size() + d];
      if (shape[d] != 1) n = shape[d];
    }
  return dims;
}

double Broadcast(const Array& x, const std::vector<int64_t>& index) {
  std::vector<int64_t> own(index.end() - x.rank(), index.end());
  for (size_t d = 0; d < own.size(); ++d)
    if (x.dims[d] == 1) own[d] = 0;
  return x.at(own);
}

// Folds the inputs from the left; `finish` sees the result and how many there were.
Reference Fold(double (*f)(double, double, Node), double (*finish)(double, double) = nullptr) {
  return [f, finish](Node node, const Arrays& in) {
    std::vector<std::vector<int64_t>> shapes;
    for (const auto& x : in) shapes.push_back(x->dims);
    Array y(BroadcastDims(shapes));
    ForEachIndex(y.dims, [&](const std::vector<int64_t>& i) {
      double value = Broadcast(*in[0], i);
      for (size_t k = 1; k < in.size(); ++k) value = f(value, Broadcast(*in[k], i), node);
      y.at(i) = finish != nullptr ? finish(value, static_cast<double>(in.size())) : value;
    });
    return std::vector<Array>{y};
  };
}

std::vector<Array> Where(Node, const Arrays& in) {
  Array y(BroadcastDims({in[0]->dims, in[1]->dims, in[2]->dims}));
  ForEachIndex(y.dims, [&](const std::vector<int64_t>& i) { y.at(i) = Broadcast(Broadcast(*in[0], i) != 0 ? *in[1] : *in[2], i); });
  return {y};
}

std::vector<Array> Clip(Node, const Arrays& in) {
  Array y = *in[0];
  for (double& v : y.values) {
    if (in.size() > 1 && in[1]) v = std::max(v, in[1]->values[0]);
    if (in.size() > 2 && in[2]) v = std::min(v, in[2]->values[0]);
  }
  return {y};
}

// The axes that a reduction is over, as a flag a dim.
std::vector<bool> ReducedAxes(Node node, const Arrays& in) {
  std::vector<int64_t> axes = node.Ints("axes");
  if (in.size() > 1 && in[1])
    for (double a : in[1]->values) axes.push_back(static_cast<int64_t>(a));
  const int64_t rank = in[0]->rank();
  std::vector<bool> reduced(static_cast<size_t>(rank), axes.empty() && node.Int("noop_with_empty_axes") == 0);
  for (int64_t a : axes) reduced[static_cast<size_t>(a < 0 ? a + rank : a)] = true;
  return reduced;
}

// Gathers the elements that each output is made of.
template <class F>
std::vector<Array> ReduceWith(Node node, const Arrays& in, F f) {
  const Array& x = *in[0];
  const std::vector<bool> reduced = ReducedAxes(node, in);
  std::vector<int64_t> kept = x.dims, shape;
  for (size_t d = 0; d < kept.size(); ++d) {
    if (reduced[d]) kept[d] = 1;
    if (!reduced[d] || node.Int("keepdims", 1) != 0) shape.push_back(kept[d]);
  }
  std::vector<std::vector<double>> groups(Array(kept).values.size());
  Array place(kept);
  for (size_t i = 0; i < place.values.size(); ++i) place.values[i] = static_cast<double>(i);
  ForEachIndex(x.dims, [&](std::vector<int64_t> i) {
    const double value = x.at(i);
    for (size_t d = 0; d < i.size(); ++d)
      if (reduced[d]) i[d] = 0;
    groups[static_cast<size_t>(place.at(i))].push_back(value);
  });
  Array y(shape);
  for (size_t g = 0; g < groups.size(); ++g) y.values[g] = f(groups[g]);
  return {y};
}

Reference Reduce(double (*f)(const std::vector<double>&)) {
  return [f](Node node, const Arrays& in) { return ReduceWith(node, in, f); };
}

template <class F>
double Sum(const std::vector<double>& x, F f) {
  double sum = 0;
  for (double v : x) sum += f(v);
  return sum;
}

// Calls f with each line along `axis`, to be changed in place.
void AlongAxis(Array& x, int64_t axis, const std::function<void(std::vector<double>&)>& f) {
  const auto a = static_cast<size_t>(axis < 0 ? axis + x.rank() : axis);
  std::vector<int64_t> outer = x.dims;
  outer[a] = 1;
  const int64_t length = x.dims[a];
  ForEachIndex(outer, [&](std::vector<int64_t> i) {
    std::vector<double> line;
    for (i[a] = 0; i[a] < length; ++i[a]) line.push_back(x.at(i));
    f(line);
    for (i[a] = 0; i[a] < length; ++i[a]) x.at(i) = line[static_cast<size_t>(i[a])];
  });
}

std::vector<Array> Softmax(Node node, const Arrays& in, bool log) {
  Array y = *in[0];
  AlongAxis(y, node.Int("axis", -1), [&](std::vector<double>& line) {
    if (line.empty()) return;
    const double peak = *std::max_element(line.begin(), line.end());
    const double sum = Sum(line, [&](double v) { return std::exp(v - peak); });
    for (double& v : line) v = log ? v - peak - std::log(sum) : std::exp(v - peak) / sum;
  });
  return {y};
}

std::vector<Array> Cumulate(Node node, const Arrays& in, double start, double (*f)(double, double)) {
  Array y = *in[0];
  AlongAxis(y, static_cast<int64_t>(in[1]->values[0]), [&](std::vector<double>& line) {
    if (node.Int("reverse") != 0) std::reverse(line.begin(), line.end());
    double total = start;
    for (double& v : line) {
      const double before = total;
      total = f(total, v);
      v = node.Int("exclusive") != 0 ? before : total;
    }
    if (node.Int("reverse") != 0) std::reverse(line.begin(), line.end());
  });
  return {y};
}

const std::vector<ReferenceEntry>& Entries() {
  static const std::vector<ReferenceEntry> entries = {
      {"Abs", Unary([](double x, Node) { return std::abs(x); })},
      {"Acos", Unary([](double x, Node) { return std::acos(x); })},
      {"Acosh", Unary([](double x, Node) { return std::acosh(x); })},
      {"Asin", Unary([](double x, Node) { return std::asin(x); })},
      {"Asinh", Unary([](double x, Node) { return std::asinh(x); })},
      {"Atan", Unary([](double x, Node) { return std::atan(x); })},
      {"Atanh", Unary([](double x, Node) { return std::atanh(x); })},
      {"Ceil", Unary([](double x, Node) { return std::ceil(x); })},
      {"Celu",
       Unary([](double x, Node n) { return std::max(0.0, x) + std::min(0.0, n.Float("alpha", 1) * std::expm1(x / n.Float("alpha", 1))); })},
      {"Cos", Unary([](double x, Node) { return std::cos(x); })},
      {"Cosh", Unary([](double x, Node) { return std::cosh(x); })},
      {"Elu", Unary([](double x, Node n) { return x < 0 ? n.Float("alpha", 1) * std::expm1(x) : x; })},
      {"Erf", Unary([](double x, Node) { return std::erf(x); })},
      {"Exp", Unary([](double x, Node) { return std::exp(x); })},
      {"Floor", Unary([](double x, Node) { return std::floor(x); })},
      {"Gelu", Unary([](double x, Node n) { return n.String("approximate") == "tanh" ? FastGelu(x) : Gelu(x); })},
      {"com.microsoft.BiasGelu", Fold([](double a, double b, Node) { return a + b; }, [](double sum, double) { return Gelu(sum); })},
      {"com.microsoft.FastGelu", Fold([](double a, double b, Node) { return a + b; }, [](double sum, double) { return FastGelu(sum); })},
      {"com.microsoft.Gelu", Unary([](double x, Node) { return Gelu(x); })},
      {"com.microsoft.QuickGelu", Unary([](double x, Node n) { return x * Sigmoid(n.Float("alpha", 1.702) * x); })},
      {"HardSigmoid", Unary([](double x, Node n) { return std::clamp(n.Float("alpha", 0.2) * x + n.Float("beta", 0.5), 0.0, 1.0); })},
      {"HardSwish", Unary([](double x, Node) { return x * std::clamp(x / 6 + 0.5, 0.0, 1.0); })},
      {"LeakyRelu", Unary([](double x, Node n) { return x < 0 ? n.Float("alpha", 0.01) * x : x; })},
      {"Log", Unary([](double x, Node) { return std::log(x); })},
      {"Mish", Unary([](double x, Node) { return x * std::tanh(Softplus(x)); })},
      {"Neg", Unary([](double x, Node) { return -x; })},
      {"Not", Unary([](double x, Node) { return x == 0 ? 1.0 : 0.0; })},
      {"Reciprocal", Unary([](double x, Node) { return 1 / x; })},
      {"Relu", Unary([](double x, Node) { return std::max(x, 0.0); })},
      {"Round", Unary([](double x, Node) { return std::nearbyint(x); })},
      {"Selu", Unary([](double x, Node n) { return n.Float("gamma") * (x > 0 ? x : n.Float("alpha") * std::expm1(x)); })},
      {"Shrink", Unary([](double x, Node n) {
         const double l = n.Float("lambd", 0.5), bias = n.Float("bias");
         return x < -l ? x + bias : x > l ? x - bias : 0.0;
       })},
      {"Sigmoid", Unary([](double x, Node) { return Sigmoid(x); })},
      {"Sign", Unary([](double x, Node) { return x > 0   ? 1.0
                                                 : x < 0 ? -1.0
                                                         : 0.0; })},
      {"Sin", Unary([](double x, Node) { return std::sin(x); })},
      {"Sinh", Unary([](double x, Node) { return std::sinh(x); })},
      {"Softplus", Unary([](double x, Node) { return Softplus(x); })},
      {"Softsign", Unary([](double x, Node) { return x / (1 + std::abs(x)); })},
      {"Sqrt", Unary([](double x, Node) { return std::sqrt(x); })},
      {"Swish", Unary([](double x, Node n) { return x * Sigmoid(n.Float("alpha", 1) * x); })},
      {"Tan", Unary([](double x, Node) { return std::tan(x); })},
      {"Tanh", Unary([](double x, Node) { return std::tanh(x); })},
      {"ThresholdedRelu", Unary([](double x, Node n) { return x > n.Float("alpha", 1) ? x : 0.0; })},
      {"Add", Fold([](double a, double b, Node) { return a + b; }), 7},
      {"Sub", Fold([](double a, double b, Node) { return a - b; }), 7},
      {"Mul", Fold([](double a, double b, Node) { return a * b; }), 7},
      {"Div", Fold([](double a, double b, Node) { return a / b; }), 7},
      {"Pow", Fold([](double a, double b, Node) { return std::pow(a, b); }), 7},
      {"PRelu", Fold([](double a, double b, Node) { return a < 0 ? a * b : a; }), 7},
      {"Mod", Fold([](double a, double b, Node n) { return n.Int("fmod") != 0 ? std::fmod(a, b) : a - b * std::floor(a / b); })},
      {"And", Fold([](double a, double b, Node) { return a != 0 && b != 0 ? 1.0 : 0.0; }), 7},
      {"Or", Fold([](double a, double b, Node) { return a != 0 || b != 0 ? 1.0 : 0.0; }), 7},
      {"Xor", Fold([](double a, double b, Node) { return (a != 0) != (b != 0) ? 1.0 : 0.0; }), 7},
      {"Equal", Fold([](double a, double b, Node) { return a == b ? 1.0 : 0.0; }), 7},
      {"Greater", Fold([](double a, double b, Node) { return a > b ? 1.0 : 0.0; }), 7},
      {"GreaterOrEqual", Fold([](double a, double b, Node) { return a >= b ? 1.0 : 0.0; })},
      {"Less", Fold([](double a, double b, Node) { return a < b ? 1.0 : 0.0; }), 7},
      {"LessOrEqual", Fold([](double a, double b, Node) { return a <= b ? 1.0 : 0.0; })},
      {"Max", Fold([](double a, double b, Node) { return std::max(a, b); }), 8},
      {"Min", Fold([](double a, double b, Node) { return std::min(a, b); }), 8},
      {"Sum", Fold([](double a, double b, Node) { return a + b; }), 8},
      {"Mean", Fold([](double a, double b, Node) { return a + b; }, [](double sum, double n) { return sum / n; }), 8},
      {"Where", Where},
      {"Clip", Clip, 11},
      {"ReduceSum", Reduce([](const std::vector<double>& x) { return Sum(x, [](double v) { return v; }); })},
      {"ReduceMean",
       Reduce([](const std::vector<double>& x) { return Sum(x, [](double v) { return v; }) / static_cast<double>(x.size()); })},
      {"ReduceSumSquare", Reduce([](const std::vector<double>& x) { return Sum(x, [](double v) { return v * v; }); })},
      {"ReduceL1", Reduce([](const std::vector<double>& x) { return Sum(x, [](double v) { return std::abs(v); }); })},
      {"ReduceL2", Reduce([](const std::vector<double>& x) { return std::sqrt(Sum(x, [](double v) { return v * v; })); })},
      {"ReduceLogSum", Reduce([](const std::vector<double>& x) { return std::log(Sum(x, [](double v) { return v; })); })},
      {"ReduceLogSumExp", Reduce([](const std::vector<double>& x) { return std::log(Sum(x, [](double v) { return std::exp(v); })); })},
      {"ReduceMax", Reduce([](const std::vector<double>& x) { return *std::max_element(x.begin(), x.end()); })},
      {"ReduceMin", Reduce([](const std::vector<double>& x) { return *std::min_element(x.begin(), x.end()); })},
      {"ReduceProd", Reduce([](const std::vector<double>& x) {
         double product = 1;
         for (double v : x) product *= v;
         return product;
       })},
      {"Softmax", [](Node n, const Arrays& in) { return Softmax(n, in, false); }, 13},
      {"LogSoftmax", [](Node n, const Arrays& in) { return Softmax(n, in, true); }, 13},
      {"CumSum", [](Node n, const Arrays& in) { return Cumulate(n, in, 0, [](double a, double b) { return a + b; }); }},
      {"CumProd", [](Node n, const Arrays& in) { return Cumulate(n, in, 1, [](double a, double b) { return a * b; }); }},
  };
  return entries;
}

}  // namespace

std::span<const ReferenceEntry> ElementwiseReferences() { return Entries(); }

}  // namespace sardonyx::operators
