#include "ops/schema_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <unordered_map>

#include "base/status_macros.h"

namespace sardonyx::ops {
namespace {

using ir::AttributeType;

constexpr std::string_view kBlanks = " \n";

struct AttributeKind {
  std::string_view word;
  AttributeType type;
};
constexpr AttributeKind kAttributeKinds[] = {
    {"int", AttributeType::kInt},
    {"float", AttributeType::kFloat},
    {"string", AttributeType::kString},
    {"ints", AttributeType::kInts},
    {"floats", AttributeType::kFloats},
    {"strings", AttributeType::kStrings},
    {"tensor", AttributeType::kTensor},
    {"tensors", AttributeType::kTensors},
    {"graph", AttributeType::kGraph},
    {"graphs", AttributeType::kGraphs},
    {"type_proto", AttributeType::kTypeProto},
    {"type_protos", AttributeType::kTypeProtos},
    {"sparse_tensor", AttributeType::kSparseTensor},
    {"sparse_tensors", AttributeType::kSparseTensors},
};

// Takes words and punctuation from the front of a text.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  void SkipBlanks() { text_.remove_prefix(std::min(text_.find_first_not_of(kBlanks), text_.size())); }
  bool AtEnd() { return SkipBlanks(), text_.empty(); }
  // Up to the next blank or one of `stops`.
  std::string_view Word(std::string_view stops = "") {
    SkipBlanks();
    size_t end = 0;
    while (end < text_.size() && kBlanks.find(text_[end]) == std::string_view::npos && stops.find(text_[end]) == std::string_view::npos)
      ++end;
    return Take(end);
  }
  bool Accept(std::string_view token) {
    SkipBlanks();
    if (!text_.starts_with(token)) return false;
    text_.remove_prefix(token.size());
    return true;
  }
  // Up to and without `end`, which is taken too; nullopt if there is none.
  std::optional<std::string_view> Until(char end) {
    const size_t at = text_.find(end);
    if (at == std::string_view::npos) return std::nullopt;
    std::string_view taken = Take(at);
    text_.remove_prefix(1);
    return taken;
  }
  std::string_view rest() const { return text_; }

 private:
  std::string_view Take(size_t size) {
    std::string_view taken = text_.substr(0, size);
    text_.remove_prefix(size);
    return taken;
  }
  std::string_view text_;
};

template <class T>
bool ParseNumber(std::string_view word, T& value) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  return error == std::errc() && end == word.data() + word.size();
}

// Lines with their numbers. The signature of a version may be folded inside its parentheses; it counts as one line.
class Lines {
 public:
  explicit Lines(std::string_view text, int first = 1) : text_(text), next_(first) {}
  bool AtEnd() const { return text_.empty(); }
  std::string_view Next() {
    number_ = next_++;
    size_t end = text_.find('\n');
    while (end != std::string_view::npos && end > 0 && text_[end - 1] == ',') {
      end = text_.find('\n', end + 1);
      ++next_;
    }
    const std::string_view line = text_.substr(0, end);
    text_.remove_prefix(std::min(line.size() + 1, text_.size()));
    return line;
  }
  int number() const { return number_; }  // of the last line given

 private:
  std::string_view text_;
  int next_, number_ = 0;
};

class TableParser {
 public:
  explicit TableParser(SchemaTable& table) : table_(table) {}
  Status Index(std::string_view text);
  StatusOr<std::vector<OpSchema>> ParseOperator(const OperatorText& text);

 private:
  Status ParseHeader(Scanner scanner, std::string_view line);
  Status ParseLine(std::string_view name, std::string_view line);
  Status ParseDomain(Scanner line);
  Status ParseSet(Scanner line);
  Status ParseVersion(std::string_view name, std::string_view line);
  Status ParseParameters(Scanner& scanner, std::vector<FormalParameter>& parameters, int& least, int& most);
  Status ParseConstraint(std::string_view variable, Scanner line);
  Status ParseAttribute(std::string_view name, Scanner line);
  Status ParseDefault(Scanner& line, AttributeType type, AttributeSchema::Default& value);
  std::vector<std::string_view> TypesOfList(Scanner line);
  // The spellings that a word of a type list stands for: a set's members, or one type.
  const std::vector<std::string_view>& TypesOf(std::string_view word);
  std::string_view Intern(std::string text) { return table_.spellings.emplace_back(std::move(text)); }

  SchemaTable& table_;
  std::vector<OpSchema> schemas_;  // of the operator
};

Status AtLine(Status status, const Lines& lines) { return status.WithContext(fmt::format("line {}", lines.number())); }

Status TableParser::Index(std::string_view text) {
  for (Lines lines(text); !lines.AtEnd();) {
    const std::string_view line = lines.Next();
    if (line.empty() || line.front() == '#') continue;
    if (line.front() == ' ') {
      if (table_.operators.empty()) return AtLine(Invalid("a fact before the first operator"), lines);
      OperatorText& op = table_.operators.back();
      if (op.lines.empty()) op = {op.name, line, lines.number()};
      op.lines = std::string_view(op.lines.data(), static_cast<size_t>(line.data() + line.size() - op.lines.data()));
      continue;
    }
    Scanner scanner(line);
    const std::string_view word = scanner.Word();
    if (scanner.AtEnd())
      table_.operators.push_back({word, {}, lines.number()});
    else if (Status status = ParseHeader(scanner, line); !status.ok())
      return AtLine(status, lines);
  }
  return Status();
}

// What stands at a line's beginning and is no operator's name; `scanner` is past its first word.
Status TableParser::ParseHeader(Scanner scanner, std::string_view line) {
  if (line.starts_with("domain ")) return ParseDomain(scanner);
  if (line.starts_with("set ")) return ParseSet(scanner);
  return Invalid(fmt::format("'{}' is neither a domain, a set nor the name of an operator", line));
}

StatusOr<std::vector<OpSchema>> TableParser::ParseOperator(const OperatorText& text) {
  for (Lines lines(text.lines, text.line); !lines.AtEnd();)
    if (Status status = ParseLine(text.name, lines.Next()); !status.ok()) return AtLine(status, lines);
  for (OpSchema& schema : schemas_) schema.domain = table_.domain;
  return std::move(schemas_);
}

Status TableParser::ParseLine(std::string_view name, std::string_view line) {
  if (line.empty() || line.front() == '#') return Status();
  if (line.find_first_not_of(' ') == 2) return ParseVersion(name, line);
  if (schemas_.empty()) return Invalid("a fact before the first version");
  Scanner scanner(line);
  const std::string_view fact = scanner.Word(":");
  if (scanner.Accept(":")) return ParseAttribute(fact, scanner);
  if (scanner.Word() == "in") return ParseConstraint(fact, scanner);
  return Invalid(fmt::format("'{}' is neither a type variable ('T in ...') nor an attribute ('name: kind')", line));
}

Status TableParser::ParseDomain(Scanner line) {
  table_.domain = line.Word();
  if (table_.domain == "ai.onnx") table_.domain = "";
  return ParseNumber(line.Word(), table_.version) ? Status() : Invalid("the domain's newest version is missing");
}

Status TableParser::ParseSet(Scanner line) {
  const std::string_view name = line.Word();
  if (!line.Accept("=")) return Invalid("'=' is missing");
  table_.types.insert_or_assign(name, TypesOfList(line));
  return Status();
}

std::vector<std::string_view> TableParser::TypesOfList(Scanner line) {
  std::vector<std::string_view> all;
  while (!line.AtEnd()) {
    const std::vector<std::string_view>& types = TypesOf(line.Word());
    all.insert(all.end(), types.begin(), types.end());
  }
  return all;
}

const std::vector<std::string_view>& TableParser::TypesOf(std::string_view word) {
  if (const auto found = table_.types.find(word); found != table_.types.end()) return found->second;
  std::vector<std::string_view> types;
  const size_t open = word.find('(');
  const std::string_view constructor = word.substr(0, open);
  if (open == std::string_view::npos || !word.ends_with(')')) {
    types.push_back(Intern(fmt::format("tensor({})", word)));
  } else if (const std::string_view inner = word.substr(open + 1, word.size() - open - 2); constructor == "sparse") {
    for (std::string_view tensor : TypesOf(inner)) types.push_back(Intern(fmt::format("sparse_{}", tensor)));
  } else if (const size_t comma = inner.find(','); constructor == "map" && comma != std::string_view::npos) {
    for (std::string_view value : TypesOf(inner.substr(comma + 1)))
      types.push_back(Intern(fmt::format("map({},{})", inner.substr(0, comma), value)));
  } else {
    for (std::string_view element : TypesOf(inner)) types.push_back(Intern(fmt::format("{}({})", constructor, element)));
  }
  return table_.types.emplace(word, std::move(types)).first->second;
}

Status TableParser::ParseVersion(std::string_view name, std::string_view line) {
  Scanner scanner(line);
  OpSchema& schema = schemas_.emplace_back();
  schema.name = name;
  if (!ParseNumber(scanner.Word(), schema.since_version)) return Invalid("a version number is expected");
  schema.has_function = scanner.Accept("function");
  schema.deprecated = scanner.Accept("deprecated");
  RETURN_IF_ERROR(ParseParameters(scanner, schema.inputs, schema.min_inputs, schema.max_inputs));
  if (!scanner.Accept("->")) return Invalid("'->' is missing");
  RETURN_IF_ERROR(ParseParameters(scanner, schema.outputs, schema.min_outputs, schema.max_outputs));
  return scanner.AtEnd() ? Status() : Invalid(fmt::format("'{}' after the signature", scanner.rest()));
}

// "(X: T, bias?: T, rest 1+: any V)"
Status TableParser::ParseParameters(Scanner& scanner, std::vector<FormalParameter>& parameters, int& least, int& most) {
  if (!scanner.Accept("(")) return Invalid("'(' is missing");
  least = most = 0;
  while (!scanner.Accept(")")) {
    FormalParameter parameter;
    parameter.name = scanner.Word("?:");
    if (scanner.Accept("?")) {
      parameter.arity = Arity::kOptional;
      ++most;
    } else if (scanner.Accept(":")) {
      least = ++most;
    } else {
      int count = 0;
      parameter.arity = Arity::kVariadic;
      if (!ParseNumber(scanner.Word("+"), count) || !scanner.Accept("+")) return Invalid("a count as in 'inputs 1+: T' is expected");
      least = static_cast<int>(parameters.size()) + count;
      most = kUnboundedArity;
    }
    if (parameter.arity != Arity::kSingle && !scanner.Accept(":")) return Invalid(fmt::format("':' is missing after '{}'", parameter.name));
    parameter.homogeneous = !scanner.Accept("any ");
    parameter.type = scanner.Word(",)");
    if (parameter.type.empty()) return Invalid(fmt::format("the type of '{}' is missing", parameter.name));
    // Type variables begin with an upper-case letter in every specification, types with a lower-case one.
    if (parameter.type[0] >= 'a' && parameter.type[0] <= 'z') parameter.type = TypesOf(parameter.type).front();
    scanner.Accept(",");
    parameters.push_back(parameter);
  }
  return Status();
}

Status TableParser::ParseConstraint(std::string_view variable, Scanner line) {
  TypeConstraint& constraint = schemas_.back().constraints.emplace_back();
  constraint.variable = variable;
  line.SkipBlanks();
  auto known = table_.types.find(line.rest());  // The same few lists occur again and again.
  if (known == table_.types.end()) known = table_.types.emplace(line.rest(), TypesOfList(line)).first;
  constraint.types = known->second;
  return constraint.types.empty() ? Invalid("no types") : Status();
}

Status TableParser::ParseAttribute(std::string_view name, Scanner line) {
  AttributeSchema& attribute = schemas_.back().attributes.emplace_back();
  attribute.name = name;
  const std::string_view word = line.Word();
  const auto kind =
      std::find_if(std::begin(kAttributeKinds), std::end(kAttributeKinds), [&](const AttributeKind& k) { return k.word == word; });
  if (kind == std::end(kAttributeKinds)) return Invalid(fmt::format("'{}' is no kind of attribute", word));
  attribute.type = kind->type;
  attribute.required = line.Accept("required");
  if (line.Accept("=")) RETURN_IF_ERROR(ParseDefault(line, attribute.type, attribute.default_value));
  return line.AtEnd() ? Status() : Invalid(fmt::format("'{}' after the attribute", line.rest()));
}

bool ParseScalar(Scanner& line, int64_t& value) { return ParseNumber(line.Word(",]"), value); }
bool ParseScalar(Scanner& line, float& value) { return ParseNumber(line.Word(",]"), value); }
bool ParseScalar(Scanner& line, std::string& value) {
  if (!line.Accept("\"")) return false;
  const std::optional<std::string_view> text = line.Until('"');
  if (text) value = *text;
  return text.has_value();
}

template <class T>
bool ParseScalarInto(Scanner& line, AttributeSchema::Default& value) {
  return ParseScalar(line, value.emplace<T>());
}

template <class T>
bool ParseListInto(Scanner& line, AttributeSchema::Default& value) {
  std::vector<T>& items = value.emplace<std::vector<T>>();
  if (!line.Accept("[")) return false;
  while (!line.Accept("]")) {
    if (!ParseScalar(line, items.emplace_back())) return false;
    line.Accept(",");
  }
  return true;
}

Status TableParser::ParseDefault(Scanner& line, AttributeType type, AttributeSchema::Default& value) {
  bool good = false;
  switch (type) {
    case AttributeType::kInt:
      good = ParseScalarInto<int64_t>(line, value);
      break;
    case AttributeType::kFloat:
      good = ParseScalarInto<float>(line, value);
      break;
    case AttributeType::kString:
      good = ParseScalarInto<std::string>(line, value);
      break;
    case AttributeType::kInts:
      good = ParseListInto<int64_t>(line, value);
      break;
    case AttributeType::kFloats:
      good = ParseListInto<float>(line, value);
      break;
    case AttributeType::kStrings:
      good = ParseListInto<std::string>(line, value);
      break;
    default:
      break;
  }
  return good ? Status() : Invalid("the default does not fit the attribute's kind");
}

}  // namespace

StatusOr<SchemaTable> IndexSchemaTable(std::string_view text) {
  SchemaTable table;
  RETURN_IF_ERROR(TableParser(table).Index(text));
  return table;
}

StatusOr<std::vector<OpSchema>> ParseOperator(const OperatorText& text, SchemaTable& table) {
  return TableParser(table).ParseOperator(text);
}

StatusOr<SchemaTable> ParseSchemaTable(std::string_view text) {
  ASSIGN_OR_RETURN(SchemaTable table, IndexSchemaTable(text));
  for (const OperatorText& op : table.operators) {
    ASSIGN_OR_RETURN(std::vector<OpSchema> schemas, ParseOperator(op, table));
    std::move(schemas.begin(), schemas.end(), std::back_inserter(table.schemas));
  }
  return table;
}

}  // namespace sardonyx::ops
