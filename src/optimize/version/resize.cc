// Upsample, and Resize, which took its place.
#include <algorithm>

#include "base/status_macros.h"
#include "optimize/version/adapter.h"

namespace sardonyx::optimize::version {
namespace {

// --- Upsample

Status UpsampleOfOpset1Up(NodeEditor& e) {
  e.Set("scales", std::vector<float>{1, 1, e.Float("height_scale"), e.Float("width_scale")});
  e.Remove("height_scale");
  e.Remove("width_scale");
  e.SetChanged();
  return {};
}

Status UpsampleOfOpset1Down(NodeEditor& e) {
  const std::vector<float> scales = e.node().GetFloats("scales");
  if (scales.size() != 4 || scales[0] != 1 || scales[1] != 1) return Unsupported("opset 1 scales the last two of four dims only");
  e.Remove("scales");
  e.Set("height_scale", scales[2]);
  e.Set("width_scale", scales[3]);
  e.SetChanged();
  return {};
}

StatusOr<std::vector<float>> ConstantFloats(const NodeEditor& e, size_t i) {
  const std::optional<Tensor> tensor = e.Constant(i);
  if (!tensor || tensor->dtype() != DataType::kFloat) return Unsupported(fmt::format("input {} is not constant", e.InputName(i)));
  return std::vector<float>(tensor->data<float>().begin(), tensor->data<float>().end());
}

ir::Value* AddFloats(NodeEditor& e, std::string_view hint, const std::vector<float>& values) {
  return e.AddConstant(hint, Tensor::From<float>({static_cast<int64_t>(values.size())}, values));
}

Status ScalesUp(NodeEditor& e) {
  e.SetInput(1, AddFloats(e, "scales", e.node().GetFloats("scales")));
  e.Remove("scales");
  return {};
}

Status ScalesDown(NodeEditor& e) {
  ASSIGN_OR_RETURN(std::vector<float> scales, ConstantFloats(e, 1));
  e.DropInput(1);
  e.Set("scales", std::move(scales));
  return {};
}

// The same operator under another name, but that Upsample does not shrink.
Status UpsampleBecomesResize(NodeEditor& e) {
  e.node().op_type = "Resize";
  e.SetChanged();
  return {};
}

Status ResizeBecomesUpsample(NodeEditor& e) {
  ASSIGN_OR_RETURN(const std::vector<float> scales, ConstantFloats(e, 1));
  if (std::any_of(scales.begin(), scales.end(), [](float scale) { return scale < 1; }))
    return Unsupported("Upsample, which came before it, does not shrink");
  e.node().op_type = "Upsample";
  e.SetChanged();
  return {};
}

// --- Resize

constexpr size_t kRoi = 1, kScales = 2, kSizes = 3;

// Opset 10 has one way to map coordinates.
Status CoordinatesUp(NodeEditor& e) {
  ir::Value* scales = e.node().input(1);
  e.SetInput(kRoi, AddFloats(e, "roi", {}));
  e.SetInput(kScales, scales);
  e.Set("coordinate_transformation_mode", std::string("asymmetric"));
  if (e.String("mode", "nearest") == "nearest") e.Set("nearest_mode", std::string("floor"));
  return {};
}

bool IsEmpty(const NodeEditor& e, size_t i) {
  if (!e.HasInput(i)) return true;
  const std::optional<Tensor> tensor = e.Constant(i);
  return tensor ? tensor->num_elements() == 0 : e.Dim(i, 0) == 0;
}

// Whether the scales say that nothing changes in size, so that no way of mapping coordinates matters.
Status CoordinatesDown(NodeEditor& e) {
  const std::string transform = e.String("coordinate_transformation_mode", "half_pixel"), mode = e.String("mode", "nearest");
  if (mode != "nearest" && mode != "linear") return Unsupported(fmt::format("mode '{}' came with opset 11", mode));
  if (transform != "asymmetric")
    return Unsupported(fmt::format("coordinate_transformation_mode '{}' came with opset 11; before, it was 'asymmetric'", transform));
  if (mode == "nearest" && e.String("nearest_mode", "round_prefer_floor") != "floor")
    return Unsupported(
        fmt::format("nearest_mode '{}' came with opset 11; before, it was 'floor'", e.String("nearest_mode", "round_prefer_floor")));
  if (e.Int("exclude_outside") != 0) return Unsupported("exclude_outside came with opset 11");
  if (!IsEmpty(e, kSizes)) {
    ASSIGN_OR_RETURN(const std::vector<int64_t> sizes, e.ConstantInts(kSizes));
    std::vector<float> scales;
    for (size_t i = 0; i < sizes.size(); ++i) {
      const std::optional<int64_t> dim = e.Dim(0, i);
      if (!dim || *dim == 0) return Unsupported("sizes came with opset 11, and the input's are not all known to make scales of them");
      scales.push_back(static_cast<float>(sizes[i]) / static_cast<float>(*dim));
      if (static_cast<int64_t>(std::floor(static_cast<float>(*dim) * scales.back())) != sizes[i])
        return Unsupported(fmt::format("sizes came with opset 11; no scale takes {} to {}", *dim, sizes[i]));
    }
    e.SetInput(kScales, AddFloats(e, "scales", scales));
  }
  ir::Value* scales = e.node().input(kScales);
  e.DropInput(kSizes);
  e.DropInput(kScales);
  e.SetInput(1, scales);
  for (const std::string_view name :
       {"coordinate_transformation_mode", "nearest_mode", "cubic_coeff_a", "exclude_outside", "extrapolation_value"})
    e.Remove(name);
  return {};
}

// Empty inputs may be left out; and one mode went that only TensorFlow's exporter had.
Status OptionalInputsUp(NodeEditor& e) {
  if (e.String("coordinate_transformation_mode") == "tf_half_pixel_for_nn") {
    // floor((x + 0.5) / scale) is (x + 0.5) / scale - 0.5 rounded to the nearest, upwards from the middle.
    if (e.String("mode", "nearest") != "nearest" || e.String("nearest_mode", "round_prefer_floor") != "floor")
      return Unsupported("coordinate_transformation_mode 'tf_half_pixel_for_nn' went with opset 13");
    e.Set("coordinate_transformation_mode", std::string("half_pixel"));
    e.Set("nearest_mode", std::string("round_prefer_ceil"));
    e.SetChanged();
  }
  for (const size_t i : {kSizes, kScales, kRoi})
    if (e.HasInput(i) && IsEmpty(e, i)) e.DropInput(i);
  return {};
}

Status OptionalInputsDown(NodeEditor& e) {
  for (const size_t i : {kRoi, kScales})
    if (!e.HasInput(i)) e.SetInput(i, AddFloats(e, i == kRoi ? "roi" : "scales", {}));
  return {};
}

// Sizes and scales of some axes become those of all.
Status AxesDown(NodeEditor& e) {
  if (e.Int("antialias") != 0) return Unsupported("antialias came with opset 18");
  if (const std::string policy = e.String("keep_aspect_ratio_policy", "stretch"); policy != "stretch" && !IsEmpty(e, kSizes))
    return Unsupported(fmt::format("keep_aspect_ratio_policy '{}' came with opset 18", policy));
  if (e.Has("keep_aspect_ratio_policy")) e.SetChanged();
  e.Remove("keep_aspect_ratio_policy");
  if (!e.Has("axes")) return {};
  ASSIGN_OR_RETURN(const int64_t rank, e.Rank(0));
  std::vector<int64_t> axes = e.node().GetInts("axes");
  for (int64_t& axis : axes) {
    if (axis < 0) axis += rank;
    if (axis < 0 || axis >= rank) return Unsupported(fmt::format("axis {} of an input of rank {}", axis, rank));
  }
  if (!IsEmpty(e, kRoi) && e.String("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize")
    return Unsupported("a region of interest of some axes came with opset 18");
  if (!IsEmpty(e, kSizes)) {
    ASSIGN_OR_RETURN(const std::vector<int64_t> sizes, e.ConstantInts(kSizes));
    if (sizes.size() != axes.size()) return Unsupported(fmt::format("{} sizes for {} axes", sizes.size(), axes.size()));
    std::vector<int64_t> all;
    for (int64_t axis = 0; axis < rank; ++axis) {
      const auto place = std::find(axes.begin(), axes.end(), axis);
      const std::optional<int64_t> dim = e.Dim(0, static_cast<size_t>(axis));
      if (place == axes.end() && !dim)
        return Unsupported(fmt::format("sizes of some axes came with opset 18, and dim {} is not known", axis));
      all.push_back(place == axes.end() ? *dim : sizes[static_cast<size_t>(place - axes.begin())]);
    }
    e.SetInput(kSizes, e.AddInts("sizes", all));
  } else {
    ASSIGN_OR_RETURN(const std::vector<float> scales, ConstantFloats(e, kScales));
    std::vector<float> all(static_cast<size_t>(rank), 1);
    for (size_t i = 0; i < axes.size() && i < scales.size(); ++i) all[static_cast<size_t>(axes[i])] = scales[i];
    e.SetInput(kScales, AddFloats(e, "scales", all));
  }
  if (e.HasInput(kRoi)) e.SetInput(kRoi, AddFloats(e, "roi", {}));
  e.Remove("axes");
  return {};
}

Status SymmetricDown(NodeEditor& e) {
  if (e.String("coordinate_transformation_mode", "half_pixel") == "half_pixel_symmetric")
    return Unsupported("coordinate_transformation_mode 'half_pixel_symmetric' came with opset 19");
  return {};
}

// --- GridSample

// Opset 20 gave the modes their names without number of dimensions.
Status GridModesUp(NodeEditor& e) {
  const std::string mode = e.String("mode", "bilinear");
  e.Set("mode", std::string(mode == "bilinear" ? "linear" : mode == "bicubic" ? "cubic" : mode));
  e.SetChanged();
  return {};
}

Status GridModesDown(NodeEditor& e) {
  ASSIGN_OR_RETURN(const int64_t rank, e.Rank(0));
  if (rank != 4) return Unsupported(fmt::format("an input of rank {} came with opset 20; before, it was 4", rank));
  const std::string mode = e.String("mode", "linear");
  e.Set("mode", std::string(mode == "linear" ? "bilinear" : mode == "cubic" ? "bicubic" : mode));
  e.SetChanged();
  return {};
}

constexpr Adapter kRows[] = {
    {"Upsample", 7, UpsampleOfOpset1Up, UpsampleOfOpset1Down},
    {"Upsample", 9, ScalesUp, ScalesDown},
    {"Upsample", 10, UpsampleBecomesResize},
    {"Resize", 10, nullptr, ResizeBecomesUpsample},
    {"Resize", 11, CoordinatesUp, CoordinatesDown},
    {"Resize", 13, OptionalInputsUp, OptionalInputsDown},
    {"Resize", 18, nullptr, AxesDown},
    {"Resize", 19, nullptr, SymmetricDown},
    {"GridSample", 20, GridModesUp, GridModesDown},
};

}  // namespace

std::span<const Adapter> ResizeAdapters() { return kRows; }

}  // namespace sardonyx::optimize::version
