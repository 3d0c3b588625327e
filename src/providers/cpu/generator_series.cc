// Range and the windows.
#include <vector>

#include "kernels/generate/generate.h"
#include "providers/cpu/generator.h"
#include "providers/cpu/scalar_input.h"

namespace sardonyx::cpu {
namespace {

// start + i delta, in Hub (double for floats, so that the last bit is that of one rounding; int64 for integers).
template <class Hub>
Status RunRange(KernelContext& context) {
  const DataType dtype = context.input(0).dtype;
  ASSIGN_OR_RETURN(const Hub start, ScalarInput<Hub>(context, 0, "Range: start"));
  ASSIGN_OR_RETURN(const Hub limit, ScalarInput<Hub>(context, 1, "Range: limit"));
  ASSIGN_OR_RETURN(const Hub delta, ScalarInput<Hub>(context, 2, "Range: delta"));
  const std::optional<int64_t> length = kernels::RangeLength(start, limit, delta);
  if (!length) return Usage(fmt::format("Range: no range leads from {} to {} in steps of {}", start, limit, delta));
  ASSIGN_OR_RETURN(TensorView out, context.Output(0, dtype, {*length}));
  Hub chunk[kernels::kChunk];
  for (int64_t begin = 0; begin < *length; begin += kernels::kChunk) {
    const int64_t n = std::min(kernels::kChunk, *length - begin);
    for (int64_t i = 0; i < n; ++i) chunk[i] = start + static_cast<Hub>(begin + i) * delta;
    kernels::StoreElements(chunk, n, dtype, out.data, begin);
  }
  return Status();
}

StatusOr<std::unique_ptr<Kernel>> MakeRange(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    const DataType dtype = context.input(0).dtype;
    if (IsInteger(dtype)) return RunRange<int64_t>(context);
    if (IsFloatingPoint(dtype)) return RunRange<double>(context);
    return Unsupported(fmt::format("Range is not defined for {}", DataTypeName(dtype)));
  });
}

struct Coefficients {
  double a0, a1, a2;
};
constexpr Coefficients kHann = {0.5, 0.5, 0}, kHamming = {25.0 / 46, 21.0 / 46, 0}, kBlackman = {0.42, 0.5, 0.08};

template <const Coefficients& c>
StatusOr<std::unique_ptr<Kernel>> MakeWindow(const NodeInfo& node) {
  ASSIGN_OR_RETURN(const DataType dtype, DtypeAttribute(node, "output_datatype", DataType::kFloat));
  const bool periodic = node.GetInt("periodic", 1) != 0;
  return MakeKernel([dtype, periodic, name = node.node().op_type](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const int64_t size, ScalarInput<int64_t>(context, 0, name + ": size"));
    ASSIGN_OR_RETURN(TensorView out, context.Output(0, dtype, {size}));
    ASSIGN_OR_RETURN(void* const scratch, context.Workspace(static_cast<size_t>(size) * sizeof(double)));
    auto* const window = static_cast<double*>(scratch);
    kernels::CosineWindow(c.a0, c.a1, c.a2, size, periodic, window);
    kernels::ConvertElements(DataType::kDouble, window, dtype, out.data, 0, size);
    return Status();
  });
}

}  // namespace

std::span<const KernelEntry> SeriesKernels() {
  static constexpr KernelEntry kEntries[] = {
      {"", "Range", "reference", AcceptsAll, MakeRange},
      {"com.microsoft", "Range", "reference", AcceptsAll, MakeRange},
      {"", "HannWindow", "reference", AcceptsAll, MakeWindow<kHann>},
      {"", "HammingWindow", "reference", AcceptsAll, MakeWindow<kHamming>},
      {"", "BlackmanWindow", "reference", AcceptsAll, MakeWindow<kBlackman>},
  };
  return kEntries;
}

}  // namespace sardonyx::cpu
