// Scan: until opset 8 it had a batch around what it scans.
#include <algorithm>
#include <memory>

#include "base/status_macros.h"
#include "optimize/version/adapter.h"

namespace sardonyx::optimize::version {
namespace {

// The type of one element along the first dim.
std::optional<ir::Type> ItemType(const ir::Type& type) {
  if (!type.is_tensor() || type.dtype == DataType::kUndefined) return std::nullopt;
  if (!type.shape || type.shape->rank() == 0) return ir::Type::Tensor(type.dtype);
  return ir::Type::Tensor(type.dtype, ir::Shape(std::vector<ir::Dim>(type.shape->dims().begin() + 1, type.shape->dims().end())));
}

// A Scan over the batch, whose body is the Scan without it.
Status ScanUp(NodeEditor& e) {
  if (!e.Has("body")) return Unsupported("it has no body");
  if (e.node().inputs().empty()) return Unsupported("it has no inputs");
  if (e.HasInput(0)) return Unsupported("lengths of sequences (sequence_lens) went with opset 9");
  ir::Node& outer = e.node();
  const std::vector<ir::Value*> inputs(outer.inputs().begin() + 1, outer.inputs().end());
  auto batch = std::make_shared<ir::Graph>();
  batch->name = e.FreshName("batch");
  ir::Node* inner = batch->AddNode("Scan");
  inner->opset_version = e.to();
  for (const ir::Value* input : inputs) {
    ir::Value* item = batch->AddValue(e.FreshName("item"));
    if (!input) return Unsupported("an input is omitted");
    batch->AddInput({item, ItemType(input->type), "", {}, {}});
    inner->AddInput(item);
  }
  for (const ir::Value* output : outer.outputs()) {
    ir::Value* item = batch->AddValue(e.FreshName("item"));
    inner->AddOutput(item);
    batch->AddOutput({item, output ? ItemType(output->type) : std::nullopt, "", {}, {}});
  }
  const std::vector<int64_t> directions = outer.GetInts("directions");
  inner->SetAttribute(ir::Attribute("num_scan_inputs", e.Int("num_scan_inputs")));
  if (!directions.empty()) inner->SetAttribute(ir::Attribute("scan_input_directions", directions));
  inner->SetAttribute(*outer.attribute("body"));
  e.Remove("directions");
  e.Remove("body");
  e.Set("body", std::move(batch));
  e.Set("num_scan_inputs", static_cast<int64_t>(inputs.size()));
  outer.ResizeInputs(0);
  for (ir::Value* input : inputs) outer.AddInput(input);
  e.SetChanged();
  return {};
}

// A batch of one.
Status ScanDown(NodeEditor& e) {
  for (const std::string_view name : {"scan_input_axes", "scan_output_axes", "scan_output_directions"}) {
    const std::vector<int64_t> values = e.node().GetInts(name);
    if (std::any_of(values.begin(), values.end(), [](int64_t value) { return value != 0; }))
      return Unsupported(fmt::format("{} other than 0 came with opset 9", name));
    e.Remove(name);
  }
  if (e.Has("scan_input_directions")) e.Set("directions", e.node().GetInts("scan_input_directions"));
  e.Remove("scan_input_directions");
  const std::vector<ir::Value*> inputs = e.node().inputs();
  const auto first_axis = [] { return std::vector{ir::Attribute("axes", std::vector<int64_t>{0})}; };
  for (size_t i = 0; i < inputs.size(); ++i) e.SetInput(i + 1, e.AddNode("Unsqueeze", {inputs[i]}, first_axis(), "batch"));
  e.SetInput(0, nullptr);
  for (size_t i = 0; i < e.node().outputs().size(); ++i) {
    if (!e.node().output(i)) continue;
    const auto [fresh, old] = e.DetachOutput(i);
    fresh->type = ir::Type::Tensor(fresh->type.dtype);
    e.AddNodeBehind("Squeeze", {fresh}, first_axis(), old);
  }
  return {};
}

constexpr Adapter kRows[] = {{"Scan", 9, ScanUp, ScanDown}};

}  // namespace

std::span<const Adapter> ControlAdapters() { return kRows; }

}  // namespace sardonyx::optimize::version
