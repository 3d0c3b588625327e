// Shapes of a convolution, and the loops for types without a kernel of their own.
#include "kernels/conv/conv.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx::kernels {

StatusOr<ConvShape> PlanConv(std::span<const int64_t> x, std::span<const int64_t> w, int64_t groups, std::span<const int64_t> kernel_shape,
                             const WindowAttributes& attributes) {
  if (x.size() < 2 || w.size() != x.size())
    return Invalid(fmt::format("X {} and W {} must have one rank of at least 3", Dims(x).ToString(), Dims(w).ToString()));
  if (groups < 1) return Invalid(fmt::format("group is {}", groups));
  if (w[1] < 1 || w[1] > x[1] || x[1] != w[1] * groups || w[0] % groups != 0)
    return Invalid(fmt::format("X {} and W {} do not fit {} groups", Dims(x).ToString(), Dims(w).ToString(), groups));
  const auto kernel = w.subspan(2);
  if (!kernel_shape.empty() && !std::equal(kernel_shape.begin(), kernel_shape.end(), kernel.begin(), kernel.end()))
    return Invalid(fmt::format("kernel_shape {} is not that of W {}", Dims(kernel_shape).ToString(), Dims(w).ToString()));
  ConvShape shape;
  shape.batch = x[0];
  shape.groups = groups;
  shape.channels = w[1];
  shape.outputs = w[0] / groups;
  ASSIGN_OR_RETURN(shape.window, MakeWindow(attributes, x.subspan(2), kernel));
  shape.output = Dims{x[0], w[0]};
  for (int64_t dim : shape.window.output_dims()) shape.output.push_back(dim);
  ASSIGN_OR_RETURN([[maybe_unused]] const int64_t count, CheckedNumElements(DataType::kDouble, shape.output));
  return shape;
}

Status CheckConvBias(const ConvShape& shape, std::span<const int64_t> bias) {
  if (bias.size() == 1 && bias[0] == shape.groups * shape.outputs) return Status();
  return Invalid(fmt::format("bias {} must be [{}]", Dims(bias).ToString(), shape.groups * shape.outputs));
}

namespace {

// One channel's contribution at one output position.
template <class T>
T SumWindow(const Window& window, const T* x, const T* w, int64_t od, int64_t oh, int64_t ow) {
  const WindowAxis &da = window.depth(), &ha = window.height(), &wa = window.width();
  T sum = 0;
  for (int64_t kd = 0; kd < da.kernel; ++kd) {
    const int64_t d = window.DepthAt(od, kd);
    if (d < 0) continue;
    for (int64_t kh = 0; kh < ha.kernel; ++kh) {
      const int64_t h = ha.Start(oh) + kh * ha.dilation;
      if (h < 0 || h >= ha.input) continue;
      for (int64_t kw = 0; kw < wa.kernel; ++kw) {
        const int64_t i = wa.Start(ow) + kw * wa.dilation;
        if (i >= 0 && i < wa.input) sum += x[(d * ha.input + h) * wa.input + i] * w[(kd * ha.kernel + kh) * wa.kernel + kw];
      }
    }
  }
  return sum;
}

}  // namespace

template <class T>
void ConvGeneric(const ConvShape& shape, const T* x, const T* w, const T* bias, T* y, ThreadPool& pool) {
  const Window& window = shape.window;
  const int64_t positions = window.output_size(), total = shape.groups * shape.outputs;
  const int64_t height = window.height().output, width = window.width().output;
  pool.ParallelFor(shape.batch * total, static_cast<double>(positions * shape.depth()) * 2, [&](int64_t first, int64_t last) {
    for (int64_t plane = first; plane < last; ++plane) {
      const int64_t image = plane / total, output = plane % total, group = output / shape.outputs;
      const T* channels = x + (image * shape.groups + group) * shape.channels * window.input_size();
      const T* weights = w + output * shape.depth();
      for (int64_t n = 0; n < positions; ++n) {
        T sum = bias ? bias[output] : T{0};
        for (int64_t c = 0; c < shape.channels; ++c)
          sum += SumWindow(window, channels + c * window.input_size(), weights + c * window.kernel_size(), n / width / height,
                           n / width % height, n % width);
        y[plane * positions + n] = sum;
      }
    }
  });
}
template void ConvGeneric<double>(const ConvShape&, const double*, const double*, const double*, double*, ThreadPool&);

}  // namespace sardonyx::kernels
