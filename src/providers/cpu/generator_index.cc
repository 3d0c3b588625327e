// Shape, Size, NonZero, OneHot.
#include <algorithm>

#include "kernels/generate/generate.h"
#include "providers/cpu/generator.h"
#include "providers/cpu/scalar_input.h"

namespace sardonyx::cpu {
namespace {

// `axis` of Shape's attributes: counted from the front and held within [0, rank].
int64_t ClampedAxis(int64_t axis, int64_t rank) { return std::clamp<int64_t>(axis < 0 ? axis + rank : axis, 0, rank); }

StatusOr<std::unique_ptr<Kernel>> MakeShape(const NodeInfo& node) {
  const int64_t start = node.GetInt("start", 0);
  std::optional<int64_t> end;
  if (node.HasAttribute("end")) end = node.GetInt("end");
  return MakeKernel([start, end](KernelContext& context) -> Status {
    const Dims dims = context.input(0).dims;
    const auto rank = static_cast<int64_t>(dims.rank());
    const int64_t first = ClampedAxis(start, rank), last = std::max(first, end ? ClampedAxis(*end, rank) : rank);
    ASSIGN_OR_RETURN(TensorView out, context.Output(0, DataType::kInt64, {last - first}));
    std::copy(dims.begin() + first, dims.begin() + last, out.mutable_ptr<int64_t>());
    return Status();
  });
}

StatusOr<std::unique_ptr<Kernel>> MakeSize(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    const int64_t count = context.input(0).num_elements();
    ASSIGN_OR_RETURN(TensorView out, context.Output(0, DataType::kInt64, {}));
    *out.mutable_ptr<int64_t>() = count;
    return Status();
  });
}

StatusOr<std::unique_ptr<Kernel>> MakeNonZero(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    const TensorView& x = context.input(0);
    if (x.dtype != DataType::kString && BitsPerElement(x.dtype) < 8)
      return Unsupported(fmt::format("NonZero is not defined for {}", DataTypeName(x.dtype)));
    const int64_t count = x.num_elements();
    ASSIGN_OR_RETURN(void* const scratch, context.Workspace(static_cast<size_t>(count)));
    auto* const flags = static_cast<uint8_t*>(scratch);
    kernels::NonZeroFlags(x.dtype, x.data, count, flags);
    const int64_t found = std::count(flags, flags + count, 1);
    const auto rank = static_cast<int64_t>(x.rank());
    ASSIGN_OR_RETURN(TensorView out, context.Output(0, DataType::kInt64, {rank, found}));
    auto* const indices = out.mutable_ptr<int64_t>();
    for (int64_t i = 0, at = 0; i < count; ++i) {
      if (flags[i] == 0) continue;
      int64_t rest = i;
      for (int64_t d = rank; d-- > 0; rest /= x.dims[d]) indices[d * found + at] = rest % x.dims[d];
      ++at;
    }
    return Status();
  });
}

StatusOr<std::unique_ptr<Kernel>> MakeOneHot(const NodeInfo& node) {
  const int64_t axis = node.GetInt("axis", -1);
  const bool wrap = node.opset_version() >= 11;
  return MakeKernel([axis, wrap](KernelContext& context) -> Status {
    const TensorView& indices = context.input(0);
    const TensorView& values = context.input(2);
    ASSIGN_OR_RETURN(const int64_t depth, ScalarInput<int64_t>(context, 1, "OneHot: depth"));
    if (values.num_elements() != 2) return Usage(fmt::format("OneHot: values are {}, not an off and an on value", values.TypeString()));
    if (indices.dtype == DataType::kString) return Usage("OneHot: indices are strings");
    ASSIGN_OR_RETURN(const size_t at, NormalAxis("OneHot", axis, indices.rank() + 1));
    Dims dims(std::span<const int64_t>(indices.dims).first(at));
    dims.push_back(depth);
    for (size_t d = at; d < indices.rank(); ++d) dims.push_back(indices.dims[d]);
    ASSIGN_OR_RETURN(TensorView out, context.Output(0, values.dtype, dims));

    const int64_t count = indices.num_elements();
    ASSIGN_OR_RETURN(void* const scratch, context.Workspace(static_cast<size_t>(count) * sizeof(int64_t)));
    auto* const wanted = static_cast<int64_t*>(scratch);
    kernels::LoadElements(indices.dtype, indices.data, 0, count, wanted);
    kernels::OneHot(wanted, indices.dims.Product(0, at), depth, indices.dims.Product(at, indices.rank()), wrap, values.dtype, values.data,
                    out.data);
    return Status();
  });
}

}  // namespace

std::span<const KernelEntry> IndexKernels() {
  static constexpr KernelEntry kEntries[] = {
      {"", "Shape", "reference", AcceptsAll, MakeShape},
      {"", "Size", "reference", AcceptsAll, MakeSize},
      {"", "NonZero", "reference", AcceptsAll, MakeNonZero},
      {"", "OneHot", "reference", AcceptsAll, MakeOneHot},
  };
  return kEntries;
}

}  // namespace sardonyx::cpu
