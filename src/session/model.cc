#include "sardonyx/model.h"

#include "base/bytes.h"
#include "base/status_macros.h"
#include "ir/load.h"
#include "ir/save.h"
#include "session/value_infos.h"

namespace sardonyx {

StatusOr<Model> Model::Load(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<ir::Model> model, ir::LoadModel(path));
  return Model(std::shared_ptr<const ir::Model>(std::move(model)));
}

StatusOr<Model> Model::FromBytes(std::string bytes, const std::filesystem::path& folder) {
  ASSIGN_OR_RETURN(std::unique_ptr<ir::Model> model, ir::ParseModel(Bytes::Own(std::move(bytes)), folder));
  return Model(std::shared_ptr<const ir::Model>(std::move(model)));
}

Status Model::Save(const std::filesystem::path& path) const { return ir::SaveModel(*model_, path); }

std::vector<ValueInfo> Model::inputs() const { return model_->graph ? InputInfos(*model_->graph) : std::vector<ValueInfo>(); }
std::vector<ValueInfo> Model::outputs() const { return model_->graph ? OutputInfos(*model_->graph) : std::vector<ValueInfo>(); }
const std::filesystem::path& Model::path() const { return model_->path; }

std::vector<ValueInfo> InputInfos(const ir::Graph& graph) {
  std::vector<ValueInfo> infos;
  for (const ir::ValueInfo& input : graph.inputs()) {
    infos.push_back(DescribeValue(*input.value));
    infos.back().optional = input.value->initializer() != nullptr || input.value->type.kind == ir::Type::Kind::kOptional;
  }
  return infos;
}

std::vector<ValueInfo> OutputInfos(const ir::Graph& graph) {
  std::vector<ValueInfo> infos;
  for (const ir::ValueInfo& output : graph.outputs()) infos.push_back(DescribeValue(*output.value));
  return infos;
}

ValueInfo DescribeValue(const ir::Value& value) {
  ValueInfo info;
  info.name = value.name();
  info.type = value.type.Spelling();
  const bool optional = value.type.kind == ir::Type::Kind::kOptional && value.type.element != nullptr;
  const ir::Type& type = optional ? *value.type.element : value.type;
  if (!type.is_tensor()) return info;
  info.dtype = type.dtype;
  if (!type.shape) return info;
  info.has_shape = true;
  for (const ir::Dim& dim : type.shape->dims()) {
    info.dims.push_back(dim.is_constant() ? dim.value() : -1);
    info.symbols.push_back(dim.is_symbolic() ? dim.ToString() : "");
  }
  return info;
}

}  // namespace sardonyx
