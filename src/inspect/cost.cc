#include "inspect/cost.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <unordered_map>

#include "inspect/op_table.h"

namespace sardonyx::inspect {
namespace {

using Dims = std::vector<int64_t>;
using CostFunction = Cost (*)(const ir::Node& node, const Sizes& sizes);

const Cost kUnknown{0, 0, false};

uint64_t Product(const Dims& dims, size_t begin = 0) {
  uint64_t product = 1;
  for (size_t i = begin; i < dims.size(); ++i) product = SaturatingMultiply(product, static_cast<uint64_t>(std::max<int64_t>(dims[i], 0)));
  return product;
}

Cost OfMacs(uint64_t macs, uint64_t more_flops = 0) { return {macs, SaturatingAdd(SaturatingMultiply(macs, 2), more_flops), true}; }
Cost OfFlops(uint64_t flops) { return {0, flops, true}; }

bool HasInput(const ir::Node& node, size_t i) { return node.input(i) != nullptr; }

// Every output element is a dot product over one filter: W [M, C/group, k...].
Cost Convolution(const ir::Node& node, const Sizes& sizes, size_t weight, bool bias) {
  const auto w = sizes.DimsOf(node.input(weight));
  const auto y = sizes.DimsOf(node.output(0));
  if (!w || !y) return kUnknown;
  return OfMacs(SaturatingMultiply(Product(*y), Product(*w, 1)), bias ? Product(*y) : 0);
}
Cost Conv(const ir::Node& node, const Sizes& sizes) { return Convolution(node, sizes, 1, HasInput(node, 2)); }
// Both of its convolutions: every element of X meets one weight of each channel between them.
Cost PointwiseDepthwiseConv(const ir::Node& node, const Sizes& sizes) {
  const auto x = sizes.DimsOf(node.input(0));
  const auto w = sizes.DimsOf(node.input(1));
  const Cost depthwise = Convolution(node, sizes, 3, HasInput(node, 4));
  if (!x || !w || w->empty() || !depthwise.known) return kUnknown;
  const Cost pointwise = OfMacs(SaturatingMultiply(Product(*x), static_cast<uint64_t>(std::max<int64_t>(0, w->front()))));
  return {SaturatingAdd(pointwise.macs, depthwise.macs), SaturatingAdd(pointwise.flops, depthwise.flops), true};
}
Cost ConvInteger(const ir::Node& node, const Sizes& sizes) { return Convolution(node, sizes, 1, false); }
Cost QLinearConv(const ir::Node& node, const Sizes& sizes) { return Convolution(node, sizes, 3, HasInput(node, 8)); }

// Every input element meets one filter: W [C, M/group, k...].
Cost ConvTranspose(const ir::Node& node, const Sizes& sizes) {
  const auto x = sizes.DimsOf(node.input(0));
  const auto w = sizes.DimsOf(node.input(1));
  if (!x || !w) return kUnknown;
  return OfMacs(SaturatingMultiply(Product(*x), Product(*w, 1)), HasInput(node, 2) ? sizes.Elements(node.output(0)) : 0);
}

Cost MatrixProduct(const ir::Node& node, const Sizes& sizes) {
  const auto a = sizes.DimsOf(node.input(0));
  const auto y = sizes.DimsOf(node.output(0));
  if (!a || a->empty() || !y) return kUnknown;
  const bool transposed = node.GetInt("transA", 0) != 0 && a->size() >= 2;
  const int64_t depth = transposed ? (*a)[a->size() - 2] : a->back();
  const bool bias = node.op_type.find("Gemm") != std::string::npos && HasInput(node, 2);
  return OfMacs(SaturatingMultiply(Product(*y), static_cast<uint64_t>(std::max<int64_t>(depth, 0))), bias ? Product(*y) : 0);
}

// The product of the sizes of all indices of the equation.
Cost Einsum(const ir::Node& node, const Sizes& sizes) {
  std::string equation = node.GetString("equation", "");
  equation.erase(std::remove(equation.begin(), equation.end(), ' '), equation.end());
  const std::string terms = equation.substr(0, equation.find("->"));
  std::unordered_map<char, int64_t> size_of;
  uint64_t ellipsis = 1;
  size_t begin = 0;
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    const size_t end = std::min(terms.find(',', begin), terms.size());
    const std::string term = begin <= end ? terms.substr(begin, end - begin) : "";
    begin = std::min(end + 1, terms.size());
    const auto dims = sizes.DimsOf(node.input(i));
    if (!dims) return kUnknown;
    const size_t dots = term.find("...");
    const size_t named = dots == std::string::npos ? term.size() : term.size() - 3;
    if (named > dims->size()) return kUnknown;
    const size_t hidden = dims->size() - named;
    size_t axis = 0;
    uint64_t product = 1;
    for (size_t k = 0; k < term.size(); ++k) {
      if (k == dots) {
        for (size_t h = 0; h < hidden; ++h) product = SaturatingMultiply(product, static_cast<uint64_t>((*dims)[axis++]));
        k += 2;
      } else if (axis < dims->size()) {
        int64_t& size = size_of[term[k]];
        size = std::max(size, (*dims)[axis++]);
      }
    }
    ellipsis = std::max(ellipsis, product);
  }
  uint64_t all = ellipsis;
  for (const auto& [letter, size] : size_of) all = SaturatingMultiply(all, static_cast<uint64_t>(size));
  return node.inputs().size() > 1 ? OfMacs(SaturatingMultiply(all, node.inputs().size() - 1)) : OfFlops(all);
}

// X [seq, batch, input] (or batch first) through W [directions, gates*hidden, input] and R [directions, gates*hidden, hidden].
Cost Recurrent(const ir::Node& node, const Sizes& sizes) {
  const auto x = sizes.DimsOf(node.input(0));
  const auto w = sizes.DimsOf(node.input(1));
  const auto r = sizes.DimsOf(node.input(2));
  if (!x || x->size() != 3 || !w || !r || r->size() != 3) return kUnknown;
  const uint64_t steps = SaturatingMultiply(static_cast<uint64_t>((*x)[0]), static_cast<uint64_t>((*x)[1]));
  // Biases, activations and the state's update: some 3 operations a gate and hidden unit.
  const uint64_t pointwise =
      SaturatingMultiply(steps, SaturatingMultiply(3, SaturatingMultiply(static_cast<uint64_t>((*r)[0]), static_cast<uint64_t>((*r)[1]))));
  return OfMacs(SaturatingMultiply(steps, SaturatingAdd(Product(*w), Product(*r))), pointwise);
}

// Scores Q K^T and their product with V: each element of Q and of Y meets every key. `past` is the input with earlier keys.
Cost ScaledDotProduct(const ir::Node& node, const Sizes& sizes, size_t past) {
  const auto q = sizes.DimsOf(node.input(0));
  const auto k = sizes.DimsOf(node.input(1));
  if (!q || q->size() < 3 || !k || k->size() < 3) return kUnknown;
  uint64_t keys = static_cast<uint64_t>((*k)[k->size() - 2]);
  if (const auto earlier = sizes.DimsOf(node.input(past)); earlier && earlier->size() == 4)
    keys = SaturatingAdd(keys, static_cast<uint64_t>((*earlier)[2]));
  const uint64_t output = node.output(0) && sizes.Elements(node.output(0)) > 0 ? sizes.Elements(node.output(0)) : Product(*q);
  const uint64_t macs = SaturatingMultiply(SaturatingAdd(Product(*q), output), keys);
  const int64_t heads = q->size() == 4 ? (*q)[1] : node.GetInt("q_num_heads", node.GetInt("num_heads", 1));
  const uint64_t rows = SaturatingMultiply(
      static_cast<uint64_t>((*q)[0]),
      SaturatingMultiply(static_cast<uint64_t>(std::max<int64_t>(heads, 1)), static_cast<uint64_t>((*q)[q->size() - 2])));
  return OfMacs(macs, SaturatingMultiply(SaturatingMultiply(rows, keys), 5));  // Softmax
}

Cost Attention(const ir::Node& node, const Sizes& sizes) {
  if (ir::NormalDomain(node.domain).empty()) return ScaledDotProduct(node, sizes, 4);
  // com.microsoft: input [batch, seq, hidden] and one weight [hidden, 3 * hidden] for the three projections.
  const auto x = sizes.DimsOf(node.input(0));
  const auto w = sizes.DimsOf(node.input(1));
  const auto y = sizes.DimsOf(node.output(0));
  if (!x || x->size() != 3 || !w || w->size() != 2 || !y) return kUnknown;
  const uint64_t projections = SaturatingMultiply(Product(*x), static_cast<uint64_t>((*w)[1]));
  const uint64_t scores = SaturatingMultiply(SaturatingMultiply(Product(*y), 2), static_cast<uint64_t>((*x)[1]));
  return OfMacs(SaturatingAdd(projections, scores));
}
Cost MultiHeadAttention(const ir::Node& node, const Sizes& sizes) { return ScaledDotProduct(node, sizes, 6); }
Cost GroupQueryAttention(const ir::Node& node, const Sizes& sizes) { return ScaledDotProduct(node, sizes, 3); }

Cost Pool(const ir::Node& node, const Sizes& sizes) {
  return OfFlops(SaturatingMultiply(sizes.Elements(node.output(0)), Product(node.GetInts("kernel_shape"))));
}

Cost Lrn(const ir::Node& node, const Sizes& sizes) {
  return OfFlops(
      SaturatingMultiply(sizes.Elements(node.output(0)), static_cast<uint64_t>(std::max<int64_t>(node.GetInt("size", 1), 0)) + 3));
}

Cost Interpolation(const ir::Node& node, const Sizes& sizes) {
  const std::string mode = node.GetString("mode", "nearest");
  return OfFlops(SaturatingMultiply(sizes.Elements(node.output(0)), mode == "nearest" ? 0 : mode == "cubic" ? 35 : 7));
}

// 5 n log2 n operations for each transform of length n.
uint64_t FftFlops(uint64_t transforms, double length) {
  if (length < 2) return 0;
  return SaturatingMultiply(transforms, static_cast<uint64_t>(std::min(5 * length * std::log2(length), 1e18)));
}
Cost Dft(const ir::Node& node, const Sizes& sizes) {
  const auto x = sizes.DimsOf(node.input(0));
  if (!x || x->size() < 2) return kUnknown;
  // The axis may be an input since version 20; the second-last, its default, is what nearly every model has.
  int64_t axis = node.GetInt("axis", -2);
  if (axis < 0) axis += static_cast<int64_t>(x->size());
  if (axis < 0 || axis >= static_cast<int64_t>(x->size())) return kUnknown;
  const auto length = static_cast<uint64_t>((*x)[static_cast<size_t>(axis)]);
  const uint64_t transforms = length == 0 ? 0 : Product(*x) / length / static_cast<uint64_t>(std::max<int64_t>(x->back(), 1));
  return OfFlops(FftFlops(transforms, static_cast<double>(length)));
}
Cost Stft(const ir::Node& node, const Sizes& sizes) {
  const auto y = sizes.DimsOf(node.output(0));  // [batch, frames, bins, 2]
  if (!y || y->size() != 4) return kUnknown;
  return OfFlops(
      FftFlops(SaturatingMultiply(static_cast<uint64_t>((*y)[0]), static_cast<uint64_t>((*y)[1])), 2.0 * static_cast<double>((*y)[2])));
}

Cost Determinant(const ir::Node& node, const Sizes& sizes) {
  const auto x = sizes.DimsOf(node.input(0));
  if (!x || x->empty()) return kUnknown;
  return OfFlops(SaturatingMultiply(Product(*x), static_cast<uint64_t>(x->back()) * 2 / 3));
}

uint64_t Samples(const ir::Node& node, const Sizes& sizes) {
  const auto x = sizes.DimsOf(node.input(0));
  return x && x->size() > 1 ? static_cast<uint64_t>(std::max<int64_t>((*x)[0], 0)) : 1;
}

// A sample walks each tree from its root to a leaf; the depth is that of balanced trees.
Cost Trees(const ir::Node& node, const Sizes& sizes) {
  const std::vector<int64_t> roots = node.GetInts("tree_roots");  // TreeEnsemble
  const std::vector<int64_t> ids = node.GetInts("nodes_treeids");
  const size_t trees = roots.empty() ? std::set<int64_t>(ids.begin(), ids.end()).size() : roots.size();
  const size_t nodes = roots.empty() ? ids.size() : node.GetInts("nodes_featureids").size();
  if (trees == 0) return kUnknown;
  const double depth = std::log2(static_cast<double>(nodes) / static_cast<double>(trees) + 1);
  return OfFlops(SaturatingMultiply(Samples(node, sizes), static_cast<uint64_t>(static_cast<double>(trees) * depth)));
}

Cost LinearModel(const ir::Node& node, const Sizes& sizes) {
  return OfMacs(SaturatingMultiply(Samples(node, sizes), node.GetFloats("coefficients").size()));
}
Cost Svm(const ir::Node& node, const Sizes& sizes) {
  const size_t vectors = node.GetFloats("support_vectors").size();
  return OfMacs(SaturatingMultiply(Samples(node, sizes), vectors > 0 ? vectors : node.GetFloats("coefficients").size()));
}

Cost Times(Cost cost, uint64_t rounds) {
  return {SaturatingMultiply(cost.macs, rounds), SaturatingMultiply(cost.flops, rounds), cost.known};
}

Cost Control(const ir::Node& node, const Sizes& sizes) {
  Cost dearest;
  for (const auto& [name, graph] : ir::Subgraphs(node)) {
    const Cost cost = CostOf(*graph, sizes);
    const bool known = dearest.known && cost.known;
    if (cost.flops > dearest.flops) dearest = cost;
    dearest.known = known;
  }
  if (node.op_type == "Loop") {
    const ir::StoredTensor* trips = StoredTensorOf(node.input(0));
    if (trips == nullptr || trips->dtype != DataType::kInt64) return dearest;
    const auto tensor = trips->ToTensor();
    if (!tensor.ok() || tensor->num_elements() != 1) return dearest;
    int64_t count;
    std::memcpy(&count, tensor->raw_data(), sizeof(count));
    // A trip count of the largest int64 is how "until the condition ends it" is written.
    return count > 0 && count < (int64_t{1} << 40) ? Times(dearest, static_cast<uint64_t>(count)) : dearest;
  }
  if (node.op_type == "Scan" && !node.inputs().empty()) {
    const auto x = sizes.DimsOf(node.inputs().back());
    if (x && !x->empty()) return Times(dearest, static_cast<uint64_t>(x->front()));
  }
  return dearest;
}

const std::unordered_map<std::string_view, CostFunction>& Specials() {
  // clang-format off
  static const auto* const kSpecials = new std::unordered_map<std::string_view, CostFunction>{
      {"Conv", Conv}, {"FusedConv", Conv}, {"NhwcConv", Conv}, {"NhwcFusedConv", Conv}, {"DeformConv", Conv},
      {"PointwiseDepthwiseConv", PointwiseDepthwiseConv},
      {"ConvInteger", ConvInteger}, {"QLinearConv", QLinearConv}, {"ConvTranspose", ConvTranspose}, {"MatMul", MatrixProduct},
      {"MatMulInteger", MatrixProduct}, {"QLinearMatMul", MatrixProduct}, {"FusedMatMul", MatrixProduct},
      {"TransposeMatMul", MatrixProduct}, {"MatMulNBits", MatrixProduct}, {"MatMulBnb4", MatrixProduct}, {"MatMulFpQ4", MatrixProduct},
      {"MatMulInteger16", MatrixProduct}, {"MatMulIntegerToFloat", MatrixProduct}, {"DynamicQuantizeMatMul", MatrixProduct},
      {"Gemm", MatrixProduct}, {"QGemm", MatrixProduct}, {"FusedGemm", MatrixProduct}, {"GemmFastGelu", MatrixProduct},
      {"GemmFloat8", MatrixProduct}, {"Linear", MatrixProduct}, {"Einsum", Einsum}, {"LSTM", Recurrent}, {"GRU", Recurrent}, {"RNN", Recurrent},
      {"DynamicQuantizeLSTM", Recurrent}, {"Attention", Attention}, {"QAttention", Attention}, {"FlexAttention", Attention},
      {"MultiHeadAttention", MultiHeadAttention}, {"GroupQueryAttention", GroupQueryAttention}, {"MaxPool", Pool},
      {"AveragePool", Pool}, {"LpPool", Pool}, {"QLinearAveragePool", Pool}, {"NhwcMaxPool", Pool}, {"LRN", Lrn},
      {"Resize", Interpolation}, {"Upsample", Interpolation}, {"DFT", Dft}, {"STFT", Stft}, {"Det", Determinant},
      {"TreeEnsemble", Trees}, {"TreeEnsembleClassifier", Trees}, {"TreeEnsembleRegressor", Trees}, {"LinearClassifier", LinearModel},
      {"LinearRegressor", LinearModel}, {"SVMClassifier", Svm}, {"SVMRegressor", Svm}, {"If", Control}, {"Loop", Control},
      {"Scan", Control}, {"SequenceMap", Control}};
  // clang-format on
  return *kSpecials;
}

}  // namespace

Cost CostOf(const ir::Node& node, const Sizes& sizes) {
  const OpFacts* facts = FindOpFacts(node.op_type);
  // An operator of an unknown domain may share its name with a known one and be anything.
  const std::string_view domain = ir::NormalDomain(node.domain);
  const bool ours = domain.empty() || domain.substr(0, 8) == "ai.onnx." || domain.substr(0, 13) == "com.microsoft" ||
                    domain == "sardonyx";
  if (facts == nullptr || !ours) return kUnknown;
  if (facts->by == CountedBy::kSpecial) {
    const auto special = Specials().find(node.op_type);
    return special == Specials().end() ? kUnknown : special->second(node, sizes);
  }
  if (facts->flops == 0) return {};
  const ir::Value* counted = facts->by == CountedBy::kOutput ? node.output(0) : node.input(0);
  if (!sizes.DimsOf(counted)) return kUnknown;
  // Sum, Max, Min and Mean take any number of inputs.
  const bool variadic = facts->name == "Sum" || facts->name == "Max" || facts->name == "Min" || facts->name == "Mean";
  const uint64_t times = variadic && node.inputs().size() > 1 ? node.inputs().size() - 1 : 1;
  return OfFlops(SaturatingMultiply(SaturatingMultiply(sizes.Elements(counted), static_cast<uint64_t>(facts->flops)), times));
}

Cost CostOf(const ir::Graph& graph, const Sizes& sizes) {
  Cost total;
  for (const auto& node : graph.nodes()) {
    const Cost cost = CostOf(*node, sizes);
    total.macs = SaturatingAdd(total.macs, cost.macs);
    total.flops = SaturatingAdd(total.flops, cost.flops);
    total.known &= cost.known;
  }
  return total;
}

}  // namespace sardonyx::inspect
