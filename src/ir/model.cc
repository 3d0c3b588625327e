#include "ir/model.h"

namespace sardonyx::ir {

int64_t Model::OpsetVersion(std::string_view domain) const {
  for (const OpsetImport& opset : opset_imports)
    if (NormalDomain(opset.domain) == NormalDomain(domain)) return opset.version;
  return 0;
}

void Model::SetOpset(std::string_view domain, int64_t version) {
  for (OpsetImport& opset : opset_imports) {
    if (NormalDomain(opset.domain) == NormalDomain(domain)) {
      opset.version = version;
      return;
    }
  }
  opset_imports.push_back({std::string(domain), version, {}});
}

const Function* Model::FindFunction(std::string_view domain, std::string_view name, std::string_view overload) const {
  for (const Function& function : functions)
    if (function.name == name && NormalDomain(function.domain) == NormalDomain(domain) && function.overload == overload) return &function;
  return nullptr;
}

}  // namespace sardonyx::ir
