// ONNX Runtime's domains: by functions of inference, and by bodies where an operator has no function.
#include "ops/infer/testing.h"
#include "ops/schema.h"

namespace sardonyx::ops::infer {
namespace {

TEST(OnnxRuntimeInferenceTest, BlockedLayout) {
  for (const OpCase& test : std::initializer_list<OpCase>{
           {17, "float[n,3,h,w] x, float[32,3,3,3] k", "y = com.microsoft.nchwc.Conv <pads = [1, 1, 1, 1]> (x, k)", "float[n,32,h,w]"},
           {17, "float[n,32,h,w] x", "y = com.microsoft.nchwc.ReorderOutput <channels = 24> (x)", "float[n,24,h,w]"},
           {17, "float[n,32,h,w] x", "y = com.microsoft.nchwc.ReorderOutput <channels = 24, channels_last = 1> (x)", "float[n,h,w,24]"},
           {17, "float[n,32,h,w] x", "y = com.microsoft.nchwc.ReorderOutput (x)", "channels = 0 is not positive"},
           {17, "float[n,32,4,5] x", "y = com.microsoft.nchwc.Upsample <scales = [1, 1, 2, 2]> (x)", "float[n,32,8,10]"},
           {17, "float[n,32,4,5] x", "y = com.microsoft.nchwc.Upsample <scales = [1, 1]> (x)", "scales has 2 numbers; expected 4"},
           {17, "float[n,3,h] x", "y = com.microsoft.nchwc.ReorderInput (x)", "rank"},
       })
    Check(test);
}

TEST(OnnxRuntimeInferenceTest, Bodies) {
  for (const OpCase& test : std::initializer_list<OpCase>{
           {17, "float[b,s,8] x, float[8] c", "y = com.microsoft.BiasAdd (x, c, x)", "float[b,s,8]"},
           {17, "uint8[b,s,8] x, uint8[8,24] w, float[24] c, float t", "y = com.microsoft.QAttention <num_heads = 2> (x, w, c, t, t)",
            "float[b,s,8]"},
           {17, "float[3,9] x", "y = com.microsoft.UnfoldTensor <size = 3, step = 2> (x)", "float[3,4,3]"},
           {17, "float[5,4] a, float[6,4] b", "y = com.microsoft.CDist (a, b)", "float[5,6]"},
           {17, "float[2,3,8] x", "y = com.microsoft.Rfft (x)", "float[2,3,5,2]"},
           {17, "float[1,8,8,4] x, float[6,4,3,3] w", "y = com.ms.internal.nhwc.Conv (x, w)", "float[1,6,6,6]"},
           {11, "float[b,s,8] x, float[8] g", "y, m = LayerNormalization (x, g)", "float[b,s,8] float[b,s,1]"},
           {11, "float[b,s,8] x, float[8] g", "y, i = SimplifiedLayerNormalization (x, g)", "float[b,s,8] float[b,s,1]"},
           {1, "float[n,2,h,w] x", "y = ImageScaler <bias = [1.0, 2.0]> (x)", "float[n,2,h,w]"},
       })
    Check(test);
}

TEST(OnnxRuntimeInferenceTest, PackedSequencesAndTokens) {
  for (const OpCase& test : std::initializer_list<OpCase>{
           {17, "float[s,b,3] x, float[2,16,9] w, float[2,16,4] r, float[2,4,5] q, float[2,6,5] m, float[2,5] v, float[b,8,6] memory",
            "y, h, c = com.microsoft.AttnLSTM <direction = \"bidirectional\"> (x, w, r, , , , , , q, m, v, memory)",
            "float[s,2,b,4] float[2,b,4] float[2,b,4]"},
           {17, "int64[8] s, int64[c] t, int64[1] i", "y, at = com.microsoft.BifurcationDetector (s, t, i)", "int64[c] int64[1]"},
           {17, "int32[b,s] x, int32[3] m, int32[4] v",
            "y, p = com.microsoft.NGramHashMapping <max_ngram_size = 3, n_head_per_ngram = 2, pad_id = 0> (x, m, v)",
            "int32[b,s,4] int32[b,2]"},
           {17, "int64[t] x, int64[3] m, int64[4] v, int32[4] l",
            "y, p, g, u = com.microsoft.VarlenNGramHashMapping <max_ngram_size = 3, n_head_per_ngram = 2, pad_id = 0> (x, m, v, l)",
            "int64[t,4] int64[3,2] int32[3,2] int64[3,0,2]"},
           {17, "float[t,4] x, float[4,1,3] w, int32[4] l, float[3,4,2] i", "y, s = com.microsoft.VarlenCausalConvWithState (x, w, l, , i)",
            "float[t,4] float[3,4,2]"},
           {17, "float[t,2,4] q, float[t,4,3] v, int32[4] l, float[t,4] g, float[3,4,3,4] i",
            "y, s = com.microsoft.GatedDeltaNet (q, q, v, l, g, g, i)", "float[t,4,3] float[3,4,3,4]"},
       })
    Check(test);
}

TEST(OnnxRuntimeInferenceTest, Caches) {
  for (const OpCase& test : std::initializer_list<OpCase>{
           {17, "float[b,1,8] q, float[b,2,c,4] p, int32[1] l",
            "y, k, v = com.microsoft.MultiHeadAttention <num_heads = 2> (q, q, q, \"\", \"\", \"\", p, p, l)",
            "float[b,1,8] float[b,2,c,4] float[b,2,c,4]"},
           {17, "float[b,1,8] q, float[b,2,c,4] p, int32[1] l",
            "y, k, v = com.microsoft.DecoderMaskedMultiHeadAttention <num_heads = 2> (q, q, q, \"\", \"\", p, p, l)",
            "float[b,1,8] float[b,2,c,4] float[b,2,c,4]"},
       })
    Check(test);
}

TEST(OnnxRuntimeInferenceTest, Texts) {
  for (const OpCase& test : std::initializer_list<OpCase>{
           {17, "string[n,2] x", "y = ai.onnx.contrib.StringLower (x)", "string[n,2]"},
           {17, "string[n,2] x", "y = ai.onnx.contrib.StringLength (x)", "int64[n,2]"},
           {17, "string[n] x", "y, m = ai.onnx.contrib.GPT2Tokenizer <padding_length = 7> (x)", "int64[n,7] int64[n,7]"},
           {17, "string[2,1] x, string[3] z", "y = ai.onnx.contrib.StringEqual (x, z)", "bool[2,3]"},
       })
    Check(test);
}

TEST(OnnxRuntimeSchemaTest, WhatItAddsIsFoundForRunningOnly) {
  EXPECT_EQ(FindSchema("", "LayerNormalization", 12), nullptr);
  ASSERT_NE(FindRunnableSchema("", "LayerNormalization", 12), nullptr);
  EXPECT_EQ(FindRunnableSchema("", "LayerNormalization", 12)->domain, "onnxruntime");
  EXPECT_EQ(FindRunnableSchema("", "LayerNormalization", 17)->domain, "");
  EXPECT_EQ(FindRunnableSchema("com.microsoft", "LayerNormalization", 1), nullptr);
  EXPECT_EQ(FindRunnableSchema("", "NoSuch", 12), nullptr);
}

}  // namespace
}  // namespace sardonyx::ops::infer
