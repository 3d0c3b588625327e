// sardonyx run MODEL --input X
#include <chrono>
#include <fstream>

#include <fmt/format.h>

#include "base/file.h"
#include "base/status_macros.h"
#include "cli/cli.h"
#include "cli/tensors.h"
#include "vision/topk.h"

namespace sardonyx::cli {
namespace {

struct Flags {
  std::string model, output, labels, profile, cache;
  std::vector<std::string> inputs, shapes, providers = {"cpu"};
  std::optional<uint64_t> random;
  int top = -1;
  int level = 99;
  double time_limit = 0;
  int64_t memory_limit_mb = 0;
  bool explain = false;
  PictureFlags pictures;
};

StatusOr<std::vector<std::string>> ReadLabels(const Flags& flags, const vision::Sidecar& sidecar) {
  if (flags.labels.empty()) return sidecar.labels;
  ASSIGN_OR_RETURN(const Bytes bytes, MapFile(flags.labels));
  return vision::ParseLabels(bytes.view());
}

void PrintPlacement(const Session& session, const Output& out) {
  for (const NodePlacement& one : session.Placement()) {
    out.Line(fmt::format("  {:<44} {}/{}", one.node, one.provider, one.kernel));
    for (const auto& [kernel, reason] : one.declined) out.Line(out.Dim(fmt::format("    {} declined: {}", kernel, reason)));
  }
}

Json PlacementJson(const Session& session) {
  Json list = Json::array();
  for (const NodePlacement& one : session.Placement()) {
    Json declined = Json::array();
    for (const auto& [kernel, reason] : one.declined) declined.push_back({{"kernel", kernel}, {"reason", reason}});
    list.push_back(
        {{"node", one.node}, {"op_type", one.op_type}, {"provider", one.provider}, {"kernel", one.kernel}, {"declined", declined}});
  }
  return list;
}

// The best classes of the output that the sidecar names, or of the first one.
StatusOr<Json> PrintTop(const Flags& flags, const vision::Sidecar& sidecar, const std::vector<ValueInfo>& infos,
                        const std::vector<Value>& values, const Output& out) {
  size_t which = 0;
  if (!sidecar.classes_output.empty()) {
    while (which < infos.size() && infos[which].name != sidecar.classes_output) ++which;
    if (which == infos.size()) return Usage(fmt::format("the sidecar names output '{}', which the model lacks", sidecar.classes_output));
  }
  if (which >= values.size() || !values[which].is_tensor()) return Usage("--top needs an output that is a tensor of scores");
  const Tensor& scores = values[which].tensor();
  ASSIGN_OR_RETURN(const std::vector<std::string> labels, ReadLabels(flags, sidecar));
  ASSIGN_OR_RETURN(const bool probabilities, vision::LooksLikeProbabilities(scores));
  const int k = flags.top > 0 ? flags.top : sidecar.top.value_or(5);
  ASSIGN_OR_RETURN(const auto ranked, vision::TopK(scores, k, labels, sidecar.softmax.value_or(!probabilities)));
  Json rows = Json::array();
  for (size_t row = 0; row < ranked.size(); ++row) {
    if (ranked.size() > 1) out.Line(fmt::format("row {}", row));
    Json list = Json::array();
    for (const vision::Ranked& one : ranked[row]) {
      out.Line(fmt::format("{:>8.4f}  {}", one.score, one.label.empty() ? fmt::format("class {}", one.index) : one.label));
      list.push_back({{"index", one.index}, {"score", one.score}, {"label", one.label}});
    }
    rows.push_back(std::move(list));
  }
  return rows;
}

StatusOr<int> Run(const Flags& flags, const CommonFlags& common, const Output& out) {
  using Clock = std::chrono::steady_clock;
  const auto milliseconds = [](Clock::duration d) { return std::chrono::duration<double, std::milli>(d).count(); };
  const auto start = Clock::now();
  ASSIGN_OR_RETURN(const Model model, Model::Load(flags.model));
  SessionOptions options;
  options.threads = common.threads;
  options.providers = flags.providers;
  options.level = flags.level;
  options.cache = flags.cache;
  options.memory_limit = flags.memory_limit_mb * 1'000'000;
  ASSIGN_OR_RETURN(const Session session, Session::Create(model, options));
  const double load_ms = milliseconds(Clock::now() - start);
  NoteCache(session, out);

  ASSIGN_OR_RETURN(const vision::Sidecar sidecar, vision::LoadSidecar(model.path()));
  ASSIGN_OR_RETURN(std::vector<Session::NamedValue> inputs, ReadInputs(flags.inputs, {session.inputs(), flags.pictures, sidecar}));
  if (flags.random) RETURN_IF_ERROR(AddRandomInputs(session.inputs(), *flags.random, flags.shapes, &inputs));
  RunOptions run;
  run.profile_path = flags.profile;
  run.time_limit = std::chrono::nanoseconds(static_cast<int64_t>(flags.time_limit * 1e9));
  const auto run_start = Clock::now();
  StatusOr<std::vector<Value>> result = session.Run(inputs, run);
  const double run_ms = milliseconds(Clock::now() - run_start);
  if (!result.ok() && result.status().code() == StatusCode::kUsage && flags.inputs.empty() && !flags.random)
    return Usage(result.status().message() + "; give it with --input FILE, or --random SEED");
  ASSIGN_OR_RETURN(const std::vector<Value> values, std::move(result));

  std::vector<std::string> names;
  for (const ValueInfo& info : session.outputs()) names.push_back(info.name);
  if (!flags.output.empty()) {
    RETURN_IF_ERROR(WriteOutputs(flags.output, names, values));
    for (size_t i = 0; i < values.size(); ++i) out.Line(fmt::format("wrote {}: {}", out.Bold(names[i]), values[i].TypeString()));
  }

  Json document{{"model", flags.model}, {"load_ms", load_ms}, {"run_ms", run_ms}, {"cache", session.cache_note()}};
  const bool ranks = flags.top > 0 || !flags.labels.empty() || (flags.top < 0 && (sidecar.top || !sidecar.labels.empty()));
  if (ranks) {
    ASSIGN_OR_RETURN(document["top"], PrintTop(flags, sidecar, session.outputs(), values, out));
  } else if (flags.output.empty() || out.verbose()) {
    for (size_t i = 0; i < values.size(); ++i) out.Line(fmt::format("{}: {}", out.Bold(names[i]), Summarize(values[i])));
  }
  if (flags.explain) PrintPlacement(session, out);
  out.Line(out.Dim(fmt::format("loaded in {:.1f} ms, ran in {:.2f} ms", load_ms, run_ms)));
  if (out.json()) {
    for (size_t i = 0; i < values.size(); ++i)
      document["outputs"][names[i]] = flags.output.empty() ? ValueToJson(values[i]) : Json(values[i].TypeString());
    if (flags.explain) document["nodes"] = PlacementJson(session);
    out.Document(document);
  }
  return 0;
}

}  // namespace

void AddRun(Program& program) {
  auto flags = std::make_shared<Flags>();
  Command& command = program.Add("run", "Run a model",
                                 {"sardonyx run model.onnx --input photo.jpg --preset imagenet --top 5 --labels classes.txt",
                                  "sardonyx run model.onnx --input inputs.npz --output outputs.npz"});
  command.app->add_option("model", flags->model, "Model file or folder, or - for standard input")->required();
  command.app
      ->add_option("-i,--input", flags->inputs, "FILE or NAME=FILE: .npz, .npy, .pb, .json, .csv, .txt or a picture; may be repeated")
      ->take_all();
  command.app->add_option("-o,--output", flags->output, "Write outputs to .npz, .npy, .pb or .json");
  command.app->add_option("--random", flags->random, "Random values for inputs not given, from this seed");
  command.app->add_option("--shape", flags->shapes, "NAME=1,3,224,224: shape of a random input")->take_all();
  command.app->add_option("--top", flags->top, "Print the K best classes of the output")->check(CLI::Range(1, 1000000));
  command.app->add_option("--labels", flags->labels, "File with one class name a line");
  command.app->add_option("--provider", flags->providers, "Execution providers, in order of preference")->delimiter(',');
  AddCacheFlag(command.app, &flags->cache);
  command.app->add_option("--profile", flags->profile, "Write a Chrome trace of every node to this file");
  command.app->add_flag("--explain", flags->explain, "Show which kernel ran each node, and why others declined");
  command.app->add_option("--level", flags->level, "Optimization: 0 none, 1 basic, 2 extended, 99 all")->check(CLI::Range(0, 99));
  command.app->add_option("--time-limit", flags->time_limit, "Stop after this many seconds")->check(CLI::PositiveNumber);
  command.app->add_option("--memory-limit", flags->memory_limit_mb, "Megabytes of intermediate results at most")
      ->check(CLI::PositiveNumber);
  AddPictureFlags(command.app, &flags->pictures);
  command.run = [flags, &program](const Output& out) { return Run(*flags, program.flags(), out); };
}

}  // namespace sardonyx::cli
