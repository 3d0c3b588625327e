// Cast, CastLike, BitCast and Identity.
#include <algorithm>
#include <cstring>

#include "kernels/elementwise/cast_string.h"
#include "kernels/elementwise/convert.h"
#include "providers/cpu/elementwise.h"

namespace sardonyx::cpu {
namespace {

bool IsNumeric(DataType dtype) { return IsFloatingPoint(dtype) || IsInteger(dtype) || dtype == DataType::kBool; }

Status CastTo(KernelContext& context, DataType to, const kernels::ConvertOptions& options) {
  const TensorView& x = context.input(0);
  if (x.dtype == to) return context.OutputAlias(0, 0, x.dims);
  const bool from_string = x.dtype == DataType::kString, to_string = to == DataType::kString;
  if (!(IsNumeric(x.dtype) || from_string) || !(IsNumeric(to) || to_string))
    return Unsupported(fmt::format("no cast from {} to {}", DataTypeName(x.dtype), DataTypeName(to)));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, to, x.dims));
  const int64_t count = x.num_elements();
  if (from_string) return kernels::ParseElements(x.ptr<std::string>(), to, y.data, 0, count);
  if (to_string) {
    kernels::FormatElements(x.dtype, x.data, y.mutable_ptr<std::string>(), 0, count);
    return Status();
  }
  // In whole chunks, so that no two threads share a byte of packed elements.
  const int64_t chunks = (count + kernels::kChunk - 1) / kernels::kChunk;
  context.ParallelFor(chunks, 0.5 * kernels::kChunk, [&](int64_t first, int64_t last) {
    const int64_t begin = first * kernels::kChunk, end = std::min(count, last * kernels::kChunk);
    kernels::ConvertElements(x.dtype, x.data, to, y.data, begin, end - begin, options);
  });
  return Status();
}

StatusOr<kernels::ConvertOptions> ReadOptions(const NodeInfo& node) {
  kernels::ConvertOptions options;
  options.overflow = node.GetInt("saturate", 1) != 0 ? Overflow::kSaturate : Overflow::kNonFinite;
  const std::string mode = node.GetString("round_mode", "up");
  if (mode == "up")
    options.e8m0_rounding = Float8E8M0Rounding::kUp;
  else if (mode == "down")
    options.e8m0_rounding = Float8E8M0Rounding::kDown;
  else if (mode == "nearest")
    options.e8m0_rounding = Float8E8M0Rounding::kNearest;
  else
    return Invalid(fmt::format("{}: round_mode is '{}', not up, down or nearest", node.node().op_type, mode));
  return options;
}

// Opset 1 names the type ("FLOAT"), later ones number it.
StatusOr<DataType> ReadTo(const NodeInfo& node) {
  if (node.opset_version() < 6 && node.node().op_type == "Cast") {
    std::string name = node.GetString("to");
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (const auto type = ParseDataType(name)) return *type;
    return Invalid(fmt::format("Cast: to is '{}', which is no element type", node.GetString("to")));
  }
  const int64_t number = node.GetInt("to");
  if (number <= 0 || number >= kNumDataTypes)
    return Invalid(fmt::format("{}: to is {}, which is no element type", node.node().op_type, number));
  return static_cast<DataType>(number);
}

// A cast to the type that the input has is the input.
KernelTraits CastTraits(const NodeInfo& node, DataType to) {
  const DataType from = node.input_dtype(0);
  if (from == to) return {.alias_input = 0};
  if (BitsPerElement(from) == BitsPerElement(to) && BitsPerElement(from) >= 8) return {.in_place = {{0, 0}}};
  return {};
}

StatusOr<std::unique_ptr<Kernel>> MakeCast(const NodeInfo& node) {
  ASSIGN_OR_RETURN(const DataType to, ReadTo(node));
  ASSIGN_OR_RETURN(const kernels::ConvertOptions options, ReadOptions(node));
  return MakeKernel([to, options](KernelContext& context) { return CastTo(context, to, options); }, CastTraits(node, to));
}

StatusOr<std::unique_ptr<Kernel>> MakeCastLike(const NodeInfo& node) {
  ASSIGN_OR_RETURN(const kernels::ConvertOptions options, ReadOptions(node));
  return MakeKernel([options](KernelContext& context) { return CastTo(context, context.input(1).dtype, options); });
}

StatusOr<std::unique_ptr<Kernel>> MakeBitCast(const NodeInfo& node) {
  ASSIGN_OR_RETURN(const DataType to, ReadTo(node));
  return MakeKernel(
      [to](KernelContext& context) -> Status {
        const TensorView& x = context.input(0);
        if (x.dtype == DataType::kString || BitsPerElement(x.dtype) != BitsPerElement(to))
          return Usage(fmt::format("BitCast: {} and {} have different sizes", DataTypeName(x.dtype), DataTypeName(to)));
        ASSIGN_OR_RETURN(TensorView y, context.Output(0, to, x.dims));
        if (y.data != x.data) std::memcpy(y.data, x.data, x.byte_size());
        return Status();
      },
      {.in_place = {{0, 0}}});
}

StatusOr<std::unique_ptr<Kernel>> MakeIdentity(const NodeInfo& node) {
  const bool tensor = node.has_input(0) && node.input_type(0).is_tensor();
  return MakeKernel(
      [](KernelContext& context) -> Status {
        if (context.has_input(0) && context.input_is_tensor(0)) return context.OutputAlias(0, 0, context.input(0).dims);
        return context.SetOutput(0, context.input_value(0));
      },
      {.alias_input = tensor ? 0 : -1});
}

}  // namespace

std::span<const KernelEntry> CastKernels() {
  static constexpr KernelEntry kEntries[] = {
      {"", "Cast", "reference", AcceptsAll, MakeCast},
      {"", "CastLike", "reference", AcceptsAll, MakeCastLike},
      {"", "BitCast", "reference", AcceptsAll, MakeBitCast},
      {"", "Identity", "reference", AcceptsAll, MakeIdentity},
  };
  return kEntries;
}

}  // namespace sardonyx::cpu
