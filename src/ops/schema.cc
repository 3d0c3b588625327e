#include "ops/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <unordered_map>

#include "base/embedded.h"
#include "ops/custom_schemas.h"
#include "ops/edit_distance.h"
#include "ops/schema_table.h"

namespace sardonyx {
std::span<const EmbeddedFile> EmbeddedSchemas();
}

namespace sardonyx::ops {
namespace {

std::string_view Normal(std::string_view domain) { return domain == "ai.onnx" ? std::string_view() : domain; }

// Every schema of every table, and where the versions of an operator lie.
class Registry {
 public:
  static const Registry& Get() {
    static const Registry* registry = new Registry;  // lives as long as the program
    return *registry;
  }

  struct Domain {
    int version = 0;
    // Name -> its schemas, newest first.
    std::unordered_map<std::string_view, std::span<const OpSchema>> operators;
  };
  const Domain* FindDomain(std::string_view name) const {
    const auto found = domains_.find(Normal(name));
    return found == domains_.end() ? nullptr : &found->second;
  }
  std::span<const OpSchema> Versions(std::string_view domain, std::string_view op_type) const {
    const Domain* in = FindDomain(domain);
    if (!in) return {};
    const auto found = in->operators.find(op_type);
    return found == in->operators.end() ? std::span<const OpSchema>() : found->second;
  }
  std::span<const OpSchema> schemas() const { return schemas_; }

 private:
  Registry();
  std::vector<SchemaTable> tables_;  // their schemas moved out; they own the spellings
  std::vector<OpSchema> schemas_;
  std::unordered_map<std::string_view, Domain> domains_;
};

Registry::Registry() {
  size_t count = 0;
  for (const EmbeddedFile& file : EmbeddedSchemas()) {
    StatusOr<SchemaTable> table = ParseSchemaTable(file.text);
    if (!table.ok()) {  // A defect of the source tree, which the tests would have found.
      fmt::print(stderr, "{}.txt: {}\n", file.name, table.status().message());
      std::abort();
    }
    count += table->schemas.size();
    tables_.push_back(*std::move(table));
  }
  schemas_.reserve(count);
  for (SchemaTable& table : tables_) {
    const size_t first = schemas_.size();
    std::move(table.schemas.begin(), table.schemas.end(), std::back_inserter(schemas_));
    Domain& domain = domains_[table.domain];
    domain.version = table.version;
    for (size_t begin = first, end = first; begin < schemas_.size(); begin = end) {
      while (end < schemas_.size() && schemas_[end].name == schemas_[begin].name) ++end;
      domain.operators.emplace(schemas_[begin].name, std::span(schemas_).subspan(begin, end - begin));
    }
  }
}

const FormalParameter* ParameterAt(const std::vector<FormalParameter>& parameters, size_t i) {
  if (i < parameters.size()) return &parameters[i];
  if (!parameters.empty() && parameters.back().arity == Arity::kVariadic) return &parameters.back();
  return nullptr;
}

template <class T>
const T* FindNamed(const std::vector<T>& items, std::string_view T::*key, std::string_view name) {
  const auto found = std::find_if(items.begin(), items.end(), [&](const T& item) { return item.*key == name; });
  return found == items.end() ? nullptr : &*found;
}

}  // namespace

const AttributeSchema* OpSchema::attribute(std::string_view name) const { return FindNamed(attributes, &AttributeSchema::name, name); }
const TypeConstraint* OpSchema::constraint(std::string_view variable) const {
  return FindNamed(constraints, &TypeConstraint::variable, variable);
}
const FormalParameter* OpSchema::input(size_t i) const { return ParameterAt(inputs, i); }
const FormalParameter* OpSchema::output(size_t i) const { return ParameterAt(outputs, i); }

bool IsStandardDomain(std::string_view domain) {
  const std::string_view normal = Normal(domain);
  return normal.empty() || normal == "ai.onnx.ml" || normal == "ai.onnx.preview" || normal == "ai.onnx.preview.training" ||
         normal == "ai.onnx.training";
}

int NewestOpset(std::string_view domain) {
  const Registry::Domain* found = Registry::Get().FindDomain(domain);
  return found ? found->version : NewestCustomOpset(domain);
}

const OpSchema* FindSchema(std::string_view domain, std::string_view op_type, int64_t opset_version) {
  for (const OpSchema& schema : Registry::Get().Versions(domain, op_type)) {
    if (schema.since_version <= opset_version) return &schema;
  }
  return FindCustomSchema(domain, op_type, opset_version);
}

const OpSchema* FindRunnableSchema(std::string_view domain, std::string_view op_type, int64_t opset_version) {
  const OpSchema* schema = FindSchema(domain, op_type, opset_version);
  return schema == nullptr && ir::NormalDomain(domain).empty() ? FindSchema("onnxruntime", op_type, opset_version) : schema;
}

std::vector<const OpSchema*> SchemaVersions(std::string_view domain, std::string_view op_type) {
  std::vector<const OpSchema*> versions;
  for (const OpSchema& schema : Registry::Get().Versions(domain, op_type)) versions.insert(versions.begin(), &schema);
  return versions.empty() ? CustomSchemaVersions(domain, op_type) : versions;
}

std::span<const OpSchema> AllSchemas() { return Registry::Get().schemas(); }

std::vector<std::string_view> SimilarOperators(std::string_view domain, std::string_view op_type) {
  std::vector<std::string_view> names;
  if (const Registry::Domain* found = Registry::Get().FindDomain(domain)) {
    for (const auto& [name, versions] : found->operators) names.push_back(name);
  }
  return NearestNames(op_type, std::move(names), 3);
}

}  // namespace sardonyx::ops
