// From floats to bytes: QuantizeLinear of a whole tensor by known parameters, and DynamicQuantizeLinear.
#include <algorithm>

#include "kernels/quantize/byte_rows.h"
#include "kernels/quantize/quantize.h"
#include "providers/cpu/bytes.h"

namespace sardonyx::cpu {
namespace {

constexpr int64_t kPiece = 4096;  // elements

std::string DeclinesQuantize(const NodeInfo& node) {
  if (node.input_dtype(0) != DataType::kFloat) return "x is not float";
  const Tensor* zero = ConstantInput(node, 2);
  if (HasInput(node, 2) && !zero) return "the zero point is not known";
  const int64_t given = node.GetInt("output_dtype");
  const DataType dtype = zero ? zero->dtype() : given != 0 ? static_cast<DataType>(given) : DataType::kUint8;
  const DataType precision = static_cast<DataType>(node.GetInt("precision"));
  if (precision != DataType::kUndefined && precision != DataType::kFloat) return "precision";
  if (zero && given != 0 && static_cast<DataType>(given) != dtype) return "output_dtype";
  ByteParameters unused;
  if (!ReadByteParameters(node, 1, 2, dtype, &unused)) return "the scale is not one known float for 8 bits";
  const Tensor* scale = ConstantInput(node, 1);
  if (scale->rank() > 1 || (zero && zero->rank() > 1)) return "the scale's shape";
  return "";
}

StatusOr<std::unique_ptr<Kernel>> CreateQuantize(const NodeInfo& node) {
  const Tensor* zero = ConstantInput(node, 2);
  const int64_t given = node.GetInt("output_dtype");
  const DataType dtype = zero ? zero->dtype() : given != 0 ? static_cast<DataType>(given) : DataType::kUint8;
  ByteParameters to;
  ReadByteParameters(node, 1, 2, dtype, &to);
  return MakeKernel([dtype, to](KernelContext& context) -> Status {
    const TensorView& x = context.input(0);
    if (x.dtype != DataType::kFloat) return Invalid(fmt::format("x is {}, not float", x.TypeString()));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, dtype, x.dims));
    const int64_t count = x.num_elements();
    context.ParallelFor((count + kPiece - 1) / kPiece, kPiece * 0.3, [&](int64_t begin, int64_t end) {
      const int64_t first = begin * kPiece;
      kernels::QuantizeToBytes(x.ptr<float>() + first, std::min(count, end * kPiece) - first, to.scale, to.zero_point,
                               dtype == DataType::kInt8, y.mutable_ptr<uint8_t>() + first);
    });
    return {};
  });
}

std::string DeclinesDynamic(const NodeInfo& node) { return node.input_dtype(0) == DataType::kFloat ? "" : "x is not float"; }

StatusOr<std::unique_ptr<Kernel>> CreateDynamic(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    const TensorView& x = context.input(0);
    if (x.dtype != DataType::kFloat) return Invalid(fmt::format("x is {}, not float", x.TypeString()));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kUint8, x.dims));
    ASSIGN_OR_RETURN(TensorView scale, context.Output(1, DataType::kFloat, {}));
    ASSIGN_OR_RETURN(TensorView zero_point, context.Output(2, DataType::kUint8, {}));
    const int64_t count = x.num_elements(), pieces = (count + kPiece - 1) / kPiece;
    ASSIGN_OR_RETURN(void* const memory, context.Workspace(static_cast<size_t>(pieces) * sizeof(kernels::FloatRange)));
    auto* const ranges = static_cast<kernels::FloatRange*>(memory);
    const auto size = [&](int64_t piece) { return std::min(kPiece, count - piece * kPiece); };
    context.ParallelFor(pieces, kPiece * 0.1, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) ranges[p] = kernels::RangeOfFloats(x.ptr<float>() + p * kPiece, size(p));
    });
    kernels::FloatRange range;
    for (int64_t p = 0; p < pieces; ++p) {
      range.low = std::min(range.low, ranges[p].low);
      range.high = std::max(range.high, ranges[p].high);
    }
    const float ends[] = {range.low, range.high};
    const kernels::DynamicParameters chosen = kernels::ChooseUint8Parameters(ends, 2);
    *scale.mutable_ptr<float>() = chosen.scale;
    *zero_point.mutable_ptr<uint8_t>() = chosen.zero_point;
    context.ParallelFor(pieces, kPiece * 0.3, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p)
        kernels::QuantizeToBytes(x.ptr<float>() + p * kPiece, size(p), chosen.scale, chosen.zero_point, false,
                                 y.mutable_ptr<uint8_t>() + p * kPiece);
    });
    return {};
  });
}

constexpr KernelEntry kRows[] = {
    {"", "QuantizeLinear", "bytes", DeclinesQuantize, CreateQuantize},
    {"", "DynamicQuantizeLinear", "bytes", DeclinesDynamic, CreateDynamic},
};

}  // namespace

std::span<const KernelEntry> ByteQuantizeKernels() { return kRows; }

}  // namespace sardonyx::cpu
