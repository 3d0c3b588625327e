#include "vision/preprocess.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx::vision {
namespace {

struct Placed {
  Image image;
  Placement placement;
};

Placement ScaleOf(const Image& from, int width, int height) {
  return {static_cast<double>(width) / from.width, static_cast<double>(height) / from.height, 0, 0};
}

// Python's round(x / 2.0), with which torchvision centers: halves go to the even neighbor.
int HalfToEven(int x) { return static_cast<int>(std::nearbyint(x / 2.0)); }

// Copies `image` into a canvas of `width` x `height` filled with `fill`, its top left at (left, top), which may be negative.
StatusOr<Image> Paste(const Image& image, int width, int height, int left, int top, const std::array<uint8_t, 3>& fill) {
  ASSIGN_OR_RETURN(Image canvas, MakeImage(width, height, image.channels));
  const auto channels = static_cast<size_t>(image.channels);
  for (size_t i = 0; i < canvas.pixels.size(); ++i) canvas.pixels[i] = fill[i % channels];
  const int begin = std::max(0, left), end = std::min(width, left + image.width);
  if (begin >= end) return canvas;
  for (int y = std::max(0, top); y < std::min(height, top + image.height); ++y)
    std::memcpy(canvas.row(y) + static_cast<size_t>(begin) * channels, image.row(y - top) + static_cast<size_t>(begin - left) * channels,
                static_cast<size_t>(end - begin) * channels);
  return canvas;
}

// Sides in the proportions of the picture: the shorter is `shorter`, the longer is cut to a whole number, as torchvision
// and timm do.
StatusOr<Image> ResizeToCover(const Image& image, const Preprocess& p) {
  int64_t width = p.resize_shorter, height = p.resize_shorter;
  if (p.resize_shorter <= 0) {
    width = static_cast<int64_t>(p.width / p.crop_fraction);
    height = static_cast<int64_t>(p.height / p.crop_fraction);
  }
  const int64_t in_width = image.width, in_height = image.height;
  if (in_width * height >= in_height * width)
    width = height * in_width / in_height;
  else
    height = width * in_height / in_width;
  if (width > INT32_MAX || height > INT32_MAX)
    return Resource(fmt::format("resizing {} x {} so that {} x {} can be cut out", image.width, image.height, p.width, p.height));
  return Resize(image, static_cast<int>(width), static_cast<int>(height), p.filter);
}

StatusOr<Placed> Crop(const Image& image, const Preprocess& p) {
  ASSIGN_OR_RETURN(const Image resized, ResizeToCover(image, p));
  Placed placed;
  placed.placement = ScaleOf(image, resized.width, resized.height);
  const int left = -HalfToEven(resized.width - p.width), top = -HalfToEven(resized.height - p.height);
  ASSIGN_OR_RETURN(placed.image, Paste(resized, p.width, p.height, left, top, {0, 0, 0}));
  placed.placement.left = left;
  placed.placement.top = top;
  return placed;
}

StatusOr<Placed> Letterbox(const Image& image, const Preprocess& p, const std::array<uint8_t, 3>& pad) {
  const double ratio = std::min(static_cast<double>(p.width) / image.width, static_cast<double>(p.height) / image.height);
  const int width = std::clamp(static_cast<int>(std::nearbyint(image.width * ratio)), 1, p.width);
  const int height = std::clamp(static_cast<int>(std::nearbyint(image.height * ratio)), 1, p.height);
  ASSIGN_OR_RETURN(const Image resized, Resize(image, width, height, p.filter));
  Placed placed;
  placed.placement = ScaleOf(image, width, height);
  const int left = p.centered ? (p.width - width) / 2 : 0, top = p.centered ? (p.height - height) / 2 : 0;
  ASSIGN_OR_RETURN(placed.image, Paste(resized, p.width, p.height, left, top, pad));
  placed.placement.left = left;
  placed.placement.top = top;
  return placed;
}

// The fill color in the channels that the picture has.
StatusOr<std::array<uint8_t, 3>> PadColor(const Preprocess& p) {
  Image pixel{1, 1, 3, {p.pad.begin(), p.pad.end()}};
  ASSIGN_OR_RETURN(const Image converted, ConvertColor(std::move(pixel), Color::kRgb, p.color));
  std::array<uint8_t, 3> color{};
  std::copy(converted.pixels.begin(), converted.pixels.end(), color.begin());
  return color;
}

StatusOr<Placed> FitTo(Image image, const Preprocess& p) {
  switch (p.fit) {
    case Fit::kCrop: return Crop(image, p);
    case Fit::kLetterbox: {
      ASSIGN_OR_RETURN(const auto pad, PadColor(p));
      return Letterbox(image, p, pad);
    }
    case Fit::kStretch: {
      Placed placed;
      placed.placement = ScaleOf(image, p.width, p.height);
      ASSIGN_OR_RETURN(placed.image, Resize(image, p.width, p.height, p.filter));
      return placed;
    }
    case Fit::kNone: break;
  }
  if (image.width != p.width || image.height != p.height)
    return Usage(
        fmt::format("the picture is {} x {}, not {} x {}, and was not to be resized", image.width, image.height, p.width, p.height));
  return Placed{std::move(image), {}};
}

// What each of the 256 values of a channel becomes, in the element type of the tensor.
template <class T>
StatusOr<std::array<T, 256>> Table(const Preprocess& p, size_t channel) {
  std::array<T, 256> table;
  for (int value = 0; value < 256; ++value) {
    const double result = (value * p.scale - p.mean[channel]) / p.stddev[channel];
    if constexpr (std::is_integral_v<T>) {
      constexpr double kExact = 9e15;  // beyond it, doubles are not all the integers
      if (result != std::floor(result) || std::abs(result) > kExact || result < static_cast<double>(std::numeric_limits<T>::min()) ||
          result > static_cast<double>(std::numeric_limits<T>::max()))
        return Usage(fmt::format("the preprocessing makes {} of the value {}, which the model's input type {} cannot hold; use preset raw",
                                 result, value, DataTypeName(p.dtype)));
      table[static_cast<size_t>(value)] = static_cast<T>(result);
    } else if constexpr (std::is_floating_point_v<T>) {
      table[static_cast<size_t>(value)] = static_cast<T>(result);
    } else {
      table[static_cast<size_t>(value)] = T(static_cast<float>(result));
    }
  }
  return table;
}

template <class T>
Status Fill(const Image& image, const Preprocess& p, Tensor* tensor) {
  const auto channels = static_cast<size_t>(image.channels);
  const size_t count = static_cast<size_t>(image.width) * static_cast<size_t>(image.height);
  auto* out = static_cast<T*>(tensor->mutable_raw_data());
  for (size_t c = 0; c < channels; ++c) {
    ASSIGN_OR_RETURN(const auto table, Table<T>(p, c));
    const uint8_t* in = image.pixels.data() + c;
    const bool planar = p.layout == Layout::kNchw;
    T* plane = out + (planar ? c * count : c);
    for (size_t i = 0; i < count; ++i) plane[planar ? i : i * channels] = table[in[i * channels]];
  }
  return {};
}

Status FillTensor(const Image& image, const Preprocess& p, Tensor* tensor) {
  switch (p.dtype) {
    case DataType::kFloat: return Fill<float>(image, p, tensor);
    case DataType::kDouble: return Fill<double>(image, p, tensor);
    case DataType::kFloat16: return Fill<Float16>(image, p, tensor);
    case DataType::kBfloat16: return Fill<BFloat16>(image, p, tensor);
    case DataType::kUint8: return Fill<uint8_t>(image, p, tensor);
    case DataType::kInt8: return Fill<int8_t>(image, p, tensor);
    case DataType::kUint16: return Fill<uint16_t>(image, p, tensor);
    case DataType::kInt16: return Fill<int16_t>(image, p, tensor);
    case DataType::kUint32: return Fill<uint32_t>(image, p, tensor);
    case DataType::kInt32: return Fill<int32_t>(image, p, tensor);
    case DataType::kUint64: return Fill<uint64_t>(image, p, tensor);
    case DataType::kInt64: return Fill<int64_t>(image, p, tensor);
    default: return Usage(fmt::format("a picture as {}: the input takes no pixels", DataTypeName(p.dtype)));
  }
}

Status Validate(const Preprocess& p) {
  if (p.width <= 0 || p.height <= 0) return Usage(fmt::format("a picture of {} x {} for the model", p.width, p.height));
  if (!std::isfinite(p.scale)) return Usage("a scale that is no number");
  for (const double mean : p.mean)
    if (!std::isfinite(mean)) return Usage("a mean that is no number");
  if (!(p.crop_fraction > 0.0 && p.crop_fraction <= 1.0))
    return Usage(fmt::format("a crop fraction of {}; it is above 0 and at most 1", p.crop_fraction));
  for (const double deviation : p.stddev)
    if (!(deviation != 0.0) || !std::isfinite(deviation)) return Usage("a standard deviation of 0");
  return {};
}

}  // namespace

StatusOr<Tensor> ApplyPreprocess(const Image& image, const Preprocess& preprocess, Placement* placement) {
  Preprocess p = preprocess;
  if (p.width == 0) p.width = p.default_size > 0 ? p.default_size : image.width;
  if (p.height == 0) p.height = p.default_size > 0 ? p.default_size : image.height;
  RETURN_IF_ERROR(Validate(p));
  ASSIGN_OR_RETURN(Image colored, ConvertColor(image, image.channels == 1 ? Color::kGray : Color::kRgb, p.color));
  ASSIGN_OR_RETURN(const Placed placed, FitTo(std::move(colored), p));
  if (placement != nullptr) *placement = placed.placement;
  Dims dims;
  if (p.batch) dims.push_back(1);
  if (p.layout == Layout::kNchw) dims.push_back(ChannelsOf(p.color));
  dims.push_back(p.height);
  dims.push_back(p.width);
  if (p.layout == Layout::kNhwc) dims.push_back(ChannelsOf(p.color));
  ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(p.dtype, dims));
  RETURN_IF_ERROR(FillTensor(placed.image, p, &tensor));
  return tensor;
}

Status AdaptToInput(DataType dtype, std::span<const int64_t> dims, Preprocess* p) {
  const std::string shape = fmt::format("{}[{}]", DataTypeName(dtype), fmt::join(dims, ","));
  if (dims.size() != 3 && dims.size() != 4)
    return Usage(fmt::format("input {} is no picture's: it has {} dimensions, not 3 or 4", shape, dims.size()));
  p->batch = dims.size() == 4;
  if (p->batch && dims[0] > 1) return Usage(fmt::format("input {} takes a batch of {} pictures at once", shape, dims[0]));
  const std::span<const int64_t> chw = dims.last(3);
  const auto are_channels = [](int64_t dim) { return dim == 1 || dim == 3; };
  // Where both ends could be the channels, or neither is known, the layout stays as it was set.
  if (are_channels(chw[0]) != are_channels(chw[2])) p->layout = are_channels(chw[0]) ? Layout::kNchw : Layout::kNhwc;
  const bool planar = p->layout == Layout::kNchw;
  const int64_t channels = planar ? chw[0] : chw[2], height = planar ? chw[1] : chw[0], width = planar ? chw[2] : chw[1];
  if (channels >= 0 && !are_channels(channels))
    return Usage(fmt::format("input {} has {} channels; a picture has 1 or 3", shape, channels));
  if (channels == 1) p->color = Color::kGray;
  if (channels == 3 && p->color == Color::kGray) return Usage(fmt::format("input {} takes color, not gray", shape));
  const auto settle = [](int64_t stated, int* size) {
    if (stated > INT32_MAX || (stated >= 0 && *size > 0 && *size != stated)) return false;
    if (stated >= 0) *size = static_cast<int>(stated);
    return true;
  };
  if (!settle(height, &p->height) || !settle(width, &p->width))
    return Usage(
        fmt::format("input {} takes pictures of {} x {} (width x height), not {} x {}", shape, width, height, p->width, p->height));
  p->dtype = dtype;
  return {};
}

}  // namespace sardonyx::vision
