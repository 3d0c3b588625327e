#include "ops/infer/testing.h"

namespace sardonyx::ops::infer {
namespace {

TEST(ElementwiseInferenceTest, Unary) {
  for (const OpCase& test : std::initializer_list<OpCase>{
           {21, "float[n,3] x", "y = Relu(x)", "float[n,3]"},
           {21, "float[] x", "y = Tanh(x)", "float[...]"},
           {21, "float[2] x", "y = IsNaN(x)", "bool[2]"},
           {21, "bool[2] x", "y = Not(x)", "bool[2]"},
           {21, "float[2] x", "y = Cast <to = 10> (x)", "float16[2]"},
           {5, "float[2] x", "y = Cast <to = \"INT32\"> (x)", "int32[2]"},
           {21, "float[2] x", "y = Cast <to = 99> (x)", "attribute to = 99 is not an element type"},
           {21, "float[2] x, int8[7] t", "y = CastLike(x, t)", "int8[2]"},
           {26, "float[2] x", "y = BitCast <to = 6> (x)", "int32[2]"},
           {26, "float[2] x", "y = BitCast <to = 7> (x)", "cannot see float of 32 bits as int64 of 64 bits"},
           {1, "float[2] x", "y = Clip <max = 6.0, min = 0.0> (x)", "float[2]"},
       })
    Check(test);
}

TEST(ElementwiseInferenceTest, Broadcasting) {
  for (const OpCase& test : std::initializer_list<OpCase>{
           {21, "float[2,1,4] x, float[3,1] y", "z = Add(x, y)", "float[2,3,4]"},
           {21, "float[n,4] x, float[1] y", "z = Mul(x, y)", "float[n,4]"},
           {21, "float[n] x, float[5] y", "z = Sub(x, y)", "float[5]"},
           {21, "float[n] x, float[n] y", "z = Div(x, y)", "float[n]"},
           {21, "float[n] x, float[m] y", "z = Div(x, y)", "float[z_dim0]"},
           {21, "float[0] x, float[1] y", "z = Div(x, y)", "float[0]"},
           {21, "float[] x, float[1] y", "z = Div(x, y)", "float[...]"},
           {21, "float[3] x, float[4] y", "z = Add(x, y)", "[3] and [4] cannot be broadcast: 3 against 4 in axis 0"},
           {21, "float[3] x, float[2,1] y", "z = Greater(x, y)", "bool[2,3]"},
           {21, "bool[3] x, bool[2,1] y", "z = Xor(x, y)", "bool[2,3]"},
           {21, "float[3] x, int64[2,1] y", "z = Pow(x, y)", "float[2,3]"},
           {21, "bool[3] c, float[2,1] x, float y", "z = Where(c, x, y)", "float[2,3]"},
           {21, "float[3] a, float[2,1] b, float[1,1,1] c", "z = Max(a, b, c)", "float[1,2,3]"},
           {21, "float[3] a", "z = Sum(a)", "float[3]"},
           {28, "float[2,3] a, float[2,3] b", "z = SwiGLU(a, b)", "float[2,3]"},
           {28, "float[2,3] a, float[1,3] b", "z = SwiGLU(a, b)", "shapes of A and B: 2 and 1 differ"},
           {21, "float[2,3] x, float[3] s", "z = PRelu(x, s)", "float[2,3]"},
           {21, "float[3] x, float[2,3] s", "z = PRelu(x, s)", "cannot be broadcast"},
           {6, "float[2,3] x, float[2] s", "z = PRelu(x, s)", "float[2,3]"},
       })
    Check(test);
}

TEST(ElementwiseInferenceTest, BroadcastAttributeOfOldOpsets) {
  for (const OpCase& test : std::initializer_list<OpCase>{
           {6, "float[2,3,4,5] x, float[3,4] y", "z = Add <broadcast = 1, axis = 1> (x, y)", "float[2,3,4,5]"},
           {6, "float[2,3,4,5] x, float[5] y", "z = Mul <broadcast = 1> (x, y)", "float[2,3,4,5]"},
           {6, "float[2,3] x, float y", "z = Sub <broadcast = 1> (x, y)", "float[2,3]"},
           {6, "float[2,3] x, float[2,3] y", "z = Div(x, y)", "float[2,3]"},
           {6, "float[2,3] x, float[3] y", "z = Div(x, y)", "without attribute broadcast = 1,: [2,3] and [3] differ in rank"},
           {6, "float[2,3,4,5] x, float[4] y", "z = Add <broadcast = 1, axis = 1> (x, y)",
            "B [4] cannot be broadcast to A [2,3,4,5] at axis 1"},
           {6, "float[2,3] x, float[3] y", "z = Add <broadcast = 1, axis = 7> (x, y)", "axis = 7 does not let B"},
           {1, "float[2,3] x, float[3] y", "z = Greater <broadcast = 1> (x, y)", "bool[2,3]"},
           {6, "float[2,3] x, float[2,3] y", "z = Max(x, y)", "float[2,3]"},
           {6, "float[2,3] x, float[3] y", "z = Max(x, y)", "differ in rank"},
       })
    Check(test);
}

TEST(ReduceInferenceTest, Axes) {
  for (const OpCase& test : std::initializer_list<OpCase>{
           {11, "float[2,n,4] x", "y = ReduceSum <axes = [1]> (x)", "float[2,1,4]"},
           {11, "float[2,n,4] x", "y = ReduceMean <axes = [-1], keepdims = 0> (x)", "float[2,n]"},
           {18, "float[2,n,4] x, int64[1] a = {1}", "y = ReduceMax <keepdims = 0> (x, a)", "float[2,4]"},
           {18, "float[2,n,4] x", "y = ReduceMax(x)", "float[1,1,1]"},
           {18, "float[2,n,4] x", "y = ReduceMax <keepdims = 0> (x)", "float[]"},
           {18, "float[2,n,4] x", "y = ReduceMax <noop_with_empty_axes = 1> (x)", "float[2,n,4]"},
           {18, "float[2,n,4] x, int64[2] a", "y = ReduceMin <keepdims = 0> (x, a)", "float[?]"},
           {18, "float[2,n,4] x, int64[2] a", "y = ReduceMin(x, a)", "float[?,?,?]"},
           {18, "float[2,n,4] x, int64[1] a = {3}", "y = ReduceMin(x, a)", "axes = 3 lies outside [-3, 2]"},
           {18, "float[2,n,4] x, int64[2] a = {1, -2}", "y = ReduceMin(x, a)", "axes names axis 1 twice"},
           {13, "float[2,n] x", "y = ArgMax <axis = 1> (x)", "int64[2,1]"},
           {13, "float[2,n] x", "y = ArgMax <axis = 1, keepdims = 2> (x)", "keepdims = 2 is neither"},
           {13, "float[2,n] x", "y = ArgMin <axis = -2, keepdims = 0> (x)", "int64[n]"},
           {13, "float[2,3] x", "y = Softmax <axis = 2> (x)", "axis = 2 lies outside [-2, 1]"},
           {14, "float[2,3] x, int64 a = {1}", "y = CumSum(x, a)", "float[2,3]"},
           {11, "float[2,9] x, int64[1] k = {4}", "v, i = TopK(x, k)", "float[2,4] int64[2,4]"},
           {11, "float[2,3] x, int64[1] k = {4}", "v, i = TopK(x, k)", "k = 4 is greater than the size 3 of axis 1"},
           {9, "float[2,9] x", "v, i = TopK <k = 4, axis = 0> (x)", "k = 4 is greater than the size 2 of axis 0"},
           {11, "float[2,9] x, int64[1] k", "v, i = TopK(x, k)", "float[2,v_k] int64[2,v_k]"},
       })
    Check(test);
}

}  // namespace
}  // namespace sardonyx::ops::infer
