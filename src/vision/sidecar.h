// NAME.sardonyx.yml beside NAME.onnx: what a model expects of its picture and what its classes are called, declared once
// for every command.
//
//   image:                       # all keys optional
//     input: data                # which input takes the picture; default: the only one that can
//     preset: imagenet           # what the keys below start from: PresetNames(); default raw
//     size: 224                  # or [height, width]
//     fit: crop                  # stretch, crop, letterbox or none
//     resize: 256                # crop: the shorter side before cutting
//     crop_fraction: 0.875       # crop: instead of `resize`
//     filter: bilinear           # nearest, box, bilinear, bicubic or lanczos
//     pad: [114, 114, 114]       # letterbox: the color around the picture (RGB)
//     anchor: center             # letterbox: center or top-left
//     color: rgb                 # rgb, bgr or gray
//     scale: 0.00392156862745098 # each value becomes (pixel * scale - mean) / std
//     mean: [0.485, 0.456, 0.406]  # or one number; in the order of `color`
//     std: [0.229, 0.224, 0.225]
//     layout: nchw               # nchw or nhwc, where the model's shape leaves it open
//   classes:
//     output: prob               # default: the first output
//     labels: labels.txt         # one label a line; inside the sidecar's folder. Or a list of labels
//     softmax: true              # turn scores into probabilities; default: unless they are already
//     top: 5
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vision/preprocess.h"

namespace sardonyx::vision {

struct Sidecar {
  std::optional<Preprocess> image;
  std::string image_input;
  std::string classes_output;
  std::vector<std::string> labels;
  std::optional<bool> softmax;
  std::optional<int> top;
};

// The name of the sidecar of `model`: "dir/net.onnx", "dir/net.onnx.gz" and "dir/net.tar.gz" have "dir/net.sardonyx.yml".
std::filesystem::path SidecarPath(const std::filesystem::path& model);

// The model's sidecar; an empty one if there is no such file. Errors begin with its name and line.
StatusOr<Sidecar> LoadSidecar(const std::filesystem::path& model);

// `folder` is where `labels` is looked for. kUsage, with the line, for keys and values that are not as above; kCorrupt for
// text that is not YAML.
StatusOr<Sidecar> ParseSidecar(std::string_view text, const std::filesystem::path& folder);

}  // namespace sardonyx::vision
