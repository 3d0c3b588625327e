// Bodies of the operators that carry a state from one step of a sequence to the next.
#include <fmt/ranges.h>

#include "ops/function_builders.h"

namespace sardonyx::ops::builders {

bool CausalConvWithState(FunctionBuilder& b) {
  // Depthwise: as many groups as channels, which Conv takes as an attribute.
  std::optional<int64_t> channels = b.InputDim(0, 1);
  if (!channels) channels = b.InputDim(1, 0);
  if (!channels) return false;
  const std::string axis = b.Ints({2});
  b.Add("kernel_size = Shape <start = 2, end = 3> (weight)");
  b.Add("state_size = Sub (kernel_size, {})", b.Ints({1}));
  if (b.HasInput(3)) {
    b.Add("past = Identity (past_state)");
  } else {
    b.Add("rows = Shape <start = 0, end = 2> (input)");
    b.Add("state_shape = Concat <axis = 0> (rows, state_size)");
    b.Add("past = Expand ({}, state_shape)", b.NumberLike(0, "input"));
  }
  b.Add("extended = Concat <axis = 2> (past, input)");
  b.Add("length = Shape <start = 2, end = 3> (extended)");
  b.Add("state_begin = Sub (length, state_size)");
  b.Add("present_state = Slice (extended, state_begin, length, {})", axis);
  const std::string activation = b.String("activation", "none");
  const bool swish = activation == "silu" || activation == "swish";
  b.Add("{} = Conv <group = {}> (extended, weight{})", swish ? "convolved" : "output", *channels, b.HasInput(2) ? ", bias" : "");
  if (swish) b.Add("output = Swish (convolved)");
  return true;
}

// A Scan over the sequence, in float so that narrow types do not add up their roundings. Names: q, k, v, g (decay),
// u (update rate).
bool LinearAttention(FunctionBuilder& b) {
  const int64_t q_heads = b.Int("q_num_heads"), kv_heads = b.Int("kv_num_heads");
  if (kv_heads < 1 || q_heads < kv_heads || q_heads % kv_heads != 0) return false;
  const std::string rule = b.String("update_rule");
  const bool gated = rule == "gated" || rule == "gated_delta", delta = rule == "delta" || rule == "gated_delta";
  if ((gated && !b.HasInput(4)) || (delta && !b.HasInput(5))) return false;
  const std::string like = b.HasInput(3) ? "past_state" : "query";  // the state's type
  const bool is_double = b.InputDtype(0) == DataType::kDouble || b.InputDtype(3) == DataType::kDouble;
  const int precise = static_cast<int>(is_double ? DataType::kDouble : DataType::kFloat);
  const std::string heads = b.Ints({0, 0, kv_heads, -1}), column = b.Ints({-1}), row = b.Ints({-2});
  const auto split = [&](std::string_view input, std::string_view name, std::string_view shape,
                         std::string_view permutation = "1, 0, 2, 3") {
    b.Add("{}_split = Reshape ({}, {})", name, input, shape);
    b.Add("{0}_by_time = Transpose <perm = [{1}]> ({0}_split)", name, permutation);
    b.Add("{0} = Cast <to = {1}> ({0}_by_time)", name, precise);
  };
  // [time, batch, kv head, query heads that share it, d_k], and [time, batch, kv head, size].
  split("query", "q", b.Ints({0, 0, kv_heads, q_heads / kv_heads, -1}), "1, 0, 2, 3, 4");
  split("key", "k", heads);
  split("value", "v", heads);
  if (gated) split("decay", "g", heads);
  if (delta) split("beta", "u", b.Ints({0, 0, -1, 1}));
  if (b.HasInput(3)) {
    b.Add("initial = Cast <to = {}> (past_state)", precise);
  } else {
    b.Add("batch = Shape <start = 1, end = 2> (k)");
    b.Add("head_size = Shape <start = 3, end = 4> (k)");
    b.Add("value_size = Shape <start = 3, end = 4> (v)");
    b.Add("state_shape = Concat <axis = 0> (batch, {}, head_size, value_size)", b.Ints({kv_heads}));
    b.Add("initial = Expand ({}, state_shape)", b.NumberLike(0, "k"));
  }
  std::vector<std::string> sequences = {"q", "k", "v"}, steps = {"q_t", "k_t", "v_t"};
  if (gated) sequences.push_back("g"), steps.push_back("g_t");
  if (delta) sequences.push_back("u"), steps.push_back("u_t");
  std::string lines = fmt::format("k_column = Unsqueeze (k_t, {}) v_row = Unsqueeze (v_t, {})", column, row);
  lines += gated ? fmt::format(" gate = Exp (g_t) gate_column = Unsqueeze (gate, {}) kept = Mul (gate_column, state)", column)
                 : std::string(" kept = Identity (state)");
  if (delta) {
    lines += fmt::format(" k_row = Unsqueeze (k_t, {}) recalled = MatMul (k_row, kept) error = Sub (v_row, recalled)", row);
    lines += fmt::format(" rate = Unsqueeze (u_t, {}) written = Mul (rate, error)", column);
  } else {
    lines += " written = Identity (v_row)";
  }
  lines += " change = Mul (k_column, written) next = Add (kept, change) o_t = MatMul (q_t, next)";
  b.Add("final, o = Scan <num_scan_inputs = {}, body = step (state, {}) => (next, o_t) {{ {} }}> (initial, {})", sequences.size(),
        fmt::join(steps, ", "), lines, fmt::join(sequences, ", "));
  b.Add("present_state = CastLike (final, {})", like);
  b.Add("o_by_batch = Transpose <perm = [1, 0, 2, 3, 4]> (o)");
  b.Add("o_packed = Reshape (o_by_batch, {})", b.Ints({0, 0, -1}));
  if (b.Float("scale") != 0) {
    b.Add("scale = Constant <value_float: float = @scale> ()");
  } else {
    b.Add("d_k = Shape <start = 4, end = 5> (q)");
    b.Add("d_k_double = Cast <to = 11> (d_k)");
    b.Add("d_k_root = Sqrt (d_k_double)");
    b.Add("scale = Reciprocal (d_k_root)");
  }
  b.Add("scale_like = CastLike (scale, o_packed)");
  b.Add("o_scaled = Mul (o_packed, scale_like)");
  b.Add("output = CastLike (o_scaled, query)");
  return true;
}

}  // namespace sardonyx::ops::builders
