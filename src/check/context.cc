#include "check/context.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "ops/custom_schemas.h"

namespace sardonyx::check {

void Context::Add(Severity severity, const Rule& rule, const Scope* scope, const ir::Node* node, std::string message) {
  if (node && severity == Severity::kError) blamed_.insert(node);
  if (findings_.size() >= options_.max_findings) {
    ++beyond_limit_;
    error_beyond_limit_ |= severity == Severity::kError;
    return;
  }
  Finding& finding = findings_.emplace_back();
  finding.severity = severity;
  finding.rule = rule.name;
  if (scope) finding.graph = Shorten(scope->path);
  if (node) {
    finding.node = LabelOf(*node);
    finding.op = Shorten(OperatorName(*node));
  }
  finding.message = std::move(message);
}

void Context::WarnOnce(const Rule& rule, const Scope* scope, const ir::Node* node, const std::string& message) {
  if (warned_.insert(message).second) Warn(rule, scope, node, message);
}

std::vector<Finding> Context::TakeFindings() {
  if (beyond_limit_ > 0) {
    Finding& last = findings_.emplace_back();
    last.severity = error_beyond_limit_ ? Severity::kError : Severity::kWarning;
    last.rule = rules::kLimit.name;
    last.message = fmt::format("{} more findings are not listed. Mend the first ones and check again.", beyond_limit_);
  }
  return std::move(findings_);
}

Context::Context(const ir::Model& model, const CheckOptions& options) : model_(model), options_(options) {
  for (const ir::Function& function : model.functions)
    functions_.emplace(FunctionKey(function.domain, function.name, function.overload), &function);
}

const std::string& Context::LabelOf(const ir::Node& node) {
  const auto [found, added] = labels_.try_emplace(&node);
  if (added) found->second = Shorten(node.Label());
  return found->second;
}

const ir::Function* Context::FunctionOf(const ir::Node& node) const {
  if (functions_.empty()) return nullptr;
  const auto found = functions_.find(FunctionKey(node.domain, node.op_type, node.overload));
  return found == functions_.end() ? nullptr : found->second;
}

bool Context::HasAttribute(const ir::Function& function, std::string_view name) {
  const auto [found, added] = attributes_.try_emplace(&function);
  if (added) {
    found->second.insert(function.attributes.begin(), function.attributes.end());
    for (const ir::Attribute& attribute : function.attribute_defaults) found->second.insert(attribute.name);
  }
  return found->second.contains(name);
}

int64_t Context::ImportedVersion(const Scope& scope, std::string_view domain) {
  const std::vector<ir::OpsetImport>& imports = scope.function ? scope.function->opset_imports : model_.opset_imports;
  const std::string_view normal = ir::NormalDomain(domain);
  if (imports.empty() && !scope.function && model_.ir_version < 3 && normal.empty()) return 1;
  const auto [found, added] = imports_.try_emplace(scope.function);
  if (added) {
    for (const ir::OpsetImport& import : imports) found->second.emplace(ir::NormalDomain(import.domain), import.version);
  }
  const auto version = found->second.find(normal);
  return version == found->second.end() ? 0 : version->second;
}

std::string FunctionKey(std::string_view domain, std::string_view name, std::string_view overload) {
  return fmt::format("{}\n{}\n{}", ir::NormalDomain(domain), name, overload);
}

std::string Shorten(std::string_view text) {
  constexpr size_t kLongest = 200;
  std::string shown(text.substr(0, kLongest));
  if (text.size() > kLongest) shown = fmt::format("{}...{}", text.substr(0, kLongest / 2), text.substr(text.size() - kLongest / 4));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return shown;
}

std::string Quote(std::string_view name) { return fmt::format("'{}'", Shorten(name)); }

std::string OperatorName(const ir::Node& node) {
  const std::string_view domain = ir::NormalDomain(node.domain);
  return domain.empty() ? node.op_type : fmt::format("{}.{}", domain, node.op_type);
}

std::string DidYouMean(const std::vector<std::string_view>& names) {
  if (names.empty()) return "";
  std::string text = " Did you mean ";
  for (size_t i = 0; i < names.size(); ++i) {
    text += fmt::format("{}'{}'", i == 0 ? "" : i + 1 == names.size() ? " or " : ", ", names[i]);
  }
  return text + "?";
}

bool HasFirmSchema(const ir::Node& node) {
  return ops::IsStandardDomain(node.domain) || ops::FindCustomSchema(node.domain, node.op_type, std::numeric_limits<int64_t>::max());
}

std::string Finding::ToString() const {
  std::string text = severity == Severity::kError ? "error: " : "warning: ";
  if (!graph.empty()) text += graph + ": ";
  if (!node.empty()) text += node + ": ";
  return fmt::format("{}{} [{}]", text, message, rule);
}

bool HasErrors(std::span<const Finding> findings) {
  return std::any_of(findings.begin(), findings.end(), [](const Finding& f) { return f.severity == Severity::kError; });
}

}  // namespace sardonyx::check
