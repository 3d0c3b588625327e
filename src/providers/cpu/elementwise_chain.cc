// Elementwise: a chain of element-wise operators in one pass over memory. Each step reads what the step before wrote, a tile that is
// still in the first-level cache, and at most one more operand.
#include "kernels/elementwise/binary.h"
#include "kernels/elementwise/unary.h"
#include "providers/cpu/elementwise.h"

namespace sardonyx::cpu {
namespace {

using kernels::BinaryOp;
using kernels::RowKernel;
using kernels::UnaryOp;

constexpr int64_t kTile = 4096;  // elements

struct Step {
  RowKernel kernel;
  int operand = 0;     // the input that the step reads besides what came before; 0: none
  bool first = false;  // that input is the left operand
  Parameters parameters = {};
};

RowKernel FindStep(std::string_view op, bool binary) {
  static constexpr std::pair<std::string_view, UnaryOp> kUnary[] = {
      {"Abs", UnaryOp::kAbs},         {"Neg", UnaryOp::kNeg},       {"Relu", UnaryOp::kRelu},           {"Sqrt", UnaryOp::kSqrt},
      {"Exp", UnaryOp::kExp},         {"Log", UnaryOp::kLog},       {"Erf", UnaryOp::kErf},             {"Reciprocal", UnaryOp::kReciprocal},
      {"Sigmoid", UnaryOp::kSigmoid}, {"Tanh", UnaryOp::kTanh},     {"LeakyRelu", UnaryOp::kLeakyRelu}, {"Elu", UnaryOp::kElu},
      {"Swish", UnaryOp::kSwish},     {"HardSwish", UnaryOp::kHardSwish}, {"HardSigmoid", UnaryOp::kHardSigmoid}, {"Gelu", UnaryOp::kGelu},
      {"Softplus", UnaryOp::kSoftplus}, {"Floor", UnaryOp::kFloor}, {"Ceil", UnaryOp::kCeil},
  };
  static constexpr std::pair<std::string_view, BinaryOp> kBinary[] = {
      {"Add", BinaryOp::kAdd}, {"Sub", BinaryOp::kSub}, {"Mul", BinaryOp::kMul},
      {"Div", BinaryOp::kDiv}, {"Min", BinaryOp::kMin}, {"Max", BinaryOp::kMax}, {"Pow", BinaryOp::kPow},
  };
  if (binary) {
    for (const auto& [name, value] : kBinary)
      if (name == op) return kernels::FindBinary(value, DataType::kFloat);
  } else {
    for (const auto& [name, value] : kUnary)
      if (name == op) return kernels::FindUnary(value, DataType::kFloat);
  }
  return {};
}

// operands[i] is k for "previous op input k", -k for "input k op previous", 0 for an operator of one input.
StatusOr<std::vector<Step>> ReadSteps(const NodeInfo& node) {
  const std::vector<std::string> names = node.GetStrings("steps");
  const std::vector<int64_t> operands = node.GetInts("operands");
  const std::vector<float> parameters = node.GetFloats("parameters");
  if (names.empty() || names.size() != operands.size() || (!parameters.empty() && parameters.size() != 2 * names.size()))
    return Invalid("steps, operands and parameters differ in length");
  std::vector<Step> steps;
  for (size_t i = 0; i < names.size(); ++i) {
    Step step;
    step.kernel = FindStep(names[i], operands[i] != 0);
    step.first = operands[i] < 0;
    step.operand = static_cast<int>(std::abs(operands[i]));
    if (!step.kernel) return Unsupported(fmt::format("Elementwise with step '{}'", names[i]));
    if (operands[i] <= -static_cast<int64_t>(node.num_inputs()) || operands[i] >= static_cast<int64_t>(node.num_inputs()))
      return Invalid(fmt::format("step {} reads input {} of {}", i, operands[i], node.num_inputs()));
    if (!parameters.empty()) step.parameters = {parameters[2 * i], parameters[2 * i + 1]};
    steps.push_back(step);
  }
  return steps;
}

Status RunSteps(KernelContext& context, const std::vector<Step>& steps) {
  Dims dims = context.input(0).dims;
  double cost = 0;
  for (const Step& step : steps) {
    if (step.operand != 0) {
      ASSIGN_OR_RETURN(dims, kernels::BroadcastShape(dims, context.input(static_cast<size_t>(step.operand)).dims));
    }
    cost += step.kernel.cost;
  }
  for (size_t i = 0; i < context.num_inputs(); ++i)
    if (context.input(i).dtype != DataType::kFloat) return NoKernelFor("Elementwise", context.input(i).dtype);
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, dims));
  // What each step reads: X or Y, and its operand; in the order in which its operator takes them.
  std::vector<kernels::BroadcastLoop> loops;
  std::vector<std::array<kernels::Operand, 2>> operands;
  for (const Step& step : steps) {
    const bool is_first = loops.empty();
    const TensorView& x = context.input(0);
    const Dims* before = is_first ? &x.dims : &dims;
    const kernels::Operand from = is_first ? kernels::Operand{x.data, x.dtype} : kernels::Operand{y.data, y.dtype};
    if (step.operand == 0) {
      const Dims* shapes[] = {before};
      loops.emplace_back(dims, shapes);
      operands.push_back({from, from});
      continue;
    }
    const TensorView& other = context.input(static_cast<size_t>(step.operand));
    const Dims* shapes[] = {step.first ? &other.dims : before, step.first ? before : &other.dims};
    const kernels::Operand operand{other.data, other.dtype};
    loops.emplace_back(dims, shapes);
    operands.push_back({step.first ? operand : from, step.first ? from : operand});
  }
  context.ParallelFor(y.num_elements(), cost, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at += kTile) {
      const int64_t stop = std::min(end, at + kTile);
      for (size_t i = 0; i < steps.size(); ++i)
        RunRows(steps[i].kernel, loops[i], std::span(operands[i]).first(steps[i].operand == 0 ? 1 : 2), y.dtype, y.data,
                steps[i].parameters.data(), at, stop);
    }
  });
  return Status();
}

StatusOr<std::unique_ptr<Kernel>> CreateElementwise(const NodeInfo& node) {
  ASSIGN_OR_RETURN(std::vector<Step> steps, ReadSteps(node));
  return MakeKernel([steps = std::move(steps)](KernelContext& context) { return RunSteps(context, steps); });
}

}  // namespace

std::span<const KernelEntry> ChainKernels() {
  static constexpr KernelEntry kEntries[] = {{"sardonyx", "Elementwise", "tiles", AcceptsAll, CreateElementwise}};
  return kEntries;
}

}  // namespace sardonyx::cpu
