// Bodies of operators that ONNX Runtime has on GPUs only, in the layouts that mean something elsewhere: 8-bit matrices in row-major
// order, and batches without their padding.
#include "ops/function_builders.h"

namespace sardonyx::ops::builders {
namespace {

// cublasLt's numbers of orders; the others are tiles of one GPU's units.
constexpr int64_t kColumns = 0, kRows = 1;

bool IsRowMajor(const FunctionBuilder& b, std::initializer_list<std::string_view> orders) {
  for (const std::string_view order : orders)
    if (b.Int(order, kRows) != kRows) return false;
  return true;
}

// y as int8 codes of x, with the scale of that name.
void ToCodes(FunctionBuilder& b, std::string_view x, std::string_view scale, std::string_view y) {
  b.Add("{}_zero = Constant <value = int8 {{0}}> ()", y);
  b.Add("{0} = QuantizeLinear ({1}, {2}, {0}_zero)", y, x, scale);
}

// Rows [tokens, hidden] of several sequences, each as long as it is: brought to [batch, length, hidden], attended to, packed again.
void AttendPacked(FunctionBuilder& b, std::string_view query, std::string_view key, std::string_view value, std::string_view bias) {
  const std::string first = b.Ints({0}), second = b.Ints({1}), last = b.Ints({-1}), end = b.Ints({INT64_MAX});
  b.Add("ends = Slice (cumulative_sequence_length, {}, {})", second, end);
  b.Add("begins = Slice (cumulative_sequence_length, {}, {})", first, last);
  b.Add("lengths = Sub (ends, begins)");
  b.Add("padded_query = com.microsoft.RestorePadding ({}, token_offset)", query);
  b.Add("padded_key = com.microsoft.RestorePadding ({}, token_offset)", key);
  b.Add("padded_value = com.microsoft.RestorePadding ({}, token_offset)", value);
  std::string attributes = fmt::format("num_heads = {}", b.Int("num_heads"));
  for (const std::string_view name : {"mask_filter_value", "scale"})
    if (b.HasAttribute(name)) attributes += fmt::format(", {0}: float = @{0}", name);
  const bool biased = b.HasInput(b.schema().name == "PackedAttention" ? 5 : 6);
  b.Add("padded = com.microsoft.MultiHeadAttention <{}> (padded_query, padded_key, padded_value, {}, lengths, {})", attributes, bias,
        biased ? "attention_bias" : "");
  b.Add("output, offsets, sums, longest = com.microsoft.RemovePadding (padded, lengths)");
}

}  // namespace

bool QuantizeWithOrder(FunctionBuilder& b) {
  if (!IsRowMajor(b, {"order_input", "order_output"})) return false;
  b.Add("x = Cast <to = 1> (input)");
  ToCodes(b, "x", "scale_input", "output");
  return true;
}

bool DequantizeWithOrder(FunctionBuilder& b) {
  const int64_t to = b.Int("to");
  if (!IsRowMajor(b, {"order_input", "order_output"}) || (to != 1 && to != 10)) return false;
  b.Add("x = DequantizeLinear (input, scale_input)");
  b.Add("output = Cast <to = {}> (x)", to);
  return true;
}

bool QOrderedGelu(FunctionBuilder& b) {
  if (!IsRowMajor(b, {"order_X", "order_Y"})) return false;
  b.Add("x = DequantizeLinear (X, scale_X)");
  b.Add("y = Gelu (x)");
  ToCodes(b, "y", "scale_Y", "Y");
  return true;
}

bool QOrderedLayerNormalization(FunctionBuilder& b) {
  if (!IsRowMajor(b, {"order_X", "order_Y"})) return false;
  b.Add("x = DequantizeLinear (X, scale_X)");
  b.Add("gamma = Cast <to = 1> (scale)");
  if (b.HasInput(3)) b.Add("beta = Cast <to = 1> (B)");
  b.Add("y = LayerNormalization <axis: int = @axis, epsilon: float = @epsilon> (x, gamma{})", b.HasInput(3) ? ", beta" : "");
  ToCodes(b, "y", "scale_Y", "Y");
  return true;
}

// B is row-major, or column-major: its transpose.
bool QOrderedMatMul(FunctionBuilder& b) {
  const int64_t order_b = b.Int("order_B", kRows);
  if (!IsRowMajor(b, {"order_A", "order_Y"}) || (order_b != kRows && order_b != kColumns)) return false;
  b.Add("a_wide = Cast <to = 1> (A)");
  b.Add("b_wide = Cast <to = 1> (B)");
  if (order_b == kColumns) {
    b.Add("b_matrix = Transpose <perm = [1, 0]> (b_wide)");
  } else {
    b.Add("b_matrix = Identity (b_wide)");
  }
  b.Add("sums = MatMul (a_wide, b_matrix)");
  b.Add("scale = Mul (scale_A, scale_B)");
  b.Add("product = Mul (sums, scale)");
  std::string y = "product";
  if (b.HasInput(5)) {
    b.Add("biased = Add (product, bias)");
    y = "biased";
  }
  if (b.HasInput(6)) {
    b.Add("c_wide = Cast <to = 1> (C)");
    b.Add("c = Mul (c_wide, scale_C)");
    b.Add("summed = Add ({}, c)", y);
    y = "summed";
  }
  ToCodes(b, y, "scale_Y", "Y");
  return true;
}

bool PackedAttention(FunctionBuilder& b) {
  if (b.Int("num_heads") < 1 || b.HasAttribute("qkv_hidden_sizes")) return false;
  b.Add("product = MatMul (input, weights)");
  b.Add("packed = Add (product, bias)");
  b.Add("query, key, value = Split <axis = -1, num_outputs = 3> (packed)");
  AttendPacked(b, "query", "key", "value", "");
  return true;
}

bool PackedMultiHeadAttention(FunctionBuilder& b) {
  if (b.Int("num_heads") < 1 || !b.HasInput(1) || !b.HasInput(2)) return false;
  AttendPacked(b, "query", "key", "value", b.HasInput(3) ? "bias" : "");
  return true;
}

}  // namespace sardonyx::ops::builders
