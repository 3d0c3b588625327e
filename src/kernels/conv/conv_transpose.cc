#include "kernels/conv/conv_transpose.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "kernels/conv/col2im.h"
#include "kernels/gemm/gemm_f32.h"
#include "kernels/gemm/gemm_generic.h"

namespace sardonyx::kernels {
namespace {

// Output size and pads of one axis: see the equations of the specification.
Status ResolveAxis(const ConvTransposeAttributes& attributes, int64_t output_padding, int64_t wanted, WindowAxis& axis) {
  const AutoPad auto_pad = attributes.window.auto_pad;
  const bool same = auto_pad == AutoPad::kSameUpper || auto_pad == AutoPad::kSameLower;
  const int64_t whole = axis.stride * (axis.output - 1) + output_padding + axis.extent();
  if (wanted < 0 && same) wanted = axis.output * axis.stride;
  if (wanted >= 0) {
    const int64_t total = std::max<int64_t>(0, whole - wanted);
    axis.pad_begin = auto_pad == AutoPad::kSameUpper ? total / 2 : total - total / 2;
    axis.pad_end = total - axis.pad_begin;
    axis.input = wanted;
  } else {
    axis.input = whole - axis.pad_begin - axis.pad_end;
  }
  if (axis.output == 0) axis.input = std::max<int64_t>(axis.input, 0);
  if (axis.input < 0) return Invalid(fmt::format("pads {} and {} leave nothing of an output of {}", axis.pad_begin, axis.pad_end, whole));
  return Status();
}

Status CheckList(std::string_view name, std::span<const int64_t> values, size_t rank) {
  if (!values.empty() && values.size() != rank)
    return Invalid(fmt::format("{} has {} values for {} spatial axes", name, values.size(), rank));
  for (int64_t value : values)
    if (value < 0 || value >= int64_t{1} << 31) return Invalid(fmt::format("{} holds {}, which is out of range", name, value));
  return Status();
}

// Channels of Y whose columns are computed at a time: about 16 MiB of them.
int64_t ChannelBlock(const ConvTransposeShape& s) {
  const int64_t each = std::max<int64_t>(1, s.window.kernel_size() * s.window.output_size());
  return std::clamp<int64_t>((int64_t{1} << 22) / each, 1, s.outputs);
}

int64_t PackedElements(const ConvTransposeShape& s) { return (PackedColumnsSize(s.channels, s.window.output_size()) + 15) / 16 * 16; }

}  // namespace

StatusOr<ConvTransposeShape> PlanConvTranspose(std::span<const int64_t> x, std::span<const int64_t> w, int64_t groups,
                                               std::span<const int64_t> kernel_shape, const ConvTransposeAttributes& attributes) {
  if (x.size() < 2 || w.size() != x.size())
    return Invalid(fmt::format("X {} and W {} must have one rank of at least 3", Dims(x).ToString(), Dims(w).ToString()));
  if (groups < 1 || x[1] != w[0] || w[0] % groups != 0 || w[0] == 0)
    return Invalid(fmt::format("X {} and W {} do not fit {} groups", Dims(x).ToString(), Dims(w).ToString(), groups));
  const auto kernel = w.subspan(2);
  if (!kernel_shape.empty() && !std::equal(kernel_shape.begin(), kernel_shape.end(), kernel.begin(), kernel.end()))
    return Invalid(fmt::format("kernel_shape {} is not that of W {}", Dims(kernel_shape).ToString(), Dims(w).ToString()));
  const size_t rank = kernel.size();
  RETURN_IF_ERROR(CheckList("output_padding", attributes.output_padding, rank));
  // Some writers give the whole shape of Y here; its last dims are what counts.
  std::span<const int64_t> output_shape = attributes.output_shape;
  if (output_shape.size() == rank + 2) output_shape = output_shape.subspan(2);
  RETURN_IF_ERROR(CheckList("output_shape", output_shape, rank));

  ConvTransposeShape s;
  s.batch = x[0];
  s.groups = groups;
  s.channels = x[1] / groups;
  s.outputs = w[1];
  ASSIGN_OR_RETURN(s.window, MakeWindowAxes(attributes.window, x.subspan(2), kernel));
  s.output = Dims{x[0], w[1] * groups};
  for (size_t i = 0; i < rank; ++i) {
    WindowAxis& axis = s.window.spatial(i);
    axis.output = axis.input;
    RETURN_IF_ERROR(ResolveAxis(attributes, attributes.output_padding.empty() ? 0 : attributes.output_padding[i],
                                output_shape.empty() ? -1 : output_shape[i], axis));
    s.output.push_back(axis.input);
  }
  RETURN_IF_ERROR(s.window.CombineLeading());
  ASSIGN_OR_RETURN([[maybe_unused]] const int64_t count, CheckedNumElements(DataType::kDouble, s.output));
  // The columns of one channel must be addressable too.
  const int64_t columns[] = {w[1],
                             s.window.axes[0].kernel,
                             s.window.axes[1].kernel,
                             s.window.axes[2].kernel,
                             s.window.axes[0].output,
                             s.window.axes[1].output,
                             s.window.axes[2].output};
  ASSIGN_OR_RETURN([[maybe_unused]] const int64_t column_count, CheckedNumElements(DataType::kDouble, columns));
  return s;
}

template <class T>
size_t ConvTransposeWorkspace(const ConvTransposeShape& s) {
  if (s.output.num_elements() == 0) return 0;
  const int64_t columns = ChannelBlock(s) * s.window.kernel_size() * s.window.output_size();
  return static_cast<size_t>(columns + (std::is_same_v<T, float> ? PackedElements(s) : 0)) * sizeof(T);
}

template <class T>
void ConvTranspose(const ConvTransposeShape& s, const T* x, const T* w, const T* bias, T* y, void* workspace, ThreadPool& pool) {
  if (s.output.num_elements() == 0) return;
  const Window& window = s.window;
  const int64_t positions = window.output_size(), kernel = window.kernel_size(), block = ChannelBlock(s);
  T* packed = static_cast<T*>(workspace);
  T* columns = packed + (std::is_same_v<T, float> ? PackedElements(s) : 0);
  for (int64_t i = 0; i < s.batch * s.groups; ++i) {
    const int64_t group = i % s.groups;
    const T* input = x + i * s.channels * positions;
    const T* weights = w + group * s.channels * s.outputs * kernel;
    if constexpr (std::is_same_v<T, float>) PackColumnsF32({input, positions, 1}, s.channels, positions, packed, pool);
    for (int64_t first = 0; first < s.outputs; first += block) {
      const int64_t count = std::min(block, s.outputs - first);
      if constexpr (std::is_same_v<T, float>) {
        GemmF32Arguments g{.m = count * kernel, .n = positions, .k = s.channels};
        g.a = {weights + first * kernel, 1, s.outputs * kernel};
        g.packed_b = packed;
        g.c = columns;
        g.c_stride = positions;
        GemmF32(g, nullptr, pool);
      } else {
        GemmGeneric<T>(count * kernel, positions, s.channels, {weights + first * kernel, 1, s.outputs * kernel}, {input, positions, 1},
                       columns, positions, pool);
      }
      pool.ParallelFor(count, static_cast<double>(kernel * positions), [&](int64_t begin, int64_t end) {
        for (int64_t channel = begin; channel < end; ++channel) {
          T* plane = y + (i * s.outputs + first + channel) * window.input_size();
          std::fill_n(plane, window.input_size(), bias ? bias[group * s.outputs + first + channel] : T{0});
          AddColumns(window, columns + channel * kernel * positions, plane);
        }
      });
    }
  }
}

template size_t ConvTransposeWorkspace<float>(const ConvTransposeShape&);
template size_t ConvTransposeWorkspace<double>(const ConvTransposeShape&);
template void ConvTranspose<float>(const ConvTransposeShape&, const float*, const float*, const float*, float*, void*, ThreadPool&);
template void ConvTranspose<double>(const ConvTransposeShape&, const double*, const double*, const double*, double*, void*, ThreadPool&);

}  // namespace sardonyx::kernels
