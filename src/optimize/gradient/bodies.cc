#include "optimize/gradient/bodies.h"

#include <array>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "ir/text.h"
#include "optimize/gradient/body_text.h"
#include "optimize/gradient/recurrent.h"
#include "optimize/gradient/term.h"

namespace sardonyx::optimize {
namespace {

// Frames are picked from the signal, weighted by the window, and transformed.
StatusOr<std::string> StftBody(const ir::Node& node) {
  const ir::Value* signal = node.input(0);
  if (!signal->type.shape) return Unsupported("STFT of a signal whose rank is not known");
  if (!node.input(2) && !node.input(3)) return Invalid("STFT without window and frame_length");
  BodyText b("signal");
  const std::string samples = signal->type.shape->rank() == 2 ? b.Unsqueeze("signal", {2}) : b.Op("Identity", {"signal"});
  const std::string step = b.Reshape(b.AsInt("frame_step"), {});
  const std::string length = node.input(3) ? b.Reshape(b.AsInt("frame_length"), {}) : b.Dim("window", 0);
  const std::string frames = b.Add(b.Div(b.Sub(b.Dim(samples, 1), length), step), b.Int(1));
  const std::string starts = b.Unsqueeze(b.Mul(b.Count(frames), step), {1});
  std::string x = b.Op("Gather", {samples, b.Add(starts, b.Count(length))}, "axis = 1");
  if (node.input(2)) x = b.Mul(x, b.Unsqueeze("window", {1}));
  b.Output("Y", "DFT", {x, "", b.Int(2)}, fmt::format("onesided = {}", node.GetInt("onesided", 1)));
  return b.text();
}

struct Entry {
  std::string_view op_type, inputs;
};
constexpr Entry kEntries[] = {
    {"GridSample", "X, grid"},
    {"RoiAlign", "X, rois, batch_indices"},
    {"MaxRoiPool", "X, rois"},
    {"DeformConv", "X, W, offset, B, mask"},
    {"STFT", "signal, frame_step, window, frame_length"},
};

const Entry* FindEntry(const ir::Node& node) {
  if (!ir::NormalDomain(node.domain).empty()) return nullptr;
  for (const Entry& entry : kEntries)
    if (entry.op_type == node.op_type) return &entry;
  return nullptr;
}

}  // namespace

bool HasGradientBody(const ir::Node& node) { return IsRecurrent(node) || FindEntry(node) != nullptr; }

StatusOr<ir::Function> GradientBody(const ir::Node& node, int64_t opset_version, std::string_view domain, std::string_view name) {
  if (IsRecurrent(node)) return RecurrentBody(node, domain, name);
  const Entry* entry = FindEntry(node);
  if (!entry || !node.input(0) || !node.input(1)) return Invalid("an input is missing");
  const std::string& op = node.op_type;
  StatusOr<std::string> body = op == "GridSample"   ? GridSampleBody(node)
                               : op == "RoiAlign"   ? RoiAlignBody(node, opset_version)
                               : op == "MaxRoiPool" ? MaxRoiPoolBody(node)
                               : op == "DeformConv" ? DeformConvBody(node)
                                                    : StftBody(node);
  if (!body.ok()) return body.status();
  return ir::ParseFunctionText(fmt::format("<domain: \"{}\", opset_import: [\"\" : {}]>\n{} ({}) => (Y) {{\n{}}}", domain, Emitter::kOpset,
                                           name, entry->inputs, *body));
}

}  // namespace sardonyx::optimize
