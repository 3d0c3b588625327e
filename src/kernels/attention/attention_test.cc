#include "kernels/attention/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "kernels/gemm/aligned_buffer.h"

namespace sardonyx::kernels {
namespace {

template <class T>
std::vector<T> Random(int64_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<T> values(static_cast<size_t>(count));
  for (T& v : values) v = uniform(generator);
  return values;
}

template <class T>
struct Data {
  std::vector<T> q, k, v, mask, y, scores;
};

template <class T>
AttentionArguments<T> Make(int64_t queries, int64_t keys, Data<T>& data) {
  AttentionArguments<T> a;
  a.batch = 2, a.q_heads = 4, a.kv_heads = 2, a.queries = queries, a.keys = keys, a.size = 19, a.v_size = 35;
  data.q = Random<T>(a.batch * a.q_heads * queries * a.size, 1);
  data.k = Random<T>(a.batch * a.kv_heads * keys * a.size, 2);
  data.v = Random<T>(a.batch * a.kv_heads * keys * a.v_size, 3);
  data.y.resize(static_cast<size_t>(a.batch * a.q_heads * queries * a.v_size));
  data.mask = Random<T>(queries * keys, 4);
  for (size_t i = 0; i < data.mask.size(); i += 3) data.mask[i] = static_cast<T>(-INFINITY);
  a.q = HeadsOutermost<const T>(data.q.data(), a.q_heads, queries, a.size);
  a.k = PositionsOutermost<const T>(data.k.data(), a.kv_heads, keys, a.size);
  a.v = HeadsOutermost<const T>(data.v.data(), a.kv_heads, keys, a.v_size);
  a.y = PositionsOutermost<T>(data.y.data(), a.q_heads, queries, a.v_size);
  a.mask = data.mask.data();
  a.mask_strides[2] = keys, a.mask_strides[3] = 1;
  a.mask_keys = keys;
  a.scale = static_cast<T>(0.5);
  a.softcap = static_cast<T>(3);
  return a;
}

TEST(Attention, FloatEqualsDouble) {
  for (int64_t queries : {1, 3, 50})
    for (int64_t keys : {5, 70})
      for (bool causal : {false, true})
        for (int threads : {1, 3}) {
          Data<float> fd;
          Data<double> dd;
          AttentionArguments<float> f = Make(queries, keys, fd);
          AttentionArguments<double> d = Make(queries, keys, dd);
          f.causal = d.causal = causal;
          f.past = d.past = 2;
          ThreadPool pool(threads);
          AlignedBuffer<char> fw(static_cast<int64_t>(AttentionWorkspace(f, threads))),
              dw(static_cast<int64_t>(AttentionWorkspace(d, threads)));
          Attention(f, fw.data(), pool);
          Attention(d, dw.data(), pool);
          for (size_t i = 0; i < fd.y.size(); ++i) ASSERT_NEAR(fd.y[i], dd.y[i], 1e-5);
        }
}

TEST(Attention, AHiddenRowIsZeroEvenWhenScoresAreNotNumbers) {
  Data<float> data;
  AttentionArguments<float> a = Make(2, 3, data);
  std::fill(data.mask.begin(), data.mask.begin() + 3, -INFINITY);
  std::fill(data.q.begin(), data.q.end(), NAN);
  ThreadPool pool(1);
  AlignedBuffer<char> workspace(static_cast<int64_t>(AttentionWorkspace(a, 1)));
  Attention(a, workspace.data(), pool);
  for (int64_t i = 0; i < a.v_size; ++i) EXPECT_EQ(a.y.At(0, 0, 0)[i], 0);
}

TEST(Attention, ProbabilitiesSumToOneWithinTheWindow) {
  Data<double> data;
  AttentionArguments<double> a = Make(6, 6, data);
  a.mask = nullptr;
  a.left_window = 1;
  a.right_window = 0;
  data.scores.resize(static_cast<size_t>(a.batch * a.q_heads * 36));
  a.scores = data.scores.data();
  a.scores_output = ScoresOutput::kProbabilities;
  ThreadPool pool(1);
  AlignedBuffer<char> workspace(static_cast<int64_t>(AttentionWorkspace(a, 1)));
  Attention(a, workspace.data(), pool);
  for (int64_t i = 0; i < 6; ++i) {
    double sum = 0;
    for (int64_t j = 0; j < 6; ++j) {
      sum += data.scores[i * 6 + j];
      EXPECT_EQ(data.scores[i * 6 + j] > 0, j == i || j == i - 1);
    }
    EXPECT_NEAR(sum, 1, 1e-12);
  }
}

}  // namespace
}  // namespace sardonyx::kernels
