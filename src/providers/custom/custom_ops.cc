#include "providers/custom/custom_ops.h"

#include <dlfcn.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <shared_mutex>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "ops/custom_schemas.h"
#include "providers/custom/host_api.h"

namespace sardonyx::custom_ops {
namespace {

struct Registry {
  std::shared_mutex mutex;
  std::vector<const SardonyxCustomOps*> libraries;
  std::set<std::filesystem::path> loaded;
  std::mutex loading;  // one library at a time
};

Registry& GetRegistry() {
  static auto* const registry = new Registry;
  return *registry;
}

bool Computes(const SardonyxCustomOp& op, std::string_view domain, std::string_view op_type, int64_t version) {
  return domain == op.domain && op_type == op.op_type && version >= op.since_version &&
         (op.until_version <= 0 || version <= op.until_version);
}

Status CheckEntries(const SardonyxCustomOps& ops) {
  if (!ops.schemas) return Invalid("the library gives no schemas");
  if (ops.num_ops == 0 || !ops.ops) return Invalid("the library gives no operators");
  for (size_t i = 0; i < ops.num_ops; ++i) {
    const SardonyxCustomOp& op = ops.ops[i];
    if (!op.domain || !op.op_type || !*op.op_type) return Invalid(fmt::format("entry {} has no domain or no name", i));
    if (!op.run) return Invalid(fmt::format("entry {} ({}) has no run function", i, op.op_type));
  }
  return {};
}

// The schemas can be said in C: tensors only, and each has someone to compute it.
Status CheckSchemas(const std::vector<const ops::OpSchema*>& schemas, const SardonyxCustomOps& ops) {
  const std::span entries(ops.ops, ops.num_ops);
  for (const ops::OpSchema* schema : schemas) {
    for (const ops::TypeConstraint& constraint : schema->constraints)
      for (const std::string_view type : constraint.types)
        if (!type.starts_with("tensor(")) return Invalid(fmt::format("{}: {} is no tensor", schema->name, type));
    for (const auto* formals : {&schema->inputs, &schema->outputs})
      for (const ops::FormalParameter& formal : *formals)
        if (formal.type.find('(') != std::string_view::npos && !formal.type.starts_with("tensor("))
          return Invalid(fmt::format("{}: {} is no tensor", schema->name, formal.type));
    if (std::none_of(entries.begin(), entries.end(),
                     [&](const SardonyxCustomOp& op) { return Computes(op, schema->domain, schema->name, schema->since_version); }))
      return Invalid(fmt::format("{} version {} has a schema, but no entry computes it", schema->name, schema->since_version));
  }
  for (const SardonyxCustomOp& op : entries)
    if (std::none_of(schemas.begin(), schemas.end(),
                     [&](const ops::OpSchema* schema) { return schema->domain == op.domain && schema->name == op.op_type; }))
      return Invalid(fmt::format("{} has an entry in domain '{}', but no schema", op.op_type, op.domain));
  return {};
}

ops::InferenceFunction InferenceOf(const ops::OpSchema& schema, const SardonyxCustomOps& ops) {
  for (size_t i = 0; i < ops.num_ops; ++i)
    if (Computes(ops.ops[i], schema.domain, schema.name, schema.since_version)) return MakeInference(ops.ops[i]);
  return nullptr;
}

}  // namespace

Status Register(const SardonyxCustomOps& ops) {
  if (ops.version > SARDONYX_CUSTOM_OP_API || ops.version < 1)
    return Unsupported(
        fmt::format("version {} of the custom operator API; this program has version {}", ops.version, SARDONYX_CUSTOM_OP_API));
  RETURN_IF_ERROR(CheckEntries(ops));
  const auto check = [&](const std::vector<const ops::OpSchema*>& schemas) { return CheckSchemas(schemas, ops); };
  RETURN_IF_ERROR(ops::AddCustomSchemas(
                      ops.schemas, [&](const ops::OpSchema& schema) { return InferenceOf(schema, ops); }, check)
                      .WithContext("schemas"));
  Registry& registry = GetRegistry();
  std::unique_lock lock(registry.mutex);
  registry.libraries.push_back(&ops);
  return {};
}

Status Load(const std::filesystem::path& library) {
  Registry& registry = GetRegistry();
  std::lock_guard loading(registry.loading);
  std::error_code error;
  const std::filesystem::path path = std::filesystem::canonical(library, error);
  if (error) return Corrupt(fmt::format("{}: {}", library.string(), error.message()));
  if (registry.loaded.contains(path)) return {};
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) return Corrupt(fmt::format("not a library that can be loaded: {}", dlerror()));
  const auto get = reinterpret_cast<const SardonyxCustomOps* (*)()>(dlsym(handle, "SardonyxGetCustomOps"));
  const SardonyxCustomOps* ops = get ? get() : nullptr;
  const Status status = ops ? Register(*ops) : Invalid("it exports no custom operators (function SardonyxGetCustomOps)");
  if (!status.ok()) {
    dlclose(handle);
    return status.WithContext(path.string());
  }
  registry.loaded.insert(path);  // stays loaded: sessions may hold its kernels
  return {};
}

std::vector<const SardonyxCustomOp*> FindEntries(std::string_view domain, std::string_view op_type, int64_t opset_version) {
  Registry& registry = GetRegistry();
  std::shared_lock lock(registry.mutex);
  std::vector<const SardonyxCustomOp*> found;
  for (const SardonyxCustomOps* ops : registry.libraries)
    for (size_t i = 0; i < ops->num_ops; ++i)
      if (Computes(ops->ops[i], domain, op_type, opset_version)) found.push_back(&ops->ops[i]);
  return found;
}

}  // namespace sardonyx::custom_ops
