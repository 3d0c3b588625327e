// Validation: a candidate against its reference over several cases, output by output.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "validate/compare.h"
#include "validate/error_profile.h"
#include "validate/layers.h"
#include "validate/made_inputs.h"
#include "validate/ranking.h"

namespace sardonyx::validate {

// Runs a model, on whichever engine: the outputs with their names, in the model's order.
using Runner = std::function<StatusOr<NamedValues>(const NamedValues& inputs)>;

// What one output did in one case.
struct OutputResult {
  TensorDifference difference;
  Ranking ranking;
};

struct CaseResult {
  std::string name;    // "random 2", "zeros", "given"
  std::string shapes;  // "image float[2,3,64,64]"
  bool ok = false;
  std::string skipped;  // why nothing was compared, as where the reference does not take these sizes; else empty
  std::string reason;   // why it is not ok beyond what its outputs say: the candidate failed, or misses an output
  double candidate_ms = 0, reference_ms = 0;
  std::vector<OutputResult> outputs;
};

struct Validation {
  std::string candidate, reference;  // for people: paths, with the engine where it is not ours
  Tolerance tolerance;
  bool ok = false;
  std::vector<CaseResult> cases;
  // By output: the worst of all cases, and how the errors of all are spread.
  struct Output {
    OutputResult worst;
    ErrorProfile profile;
  };
  std::vector<Output> outputs;
  std::optional<LayerReport> layers;
};

// Collects cases and keeps the totals.
class Comparison {
 public:
  // `reference` may be null where every case brings its expected outputs.
  Comparison(std::string candidate_label, Runner candidate, std::string reference_label, Runner reference, const Tolerance& tolerance);

  // Runs both models on `inputs` and compares. An error of the reference skips the case.
  void Run(const std::string& name, const NamedValues& inputs, double tolerance_scale = 1);
  // Runs the candidate and compares with what is expected. Outputs are matched by name; where no name matches, by order.
  void RunExpecting(const std::string& name, const NamedValues& inputs, const NamedValues& expected);

  // Inputs that show most: of the first compared case that is not ok, else of the first compared one; empty if there is none.
  const NamedValues& telling_inputs() const { return telling_; }
  const CaseResult& last() const { return result_.cases.back(); }
  // Not ok unless at least one case was compared and every compared one is within tolerance.
  Validation Finish();

 private:
  void Compare(const NamedValues& got, const NamedValues& expected, const Tolerance& tolerance, CaseResult* out);
  void Tell(const NamedValues& inputs, bool ok);
  void AddTotals(const OutputResult& one, const Value& got, const Value& expected);

  Runner candidate_, reference_;
  Validation result_;
  NamedValues telling_;
  bool telling_failure_ = false;
};

struct MadeCasesOptions {
  MadeInputOptions inputs;
  std::function<void(size_t done, size_t total, const std::string& name)> progress;  // may be null
};

// Made inputs: random ones at several sizes, then zeros, ones, small and large ones at the first sizes that the reference takes.
// An error of MakeInputs comes back; sizes that the reference does not take are skipped, and others tried.
Status RunMadeCases(const ir::Model& model, const MadeCasesOptions& options, Comparison* comparison);

}  // namespace sardonyx::validate
