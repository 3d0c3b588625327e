// Strided copies, shape arithmetic and padding.
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "kernels/movement/element.h"
#include "kernels/movement/pad.h"
#include "kernels/movement/shape_math.h"
#include "kernels/movement/strided_copy.h"

namespace sardonyx::kernels {
namespace {

std::vector<float> Iota(int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  std::iota(values.begin(), values.end(), 0.f);
  return values;
}

// The copy done one element at a time.
template <class T>
void CopySlowly(const Dims& dims, const T* src, const Dims& src_strides, T* dst, const Dims& dst_strides) {
  for (int64_t n = 0; n < dims.num_elements(); ++n) {
    int64_t from = 0, to = 0, rest = n;
    for (size_t i = dims.rank(); i-- > 0; rest /= dims[i]) {
      from += rest % dims[i] * src_strides[i];
      to += rest % dims[i] * dst_strides[i];
    }
    dst[to] = src[from];
  }
}

TEST(StridedCopy, TransposesOfEverySizeAndOrder) {
  for (const Dims& dims : {Dims{1}, Dims{7, 129}, Dims{128, 127}, Dims{2, 3, 5}, Dims{3, 1, 33, 40}, Dims{4, 0, 3}, Dims{}}) {
    std::vector<int64_t> perm(dims.rank());
    std::iota(perm.begin(), perm.end(), 0);
    do {
      const Dims strides = RowMajorStrides(dims);
      Dims out, out_strides;
      for (int64_t axis : perm) {
        out.push_back(dims[axis]);
        out_strides.push_back(strides[axis]);
      }
      const std::vector<float> src = Iota(dims.num_elements());
      std::vector<float> got(src.size()), expected(src.size());
      CopyStrided(Element::kBytes4, out, src.data(), out_strides, got.data(), RowMajorStrides(out), nullptr);
      CopySlowly(out, src.data(), out_strides, expected.data(), RowMajorStrides(out));
      EXPECT_EQ(got, expected) << out.ToString();
    } while (std::next_permutation(perm.begin(), perm.end()));
  }
}

TEST(StridedCopy, NegativeZeroAndGappedStrides) {
  const std::vector<float> src = Iota(24);
  const struct {
    Dims dims, src, dst;
    int64_t offset;
  } cases[] = {{{6}, {-2}, {1}, 11},
               {{3, 4}, {0, 1}, {4, 1}, 0},
               {{4, 3}, {0, 0}, {3, 1}, 5},
               {{2, 3}, {12, -3}, {3, 1}, 8},
               {{2, 3}, {3, 1}, {12, 2}, 0}};
  for (const auto& c : cases) {
    std::vector<float> got(64, -1), expected(64, -1);
    CopyStrided(Element::kBytes4, c.dims, src.data() + c.offset, c.src, got.data(), c.dst, nullptr);
    CopySlowly(c.dims, src.data() + c.offset, c.src, expected.data(), c.dst);
    EXPECT_EQ(got, expected) << c.dims.ToString();
  }
}

TEST(StridedCopy, EveryElementClass) {
  const Dims dims{3, 2}, transposed{1, 3}, dense{2, 1};
  const auto check = [&]<class T>(Element element, T base) {
    std::vector<T> src(6, base), got(6);
    src[4] = T();
    CopyStrided(element, dims, src.data(), transposed, got.data(), dense, nullptr);
    EXPECT_EQ(got[3], T());
    EXPECT_EQ(got[0], base);
  };
  check(Element::kBytes1, uint8_t{7});
  check(Element::kBytes2, uint16_t{7});
  check(Element::kBytes8, 7.5);
  check(Element::kBytes16, std::complex<double>(1, 2));
  check(Element::kString, std::string("longer than the small string buffer"));
}

TEST(SubByte, RoundTripsOddCounts) {
  for (int bits : {2, 4, 6}) {
    for (int64_t count : {0, 1, 2, 3, 5, 8, 9}) {
      std::vector<uint8_t> values(static_cast<size_t>(count)), back(values.size()), packed((values.size() * bits + 7) / 8, 0xff);
      for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<uint8_t>((i * 3 + 1) & ((1 << bits) - 1));
      PackSubByte(bits, values.data(), count, packed.data());
      UnpackSubByte(bits, packed.data(), count, back.data());
      EXPECT_EQ(back, values) << bits << " " << count;
    }
  }
}

TEST(ShapeMath, Reshape) {
  const auto reshape = [](Dims dims, Dims target, bool allow_zero = false) {
    StatusOr<Dims> out = ReshapedDims(dims, target, allow_zero);
    return out.ok() ? out->ToString() : std::string("error");
  };
  EXPECT_EQ(reshape({2, 3, 4}, {4, -1}), "[4,6]");
  EXPECT_EQ(reshape({2, 3, 4}, {0, -1}), "[2,12]");
  EXPECT_EQ(reshape({2, 3, 4}, {0, 0, 2, -1}), "[2,3,2,2]");
  EXPECT_EQ(reshape({0, 4}, {0, -1}), "[0,4]");
  EXPECT_EQ(reshape({0, 4}, {4, 0}, true), "[4,0]");
  EXPECT_EQ(reshape({0, 4}, {-1, 2}), "[0,2]");
  EXPECT_EQ(reshape({}, {1, 1}), "[1,1]");
  EXPECT_EQ(reshape({1}, {}), "[]");
  for (const Dims& bad : {Dims{5, -1}, Dims{-1, -1}, Dims{-2, 12}, Dims{2, 3, 5}, Dims{1, 1, 1, 0}, Dims{int64_t{1} << 62, 4}})
    EXPECT_EQ(reshape({2, 3, 4}, bad), "error") << bad.ToString();
  EXPECT_EQ(reshape({0, 4}, {0, -1}, true), "error");
}

TEST(ShapeMath, SqueezeUnsqueeze) {
  const std::vector<int64_t> none, last{-1}, two{0, -1}, twice{1, 1}, far{5};
  const Dims dims{1, 3, 1};
  EXPECT_EQ(SqueezedDims(dims, none)->ToString(), "[3]");
  EXPECT_EQ(SqueezedDims(dims, last)->ToString(), "[1,3]");
  EXPECT_FALSE(SqueezedDims(dims, std::vector<int64_t>{1}).ok());
  EXPECT_EQ(UnsqueezedDims(dims, two)->ToString(), "[1,1,3,1,1]");
  EXPECT_FALSE(UnsqueezedDims(dims, twice).ok());
  EXPECT_FALSE(UnsqueezedDims(dims, far).ok());
}

TEST(ShapeMath, Slices) {
  const int64_t kMin = INT64_MIN, kMax = INT64_MAX;
  const struct {
    int64_t dim, start, end, step, first, count;
  } cases[] = {{10, 0, 10, 1, 0, 10},  {10, -3, kMax, 1, 7, 3},   {10, 8, 2, -2, 8, 3},   {10, kMax, kMin, -1, 9, 10},
               {10, 0, 10, 3, 0, 4},   {10, 5, 5, 1, 0, 0},       {0, 0, kMax, 1, 0, 0},  {0, kMax, kMin, -1, 0, 0},
               {10, 2, 9, kMax, 2, 1}, {10, 9, kMin, kMin, 9, 1}, {10, -20, -5, 1, 0, 5}, {10, -20, -30, -1, 0, 1}};
  for (const auto& c : cases) {
    StatusOr<SliceRange> range = ResolveSlice(c.dim, c.start, c.end, c.step);
    ASSERT_TRUE(range.ok());
    EXPECT_EQ(range->start, c.first) << c.start << ":" << c.end << ":" << c.step;
    EXPECT_EQ(range->count, c.count) << c.start << ":" << c.end << ":" << c.step;
  }
  EXPECT_FALSE(ResolveSlice(10, 0, 1, 0).ok());
}

std::vector<float> Padded(PadMode mode, Dims dims, Dims begins, Dims ends) {
  StatusOr<Dims> out = PaddedDims(dims, begins, ends, mode);
  if (!out.ok()) return {-99};
  const std::vector<float> src = Iota(dims.num_elements());
  std::vector<float> dst(static_cast<size_t>(out->num_elements()));
  const float value = -1;
  Pad(Element::kBytes4, mode, src.data(), dims, begins, ends, &value, dst.data(), *out, nullptr);
  return dst;
}

TEST(Pad, Modes) {
  using V = std::vector<float>;
  EXPECT_EQ(Padded(PadMode::kConstant, {2}, {1}, {2}), (V{-1, 0, 1, -1, -1}));
  EXPECT_EQ(Padded(PadMode::kConstant, {2, 2}, {0, -1}, {1, 1}), (V{1, -1, 3, -1, -1, -1}));
  EXPECT_EQ(Padded(PadMode::kConstant, {0}, {1}, {1}), (V{-1, -1}));
  EXPECT_EQ(Padded(PadMode::kEdge, {3}, {2}, {1}), (V{0, 0, 0, 1, 2, 2}));
  EXPECT_EQ(Padded(PadMode::kReflect, {3}, {4}, {5}), (V{0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1}));
  EXPECT_EQ(Padded(PadMode::kReflect, {1}, {1}, {1}), (V{0, 0, 0}));
  EXPECT_EQ(Padded(PadMode::kWrap, {3}, {4}, {2}), (V{2, 0, 1, 2, 0, 1, 2, 0, 1}));
  EXPECT_EQ(Padded(PadMode::kEdge, {2, 2}, {1, 1}, {0, 0}), (V{0, 0, 1, 0, 0, 1, 2, 2, 3}));
  EXPECT_EQ(Padded(PadMode::kReflect, {4}, {-1}, {1}), (V{1, 2, 3, 2}));
  EXPECT_EQ(Padded(PadMode::kEdge, {0}, {1}, {0}), (V{-99}));
  EXPECT_EQ(Padded(PadMode::kConstant, {2}, {-3}, {0}), (V{-99}));
  EXPECT_EQ(Padded(PadMode::kConstant, {2}, {INT64_MIN}, {INT64_MAX}), (V{-99}));
}

}  // namespace
}  // namespace sardonyx::kernels
