// Gathers, scatters, Compress, ReverseSequence, Trilu, Unique.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/movement/gather.h"
#include "kernels/movement/gather_quantized.h"
#include "kernels/movement/scatter.h"
#include "kernels/movement/select.h"

namespace sardonyx::kernels {
namespace {

using V = std::vector<float>;
using Ints = std::vector<int64_t>;

std::span<const int64_t> Span(const Ints& v) { return v; }

TEST(Gather, AlongAnAxisWithNegativeIndices) {
  const V src{0, 1, 2, 3, 4, 5};
  const std::vector<int32_t> indices{-1, 0};
  V dst(4);
  EXPECT_TRUE(CheckIndices(std::span<const int32_t>(indices), 3).ok());
  GatherAxis(Element::kBytes4, src.data(), 2, 3, 1, std::span<const int32_t>(indices), dst.data(), nullptr);
  EXPECT_EQ(dst, (V{2, 0, 5, 3}));
  EXPECT_FALSE(CheckIndices(Span({3}), 3).ok());
  EXPECT_FALSE(CheckIndices(Span({-4}), 3).ok());
  EXPECT_FALSE(CheckIndices(Span({0}), 0).ok());
}

TEST(Gather, ElementsOnBothAxes) {
  const V src{1, 2, 3, 4, 5, 6};  // [2,3]
  const Dims dims{2, 3}, index_dims{1, 3};
  const Ints indices{1, 0, -1};
  V dst(3);
  ASSERT_TRUE(CheckElementsIndices(dims, 0, Span(indices), index_dims).ok());
  GatherElements(Element::kBytes4, src.data(), dims, 0, Span(indices), index_dims, dst.data(), nullptr);
  EXPECT_EQ(dst, (V{4, 2, 6}));
  ASSERT_TRUE(CheckElementsIndices(dims, 1, Span(indices), index_dims).ok());
  GatherElements(Element::kBytes4, src.data(), dims, 1, Span(indices), index_dims, dst.data(), nullptr);
  EXPECT_EQ(dst, (V{2, 1, 3}));
  const Dims too_big{3, 1}, other_rank{3};
  EXPECT_FALSE(CheckElementsIndices(dims, 1, Span({0, 0, 0}), too_big).ok());
  EXPECT_FALSE(CheckElementsIndices(dims, 1, Span({0, 0, 0}), other_rank).ok());
}

TEST(Gather, TuplesWithBatchDims) {
  const V src{0, 1, 2, 3, 4, 5, 6, 7};  // [2,2,2]
  const Dims dims{2, 2, 2}, index_dims{2, 1};
  const Ints indices{1, 0};
  StatusOr<TuplePlan> plan = PlanTuples(dims, index_dims, 1);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->out_dims.ToString(), "[2,2]");
  ASSERT_TRUE(CheckTuples(*plan, indices.data()).ok());
  V dst(4);
  GatherTuples(Element::kBytes4, *plan, src.data(), indices.data(), dst.data(), nullptr);
  EXPECT_EQ(dst, (V{2, 3, 4, 5}));
  const Ints bad{2, 0};
  EXPECT_FALSE(CheckTuples(*plan, bad.data()).ok());
  const Dims long_tuple{2, 4}, no_tuple{2, 0};
  EXPECT_FALSE(PlanTuples(dims, long_tuple, 0).ok());
  EXPECT_FALSE(PlanTuples(dims, no_tuple, 0).ok());
  EXPECT_FALSE(PlanTuples(dims, index_dims, 2).ok());
  EXPECT_FALSE(PlanTuples(dims, index_dims, -1).ok());
}

TEST(Gather, Quantized) {
  // int4 [2,4], blocks of 2 along the last axis: values 1, -1, 2, -2 and 7, -8, 0, 3.
  const uint8_t data[] = {0xF1, 0xE2, 0x87, 0x30};
  const V scales{1, 10, 0.5f, 2}, zeros{0, 1, 0, 1};
  QuantizedTable table{.type = DataType::kInt4,
                       .bits = 4,
                       .data = data,
                       .outer = 1,
                       .size = 2,
                       .inner = 4,
                       .length = 4,
                       .after = 1,
                       .block = 2,
                       .scales = scales.data(),
                       .zeros = nullptr};
  V out(8);
  GatherQuantized(table, Span({-1, 0}), out.data(), nullptr);
  EXPECT_EQ(out, (V{3.5f, -4, 0, 6, 1, -1, 20, -20}));
  table.zeros = zeros.data();
  GatherQuantized(table, Span({0}), out.data(), nullptr);
  EXPECT_EQ(out[2], 10.f);
  float bytes[2];
  ReadQuantized(DataType::kUint8, 2, data, 1, 2, bytes);
  EXPECT_EQ(bytes[0], 0.f);
  EXPECT_EQ(bytes[1], 3.f);
}

TEST(Scatter, ReductionsWithDuplicates) {
  const Dims dims{3}, index_dims{3};
  const Ints indices{1, 1, -1};
  const V updates{5, 7, 2};
  const struct {
    const char* name;
    V expected;
  } cases[] = {{"none", {1, 7, 2}}, {"add", {1, 14, 5}}, {"mul", {1, 70, 6}}, {"min", {1, 2, 2}}, {"max", {1, 7, 3}}};
  for (const auto& c : cases) {
    V data{1, 2, 3};
    ASSERT_TRUE(
        ScatterElements(DataType::kFloat, *ParseScatterReduction(c.name), data.data(), dims, 0, Span(indices), index_dims, updates.data())
            .ok());
    EXPECT_EQ(data, c.expected) << c.name;
  }
  EXPECT_FALSE(ParseScatterReduction("sub").has_value());
  std::vector<std::string> text(3), more(3);
  EXPECT_EQ(ScatterElements(DataType::kString, ScatterReduction::kAdd, text.data(), dims, 0, Span(indices), index_dims, more.data()).code(),
            StatusCode::kUnsupported);
}

TEST(Scatter, IntegersWrapAndNaNWins) {
  const Dims one{1};
  const Ints zero{0};
  int8_t small = 127;
  const int8_t update = 1;
  ASSERT_TRUE(ScatterElements(DataType::kInt8, ScatterReduction::kAdd, &small, one, 0, Span(zero), one, &update).ok());
  EXPECT_EQ(small, -128);
  float number = 1;
  const float nan = NAN;
  ASSERT_TRUE(ScatterElements(DataType::kFloat, ScatterReduction::kMax, &number, one, 0, Span(zero), one, &nan).ok());
  EXPECT_TRUE(std::isnan(number));
}

TEST(Scatter, Tuples) {
  const Dims dims{2, 2}, index_dims{1, 1};
  const Ints indices{-1};
  V data{0, 1, 2, 3};
  const V updates{10, 20};
  StatusOr<TuplePlan> plan = PlanTuples(dims, index_dims, 0);
  ASSERT_TRUE(plan.ok());
  ASSERT_TRUE(ScatterTuples(DataType::kFloat, ScatterReduction::kAdd, *plan, data.data(), indices.data(), updates.data()).ok());
  EXPECT_EQ(data, (V{0, 1, 12, 23}));
}

TEST(Select, Compress) {
  const bool condition[] = {false, true, true};
  EXPECT_EQ(*CompressedIndices(condition, 5), (Ints{1, 2}));
  EXPECT_FALSE(CompressedIndices(condition, 2).ok());
}

TEST(Select, ReverseSequence) {
  const V src{0, 1, 2, 3, 4, 5};
  const Ints lengths{3, 2}, long_ones{4, 0};
  const Dims batch_first{2, 3};
  V dst(6);
  ASSERT_TRUE(ReverseSequence(Element::kBytes4, src.data(), batch_first, true, lengths, dst.data(), nullptr).ok());
  EXPECT_EQ(dst, (V{2, 1, 0, 4, 3, 5}));
  const Dims time_first{3, 2};
  ASSERT_TRUE(ReverseSequence(Element::kBytes4, src.data(), time_first, false, lengths, dst.data(), nullptr).ok());
  EXPECT_EQ(dst, (V{4, 3, 2, 1, 0, 5}));
  EXPECT_FALSE(ReverseSequence(Element::kBytes4, src.data(), batch_first, true, long_ones, dst.data(), nullptr).ok());
}

TEST(Select, TriluBothWaysAndFarDiagonals) {
  const V src{1, 2, 3, 4, 5, 6};  // [2,3]
  V dst(6);
  const auto trilu = [&](bool upper, int64_t k) {
    Trilu(Element::kBytes4, src.data(), 1, 2, 3, upper, k, dst.data(), nullptr);
    return dst;
  };
  EXPECT_EQ(trilu(true, 0), (V{1, 2, 3, 0, 5, 6}));
  EXPECT_EQ(trilu(false, 0), (V{1, 0, 0, 4, 5, 0}));
  EXPECT_EQ(trilu(true, 2), (V{0, 0, 3, 0, 0, 0}));
  EXPECT_EQ(trilu(false, INT64_MIN), V(6, 0.f));
  EXPECT_EQ(trilu(true, INT64_MIN), src);
  EXPECT_EQ(trilu(false, INT64_MAX), src);
}

TEST(Select, UniqueSortedAndNot) {
  const V data{2, 1, 1, 3, 4, 3};
  StatusOr<UniqueSlices> sorted = FindUnique(DataType::kFloat, data.data(), 1, 6, 1, true);
  ASSERT_TRUE(sorted.ok());
  EXPECT_EQ(sorted->first, (Ints{1, 0, 3, 4}));
  EXPECT_EQ(sorted->inverse, (Ints{1, 0, 0, 2, 3, 2}));
  EXPECT_EQ(sorted->counts, (Ints{2, 1, 2, 1}));
  StatusOr<UniqueSlices> unsorted = FindUnique(DataType::kFloat, data.data(), 1, 6, 1, false);
  ASSERT_TRUE(unsorted.ok());
  EXPECT_EQ(unsorted->first, (Ints{0, 1, 3, 4}));
  EXPECT_EQ(unsorted->inverse, (Ints{0, 1, 1, 2, 3, 2}));
  EXPECT_EQ(unsorted->counts, (Ints{1, 2, 2, 1}));
  const V nans{NAN, 1, NAN, -INFINITY};
  EXPECT_EQ(FindUnique(DataType::kFloat, nans.data(), 1, 4, 1, true)->inverse, (Ints{2, 1, 2, 0}));
  const std::vector<std::string> text{"b", "a", "b"};
  EXPECT_EQ(FindUnique(DataType::kString, text.data(), 1, 3, 1, true)->first, (Ints{1, 0}));
  EXPECT_EQ(FindUnique(DataType::kFloat4E2M1, nullptr, 1, 0, 1, true).status().code(), StatusCode::kUnsupported);
}

TEST(Select, UniqueOfColumns) {
  const V data{1, 0, 1, 2, 3, 2};  // [2,3]: columns (1,2), (0,3), (1,2)
  StatusOr<UniqueSlices> unique = FindUnique(DataType::kFloat, data.data(), 2, 3, 1, true);
  ASSERT_TRUE(unique.ok());
  EXPECT_EQ(unique->first, (Ints{1, 0}));
  EXPECT_EQ(unique->inverse, (Ints{1, 0, 1}));
}

}  // namespace
}  // namespace sardonyx::kernels
