#include "kernels/gemm/einsum.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "kernels/gemm/det.h"

namespace sardonyx::kernels {
namespace {

std::vector<double> Evaluate(std::string_view equation, const std::vector<Dims>& dims, const Dims& expected) {
  const StatusOr<EinsumEquation> e = ParseEinsum(equation, dims);
  EXPECT_TRUE(e.ok()) << e.status().ToString();
  if (!e.ok()) return {};
  EXPECT_EQ(e->output_dims, expected) << equation;
  std::vector<std::vector<double>> data;
  std::vector<const double*> pointers;
  for (const Dims& d : dims) {
    data.emplace_back(static_cast<size_t>(d.num_elements()));
    std::iota(data.back().begin(), data.back().end(), 1.0);
  }
  for (auto& d : data) pointers.push_back(d.data());
  std::vector<double> y(static_cast<size_t>(e->output_dims.num_elements()));
  ThreadPool pool(1);
  EXPECT_TRUE(Einsum<double>(*e, dims, pointers, y.data(), pool).ok());
  return y;
}

using V = std::vector<double>;

TEST(Einsum, ComputesEveryForm) {
  EXPECT_EQ(Evaluate("ij,jk->ik", {{2, 2}, {2, 2}}, {2, 2}), (V{7, 10, 15, 22}));
  EXPECT_EQ(Evaluate("ij,jk", {{2, 2}, {2, 2}}, {2, 2}), (V{7, 10, 15, 22}));
  EXPECT_EQ(Evaluate("ij->ji", {{2, 3}}, {3, 2}), (V{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(Evaluate("ij->i", {{2, 3}}, {2}), (V{6, 15}));
  EXPECT_EQ(Evaluate("ij->", {{2, 3}}, {}), (V{21}));
  EXPECT_EQ(Evaluate("ii->i", {{3, 3}}, {3}), (V{1, 5, 9}));
  EXPECT_EQ(Evaluate("ii", {{3, 3}}, {}), (V{15}));
  EXPECT_EQ(Evaluate("i,j->ij", {{2}, {3}}, {2, 3}), (V{1, 2, 3, 2, 4, 6}));
  EXPECT_EQ(Evaluate("...i,...i->...", {{2, 2}, {2, 2}}, {2}), (V{5, 25}));
  EXPECT_EQ(Evaluate("...ij,...jk->...ik", {{1, 2, 2}, {2, 2}}, {1, 2, 2}), (V{7, 10, 15, 22}));
  EXPECT_EQ(Evaluate(" b i j , b j k -> b i k ", {{1, 2, 2}, {1, 2, 2}}, {1, 2, 2}), (V{7, 10, 15, 22}));
  EXPECT_EQ(Evaluate("i,i,i->", {{3}, {3}, {3}}, {}), (V{36}));
  EXPECT_EQ(Evaluate("ij,j->i", {{2, 0}, {0}}, {2}), (V{0, 0}));
}

TEST(Einsum, NamesWhatIsWrong) {
  const std::vector<Dims> one = {{2, 3}}, two = {{2, 3}, {4, 2}};
  EXPECT_EQ(ParseEinsum("ij,jk->ik", one).status().code(), StatusCode::kInvalid);
  EXPECT_EQ(ParseEinsum("ij,jk->ik", two).status().code(), StatusCode::kInvalid);
  EXPECT_EQ(ParseEinsum("ijk->i", one).status().code(), StatusCode::kInvalid);
  EXPECT_EQ(ParseEinsum("ij->k", one).status().code(), StatusCode::kInvalid);
  EXPECT_EQ(ParseEinsum("i1->i", one).status().code(), StatusCode::kInvalid);
  EXPECT_EQ(ParseEinsum("ij->ii", one).status().code(), StatusCode::kInvalid);
}

TEST(Determinant, Pivots) {
  V a = {0, 2, 1, 3};
  EXPECT_DOUBLE_EQ(Determinant(a.data(), 2), -2);
  V singular = {1, 2, 2, 4};
  EXPECT_DOUBLE_EQ(Determinant(singular.data(), 2), 0);
  V b = {0, 2, 1, 3}, inverse(4);
  ASSERT_TRUE(Invert(b.data(), inverse.data(), 2));
  EXPECT_EQ(inverse, (V{-1.5, 1, 0.5, 0}));
}

}  // namespace
}  // namespace sardonyx::kernels
