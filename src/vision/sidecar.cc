#include "vision/sidecar.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <new>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/status_macros.h"
#include "vision/topk.h"

namespace sardonyx::vision {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMaxBytes = size_t{4} << 20;

Status At(const YAML::Node& node, std::string_view message) {
  const YAML::Mark mark = node.Mark();
  return Usage(mark.is_null() ? std::string(message) : fmt::format("line {}: {}", mark.line + 1, message));
}

std::string TextOf(const YAML::Node& node) {
  return node.IsScalar() ? node.Scalar() : node.IsNull() ? "nothing" : node.IsSequence() ? "a list" : "a map";
}

StatusOr<std::string> Word(const YAML::Node& node, std::string_view key) {
  if (!node.IsScalar()) return At(node, fmt::format("{}: a word was expected, not {}", key, TextOf(node)));
  return node.Scalar();
}

StatusOr<double> Number(const YAML::Node& node, std::string_view key) {
  double value = 0;
  if (!node.IsScalar() || !YAML::convert<double>::decode(node, value) || !std::isfinite(value))
    return At(node, fmt::format("{}: a number was expected, not {}", key, TextOf(node)));
  return value;
}

StatusOr<int> Whole(const YAML::Node& node, std::string_view key, int low, int high) {
  ASSIGN_OR_RETURN(const double value, Number(node, key));
  if (value != std::floor(value) || value < low || value > high)
    return At(node, fmt::format("{}: a whole number from {} to {} was expected, not {}", key, low, high, TextOf(node)));
  return static_cast<int>(value);
}

StatusOr<bool> Truth(const YAML::Node& node, std::string_view key) {
  bool value = false;
  if (!node.IsScalar() || !YAML::convert<bool>::decode(node, value))
    return At(node, fmt::format("{}: true or false was expected, not {}", key, TextOf(node)));
  return value;
}

// One number, which stands for all three, or a list of one or three.
StatusOr<std::array<double, 3>> Channels(const YAML::Node& node, std::string_view key) {
  std::array<double, 3> values{};
  const bool list = node.IsSequence();
  if (list && node.size() != 1 && node.size() != 3)
    return At(node, fmt::format("{}: one or three numbers were expected, not {}", key, node.size()));
  for (size_t i = 0; i < 3; ++i) {
    ASSIGN_OR_RETURN(values[i], Number(list ? node[node.size() == 3 ? i : 0] : node, key));
  }
  return values;
}

template <class T>
StatusOr<T> OneOf(const YAML::Node& node, std::string_view key, std::initializer_list<std::pair<std::string_view, T>> choices) {
  ASSIGN_OR_RETURN(const std::string word, Word(node, key));
  std::string known;
  for (const auto& [name, value] : choices) {
    if (name == word) return value;
    known.append(known.empty() ? "" : ", ").append(name);
  }
  return At(node, fmt::format("{}: '{}' is none of {}", key, word, known));
}

Status ReadSize(const YAML::Node& node, Preprocess* image) {
  constexpr int kMost = 1 << 16;
  if (node.IsSequence()) {
    if (node.size() != 2) return At(node, "size: one number or [height, width] was expected");
    ASSIGN_OR_RETURN(image->height, Whole(node[0], "size", 1, kMost));
    ASSIGN_OR_RETURN(image->width, Whole(node[1], "size", 1, kMost));
    return {};
  }
  ASSIGN_OR_RETURN(image->height, Whole(node, "size", 1, kMost));
  image->width = image->height;
  return {};
}

Status ReadGeometry(const std::string& key, const YAML::Node& node, Preprocess* image) {
  if (key == "size") return ReadSize(node, image);
  if (key == "fit") {
    ASSIGN_OR_RETURN(
        image->fit,
        OneOf<Fit>(node, key, {{"stretch", Fit::kStretch}, {"crop", Fit::kCrop}, {"letterbox", Fit::kLetterbox}, {"none", Fit::kNone}}));
  } else if (key == "resize") {
    ASSIGN_OR_RETURN(image->resize_shorter, Whole(node, key, 1, 1 << 16));
  } else if (key == "crop_fraction") {
    ASSIGN_OR_RETURN(image->crop_fraction, Number(node, key));
    if (!(image->crop_fraction > 0 && image->crop_fraction <= 1))
      return At(node, "crop_fraction: a number above 0 and at most 1 was expected");
  } else if (key == "filter") {
    ASSIGN_OR_RETURN(const std::string word, Word(node, key));
    const auto filter = ParseResizeFilter(word);
    if (!filter) return At(node, fmt::format("filter: '{}' is none of nearest, box, bilinear, bicubic, lanczos", word));
    image->filter = *filter;
  } else if (key == "pad") {
    ASSIGN_OR_RETURN(const auto values, Channels(node, key));
    for (size_t i = 0; i < 3; ++i) {
      if (values[i] != std::floor(values[i]) || values[i] < 0 || values[i] > 255)
        return At(node, "pad: values from 0 to 255 were expected");
      image->pad[i] = static_cast<uint8_t>(values[i]);
    }
  } else if (key == "anchor") {
    ASSIGN_OR_RETURN(image->centered, OneOf<bool>(node, key, {{"center", true}, {"top-left", false}}));
  }
  return {};
}

Status ReadValues(const std::string& key, const YAML::Node& node, Preprocess* image) {
  if (key == "color") {
    ASSIGN_OR_RETURN(image->color, OneOf<Color>(node, key, {{"rgb", Color::kRgb}, {"bgr", Color::kBgr}, {"gray", Color::kGray}}));
  } else if (key == "scale") {
    ASSIGN_OR_RETURN(image->scale, Number(node, key));
  } else if (key == "mean") {
    ASSIGN_OR_RETURN(image->mean, Channels(node, key));
  } else if (key == "std") {
    ASSIGN_OR_RETURN(image->stddev, Channels(node, key));
    for (const double value : image->stddev)
      if (value == 0) return At(node, "std: zero");
  } else if (key == "layout") {
    ASSIGN_OR_RETURN(image->layout, OneOf<Layout>(node, key, {{"nchw", Layout::kNchw}, {"nhwc", Layout::kNhwc}}));
  }
  return {};
}

// Every key of `map`, each of which must be one of `known` and stand once.
StatusOr<std::vector<std::pair<std::string, YAML::Node>>> Entries(const YAML::Node& map, std::string_view what,
                                                                  std::initializer_list<std::string_view> known) {
  if (!map.IsMap()) return At(map, fmt::format("{} must be a map of keys", what));
  std::vector<std::pair<std::string, YAML::Node>> entries;
  for (const auto& entry : map) {
    ASSIGN_OR_RETURN(const std::string key, Word(entry.first, what));
    if (std::find(known.begin(), known.end(), key) == known.end())
      return At(entry.first, fmt::format("'{}' is no key of {}; it has {}", key, what, fmt::join(known, ", ")));
    for (const auto& other : entries)
      if (other.first == key) return At(entry.first, fmt::format("'{}' stands twice", key));
    entries.emplace_back(key, entry.second);
  }
  return entries;
}

Status ReadImage(const YAML::Node& map, Sidecar* sidecar) {
  ASSIGN_OR_RETURN(const auto entries, Entries(map, "image",
                                               {"input", "preset", "size", "fit", "resize", "crop_fraction", "filter", "pad", "anchor",
                                                "color", "scale", "mean", "std", "layout"}));
  Preprocess image = *FindPreset("raw");
  for (const auto& [key, node] : entries) {
    if (key == "input") {
      ASSIGN_OR_RETURN(sidecar->image_input, Word(node, key));
    } else if (key == "preset") {
      ASSIGN_OR_RETURN(const std::string name, Word(node, key));
      const auto preset = FindPreset(name);
      const auto names = PresetNames();
      if (!preset) return At(node, fmt::format("preset: '{}' is none of {}", name, fmt::join(names.begin(), names.end(), ", ")));
      image = *preset;
    }
  }
  // The other keys change what the preset, wherever it stands, began with.
  for (const auto& [key, node] : entries) {
    RETURN_IF_ERROR(ReadGeometry(key, node, &image));
    RETURN_IF_ERROR(ReadValues(key, node, &image));
  }
  sidecar->image = image;
  return {};
}

Status ReadLabels(const YAML::Node& node, const fs::path& folder, std::vector<std::string>* labels) {
  if (node.IsSequence()) {
    for (const auto& item : node) {
      ASSIGN_OR_RETURN(std::string label, Word(item, "labels"));
      labels->push_back(std::move(label));
    }
    return {};
  }
  ASSIGN_OR_RETURN(const std::string name, Word(node, "labels"));
  ASSIGN_OR_RETURN(const fs::path path, ResolveInside(folder, name).WithContext("labels"));
  ASSIGN_OR_RETURN(const Bytes text, MapFile(path));
  if (text.size() > kMaxBytes * 16) return Resource(fmt::format("labels: {}: {} bytes", name, text.size()));
  *labels = ParseLabels(text.view());
  return {};
}

Status ReadClasses(const YAML::Node& map, const fs::path& folder, Sidecar* sidecar) {
  ASSIGN_OR_RETURN(const auto entries, Entries(map, "classes", {"output", "labels", "softmax", "top"}));
  for (const auto& [key, node] : entries) {
    if (key == "output") {
      ASSIGN_OR_RETURN(sidecar->classes_output, Word(node, key));
    } else if (key == "labels") {
      RETURN_IF_ERROR(ReadLabels(node, folder, &sidecar->labels));
    } else if (key == "softmax") {
      ASSIGN_OR_RETURN(sidecar->softmax, Truth(node, key));
    } else {
      ASSIGN_OR_RETURN(sidecar->top, Whole(node, key, 1, 1 << 20));
    }
  }
  return {};
}

StatusOr<Sidecar> ReadDocument(const YAML::Node& document, const fs::path& folder) {
  Sidecar sidecar;
  if (document.IsNull()) return sidecar;  // an empty file, or only comments
  ASSIGN_OR_RETURN(const auto entries, Entries(document, "a sidecar", {"image", "classes"}));
  for (const auto& [key, node] : entries) RETURN_IF_ERROR(key == "image" ? ReadImage(node, &sidecar) : ReadClasses(node, folder, &sidecar));
  return sidecar;
}

}  // namespace

StatusOr<Sidecar> ParseSidecar(std::string_view text, const fs::path& folder) {
  if (text.size() > kMaxBytes) return Resource(fmt::format("a sidecar of {} bytes", text.size()));
  try {
    return ReadDocument(YAML::Load(std::string(text)), folder);
  } catch (const YAML::Exception& error) {
    return Corrupt(fmt::format("line {}: {}", error.mark.line + 1, error.msg));
  } catch (const std::bad_alloc&) {
    return Resource("no memory for the sidecar");
  }
}

fs::path SidecarPath(const fs::path& model) {
  std::string name = model.filename().string();
  for (const std::string_view suffix : {".gz", ".xz", ".bz2", ".zst", ".tar", ".onnx", ".onnxtxt", ".json"})
    if (name.size() > suffix.size() && name.ends_with(suffix)) name.resize(name.size() - suffix.size());
  return model.parent_path() / (name + ".sardonyx.yml");
}

StatusOr<Sidecar> LoadSidecar(const fs::path& model) {
  const fs::path path = SidecarPath(model);
  std::error_code error;
  if (!fs::exists(path, error)) return Sidecar();
  ASSIGN_OR_RETURN(const Bytes text, MapFile(path));
  return ParseSidecar(text.view(), path.parent_path()).WithContext(path.string());
}

}  // namespace sardonyx::vision
