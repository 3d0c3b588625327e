// From a picture to the tensor that a model wants.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "sardonyx/tensor.h"
#include "vision/image.h"
#include "vision/resize.h"

namespace sardonyx::vision {

// How a picture of another size comes to the target size.
enum class Fit {
  kStretch,    // resized to it, whatever that does to the proportions
  kCrop,       // resized in proportion so that it covers more than the target, then its center is cut out
  kLetterbox,  // resized in proportion to fit inside, then padded
  kNone,       // not at all: the picture must have the target size
};
enum class Layout { kNchw, kNhwc };

// Each pixel becomes (pixel * scale - mean) / stddev, channel by channel in the order of `color`.
struct Preprocess {
  int width = 0, height = 0;  // 0: not said; AdaptToInput takes them from the model
  int default_size = 0;       // both, where neither is said to the end; 0: the size of the picture
  Fit fit = Fit::kStretch;
  ResizeFilter filter = ResizeFilter::kBilinear;
  // kCrop: the shorter side before cutting, if > 0 (ImageNet's "resize 256, crop 224"); else target / crop_fraction.
  int resize_shorter = 0;
  double crop_fraction = 1.0;
  // kLetterbox: the color around the picture (in RGB, before normalization), and whether the picture is centered in it or
  // stands at its top left.
  std::array<uint8_t, 3> pad = {114, 114, 114};
  bool centered = true;

  Color color = Color::kRgb;
  double scale = 1.0;
  std::array<double, 3> mean = {0, 0, 0}, stddev = {1, 1, 1};

  Layout layout = Layout::kNchw;
  bool batch = true;                  // a leading dimension of 1
  DataType dtype = DataType::kFloat;  // any float but float8 and float4, or an integer of 8 to 64 bits that holds the values
};

// Named settings:
//   raw              0..255, stretched                          zero-one         0..1
//   gray             0..1, one channel
//   minus-one-one    -1..1 (MobileNet, Inception, EfficientNet-Lite of TensorFlow)
//   imagenet         0..1 less mean, over deviation, RGB; the center 87.5 % (torchvision, ONNX model zoo)
//   imagenet-nocrop  the same, stretched                         inception        -1..1, the center 87.5 %
//   caffe            BGR, 0..255 less mean, the center 87.5 % (Caffe, Keras ResNet-50 and VGG)
//   clip             CLIP's mean and deviation, bicubic, center
//   yolo             0..1, letterbox, centered (YOLOv5, v7, v8)  yolox            BGR, 0..255, letterbox at the top left
std::optional<Preprocess> FindPreset(std::string_view name);
std::span<const std::string_view> PresetNames();

// Fits `preprocess` to a model's input of element type `dtype` and shape `dims` (-1 where it is free): [N,C,H,W],
// [N,H,W,C], or either without N. Layout, batch and type follow the model; the size does where the model fixes it; one
// channel means gray. Where neither says a size it stays 0. kUsage, with the reason, if the input cannot take a picture or
// contradicts a size that was set.
Status AdaptToInput(DataType dtype, std::span<const int64_t> dims, Preprocess* preprocess);

// Where the picture lies in the tensor: x of the tensor = x of the picture * scale_x + left, and so for y.
struct Placement {
  double scale_x = 1, scale_y = 1, left = 0, top = 0;
};

// Runs all steps. `image` is RGB or gray. `placement`, if not null, receives where the picture went. kUsage for settings
// that make no sense, such as values that an integer type cannot hold.
StatusOr<Tensor> ApplyPreprocess(const Image& image, const Preprocess& preprocess, Placement* placement = nullptr);

}  // namespace sardonyx::vision
