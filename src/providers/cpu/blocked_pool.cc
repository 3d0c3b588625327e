// Pooling in blocks of channels: MaxPool, AveragePool, GlobalAveragePool, GlobalMaxPool, and ReduceMean over all positions.
#include <algorithm>

#include <fmt/format.h>

#include "kernels/pool/pool_blocked.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/blocked.h"
#include "providers/cpu/convolution.h"

namespace sardonyx::cpu {
namespace {

KernelTraits Traits() { return {.input_layouts = {Layout::kNchw16c}, .output_layout = Layout::kNchw16c}; }

std::string DeclinesBlocked(const NodeInfo& node) {
  if (!IsBlocked(node, 0)) return "the input is not blocked";
  if (!KnownChannels(node, 0)) return "not known to be float with channels";
  return node.num_outputs() > 1 && node.has_output(1) ? "gives indices" : "";
}

Status CheckInput(const TensorView& x) {
  if (x.dtype == DataType::kFloat && x.rank() >= 3) return Status();
  return Invalid(fmt::format("X {} must be float [batch, channels, spatial...]", x.TypeString()));
}

template <bool maximum>
StatusOr<std::unique_ptr<Kernel>> CreatePool(const NodeInfo& node) {
  kernels::WindowAttributes attributes;
  ASSIGN_OR_RETURN(attributes, ReadWindowAttributes(node));
  attributes.may_exceed = true;
  return MakeKernel(
      [attributes, kernel = node.GetInts("kernel_shape"), include_pad = node.GetInt("count_include_pad") != 0](KernelContext& context) -> Status {
        const TensorView& x = context.input(0);
        RETURN_IF_ERROR(CheckInput(x));
        ASSIGN_OR_RETURN(const kernels::Window window, kernels::MakeWindow(attributes, std::span<const int64_t>(x.dims).subspan(2), kernel));
        Dims dims{x.dims[0], x.dims[1]};
        for (int64_t dim : window.output_dims()) dims.push_back(dim);
        ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, dims));
        const int64_t planes = x.dims[0] * kernels::ChannelBlocks(x.dims[1]);
        if (maximum)
          kernels::BlockedMaxPool(window, planes, x.ptr<float>(), y.mutable_ptr<float>(), context.thread_pool());
        else
          kernels::BlockedAveragePool(window, planes, include_pad, x.ptr<float>(), y.mutable_ptr<float>(), context.thread_pool());
        return Status();
      },
      Traits());
}

StatusOr<std::unique_ptr<Kernel>> MakeGlobalPool(bool maximum, bool keep_dims) {
  return MakeKernel(
      [maximum, keep_dims](KernelContext& context) -> Status {
        const TensorView& x = context.input(0);
        RETURN_IF_ERROR(CheckInput(x));
        const int64_t size = x.dims.Product(2, x.rank());
        if (size == 0) return Invalid(fmt::format("X {} has planes without elements", x.dims.ToString()));
        Dims dims{x.dims[0], x.dims[1]};
        for (size_t i = 2; i < x.rank() && keep_dims; ++i) dims.push_back(1);
        ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, dims));
        kernels::BlockedGlobalPool(maximum, x.dims[0] * kernels::ChannelBlocks(x.dims[1]), size, x.ptr<float>(), y.mutable_ptr<float>(),
                                   context.thread_pool());
        return Status();
      },
      Traits());
}

std::string DeclinesReduceMean(const NodeInfo& node) {
  std::string reason = DeclinesBlocked(node);
  if (!reason.empty()) return reason;
  std::vector<int64_t> axes = node.GetInts("axes");
  if (node.has_input(1)) {
    const Tensor* constant = node.constant(1);
    if (!constant || constant->dtype() != DataType::kInt64) return "axes are not constant";
    axes.assign(constant->data<int64_t>().begin(), constant->data<int64_t>().end());
  }
  const auto rank = static_cast<int64_t>(KnownChannels(node, 0)->rank);
  for (int64_t& axis : axes) axis += axis < 0 ? rank : 0;
  std::sort(axes.begin(), axes.end());
  std::vector<int64_t> positions;
  for (int64_t axis = 2; axis < rank; ++axis) positions.push_back(axis);
  return rank >= 3 && axes == positions ? "" : "not over all positions";
}

constexpr KernelEntry kRows[] = {
    {"", "MaxPool", "nchw16c", DeclinesBlocked, CreatePool<true>},
    {"", "AveragePool", "nchw16c", DeclinesBlocked, CreatePool<false>},
    {"", "GlobalMaxPool", "nchw16c", DeclinesBlocked, [](const NodeInfo&) { return MakeGlobalPool(true, true); }},
    {"", "GlobalAveragePool", "nchw16c", DeclinesBlocked, [](const NodeInfo&) { return MakeGlobalPool(false, true); }},
    {"", "ReduceMean", "nchw16c", DeclinesReduceMean,
     [](const NodeInfo& node) { return MakeGlobalPool(false, node.GetInt("keepdims", 1) != 0); }},
};

}  // namespace

std::span<const KernelEntry> BlockedPoolKernels() { return kRows; }

}  // namespace sardonyx::cpu
