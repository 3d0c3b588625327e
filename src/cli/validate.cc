// sardonyx validate CANDIDATE --against REFERENCE
#include <filesystem>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/file.h"
#include "base/status_macros.h"
#include "cli/cli.h"
#include "cli/runner.h"
#include "cli/tensors.h"
#include "ir/load.h"
#include "validate/report.h"

namespace sardonyx::cli {
namespace {

struct Flags {
  std::string candidate, reference, report;
  std::vector<std::string> inputs, shapes;
  std::string provider = "cpu", reference_provider;
  uint64_t seed = 0;
  bool layers = false;
  validate::Tolerance tolerance{1e-3, 1e-5};
  PictureFlags pictures;
};

using ModelPointer = std::shared_ptr<const ir::Model>;

StatusOr<ModelPointer> Load(const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<ir::Model> model, ir::LoadModel(path));
  if (!model->graph) return Invalid(fmt::format("{}: the model has no graph", path));
  return ModelPointer(std::move(model));
}

std::vector<const ir::Value*> InputsOf(const ir::Model& model) {
  std::vector<const ir::Value*> inputs;
  for (const ir::ValueInfo& input : model.graph->inputs())
    if (!input.value->initializer()) inputs.push_back(input.value);
  return inputs;
}

// The reference's names of the candidate's inputs: the same ones, or by order where all agree in type and rank.
StatusOr<std::map<std::string, std::string>> MatchInputs(const ir::Model& candidate, const ir::Model& reference) {
  std::map<std::string, std::string> names;
  const std::vector<const ir::Value*> ours = InputsOf(candidate), theirs = InputsOf(reference);
  std::vector<std::string> known;
  for (const ir::Value* value : theirs) known.push_back(fmt::format("'{}'", value->name()));
  std::string missing;
  bool by_order = ours.size() == theirs.size();
  for (size_t i = 0; i < ours.size(); ++i) {
    const ir::Value* namesake = reference.graph->Find(ours[i]->name());
    if ((!namesake || !namesake->is_graph_input()) && missing.empty()) missing = ours[i]->name();
    if (!by_order) continue;
    const ir::Type &a = ours[i]->type, &b = theirs[i]->type;
    by_order = a.dtype == b.dtype && (!a.shape || !b.shape || a.shape->rank() == b.shape->rank());
  }
  if (!missing.empty() && !by_order)
    return Usage(fmt::format("the reference: the model has no input '{}'; its inputs are {}", missing, fmt::join(known, ", ")));
  for (size_t i = 0; i < ours.size(); ++i) names[ours[i]->name()] = missing.empty() ? ours[i]->name() : theirs[i]->name();
  return names;
}

validate::NamedValues Renamed(const validate::NamedValues& inputs, const std::map<std::string, std::string>& names) {
  validate::NamedValues renamed = inputs;
  for (auto& [name, value] : renamed)
    if (const auto found = names.find(name); found != names.end()) name = found->second;
  return renamed;
}

// What is compared, made ready.
struct Sides {
  ModelPointer candidate, reference;  // reference: null when arrays are what is expected
  validate::Runner run_candidate, run_reference;
  std::string reference_provider;
  std::map<std::string, std::string> names;  // of inputs, candidate's to reference's
};

std::string Labelled(const std::string& path, const std::string& provider) {
  return provider == "cpu" ? path : fmt::format("{} on {}", path, provider);
}

StatusOr<Sides> Prepare(const Flags& flags, bool arrays, int threads) {
  Sides sides;
  ASSIGN_OR_RETURN(sides.candidate, Load(flags.candidate));
  ASSIGN_OR_RETURN(sides.run_candidate, MakeRunner(sides.candidate, flags.candidate, flags.provider, threads));
  if (arrays) return sides;
  sides.reference_provider = flags.reference_provider.empty() ? flags.provider : flags.reference_provider;
  if (flags.reference.empty()) {
    sides.reference = sides.candidate;
  } else {
    ASSIGN_OR_RETURN(sides.reference, Load(flags.reference));
  }
  ASSIGN_OR_RETURN(sides.names, MatchInputs(*sides.candidate, *sides.reference));
  const std::string& file = flags.reference.empty() ? flags.candidate : flags.reference;
  ASSIGN_OR_RETURN(const validate::Runner run, MakeRunner(sides.reference, file, sides.reference_provider, threads));
  sides.run_reference = [run, names = sides.names](const validate::NamedValues& inputs) { return run(Renamed(inputs, names)); };
  return sides;
}

StatusOr<validate::NamedValues> GivenInputs(const Flags& flags, const ir::Model& model) {
  ASSIGN_OR_RETURN(const vision::Sidecar sidecar, vision::LoadSidecar(model.path));
  const std::vector<ValueInfo> infos = Model(std::shared_ptr<const ir::Model>(std::shared_ptr<void>(), &model)).inputs();
  return ReadInputs(flags.inputs, {infos, flags.pictures, sidecar});
}

StatusOr<validate::MadeInputOptions> MadeOptions(const Flags& flags, const ir::Model& model) {
  validate::MadeInputOptions options;
  options.seed = flags.seed;
  for (const std::string& text : flags.shapes) {
    ASSIGN_OR_RETURN(auto shape, ParseShapeFlag(text));
    const ir::Value* input = model.graph->Find(shape.first);
    if (!input || !input->is_graph_input()) return Usage(fmt::format("--shape {}: the model has no input '{}'", text, shape.first));
    options.shapes.push_back(std::move(shape));
  }
  return options;
}

StatusOr<validate::LayerReport> Layers(const Flags& flags, const Sides& sides, const validate::NamedValues& inputs, int threads) {
  const auto runner = [threads](const std::string& provider, const std::map<std::string, std::string>& names) {
    return validate::ModelRunner([=](ModelPointer model, const validate::NamedValues& values) -> StatusOr<validate::NamedValues> {
      ASSIGN_OR_RETURN(const validate::Runner run, MakeRunner(std::move(model), {}, provider, threads));
      return run(Renamed(values, names));
    });
  };
  return validate::CompareLayers(*sides.candidate, runner(flags.provider, {}), *sides.reference,
                                 runner(sides.reference_provider, sides.names), inputs, flags.tolerance);
}

void PrintCase(const validate::CaseResult& one, const Output& out) {
  if (!one.skipped.empty()) {
    out.Line(fmt::format("{} {:<8} {}", out.Dim("skip"), one.name, one.skipped));
    return;
  }
  for (const validate::OutputResult& result : one.outputs) {
    const validate::TensorDifference& d = result.difference;
    std::string text = fmt::format("{} {:<8} {:<24} max abs {:<9.3g} of largest {:<9.3g} max rel {:<9.3g} mean abs {:<9.3g} cosine {:.7f}",
                                   d.ok ? out.Good("ok  ") : out.Bad("FAIL"), one.name, d.name, d.max_abs, d.relative, d.max_rel, d.mean_abs, d.cosine);
    if (result.ranking.rows > 0) text += fmt::format(" top1 {:.0f} %", 100 * result.ranking.top1);
    if (out.verbose())
      text += fmt::format(" max ulp {:.0f} NaN {}/{} Inf {}/{}  {}", d.max_ulp, d.nan_got, d.nan_expected, d.inf_got, d.inf_expected, one.shapes);
    out.Line(d.ok ? text : text + "  " + d.reason);
  }
  if (!one.reason.empty()) out.Line(fmt::format("{} {:<8} {}", out.Bad("FAIL"), one.name, one.reason));
}

void PrintLayers(const validate::LayerReport& report, const Output& out) {
  out.Line(fmt::format("{} layers compared ({}), {} without counterpart", report.layers.size(), report.by_name ? "by name" : "by structure",
                       report.without_counterpart));
  const auto line = [&](const validate::Layer& layer) {
    out.Line(fmt::format("  {} max abs {:<9.3g} relative {:<9.3g} {}", layer.explained ? out.Dim("moved ") : layer.differs ? out.Bad("DIFFER") : out.Good("ok    "),
                         layer.difference.max_abs, layer.difference.relative, layer.node));
  };
  // All with --verbose, else those around the first that differs.
  for (size_t i = 0; i < report.layers.size(); ++i)
    if (out.verbose() || (report.first >= 0 && std::abs(static_cast<int64_t>(i) - report.first) <= 2)) line(report.layers[i]);
  if (report.first < 0) {
    out.Line("no layer differs");
    return;
  }
  out.Line(fmt::format("first that differs: {}", out.Bold(report.layers[static_cast<size_t>(report.first)].node)));
  if (!report.suspects.empty()) out.Line(fmt::format("  before it, without counterpart: {}", fmt::join(report.suspects, ", ")));
}

Status CheckFlags(const Flags& flags, bool arrays) {
  if (flags.reference.empty() && flags.reference_provider.empty())
    return Usage("--against says what to compare with: a model or an .npz of outputs; or --against-provider, another engine");
  if (arrays && flags.inputs.empty()) return Usage("--against OUTPUTS.npz needs the inputs that they came from: --inputs FILE");
  if (arrays && flags.layers) return Usage("--layers needs a model to compare with, and --against names an .npz");
  if (!flags.report.empty() && !flags.report.ends_with(".html") && !flags.report.ends_with(".json"))
    return Usage(fmt::format("--report {}: the suffix must be .html or .json", flags.report));
  return {};
}

StatusOr<int> Run(const Flags& flags, const CommonFlags& common, const Output& out) {
  const bool arrays = std::filesystem::path(flags.reference).extension() == ".npz";
  RETURN_IF_ERROR(CheckFlags(flags, arrays));
  ASSIGN_OR_RETURN(const Sides sides, Prepare(flags, arrays, common.threads));
  const std::string& reference = flags.reference.empty() ? flags.candidate : flags.reference;
  validate::Comparison comparison(Labelled(flags.candidate, flags.provider), sides.run_candidate,
                                  arrays ? reference : Labelled(reference, sides.reference_provider), sides.run_reference, flags.tolerance);
  if (!flags.inputs.empty()) {
    ASSIGN_OR_RETURN(const validate::NamedValues inputs, GivenInputs(flags, *sides.candidate));
    if (arrays) {
      ASSIGN_OR_RETURN(const validate::NamedValues expected, ReadArrays(flags.reference));
      comparison.RunExpecting("given", inputs, expected);
    } else {
      comparison.Run("given", inputs);
    }
  } else {
    validate::MadeCasesOptions options;
    ASSIGN_OR_RETURN(options.inputs, MadeOptions(flags, *sides.candidate));
    options.progress = [&](size_t done, size_t total, const std::string& name) { out.Progress(done, total, name); };
    RETURN_IF_ERROR(validate::RunMadeCases(*sides.candidate, options, &comparison));
    out.ClearProgress();
  }
  validate::Validation validation = comparison.Finish();
  for (const validate::CaseResult& one : validation.cases) PrintCase(one, out);
  if (flags.layers && !comparison.telling_inputs().empty()) {
    ASSIGN_OR_RETURN(validation.layers, Layers(flags, sides, comparison.telling_inputs(), common.threads));
    PrintLayers(*validation.layers, out);
  }
  out.Line(fmt::format("{} within rtol {:g}, atol {:g}", validation.ok ? out.Good("equal") : out.Bad("not equal"), flags.tolerance.rtol,
                       flags.tolerance.atol));
  const Json document = validate::ToJson(validation);
  if (flags.report.ends_with(".json"))
    RETURN_IF_ERROR(WriteFileAtomically(flags.report, document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"));
  if (flags.report.ends_with(".html")) RETURN_IF_ERROR(WriteFileAtomically(flags.report, validate::HtmlReport(validation)));
  if (out.json()) out.Document(document);
  return validation.ok ? 0 : 1;
}

}  // namespace

void AddValidate(Program& program) {
  auto flags = std::make_shared<Flags>();
  Command& command = program.Add("validate", "Compare a model's outputs with a reference",
                                 {"sardonyx validate optimized.onnx --against model.onnx --layers --report report.html",
                                  "sardonyx validate model.onnx --inputs in.npz --against out.npz --rtol 1e-3"});
  CLI::App* app = command.app;
  app->add_option("candidate", flags->candidate, "Model to judge")->required();
  app->add_option("--against", flags->reference, "Reference: a model, or an .npz of expected outputs");
  app->add_option("-i,--inputs,--input", flags->inputs,
                  "Inputs: FILE or NAME=FILE; without them random, zeros, ones, small and large ones are made, at several sizes")
      ->take_all();
  app->add_option("--shape", flags->shapes, "NAME=1,3,224,224: shape of a made input")->take_all();
  app->add_option("--seed", flags->seed, "Seed of made inputs");
  app->add_option("--rtol", flags->tolerance.rtol, "Relative tolerance")->check(CLI::NonNegativeNumber);
  app->add_option("--atol", flags->tolerance.atol, "Absolute tolerance (times 100 for large made inputs)")->check(CLI::NonNegativeNumber);
  app->add_flag("--layers", flags->layers, "Compare intermediate values, and name the first node that differs");
  app->add_option("--report", flags->report, "Write a report: FILE.html or FILE.json");
  app->add_option("--provider", flags->provider, "Engine of the candidate: cpu, float64 (cpu, in double), onnxruntime[=LIBRARY], openvino[=LIBRARY]");
  app->add_option("--against-provider", flags->reference_provider,
                  "Engine of the reference; without --against the candidate is compared with itself there");
  AddPictureFlags(app, &flags->pictures);
  command.run = [flags, &program](const Output& out) { return Run(*flags, program.flags(), out); };
}

}  // namespace sardonyx::cli
