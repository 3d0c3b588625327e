// What the bindings of matrix products add to their kernels.
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "providers/cpu/one_node.h"

namespace sardonyx::cpu {
namespace {

using F = std::vector<float>;

Tensor Floats(Dims dims, F values) { return Tensor::From<float>(std::move(dims), values); }
F ToFloats(const StatusOr<Tensor>& tensor) {
  EXPECT_TRUE(tensor.ok()) << tensor.status().ToString();
  if (!tensor.ok() || tensor->dtype() != DataType::kFloat) return {};
  return F(tensor->data<float>().begin(), tensor->data<float>().end());
}

// y = activation(alpha a b + bias + residual)
StatusOr<Tensor> Fused(const std::vector<std::optional<Tensor>>& inputs, std::string activation = "", float alpha = 1) {
  OneNode node("FusedMatMul", 1, "sardonyx");
  for (const std::optional<Tensor>& input : inputs) node.Input(input);
  if (!activation.empty()) node.Attribute("activation", std::move(activation));
  return node.Attribute("alpha", alpha).RunOne();
}

TEST(FusedMatMul, AddsBiasAndResidualBeforeTheActivation) {
  const Tensor a = Floats({2, 1, 2}, {1, 2, 3, 4}), b = Floats({2, 2}, {1, 0, 0, -1});
  const Tensor bias = Floats({2}, {10, 1}), residual = Floats({2, 1, 2}, {0, 0, -20, 5});
  EXPECT_EQ(ToFloats(Fused({a, b})), (F{1, -2, 3, -4}));
  EXPECT_EQ(ToFloats(Fused({a, b, bias})), (F{11, -1, 13, -3}));
  EXPECT_EQ(ToFloats(Fused({a, b, bias, residual})), (F{11, -1, -7, 2}));
  EXPECT_EQ(ToFloats(Fused({a, b, bias, residual}, "Relu")), (F{11, 0, 0, 2}));
  EXPECT_EQ(ToFloats(Fused({a, b, bias}, "", 2)), (F{12, -3, 16, -7}));
  EXPECT_EQ(Fused({a, b, residual}).status().code(), StatusCode::kInvalid);
  EXPECT_EQ(Fused({a, b, bias, bias}).status().code(), StatusCode::kInvalid);
  EXPECT_EQ(Fused({a, b}, "Sine").status().code(), StatusCode::kUnsupported);
}

TEST(FusedMatMul, BatchedRightOperandsTakeTheirPartOfTheResidual) {
  const Tensor a = Floats({2, 1, 1}, {2, 3}), b = Floats({2, 1, 2}, {1, 2, 3, 4}), residual = Floats({2, 1, 2}, {1, 2, 3, 4});
  EXPECT_EQ(ToFloats(Fused({a, b, std::nullopt, residual})), (F{3, 6, 12, 16}));
}

}  // namespace
}  // namespace sardonyx::cpu
