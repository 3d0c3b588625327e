#include "kernels/attention/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "kernels/gemm/aligned_buffer.h"
#include "kernels/gemm/simd_choice.h"

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
  for (int64_t queries : {1, 3, 4, 33, 50})
    for (int64_t keys : {5, 70, 300})
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

// Every way of hiding keys, for blocks of queries and keys that are whole, partial and more than one.
TEST(Attention, WindowsLengthsSinksAndDenseMasks) {
  for (const std::string& target : SimdTargets()) {
    ASSERT_TRUE(ChooseSimdTarget(target).ok());
    for (int64_t queries : {1, 3, 7, 32, 129})
      for (int64_t keys : {1, 127, 256, 513})
        for (int way = 0; way < 6; ++way) {
          Data<float> fd;
          Data<double> dd;
          AttentionArguments<float> f = Make(queries, keys, fd);
          AttentionArguments<double> d = Make(queries, keys, dd);
          const int64_t lengths[] = {keys / 2, keys};
          const std::vector<float> sinks = {1, -2, 3, 0};
          const std::vector<double> wide_sinks(sinks.begin(), sinks.end());
          const auto set = [&](auto& a, const auto* mask, const auto* sink) {
            a.softcap = 0;
            if (way == 0) a.mask = nullptr;
            if (way == 1) a.mask = nullptr, a.causal = true, a.past = keys - queries;
            if (way == 2) a.mask = nullptr, a.left_window = 3, a.right_window = 2;
            if (way == 3) a.lengths = lengths, a.causal = true;
            if (way == 4) a.sinks = sink;
            if (way == 5) a.mask = mask, a.mask_strides[2] = 0;  // the same for every query
            a.v_size = 32;  // packed by nobody
          };
          set(f, fd.mask.data(), sinks.data());
          set(d, dd.mask.data(), wide_sinks.data());
          ThreadPool pool(2);
          AlignedBuffer<char> fw(static_cast<int64_t>(AttentionWorkspace(f, 2))), dw(static_cast<int64_t>(AttentionWorkspace(d, 2)));
          Attention(f, fw.data(), pool);
          Attention(d, dw.data(), pool);
          for (size_t i = 0; i < fd.y.size(); ++i)
            ASSERT_NEAR(fd.y[i], dd.y[i], 1e-5) << target << " " << queries << " queries, " << keys << " keys, way " << way;
        }
  }
  ASSERT_TRUE(ChooseSimdTarget("").ok());
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
