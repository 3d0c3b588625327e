// Running ONNX backend test data: folders with model.onnx and test_data_set_N/{input,output}_K.pb, and the "real" cases,
// which name a model of the folder `light`: its input is arange(n)/n, its expected output lies beside it.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "sardonyx/session.h"
#include "validate/compare.h"

namespace sardonyx::ir {
class Model;
}

namespace sardonyx::validate {

struct ConformanceCase {
  std::string name;  // "node/test_abs"
  std::filesystem::path folder;
  std::filesystem::path light_model;  // of a "real" case; else empty
};

struct ConformanceResult {
  enum class Outcome { kPassed, kFailed, kSkipped };
  std::string name;
  Outcome outcome = Outcome::kFailed;
  std::string reason;  // of a failure or skip
  double seconds = 0;
  bool draws = false;  // compared as random draws: see ComparesDraws
};

// Every case below `root`, sorted by name. kUsage if there is none.
StatusOr<std::vector<ConformanceCase>> FindCases(const std::filesystem::path& root);

// A change of each model before it runs, which must not change its outputs. kUnsupported skips the case.
using ModelChange = std::function<Status(ir::Model& model)>;

// True for the six cases of the operator Bernoulli, of the suites' folder `node`: their expected outputs are draws from a
// generator that ONNX leaves unseeded and calls informational. Dtype, shape and range (0 or 1) are compared, not the numbers.
bool ComparesDraws(std::string_view case_name);

// Loads, prepares and runs one case on all of its data sets. Tolerances come from its data.json where it has one.
ConformanceResult RunCase(const ConformanceCase& one, const SessionOptions& options, const ModelChange& change = nullptr);

}  // namespace sardonyx::validate
