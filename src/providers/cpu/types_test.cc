// Types that the specification lists and few models use.
#include <gtest/gtest.h>

#include <complex>

#include "providers/cpu/one_node.h"

namespace sardonyx::cpu {
namespace {

using I = std::vector<int64_t>;
using Complex = std::complex<float>;

Tensor Longs(I values) { return Tensor::From<int64_t>({static_cast<int64_t>(values.size())}, values); }

template <class T>
std::vector<T> Elements(const StatusOr<Tensor>& tensor) {
  EXPECT_TRUE(tensor.ok()) << tensor.status().ToString();
  if (!tensor.ok()) return {};
  EXPECT_EQ(tensor->dtype(), DataTypeOf<T>::value);
  return {tensor->data<T>().begin(), tensor->data<T>().end()};
}

Tensor Bools(Dims dims, std::vector<bool> values) {
  auto tensor = *Tensor::Allocate(DataType::kBool, dims);
  for (size_t i = 0; i < values.size(); ++i) tensor.mutable_data<bool>()[i] = values[i];
  return tensor;
}

// A row of two elements at its first, its middle and its last.
const Tensor kGrid = Tensor::From<float>({1, 1, 3, 2}, {-1, 0, 0, 0, 1, 0});

TEST(Types, GridSampleOfStringsBoolsAndComplex) {
  const auto sample = [](const Tensor& x, const char* mode) {
    return OneNode("GridSample", 20)
        .Attribute("mode", std::string(mode))
        .Attribute("align_corners", int64_t{1})
        .Input(x)
        .Input(kGrid)
        .RunOne();
  };
  const Tensor text = Tensor::FromStrings({1, 1, 1, 2}, {"left", "right"});
  EXPECT_EQ(Elements<std::string>(sample(text, "nearest")), (std::vector<std::string>{"left", "left", "right"}));
  EXPECT_EQ(sample(text, "linear").status().code(), StatusCode::kUnsupported);
  const Tensor numbers = Tensor::From<Complex>({1, 1, 1, 2}, {{1, 10}, {3, -10}});
  EXPECT_EQ(Elements<Complex>(sample(numbers, "linear")), (std::vector<Complex>{{1, 10}, {2, 0}, {3, -10}}));
  EXPECT_EQ(Elements<bool>(sample(Bools({1, 1, 1, 2}, {false, true}), "linear")), (std::vector<bool>{false, true, true}));
}

TEST(Types, ResizeBetweenBoolsAndComplex) {
  const auto resize = [](const Tensor& x) {
    return OneNode("Resize", 19)
        .Attribute("mode", std::string("linear"))
        .Attribute("coordinate_transformation_mode", std::string("align_corners"))
        .Input(x)
        .Input(std::nullopt)
        .Input(std::nullopt)
        .Input(Longs({1, 3}))
        .RunOne();
  };
  EXPECT_EQ(Elements<Complex>(resize(Tensor::From<Complex>({1, 2}, {{1, 10}, {3, -10}}))),
            (std::vector<Complex>{{1, 10}, {2, 0}, {3, -10}}));
  EXPECT_EQ(Elements<bool>(resize(Bools({1, 2}, {false, true}))), (std::vector<bool>{false, true, true}));
  EXPECT_EQ(resize(Tensor::FromStrings({1, 2}, {"a", "b"})).status().code(), StatusCode::kUnsupported);
}

TEST(Types, Col2ImOfBoolsIsTrueWhereABlockIs) {
  // Two blocks of two that share the middle of three.
  const auto y = OneNode("Col2Im", 18).Input(Bools({1, 2, 2}, {true, false, false, false})).Input(Longs({3})).Input(Longs({2})).RunOne();
  EXPECT_EQ(Elements<bool>(y), (std::vector<bool>{true, false, false}));
}

TEST(Types, TensorScatterOfStringsAndNibbles) {
  const auto scatter = [](const Tensor& cache, const Tensor& update, int64_t at) {
    return OneNode("TensorScatter", 24).Attribute("axis", int64_t{1}).Input(cache).Input(update).Input(Longs({at})).RunOne();
  };
  const Tensor words = Tensor::FromStrings({1, 3}, {"a", "b", "c"}), word = Tensor::FromStrings({1, 1}, {"x"});
  EXPECT_EQ(Elements<std::string>(scatter(words, word, 1)), (std::vector<std::string>{"a", "x", "c"}));
  EXPECT_EQ(scatter(words, word, INT64_MAX).status().code(), StatusCode::kInvalid);
  Tensor cache = *Tensor::Allocate(DataType::kUint4, {1, 3}), update = *Tensor::Allocate(DataType::kUint4, {1, 1});
  const uint8_t packed[2] = {0x21, 0x03}, seven[1] = {0x07};
  std::copy_n(packed, 2, static_cast<uint8_t*>(cache.mutable_raw_data()));
  std::copy_n(seven, 1, static_cast<uint8_t*>(update.mutable_raw_data()));
  const auto y = scatter(cache, update, 1);
  ASSERT_TRUE(y.ok()) << y.status().ToString();
  EXPECT_EQ(static_cast<const uint8_t*>(y->raw_data())[0], 0x71);
  EXPECT_EQ(static_cast<const uint8_t*>(y->raw_data())[1], 0x03);
}

TEST(Types, QLinearMatMulOfBytesAndFloat8) {
  const Tensor half = Tensor::Scalar(0.5f), one = Tensor::Scalar(1.0f);
  const Tensor a = Tensor::From<int8_t>({1, 2}, {5, 7}), a_zero = Tensor::Scalar<int8_t>(1);  // 2, 3
  const Tensor b = Tensor::From<Float8E4M3FN>({2, 1}, {Float8E4M3FN(1.0f), Float8E4M3FN(2.0f)}),
               b_zero = Tensor::Scalar(Float8E4M3FN(0.0f));
  const auto multiply = [&](const Tensor& y_zero) {
    return OneNode("QLinearMatMul", 21)
        .Input(a)
        .Input(half)
        .Input(a_zero)
        .Input(b)
        .Input(one)
        .Input(b_zero)
        .Input(one)
        .Input(y_zero)
        .RunOne();
  };
  EXPECT_EQ(Elements<uint8_t>(multiply(Tensor::Scalar<uint8_t>(10))), (std::vector<uint8_t>{18}));
  const auto y = multiply(Tensor::Scalar(Float8E5M2(0.0f)));
  ASSERT_TRUE(y.ok()) << y.status().ToString();
  EXPECT_EQ(static_cast<float>(y->data<Float8E5M2>()[0]), 8);
}

// One plane of four spatial axes, a window at a time: reduce(output, sum, largest, position of the largest, elements seen).
struct Windows {
  I input = {3, 4, 5, 3}, kernel = {2, 3, 2, 2}, strides = {1, 2, 2, 1}, pads = {1, 0, 1, 0, 0, 1, 1, 1}, dilations = {2, 1, 1, 2};

  I Output() const {
    I output;
    for (size_t i = 0; i < 4; ++i)
      output.push_back((input[i] + pads[i] + pads[4 + i] - (kernel[i] - 1) * dilations[i] - 1) / strides[i] + 1);
    return output;
  }
  // Calls see(output, kernel position, input position) for each that is not padding.
  template <class See>
  void ForEach(See&& see) const {
    const I output = Output();
    const auto split = [](int64_t flat, const I& dims) {
      I index(4);
      for (size_t i = 4; i-- > 0; flat /= dims[i]) index[i] = flat % dims[i];
      return index;
    };
    for (int64_t o = 0; o < Dims(output).num_elements(); ++o)
      for (int64_t k = 0; k < Dims(kernel).num_elements(); ++k) {
        int64_t at = 0;
        bool inside = true;
        for (size_t i = 0; i < 4; ++i) {
          const int64_t position = split(o, output)[i] * strides[i] - pads[i] + split(k, kernel)[i] * dilations[i];
          inside = inside && position >= 0 && position < input[i];
          at = at * input[i] + position;
        }
        if (inside) see(static_cast<size_t>(o), static_cast<size_t>(k), static_cast<size_t>(at));
      }
  }
  OneNode& Describe(OneNode&& node, bool with_kernel) const {
    if (with_kernel) node.Attribute("kernel_shape", kernel);
    return node.Attribute("strides", strides).Attribute("pads", pads).Attribute("dilations", dilations);
  }
};

Dims Plane(const I& spatial) {
  Dims dims{1, 1};
  for (int64_t dim : spatial) dims.push_back(dim);
  return dims;
}

TEST(Types, WindowsOverFourAxes) {
  const Windows windows;
  std::vector<float> x(static_cast<size_t>(Dims(windows.input).num_elements())),
      w(static_cast<size_t>(Dims(windows.kernel).num_elements()));
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 37 % 101);
  for (size_t i = 0; i < w.size(); ++i) w[i] = static_cast<float>(i % 5) - 2;
  const auto outputs = static_cast<size_t>(Dims(windows.Output()).num_elements());
  std::vector<float> sums(outputs), means(outputs), largest(outputs, -1);
  std::vector<float> counts(outputs);
  I indices(outputs);
  windows.ForEach([&](size_t o, size_t k, size_t at) {
    sums[o] += w[k] * x[at];
    means[o] += x[at];
    counts[o] += 1;
    if (x[at] > largest[o]) largest[o] = x[at], indices[o] = static_cast<int64_t>(at);
  });
  for (size_t o = 0; o < outputs; ++o) means[o] /= counts[o];
  const Tensor image = Tensor::From<float>(Plane(windows.input), x);
  EXPECT_EQ(Elements<float>(
                windows.Describe(OneNode("Conv", 22), false).Input(image).Input(Tensor::From<float>(Plane(windows.kernel), w)).RunOne()),
            sums);
  EXPECT_EQ(Elements<float>(windows.Describe(OneNode("AveragePool", 22), true).Input(image).RunOne()), means);
  const auto pooled = windows.Describe(OneNode("MaxPool", 22), true).Input(image).Outputs(2).Run();
  ASSERT_TRUE(pooled.ok()) << pooled.status().ToString();
  EXPECT_EQ(Elements<float>((*pooled)[0]), largest);
  EXPECT_EQ(Elements<int64_t>((*pooled)[1]), indices);
}

}  // namespace
}  // namespace sardonyx::cpu
