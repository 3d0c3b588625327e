// BatchNormalization and LRN.
#include <cmath>

#include "kernels/elementwise/convert.h"
#include "kernels/reduce/normalize.h"
#include "kernels/reduce/reduce.h"
#include "providers/cpu/reduction.h"
#include "providers/cpu/table_workspace.h"

namespace sardonyx::cpu {
namespace {

struct BatchNormalization {
  double epsilon, momentum;
  bool spatial;   // one entry a channel; else (opset 1 to 8 only) one a feature
  bool training;  // by the batch's own statistics

  // The tensor as [batch, channels, inner].
  struct View {
    int64_t batch, channels, inner;
  };
  View ViewOf(const Dims& dims) const {
    if (dims.rank() < 2) return {dims.num_elements(), 1, 1};
    if (!spatial) return {dims[0], dims.Product(1, dims.rank()), 1};
    return {dims[0], dims[1], dims.Product(2, dims.rank())};
  }

  Status Run(KernelContext& context) const {
    const TensorView& x = context.input(0);
    RETURN_IF_ERROR(CheckReal("BatchNormalization", x.dtype));
    const View view = ViewOf(x.dims);
    for (size_t i = 1; i < 5; ++i) {
      RETURN_IF_ERROR(CheckReal("BatchNormalization", context.input(i).dtype));
      if (context.input(i).num_elements() != view.channels)
        return Usage(fmt::format("BatchNormalization: input {} is {}, not one number for each of {} channels", i,
                                 context.input(i).TypeString(), view.channels));
    }
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, x.dims));

    const auto channels = static_cast<size_t>(view.channels);
    ASSIGN_OR_RETURN(void* const scratch, context.Workspace(6 * channels * sizeof(double)));
    auto* const scale = static_cast<double*>(scratch);
    double *const bias = scale + channels, *const mean = bias + channels, *const variance = mean + channels;
    double* const factor = variance + channels;  // later holds elements of the computing type
    double* const offset = factor + channels;
    for (size_t i = 1; i < 5; ++i)
      kernels::LoadElements(context.input(i).dtype, context.input(i).data, 0, view.channels, scale + (i - 1) * channels);
    if (training) RETURN_IF_ERROR(UseBatchStatistics(context, x, view, mean, variance));

    for (size_t c = 0; c < channels; ++c) {
      scale[c] /= std::sqrt(variance[c] + epsilon);
      bias[c] -= mean[c] * scale[c];
    }
    const DataType type = kernels::NormalizationType(x.dtype);
    kernels::ConvertElements(DataType::kDouble, scale, type, factor, 0, view.channels);
    kernels::ConvertElements(DataType::kDouble, bias, type, offset, 0, view.channels);
    context.ParallelFor(view.batch * view.channels, 0.5 * static_cast<double>(view.inner), [&](int64_t begin, int64_t end) {
      kernels::ScaleChannels(x.dtype, x.data, factor, offset, view.channels, view.inner, y.data, begin, end);
    });
    return Status();
  }

  // Replaces mean and variance by those of the batch, after writing the running ones, old * momentum + batch * (1 - momentum),
  // to outputs 1 and 2, and the batch's to 3 and 4 (opset 1 to 13).
  Status UseBatchStatistics(KernelContext& context, const TensorView& x, const View& view, double* mean, double* variance) const {
    const kernels::ReduceShape shape({view.batch, view.channels, view.inner}, {true, false, true});
    std::vector<double> batch_mean(static_cast<size_t>(view.channels)), batch_variance(batch_mean);
    context.ParallelFor(shape.units(), static_cast<double>(shape.elements_per_unit()), [&](int64_t begin, int64_t end) {
      kernels::Reduce(kernels::ReduceOp::kMean, x.dtype, x.data, shape, DataType::kDouble, batch_mean.data(), begin, end);
      kernels::Reduce(kernels::ReduceOp::kSumSquare, x.dtype, x.data, shape, DataType::kDouble, batch_variance.data(), begin, end);
    });
    for (size_t c = 0; c < batch_mean.size(); ++c) {
      batch_variance[c] = std::max(0.0, batch_variance[c] / static_cast<double>(shape.count()) - batch_mean[c] * batch_mean[c]);
      mean[c] = mean[c] * momentum + batch_mean[c] * (1 - momentum);
      variance[c] = variance[c] * momentum + batch_variance[c] * (1 - momentum);
    }
    const double* const results[] = {mean, variance, batch_mean.data(), batch_variance.data()};
    for (size_t i = 0; i < 4; ++i) {
      if (!context.has_output(i + 1)) continue;
      const TensorView& like = context.input(3 + i % 2);
      ASSIGN_OR_RETURN(TensorView out, context.Output(i + 1, like.dtype, like.dims));
      kernels::StoreElements(results[i], view.channels, out.dtype, out.data, 0);
    }
    std::copy(batch_mean.begin(), batch_mean.end(), mean);
    std::copy(batch_variance.begin(), batch_variance.end(), variance);
    return Status();
  }
};

// Training is asked for by training_mode since opset 14, by wanting its outputs in 7 and 9, and also by is_test=0 in 1 and 6.
bool Trains(const NodeInfo& node) {
  if (node.opset_version() >= 14) return node.GetInt("training_mode", 0) != 0;
  bool wants = false;
  for (size_t i = 1; i < node.num_outputs(); ++i) wants |= node.has_output(i);
  return wants && (node.opset_version() >= 7 || node.GetInt("is_test", 0) == 0);
}

StatusOr<std::unique_ptr<Kernel>> MakeBatchNormalization(const NodeInfo& node) {
  const bool spatial = node.opset_version() >= 9 || node.GetInt("spatial", 1) != 0;
  const BatchNormalization batch{node.GetFloat("epsilon", 1e-5f), node.GetFloat("momentum", 0.9f), spatial, Trains(node)};
  return MakeKernel([batch](KernelContext& context) { return batch.Run(context); }, {.in_place = {{0, 0}}});
}

StatusOr<std::unique_ptr<Kernel>> MakeLrn(const NodeInfo& node) {
  const kernels::LocalResponse how{node.GetInt("size", 0), node.GetFloat("alpha", 1e-4f), node.GetFloat("beta", 0.75f),
                                   node.GetFloat("bias", 1.0f)};
  if (how.size <= 0) return Invalid(fmt::format("LRN: size is {}", how.size));
  return MakeKernel([how](KernelContext& context) -> Status {
    const TensorView& x = context.input(0);
    RETURN_IF_ERROR(CheckReal("LRN", x.dtype));
    if (x.rank() < 2) return Usage(fmt::format("LRN: the input is {}, without channels", x.TypeString()));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, x.dims));
    const int64_t channels = x.dims[1], inner = x.dims.Product(2, x.rank());
    const double window = static_cast<double>(std::min(how.size, channels)) + 10;
    context.ParallelFor(x.dims[0], static_cast<double>(channels * inner) * window, [&](int64_t begin, int64_t end) {
      kernels::NormalizeLocalResponse(how, x.dtype, x.data, channels, inner, y.data, begin, end);
    });
    return Status();
  });
}

}  // namespace

std::span<const KernelEntry> ChannelKernels() {
  static constexpr KernelEntry kEntries[] = {
      {"", "BatchNormalization", "reference", AcceptsAll, MakeBatchNormalization},
      {"", "LRN", "reference", AcceptsAll, MakeLrn},
  };
  return kEntries;
}

}  // namespace sardonyx::cpu
