// Einsum, Det, Inverse.
#include <fmt/format.h>

#include "kernels/gemm/aligned_buffer.h"
#include "kernels/gemm/det.h"
#include "kernels/gemm/einsum.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/matrix.h"
#include "providers/cpu/widened.h"
#include "providers/cpu/workspace.h"

namespace sardonyx::cpu {
namespace {

using kernels::AlignedBuffer;
using kernels::EinsumEquation;

template <class T>
Status RunEinsum(KernelContext& context, const EinsumEquation& equation, std::span<const Dims> dims) {
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, context.input(0).dtype, equation.output_dims));
  // 8-, 16- and 32-bit integers, and unsigned ones, are computed in int64: sums agree modulo their width.
  using Compute = std::conditional_t<std::is_floating_point_v<T>, T, int64_t>;
  std::vector<AlignedBuffer<Compute>> converted;
  std::vector<const Compute*> inputs;
  for (size_t i = 0; i < dims.size(); ++i) {
    const TensorView& x = context.input(i);
    if constexpr (std::is_same_v<T, Compute>) {
      inputs.push_back(x.ptr<T>());
    } else {
      converted.emplace_back(x.num_elements());
      if (!converted.back()) return Resource(fmt::format("no memory for {} elements", x.num_elements()));
      std::transform(x.ptr<T>(), x.ptr<T>() + x.num_elements(), converted.back().data(), [](T v) { return static_cast<Compute>(v); });
      inputs.push_back(converted.back().data());
    }
  }
  if constexpr (std::is_same_v<T, Compute>) {
    return kernels::Einsum<T>(equation, dims, inputs, y.mutable_ptr<T>(), context.thread_pool());
  } else {
    AlignedBuffer<Compute> result(y.num_elements());
    if (!result) return Resource(fmt::format("no memory for {} elements", y.num_elements()));
    RETURN_IF_ERROR(kernels::Einsum<Compute>(equation, dims, inputs, result.data(), context.thread_pool()));
    std::transform(result.data(), result.data() + y.num_elements(), y.mutable_ptr<T>(), [](Compute v) { return static_cast<T>(v); });
    return Status();
  }
}

StatusOr<std::unique_ptr<Kernel>> CreateEinsum(const NodeInfo& node) {
  return MakeKernel([equation = node.GetString("equation")](KernelContext& context) -> Status {
    std::vector<Dims> dims;
    for (size_t i = 0; i < context.num_inputs(); ++i) {
      dims.push_back(context.input(i).dims);
      if (context.input(i).dtype != context.input(0).dtype) return Invalid("operands differ in element type");
    }
    ASSIGN_OR_RETURN(const EinsumEquation parsed, kernels::ParseEinsum(equation, dims));
    ASSIGN_OR_RETURN([[maybe_unused]] const int64_t count, CheckedNumElements(DataType::kDouble, parsed.output_dims));
    return Dispatch<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t>(
        context.input(0).dtype, "Einsum", [&]<class T>() { return RunEinsum<T>(context, parsed, dims); });
  });
}

// X [..., n, n] -> n and the number of matrices.
struct SquareShape {
  int64_t n = 0, matrices = 0;
};
StatusOr<SquareShape> PlanSquare(const Dims& x) {
  if (x.rank() < 2 || x.back() != x[x.rank() - 2]) return Invalid(fmt::format("X {} must hold square matrices", x.ToString()));
  return SquareShape{x.back(), x.Product(0, x.rank() - 2)};
}

StatusOr<std::unique_ptr<Kernel>> CreateDet(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    const TensorView& x = context.input(0);
    ASSIGN_OR_RETURN(const SquareShape s, PlanSquare(x.dims));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, Dims(std::span<const int64_t>(x.dims).first(x.rank() - 2))));
    ASSIGN_OR_RETURN(void* workspace, context.Workspace(static_cast<size_t>(s.n * s.n) * sizeof(double)));
    double* lu = static_cast<double*>(workspace);
    return Dispatch<float, double>(x.dtype, "Det", [&]<class T>() -> Status {
      for (int64_t i = 0; i < s.matrices; ++i) {
        std::copy_n(x.ptr<T>() + i * s.n * s.n, s.n * s.n, lu);
        y.mutable_ptr<T>()[i] = static_cast<T>(kernels::Determinant(lu, s.n));
      }
      return Status();
    });
  });
}

StatusOr<std::unique_ptr<Kernel>> CreateInverse(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    const TensorView& x = context.input(0);
    ASSIGN_OR_RETURN(const SquareShape s, PlanSquare(x.dims));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, x.dims));
    ASSIGN_OR_RETURN(void* workspace, context.Workspace(static_cast<size_t>(2 * s.n * s.n) * sizeof(double)));
    double* matrix = static_cast<double*>(workspace);
    double* inverse = matrix + s.n * s.n;
    return Dispatch<float, double>(x.dtype, "Inverse", [&]<class T>() -> Status {
      for (int64_t i = 0; i < s.matrices; ++i) {
        std::copy_n(x.ptr<T>() + i * s.n * s.n, s.n * s.n, matrix);
        if (!kernels::Invert(matrix, inverse, s.n)) return Usage(fmt::format("matrix {} of X is singular", i));
        std::copy_n(inverse, s.n * s.n, y.mutable_ptr<T>() + i * s.n * s.n);
      }
      return Status();
    });
  });
}

constexpr KernelEntry kRows[] = {
    {"", "Einsum", "products", AcceptsAll, Widened<CreateEinsum>},
    {"", "Det", "elimination", AcceptsAll, Widened<CreateDet>},
    {"com.microsoft", "Inverse", "elimination", AcceptsAll, Widened<CreateInverse>},
};

}  // namespace

std::span<const KernelEntry> AlgebraKernels() { return kRows; }

}  // namespace sardonyx::cpu
