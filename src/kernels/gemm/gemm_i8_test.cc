#include "kernels/gemm/gemm_i8.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "kernels/gemm/aligned_buffer.h"

namespace sardonyx::kernels {
namespace {

template <class A, class B>
void Check(int64_t m, int64_t n, int64_t k, bool pack, int threads) {
  std::mt19937 generator(static_cast<unsigned>(m * 31 + n * 7 + k));
  std::vector<A> a(static_cast<size_t>(m * k)), a_zero(static_cast<size_t>(m));
  std::vector<B> b(static_cast<size_t>(k * n)), b_zero(static_cast<size_t>(n));
  for (auto& v : a) v = static_cast<A>(generator());
  for (auto& v : b) v = static_cast<B>(generator());
  for (auto& v : a_zero) v = static_cast<A>(generator());
  for (auto& v : b_zero) v = static_cast<B>(generator());
  std::vector<int32_t> c(static_cast<size_t>(m * n) + 1, 77);
  ThreadPool pool(threads);
  GemmI8Arguments g{.m = m, .n = n, .k = k};
  g.a = {a.data(), std::is_signed_v<A>, k, 1, a_zero.data(), 1};
  g.b = {b.data(), std::is_signed_v<B>, n, 1, b_zero.data(), 1};
  g.c = c.data();
  g.c_stride = n;
  AlignedBuffer<int16_t> packed_a(PackedRowsSizeI8(m, k)), packed_b(PackedColumnsSizeI8(k, n));
  if (pack) {
    PackRowsI8(g.a, m, k, packed_a.data(), pool);
    PackColumnsI8(g.b, k, n, packed_b.data(), pool);
    g.packed_a = packed_a.data();
    g.packed_b = packed_b.data();
  }
  AlignedBuffer<char> workspace(static_cast<int64_t>(GemmI8Workspace(g)));
  GemmI8(g, workspace.data(), pool);
  EXPECT_EQ(c.back(), 77);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      int32_t expected = 0;
      for (int64_t p = 0; p < k; ++p) expected += (a[i * k + p] - a_zero[i]) * (b[p * n + j] - b_zero[j]);
      ASSERT_EQ(c[i * n + j], expected) << m << "x" << n << "x" << k << " at " << i << "," << j;
    }
}

TEST(GemmI8, EqualsPlainLoopsForEverySignAndSize) {
  for (int64_t m : {1, 6, 13, 50})
    for (int64_t n : {1, 16, 31, 33, 130})
      for (int64_t k : {0, 1, 2, 255, 259, 515}) {
        Check<uint8_t, int8_t>(m, n, k, false, 1);
        Check<int8_t, uint8_t>(m, n, k, true, 2);
      }
  Check<uint8_t, uint8_t>(13, 33, 700, true, 3);
  Check<int8_t, int8_t>(13, 33, 700, false, 3);
}

}  // namespace
}  // namespace sardonyx::kernels
