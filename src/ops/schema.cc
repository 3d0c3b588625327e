#include "ops/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <mutex>
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

// Every operator of every table, parsed when it is first asked for: start-up would be the longer for all of them.
class Registry {
 public:
  static Registry& Get() {
    static Registry* registry = new Registry;  // lives as long as the program
    return *registry;
  }

  struct Operator {
    const OperatorText* text = nullptr;
    std::once_flag parsed;
    std::vector<OpSchema> schemas;  // newest first
  };
  struct Domain {
    SchemaTable table;
    std::string_view file;
    std::unordered_map<std::string_view, Operator> operators;
  };
  Domain* FindDomain(std::string_view name) {
    const auto found = domains_.find(Normal(name));
    return found == domains_.end() ? nullptr : &found->second;
  }
  std::span<const OpSchema> Versions(std::string_view domain, std::string_view op_type) {
    Domain* in = FindDomain(domain);
    if (!in) return {};
    const auto found = in->operators.find(op_type);
    return found == in->operators.end() ? std::span<const OpSchema>() : Versions(*in, found->second);
  }
  const std::vector<OpSchema>& All();

 private:
  Registry();
  std::span<const OpSchema> Versions(Domain& domain, Operator& op) {
    std::call_once(op.parsed, [&] {
      const std::lock_guard lock(mutex_);
      op.schemas = OrAbort(ParseOperator(*op.text, domain.table), domain.file);
    });
    return op.schemas;
  }
  // A defect of the source tree, which the tests would have found.
  template <class T>
  static T OrAbort(StatusOr<T> result, std::string_view file) {
    if (result.ok()) return *std::move(result);
    fmt::print(stderr, "{}.txt: {}\n", file, result.status().message());
    std::abort();
  }

  std::mutex mutex_;  // of the tables' spellings and types
  std::unordered_map<std::string_view, Domain> domains_;
  std::vector<std::string_view> order_;  // of the domains
  std::once_flag all_parsed_;
  std::vector<OpSchema> all_;
};

Registry::Registry() {
  for (const EmbeddedFile& file : EmbeddedSchemas()) {
    SchemaTable table = OrAbort(IndexSchemaTable(file.text), file.name);
    Domain& domain = domains_[table.domain];
    order_.push_back(table.domain);
    domain.file = file.name;
    domain.table = std::move(table);
    for (const OperatorText& text : domain.table.operators) domain.operators[text.name].text = &text;
  }
}

const std::vector<OpSchema>& Registry::All() {
  std::call_once(all_parsed_, [&] {
    for (std::string_view name : order_) {
      Domain& domain = domains_.at(name);
      for (const OperatorText& text : domain.table.operators) {
        const std::span<const OpSchema> versions = Versions(domain, domain.operators.at(text.name));
        all_.insert(all_.end(), versions.begin(), versions.end());
      }
    }
  });
  return all_;
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
  return found ? found->table.version : NewestCustomOpset(domain);
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

std::span<const OpSchema> AllSchemas() { return Registry::Get().All(); }

std::vector<std::string_view> SimilarOperators(std::string_view domain, std::string_view op_type) {
  std::vector<std::string_view> names;
  if (const Registry::Domain* found = Registry::Get().FindDomain(domain)) {
    for (const auto& [name, op] : found->operators) names.push_back(name);
  }
  return NearestNames(op_type, std::move(names), 3);
}

}  // namespace sardonyx::ops
