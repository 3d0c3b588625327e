// Weights of products that are float16 in all their values, since the model was widened (widen.h), go back to float16 where Linear takes
// them so: half of the memory, and where it is memory that bounds a product, half of the time.
#include <bit>
#include <optional>
#include <vector>

#include "optimize/passes/passes.h"
#include "optimize/rewrite/match.h"

namespace sardonyx::optimize {
namespace {

constexpr int64_t kLeastElements = 4096;

// The bits of a float16 of the same value, or -1.
int32_t HalfBits(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value), magnitude = bits & 0x7fffffffu, sign = bits >> 31 << 15;
  constexpr uint32_t kLeastNormal = 113u << 23, kBeyond = 143u << 23, kRebias = 112u << 10;
  if (magnitude == 0) return static_cast<int32_t>(sign);
  if (magnitude >= kLeastNormal && magnitude < kBeyond && (bits & 0x1fffu) == 0) return static_cast<int32_t>(sign | ((magnitude >> 13) - kRebias));
  const Float16 half(value);  // subnormal, or nothing
  return std::bit_cast<uint32_t>(static_cast<float>(half)) == bits ? half.bits : -1;
}

std::optional<Tensor> AsHalves(const Tensor& tensor) {
  const auto* from = static_cast<const float*>(tensor.raw_data());
  StatusOr<Tensor> halves = Tensor::Allocate(DataType::kFloat16, tensor.dims());
  if (!halves.ok()) return std::nullopt;
  auto* to = static_cast<Float16*>(halves->mutable_raw_data());
  for (int64_t i = 0; i < tensor.num_elements(); ++i) {
    const int32_t bits = HalfBits(from[i]);
    if (bits < 0) return std::nullopt;
    to[i].bits = static_cast<uint16_t>(bits);
  }
  return *std::move(halves);
}

bool IsLinearWeight(const ir::Use& use) { return use.node && use.index == 1 && use.node->domain == "sardonyx" && use.node->op_type == "Linear"; }

bool HalveWeight(ir::Value* value) {
  const ir::StoredTensor* stored = value->initializer();
  // Made by a pass: a model's own float weights are left alone.
  if (!stored || stored->dtype != DataType::kFloat || !std::holds_alternative<ir::StoredTensor::Memory>(stored->storage)) return false;
  if (value->is_graph_output() || value->uses().empty()) return false;
  for (const ir::Use& use : value->uses())
    if (!IsLinearWeight(use)) return false;
  const Tensor& tensor = std::get<ir::StoredTensor::Memory>(stored->storage).tensor;
  if (tensor.rank() != 2 || tensor.num_elements() < kLeastElements) return false;
  std::optional<Tensor> halves = AsHalves(tensor);
  if (!halves) return false;
  value->type.dtype = DataType::kFloat16;
  value->graph()->SetInitializer(value, ir::StoredTensor::Of(value->name(), *std::move(halves)));
  return true;
}

size_t HalveWeights(ir::Graph& graph) {
  size_t count = 0;
  for (ir::Value* value : std::vector<ir::Value*>(graph.initializers())) count += HalveWeight(value);
  for (const auto& node : graph.nodes())
    for (const auto& [name, subgraph] : ir::Subgraphs(*node)) count += HalveWeights(*subgraph);
  return count;
}

}  // namespace

StatusOr<size_t> KeepHalfWeights(ir::Model& model, const PassOptions&) { return HalveWeights(*model.graph); }

}  // namespace sardonyx::optimize
