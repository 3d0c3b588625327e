// MoE and QMoE of com.microsoft: each row goes through the feed-forward networks of the experts that its router prefers.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "kernels/elementwise/math.h"
#include "kernels/gemm/gemm_f32.h"
#include "kernels/gemm/matmul_i8.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/matrix.h"
#include "providers/cpu/widened.h"
#include "providers/cpu/workspace.h"

namespace sardonyx::cpu {
namespace {

// The three products of an expert: in, out, and the gate's linear side (FC3). Its inputs, and its bits when quantized.
struct Layer {
  size_t weights, bias;
  size_t scales = 0, zero_points = 0;  // 0: not quantized
  int64_t bits = 0;
};

enum class ExpertActivation : uint8_t { kRelu, kGelu, kSilu, kSwiglu, kIdentity };

struct State {
  Layer fc1, fc2, fc3;
  bool quantized = false;
  size_t router_weights = 0;  // an input; 0: none
  int64_t top = 1, block_size = 0, swiglu_fusion = 0;
  bool normalize = false;
  bool softmax_of_chosen = false;
  ExpertActivation activation = ExpertActivation::kRelu;
  float alpha = 1, beta = 0, limit = std::numeric_limits<float>::infinity();
};

bool Has(const KernelContext& context, size_t i) { return i != 0 && i < context.num_inputs() && context.has_input(i); }

struct Sizes {
  int64_t rows = 0, hidden = 0, inner = 0, experts = 0;
  int64_t fc1_columns = 0;  // inner, or twice as many where FC1 holds both sides of a gate
};

// Weights [experts, columns, depth] of a layer, checked with their bias and scales.
Status CheckLayer(const KernelContext& context, const State& state, const Layer& layer, int64_t experts, int64_t columns, int64_t depth) {
  const TensorView& w = context.input(layer.weights);
  const int64_t stored = state.quantized ? depth * layer.bits / 8 : depth;
  if (w.dtype != (state.quantized ? DataType::kUint8 : DataType::kFloat) || !(w.dims == Dims{experts, columns, stored}))
    return Invalid(fmt::format("weights {} must be [{},{},{}]", w.TypeString(), experts, columns, stored));
  if (Has(context, layer.bias) &&
      (context.input(layer.bias).dtype != DataType::kFloat || context.input(layer.bias).num_elements() != experts * columns))
    return Invalid(fmt::format("bias {} must be [{},{}]", context.input(layer.bias).TypeString(), experts, columns));
  if (!state.quantized) return Status();
  const int64_t blocks = state.block_size > 0 ? depth / state.block_size : 1;
  if (state.block_size > 0 && depth % state.block_size != 0)
    return Invalid(fmt::format("{} inputs do not fall into blocks of {}", depth, state.block_size));
  if (!Has(context, layer.scales) || context.input(layer.scales).dtype != DataType::kFloat ||
      context.input(layer.scales).num_elements() != experts * columns * blocks)
    return Invalid(fmt::format("scales must be [{},{},{}]", experts, columns, blocks));
  if (!Has(context, layer.zero_points)) return Status();
  const int64_t bytes = state.block_size > 0 ? columns * ((blocks * layer.bits + 7) / 8) : (columns * layer.bits + 7) / 8;
  const TensorView& zeros = context.input(layer.zero_points);
  if (zeros.dtype != DataType::kUint8 || zeros.num_elements() != experts * bytes)
    return Invalid(fmt::format("zero points {} must have {} bytes an expert", zeros.TypeString(), bytes));
  return Status();
}

StatusOr<Sizes> Plan(const KernelContext& context, const State& state) {
  const TensorView &x = context.input(0), &router = context.input(1);
  Sizes s;
  if (x.rank() != 2 && x.rank() != 3) return Invalid(fmt::format("input {} must have rank 2 or 3", x.TypeString()));
  s.hidden = x.dims[x.rank() - 1];
  s.rows = x.dims.Product(0, x.rank() - 1);
  if (router.rank() != 2 || router.dims[0] != s.rows || router.dtype != DataType::kFloat || x.dtype != DataType::kFloat)
    return Invalid(fmt::format("router_probs {} must be [{}, experts]", router.TypeString(), s.rows));
  s.experts = router.dims[1];
  if (state.top > s.experts) return Invalid(fmt::format("the best {} of {} experts", state.top, s.experts));
  if (Has(context, state.router_weights) && !(context.input(state.router_weights).dims == router.dims))
    return Invalid("router_weights must have the dims of router_probs");
  const Dims& w = context.input(state.fc1.weights).dims;
  if (w.rank() != 3) return Invalid(fmt::format("fc1_experts_weights {} must have rank 3", w.ToString()));
  s.fc1_columns = w[1];
  const bool both = state.activation == ExpertActivation::kSwiglu && state.swiglu_fusion != 0;
  s.inner = both ? s.fc1_columns / 2 : s.fc1_columns;
  if (both && s.fc1_columns % 2 != 0) return Invalid("fc1_experts_weights of an odd number of columns");
  if (state.activation == ExpertActivation::kSwiglu && !both && !Has(context, state.fc3.weights))
    return Invalid("swiglu without fusion needs FC3");
  RETURN_IF_ERROR(CheckLayer(context, state, state.fc1, s.experts, s.fc1_columns, s.hidden));
  RETURN_IF_ERROR(CheckLayer(context, state, state.fc2, s.experts, s.hidden, s.inner));
  if (Has(context, state.fc3.weights)) RETURN_IF_ERROR(CheckLayer(context, state, state.fc3, s.experts, s.inner, s.hidden));
  return s;
}

// For each row its best experts and their shares.
void Route(const KernelContext& context, const State& state, const Sizes& s, int32_t* chosen, float* shares) {
  const float* router = context.input(1).ptr<float>();
  const float* weights = Has(context, state.router_weights) ? context.input(state.router_weights).ptr<float>() : nullptr;
  std::vector<int32_t> order(static_cast<size_t>(s.experts));
  for (int64_t row = 0; row < s.rows; ++row) {
    const float* scores = router + row * s.experts;
    std::iota(order.begin(), order.end(), 0);
    const auto rank = [&](int32_t e) { return std::isnan(scores[e]) ? -std::numeric_limits<float>::infinity() : scores[e]; };
    std::partial_sort(order.begin(), order.begin() + state.top, order.end(),
                      [&](int32_t a, int32_t b) { return rank(a) > rank(b) || (rank(a) == rank(b) && a < b); });
    std::copy_n(order.begin(), state.top, chosen + row * state.top);
    float* share = shares + row * state.top;
    if (weights) {
      for (int64_t i = 0; i < state.top; ++i) share[i] = weights[row * s.experts + order[static_cast<size_t>(i)]];
      if (!state.normalize) continue;
      const float sum = std::accumulate(share, share + state.top, 0.0f);
      for (int64_t i = 0; i < state.top; ++i) share[i] = sum != 0 ? share[i] / sum : 0;
      continue;
    }
    // The softmax over all experts, or over the chosen ones alone when they are normalized.
    const bool chosen_only = state.normalize || state.softmax_of_chosen;
    const float highest = scores[order[0]];
    float sum = 0;
    for (int64_t e = 0; e < (chosen_only ? state.top : s.experts); ++e)
      sum += std::exp(scores[chosen_only ? order[static_cast<size_t>(e)] : e] - highest);
    for (int64_t i = 0; i < state.top; ++i) share[i] = std::exp(scores[order[static_cast<size_t>(i)]] - highest) / sum;
  }
}

float Activate(ExpertActivation activation, float x) {
  switch (activation) {
    case ExpertActivation::kRelu:
      return std::max(x, 0.0f);
    case ExpertActivation::kGelu:
      return 0.5f * x * (1 + std::tanh(0.79788456f * (x + 0.044715f * x * x * x)));  // as ONNX Runtime's
    case ExpertActivation::kSilu:
      return x / (1 + std::exp(-x));
    default:
      return x;
  }
}

// One expert's buffers in the workspace.
struct Buffers {
  float *rows, *first, *third, *inner, *result, *weights, *zeros;
  char* gemm;
};

class Expert {
 public:
  Expert(KernelContext& context, const State& state, const Sizes& s, const Buffers& buffers, int64_t index)
      : context_(context), state_(state), s_(s), buffers_(buffers), index_(index) {}

  // `count` rows of buffers.rows into buffers.result.
  void Run(int64_t count) {
    Product(state_.fc1, count, s_.fc1_columns, s_.hidden, buffers_.rows, buffers_.first);
    const bool has_third = Has(context_, state_.fc3.weights);
    if (has_third) Product(state_.fc3, count, s_.inner, s_.hidden, buffers_.rows, buffers_.third);
    for (int64_t i = 0; i < count * s_.inner; ++i) buffers_.inner[i] = Combine(i, has_third);
    Product(state_.fc2, count, s_.hidden, s_.inner, buffers_.inner, buffers_.result);
  }

 private:
  float Combine(int64_t i, bool has_third) const {
    if (state_.activation != ExpertActivation::kSwiglu) {
      const float value = Activate(state_.activation, buffers_.first[i]);
      return has_third ? value * buffers_.third[i] : value;
    }
    const int64_t row = i / s_.inner, column = i % s_.inner;
    const float* first = buffers_.first + row * s_.fc1_columns;
    float gate, linear;
    if (state_.swiglu_fusion == 1)
      gate = first[2 * column], linear = first[2 * column + 1];
    else if (state_.swiglu_fusion == 2)
      gate = first[column], linear = first[s_.inner + column];
    else
      gate = first[column], linear = buffers_.third[i];
    gate = std::min(gate, state_.limit);
    linear = std::clamp(linear, -state_.limit, state_.limit);
    return gate / (1 + std::exp(-state_.alpha * gate)) * (linear + state_.beta);
  }

  void Product(const Layer& layer, int64_t count, int64_t columns, int64_t depth, const float* x, float* y) {
    const float* weights =
        state_.quantized ? Dequantize(layer, columns, depth) : context_.input(layer.weights).ptr<float>() + index_ * columns * depth;
    kernels::GemmF32Arguments g{.m = count, .n = columns, .k = depth, .a = {x, depth, 1}};
    g.b = {weights, 1, depth};
    g.c = y;
    g.c_stride = columns;
    if (Has(context_, layer.bias)) g.epilogue.column_bias = context_.input(layer.bias).ptr<float>() + index_ * columns;
    kernels::GemmF32(g, buffers_.gemm, context_.thread_pool());
  }

  const float* Dequantize(const Layer& layer, int64_t columns, int64_t depth) {
    kernels::BlockwiseWeights w{
        .n = columns, .k = depth, .bits = layer.bits, .block_size = state_.block_size > 0 ? state_.block_size : depth};
    const int64_t blocks = w.blocks();
    w.data = context_.input(layer.weights).ptr<uint8_t>() + index_ * columns * (depth * layer.bits / 8);
    w.scales = context_.input(layer.scales).ptr<float>() + index_ * columns * blocks;
    if (Has(context_, layer.zero_points)) {
      // Rows of blocks begin at a byte; single zero points of columns follow each other.
      const int64_t per_byte = 8 / layer.bits, row_bytes = (blocks * layer.bits + 7) / 8;
      const int64_t bytes = state_.block_size > 0 ? columns * row_bytes : (columns * layer.bits + 7) / 8;
      const uint8_t* zeros = context_.input(layer.zero_points).ptr<uint8_t>() + index_ * bytes;
      for (int64_t i = 0; i < columns * blocks; ++i) {
        const int64_t at = state_.block_size > 0 ? i % blocks : i;
        const uint8_t* row = state_.block_size > 0 ? zeros + i / blocks * row_bytes : zeros;
        buffers_.zeros[i] = static_cast<float>(row[at / per_byte] >> (at % per_byte * layer.bits) & ((1 << layer.bits) - 1));
      }
      w.float_zero_points = buffers_.zeros;
    }
    kernels::DequantizeBlockwise(w, buffers_.weights, context_.thread_pool());
    return buffers_.weights;
  }

  KernelContext& context_;
  const State& state_;
  const Sizes& s_;
  const Buffers& buffers_;
  int64_t index_;
};

Status Run(KernelContext& context, const State& state) {
  ASSIGN_OR_RETURN(const Sizes s, Plan(context, state));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, context.input(0).dims));
  std::fill_n(y.mutable_ptr<float>(), y.num_elements(), 0.0f);
  if (s.rows == 0) return Status();
  const int64_t widest = std::max(s.fc1_columns * s.hidden, s.hidden * s.inner);
  const int64_t all_blocks =
      std::max(s.fc1_columns, s.hidden) * (state.block_size > 0 ? std::max(s.hidden, s.inner) / state.block_size + 1 : 1);
  // Products of any row count up to all rows and either shape need at most this.
  size_t gemm_bytes = 0;
  for (const auto& [columns, depth] : {std::pair(s.fc1_columns, s.hidden), std::pair(s.hidden, s.inner)}) {
    kernels::GemmF32Arguments g{.m = s.rows, .n = columns, .k = depth, .b = {nullptr, 1, depth}};
    gemm_bytes = std::max(gemm_bytes, kernels::GemmF32Workspace(g, context.thread_pool().threads()));
  }
  WorkspacePlan plan;
  const size_t chosen = plan.AddArray<int32_t>(s.rows * state.top), shares = plan.AddArray<float>(s.rows * state.top);
  const size_t rows = plan.AddArray<float>(s.rows * s.hidden), first = plan.AddArray<float>(s.rows * s.fc1_columns);
  const size_t third = plan.AddArray<float>(Has(context, state.fc3.weights) ? s.rows * s.inner : 0);
  const size_t inner = plan.AddArray<float>(s.rows * s.inner), result = plan.AddArray<float>(s.rows * s.hidden);
  const size_t weights = plan.AddArray<float>(state.quantized ? widest : 0), zeros = plan.AddArray<float>(state.quantized ? all_blocks : 0);
  const size_t gemm = plan.Add(gemm_bytes), members = plan.AddArray<int64_t>(s.rows);
  ASSIGN_OR_RETURN(char* workspace, plan.Allocate(context));
  const auto floats = [&](size_t offset) { return reinterpret_cast<float*>(workspace + offset); };
  auto* chosen_experts = reinterpret_cast<int32_t*>(workspace + chosen);
  auto* member = reinterpret_cast<int64_t*>(workspace + members);  // places in chosen_experts
  Route(context, state, s, chosen_experts, floats(shares));
  const Buffers buffers{floats(rows),   floats(first),   floats(third), floats(inner),
                        floats(result), floats(weights), floats(zeros), workspace + gemm};
  const float* x = context.input(0).ptr<float>();
  for (int64_t e = 0; e < s.experts; ++e) {
    int64_t count = 0;
    for (int64_t i = 0; i < s.rows * state.top; ++i) {
      if (chosen_experts[i] != e) continue;
      std::copy_n(x + i / state.top * s.hidden, s.hidden, buffers.rows + count * s.hidden);
      member[count++] = i;
    }
    if (count == 0) continue;
    RETURN_IF_ERROR(context.CheckInterrupted());
    Expert(context, state, s, buffers, e).Run(count);
    for (int64_t i = 0; i < count; ++i) {
      float* out = y.mutable_ptr<float>() + member[i] / state.top * s.hidden;
      const float share = floats(shares)[member[i]];
      for (int64_t j = 0; j < s.hidden; ++j) out[j] += share * buffers.result[i * s.hidden + j];
    }
  }
  return Status();
}

StatusOr<State> ReadState(const NodeInfo& node) {
  State state;
  state.top = node.GetInt("k", 1);
  if (state.top < 1) return Invalid(fmt::format("k is {}", state.top));
  if (node.GetInt("use_sparse_mixer") != 0) return Unsupported("experts chosen by the sparse mixer");
  state.normalize = node.GetInt("normalize_routing_weights") != 0;
  state.swiglu_fusion = node.GetInt("swiglu_fusion");
  state.alpha = node.GetFloat("activation_alpha", 1);
  state.beta = node.GetFloat("activation_beta", 0);
  if (node.HasAttribute("swiglu_limit")) state.limit = node.GetFloat("swiglu_limit");
  if (!(state.limit >= 0)) return Invalid(fmt::format("swiglu_limit is {}", state.limit));
  static constexpr std::pair<std::string_view, ExpertActivation> kNames[] = {{"relu", ExpertActivation::kRelu},
                                                                             {"gelu", ExpertActivation::kGelu},
                                                                             {"silu", ExpertActivation::kSilu},
                                                                             {"swiglu", ExpertActivation::kSwiglu},
                                                                             {"identity", ExpertActivation::kIdentity}};
  const std::string name = node.GetString("activation_type", "relu");
  const auto* found = std::find_if(std::begin(kNames), std::end(kNames), [&](const auto& one) { return one.first == name; });
  if (found == std::end(kNames)) return Invalid(fmt::format("activation_type is '{}'", name));
  state.activation = found->second;
  return state;
}

StatusOr<std::unique_ptr<Kernel>> CreateMoe(const NodeInfo& node) {
  ASSIGN_OR_RETURN(State state, ReadState(node));
  state.fc1 = {2, 3}, state.fc2 = {4, 5}, state.fc3 = {6, 7};
  return MakeKernel([state](KernelContext& context) { return Run(context, state); });
}

StatusOr<std::unique_ptr<Kernel>> CreateQMoe(const NodeInfo& node) {
  ASSIGN_OR_RETURN(State state, ReadState(node));
  if (node.GetString("quant_type", "int") != "int")
    return Unsupported(fmt::format("QMoE with quant_type '{}'", node.GetString("quant_type")));
  if (node.GetInt("weights_prepacked", -1) > 0) return Unsupported("QMoE with weights packed for another device");
  const int64_t bits = node.GetInt("expert_weight_bits", 4);
  state.quantized = true;
  // ONNX Runtime takes the softmax of this one over the chosen experts, whatever the attribute says; it only decides on weights
  // that come apart.
  state.softmax_of_chosen = true;
  state.block_size = node.GetInt("block_size");
  state.router_weights = 14;
  state.fc1 = {2, 4, 3, 11, node.GetInt("fc1_expert_weight_bits", bits)};
  state.fc2 = {5, 7, 6, 12, node.GetInt("fc2_expert_weight_bits", bits)};
  state.fc3 = {8, 10, 9, 13, node.GetInt("fc3_expert_weight_bits", bits)};
  for (const Layer& layer : {state.fc1, state.fc2, state.fc3})
    if (layer.bits != 2 && layer.bits != 4 && layer.bits != 8) return Unsupported(fmt::format("QMoE with {} bits", layer.bits));
  return MakeKernel([state](KernelContext& context) { return Run(context, state); });
}

constexpr KernelEntry kRows[] = {
    {"com.microsoft", "MoE", "by expert", AcceptsAll, Widened<CreateMoe>},
    {"com.microsoft", "QMoE", "dequantized", AcceptsAll, Widened<CreateQMoe>},
};

}  // namespace

std::span<const KernelEntry> ExpertKernels() { return kRows; }

}  // namespace sardonyx::cpu
