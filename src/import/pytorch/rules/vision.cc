// torchvision's operators.
#include <algorithm>
#include <limits>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

Outputs Nms(Call& c) {
  ops::GraphBuilder& b = c.b;
  V boxes = b.Unsqueeze(c.tensor("dets"), {0}), scores = b.Unsqueeze(c.tensor("scores"), {0, 1});
  V found = b.Op("NonMaxSuppression", {boxes, scores, b.Ints({std::numeric_limits<int64_t>::max()}),
                                       b.Constant(Tensor::From<float>({1}, {static_cast<float>(c.Double("iou_threshold"))}))});
  return b.Gather(found, b.Int(2), 1);
}

Outputs RoiAlign(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.tensor("input"), rois = c.tensor("rois");
  V batch = b.Cast(b.Gather(rois, b.Int(0), 1), DataType::kInt64);
  V boxes = b.Slice(rois, 1, 1, 5);
  return b.Op("RoiAlign", {x, boxes, batch},
              {{"coordinate_transformation_mode", c.Bool("aligned", false) ? "half_pixel" : "output_half_pixel"},
               {"mode", "avg"},
               {"output_height", c.Int("pooled_height")},
               {"output_width", c.Int("pooled_width")},
               {"sampling_ratio", std::max<int64_t>(0, c.Int("sampling_ratio"))},
               {"spatial_scale", c.Double("spatial_scale")}});
}

Outputs RoiPool(Call& c) {
  ops::GraphBuilder& b = c.b;
  V y = b.Op("MaxRoiPool", {c.tensor("input"), c.tensor("rois")},
             {{"pooled_shape", {c.Int("pooled_height"), c.Int("pooled_width")}}, {"spatial_scale", c.Double("spatial_scale")}});
  return Outputs{y, b.Int(0)};
}

Outputs DeformConv(Call& c) {
  ops::GraphBuilder& b = c.b;
  V weight = c.tensor("weight");
  return b.Op("DeformConv",
              {c.tensor("input"), weight, c.tensor("offset"), c.tensor("bias"), c.Bool("use_mask") ? c.tensor("mask") : nullptr},
              {{"dilations", {c.Int("dilation_h"), c.Int("dilation_w")}},
               {"group", c.Int("groups")},
               {"offset_group", c.Int("offset_groups")},
               {"pads", {c.Int("pad_h"), c.Int("pad_w"), c.Int("pad_h"), c.Int("pad_w")}},
               {"strides", {c.Int("stride_h"), c.Int("stride_w")}}});
}

constexpr RuleRow kRows[] = {
    {"torchvision.nms", Nms},
    {"torchvision.roi_align", RoiAlign},
    {"torchvision.roi_pool", RoiPool},
    {"torchvision.deform_conv2d", DeformConv},
};

}  // namespace

std::span<const RuleRow> Vision() { return kRows; }

}  // namespace sardonyx::pytorch::rules
