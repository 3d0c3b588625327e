// A line of a case file: one node with its inputs, and how its outputs are judged. README.md has the form.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "ops/schema.h"
#include "sardonyx/model.h"
#include "sardonyx/value.h"

namespace sardonyx::operators {

// What an input is filled with.
struct Fill {
  enum class Kind { kRandom, kRange, kList };
  Kind kind = Kind::kRandom;
  double low = 0, high = 0;            // kRange, both ends included
  std::vector<std::string> list = {};  // kList: as written; repeated to fill the dims
};

struct CaseInput {
  bool omitted = false;
  std::optional<DataType> dtype;  // none: what the operator's parameter is at the type that is being tested
  Dims dims;
  Fill fill;
};

struct Case {
  std::string place;   // "nn.txt:12"
  std::string source;  // the line
  std::string domain, op_type, attributes;
  int64_t opset = 0;
  std::vector<CaseInput> inputs;
  int outputs = 1;
  std::vector<DataType> types;         // of T; empty: all that the schema lists and the suite can make
  std::optional<double> tolerance;     // relative, instead of the type's
  bool only_constants = false;         // the node runs only where its inputs but the first are constants
  bool only_bits = false;              // no reference: threads must agree, and nothing else is asked
  std::optional<std::string> refusal;  // an error that says this is expected
};

// Every case of a file. kCorrupt names the line.
StatusOr<std::vector<Case>> ReadCases(const std::filesystem::path& file);

// The schema of a case; kInvalid when there is none.
StatusOr<const ops::OpSchema*> SchemaOf(const Case& one);
// The element type of input i when T, the variable of the first input that has one, is `type`.
DataType TypeOfInput(const Case& one, const ops::OpSchema& schema, size_t i, DataType type);
// The types that T takes in this case; one undefined type when no input is of a variable type.
std::vector<DataType> TypesOf(const Case& one, const ops::OpSchema& schema);

// The inputs at `type`: values are the same for every type that holds them, so that a double run says what is expected.
// Memory is exactly as large as the elements, for AddressSanitizer's sake.
StatusOr<std::vector<Value>> MakeInputs(const Case& one, const ops::OpSchema& schema, DataType type);
// The same numbers as doubles.
Value ToDouble(const Value& value);

// How inputs reach the node: kernels may prepare themselves for those that are constants of the model.
enum class Feed { kAllGiven, kFirstGiven };
inline bool IsConstant(Feed feed, size_t input) { return feed == Feed::kFirstGiven && input > 0; }

// A model of the one node: inputs or constants x0, x1, ..., outputs y0, ...
StatusOr<Model> MakeModel(const Case& one, const std::vector<Value>& inputs, Feed feed);

}  // namespace sardonyx::operators
