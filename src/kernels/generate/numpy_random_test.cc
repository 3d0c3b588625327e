#include "kernels/generate/numpy_random.h"

#include <gtest/gtest.h>

namespace sardonyx::kernels {
namespace {

// Numbers of numpy.random.RandomState(0).
TEST(NumpyRandom, UniformStream) {
  NumpyRandom random(0);
  for (double expected : {0.5488135039273248, 0.7151893663724195, 0.6027633760716439, 0.5448831829968969})
    EXPECT_EQ(random.Uniform(), expected);
}

TEST(NumpyRandom, NormalStream) {
  NumpyRandom random(0);
  for (double expected : {1.764052345967664, 0.4001572083672233, 0.9787379841057392, 2.240893199201458})
    EXPECT_DOUBLE_EQ(random.Normal(), expected);
}

TEST(NumpyRandom, BernoulliFollowsTheUniformStream) {
  NumpyRandom random(0);
  EXPECT_EQ(random.Bernoulli(0.0), 0);
  EXPECT_EQ(random.Bernoulli(0.5), 1);
  EXPECT_EQ(random.Bernoulli(0.2), 0);
  EXPECT_EQ(random.Bernoulli(0.9), 1);
  EXPECT_EQ(random.Bernoulli(1.0), 1);
}

TEST(NumpyRandom, FreshSeedsDiffer) { EXPECT_NE(FreshSeed(), FreshSeed()); }

}  // namespace
}  // namespace sardonyx::kernels
