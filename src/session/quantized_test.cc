// A quantized network as exporters write it (Q/DQ around float operators), prepared and run with and without passes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ir/text.h"
#include "sardonyx/session.h"

namespace sardonyx {
namespace {

std::string Weights(std::string_view name, const std::vector<int64_t>& dims, int seed) {
  std::mt19937 random(static_cast<uint32_t>(seed));
  int64_t count = 1;
  for (int64_t dim : dims) count *= dim;
  std::vector<int> values;
  for (int64_t i = 0; i < count; ++i) values.push_back(static_cast<int>(random() % 255) - 127);
  return fmt::format("int8[{}] {} = {{{}}}", fmt::join(dims, ","), name, fmt::join(values, ","));
}

// Convolutions of three kinds, a sum, pools and a product; `code` is the type of the activations' codes.
std::string Network(std::string_view code, int zero) {
  return fmt::format(R"(<ir_version: 8, opset_import: ["" : 13]>
g (float[n,3,14,13] x) => (float[n,10] y)
<float sx = {{0.02}}, {0} zx = {{{1}}}, float sa = {{0.05}}, {0} za = {{{2}}}, float sw = {{0.01}}, int8 zw = {{0}}, {3}, {4}, {5}, {6},
 int64[2] flat = {{0,-1}}> {{
  qx = QuantizeLinear(x, sx, zx)
  dx = DequantizeLinear(qx, sx, zx)
  dw1 = DequantizeLinear(w1, sw, zw)
  c1 = Conv<pads = [1,1,1,1], strides = [2,2]>(dx, dw1)
  r1 = Relu(c1)
  q1 = QuantizeLinear(r1, sa, za)
  d1 = DequantizeLinear(q1, sa, za)
  dw2 = DequantizeLinear(w2, sw, zw)
  c2 = Conv<pads = [1,1,1,1], group = 16>(d1, dw2)
  q2 = QuantizeLinear(c2, sa, za)
  d2 = DequantizeLinear(q2, sa, za)
  dw3 = DequantizeLinear(w3, sw, zw)
  c3 = Conv(d2, dw3)
  q3 = QuantizeLinear(c3, sa, za)
  d3 = DequantizeLinear(q3, sa, za)
  s = Add(d3, d1)
  q4 = QuantizeLinear(s, sa, za)
  d4 = DequantizeLinear(q4, sa, za)
  p = MaxPool<kernel_shape = [3,3], strides = [2,2], pads = [1,1,1,1]>(d4)
  q5 = QuantizeLinear(p, sa, za)
  d5 = DequantizeLinear(q5, sa, za)
  m = ReduceMean<axes = [2,3]>(d5)
  f = Reshape(m, flat)
  q6 = QuantizeLinear(f, sa, za)
  d6 = DequantizeLinear(q6, sa, za)
  dw4 = DequantizeLinear(w4, sw, zw)
  y = Gemm<transB = 1>(d6, dw4)
}})",
                     code, code == "uint8" ? 128 : 0, zero, Weights("w1", {16, 3, 3, 3}, 1), Weights("w2", {16, 1, 3, 3}, 2),
                     Weights("w3", {16, 16, 1, 1}, 3), Weights("w4", {10, 16}, 4));
}

StatusOr<Session> Prepare(const std::string& text, int level) {
  auto model = ir::ParseText(text);
  if (!model.ok()) return model.status();
  SessionOptions options;
  options.level = level;
  options.threads = 2;
  return Session::Create(Model(std::shared_ptr<const ir::Model>(*std::move(model))), options);
}

TEST(Quantized, NetworksOfCodesDoAsTheirFloatForm) {
  for (const auto& [code, zero] : {std::pair("uint8", 0), std::pair("uint8", 100), std::pair("int8", -128), std::pair("int8", 5)}) {
    SCOPED_TRACE(testing::Message() << code << " " << zero);
    const std::string text = Network(code, zero);
    StatusOr<Session> plain = Prepare(text, 0), fused = Prepare(text, 99);
    ASSERT_TRUE(plain.ok()) << plain.status().ToString();
    ASSERT_TRUE(fused.ok()) << fused.status().ToString();
    size_t on_bytes = 0, products = 0;
    for (const NodePlacement& node : fused->Placement()) {
      on_bytes += node.kernel == "uint8 channels last" || node.kernel == "bytes of one shape";
      products += node.kernel == "uint8 quads";
    }
    EXPECT_EQ(on_bytes, 6u);  // three convolutions, the sum, the pool and the mean
    EXPECT_EQ(products, 1u);
    std::mt19937 random(5);
    for (const int64_t batch : {1, 2}) {
      std::vector<float> x;
      for (int64_t i = 0; i < batch * 3 * 14 * 13; ++i) x.push_back(static_cast<float>(random() % 2001) / 500 - 2);
      const auto input = Tensor::From<float>({batch, 3, 14, 13}, x);
      const auto expected = plain->Run({{"x", input}}), got = fused->Run({{"x", input}});
      ASSERT_TRUE(expected.ok() && got.ok());
      const auto a = (*expected)[0].tensor().data<float>(), b = (*got)[0].tensor().data<float>();
      ASSERT_EQ(a.size(), b.size());
      float largest = 0;
      for (float v : a) largest = std::max(largest, std::abs(v));
      for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 0.02f * largest) << i;
    }
  }
}

}  // namespace
}  // namespace sardonyx
