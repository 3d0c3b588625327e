// Reading the text tables of operators, src/ops/schemas/*.txt. Their form is described in src/ops/README.md.
#pragma once

#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ops/schema.h"

namespace sardonyx::ops {

struct SchemaTable {
  std::string_view domain;  // "" for ai.onnx
  int version = 0;          // the newest opset version of the domain
  // By name (case aside) and, of one name, newest first. Their views point into the text and into what follows.
  std::vector<OpSchema> schemas;
  std::list<std::string> spellings;
  // What a list of types, or a word of one, stands for.
  std::unordered_map<std::string_view, std::vector<std::string_view>> types;
};

// `text` must outlive the table. kInvalid, with the line number, when the text does not have the form.
StatusOr<SchemaTable> ParseSchemaTable(std::string_view text);

}  // namespace sardonyx::ops
