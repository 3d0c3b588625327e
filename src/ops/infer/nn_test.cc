#include "ops/infer/testing.h"

namespace sardonyx::ops::infer {
namespace {

TEST(NnInferenceTest, Convolutions) {
  for (const OpCase& test : std::initializer_list<OpCase>{
           {22, "float[n,3,224,224] x, float[8,3,7,7] w", "y = Conv <strides = [2, 2], pads = [3, 3, 3, 3]> (x, w)", "float[n,8,112,112]"},
           {22, "float[n,4,w] x, float[8,2,3] k", "y = Conv <group = 2, dilations = [2]> (x, k)", "float[n,8,w-4]"},
           {22, "float[n,3,h,w] x, float[8,3,3,3] k", "y = Conv <auto_pad = \"SAME_UPPER\", strides = [2, 2]> (x, k)",
            "float[n,8,floor((h+1)/2),floor((w+1)/2)]"},
           {22, "float[n,3,9,9] x, float[8,3,3,3] k", "y = Conv <auto_pad = \"VALID\", pads = [1, 1, 1, 1]> (x, k)", "float[n,8,7,7]"},
           {22, "float[] x, float[8,3,3,3] k", "y = Conv(x, k)", "float[?,8,?,?]"},
           {22, "float[n,3,9,h] x, float[32,3,1,1] w, float[32,1,3,3] v",
            "y = sardonyx.PointwiseDepthwiseConv <group = 32, strides = [2, 1], pads = [1, 1, 1, 1]> (x, w, \"\", v)", "float[n,32,5,h]"},
           {22, "float[n,3,9,9] x, float[32,4,1,1] w, float[32,1,3,3] v", "y = sardonyx.PointwiseDepthwiseConv <group = 32> (x, w, \"\", v)",
            "channels of X and of W"},
           {22, "float[n,3,9,9] x, float[] k", "y = Conv <kernel_shape = [3, 3]> (x, k)", "float[n,?,7,7]"},
           {22, "float[1,4,9,9] x, float[8,3,3,3] k", "y = Conv(x, k)",
            "input 0 (X) has 4 channels; input 1 (W) [8,3,3,3] with group = 1 takes 3"},
           {22, "float[1,3,2,2] x, float[8,3,3,3] k", "y = Conv(x, k)", "the window of size 3 does not fit the input of size 2"},
           {22, "float[1,3,9] x, float[8,3,3,3] k", "y = Conv(x, k)", "differ in rank"},
           {22, "float[1,3,9,9] x, float[8,3,3,3] k", "y = Conv <strides = [0, 1]> (x, k)", "strides holds 0"},
           {22, "float[1,3,9,9] x, float[8,3,3,3] k", "y = Conv <strides = [1]> (x, k)", "strides has 1 numbers; expected 2"},
           {22, "float[1,3,9,9] x, float[8,3,3,3] k", "y = Conv <auto_pad = \"SAME\"> (x, k)", "auto_pad = 'SAME' is none of"},
           {22, "float[1,3,9,9] x, float[8,3,3,3] k", "y = Conv <kernel_shape = [5, 5]> (x, k)",
            "kernel_shape and the weights: 5 and 3 differ"},
           {22, "float[n,8,h,w] x, float[8,3,4,4] k", "y = ConvTranspose <strides = [2, 2], pads = [1, 1, 1, 1]> (x, k)",
            "float[n,3,2*h,2*w]"},
           {22, "float[n,8,3,3] x, float[8,3,4,4] k", "y = ConvTranspose <output_shape = [10, 8], strides = [3, 2]> (x, k)",
            "float[n,3,10,8]"},
           {10, "uint8[1,1,3,3] x, uint8[1,1,2,2] w, uint8 z", "y = ConvInteger(x, w, z)", "int32[1,1,2,2]"},
           {10, "uint8[1,1,3,3] x, float s, uint8 z, int8[2,1,2,2] w, int8 v", "y = QLinearConv(x, s, z, w, s, v, s, z)", "uint8[1,2,2,2]"},
           {27, "float[b,c,l] x, float[c,1,4] w", "y, s = CausalConvWithState(x, w)", "float[b,c,l] float[b,c,3]"},
       })
    Check(test);
}

TEST(NnInferenceTest, Poolings) {
  for (const OpCase& test : std::initializer_list<OpCase>{
           {22, "float[n,3,9,9] x", "y, i = MaxPool <kernel_shape = [3, 3], strides = [2, 2]> (x)", "float[n,3,4,4] int64[n,3,4,4]"},
           {22, "float[n,3,8,8] x", "y = AveragePool <kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1> (x)", "float[n,3,4,4]"},
           {22, "float[1,1,2,2] x", "y = MaxPool <kernel_shape = [1, 1], strides = [2, 2], ceil_mode = 1> (x)", "float[1,1,1,1]"},
           {22, "float[n,3,9] x", "y = MaxPool <kernel_shape = [3, 3]> (x)", "kernel_shape has 2 sizes, but input 0 (X) has rank 3"},
           {22, "float[n,3,h,w] x", "y = GlobalAveragePool(x)", "float[n,3,1,1]"},
           {22, "float[1,1,2,2] x, int64[1,1,2,2] i", "y = MaxUnpool <kernel_shape = [2, 2], strides = [2, 2]> (x, i)", "float[1,1,4,4]"},
           {22, "float[n,3,h,w] x, float[r,5] b", "y = MaxRoiPool <pooled_shape = [7, 7]> (x, b)", "float[r,3,7,7]"},
           {22, "float[n,3,h,w] x, float[r,4] b, int64[r] i", "y = RoiAlign <output_height = 7, output_width = 5> (x, b, i)",
            "float[r,3,7,5]"},
       })
    Check(test);
}

TEST(NnInferenceTest, NormalizationsAndLosses) {
  for (const OpCase& test : std::initializer_list<OpCase>{
           {15, "float[n,3,h] x, float[3] s", "y = BatchNormalization(x, s, s, s, s)", "float[n,3,h]"},
           {15, "float[n,4,h] x, float[3] s", "y = BatchNormalization(x, s, s, s, s)",
            "channels of input 0 (X) and size of input 1 (scale): 4 and 3 differ"},
           {15, "float16[n,3,h] x, float[3] s", "y, m, v = BatchNormalization <training_mode = 1> (x, s, s, s, s)",
            "float16[n,3,h] float[3] float[3]"},
           {17, "float16[n,s,8] x, float16[8] w", "y, m, d = LayerNormalization(x, w)", "float16[n,s,8] float[n,s,1] float[n,s,1]"},
           {23, "float16[n,s,8] x, float[8] w", "y = RMSNormalization(x, w)", "float[n,s,8]"},
           {13, "float[n,8] x", "y, m = Dropout(x)", "float[n,8] bool[n,8]"},
           {7, "float[n,8] x", "y, m = Dropout(x)", "float[n,8] float[n,8]"},
           {13, "float[n,5,d] x, int64[n,d] t", "y = NegativeLogLikelihoodLoss <reduction = \"none\"> (x, t)", "float[n,d]"},
           {13, "float[n,5] x, int64[n] t", "y, p = SoftmaxCrossEntropyLoss(x, t)", "float[] float[n,5]"},
           {13, "float[4,5] x, int64[3] t", "y = SoftmaxCrossEntropyLoss(x, t)", "3 and 4 differ"},
       })
    Check(test);
}

TEST(NnInferenceTest, SequencesAndAttention) {
  for (const OpCase& test : std::initializer_list<OpCase>{
           {22, "float[s,b,16] x, float[2,128,16] w, float[2,128,32] r",
            "y, h, c = LSTM <hidden_size = 32, direction = \"bidirectional\"> (x, w, r)", "float[s,2,b,32] float[2,b,32] float[2,b,32]"},
           {22, "float[b,s,16] x, float[1,96,16] w, float[1,96,32] r", "y, h = GRU <hidden_size = 32, layout = 1> (x, w, r)",
            "float[b,s,1,32] float[b,1,32]"},
           {22, "float[s,b,16] x, float[1,32,16] w, float[1,32,32] r", "y = RNN <direction = \"sideways\"> (x, w, r)",
            "is none of forward, reverse"},
           {23, "float[b,8,s,64] q, float[b,2,t,64] k, float[b,2,t,32] v", "y = Attention(q, k, v)", "float[b,8,s,32]"},
           {23, "float[b,s,512] q, float[b,t,128] k, float[b,t,64] v, float[b,2,p,64] pk, float[b,2,p,32] pv",
            "y, a, c = Attention <q_num_heads = 8, kv_num_heads = 2> (q, k, v, \"\", pk, pv)",
            "float[b,s,256] float[b,2,p+t,64] float[b,2,p+t,32]"},
           {23, "float[b,s,512] q, float[b,t,128] k, float[b,t,64] v", "y = Attention(q, k, v)",
            "of rank 3 needs a positive attribute q_num_heads"},
           {23, "float[b,8,s,64] q, float[b,2,t,32] k, float[b,2,t,32] v", "y = Attention(q, k, v)",
            "head sizes of K and Q: 32 and 64 differ"},
           {27, "float[b,t,64] q, float[b,t,64] k, float[b,t,32] v, float[b,t,4] g",
            "y, s = LinearAttention <q_num_heads = 4, kv_num_heads = 4> (q, k, v, \"\", g, g)", "float[b,t,32] float[b,4,16,8]"},
           {27, "float[b,t,64] q, float[b,t,64] k, float[b,t,32] v",
            "y, s = LinearAttention <q_num_heads = 4, kv_num_heads = 4, update_rule = \"gated\"> (q, k, v)", "needs input 4 (decay)"},
           {22, "float[s,b,16] x, float[1,128,16] w, float[1,128,32] r", "y, h, c = LSTM <hidden_size = 31> (x, w, r)",
            "hidden_size and last dim of R: 31 and 32 differ"},
           {23, "float[b,8,s,64] q", "y = ai.onnx.preview.FlexAttention(q, q, q)", "float[b,8,s,64]"},
       })
    Check(test);
}

TEST(NnInferenceTest, MatricesAndQuantization) {
  for (const OpCase& test : std::initializer_list<OpCase>{
           {13, "float[b,m,k] x, float[k,n] y", "z = MatMul(x, y)", "float[b,m,n]"},
           {13, "float[k] x, float[b,k,n] y", "z = MatMul(x, y)", "float[b,n]"},
           {13, "float[k] x, float[k] y", "z = MatMul(x, y)", "float[]"},
           {13, "float x, float[k] y", "z = MatMul(x, y)", "a scalar cannot be multiplied as a matrix"},
           {10, "uint8[2,3] x, int8[3,4] y", "z = MatMulInteger(x, y)", "int32[2,4]"},
           {13, "float[k,m] x, float[n,k] w, float[n] b", "y = Gemm <transA = 1, transB = 1> (x, w, b)", "float[m,n]"},
           {13, "float[2,3] x, float[4,5] w", "y = Gemm(x, w)", "inner sizes of input 0 (A) and input 1 (B): 3 and 4 differ"},
           {13, "float[2,3] x, float[3,5] w, float[4,5] b", "y = Gemm(x, w, b)", "cannot be broadcast"},
           {12, "float[b,i,j] x, float[b,j,k] y", "z = Einsum <equation = \"bij,bjk->bik\"> (x, y)", "float[b,i,k]"},
           {12, "float[a,b,3] x, float[3,4] y", "z = Einsum <equation = \"...j,jk\"> (x, y)", "float[a,b,4]"},
           {12, "float[3,3] x", "z = Einsum <equation = \"ii->i\"> (x)", "float[3]"},
           {12, "float[2,3] x", "z = Einsum <equation = \"ijk->i\"> (x)", "term 'ijk' of the equation does not fit input 0 [2,3]"},
           {12, "float[2,3] x", "z = Einsum <equation = \"ij->k\"> (x)", "the equation's result has 'k', which no input has"},
           {12, "float[2,3] x", "z = Einsum <equation = \"i%\"> (x)", "equation has '%'"},
           {22, "float[b,3,3] x", "y = Det(x)", "float[b]"},
           {21, "float[n] x, float s, int4 z", "y = QuantizeLinear(x, s, z)", "int4[n]"},
           {21, "float[n] x, float s", "y = QuantizeLinear(x, s)", "uint8[n]"},
           {21, "float[n] x, float s", "y = QuantizeLinear <output_dtype = 17> (x, s)", "float8e4m3fn[n]"},
           {21, "int8[n] x, float16 s", "y = DequantizeLinear(x, s)", "float16[n]"},
           {11, "float[n] x", "y, s, z = DynamicQuantizeLinear(x)", "uint8[n] float[] uint8[]"},
       })
    Check(test);
}

}  // namespace
}  // namespace sardonyx::ops::infer
