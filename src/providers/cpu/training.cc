// The optimizers of ai.onnx.preview.training. A node updates any number of tensors: its inputs are the learning rate R,
// the update count T, then all tensors, all their gradients, and all of each kind of state; outputs follow the same order.
#include "kernels/training/optimizers.h"
#include "providers/cpu/bind.h"

namespace sardonyx::cpu {
namespace {

using KernelOr = StatusOr<std::unique_ptr<Kernel>>;

StatusOr<kernels::OptimizerStep> ReadStep(KernelContext& context, float norm_coefficient) {
  const TensorView &rate = context.input(0), &count = context.input(1);
  if (rate.num_elements() != 1 || count.num_elements() != 1 || count.dtype != DataType::kInt64)
    return Invalid(fmt::format("R and T must be one number and one int64, not {} and {}", rate.TypeString(), count.TypeString()));
  kernels::OptimizerStep step{.rate = 0, .count = *count.ptr<int64_t>(), .norm_coefficient = norm_coefficient};
  RETURN_IF_ERROR((Dispatch<float, double>(rate.dtype, "an optimizer", [&]<class T>() -> Status {
    step.rate = static_cast<double>(*rate.ptr<T>());
    return {};
  })));
  return step;
}

// The tensors of one update: inputs x, gradient, states; outputs x, states.
template <class T, size_t kStates>
struct Operands {
  int64_t size;
  const T* in[2 + kStates];
  T* out[1 + kStates];
};

// Calls run(step, operands) for every tensor that the node updates.
template <size_t kStates, class Run>
Status ForEachTensor(KernelContext& context, std::string_view op, float norm_coefficient, const Run& run) {
  if (context.num_inputs() < 2 || (context.num_inputs() - 2) % (2 + kStates) != 0)
    return Invalid(fmt::format("{} inputs are not R, T and {} for each tensor", context.num_inputs(), 2 + kStates));
  const size_t tensors = (context.num_inputs() - 2) / (2 + kStates);
  ASSIGN_OR_RETURN(const kernels::OptimizerStep step, ReadStep(context, norm_coefficient));
  for (size_t n = 0; n < tensors; ++n) {
    const TensorView& x = context.input(2 + n);
    RETURN_IF_ERROR((Dispatch<float, double>(x.dtype, op, [&]<class T>() -> Status {
      Operands<T, kStates> operands;
      operands.size = x.num_elements();
      for (size_t i = 0; i < 2 + kStates; ++i) {
        const TensorView& input = context.input(2 + n + i * tensors);
        if (input.dtype != x.dtype || input.dims != x.dims)
          return Invalid(fmt::format("{} and {} belong together but differ", x.TypeString(), input.TypeString()));
        operands.in[i] = input.ptr<T>();
      }
      for (size_t i = 0; i < 1 + kStates; ++i) {
        ASSIGN_OR_RETURN(TensorView output, context.Output(n + i * tensors, x.dtype, x.dims));
        operands.out[i] = output.mutable_ptr<T>();
      }
      run(step, operands);
      return {};
    })));
  }
  return {};
}

KernelOr CreateAdagrad(const NodeInfo& node) {
  const kernels::AdagradOptions options{node.GetFloat("decay_factor"), node.GetFloat("epsilon", 1e-6f)};
  return MakeKernel([options, norm = node.GetFloat("norm_coefficient")](KernelContext& context) {
    return ForEachTensor<1>(context, "Adagrad", norm, [&](const auto& step, const auto& o) {
      kernels::AdagradStep(step, options, o.size, o.in[0], o.in[1], o.in[2], o.out[0], o.out[1]);
    });
  });
}

KernelOr CreateAdam(const NodeInfo& node) {
  const kernels::AdamOptions options{node.GetFloat("alpha", 0.9f), node.GetFloat("beta", 0.999f), node.GetFloat("epsilon", 1e-6f),
                                     node.GetFloat("norm_coefficient_post")};
  return MakeKernel([options, norm = node.GetFloat("norm_coefficient")](KernelContext& context) {
    return ForEachTensor<2>(context, "Adam", norm, [&](const auto& step, const auto& o) {
      kernels::AdamStep(step, options, o.size, o.in[0], o.in[1], o.in[2], o.in[3], o.out[0], o.out[1], o.out[2]);
    });
  });
}

KernelOr CreateMomentum(const NodeInfo& node) {
  const std::string mode = node.GetString("mode");
  if (mode != "standard" && mode != "nesterov") return Invalid(fmt::format("mode '{}' is neither standard nor nesterov", mode));
  const kernels::MomentumOptions options{node.GetFloat("alpha"), node.GetFloat("beta"), mode == "nesterov"};
  return MakeKernel([options, norm = node.GetFloat("norm_coefficient")](KernelContext& context) {
    return ForEachTensor<1>(context, "Momentum", norm, [&](const auto& step, const auto& o) {
      kernels::MomentumStep(step, options, o.size, o.in[0], o.in[1], o.in[2], o.out[0], o.out[1]);
    });
  });
}

constexpr KernelEntry kTraining[] = {
    {"ai.onnx.preview.training", "Adagrad", "reference", AcceptsAll, CreateAdagrad},
    {"ai.onnx.preview.training", "Adam", "reference", AcceptsAll, CreateAdam},
    {"ai.onnx.preview.training", "Momentum", "reference", AcceptsAll, CreateMomentum},
};

}  // namespace

std::span<const KernelEntry> TrainingKernels() { return kTraining; }

}  // namespace sardonyx::cpu
