// What every importer takes and gives.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/model.h"
#include "sardonyx/status.h"

namespace sardonyx::import {

// An input as the user states it where the source does not: NAME:DTYPE[batch,3,224,224]. A word is a symbolic dim. With a value,
// NAME:int64=16000, a number of Python's is that constant and no input of the model.
struct InputSpec {
  std::string name;
  ir::Type type;
  std::optional<double> value = {};
};

// NAME:AXIS=SYMBOL: this dim is symbolic although the source fixes it.
struct DynamicAxis {
  std::string input;
  int64_t axis = 0;
  std::string symbol;
};

struct ImportOptions {
  int64_t opset = 18;  // at least 18; the version converter goes lower from there
  std::vector<InputSpec> inputs;
  std::vector<DynamicAxis> dynamic;
  // Emit operators that cannot be translated as nodes of a domain of the source's name (pkg.torch.aten), instead of failing.
  bool allow_unsupported = false;
  std::string architecture;  // --arch
};

// An operator of the source that cannot be translated.
struct Unsupported {
  std::string target;               // as the source names it: "aten.foo.default"
  std::vector<std::string> places;  // where it stands: "encoder.layers.0.attn (foo_1)"
  std::string reason;               // why, and what to do
};

struct ImportReport {
  std::string format;                       // "PyTorch exported program (.pt2)"
  std::string version;                      // of the framework that wrote it, if the file says
  std::map<std::string, size_t> operators;  // of the source: how often each occurs
  std::vector<Unsupported> unsupported;
  std::vector<std::string> warnings;
  int64_t needed_opset = 0;  // with this opset more could be translated; 0: with none
};

struct Imported {
  std::unique_ptr<ir::Model> model;  // null when something is unsupported and that is not allowed
  ImportReport report;
};

// "aten.foo.default in encoder.layers.0 (foo_1) and 3 more: no translation ...", one a line.
std::string UnsupportedText(const ImportReport& report);

// The text of --input and --dynamic. kUsage for anything else.
StatusOr<InputSpec> ParseInputSpec(std::string_view text);
StatusOr<DynamicAxis> ParseDynamicAxis(std::string_view text);

}  // namespace sardonyx::import
