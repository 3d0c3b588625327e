// Bodies of Attention, FlexAttention and RotaryEmbedding.
#include <limits>

#include "ops/function_builders.h"

namespace sardonyx::ops::builders {
namespace {

// Heads of a rank-3 input [batch, sequence, heads * size] as [batch, heads, sequence, size]; a rank-4 one is that already.
void SplitHeads(FunctionBuilder& b, std::string_view input, std::string_view output, std::string_view heads_attribute, bool packed) {
  if (!packed) return b.Add("{} = Identity ({})", output, input);
  b.Add("{}_heads = Reshape ({}, {})", output, input, b.Ints({0, 0, b.Int(heads_attribute), -1}));
  b.Add("{0} = Transpose <perm = [0, 2, 1, 3]> ({0}_heads)", output);
}

// `key` and `value` [batch, kv heads, ...] with each head repeated for the query heads that share it, as `k` and `v`.
void RepeatHeads(FunctionBuilder& b, std::string_view query, std::string_view key, std::string_view value) {
  const std::string axis = b.Ints({2}), one = b.Ints({1});
  b.Add("q_head_count = Shape <start = 1, end = 2> ({})", query);
  b.Add("kv_head_count = Shape <start = 1, end = 2> ({})", key);
  b.Add("group = Div (q_head_count, kv_head_count)");
  b.Add("group_shape = Concat <axis = 0> ({0}, {0}, group, {0}, {0})", one);
  for (const auto& [from, to] : {std::pair(key, "k"), std::pair(value, "v")}) {
    b.Add("{}_grouped = Unsqueeze ({}, {})", to, from, axis);
    b.Add("{0}_repeated = Expand ({0}_grouped, group_shape)", to);
    b.Add("{}_batch = Shape <start = 0, end = 1> ({})", to, from);
    b.Add("{}_rest = Shape <start = 2, end = 4> ({})", to, from);
    b.Add("{0}_shape = Concat <axis = 0> ({0}_batch, q_head_count, {0}_rest)", to);
    b.Add("{0} = Reshape ({0}_repeated, {0}_shape)", to);
  }
}

// scores = query * key^T * scale, the scale shared by both sides so that neither overflows.
void Scores(FunctionBuilder& b, std::string_view query) {
  if (b.HasAttribute("scale")) {
    b.Add("scale_given = Constant <value_float: float = @scale> ()");
    b.Add("scale_double = Cast <to = 11> (scale_given)");
  } else {
    b.Add("head_size = Shape <start = 3, end = 4> ({})", query);
    b.Add("head_size_double = Cast <to = 11> (head_size)");
    b.Add("head_size_root = Sqrt (head_size_double)");
    b.Add("scale_double = Reciprocal (head_size_root)");
  }
  b.Add("scale_root_double = Sqrt (scale_double)");
  b.Add("scale_root = CastLike (scale_root_double, {})", query);
  b.Add("q_scaled = Mul ({}, scale_root)", query);
  b.Add("k_transposed = Transpose <perm = [0, 1, 3, 2]> (k)");
  b.Add("k_scaled = Mul (k_transposed, scale_root)");
  b.Add("scores = MatMul (q_scaled, k_scaled)");
}

// Which keys each query may see by position, as conditions [.., queries, keys] joined in `allowed`. False if none.
class PositionMask {
 public:
  explicit PositionMask(FunctionBuilder& b) : b_(b) {}

  bool Write() {
    const bool has_lengths = b_.schema().inputs.size() > 6 && b_.HasInput(6);
    const int64_t left = b_.Int("left_window_size", -1), right = b_.Int("right_window_size", -1);
    const bool causal = b_.Int("is_causal") != 0;
    if (!has_lengths && !causal && left < 0 && right < 0) return false;
    const std::string zero = b_.Scalar(0), one = b_.Scalar(1), scalar = Empty();
    b_.Add("query_count = Shape <start = 2, end = 3> (q)");
    b_.Add("key_count = Shape <start = 2, end = 3> (k)");
    b_.Add("query_count_scalar = Reshape (query_count, {})", scalar);
    b_.Add("key_count_scalar = Reshape (key_count, {})", scalar);
    b_.Add("query_index = Range ({}, query_count_scalar, {})", zero, one);
    b_.Add("key_index = Range ({}, key_count_scalar, {})", zero, one);
    b_.Add("query_column = Unsqueeze (query_index, {})", b_.Ints({1}));
    if (has_lengths) {
      b_.Add("lengths = Unsqueeze (nonpad_kv_seqlen, {})", b_.Ints({1, 2, 3}));
      Allow("Less (key_index, lengths)");
    }
    if (causal || left >= 0 || right >= 0) {
      WriteOffset(has_lengths);
      b_.Add("position = Add (query_column, offset)");
    }
    if (causal) Allow("LessOrEqual (key_index, position)");
    if (left >= 0) {
      b_.Add("leftmost = Sub (position, {})", b_.Scalar(left));
      Allow("GreaterOrEqual (key_index, leftmost)");
    }
    if (right >= 0) {
      b_.Add("rightmost = Add (position, {})", b_.Scalar(right));
      Allow("LessOrEqual (key_index, rightmost)");
    }
    b_.Add("allowed = Identity ({})", allowed_);
    return true;
  }

 private:
  std::string Empty() { return b_.Ints({}); }

  // How many keys come before the first query.
  void WriteOffset(bool has_lengths) {
    if (b_.HasInput(4)) {
      b_.Add("offset = Shape <start = 2, end = 3> (past_key)");
    } else if (has_lengths) {
      b_.Add("offset = Sub (lengths, query_count)");
    } else {
      b_.Add("offset = Identity ({})", b_.Scalar(0));
    }
  }

  void Allow(std::string_view condition) {
    const std::string name = fmt::format("condition_{}", count_);
    b_.Add("{} = {}", name, condition);
    if (count_ > 0) b_.Add("conditions_{} = And ({}, {})", count_, allowed_, name);
    allowed_ = count_ > 0 ? fmt::format("conditions_{}", count_) : name;
    ++count_;
  }

  FunctionBuilder& b_;
  std::string allowed_;
  int count_ = 0;
};

// attn_mask, made as long as the keys where it may be shorter.
std::string PaddedMask(FunctionBuilder& b, bool is_bool) {
  if (b.schema().since_version < 24) return "attn_mask";
  const std::string last = b.Ints({-1});
  b.Add("mask_length = Shape <start = -1> (attn_mask)");
  b.Add("mask_key_count = Shape <start = 2, end = 3> (k)");
  b.Add("mask_lack = Sub (mask_key_count, mask_length)");
  b.Add("mask_pads = Concat <axis = 0> ({}, mask_lack)", b.Ints({0}));
  if (is_bool) {
    b.Add("mask_fill = Constant <value = bool {{0}}> ()");
    b.Add("mask = Pad (attn_mask, mask_pads, mask_fill, {})", last);
  } else {
    b.Add("mask = Pad (attn_mask, mask_pads, {}, {})", b.NumberLike(-std::numeric_limits<double>::infinity(), "attn_mask"), last);
  }
  return "mask";
}

}  // namespace

bool Attention(FunctionBuilder& b) {
  const std::optional<size_t> rank = b.InputRank(0);
  if (!rank || (*rank != 3 && *rank != 4)) return false;
  const bool packed = *rank == 3, has_mask = b.HasInput(3), has_past = b.HasInput(4);
  const DataType mask_type = b.InputDtype(3);
  if (has_mask && mask_type == DataType::kUndefined) return false;
  if (b.HasInput(5) != has_past) return false;  // the past has keys and values, or neither
  SplitHeads(b, "Q", "q", "q_num_heads", packed);
  SplitHeads(b, "K", has_past ? "k_new" : "present_key", "kv_num_heads", packed);
  SplitHeads(b, "V", has_past ? "v_new" : "present_value", "kv_num_heads", packed);
  if (has_past) {
    b.Add("present_key = Concat <axis = 2> (past_key, k_new)");
    b.Add("present_value = Concat <axis = 2> (past_value, v_new)");
  }
  RepeatHeads(b, "q", "present_key", "present_value");
  Scores(b, "q");
  if (const float cap = b.Float("softcap"); cap != 0) {
    b.Add("softcap = Constant <value_float: float = @softcap> ()");
    b.Add("softcap_like = CastLike (softcap, scores)");
    b.Add("scores_over_cap = Div (scores, softcap_like)");
    b.Add("scores_tanh = Tanh (scores_over_cap)");
    b.Add("capped = Mul (scores_tanh, softcap_like)");
  } else {
    b.Add("capped = Identity (scores)");
  }
  const std::string infinity = b.NumberLike(-std::numeric_limits<double>::infinity(), "q");
  std::string biased = "capped";
  if (has_mask) {
    const std::string mask = PaddedMask(b, mask_type == DataType::kBool);
    if (mask_type == DataType::kBool) {
      b.Add("masked = Where ({}, capped, {})", mask, infinity);
    } else {
      b.Add("mask_like = CastLike ({}, q)", mask);
      b.Add("masked = Add (capped, mask_like)");
    }
    biased = "masked";
  }
  if (PositionMask(b).Write()) {
    b.Add("seen = Where (allowed, {}, {})", biased, infinity);
    biased = "seen";
  }
  b.Add("softmax_input = {} ({})", b.HasAttribute("softmax_precision") ? "Cast <to: int = @softmax_precision>" : "Identity", biased);
  b.Add("softmax = Softmax <axis = -1> (softmax_input)");
  b.Add("probability = CastLike (softmax, q)");
  // A query that sees no key gets zeros where Softmax would give NaN.
  b.Add("best = ReduceMax ({}, {})", biased, b.Ints({-1}));
  b.Add("sees_nothing = Equal (best, {})", infinity);
  b.Add("guarded = Where (sees_nothing, {}, probability)", b.NumberLike(0, "q"));
  b.Add("v_like = CastLike (v, q)");
  b.Add("{} = MatMul (guarded, v_like)", packed ? "attended" : "Y");
  if (packed) {
    b.Add("attended_by_position = Transpose <perm = [0, 2, 1, 3]> (attended)");
    b.Add("Y = Reshape (attended_by_position, {})", b.Ints({0, 0, -1}));
  }
  const int64_t mode = b.Int("qk_matmul_output_mode");
  b.Add("qk_matmul_output = Identity ({})", mode == 1 ? "capped" : mode == 2 ? biased : mode == 3 ? "guarded" : "scores");
  return true;
}

bool FlexAttention(FunctionBuilder& b) {
  const DataType dtype = b.InputDtype(0);
  if (dtype == DataType::kUndefined) return false;
  const int64_t precision =
      b.Int("softmax_precision", static_cast<int64_t>(dtype == DataType::kDouble ? DataType::kDouble : DataType::kFloat));
  RepeatHeads(b, "Q", "K", "V");
  Scores(b, "Q");
  b.Add("precise = Cast <to = {}> (scores)", precision);
  b.Add("modified = {} (precise)", b.HasAttribute("score_mod") ? "Subgraph.score_mod" : "Identity");
  b.Add("softmax = Softmax <axis = -1> (modified)");
  b.Add("probability = {} (softmax)", b.HasAttribute("prob_mod") ? "Subgraph.prob_mod" : "Identity");
  b.Add("probability_like = CastLike (probability, V)");
  b.Add("Y = MatMul (probability_like, v)");
  return true;
}

bool RotaryEmbedding(FunctionBuilder& b) {
  const std::optional<size_t> rank = b.InputRank(0);
  if (!rank || (*rank != 3 && *rank != 4)) return false;
  const int64_t rotated = b.Int("rotary_embedding_dim");
  const std::string last = b.Ints({-1}), first = b.Ints({0});
  // [batch, sequence, heads, size]
  if (*rank == 4) {
    b.Add("x = Transpose <perm = [0, 2, 1, 3]> (X)");
  } else {
    b.Add("x = Reshape (X, {})", b.Ints({0, 0, b.Int("num_heads"), -1}));
  }
  b.Add("head_size = Shape <start = 3, end = 4> (x)");
  b.Add("rotated_size = Identity ({})", rotated > 0 ? b.Ints({rotated}) : "head_size");
  b.Add("turning = Slice (x, {}, rotated_size, {})", first, last);
  b.Add("staying = Slice (x, rotated_size, head_size, {})", last);
  for (std::string_view name : {"cos", "sin"}) {
    b.Add("{0}_rows = {1}", name,
          b.HasInput(3) ? fmt::format("Gather ({}_cache, position_ids)", name) : fmt::format("Identity ({}_cache)", name));
    b.Add("{0} = Unsqueeze ({0}_rows, {1})", name, b.Ints({2}));
  }
  const bool interleaved = b.Int("interleaved") != 0;
  if (interleaved) {
    b.Add("pairs = Reshape (turning, {})", b.Ints({0, 0, 0, -1, 2}));
    b.Add("x1_pair, x2_pair = Split <axis = -1, num_outputs = 2> (pairs)");
    b.Add("x1 = Squeeze (x1_pair, {})", last);
    b.Add("x2 = Squeeze (x2_pair, {})", last);
  } else {
    b.Add("x1, x2 = Split <axis = -1, num_outputs = 2> (turning)");
  }
  b.Add("cos_x1 = Mul (cos, x1)");
  b.Add("sin_x2 = Mul (sin, x2)");
  b.Add("real = Sub (cos_x1, sin_x2)");
  b.Add("sin_x1 = Mul (sin, x1)");
  b.Add("cos_x2 = Mul (cos, x2)");
  b.Add("imaginary = Add (sin_x1, cos_x2)");
  if (interleaved) {
    b.Add("real_column = Unsqueeze (real, {})", last);
    b.Add("imaginary_column = Unsqueeze (imaginary, {})", last);
    b.Add("turned_pairs = Concat <axis = -1> (real_column, imaginary_column)");
    b.Add("turning_shape = Shape (turning)");
    b.Add("turned = Reshape (turned_pairs, turning_shape)");
  } else {
    b.Add("turned = Concat <axis = -1> (real, imaginary)");
  }
  b.Add("whole = Concat <axis = -1> (turned, staying)");
  if (*rank == 4) {
    b.Add("Y = Transpose <perm = [0, 2, 1, 3]> (whole)");
  } else {
    b.Add("shape = Shape (X)");
    b.Add("Y = Reshape (whole, shape)");
  }
  return true;
}

}  // namespace sardonyx::ops::builders
