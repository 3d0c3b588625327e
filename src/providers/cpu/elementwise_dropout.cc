#include <algorithm>

#include "kernels/elementwise/convert.h"
#include "kernels/generate/numpy_random.h"
#include "providers/cpu/elementwise.h"

namespace sardonyx::cpu {
namespace {

// What one run drops: nothing unless training.
struct DropoutMode {
  double ratio = 0.5;
  bool training = false;
  bool drops() const { return training && ratio > 0; }
};

// Output 1 where it is wanted: 1 for kept elements. Of the data's type before opset 10, bool since.
Status FillMask(TensorView& mask) {
  const float one = 1.0f;
  std::array<unsigned char, 8> element{};
  kernels::ConvertElements(DataType::kFloat, &one, mask.dtype, element.data(), 0, 1);
  const int64_t stride = kernels::ElementStride(mask.dtype);
  for (int64_t i = 0; i < mask.num_elements(); ++i)
    std::copy_n(element.data(), stride, static_cast<unsigned char*>(mask.data) + i * stride);
  return Status();
}

// The random numbers are one stream, so this runs on one thread; training on this engine is no hot path.
void Drop(const TensorView& x, TensorView& y, TensorView* mask, double ratio, uint32_t seed) {
  kernels::NumpyRandom random(seed);
  const double scale = 1.0 / (1.0 - ratio);
  double chunk[kernels::kChunk], kept[kernels::kChunk];
  const int64_t count = x.num_elements();
  for (int64_t begin = 0; begin < count; begin += kernels::kChunk) {
    const int64_t n = std::min(kernels::kChunk, count - begin);
    kernels::LoadElements(x.dtype, x.data, begin, n, chunk);
    for (int64_t i = 0; i < n; ++i) {
      kept[i] = random.Uniform() >= ratio ? 1.0 : 0.0;
      chunk[i] = kept[i] == 0 ? 0 : chunk[i] * scale;
    }
    kernels::StoreElements(chunk, n, y.dtype, y.data, begin);
    if (mask != nullptr) kernels::StoreElements(kept, n, mask->dtype, mask->data, begin);
  }
}

Status RunDropout(KernelContext& context, const DropoutMode& mode, DataType mask_dtype, std::optional<uint32_t> seed) {
  const TensorView& x = context.input(0);
  if (!IsFloatingPoint(x.dtype)) return NoKernelFor("Dropout", x.dtype);
  if (mode.drops() && !(mode.ratio < 1)) return Usage(fmt::format("Dropout: ratio {} is not in [0, 1)", mode.ratio));
  const bool wants_mask = context.num_outputs() > 1 && context.has_output(1);
  TensorView mask;
  if (wants_mask) {
    ASSIGN_OR_RETURN(mask, context.Output(1, mask_dtype == DataType::kUndefined ? x.dtype : mask_dtype, x.dims));
  }
  if (!mode.drops()) {
    if (wants_mask) RETURN_IF_ERROR(FillMask(mask));
    return context.OutputAlias(0, 0, x.dims);
  }
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, x.dims));
  Drop(x, y, wants_mask ? &mask : nullptr, mode.ratio, seed ? *seed : kernels::FreshSeed());
  return Status();
}

// Opset 1 to 11: the mode is an attribute (is_test) until 6, then always inference.
StatusOr<std::unique_ptr<Kernel>> MakeDropoutByAttributes(const NodeInfo& node) {
  DropoutMode mode{node.GetFloat("ratio", 0.5f), node.opset_version() < 7 && node.GetInt("is_test", 0) == 0};
  const DataType mask = node.opset_version() < 10 ? DataType::kUndefined : DataType::kBool;
  return MakeKernel([mode, mask](KernelContext& context) { return RunDropout(context, mode, mask, std::nullopt); },
                    {.alias_input = mode.drops() ? -1 : 0});
}

template <class T>
StatusOr<T> ReadScalar(const KernelContext& context, size_t i, T fallback) {
  if (i >= context.num_inputs() || !context.has_input(i)) return fallback;
  const TensorView& input = context.input(i);
  if (input.num_elements() != 1) return Usage(fmt::format("Dropout: input {} is {}, not a scalar", i, input.TypeString()));
  double value = 0;
  kernels::LoadElements(input.dtype, input.data, 0, 1, &value);
  return static_cast<T>(value);
}

StatusOr<std::unique_ptr<Kernel>> MakeDropout(const NodeInfo& node) {
  std::optional<uint32_t> seed;
  if (node.HasAttribute("seed")) seed = static_cast<uint32_t>(node.GetInt("seed"));
  const bool may_drop = node.has_input(2);
  return MakeKernel(
      [seed](KernelContext& context) -> Status {
        DropoutMode mode;
        ASSIGN_OR_RETURN(mode.ratio, ReadScalar<double>(context, 1, 0.5));
        ASSIGN_OR_RETURN(mode.training, ReadScalar<bool>(context, 2, false));
        return RunDropout(context, mode, DataType::kBool, seed);
      },
      {.alias_input = may_drop ? -1 : 0});
}

}  // namespace

std::span<const KernelEntry> DropoutKernels() {
  static constexpr KernelEntry kEntries[] = {
      {"", "Dropout", "reference", AcceptsAll, MakeDropoutByAttributes, 1, 11},
      {"", "Dropout", "reference", AcceptsAll, MakeDropout, 12},
  };
  return kEntries;
}

}  // namespace sardonyx::cpu
