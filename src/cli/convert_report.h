// One report of one conversion: what came in, what came out, and whether it is right.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "check/check.h"
#include "cli/cli.h"
#include "cli/tensors.h"
#include "import/common/import.h"
#include "ir/model.h"
#include "validate/comparison.h"

namespace sardonyx::cli {

struct ConversionReport {
  std::string source, target;
  uint64_t source_bytes = 0, target_bytes = 0;
  double seconds = 0;                           // reading, translating and checking
  std::optional<import::ImportReport> imported;  // of a source of another framework
  Json details = Json::object();                 // more members of the JSON form, as what a change of opset did
  std::vector<std::string> notes;
  // Of the result.
  std::vector<ir::OpsetImport> opsets;
  std::map<std::string, size_t> operators;
  size_t nodes = 0, initializers = 0;
  int64_t parameters = 0;
  uint64_t weight_bytes = 0;
  std::vector<check::Finding> findings;
  std::optional<validate::Validation> validation;
  double run_ms = 0;  // the fastest of several runs on the first of the inputs that it was validated with; 0: none
};

// What the graph itself says: nodes, operators, weights, opsets.
void Describe(const ir::Model& model, ConversionReport* report);

// --validate and --expect: the result on given inputs beside given outputs. With several of --expect, each belongs to the entry of
// --validate at its place; with one, all entries are inputs of one run. Also times the model. Errors are those of reading files and of
// preparing the model; that outputs differ is no error.
struct ConversionCheck {
  std::vector<std::string> inputs, expected;
  PictureFlags pictures;
  validate::Tolerance tolerance{1e-3, 1e-5};
};
Status ValidateConversion(const ConversionCheck& check, std::shared_ptr<const ir::Model> model, int threads, ConversionReport* report);

Json ToJson(const ConversionReport& report);
// By suffix: .json or .html.
Status WriteConversionReport(const std::string& path, const ConversionReport& report);

}  // namespace sardonyx::cli
