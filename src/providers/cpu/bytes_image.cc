// What 8-bit networks do between their products, on bytes in whatever layout they come: QLinearAdd, MaxPool,
// QLinearGlobalAveragePool.
#include <algorithm>
#include <cmath>

#include "kernels/conv/window.h"
#include "kernels/quantize/byte_rows.h"
#include "providers/cpu/bytes.h"
#include "providers/cpu/convolution.h"

namespace sardonyx::cpu {
namespace {

using runtime::Layout;

bool IsByte(DataType dtype) { return dtype == DataType::kUint8 || dtype == DataType::kInt8; }

// ---- QLinearAdd of two tensors of one shape. Inputs: a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero.

std::string DeclinesAdd(const NodeInfo& node) {
  const DataType dtype = node.input_dtype(0);
  if (!IsByte(dtype) || node.input_dtype(3) != dtype) return "a and b are not of one 8-bit type";
  const ir::Type &a = node.input_type(0), &b = node.input_type(3);
  if (!a.shape || !b.shape || a.shape->dims() != b.shape->dims())  // provably: unknown dims equal none
    return "a and b are not known to have one shape";
  ByteParameters unused;
  for (const size_t i : {1, 4, 6})
    if (!ReadByteParameters(node, i, i + 1, dtype, &unused)) return "the quantization is not known";
  return "";
}

StatusOr<std::unique_ptr<Kernel>> CreateAdd(const NodeInfo& node) {
  const DataType dtype = node.input_dtype(0);
  ByteParameters a, b, y;
  ReadByteParameters(node, 1, 2, dtype, &a);
  ReadByteParameters(node, 4, 5, dtype, &b);
  ReadByteParameters(node, 6, 7, dtype, &y);
  kernels::ByteSum sum{a.scale / y.scale, b.scale / y.scale, 0, y.zero_point, dtype == DataType::kInt8};
  sum.offset = -(static_cast<float>(a.zero_point) * sum.a_scale + static_cast<float>(b.zero_point) * sum.b_scale);
  // One of the two is reordered where they come in different layouts.
  const Layout layout = node.input_layout(0) == node.input_layout(3) ? node.input_layout(0) : Layout::kChannelsLast;
  const bool has_channels = node.input_type(0).shape->rank() >= 2;
  return MakeLayoutKernel({0, 3}, has_channels ? layout : Layout::kPlain, [sum, dtype](KernelContext& context) -> Status {
    const TensorView &a = context.input(0), &b = context.input(3);
    if (!(a.dims == b.dims) || a.dtype != dtype || b.dtype != dtype)
      return Invalid(fmt::format("{} and {} were to be of one shape and type", a.TypeString(), b.TypeString()));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, dtype, a.dims));
    context.ParallelFor((a.num_elements() + 1023) / 1024, 1024 * 0.2, [&](int64_t begin, int64_t end) {
      const int64_t first = begin * 1024, count = std::min(a.num_elements(), end * 1024) - first;
      kernels::AddBytes(sum, a.ptr<uint8_t>() + first, b.ptr<uint8_t>() + first, count, y.mutable_ptr<uint8_t>() + first);
    });
    return {};
  });
}

// ---- MaxPool of uint8 images that come with their channels last.

constexpr int64_t kMaxPoolKernel = 256;

std::string DeclinesMaxPool(const NodeInfo& node) {
  if (node.input_dtype(0) != DataType::kUint8) return "x is not uint8";
  if (node.input_layout(0) != Layout::kChannelsLast) return "channels don't come last";
  if (node.num_outputs() > 1 && node.has_output(1)) return "Indices";
  double size = 1;
  for (const int64_t dim : node.GetInts("kernel_shape")) size *= static_cast<double>(dim);
  return size > kMaxPoolKernel ? "a large kernel" : "";
}

StatusOr<std::unique_ptr<Kernel>> CreateMaxPool(const NodeInfo& node) {
  ASSIGN_OR_RETURN(kernels::WindowAttributes attributes, ReadWindowAttributes(node));
  attributes.may_exceed = true;
  return MakeLayoutKernel({0}, Layout::kChannelsLast, [attributes, kernel = node.GetInts("kernel_shape")](KernelContext& context) -> Status {
    const TensorView& x = context.input(0);
    if (x.rank() < 3 || x.dtype != DataType::kUint8) return Invalid(fmt::format("{} is no uint8 image", x.TypeString()));
    ASSIGN_OR_RETURN(const kernels::Window window, kernels::MakeWindow(attributes, std::span<const int64_t>(x.dims).subspan(2), kernel));
    Dims dims{x.dims[0], x.dims[1]};
    for (int64_t dim : window.output_dims()) dims.push_back(dim);
    RETURN_IF_ERROR(CheckedNumElements(DataType::kUint8, dims).status());
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kUint8, dims));
    const int64_t channels = x.dims[1], outputs = window.output_size(), kernel_size = window.kernel_size();
    const kernels::WindowAxis &ha = window.height(), &wa = window.width();
    const double cost = static_cast<double>(kernel_size * (channels + 32)) / 16;
    context.ParallelFor(x.dims[0] * outputs, cost, [&](int64_t begin, int64_t end) {
      const uint8_t* rows[kMaxPoolKernel];
      for (int64_t i = begin; i < end; ++i) {
        const int64_t image = i / outputs, at = i % outputs;
        const uint8_t* from = x.ptr<uint8_t>() + image * window.input_size() * channels;
        const int64_t w = at % wa.output, h = at / wa.output % ha.output, d = at / wa.output / ha.output;
        int64_t count = 0;
        for (int64_t kd = 0; kd < window.depth().kernel; ++kd) {
          const int64_t z = window.DepthAt(d, kd);
          for (int64_t kh = 0; z >= 0 && kh < ha.kernel; ++kh) {
            const int64_t row = ha.Start(h) + kh * ha.dilation;
            for (int64_t kw = 0; row >= 0 && row < ha.input && kw < wa.kernel; ++kw) {
              const int64_t column = wa.Start(w) + kw * wa.dilation;
              if (column >= 0 && column < wa.input) rows[count++] = from + ((z * ha.input + row) * wa.input + column) * channels;
            }
          }
        }
        uint8_t* to = y.mutable_ptr<uint8_t>() + i * channels;
        if (count > 0)
          kernels::MaxOfRows(rows, count, channels, to);
        else
          std::fill_n(to, channels, uint8_t{0});
      }
    });
    return {};
  });
}

// ---- QLinearGlobalAveragePool of uint8 images that come with their channels last. Inputs: x, x_scale, x_zero, y_scale, y_zero.

std::string DeclinesAverage(const NodeInfo& node) {
  if (node.input_dtype(0) != DataType::kUint8) return "x is not uint8";
  if (node.input_layout(0) != Layout::kChannelsLast || node.GetInt("channels_last") != 0) return "channels don't come last";
  ByteParameters unused;
  if (!ReadByteParameters(node, 1, 2, DataType::kUint8, &unused) || !ReadByteParameters(node, 3, 4, DataType::kUint8, &unused))
    return "the quantization is not known";
  return "";
}

StatusOr<std::unique_ptr<Kernel>> CreateAverage(const NodeInfo& node) {
  ByteParameters x, y;
  ReadByteParameters(node, 1, 2, DataType::kUint8, &x);
  ReadByteParameters(node, 3, 4, DataType::kUint8, &y);
  return MakeLayoutKernel({0}, Layout::kChannelsLast, [from = x, to = y](KernelContext& context) -> Status {
    const TensorView& x = context.input(0);
    if (x.rank() < 3 || x.dtype != DataType::kUint8) return Invalid(fmt::format("{} is no uint8 image", x.TypeString()));
    Dims dims = x.dims;
    for (size_t d = 2; d < dims.rank(); ++d) dims[d] = 1;
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kUint8, dims));
    const int64_t channels = x.dims[1], positions = x.dims.Product(2, x.rank());
    ASSIGN_OR_RETURN(void* const memory, context.Workspace(static_cast<size_t>(channels) * sizeof(int32_t)));
    auto* const sums = static_cast<int32_t*>(memory);
    const double scale = static_cast<double>(from.scale) / to.scale / static_cast<double>(std::max<int64_t>(1, positions));
    for (int64_t image = 0; image < x.dims[0]; ++image) {
      std::fill_n(sums, channels, 0);
      kernels::SumRows(x.ptr<uint8_t>() + image * positions * channels, positions, channels, sums);
      for (int64_t c = 0; c < channels; ++c) {
        const double value = static_cast<double>(sums[c] - positions * from.zero_point) * scale;
        y.mutable_ptr<uint8_t>()[image * channels + c] =
            static_cast<uint8_t>(std::clamp(std::nearbyint(value) + to.zero_point, 0.0, 255.0));
      }
    }
    return {};
  });
}

constexpr KernelEntry kRows[] = {
    {"com.microsoft", "QLinearAdd", "bytes of one shape", DeclinesAdd, CreateAdd},
    {"", "MaxPool", "uint8 channels last", DeclinesMaxPool, CreateMaxPool},
    {"com.microsoft", "QLinearGlobalAveragePool", "uint8 channels last", DeclinesAverage, CreateAverage},
};

}  // namespace

std::span<const KernelEntry> ByteImageKernels() { return kRows; }

}  // namespace sardonyx::cpu
