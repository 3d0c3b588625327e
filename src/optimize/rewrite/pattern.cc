#include "optimize/rewrite/pattern.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx::optimize {
namespace {

class Parser {
 public:
  Parser(std::string_view text, Names& names) : text_(text), names_(names) {}

  StatusOr<Pattern> Expression() {
    if (Take('(')) {
      Pattern choice;
      choice.kind = Pattern::Kind::kChoice;
      do {
        ASSIGN_OR_RETURN(Pattern one, Expression());
        choice.arguments.push_back(std::move(one));
      } while (Take('|'));
      RETURN_IF_ERROR(Expect(')'));
      return choice;
    }
    Skip();
    if (at_ < text_.size() && (std::isdigit(text_[at_]) || text_[at_] == '-')) {
      Pattern number;
      number.kind = Pattern::Kind::kNumber;
      ASSIGN_OR_RETURN(number.number, Number());
      return number;
    }
    const bool constant = Take('@');
    std::string word = Word();
    if (word.empty()) return Error("an expression");
    int label = -1;
    if (!constant && Take(':')) {
      label = names_.Slot(word);
      word = Word();
    }
    if (word.find('.') == std::string::npos && (std::islower(word[0]) || word[0] == '_')) {
      if (label >= 0) return Error("an operator after ':'");
      if (word == "_") return Pattern{};
      Pattern value;
      value.kind = Pattern::Kind::kValue;
      value.slot = names_.Slot(word);
      value.constant = constant;
      value.optional = Take('?');
      return value;
    }
    return Node(std::move(word), label);
  }

  StatusOr<std::vector<Statement>> Statements() {
    std::vector<Statement> statements;
    do {
      Statement statement;
      const size_t start = at_;
      std::vector<std::string> outputs;
      if (Take('*')) {
        RETURN_IF_ERROR(Expect('='));
        statement.all_outputs = true;
        ASSIGN_OR_RETURN(statement.pattern, Expression());
        statements.push_back(std::move(statement));
        continue;
      }
      do outputs.push_back(Word());
      while (Take(','));
      if (Take('=')) {
        for (const std::string& name : outputs) statement.outputs.push_back(name == "_" ? -1 : names_.Slot(name));
      } else {
        at_ = start;
      }
      ASSIGN_OR_RETURN(statement.pattern, Expression());
      statements.push_back(std::move(statement));
    } while (Take(';'));
    RETURN_IF_ERROR(End());
    return statements;
  }

  Status End() {
    Skip();
    return at_ == text_.size() ? Status() : Error("the end");
  }

 private:
  Status Error(std::string_view expected) const {
    return Internal(fmt::format("pattern '{}': expected {} before '{}'", text_, expected, text_.substr(std::min(at_, text_.size()))));
  }
  void Skip() {
    while (at_ < text_.size() && std::isspace(text_[at_])) ++at_;
  }
  bool Take(char c) {
    Skip();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  Status Expect(char c) { return Take(c) ? Status() : Error(std::string("'") + c + "'"); }
  // A name, or an operator with its domain: dots inside, but not one that only a digit follows (an output's number).
  std::string Word() {
    Skip();
    const size_t start = at_;
    while (at_ < text_.size() && (std::isalnum(text_[at_]) || text_[at_] == '_' ||
                                  (text_[at_] == '.' && at_ + 1 < text_.size() && std::isalpha(text_[at_ + 1]))))
      ++at_;
    return std::string(text_.substr(start, at_ - start));
  }
  StatusOr<double> Number() {
    Skip();
    double value = 0;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc()) return Error("a number");
    at_ = static_cast<size_t>(end - text_.data());
    return value;
  }

  StatusOr<Pattern> Node(std::string word, int label) {
    Pattern node;
    node.kind = Pattern::Kind::kNode;
    node.slot = label;
    for (;;) {
      const size_t dot = word.rfind('.');
      std::string domain = dot == std::string::npos ? "" : word.substr(0, dot);
      node.operators.emplace_back(std::move(domain), dot == std::string::npos ? word : word.substr(dot + 1));
      if (!Take('/')) break;
      word = Word();
    }
    if (Take('@')) {
      ASSIGN_OR_RETURN(const double version, Number());
      node.version = static_cast<int64_t>(version);
    }
    for (;;) {
      if (Take('?'))
        node.optional = true;
      else if (Take('^'))
        node.shared = true;
      else
        break;
    }
    RETURN_IF_ERROR(Expect('('));
    if (!Take(')')) {
      do {
        Skip();
        if (text_.substr(at_).starts_with("...")) {
          at_ += 3;
          node.open = true;
          break;
        }
        ASSIGN_OR_RETURN(Pattern argument, Expression());
        node.arguments.push_back(std::move(argument));
      } while (Take(','));
      RETURN_IF_ERROR(Expect(')'));
    }
    if (Take('{')) {
      do RETURN_IF_ERROR(Attribute(node.attributes));
      while (Take(','));
      RETURN_IF_ERROR(Expect('}'));
    }
    if (Take('.')) {
      ASSIGN_OR_RETURN(const double output, Number());
      node.output = static_cast<size_t>(output);
    }
    return node;
  }

  Status Attribute(std::vector<AttributePattern>& attributes) {
    AttributePattern attribute;
    if (Take('*')) {
      attribute.kind = AttributePattern::Kind::kCopyAll;
      attribute.source = Word();
      attributes.push_back(std::move(attribute));
      return {};
    }
    std::string name = Word();
    RETURN_IF_ERROR(Expect('='));
    if (Take('$')) {
      attribute.kind = AttributePattern::Kind::kComputed;
      attribute.source = Word();
      attribute.literal.name = std::move(name);
    } else if (Take('"')) {
      const size_t end = text_.find('"', at_);
      if (end == std::string_view::npos) return Error("a closing quote");
      attribute.literal = ir::Attribute(std::move(name), std::string(text_.substr(at_, end - at_)));
      at_ = end + 1;
    } else if (Take('[')) {
      std::vector<int64_t> numbers;
      if (!Take(']')) {
        do {
          ASSIGN_OR_RETURN(const double number, Number());
          numbers.push_back(static_cast<int64_t>(number));
        } while (Take(','));
        RETURN_IF_ERROR(Expect(']'));
      }
      attribute.literal = ir::Attribute(std::move(name), std::move(numbers));
    } else {
      Skip();
      const size_t start = at_;
      ASSIGN_OR_RETURN(const double number, Number());
      const bool whole = text_.substr(start, at_ - start).find_first_of(".eE") == std::string_view::npos;
      attribute.literal =
          whole ? ir::Attribute(std::move(name), static_cast<int64_t>(number)) : ir::Attribute(std::move(name), static_cast<float>(number));
    }
    attributes.push_back(std::move(attribute));
    return {};
  }

  std::string_view text_;
  Names& names_;
  size_t at_ = 0;
};

}  // namespace

int Names::Find(std::string_view name) const {
  const auto it = std::find(names.begin(), names.end(), name);
  return it == names.end() ? -1 : static_cast<int>(it - names.begin());
}

int Names::Slot(std::string_view name) {
  if (const int found = Find(name); found >= 0) return found;
  names.emplace_back(name);
  return static_cast<int>(names.size()) - 1;
}

StatusOr<Pattern> ParsePattern(std::string_view text, Names& names) {
  Parser parser(text, names);
  ASSIGN_OR_RETURN(Pattern pattern, parser.Expression());
  RETURN_IF_ERROR(parser.End());
  return pattern;
}

StatusOr<std::vector<Statement>> ParseReplacement(std::string_view text, Names& names) { return Parser(text, names).Statements(); }

}  // namespace sardonyx::optimize
