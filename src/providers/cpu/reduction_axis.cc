// Operators along one axis: ArgMax, ArgMin, CumSum, CumProd, TopK, Softmax, LogSoftmax, Hardmax, LpNormalization.
#include "kernels/reduce/along_axis.h"

#include "providers/cpu/reduction.h"
#include "providers/cpu/scalar_input.h"

namespace sardonyx::cpu {
namespace {

using kernels::AxisView;
using kernels::SoftmaxKind;

bool IsNumber(DataType dtype) { return (IsInteger(dtype) || IsFloatingPoint(dtype)) && BitsPerElement(dtype) >= 8; }

Status NotDefined(std::string_view op, DataType dtype) {
  return Unsupported(fmt::format("{} is not defined for {}", op, DataTypeName(dtype)));
}

StatusOr<std::unique_ptr<Kernel>> MakeArg(bool largest, const NodeInfo& node) {
  const int64_t axis = node.GetInt("axis", 0);
  const bool keepdims = node.GetInt("keepdims", 1) != 0, last = node.GetInt("select_last_index", 0) != 0;
  return MakeKernel([=, name = node.node().op_type](KernelContext& context) -> Status {
    const TensorView& x = context.input(0);
    if (!IsNumber(x.dtype)) return NotDefined(name, x.dtype);
    ASSIGN_OR_RETURN(const size_t d, NormalAxis(name, axis, x.rank()));
    const AxisView view(x.dims, d);
    if (view.length == 0) return Usage(fmt::format("{}: axis {} of {} is empty", name, axis, x.TypeString()));
    Dims dims;
    for (size_t i = 0; i < x.rank(); ++i) {
      if (i != d)
        dims.push_back(x.dims[i]);
      else if (keepdims)
        dims.push_back(1);
    }
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kInt64, dims));
    context.ParallelFor(view.lines(), static_cast<double>(view.length), [&](int64_t begin, int64_t end) {
      kernels::ArgExtreme(largest, last, x.dtype, x.data, view, y.mutable_ptr<int64_t>(), begin, end);
    });
    return Status();
  });
}

StatusOr<std::unique_ptr<Kernel>> MakeCumulate(bool product, const NodeInfo& node) {
  const bool exclusive = node.GetInt("exclusive", 0) != 0, reverse = node.GetInt("reverse", 0) != 0;
  return MakeKernel([=, name = node.node().op_type](KernelContext& context) -> Status {
    const TensorView& x = context.input(0);
    if (!IsNumber(x.dtype)) return NotDefined(name, x.dtype);
    ASSIGN_OR_RETURN(const int64_t axis, ScalarInput<int64_t>(context, 1, name + ": axis"));
    ASSIGN_OR_RETURN(const size_t d, NormalAxis(name, axis, x.rank()));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, x.dims));
    const AxisView view(x.dims, d);
    context.ParallelFor(view.lines(), 1.5 * static_cast<double>(view.length), [&](int64_t begin, int64_t end) {
      kernels::Cumulate(product, exclusive, reverse, x.dtype, x.data, view, y.data, begin, end);
    });
    return Status();
  });
}

// K is an attribute in opset 1, an input since 10; `largest` and `sorted` exist since 11. Always sorted: that is one of the
// orders that sorted=0 allows.
StatusOr<std::unique_ptr<Kernel>> MakeTopK(const NodeInfo& node) {
  std::optional<int64_t> attribute_k;
  if (node.opset_version() < 10) attribute_k = node.GetInt("k", -1);
  const int64_t axis = node.GetInt("axis", -1);
  const bool largest = node.GetInt("largest", 1) != 0;
  return MakeKernel([=](KernelContext& context) -> Status {
    const TensorView& x = context.input(0);
    if (!IsNumber(x.dtype)) return NotDefined("TopK", x.dtype);
    int64_t k = attribute_k.value_or(0);
    if (!attribute_k) {
      ASSIGN_OR_RETURN(k, ScalarInput<int64_t>(context, 1, "TopK: K"));
    }
    ASSIGN_OR_RETURN(const size_t d, NormalAxis("TopK", axis, x.rank()));
    const AxisView view(x.dims, d);
    if (k < 0 || k > view.length) return Usage(fmt::format("TopK: no {} elements along axis {} of {}", k, axis, x.TypeString()));
    Dims dims = x.dims;
    dims[d] = k;
    ASSIGN_OR_RETURN(TensorView values, context.Output(0, x.dtype, dims));
    ASSIGN_OR_RETURN(TensorView indices, context.Output(1, DataType::kInt64, dims));
    context.ParallelFor(view.lines(), 10 * static_cast<double>(view.length), [&](int64_t begin, int64_t end) {
      kernels::TopK(k, largest, x.dtype, x.data, view, values.data, indices.mutable_ptr<int64_t>(), begin, end);
    });
    return Status();
  });
}

StatusOr<std::unique_ptr<Kernel>> MakeSoftmax(SoftmaxKind kind, const NodeInfo& node) {
  const bool flattens = node.opset_version() < 13;
  const int64_t axis = node.GetInt("axis", flattens ? 1 : -1);
  return MakeKernel(
      [=, name = node.node().op_type](KernelContext& context) -> Status {
        const TensorView& x = context.input(0);
        RETURN_IF_ERROR(CheckReal(name, x.dtype));
        const auto rank = static_cast<int64_t>(x.rank());
        AxisView view(1, 1, 1);
        if (flattens) {
          if (axis < -rank || axis > rank) return Usage(fmt::format("{}: axis {} is not one of {}", name, axis, x.TypeString()));
          view = AxisView::Flattened(x.dims, static_cast<size_t>(axis < 0 ? axis + rank : axis));
        } else if (rank > 0) {
          ASSIGN_OR_RETURN(const size_t d, NormalAxis(name, axis, x.rank()));
          view = AxisView(x.dims, d);
        }
        ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, x.dims));
        context.ParallelFor(view.lines(), 5 * static_cast<double>(view.length),
                            [&](int64_t begin, int64_t end) { kernels::Softmax(kind, x.dtype, x.data, view, y.data, begin, end); });
        return Status();
      },
      {.in_place = {{0, 0}}});
}

StatusOr<std::unique_ptr<Kernel>> MakeLpNormalization(const NodeInfo& node) {
  const int64_t axis = node.GetInt("axis", -1), p = node.GetInt("p", 2);
  if (p != 1 && p != 2) return Invalid(fmt::format("LpNormalization: p is {}, not 1 or 2", p));
  return MakeKernel(
      [=](KernelContext& context) -> Status {
        const TensorView& x = context.input(0);
        RETURN_IF_ERROR(CheckReal("LpNormalization", x.dtype));
        ASSIGN_OR_RETURN(const size_t d, NormalAxis("LpNormalization", axis, x.rank()));
        ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, x.dims));
        const AxisView view(x.dims, d);
        context.ParallelFor(view.lines(), 3 * static_cast<double>(view.length), [&](int64_t begin, int64_t end) {
          kernels::LpNormalize(static_cast<int>(p), x.dtype, x.data, view, y.data, begin, end);
        });
        return Status();
      },
      {.in_place = {{0, 0}}});
}

}  // namespace

std::span<const KernelEntry> AxisKernels() {
  static constexpr KernelEntry kEntries[] = {
      {"", "ArgMax", "reference", AcceptsAll, [](const NodeInfo& node) { return MakeArg(true, node); }},
      {"", "ArgMin", "reference", AcceptsAll, [](const NodeInfo& node) { return MakeArg(false, node); }},
      {"", "CumSum", "reference", AcceptsAll, [](const NodeInfo& node) { return MakeCumulate(false, node); }},
      {"", "CumProd", "reference", AcceptsAll, [](const NodeInfo& node) { return MakeCumulate(true, node); }},
      {"", "TopK", "reference", AcceptsAll, MakeTopK},
      {"", "Softmax", "reference", AcceptsAll, [](const NodeInfo& node) { return MakeSoftmax(SoftmaxKind::kSoftmax, node); }},
      {"", "LogSoftmax", "reference", AcceptsAll, [](const NodeInfo& node) { return MakeSoftmax(SoftmaxKind::kLogSoftmax, node); }},
      {"", "Hardmax", "reference", AcceptsAll, [](const NodeInfo& node) { return MakeSoftmax(SoftmaxKind::kHardmax, node); }},
      {"", "LpNormalization", "reference", AcceptsAll, MakeLpNormalization},
  };
  return kEntries;
}

}  // namespace sardonyx::cpu
