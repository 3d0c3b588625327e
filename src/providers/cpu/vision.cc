// NonMaxSuppression and ImageDecoder.
#include <cstring>

#include <fmt/format.h>

#include "kernels/detect/nms.h"
#include "providers/cpu/bind.h"
#include "vision/decode.h"

namespace sardonyx::cpu {
namespace {

// An optional scalar input, or `fallback`.
template <class T>
StatusOr<T> ReadScalar(const KernelContext& context, size_t i, std::string_view name, T fallback) {
  if (i >= context.num_inputs() || !context.has_input(i)) return fallback;
  const TensorView& input = context.input(i);
  if (input.num_elements() == 0) return fallback;
  if (input.dtype != DataTypeOf<T>::value || input.num_elements() != 1)
    return Invalid(fmt::format("{} {} must be one {}", name, input.TypeString(), DataTypeName(DataTypeOf<T>::value)));
  return input.ptr<T>()[0];
}

StatusOr<std::unique_ptr<Kernel>> CreateNonMaxSuppression(const NodeInfo& node) {
  const int64_t format = node.GetInt("center_point_box");
  if (format != 0 && format != 1) return Invalid(fmt::format("center_point_box is {}, not 0 or 1", format));
  return MakeKernel([center = format == 1](KernelContext& context) -> Status {
    const TensorView &boxes = context.input(0), &scores = context.input(1);
    if (boxes.dtype != DataType::kFloat || scores.dtype != DataType::kFloat) return Unsupported("NonMaxSuppression of other than float");
    if (boxes.rank() != 3 || scores.rank() != 3 || boxes.dims[2] != 4 || boxes.dims[0] != scores.dims[0] || boxes.dims[1] != scores.dims[2])
      return Invalid(fmt::format("boxes {} and scores {} must be [batch, boxes, 4] and [batch, classes, boxes]", boxes.dims.ToString(),
                                 scores.dims.ToString()));
    kernels::NmsArguments a;
    a.batch = boxes.dims[0], a.classes = scores.dims[1], a.boxes = boxes.dims[1];
    a.box = boxes.ptr<float>();
    a.score = scores.ptr<float>();
    a.center_format = center;
    ASSIGN_OR_RETURN(a.max_per_class, ReadScalar<int64_t>(context, 2, "max_output_boxes_per_class", 0));
    ASSIGN_OR_RETURN(a.iou_threshold, ReadScalar<float>(context, 3, "iou_threshold", 0));
    ASSIGN_OR_RETURN(a.score_threshold, ReadScalar<float>(context, 4, "score_threshold", 0));
    a.has_score_threshold = context.num_inputs() > 4 && context.has_input(4) && context.input(4).num_elements() > 0;
    if (!(a.iou_threshold >= 0 && a.iou_threshold <= 1)) return Invalid(fmt::format("iou_threshold {} is not in [0, 1]", a.iou_threshold));
    const auto selected = kernels::NonMaxSuppression(a, context.thread_pool());
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kInt64, Dims{static_cast<int64_t>(selected.size()), 3}));
    if (!selected.empty()) std::memcpy(y.data, selected.data(), selected.size() * sizeof(selected[0]));
    return Status();
  });
}

StatusOr<std::unique_ptr<Kernel>> CreateImageDecoder(const NodeInfo& node) {
  const std::string format = node.GetString("pixel_format", "RGB");
  if (format != "RGB" && format != "BGR" && format != "Grayscale")
    return Invalid(fmt::format("pixel_format '{}' is none of RGB, BGR, Grayscale", format));
  return MakeKernel([format](KernelContext& context) -> Status {
    const TensorView& stream = context.input(0);
    if (stream.dtype != DataType::kUint8) return Invalid(fmt::format("encoded_stream {} must hold uint8", stream.TypeString()));
    vision::DecodeOptions options;
    options.apply_orientation = false;
    options.color = format == "Grayscale" ? vision::Color::kGray : (format == "BGR" ? vision::Color::kBgr : vision::Color::kRgb);
    const StatusOr<vision::Image> image = vision::DecodeImage(stream.as<uint8_t>(), options);
    const int64_t channels = format == "Grayscale" ? 1 : 3;
    // The specification: what cannot be decoded gives an empty matrix. What this build does not read is an error instead.
    if (!image.ok()) {
      if (image.status().code() != StatusCode::kCorrupt) return image.status();
      return context.Output(0, DataType::kUint8, Dims{0, 0, channels}).status();
    }
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kUint8, Dims{image->height, image->width, channels}));
    std::memcpy(y.data, image->pixels.data(), y.byte_size());
    return Status();
  });
}

constexpr KernelEntry kRows[] = {
    {"", "NonMaxSuppression", "sorted", AcceptsAll, CreateNonMaxSuppression},
    {"", "ImageDecoder", "vision", AcceptsAll, CreateImageDecoder},
};

}  // namespace

std::span<const KernelEntry> VisionKernels() { return kRows; }

}  // namespace sardonyx::cpu
