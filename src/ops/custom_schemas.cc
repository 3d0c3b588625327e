#include "ops/custom_schemas.h"

#include <algorithm>
#include <atomic>
#include <list>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "ops/schema_table.h"

namespace sardonyx::ops {
namespace {

struct Table {
  std::string text;  // the schemas' views point into it
  SchemaTable table;
  std::unordered_map<const OpSchema*, InferenceFunction> inference;
};

struct Registry {
  std::shared_mutex mutex;
  std::list<Table> tables;  // addresses are stable
};

Registry& GetRegistry() {
  static auto* const registry = new Registry;
  return *registry;
}

// Schemas of one operator, newest first, as tables keep them.
template <class Visit>
void ForEachVersion(std::string_view domain, std::string_view op_type, const Visit& visit) {
  Registry& registry = GetRegistry();
  std::shared_lock lock(registry.mutex);
  for (const Table& table : registry.tables) {
    if (table.table.domain != domain) continue;
    for (const OpSchema& schema : table.table.schemas)
      if (schema.name == op_type) visit(schema);
  }
}

}  // namespace

Status AddCustomSchemas(std::string text, const std::function<InferenceFunction(const OpSchema&)>& inference,
                        const std::function<Status(const std::vector<const OpSchema*>&)>& check) {
  std::list<Table> added(1);
  Table& table = added.front();
  table.text = std::move(text);
  ASSIGN_OR_RETURN(table.table, ParseSchemaTable(table.text));
  const std::string_view domain = table.table.domain;
  if (domain.empty() || domain.starts_with("ai.onnx"))
    return Invalid(fmt::format("domain '{}' belongs to ONNX; custom operators need one of their own", domain.empty() ? "ai.onnx" : domain));
  std::vector<const OpSchema*> schemas;
  for (OpSchema& schema : table.table.schemas) {
    if (schema.name.empty()) return Invalid("a version stands before the first operator's name");
    if (schema.has_function) return Invalid(fmt::format("{}: only the specification's operators have bodies", schema.name));
    if (!SchemaVersions(domain, schema.name).empty())
      return Invalid(fmt::format("operator {} of domain '{}' is known already", schema.name, domain));
    table.inference[&schema] = inference(schema);
    schemas.push_back(&schema);
  }
  RETURN_IF_ERROR(check(schemas));
  Registry& registry = GetRegistry();
  std::unique_lock lock(registry.mutex);
  registry.tables.splice(registry.tables.end(), added);
  return {};
}

const OpSchema* FindCustomSchema(std::string_view domain, std::string_view op_type, int64_t opset_version) {
  const OpSchema* best = nullptr;
  ForEachVersion(domain, op_type, [&](const OpSchema& schema) {
    if (schema.since_version <= opset_version && (!best || schema.since_version > best->since_version)) best = &schema;
  });
  return best;
}

std::vector<const OpSchema*> CustomSchemaVersions(std::string_view domain, std::string_view op_type) {
  std::vector<const OpSchema*> versions;
  ForEachVersion(domain, op_type, [&](const OpSchema& schema) { versions.push_back(&schema); });
  std::sort(versions.begin(), versions.end(), [](auto* a, auto* b) { return a->since_version < b->since_version; });
  return versions;
}

int NewestCustomOpset(std::string_view domain) {
  Registry& registry = GetRegistry();
  std::shared_lock lock(registry.mutex);
  int newest = 0;
  for (const Table& table : registry.tables)
    if (table.table.domain == domain) newest = std::max(newest, table.table.version);
  return newest;
}

InferenceFunction FindCustomInference(const OpSchema& schema) {
  Registry& registry = GetRegistry();
  std::shared_lock lock(registry.mutex);
  for (const Table& table : registry.tables)
    if (const auto found = table.inference.find(&schema); found != table.inference.end()) return found->second;
  return nullptr;
}

}  // namespace sardonyx::ops
