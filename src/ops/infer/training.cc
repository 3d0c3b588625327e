// ai.onnx.preview.training.
#include "ops/infer/common.h"
#include "ops/infer/families.h"

namespace sardonyx::ops::infer {
namespace {

// Inputs R, T, then n tensors X, n gradients and `states` lists of n; outputs X and the states again.
Status Optimizer(InferenceContext& context, size_t states) {
  constexpr size_t kFirst = 2;
  const size_t lists = 2 + states;
  const size_t given = context.num_inputs() < kFirst ? 0 : context.num_inputs() - kFirst;
  if (given == 0 || given % lists != 0)
    return Invalid(fmt::format("has {} tensors after R and T; expected a multiple of {}", given, lists));
  const size_t count = given / lists;
  if (context.num_outputs() != count * (1 + states))
    return Invalid(fmt::format("has {} outputs; expected {}", context.num_outputs(), count * (1 + states)));
  for (size_t i = 0; i < count; ++i) {
    CopyType(context, kFirst + i, i);
    for (size_t k = 0; k < states; ++k) CopyType(context, kFirst + (2 + k) * count + i, (1 + k) * count + i);
  }
  return {};
}

}  // namespace

Status InferAdagrad(InferenceContext& context) { return Optimizer(context, 1); }
Status InferMomentum(InferenceContext& context) { return Optimizer(context, 1); }
Status InferAdam(InferenceContext& context) { return Optimizer(context, 2); }

// Output i is the derivative by the i-th tensor of attribute xs: like that tensor, which is input i.
Status InferGradient(InferenceContext& context) {
  const std::vector<std::string> xs = context.node().GetStrings("xs");
  if (context.num_outputs() > xs.size()) return Invalid(fmt::format("has {} outputs for {} names in xs", context.num_outputs(), xs.size()));
  for (size_t i = 0; i < context.num_outputs(); ++i) CopyType(context, i, i);
  return {};
}

}  // namespace sardonyx::ops::infer
