// Reading the text tables of operators, src/ops/schemas/*.txt. Their form is described in src/ops/README.md.
#pragma once

#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ops/schema.h"

namespace sardonyx::ops {

// One operator's part of a table's text: the lines of its versions.
struct OperatorText {
  std::string_view name, lines;
  int line = 1;  // the number of the first
};

struct SchemaTable {
  std::string_view domain;  // "" for ai.onnx
  int version = 0;          // the newest opset version of the domain
  std::vector<OperatorText> operators;
  // By name (case aside) and, of one name, newest first. Their views point into the text and into what follows.
  std::vector<OpSchema> schemas;
  std::list<std::string> spellings;
  // What a list of types, or a word of one, stands for.
  std::unordered_map<std::string_view, std::vector<std::string_view>> types;
};

// `text` must outlive the table. kInvalid, with the line number, when the text does not have the form.
StatusOr<SchemaTable> ParseSchemaTable(std::string_view text);

// The same in two steps, since a program needs few of the operators: all but `schemas`, and then the schemas of one operator, newest
// first, which adds to the table's spellings and types.
StatusOr<SchemaTable> IndexSchemaTable(std::string_view text);
StatusOr<std::vector<OpSchema>> ParseOperator(const OperatorText& text, SchemaTable& table);

}  // namespace sardonyx::ops
