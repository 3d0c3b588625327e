#include <array>

#include "vision/preprocess.h"

namespace sardonyx::vision {
namespace {

constexpr std::array<std::string_view, 11> kNames = {
    "raw", "zero-one", "minus-one-one", "imagenet", "imagenet-nocrop", "inception", "caffe", "clip", "yolo", "yolox", "gray"};

Preprocess Scaled(double scale, double mean, Fit fit = Fit::kStretch, double crop_fraction = 1.0) {
  Preprocess preset;
  preset.default_size = fit == Fit::kCrop ? 224 : fit == Fit::kLetterbox ? 640 : 0;
  preset.scale = scale;
  preset.mean = {mean, mean, mean};
  preset.fit = fit;
  preset.crop_fraction = crop_fraction;
  return preset;
}

}  // namespace

std::span<const std::string_view> PresetNames() { return kNames; }

std::optional<Preprocess> FindPreset(std::string_view name) {
  constexpr double kToOne = 1.0 / 255.0, kToTwo = 1.0 / 127.5, kCenter = 0.875;
  if (name == "raw") return Scaled(1.0, 0.0);
  if (name == "zero-one") return Scaled(kToOne, 0.0);
  if (name == "minus-one-one") return Scaled(kToTwo, 1.0);
  if (name == "inception") {
    Preprocess preset = Scaled(kToTwo, 1.0, Fit::kCrop, kCenter);
    preset.default_size = 299;
    return preset;
  }
  if (name == "gray") {
    Preprocess preset = Scaled(kToOne, 0.0);
    preset.color = Color::kGray;
    return preset;
  }
  if (name == "imagenet" || name == "imagenet-nocrop") {
    Preprocess preset = Scaled(kToOne, 0.0, name == "imagenet" ? Fit::kCrop : Fit::kStretch, kCenter);
    preset.default_size = 224;
    preset.mean = {0.485, 0.456, 0.406};
    preset.stddev = {0.229, 0.224, 0.225};
    return preset;
  }
  if (name == "caffe") {
    Preprocess preset = Scaled(1.0, 0.0, Fit::kCrop, kCenter);
    preset.color = Color::kBgr;
    preset.mean = {103.939, 116.779, 123.68};
    return preset;
  }
  if (name == "clip") {
    Preprocess preset = Scaled(kToOne, 0.0, Fit::kCrop);
    preset.filter = ResizeFilter::kBicubic;
    preset.mean = {0.48145466, 0.4578275, 0.40821073};
    preset.stddev = {0.26862954, 0.26130258, 0.27577711};
    return preset;
  }
  if (name == "yolo") return Scaled(kToOne, 0.0, Fit::kLetterbox);
  if (name == "yolox") {
    Preprocess preset = Scaled(1.0, 0.0, Fit::kLetterbox);
    preset.color = Color::kBgr;
    preset.centered = false;
    return preset;
  }
  return std::nullopt;
}

}  // namespace sardonyx::vision
