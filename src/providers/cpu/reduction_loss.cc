// NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss.
#include "kernels/reduce/loss.h"

#include <numeric>

#include "kernels/elementwise/convert.h"
#include "kernels/reduce/along_axis.h"
#include "providers/cpu/reduction.h"
#include "providers/cpu/table_workspace.h"

namespace sardonyx::cpu {
namespace {

struct Loss {
  std::string name;
  enum class Reduction { kNone, kSum, kMean } reduction;
  std::optional<int64_t> ignore_index;

  // The loss of log probabilities [N, C, D...] (element type and data of `log_probabilities`) as output 0.
  Status Run(KernelContext& context, const TensorView& log_probabilities) const {
    const TensorView& x = log_probabilities;
    const TensorView& labels = context.input(1);
    const TensorView* const class_weights = OptionalInput(context, 2);
    if (x.rank() < 2) return Usage(fmt::format("{}: the input is {}, without classes", name, x.TypeString()));
    const int64_t batch = x.dims[0], classes = x.dims[1], inner = x.dims.Product(2, x.rank());
    if (!IsInteger(labels.dtype) || labels.num_elements() != batch * inner)
      return Usage(fmt::format("{}: labels are {} for {}", name, labels.TypeString(), x.TypeString()));
    if (class_weights != nullptr && class_weights->num_elements() != classes)
      return Usage(fmt::format("{}: weights are {}, not {} elements", name, class_weights->TypeString(), classes));
    const Dims label_dims = labels.dims;
    ASSIGN_OR_RETURN(TensorView out, context.Output(0, x.dtype, reduction == Reduction::kNone ? label_dims : Dims()));

    const int64_t count = labels.num_elements(), total = x.num_elements();
    ASSIGN_OR_RETURN(TableWorkspace tables, TableWorkspace::Create(context, DataType::kDouble, {class_weights, &x}, 3 * count + total));
    const auto* const values = static_cast<const double*>(tables.Take(&x));
    const auto* const weights_of_classes = static_cast<const double*>(tables.Take(class_weights));
    auto* const losses = static_cast<double*>(tables.TakeExtra(count));
    auto* const weights = static_cast<double*>(tables.TakeExtra(count));
    auto* const wanted = static_cast<int64_t*>(tables.TakeExtra(count));
    kernels::LoadElements(labels.dtype, labels.data, 0, count, wanted);
    const auto bad =
        kernels::NegativeLogLikelihood(values, wanted, weights_of_classes, ignore_index, batch, classes, inner, losses, weights);
    if (bad) return Usage(fmt::format("{}: label {} is none of {} classes", name, *bad, classes));

    if (reduction == Reduction::kNone) {
      kernels::StoreElements(losses, count, out.dtype, out.data, 0);
      return Status();
    }
    double result = std::accumulate(losses, losses + count, 0.0);
    if (reduction == Reduction::kMean) result /= std::accumulate(weights, weights + count, 0.0);
    kernels::StoreElements(&result, 1, out.dtype, out.data, 0);
    return Status();
  }
};

StatusOr<Loss> ReadLoss(const NodeInfo& node) {
  Loss loss{node.node().op_type, Loss::Reduction::kMean, std::nullopt};
  if (node.HasAttribute("ignore_index")) loss.ignore_index = node.GetInt("ignore_index");
  const std::string reduction = node.GetString("reduction", "mean");
  if (reduction == "none")
    loss.reduction = Loss::Reduction::kNone;
  else if (reduction == "sum")
    loss.reduction = Loss::Reduction::kSum;
  else if (reduction != "mean")
    return Invalid(fmt::format("{}: reduction is '{}', not none, sum or mean", loss.name, reduction));
  return loss;
}

StatusOr<std::unique_ptr<Kernel>> MakeNegativeLogLikelihood(const NodeInfo& node) {
  ASSIGN_OR_RETURN(Loss loss, ReadLoss(node));
  return MakeKernel([loss](KernelContext& context) -> Status {
    RETURN_IF_ERROR(CheckReal(loss.name, context.input(0).dtype));
    return loss.Run(context, context.input(0));
  });
}

StatusOr<std::unique_ptr<Kernel>> MakeSoftmaxCrossEntropy(const NodeInfo& node) {
  ASSIGN_OR_RETURN(Loss loss, ReadLoss(node));
  return MakeKernel([loss](KernelContext& context) -> Status {
    const TensorView& scores = context.input(0);
    RETURN_IF_ERROR(CheckReal(loss.name, scores.dtype));
    if (scores.rank() < 2) return Usage(fmt::format("{}: the scores are {}, without classes", loss.name, scores.TypeString()));
    ASSIGN_OR_RETURN(TensorView log_probabilities, context.Output(1, scores.dtype, scores.dims));
    const kernels::AxisView view(scores.dims, 1);
    context.ParallelFor(view.lines(), 10 * static_cast<double>(view.length), [&](int64_t begin, int64_t end) {
      kernels::Softmax(kernels::SoftmaxKind::kLogSoftmax, scores.dtype, scores.data, view, log_probabilities.data, begin, end);
    });
    return loss.Run(context, log_probabilities);
  });
}

}  // namespace

std::span<const KernelEntry> LossKernels() {
  static constexpr KernelEntry kEntries[] = {
      {"", "NegativeLogLikelihoodLoss", "reference", AcceptsAll, MakeNegativeLogLikelihood},
      {"", "SoftmaxCrossEntropyLoss", "reference", AcceptsAll, MakeSoftmaxCrossEntropy},
  };
  return kEntries;
}

}  // namespace sardonyx::cpu
