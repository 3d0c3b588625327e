#include "ops/infer/testing.h"

namespace sardonyx::ops::infer {
namespace {

TEST(ShapeInferenceTest, Reshaping) {
  for (const OpCase& test : std::initializer_list<OpCase>{
           {21, "float[2,3,4] x, int64[2] s = {-1, 4}", "y = Reshape(x, s)", "float[6,4]"},
           {21, "float[n,3,4] x, int64[2] s = {0, -1}", "y = Reshape(x, s)", "float[n,12]"},
           {21, "float[n,m,4] x, int64[2] s = {-1, 2}", "y = Reshape(x, s)", "float[2*m*n,2]"},
           {21, "float[2,3] x, int64[2] s", "y = Reshape(x, s)", "float[?,?]"},
           {21, "float[2,3] x, int64[k] s", "y = Reshape(x, s)", "float[...]"},
           {21, "float[0,3] x, int64[2] s = {0, -1}", "y = Reshape <allowzero = 1> (x, s)", "float[0,?]"},
           {4, "float[2,3] x", "y = Reshape <shape = [3, 2]> (x)", "float[3,2]"},
           {21, "float[2,3] x, int64[2] s = {4, 2}", "y = Reshape(x, s)", "cannot reshape [2,3] into [4,2]"},
           {21, "float[2,3] x, int64[2] s = {-1, 4}", "y = Reshape(x, s)", "cannot reshape [2,3] into [-1,4]"},
           {21, "float[2,3] x, int64[2] s = {-1, -1}", "y = Reshape(x, s)", "has -1 at 0 and at 1"},
           {21, "float[6] x, int64[2] s = {6, 0}", "y = Reshape(x, s)", "copies dim 1 of [6], which has no such dim"},
           {21, "float[2,3,4] x", "y = Flatten <axis = 2> (x)", "float[6,4]"},
           {21, "float[n,3,4] x", "y = Flatten(x)", "float[n,12]"},
           {21, "float[2,3] x", "y = Flatten <axis = 3> (x)", "axis = 3 lies outside [-2, 2]"},
           {21, "float[1,3,1] x", "y = Squeeze(x)", "float[3]"},
           {21, "float[1,n,1] x", "y = Squeeze(x)", "float[...]"},
           {21, "float[1,n,1] x, int64[1] a = {-1}", "y = Squeeze(x, a)", "float[1,n]"},
           {11, "float[1,n,1] x", "y = Squeeze <axes = [0]> (x)", "float[n,1]"},
           {21, "float[2,3] x, int64[1] a = {0}", "y = Squeeze(x, a)", "axis 0 of [2,3] has size 2, not 1"},
           {21, "float[2,3] x, int64[2] a = {0, -1}", "y = Unsqueeze(x, a)", "float[1,2,3,1]"},
           {21, "float[2,3] x, int64[2] a", "y = Unsqueeze(x, a)", "float[?,?,?,?]"},
           {21, "float[2,3] x, int64[1] a = {3}", "y = Unsqueeze(x, a)", "axes = 3 lies outside [-3, 2]"},
           {21, "float[3,1] x, int64[3] s = {2, 1, 6}", "y = Expand(x, s)", "float[2,3,6]"},
           {21, "float[a,b,c] x", "y = Transpose(x)", "float[c,b,a]"},
           {21, "float[a,b,c] x", "y = Transpose <perm = [1, 0, 2]> (x)", "float[b,a,c]"},
           {21, "float[a,b] x", "y = Transpose <perm = [0]> (x)", "perm has 1 axes, but input 0 (data) has rank 2"},
           {21, "float[a,b] x", "y = Transpose <perm = [0, 0]> (x)", "perm names axis 0 twice"},
           {21, "float[a,b] x", "y = Shape <start = 1> (x)", "int64[1]"},
           {21, "float[] x", "y = Shape(x)", "int64[?]"},
           {21, "float[a,b] x", "y = Size(x)", "int64[]"},
       })
    Check(test);
}

TEST(ShapeInferenceTest, JoiningAndCutting) {
  for (const OpCase& test : std::initializer_list<OpCase>{
           {21, "float[2,n] x, float[3,n] y", "z = Concat <axis = 0> (x, y)", "float[5,n]"},
           {21, "float[2,n] x, float[3,7] y", "z = Concat <axis = 0> (x, y)", "float[5,7]"},
           {3, "float[2,3] x, float[2,4] y", "z = Concat(x, y)", "float[2,7]"},
           {21, "float[2,3] x, float[3,4] y", "z = Concat <axis = 0> (x, y)", "axis 1 of input 1 (inputs): 3 and 4 differ"},
           {18, "float[7,n] x", "a, b = Split <num_outputs = 2> (x)", "float[4,n] float[3,n]"},
           {13, "float[6,n] x, int64[2] s = {2, 4}", "a, b = Split(x, s)", "float[2,n] float[4,n]"},
           {13, "float[2,n] x", "a, b = Split <axis = 1> (x)", "float[2,floor(n/2)] float[2,n-floor(n/2)]"},
           {13, "float[7] x", "a, b = Split(x)", "size 7 does not split into 2 equal parts"},
           {13, "float[7] x, int64[2] s = {2, 4}", "a, b = Split(x, s)", "add up to 6, but the axis has size 7"},
           {2, "float[6] x", "a, b = Split <split = [1, 5]> (x)", "float[1] float[5]"},
           {21, "float[9,n] x, int64[1] s = {1}, int64[1] e = {-1}, int64[1] a = {0}, int64[1] t = {3}", "y = Slice(x, s, e, a, t)",
            "float[3,n]"},
           {21, "float[9,n] x, int64[1] s = {-1}, int64[1] e = {-99}, int64[1] a = {0}, int64[1] t = {-2}", "y = Slice(x, s, e, a, t)",
            "float[5,n]"},
           {21, "float[n] x, int64[1] s = {0}, int64[1] e = {9223372036854775807}", "y = Slice(x, s, e)", "float[n]"},
           {21, "float[n] x, int64[1] s = {1}, int64[1] e = {9223372036854775807}", "y = Slice(x, s, e)", "float[max(n-1, 0)]"},
           {21, "float[n] x, int64[1] s = {-2}, int64[1] e = {9223372036854775807}", "y = Slice(x, s, e)", "float[min(n, 2)]"},
           {21, "float[n] x, int64[1] s = {0}, int64[1] e = {-1}", "y = Slice(x, s, e)", "float[max(n-1, 0)]"},
           {21, "float[n] x, int64[1] s = {-1}, int64[1] e = {-9223372036854775807}, int64[1] a = {0}, int64[1] t = {-1}",
            "y = Slice(x, s, e, a, t)", "float[n]"},
           {9, "float[9,9] x", "y = Slice <starts = [2, 0], ends = [5, -1]> (x)", "float[3,8]"},
           {21, "float[9] x, int64[1] s", "y = Slice(x, s, s)", "float[?]"},
           {21, "float[9] x, int64[1] z = {0}", "y = Slice(x, z, z, z, z)", "the step of axis 0 is 0"},
           {21, "float[2,n] x, int64[4] p = {1, 0, 2, 3}", "y = Pad(x, p)", "float[5,n+3]"},
           {2, "float[2,n] x", "y = Pad <pads = [0, 1, 0, 1]> (x)", "float[2,n+2]"},
           {1, "float[2,n] x", "y = Pad <paddings = [0, 1, 0, 1]> (x)", "float[2,n+2]"},
           {21, "float[2,n] x, int64[2] p = {1, 1}, float v, int64[1] a = {-1}", "y = Pad(x, p, v, a)", "float[2,n+2]"},
           {21, "float[2,n] x, int64[2] p = {1, 1}", "y = Pad(x, p)", "pads has 2 numbers; expected 2 for each of 2 axes"},
           {13, "float[2,n] x, int64[2] r = {3, 2}", "y = Tile(x, r)", "float[6,2*n]"},
           {1, "float[2,n] x, float t = {3}, float a = {1}", "y = Tile(x, t, a)", "float[2,3*n]"},
           {18, "float[9,9,3] x, int64[2] s = {5, 5}", "y = CenterCropPad <axes = [0, 1]> (x, s)", "float[5,5,3]"},
       })
    Check(test);
}

TEST(ShapeInferenceTest, PickingAndPlacing) {
  for (const OpCase& test : std::initializer_list<OpCase>{
           {13, "float[9,d] x, int64[b,s] i", "y = Gather(x, i)", "float[b,s,d]"},
           {13, "float[9,d] x, int64 i", "y = Gather <axis = 1> (x, i)", "float[9]"},
           {13, "float x, int64 i", "y = Gather(x, i)", "input 0 (data) has rank 0; expected at least 1"},
           {13, "float[9,d] x, int64[2,d] i", "y = GatherElements(x, i)", "float[2,d]"},
           {13, "float[2,3,4] x, int64[5,2] i", "y = GatherND(x, i)", "float[5,4]"},
           {13, "float[2,3,4] x, int64[2,1] i", "y = GatherND <batch_dims = 1> (x, i)", "float[2,4]"},
           {13, "float[2,3] x, int64[5,3] i", "y = GatherND(x, i)", "has only 2 dims to index"},
           {18, "float[2,3] x, int64[5,1] i, float[5,3] u", "y = ScatterND(x, i, u)", "float[2,3]"},
           {18, "float[2,3] x, int64[5,1] i, float[5] u", "y = ScatterND(x, i, u)", "input 2 (updates) has rank 1; expected 2"},
           {13, "float[n,8,h,w] x", "y = DepthToSpace <blocksize = 2> (x)", "float[n,2,2*h,2*w]"},
           {13, "float[n,7,h,w] x", "y = DepthToSpace <blocksize = 2> (x)", "number of channels 7 is not a multiple of 4"},
           {13, "float[n,2,6,w] x", "y = SpaceToDepth <blocksize = 2> (x)", "float[n,8,3,floor(w/2)]"},
           {11, "float[2,3] x, bool[3] c = {1, 0, 1}", "y = Compress <axis = 1> (x, c)", "float[2,2]"},
           {11, "float[2,3] x, bool[3] c", "y = Compress(x, c)", "float[y_count]"},
           {11, "int64[b] i, int64 d = {10}, float[2] v", "y = OneHot(i, d, v)", "float[b,10]"},
           {11, "int64[b] i, int64 d = {10}, float[2] v", "y = OneHot <axis = 0> (i, d, v)", "float[10,b]"},
           {11, "float[2,3] x", "y, i, r, c = Unique(x)", "float[y_unique] int64[y_unique] int64[6] int64[y_unique]"},
           {11, "float[2,3] x", "y, i, r, c = Unique <axis = 1> (x)", "float[2,y_unique] int64[y_unique] int64[3] int64[y_unique]"},
           {18, "float[1,20,9] x, int64[2] s = {5, 5}, int64[2] b = {2, 2}", "y = Col2Im(x, s, b)", "float[1,5,5,5]"},
           {14, "float[2,n] x", "y = Trilu(x)", "float[2,n]"},
           {10, "float[2,n] x, int64[n] l", "y = ReverseSequence <time_axis = 1, batch_axis = 0> (x, l)", "float[2,n]"},
           {24, "float[2,8,4] x, float[2,1,4] u, int64[2] i", "y = TensorScatter(x, u, i)", "float[2,8,4]"},
       })
    Check(test);
}

}  // namespace
}  // namespace sardonyx::ops::infer
