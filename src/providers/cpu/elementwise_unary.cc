#include "kernels/elementwise/unary.h"

#include "providers/cpu/elementwise.h"

namespace sardonyx::cpu {
namespace {

using enum kernels::UnaryOp;
using kernels::UnaryOp;

// The attributes an operator takes, in the order its functor reads them.
Parameters ReadParameters(UnaryOp op, const NodeInfo& node) {
  switch (op) {
    case kShrink:
      return {node.GetFloat("lambd", 0.5f), node.GetFloat("bias", 0.0f)};
    case kIsInf:
      return {static_cast<float>(node.GetInt("detect_positive", 1)), static_cast<float>(node.GetInt("detect_negative", 1))};
    case kLeakyRelu:
      return {node.GetFloat("alpha", 0.01f)};
    case kElu:
    case kCelu:
    case kThresholdedRelu:
    case kSwish:
      return {node.GetFloat("alpha", 1.0f)};
    case kSelu:
      return {node.GetFloat("alpha", 1.67326319217681884765625f), node.GetFloat("gamma", 1.05070102214813232421875f)};
    case kHardSigmoid:
      return {node.GetFloat("alpha", 0.2f), node.GetFloat("beta", 0.5f)};
    default:
      return {};
  }
}

StatusOr<std::unique_ptr<Kernel>> MakeUnary(UnaryOp op, const NodeInfo& node) {
  const Parameters parameters = ReadParameters(op, node);
  const bool tests = op == kIsNaN || op == kIsInf;
  return MakeKernel(
      [op, parameters, tests, name = node.node().op_type](KernelContext& context) -> Status {
        const TensorView& x = context.input(0);
        const ElementwiseInput input[] = {{&x, x.dims}};
        return RunElementwise(context, name, kernels::FindUnary(op, x.dtype), input, tests ? DataType::kBool : x.dtype, parameters);
      },
      tests ? KernelTraits{} : KernelTraits{.in_place = {{0, 0}}});
}

StatusOr<std::unique_ptr<Kernel>> MakeGelu(const NodeInfo& node) {
  const std::string approximate = node.GetString("approximate", "none");
  if (approximate != "none" && approximate != "tanh")
    return Invalid(fmt::format("Gelu: approximate is '{}', not none or tanh", approximate));
  return MakeUnary(approximate == "tanh" ? kGeluTanh : kGelu, node);
}

template <UnaryOp op>
constexpr KernelEntry Row(std::string_view name) {
  return {"", name, "reference", AcceptsAll, [](const NodeInfo& node) { return MakeUnary(op, node); }};
}

}  // namespace

std::span<const KernelEntry> UnaryKernels() {
  static constexpr KernelEntry kEntries[] = {
      Row<kAbs>("Abs"),
      Row<kNeg>("Neg"),
      Row<kSign>("Sign"),
      Row<kRelu>("Relu"),
      Row<kShrink>("Shrink"),
      Row<kBitwiseNot>("BitwiseNot"),
      Row<kNot>("Not"),
      Row<kIsNaN>("IsNaN"),
      Row<kIsInf>("IsInf"),
      Row<kCeil>("Ceil"),
      Row<kFloor>("Floor"),
      Row<kRound>("Round"),
      Row<kSqrt>("Sqrt"),
      Row<kReciprocal>("Reciprocal"),
      Row<kExp>("Exp"),
      Row<kLog>("Log"),
      Row<kErf>("Erf"),
      Row<kSin>("Sin"),
      Row<kCos>("Cos"),
      Row<kTan>("Tan"),
      Row<kAsin>("Asin"),
      Row<kAcos>("Acos"),
      Row<kAtan>("Atan"),
      Row<kSinh>("Sinh"),
      Row<kCosh>("Cosh"),
      Row<kTanh>("Tanh"),
      Row<kAsinh>("Asinh"),
      Row<kAcosh>("Acosh"),
      Row<kAtanh>("Atanh"),
      Row<kSigmoid>("Sigmoid"),
      Row<kLeakyRelu>("LeakyRelu"),
      Row<kElu>("Elu"),
      Row<kCelu>("Celu"),
      Row<kSelu>("Selu"),
      Row<kThresholdedRelu>("ThresholdedRelu"),
      Row<kSoftplus>("Softplus"),
      Row<kSoftsign>("Softsign"),
      Row<kHardSigmoid>("HardSigmoid"),
      Row<kHardSwish>("HardSwish"),
      Row<kMish>("Mish"),
      Row<kSwish>("Swish"),
      {"", "Gelu", "reference", AcceptsAll, MakeGelu},
      {"com.microsoft", "Gelu", "reference", AcceptsAll, [](const NodeInfo& node) { return MakeUnary(kGelu, node); }},
      {"com.microsoft", "QuickGelu", "reference", AcceptsAll,
       [](const NodeInfo& node) -> StatusOr<std::unique_ptr<Kernel>> {
         const Parameters alpha = {node.GetFloat("alpha", 1.702f)};
         return MakeKernel(
             [alpha](KernelContext& context) -> Status {
               const TensorView& x = context.input(0);
               const ElementwiseInput input[] = {{&x, x.dims}};
               return RunElementwise(context, "QuickGelu", kernels::FindUnary(kSwish, x.dtype), input, x.dtype, alpha);
             },
             {.in_place = {{0, 0}}});
       }},
  };
  return kEntries;
}

}  // namespace sardonyx::cpu
