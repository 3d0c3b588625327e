#include "kernels/attention/rotary.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace sardonyx::kernels {
namespace {

TEST(RotaryEmbedding, TurnsPairsByTheirAngle) {
  const float x[] = {1, 0, 0, 1, 9}, cos[] = {1, 0}, sin[] = {0, 1};
  float y[5];
  ThreadPool pool(1);
  RotaryShape shape{.batch = 1, .heads = 1, .positions = 1, .size = 5, .rotated = 4};
  RotaryEmbedding(shape, HeadsOutermost(x, 1, 1, 5), cos, sin, nullptr, HeadsOutermost(y, 1, 1, 5), pool);
  EXPECT_EQ(std::vector<float>(y, y + 5), (std::vector<float>{1, -1, 0, 0, 9}));  // pairs (0, 2) and (1, 3)
  shape.interleaved = true;
  RotaryEmbedding(shape, HeadsOutermost(x, 1, 1, 5), cos, sin, nullptr, HeadsOutermost(y, 1, 1, 5), pool);
  EXPECT_EQ(std::vector<float>(y, y + 5), (std::vector<float>{1, 0, -1, 0, 9}));  // pairs (0, 1) and (2, 3)
}

TEST(LinearAttention, DeltaRuleReplacesWhatTheKeyRetrieves) {
  // With a unit key and beta 1, the state's row becomes the value, whatever it was.
  const float q[] = {1, 0, 1, 0}, k[] = {1, 0, 1, 0}, v[] = {5, 7, -2, 3}, beta[] = {1, 1};
  float state[4] = {100, 200, 0, 0}, y[4], scratch[2];
  LinearAttentionArguments a{.batch = 1, .steps = 2, .q_heads = 1, .kv_heads = 1, .key_size = 2, .value_size = 2, .rule = LinearRule::kDelta};
  a.q = q, a.k = k, a.v = v, a.beta = beta, a.state = state, a.y = y, a.scratch = scratch;
  ThreadPool pool(1);
  LinearAttention(a, pool);
  EXPECT_EQ(std::vector<float>(y, y + 4), (std::vector<float>{5, 7, -2, 3}));
  EXPECT_EQ(std::vector<float>(state, state + 4), (std::vector<float>{-2, 3, 0, 0}));
}

}  // namespace
}  // namespace sardonyx::kernels
