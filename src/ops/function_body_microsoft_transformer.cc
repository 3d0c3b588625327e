// Bodies of com.microsoft's operators of transformer models: embeddings, quantized attention, position biases, spectra.
#include <fmt/ranges.h>

#include "ops/function_builders.h"

namespace sardonyx::ops::builders {
namespace {

// The inputs of EmbedLayerNormalization, once they are float tables.
struct Embedding {
  std::string words, positions, segments, gamma, beta;  // segments empty: none
  size_t mask, position_ids;                            // inputs
  std::string output, mask_index;
};

bool Embed(FunctionBuilder& b, const Embedding& e) {
  b.Add("word_rows = Gather <axis = 0> ({}, input_ids)", e.words);
  if (e.position_ids != 0 && b.HasInput(e.position_ids)) {
    b.Add("position_index = Identity (position_ids)");
  } else {
    const std::string zero = b.Scalar(0), one = b.Scalar(1), first = b.Ints({0});
    b.Add("length = Shape <start = 1, end = 2> (input_ids)");
    b.Add("length_scalar = Squeeze (length, {})", first);
    b.Add("position_row = Range ({}, length_scalar, {})", zero, one);
    b.Add("position_index = Unsqueeze (position_row, {})", first);
  }
  b.Add("position_rows = Gather <axis = 0> ({}, position_index)", e.positions);
  b.Add("{} = Add (word_rows, position_rows)", e.segments.empty() ? "embedding_sum" : "two_rows");
  if (!e.segments.empty()) {
    b.Add("segment_rows = Gather <axis = 0> ({}, segment_ids)", e.segments);
    b.Add("embedding_sum = Add (two_rows, segment_rows)");
  }
  b.Add("{} = LayerNormalization <axis = -1, epsilon: float = {:.9}> (embedding_sum, {}, {})", e.output, b.Float("epsilon", 1e-12f),
        e.gamma, e.beta);
  // How many positions of each row count; none where there is no mask.
  const std::string last = b.Ints({-1});
  if (b.HasInput(e.mask)) {
    b.Add("one_like = CastLike ({}, mask)", b.Scalar(1));
    b.Add("is_one = Equal (mask, one_like)");
    b.Add("ones = Cast <to = 6> (is_one)");
    b.Add("{} = ReduceSum <keepdims = 0> (ones, {})", e.mask_index, last);
  } else {
    b.Add("batch = Shape <start = 0, end = 1> (input_ids)");
    b.Add("{} = ConstantOfShape <value = int32[1] {{0}}> (batch)", e.mask_index);
  }
  return true;
}

}  // namespace

bool EmbedLayerNormalization(FunctionBuilder& b) {
  if (b.HasInput(1) != b.HasInput(4)) return false;
  return Embed(
      b, {"word_embedding", "position_embedding", b.HasInput(1) ? "segment_embedding" : "", "gamma", "beta", 7, 8, "output", "mask_index"});
}

bool QEmbedLayerNormalization(FunctionBuilder& b) {
  if (b.HasInput(1) != b.HasInput(4)) return false;
  std::vector<std::string> parts = {"word_embedding", "position_embedding", "gamma", "beta"};
  if (b.HasInput(1)) parts.push_back("segment_embedding");
  // The schema calls the segments' codes as the others call their values.
  for (const std::string& part : parts)
    b.Add("{0}_rows = DequantizeLinear ({1}, {0}_scale, {0}_zero_point)", part, part == "segment_embedding" ? part : part + "_quant");
  return Embed(b, {"word_embedding_rows", "position_embedding_rows", b.HasInput(1) ? "segment_embedding_rows" : "", "gamma_rows",
                   "beta_rows", 7, 0, "layernorm_out", "mask_index_out"});
}

// The quantized product of input and weights, then attention over its thirds.
bool QAttention(FunctionBuilder& b) {
  const int64_t heads = b.Int("num_heads");
  if (heads < 1 || b.Int("do_rotary") != 0 || b.Int("past_present_share_buffer") != 0) return false;
  b.Add("packed = com.microsoft.MatMulIntegerToFloat (input, weight, input_scale, weight_scale, {}, {}, bias)",
        b.HasInput(6) ? "input_zero_point" : "", b.HasInput(7) ? "weight_zero_point" : "");
  b.Add("query, key, value = Split <axis = -1, num_outputs = 3> (packed)");
  if (b.HasInput(8)) {
    const std::string first = b.Ints({0});
    b.Add("past_keys, past_values = Split <axis = 0, num_outputs = 2> (past)");
    b.Add("past_key = Squeeze (past_keys, {})", first);
    b.Add("past_value = Squeeze (past_values, {})", first);
  }
  std::string attributes = fmt::format("num_heads = {}, unidirectional = {}", heads, b.Int("unidirectional") != 0 ? 1 : 0);
  for (const std::string_view name : {"mask_filter_value", "scale"})
    if (b.HasAttribute(name)) attributes += fmt::format(", {0}: float = @{0}", name);
  b.Add("output, present_key, present_value = com.microsoft.MultiHeadAttention <{}> (query, key, value, , {}, , {})", attributes,
        b.HasInput(5) ? "mask_index" : "", b.HasInput(8) ? "past_key, past_value" : ", ");
  if (!b.HasOutput(1)) return true;
  const std::string front = b.Ints({0});
  b.Add("keys = Unsqueeze (present_key, {})", front);
  b.Add("values = Unsqueeze (present_value, {})", front);
  b.Add("present = Concat <axis = 0> (keys, values)");
  return true;
}

// T5's buckets: distances up to half of the buckets one by one, further ones on a logarithmic scale up to max_distance.
bool RelativePositionBias(FunctionBuilder& b) {
  const bool both_ways = b.Int("is_bidirectional") != 0;
  const int64_t max_distance = b.Int("max_distance");
  if (max_distance < 1) return false;
  const std::string zero = b.Scalar(0), one = b.Scalar(1), two = b.Scalar(2), scalar = b.Ints({0});
  b.Add("bucket_count_1d = Shape <start = 0, end = 1> (bias_table)");
  b.Add("all_buckets = Squeeze (bucket_count_1d, {})", scalar);
  b.Add("buckets = {}", both_ways ? fmt::format("Div (all_buckets, {})", two) : "Identity (all_buckets)");
  const std::string no_dims = b.Ints({});
  b.Add("query_scalar = Reshape (query_length, {})", no_dims);
  b.Add("key_scalar = Reshape (key_length, {})", no_dims);
  b.Add("queries_row = Range ({}, query_scalar, {})", zero, one);
  b.Add("queries = Unsqueeze (queries_row, {})", b.Ints({1}));
  b.Add("keys = Range ({}, key_scalar, {})", zero, one);
  b.Add("distance = Sub (keys, queries)");
  if (both_ways) {
    b.Add("ahead = Greater (distance, {})", zero);
    b.Add("offset = Where (ahead, buckets, {})", zero);
    b.Add("n = Abs (distance)");
  } else {
    b.Add("behind = Neg (distance)");
    b.Add("n = Max (behind, {})", zero);
  }
  b.Add("exact = Div (buckets, {})", two);
  b.Add("is_small = Less (n, exact)");
  b.Add("n_float = Cast <to = 1> (n)");
  b.Add("exact_float = Cast <to = 1> (exact)");
  b.Add("n_positive = Max (n_float, {})", b.NumberLike(1, "n_float"));
  b.Add("ratio = Div (n_positive, exact_float)");
  b.Add("ratio_log = Log (ratio)");
  b.Add("limit_ratio = Div ({}, exact_float)", b.NumberLike(static_cast<double>(max_distance), "n_float"));
  b.Add("limit_log = Log (limit_ratio)");
  b.Add("fraction = Div (ratio_log, limit_log)");
  b.Add("rest = Sub (buckets, exact)");
  b.Add("rest_float = Cast <to = 1> (rest)");
  b.Add("step_float = Mul (fraction, rest_float)");
  b.Add("step = Cast <to = 7> (step_float)");
  b.Add("large = Add (exact, step)");
  b.Add("highest = Sub (buckets, {})", one);
  b.Add("large_bounded = Min (large, highest)");
  b.Add("bucket = Where (is_small, n, large_bounded)");
  if (both_ways) b.Add("index = Add (bucket, offset)");
  b.Add("rows = Gather <axis = 0> (bias_table, {})", both_ways ? "index" : "bucket");
  b.Add("by_head = Transpose <perm = [2, 0, 1]> (rows)");
  b.Add("output = Unsqueeze (by_head, {})", scalar);
  return true;
}

bool GatedRelativePositionBias(FunctionBuilder& b) {
  const int64_t heads = b.Int("num_heads");
  if (heads < 1 || b.HasInput(6)) return false;
  b.Add("biased = Add (query_layer, query_bias)");
  b.Add("split = Reshape (biased, {})", b.Ints({0, 0, heads, -1}));
  b.Add("by_head = Transpose <perm = [0, 2, 1, 3]> (split)");
  b.Add("product = MatMul (by_head, weight)");
  b.Add("linear = Add (product, bias)");
  b.Add("halves = Reshape (linear, {})", b.Ints({0, 0, 0, 2, -1}));
  b.Add("sums = ReduceSum <keepdims = 0> (halves, {})", b.Ints({-1}));
  b.Add("gates = Sigmoid (sums)");
  b.Add("gate_u, gate_r = Split <axis = -1, num_outputs = 2> (gates)");
  b.Add("scaled = Mul (gate_r, eco_a)");
  b.Add("less_one = Sub (scaled, {})", b.NumberLike(1, "query_layer"));
  b.Add("gated = Mul (gate_u, less_one)");
  b.Add("gate = Add (gated, {})", b.NumberLike(2, "query_layer"));
  b.Add("output = Mul (gate, rel_pos)");
  return true;
}

// The transform along the last signal_ndim axes: one-sided along the last, then whole along the others.
bool Rfft(FunctionBuilder& b) {
  const std::optional<size_t> rank = b.InputRank(0);
  const int64_t count = b.Int("signal_ndim", 1);
  if (!rank || count < 1 || count > static_cast<int64_t>(*rank) || b.Int("normalized") != 0 || b.Int("onesided", 1) != 1) return false;
  const auto last = static_cast<int64_t>(*rank) - 1;
  b.Add("signal = Unsqueeze (X, {})", b.Ints({-1}));
  std::string from = "signal";
  for (int64_t i = 0; i < count; ++i) {
    const std::string to = i + 1 == count ? "Y" : fmt::format("spectrum_{}", i);
    b.Add("{} = DFT <onesided = {}> ({}, , {})", to, i == 0 ? 1 : 0, from, b.Scalar(last - i));
    from = to;
  }
  return true;
}

// The inverse: whole along the outer axes, then along the last, whose other half is the conjugate of what is given.
bool Irfft(FunctionBuilder& b) {
  const std::optional<size_t> rank = b.InputRank(0);
  const int64_t count = b.Int("signal_ndim", 1);
  if (!rank || *rank < 2 || count < 1 || count > static_cast<int64_t>(*rank) - 1 || b.Int("normalized") != 0 || b.Int("onesided", 1) != 1)
    return false;
  const auto last = static_cast<int64_t>(*rank) - 2;
  std::string from = "X";
  for (int64_t i = count - 1; i > 0; --i) {
    b.Add("partial_{} = DFT <inverse = 1> ({}, , {})", i, from, b.Scalar(last - i));
    from = fmt::format("partial_{}", i);
  }
  const std::string axis = b.Ints({last}), begin = b.Ints({-2}), end = b.Ints({0}), back = b.Ints({-1});
  b.Add("inner = Slice ({}, {}, {}, {}, {})", from, begin, end, axis, back);  // from the last but one down to the second
  b.Add("real, imaginary = Split <axis = -1, num_outputs = 2> (inner)");
  b.Add("negative = Neg (imaginary)");
  b.Add("mirrored = Concat <axis = -1> (real, negative)");
  b.Add("whole = Concat <axis = {}> ({}, mirrored)", last, from);
  b.Add("signal = DFT <inverse = 1> (whole, , {})", b.Scalar(last));
  b.Add("Y = Gather <axis = -1> (signal, {})", b.Scalar(0));
  return true;
}

// GroupQueryAttention that also sees a mask of blocks. The mask comes as one sparse matrix a layout: where the rows begin among
// the columns of its blocks; layouts serve the heads in turn.
bool SparseAttention(FunctionBuilder& b) {
  const int64_t heads = b.Int("num_heads"), block = b.Int("sparse_block_size");
  const std::optional<int64_t> layouts = b.InputDim(5, 0);
  if (!layouts || *layouts < 1 || heads < 1 || heads % *layouts != 0 || block < 1) return false;
  const std::string zero = b.Scalar(0), one = b.Scalar(1), first = b.Ints({0}), second = b.Ints({1}), last = b.Ints({-1}),
                    none = b.Ints({});
  const std::string end = b.Ints({INT64_MAX}), size = b.Scalar(block);
  b.Add("row_begins = Cast <to = 7> (block_row_indices)");
  b.Add("columns = Cast <to = 7> (block_col_indices)");
  b.Add("row_ends = Slice (row_begins, {}, {}, {})", second, end, second);
  b.Add("counts = Slice (row_begins, {}, {}, {})", last, end, second);
  // The row of a column's place: how many rows end before it. Places behind the last go to a row of their own.
  b.Add("place_count = Shape <start = 1, end = 2> (columns)");
  b.Add("place_count_scalar = Reshape (place_count, {})", none);
  b.Add("places = Range ({}, place_count_scalar, {})", zero, one);
  b.Add("used = Less (places, counts)");
  b.Add("places_3d = Unsqueeze (places, {})", b.Ints({0, 2}));
  b.Add("row_ends_3d = Unsqueeze (row_ends, {})", second);
  b.Add("behind = GreaterOrEqual (places_3d, row_ends_3d)");
  b.Add("behind_count = Cast <to = 7> (behind)");
  b.Add("rows = ReduceSum <keepdims = 0> (behind_count, {})", last);
  b.Add("block_count = Shape <start = 1, end = 2> (row_ends)");
  b.Add("rows_used = Where (used, rows, block_count)");
  b.Add("columns_used = Where (used, columns, {})", zero);
  b.Add("layout_range = Range ({}, {}, {})", zero, b.Scalar(*layouts), one);
  b.Add("layout_column = Unsqueeze (layout_range, {})", second);
  b.Add("places_shape = Shape (columns)");
  b.Add("layout_index = Expand (layout_column, places_shape)");
  for (const std::string_view part : {"layout_index", "rows_used", "columns_used"}) b.Add("{0}_last = Unsqueeze ({0}, {1})", part, last);
  b.Add("indices = Concat <axis = -1> (layout_index_last, rows_used_last, columns_used_last)");
  b.Add("rows_and_one = Add (block_count, {})", second);
  b.Add("mask_shape = Concat <axis = 0> ({}, rows_and_one, block_count)", b.Ints({*layouts}));
  b.Add("no_blocks = Expand ({}, mask_shape)", zero);
  b.Add("ones = Expand ({}, places_shape)", one);
  b.Add("blocks_and_row = ScatterND (no_blocks, indices, ones)");
  b.Add("blocks = Slice (blocks_and_row, {}, block_count, {})", first, second);
  // Which block each query and each key stands in.
  b.Add("queries = Shape <start = 1, end = 2> (query)");
  b.Add("queries_scalar = Reshape (queries, {})", none);
  b.Add("total_wide = Cast <to = 7> (total_sequence_length)");
  b.Add("total = Reshape (total_wide, {})", none);
  b.Add("lengths = Cast <to = 7> (key_total_sequence_lengths)");
  b.Add("past = Sub (lengths, queries)");
  b.Add("is_prompt = Equal (total, queries_scalar)");
  b.Add("past_or_none = Where (is_prompt, {}, past)", zero);
  b.Add("past_column = Unsqueeze (past_or_none, {})", second);
  b.Add("steps = Range ({}, queries_scalar, {})", zero, one);
  b.Add("positions = Add (past_column, steps)");
  b.Add("query_block = Div (positions, {})", size);
  b.Add("key_positions = Range ({}, total, {})", zero, one);
  b.Add("key_block = Div (key_positions, {})", size);
  b.Add("query_rows = Gather <axis = 1> (blocks, query_block)");
  b.Add("seen = Gather <axis = 3> (query_rows, key_block)");
  b.Add("is_seen = Cast <to = 9> (seen)");
  b.Add("bias_by_layout = Where (is_seen, {}, {})", b.NumberLike(0, "query"), b.NumberLike(-3e38, "query"));
  b.Add("bias_once = Transpose <perm = [1, 0, 2, 3]> (bias_by_layout)");
  b.Add("bias = Tile (bias_once, {})", b.Ints({1, heads / *layouts, 1, 1}));
  b.Add("last_positions = Sub (lengths, {})", one);
  b.Add("seqlens = Cast <to = 6> (last_positions)");
  std::string attributes = fmt::format("num_heads = {}, kv_num_heads = {}, do_rotary = {}, rotary_interleaved = {}", heads,
                                       b.Int("kv_num_heads"), b.Int("do_rotary"), b.Int("rotary_interleaved"));
  if (b.HasAttribute("scale")) attributes += ", scale: float = @scale";
  b.Add(
      "output, present_key, present_value = com.microsoft.GroupQueryAttention <{}> (query, {}, {}, past_key, past_value, seqlens, "
      "total_sequence_length, {}, {}, , bias)",
      attributes, b.HasInput(1) ? "key" : "", b.HasInput(2) ? "value" : "", b.HasInput(9) ? "cos_cache" : "",
      b.HasInput(10) ? "sin_cache" : "");
  return true;
}

}  // namespace sardonyx::ops::builders
