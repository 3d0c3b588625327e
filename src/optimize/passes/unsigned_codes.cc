// Activations that are quantized to int8 become uint8: zero points move by 128, and with them all codes, so nothing else changes.
// Products of uint8 by int8 are what processors have instructions for.
#include <optional>

#include "optimize/passes/passes.h"
#include "optimize/rewrite/match.h"

namespace sardonyx::optimize {
namespace {

// The int8 zero point of a Q or DQ node, one for all; nullopt where it is not known. DequantizeLinear may omit it.
std::optional<int8_t> ZeroPoint(const ir::Node& node) {
  if (!node.input(2)) return node.op_type == "DequantizeLinear" ? std::optional<int8_t>(0) : std::nullopt;
  const std::optional<Tensor> zero = ConstantTensor(node.input(2));
  if (!zero || zero->dtype() != DataType::kInt8 || zero->num_elements() != 1) return std::nullopt;
  return zero->data<int8_t>()[0];
}

bool Is(const ir::Node& node, std::string_view op_type) { return node.op_type == op_type && ir::NormalDomain(node.domain).empty(); }

// Codes that only DequantizeLinear reads.
bool CanMove(const ir::Node& quantize) {
  const ir::Value* codes = quantize.output(0);
  if (!codes || codes->is_graph_output() || codes->uses().empty() || !ZeroPoint(quantize) || quantize.attribute("output_dtype")) return false;
  for (const ir::Use& use : codes->uses())
    if (!use.node || use.index != 0 || !Is(*use.node, "DequantizeLinear") || use.node->graph() != codes->graph() || !ZeroPoint(*use.node))
      return false;
  return true;
}

void MoveZeroPoint(ir::Graph& graph, ir::Node& node) {
  const int8_t zero = *ZeroPoint(node);
  const Dims dims = node.input(2) ? ConstantTensor(node.input(2))->dims() : Dims();
  const Tensor moved = Tensor::From<uint8_t>(dims, {static_cast<uint8_t>(zero + 128)});
  ir::Value* value = graph.AddValue(node.output(0)->name() + "/zero_point");
  value->type = ir::Type::Tensor(DataType::kUint8, ir::Shape::Of(dims));
  graph.SetInitializer(value, ir::StoredTensor::Of(value->name(), moved));
  node.SetInput(2, value);
}

}  // namespace

StatusOr<size_t> UseUnsignedCodes(ir::Model& model, const PassOptions&) {
  ir::Graph& graph = *model.graph;
  size_t moved = 0;
  for (const auto& node : graph.nodes()) {
    if (!Is(*node, "QuantizeLinear") || !CanMove(*node)) continue;
    for (const ir::Use& use : node->output(0)->uses()) MoveZeroPoint(graph, *use.node);
    MoveZeroPoint(graph, *node);
    node->output(0)->type.dtype = DataType::kUint8;
    ++moved;
  }
  if (moved > 0) graph.RemoveUnusedValues();
  return moved;
}

}  // namespace sardonyx::optimize
