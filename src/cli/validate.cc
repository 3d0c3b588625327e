// sardonyx validate CANDIDATE --against REFERENCE
#include <filesystem>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "cli/cli.h"
#include "cli/tensors.h"
#include "validate/compare.h"

namespace sardonyx::cli {
namespace {

struct Flags {
  std::string candidate, reference;
  std::vector<std::string> inputs, shapes;
  std::string provider = "cpu";
  uint64_t seed = 0;
  validate::Tolerance tolerance{1e-3, 1e-5};
  PictureFlags pictures;
};

Json ToJson(const validate::TensorDifference& d) {
  return {{"name", d.name},         {"ok", d.ok},
          {"shape_ok", d.shape_ok}, {"dtype_ok", d.dtype_ok},
          {"count", d.count},       {"mismatches", d.mismatches},
          {"max_abs", d.max_abs},   {"mean_abs", d.mean_abs},
          {"max_rel", d.max_rel},   {"mean_rel", d.mean_rel},
          {"max_ulp", d.max_ulp},   {"cosine", d.cosine},
          {"nan", d.nan_got},       {"nan_expected", d.nan_expected},
          {"inf", d.inf_got},       {"inf_expected", d.inf_expected},
          {"reason", d.reason}};
}

// Inputs to try when the user gives none: one kind of number each.
struct InputKind {
  const char* name;
  double scale;  // random in [-scale, scale); 0: all `constant`
  double constant;
};
constexpr InputKind kKinds[] = {{"random", 1, 0}, {"zeros", 0, 0}, {"ones", 0, 1}, {"small", 1e-4, 0}, {"large", 100, 0}};

StatusOr<std::vector<Session::NamedValue>> MakeInputs(const Session& session, const Flags& flags, const InputKind& kind) {
  std::vector<Session::NamedValue> inputs;
  RETURN_IF_ERROR(AddRandomInputs(session.inputs(), flags.seed, flags.shapes, &inputs));
  if (kind.scale == 1) return inputs;
  for (auto& [name, value] : inputs) {
    if (value.tensor().dtype() != DataType::kFloat) continue;
    ASSIGN_OR_RETURN(Tensor scaled, Tensor::Allocate(DataType::kFloat, value.tensor().dims()));
    const auto from = value.tensor().data<float>();
    for (size_t i = 0; i < from.size(); ++i)
      scaled.mutable_data<float>()[i] = kind.scale == 0 ? static_cast<float>(kind.constant) : from[i] * static_cast<float>(kind.scale);
    value = std::move(scaled);
  }
  return inputs;
}

struct Case {
  std::string name;
  std::vector<Session::NamedValue> inputs;
  std::vector<Session::NamedValue> expected;  // empty: the reference model says
};

StatusOr<std::vector<Session::NamedValue>> RunNamed(const Session& session, const std::vector<Session::NamedValue>& inputs) {
  ASSIGN_OR_RETURN(std::vector<Value> values, session.Run(inputs));
  std::vector<Session::NamedValue> named;
  for (size_t i = 0; i < values.size(); ++i) named.emplace_back(session.outputs()[i].name, std::move(values[i]));
  return named;
}

// By name; by order where no name matches.
StatusOr<std::vector<validate::TensorDifference>> Compare(const std::vector<Session::NamedValue>& got,
                                                          const std::vector<Session::NamedValue>& expected,
                                                          const validate::Tolerance& tolerance) {
  bool any = false;
  for (const auto& [name, value] : expected)
    for (const auto& one : got) any |= one.first == name;
  std::vector<validate::TensorDifference> differences;
  for (size_t i = 0; i < expected.size(); ++i) {
    const Value* value = nullptr;
    for (const auto& one : got)
      if (any && one.first == expected[i].first) value = &one.second;
    if (!any && i < got.size()) value = &got[i].second;
    if (!value) {
      if (any) continue;  // the reference may hold more than the outputs
      return Usage(fmt::format("the reference has {} outputs, the candidate {}", expected.size(), got.size()));
    }
    validate::TensorDifference difference;
    if (value->is_tensor() && expected[i].second.is_tensor()) {
      difference = validate::CompareTensors(value->tensor(), expected[i].second.tensor(), tolerance);
    } else {
      difference.reason = validate::CompareValues(*value, expected[i].second, tolerance);
      difference.ok = difference.reason.empty();
    }
    difference.name = any ? expected[i].first : got[i].first;
    differences.push_back(std::move(difference));
  }
  return differences;
}

StatusOr<int> Run(const Flags& flags, const CommonFlags& common, const Output& out) {
  SessionOptions options;
  options.threads = common.threads;
  options.providers = {flags.provider};
  ASSIGN_OR_RETURN(const Model model, Model::Load(flags.candidate));
  ASSIGN_OR_RETURN(const Session candidate, Session::Create(model, options));
  const bool arrays = std::filesystem::path(flags.reference).extension() == ".npz";
  if (arrays && flags.inputs.empty()) return Usage("--against OUTPUTS.npz needs the inputs that they came from: --inputs FILE");
  std::optional<Session> reference;
  if (!arrays) {
    ASSIGN_OR_RETURN(const Model reference_model, Model::Load(flags.reference));
    ASSIGN_OR_RETURN(reference, Session::Create(reference_model, options));
  }
  std::vector<Case> cases;
  if (!flags.inputs.empty()) {
    ASSIGN_OR_RETURN(const vision::Sidecar sidecar, vision::LoadSidecar(model.path()));
    Case given{"given", {}, {}};
    ASSIGN_OR_RETURN(given.inputs, ReadInputs(flags.inputs, {candidate.inputs(), flags.pictures, sidecar}));
    if (arrays) {
      ASSIGN_OR_RETURN(given.expected, ReadArrays(flags.reference));
    }
    cases.push_back(std::move(given));
  } else {
    for (const InputKind& kind : kKinds) {
      Case made{kind.name, {}, {}};
      ASSIGN_OR_RETURN(made.inputs, MakeInputs(candidate, flags, kind));
      cases.push_back(std::move(made));
    }
  }

  bool ok = true;
  Json case_list = Json::array(), output_list = Json::array();
  for (size_t i = 0; i < cases.size(); ++i) {
    out.Progress(i, cases.size(), cases[i].name);
    StatusOr<std::vector<Session::NamedValue>> got = RunNamed(candidate, cases[i].inputs);
    if (!got.ok()) return got.status().WithContext(flags.candidate);
    if (reference) {
      StatusOr<std::vector<Session::NamedValue>> expected = RunNamed(*reference, cases[i].inputs);
      if (!expected.ok()) return expected.status().WithContext(flags.reference);
      cases[i].expected = *std::move(expected);
    }
    ASSIGN_OR_RETURN(const std::vector<validate::TensorDifference> differences, Compare(*got, cases[i].expected, flags.tolerance));
    out.ClearProgress();
    Json list = Json::array();
    bool case_ok = !differences.empty();
    for (const validate::TensorDifference& d : differences) {
      case_ok &= d.ok;
      out.Line(fmt::format("{} {:<7} {:<24} max abs {:<9.3g} max rel {:<9.3g} mean abs {:<9.3g} cosine {:.7f}{}",
                           d.ok ? out.Good("ok  ") : out.Bad("FAIL"), cases[i].name, d.name, d.max_abs, d.max_rel, d.mean_abs, d.cosine,
                           d.ok ? "" : "  " + d.reason));
      list.push_back(ToJson(d));
    }
    ok &= case_ok;
    if (i == 0) output_list = list;
    case_list.push_back({{"name", cases[i].name}, {"ok", case_ok}, {"outputs", std::move(list)}});
  }
  out.Line(fmt::format("{} within rtol {:g}, atol {:g}", ok ? out.Good("equal") : out.Bad("not equal"), flags.tolerance.rtol,
                       flags.tolerance.atol));
  if (out.json())
    out.Document(
        {{"ok", ok}, {"rtol", flags.tolerance.rtol}, {"atol", flags.tolerance.atol}, {"outputs", output_list}, {"cases", case_list}});
  return ok ? 0 : 1;
}

}  // namespace

void AddValidate(Program& program) {
  auto flags = std::make_shared<Flags>();
  Command& command = program.Add("validate", "Compare a model's outputs with a reference",
                                 {"sardonyx validate optimized.onnx --against model.onnx",
                                  "sardonyx validate model.onnx --inputs in.npz --against out.npz --rtol 1e-3"});
  command.app->add_option("candidate", flags->candidate, "Model to judge")->required();
  command.app->add_option("--against", flags->reference, "Reference: a model, or an .npz of expected outputs")->required();
  command.app->add_option("-i,--inputs,--input", flags->inputs, "Inputs: FILE or NAME=FILE; without them several kinds are made")
      ->take_all();
  command.app->add_option("--shape", flags->shapes, "NAME=1,3,224,224: shape of a made input")->take_all();
  command.app->add_option("--seed", flags->seed, "Seed of made inputs");
  command.app->add_option("--rtol", flags->tolerance.rtol, "Relative tolerance")->check(CLI::NonNegativeNumber);
  command.app->add_option("--atol", flags->tolerance.atol, "Absolute tolerance")->check(CLI::NonNegativeNumber);
  command.app->add_option("--provider", flags->provider, "Execution provider");
  AddPictureFlags(command.app, &flags->pictures);
  command.run = [flags, &program](const Output& out) { return Run(*flags, program.flags(), out); };
}

}  // namespace sardonyx::cli
