#include "optimize/passes/passes.h"

#include "optimize/passes/elementwise.h"
#include "optimize/rewrite/fold.h"

namespace sardonyx::optimize {

std::span<const Pass> AllPasses() {
  static const Pass kPasses[] = {
      {"fold-constants", 1, "nodes whose inputs are known, and sizes that follow from the inputs' shapes, become constants", {}, FoldConstants},
      {"dead-nodes", 1, "nodes that no output needs go", {}, RemoveDeadNodes},
      {"share-equal", 1, "nodes that compute the same become one", {}, ShareEqualNodes},
      {"clean", 1, "nodes that change nothing go; chains of Reshape and of Transpose become one", CleanRules()},
      {"unsigned-codes", 2, "activations that are quantized to int8 become uint8", {}, UseUnsignedCodes},
      {"quantized", 2, "operators of 8-bit numbers from float ones between DequantizeLinear and QuantizeLinear", QuantizedRules()},
      {"quantized-to-float", 2, "products of 8-bit numbers whose result is float", QuantizedToFloatRules()},
      {"dynamic-quantized", 2, "MatMulIntegerToFloat from MatMulInteger and what scales its result", DynamicQuantizedRules()},
      {"fold-dequantized", 1, "DequantizeLinear of constants, where no operator of 8-bit numbers took it", {}, FoldDequantized},
      {"activation", 2, "Gelu, Swish and HardSwish from the operators that exporters write for them", ActivationRules()},
      {"normalization", 2, "LayerNormalization and RMSNormalization from the operators that exporters write for them", NormalizationRules()},
      {"linear", 2, "products by weights become Linear, which takes constants before and behind it", LinearRules()},
      {"rotary", 2, "RotaryEmbedding from products with cosines and sines", RotaryRules()},
      {"attention-keys", 2, "transposed keys take the form that the next pass looks for", AttentionPrepareRules()},
      {"attention-reshapes", 2, "what that left over", ReshapeRules()},
      {"attention", 2, "Attention from products, scale, mask and softmax", AttentionRules()},
      {"window-attention", 2, "Attention of windows that are masked apart from their bias", WindowAttentionRules()},
      {"attention-queries", 2, "Attention reads queries whose heads lie next to each other", AttentionQueryRules()},
      {"attention-cache", 2, "Attention with the cache that it appends to, and with heads that share their keys", AttentionCacheRules()},
      {"attention-heads", 2, "Attention reads keys and values whose heads lie next to each other", AttentionKeyRules()},
      {"clean-again", 1, "what the passes before left over", CleanRules()},
      {"linear-again", 2, "what the passes before left to Linear", LinearRules()},
      {"conv-fold", 1, "BatchNormalization, Mul and Add by constants go into the weights of the convolution before", ConvFoldRules()},
      {"conv-fuse", 2, "a convolution with the sum and the activation after it", ConvFuseRules()},
      {"conv-expand", 2, "a pointwise convolution and the depthwise one that alone reads it", ConvExpandRules()},
      {"linear-fuse", 2, "a Linear with the sum and the activation after it", LinearFuseRules()},
      {"half-weights", 2, "weights of Linear that are float16 in value are float16", {}, KeepHalfWeights},
      {"elementwise", 2, "chains of element-wise operators become one pass over memory", {}, FuseElementwise},
      {"share-equal-again", 1, "nodes that compute the same become one", {}, ShareEqualNodes},
      {"dead-nodes-again", 1, "nodes that no output needs go", {}, RemoveDeadNodes},
  };
  return kPasses;
}

}  // namespace sardonyx::optimize
