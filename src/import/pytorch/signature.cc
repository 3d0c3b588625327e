#include "import/pytorch/signature.h"

#include <algorithm>
#include <charconv>
#include <deque>
#include <map>
#include <mutex>
#include <span>
#include <unordered_map>

#include <fmt/format.h>

#include "base/embedded.h"
#include "base/status_macros.h"

namespace sardonyx {
std::span<const EmbeddedFile> EmbeddedTorchSignatures();
}  // namespace sardonyx

namespace sardonyx::pytorch {
namespace {

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// The parts between commas that stand in no bracket or string.
std::vector<std::string_view> SplitList(std::string_view text) {
  std::vector<std::string_view> parts;
  int depth = 0;
  bool quoted = false;
  size_t begin = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ',';
    if (i < text.size() && quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '(' || c == '[') {
      ++depth;
    } else if (c == ')' || c == ']') {
      --depth;
    } else if (c == ',' && depth == 0) {
      if (const std::string_view part = Trim(text.substr(begin, i - begin)); !part.empty()) parts.push_back(part);
      begin = i + 1;
    }
  }
  return parts;
}

IValue ParseDefault(std::string_view text) {
  if (text == "None") return {};
  if (text == "True") return IValue(true);
  if (text == "False") return IValue(false);
  if (text.front() == '"') return IValue(std::string(text.substr(1, text.size() - 2)));
  if (text.front() == '[') {
    IValue::List items;
    for (const std::string_view part : SplitList(text.substr(1, text.size() - 2))) items.push_back(ParseDefault(part));
    return IValue::MakeList(std::move(items));
  }
  if (text.find_first_of(".en") == std::string_view::npos) {
    int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return IValue(value);
  }
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return IValue(value);
}

// Takes "(a!)" or "(a -> *)" out of a type.
struct ParsedType {
  std::string_view type;
  char alias = 0;
  bool written = false;
};
ParsedType ParseType(std::string_view text, std::deque<std::string>& texts) {
  ParsedType parsed{text};
  const size_t open = text.find('(');
  if (open == std::string_view::npos || text.starts_with("Dict(") || open + 1 >= text.size()) return parsed;
  const size_t close = text.find(')', open);
  if (close == std::string_view::npos) return parsed;
  const std::string_view inside = text.substr(open + 1, close - open - 1);
  parsed.alias = inside[0];
  parsed.written = inside.find('!') != std::string_view::npos;
  texts.push_back(std::string(text.substr(0, open)) + std::string(text.substr(close + 1)));
  parsed.type = texts.back();
  return parsed;
}

class Table {
 public:
  static Table& Get() {
    static Table* const table = new Table();
    return *table;
  }

  const Signature* Find(std::string_view target) {
    const auto found = rows_.find(target);
    if (found == rows_.end()) return nullptr;
    const std::lock_guard lock(mutex_);
    if (!found->second.parsed) {
      Parse(found->first, found->second);
      found->second.parsed = true;
    }
    return &found->second.signature;
  }

  // "aten.add.Tensor"; without an overload "aten.relu.default".
  static std::string Target(std::string_view space, std::string_view name) {
    return fmt::format("{}.{}{}", space, name, name.find('.') != std::string_view::npos ? "" : ".default");
  }

  std::vector<const Signature*> Overloads(std::string_view name) {
    std::vector<const Signature*> all;
    const auto found = overloads_.find(name);
    if (found != overloads_.end())
      for (const std::string& target : found->second) all.push_back(Find(target));
    return all;
  }

 private:
  struct Row {
    std::string_view text;  // "(...) -> ...", or " = OVERLOAD ARGUMENTS"
    bool parsed = false;
    Signature signature;
  };

  Table() {
    for (const EmbeddedFile& file : EmbeddedTorchSignatures())
      for (size_t begin = 0; begin < file.text.size();) {
        const size_t end = std::min(file.text.find('\n', begin), file.text.size());
        const std::string_view line = file.text.substr(begin, end - begin);
        begin = end + 1;
        // "add.Tensor(...) -> ...", or "add.out = add.Tensor out".
        const size_t open = std::min(line.find('('), line.find(" = "));
        if (line.empty() || line[0] == '#' || open == std::string_view::npos) continue;
        std::string target = Target(file.name, line.substr(0, open));
        const std::string base = target.substr(0, target.rfind('.'));
        overloads_[base].push_back(target);
        rows_.emplace(std::move(target), Row{line.substr(open), false, {}});
      }
  }

  // Another overload, and arguments behind its own that its results are written to.
  void ParseWriting(std::string_view target, std::string_view text, Signature& signature) {
    const auto next = [&text] {
      const size_t end = std::min(text.find(' '), text.size());
      const std::string_view word = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      return word;
    };
    std::string functional = Target(target.substr(0, target.find('.')), next());
    const auto found = rows_.find(functional);
    if (found == rows_.end()) return;
    if (!found->second.parsed) Parse(found->first, found->second);
    found->second.parsed = true;
    signature = found->second.signature;
    signature.name = target;
    signature.functional = std::move(functional);
    for (char alias = 'a'; !text.empty(); ++alias) {
      SignatureParameter written;
      written.name = next();
      written.type = "Tensor";
      written.keyword_only = written.written = true;
      written.alias = alias;
      signature.parameters.push_back(std::move(written));
    }
  }

  void Parse(std::string_view target, Row& row) {
    Signature& signature = row.signature;
    signature.name = target;
    if (row.text.starts_with(" = ")) {
      ParseWriting(target, row.text.substr(3), signature);
      return;
    }
    const size_t arrow = row.text.rfind(") -> ");
    if (arrow == std::string_view::npos) return;
    bool keyword = false;
    for (std::string_view part : SplitList(row.text.substr(1, row.text.find(") -> ") - 1))) {
      if (part == "*") {
        keyword = true;
        continue;
      }
      SignatureParameter parameter;
      parameter.keyword_only = keyword;
      const size_t equal = part.find('=');
      if (equal != std::string_view::npos) {
        parameter.has_default = true;
        parameter.default_value = ParseDefault(part.substr(equal + 1));
        part = part.substr(0, equal);
      }
      const size_t space = part.rfind(' ');
      if (space == std::string_view::npos) continue;
      parameter.name = part.substr(space + 1);
      const ParsedType type = ParseType(Trim(part.substr(0, space)), texts_);
      parameter.type = type.type;
      parameter.alias = type.alias;
      parameter.written = type.written;
      signature.parameters.push_back(std::move(parameter));
    }
    std::string_view returns = Trim(row.text.substr(row.text.find(") -> ") + 5));
    if (returns.starts_with("(")) returns = returns.substr(1, returns.size() - 2);
    for (std::string_view part : SplitList(returns)) {
      // "Tensor(a!) values": a name may follow the type.
      size_t end = part.find(") ");
      end = end == std::string_view::npos ? part.find(' ') : end + 1;
      if (part.find('(') == std::string_view::npos || end == std::string_view::npos) end = std::min(part.find(' '), part.size());
      const ParsedType type = ParseType(part.substr(0, end), texts_);
      signature.returns.push_back({type.type, type.alias, type.written});
    }
  }

  std::mutex mutex_;
  std::map<std::string, Row, std::less<>> rows_;
  std::map<std::string, std::vector<std::string>, std::less<>> overloads_;
  std::deque<std::string> texts_;
};

bool TakesDtype(std::string_view type) { return type.starts_with("ScalarType"); }

IValue Converted(const SignatureParameter& parameter, IValue value) {
  if (TakesDtype(parameter.type) && value.is_int()) return IValue(DataTypeOfScalarType(value.integer()));
  return value;
}

}  // namespace

int Signature::Find(std::string_view parameter) const {
  for (size_t i = 0; i < parameters.size(); ++i)
    if (parameters[i].name == parameter) return static_cast<int>(i);
  return -1;
}

bool Signature::IsMutating() const {
  return std::any_of(parameters.begin(), parameters.end(), [](const SignatureParameter& parameter) { return parameter.written; });
}

const Signature* FindSignature(std::string_view target) { return Table::Get().Find(target); }
std::vector<const Signature*> FindOverloads(std::string_view name) { return Table::Get().Overloads(name); }

std::string PureTarget(const std::string& target) {
  const Signature* signature = FindSignature(target);
  if (signature == nullptr || !signature->IsMutating()) return target;
  if (!signature->functional.empty()) return signature->functional;
  const size_t dot = target.rfind('.');
  std::string base = target.substr(0, dot);
  const std::string overload = target.substr(dot);
  if (const size_t i = base.find(".__i"); i != std::string::npos && base.ends_with("__"))
    return base.substr(0, i) + ".__" + base.substr(i + 4) + overload;
  if (base.ends_with("_") && !base.ends_with("__")) base.pop_back();
  return base + overload;
}

const Signature* RuleSignature(const std::string& target) {
  const Signature* own = FindSignature(target);
  if (own == nullptr || !own->IsMutating()) return own;
  const Signature* pure = FindSignature(PureTarget(target));
  if (!own->functional.empty()) return pure;
  const auto same_type = [](const SignatureParameter& a, const SignatureParameter& b) { return a.type == b.type; };
  const bool alike = pure != nullptr && std::equal(own->parameters.begin(), own->parameters.end(), pure->parameters.begin(),
                                                   pure->parameters.end(), same_type);
  return alike ? pure : own;
}

StatusOr<std::vector<IValue>> BindArguments(const Signature& signature, std::vector<IValue> positional,
                                            std::vector<std::pair<std::string, IValue>> named) {
  const size_t count = signature.parameters.size();
  if (positional.size() > count)
    return Corrupt(fmt::format("{} takes {} arguments and is given {}", signature.name, count, positional.size()));
  std::vector<IValue> bound(count);
  std::vector<bool> given(count, false);
  for (size_t i = 0; i < positional.size(); ++i) {
    bound[i] = Converted(signature.parameters[i], std::move(positional[i]));
    given[i] = true;
  }
  for (auto& [name, value] : named) {
    const int at = signature.Find(name);
    if (at < 0) return Corrupt(fmt::format("{} has no parameter '{}'", signature.name, name));
    if (given[static_cast<size_t>(at)]) return Corrupt(fmt::format("{} is given '{}' twice", signature.name, name));
    bound[static_cast<size_t>(at)] = Converted(signature.parameters[static_cast<size_t>(at)], std::move(value));
    given[static_cast<size_t>(at)] = true;
  }
  for (size_t i = 0; i < count; ++i) {
    if (given[i]) continue;
    const SignatureParameter& parameter = signature.parameters[i];
    if (!parameter.has_default && !parameter.type.ends_with("?"))
      return Corrupt(fmt::format("{} lacks its argument '{}'", signature.name, parameter.name));
    bound[i] = parameter.default_value;
  }
  return bound;
}

DataType DataTypeOfScalarType(int64_t number) {
  using enum DataType;
  constexpr DataType kTypes[] = {
      kUint8,      kInt8,      kInt16,     kInt32,      kInt64,        kFloat16,        kFloat,          kDouble,    kUndefined, kComplex64,
      kComplex128, kBool,      kInt8,      kUint8,      kInt32,        kBfloat16,       kUndefined,      kUndefined, kUndefined, kUndefined,
      kUndefined,  kUndefined, kUndefined, kFloat8E5M2, kFloat8E4M3FN, kFloat8E5M2FNUZ, kFloat8E4M3FNUZ, kUint16,    kUint32,    kUint64};
  return number >= 0 && number < static_cast<int64_t>(std::size(kTypes)) ? kTypes[number] : kUndefined;
}

}  // namespace sardonyx::pytorch
