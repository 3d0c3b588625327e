// Pictures, signals, generators, sequences, text, classical ML, training and com.microsoft.
#include "ops/infer/testing.h"
#include "ops/schema.h"

namespace sardonyx::ops::infer {
namespace {

TEST(InferenceTableTest, EveryStandardOperatorHasAFunction) {
  for (const OpSchema& schema : AllSchemas()) {
    if (!IsStandardDomain(schema.domain)) continue;
    EXPECT_NE(FindInference(schema), nullptr) << schema.domain << "." << schema.name;
  }
}

TEST(FamiliesInferenceTest, PicturesAndSignals) {
  for (const OpCase& test : std::initializer_list<OpCase>{
           {19, "float[n,3,h,w] x, float[4] s = {1, 1, 2, 2}", "y = Resize(x, \"\", s)", "float[n,3,2*h,2*w]"},
           {19, "float[n,3,h,w] x, float[4] s = {1, 1, 0.5, 0.5}", "y = Resize(x, \"\", s)", "float[n,3,floor(h/2),floor(w/2)]"},
           {19, "float[n,3,9,9] x, float[4] s = {1, 1, 0.6, 1.5}", "y = Resize(x, \"\", s)", "float[n,3,5,13]"},
           {19, "float[n,3,9,9] x, int64[2] s = {4, 7}", "y = Resize <axes = [2, 3]> (x, \"\", \"\", s)", "float[n,3,4,7]"},
           {19, "float[1,1,4,2] x, int64[2] s = {8, 8}",
            "y = Resize <axes = [2, 3], keep_aspect_ratio_policy = \"not_larger\"> (x, \"\", \"\", s)", "float[1,1,8,4]"},
           {19, "float[1,1,4,2] x", "y = Resize(x)", "neither scales nor sizes are given"},
           {19, "float[1,1,4,2] x, float[3] s = {1, 1, 2}", "y = Resize(x, \"\", s)", "there are 3 scales for 4 axes"},
           {10, "float[1,1,4,2] x, float[4] s = {1, 1, 2, 3}", "y = Resize(x, s)", "float[1,1,8,6]"},
           {7, "float[1,1,4,2] x", "y = Upsample <scales = [1.0, 1.0, 2.0, 3.0]> (x)", "float[1,1,8,6]"},
           {1, "float[1,1,4,2] x", "y = Upsample <height_scale = 2.0, width_scale = 3.0> (x)", "float[1,1,8,6]"},
           {22, "float[n,3,h,w] x, float[n,5,6,2] g", "y = GridSample(x, g)", "float[n,3,5,6]"},
           {20, "float[n,2,3] t, int64[4] s = {2, 3, 5, 6}", "y = AffineGrid(t, s)", "float[2,5,6,2]"},
           {20, "uint8[n] x", "y = ImageDecoder <pixel_format = \"Grayscale\"> (x)", "uint8[y_height,y_width,1]"},
           {20, "float[b,n,1] x", "y = DFT(x)", "float[b,n,2]"},
           {20, "float[b,16,1] x", "y = DFT <onesided = 1> (x)", "float[b,9,2]"},
           {20, "float[b,9,2] x", "y = DFT <onesided = 1, inverse = 1> (x)", "float[b,16,1]"},
           {17, "float[b,128,1] x, int64 s = {8}, float[16] w", "y = STFT(x, s, w)", "float[b,15,9,2]"},
           {17, "int64 n = {10}", "y = HannWindow(n)", "float[10]"},
           {17, "int64 b = {8}, int64 d = {16}, int64 r = {8192}, float l, float u", "y = MelWeightMatrix(b, d, r, l, u)", "float[9,8]"},
       })
    Check(test);
}

TEST(FamiliesInferenceTest, Generators) {
  for (const OpCase& test : std::initializer_list<OpCase>{
           {21, "", "y = Constant <value_ints = [1, 2, 3]> ()", "int64[3]"},
           {21, "", "y = Constant <value = double[2] {1, 2}> ()", "double[2]"},
           {21, "", "y = Constant()", "has no value"},
           {21, "int64[2] s = {2, 3}", "y = ConstantOfShape(s)", "float[2,3]"},
           {21, "int64[2] s = {2, -3}", "y = ConstantOfShape(s)", "holds -3"},
           {11, "int64 a = {2}, int64 b = {9}, int64 c = {3}", "y = Range(a, b, c)", "int64[3]"},
           {11, "float a = {2}, float b = {9}, float c = {0.5}", "y = Range(a, b, c)", "float[14]"},
           {11, "int64 a = {9}, int64 b = {2}, int64 c = {1}", "y = Range(a, b, c)", "int64[0]"},
           {11, "int64 a, int64 b, int64 c", "y = Range(a, b, c)", "int64[y_count]"},
           {11, "int64[1] a = {2}, int64 b = {9}, int64 c = {3}", "y = Range(a, b, c)", "input 0 (start) has rank 1"},
           {22, "float[2,3] x", "y = EyeLike <dtype = 7> (x)", "int64[2,3]"},
           {22, "", "y = RandomNormal <shape = [2, 3]> ()", "float[2,3]"},
           {22, "double[n] x", "y = Bernoulli(x)", "double[n]"},
           {22, "float[b,9] x", "y = Multinomial <sample_size = 4> (x)", "int32[b,4]"},
       })
    Check(test);
}

TEST(FamiliesInferenceTest, SequencesAndText) {
  for (const OpCase& test : std::initializer_list<OpCase>{
           {11, "float[2,3] x, float[2,4] y", "s = SequenceConstruct(x, y)", "seq(float[2,?])"},
           {11, "float[2] x, double[2] y", "s = SequenceConstruct(x, y)", "elements differ in type"},
           {11, "seq(float[2,3]) s, int64 i", "y = SequenceAt(s, i)", "float[2,3]"},
           {11, "seq(float[2,3]) s, float[2,4] x", "y = SequenceInsert(s, x)", "seq(float[2,?])"},
           {11, "seq(float[2,3]) s", "y = ConcatFromSequence <axis = 1> (s)", "float[2,?]"},
           {11, "seq(float[2,3]) s", "y = ConcatFromSequence <axis = 0, new_axis = 1> (s)", "float[?,2,3]"},
           {11, "float[6,3] x", "y = SplitToSequence <keepdims = 0> (x)", "seq(float[3])"},
           {11, "float[6,3] x, int64 n = {2}", "y = SplitToSequence(x, n)", "seq(float[2,3])"},
           {11, "float[7,3] x, int64 n = {2}", "y = SplitToSequence(x, n)", "seq(float[?,3])"},
           {18, "float[7] x", "y = Optional(x)", "optional(float[7])"},
           {18, "optional(float[7]) x", "y = OptionalGetElement(x)", "float[7]"},
           {18, "optional(float[7]) x", "y = OptionalHasElement(x)", "bool[]"},
           {20, "string[3,1] x, string[2] y", "z = StringConcat(x, y)", "string[3,2]"},
           {20, "string[3] x", "y, n = StringSplit(x)", "string[3,y_pieces] int64[3]"},
           {20, "string[3] x", "y = RegexFullMatch <pattern = \"a\"> (x)", "bool[3]"},
           {10, "string[1,n] x", "y = StringNormalizer(x)", "string[1,n]"},
           {10, "string[2,n] x", "y = StringNormalizer(x)", "has a first dim that is not 1"},
           {9, "int64[b,9] x",
            "y = TfIdfVectorizer <mode = \"TF\", min_gram_length = 1, max_gram_length = 1, max_skip_count = 0, ngram_counts = [0], "
            "ngram_indexes = [0, 1, 2], pool_int64s = [5, 6, 7]> (x)",
            "float[b,3]"},
       })
    Check(test);
}

TEST(FamiliesInferenceTest, ClassicalMlAndTraining) {
  for (const OpCase& test : std::initializer_list<OpCase>{
           {21, "float[n,4] x", "y, z = ai.onnx.ml.LinearClassifier <classlabels_ints = [0, 1, 2], coefficients = [1.0]> (x)",
            "int64[n] float[n,3]"},
           {21, "float[n,4] x", "y, z = ai.onnx.ml.SVMClassifier <classlabels_strings = [\"a\", \"b\"]> (x)", "string[n] float[n,2]"},
           {21, "int64[n,4] x", "y = ai.onnx.ml.Scaler(x)", "float[n,4]"},
           {21, "double[n,4] x", "y = ai.onnx.ml.TreeEnsemble <n_targets = 2> (x)", "double[n,2]"},
           {21, "string[n] x", "y = ai.onnx.ml.LabelEncoder <keys_strings = [\"a\"], values_floats = [1.0]> (x)", "float[n]"},
           {21, "int64[n] x", "y = ai.onnx.ml.LabelEncoder <keys_strings = [\"a\"], values_floats = [1.0]> (x)", "but the keys are string"},
           {21, "string[n] x", "y = ai.onnx.ml.LabelEncoder <keys_strings = [\"a\"], values_floats = [1.0, 2.0]> (x)", "1 keys for 2 values"},
           {21, "string[n] x", "y = ai.onnx.ml.LabelEncoder <keys_strings = [\"a\"]> (x)", "0 attributes values_*"},
           {21, "float[n,2] x", "y = ai.onnx.ml.ZipMap <classlabels_int64s = [0, 1]> (x)", "seq(map(int64,float[]))"},
           {21, "float[n,2] x", "y = ai.onnx.ml.ZipMap <classlabels_int64s = [0, 1, 2]> (x)",
            "number of scores and of class labels: 2 and 3 differ"},
           {21, "int64[n] x", "y = ai.onnx.ml.OneHotEncoder <cats_int64s = [1, 2, 3]> (x)", "float[n,3]"},
           {21, "float[n,4] x, int64[1,2] i", "y = ai.onnx.ml.ArrayFeatureExtractor(x, i)", "float[n,2]"},
           {21, "map(string,double) m", "y = ai.onnx.ml.DictVectorizer <string_vocabulary = [\"a\", \"b\"]> (m)", "double[1,2]"},
           {21, "float r, int64 t, float[3] x, float[3] g, float[3] v",
            "y, w = ai.onnx.preview.training.Momentum <alpha = 0.9, beta = 0.1, mode = \"standard\", norm_coefficient = 0.0> (r, t, x, g, "
            "v)",
            "float[3] float[3]"},
           {21, "float r, int64 t, float[3] x, float[3] g", "y = ai.onnx.preview.training.Adam(r, t, x, g)", "expected a multiple of 4"},
       })
    Check(test);
}

TEST(FamiliesInferenceTest, Microsoft) {
  for (const OpCase& test : std::initializer_list<OpCase>{
           {21, "float[b,s,m] x, float[b,n,m] y", "z = com.microsoft.FusedMatMul <transB = 1> (x, y)", "float[b,s,n]"},
           {21, "float[b,s,768] x, uint8[32,12,64] w, float[384] c",
            "z = com.microsoft.MatMulNBits <K = 768, N = 32, bits = 4, block_size = 64> (x, w, c)", "float[b,s,32]"},
           {21, "float[b,s,767] x, uint8[32,12,64] w, float[384] c",
            "z = com.microsoft.MatMulNBits <K = 768, N = 32, bits = 4, block_size = 64> (x, w, c)",
            "last dim of A and K: 767 and 768 differ"},
           {21, "uint8[2,3] x, float s, uint8 z, uint8[3] y", "c = com.microsoft.QLinearAdd(x, s, z, y, s, z, s, z)", "uint8[2,3]"},
           {21, "uint8[2,3] x, float s, uint8 z, uint8[2,4] y", "c = com.microsoft.QLinearConcat <axis = 1> (s, z, x, s, z, y, s, z)",
            "uint8[2,7]"},
           {21, "float[b,s,768] x, float[768,2304] w, float[2304] c", "y, p = com.microsoft.Attention <num_heads = 12> (x, w, c)",
            "float[b,s,768] float[2,b,12,s,64]"},
           {21, "float[b,s,768] q, float[b,t,768] k, float[b,t,768] v", "y = com.microsoft.MultiHeadAttention <num_heads = 12> (q, k, v)",
            "float[b,s,768]"},
           {21, "float[b,s,1536] q, float[b,2,p,128] k, int32[b] l, int32 t",
            "y, a, c = com.microsoft.GroupQueryAttention <num_heads = 8, kv_num_heads = 2> (q, \"\", \"\", k, k, l, t)",
            "float[b,s,1024] float[b,2,y_total_sequence,128] float[b,2,y_total_sequence,128]"},
           {21, "float[b,s,8] x, float[8] g", "y, m, d, t = com.microsoft.SkipLayerNormalization(x, x, g)",
            "float[b,s,8] float[b,s,1] float[b,s,1] float[b,s,8]"},
           {21, "int32[b,s] i, float[100,8] w, float[8] g", "y, m = com.microsoft.EmbedLayerNormalization(i, \"\", w, w, \"\", g, g)",
            "float[b,s,8] int32[b]"},
           {21, "float[b,h,w,3] x, float[8,3,3,3] k", "y = com.microsoft.NhwcConv <pads = [1, 1, 1, 1]> (x, k)", "float[b,h,w,8]"},
           {21, "uint8[b,h,w,3] x, float s, uint8 z", "y = com.microsoft.QLinearGlobalAveragePool <channels_last = 1> (x, s, z, s, z)",
            "uint8[b,1,1,3]"},
           {21, "uint8[100,32] d, int64[b,s] i, float[100,2] c",
            "y = com.microsoft.GatherBlockQuantized <bits = 4, block_size = 32> (d, i, c)", "float[b,s,64]"},
           {21, "string[n] x", "y = com.microsoft.Tokenizer <mark = 0, mincharnum = 1, pad_value = \"#\"> (x)", "string[n,y_tokens]"},
           {21, "float[n,4] x", "y = com.microsoft.Gelu(x)", "float[n,4]"},
       })
    Check(test);
}

}  // namespace
}  // namespace sardonyx::ops::infer
