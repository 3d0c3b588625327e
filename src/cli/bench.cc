// sardonyx bench MODEL... | --suite MANIFEST.json
#include <filesystem>

#include <fmt/format.h>

#include "base/file.h"
#include "base/status_macros.h"
#include "bench/report.h"
#include "bench/worker.h"
#include "cli/cli.h"
#include "formats/npz.h"

namespace sardonyx::cli {
namespace {

struct Flags {
  std::vector<std::string> models, peers, shapes, filters, providers;
  std::string suite, input, plot, report, save, compare, cache;
  std::vector<int> threads, concurrency;
  std::vector<int64_t> batches;
  std::string duration = "5s", warmup = "0.5s";
  int rounds = 5;
  uint64_t seed = 1;
  double allowed = 0.1;
};

// "5s", "250ms", "2".
StatusOr<double> ParseSeconds(const std::string& text, const char* flag) {
  size_t used = 0;
  double value = -1;
  try {
    value = std::stod(text, &used);
  } catch (const std::exception&) {
  }
  const std::string unit = text.substr(used);
  if (value < 0 || (unit != "" && unit != "s" && unit != "ms"))
    return Usage(fmt::format("{} {}: a time is expected, such as 5s or 250ms", flag, text));
  return unit == "ms" ? value / 1e3 : value;
}

StatusOr<std::map<std::string, Dims>> ParseShapes(const std::vector<std::string>& specs) {
  std::map<std::string, Dims> shapes;
  for (const std::string& spec : specs) {
    const size_t equals = spec.rfind('=');
    std::vector<int64_t> dims;
    bool good = equals != std::string::npos && equals > 0;
    for (size_t at = equals + 1; good && at <= spec.size();) {
      const size_t comma = std::min(spec.find(',', at), spec.size());
      const std::string part = spec.substr(at, comma - at);
      good = !part.empty() && part.size() <= 12 && part.find_first_not_of("0123456789") == std::string::npos;
      if (good) dims.push_back(std::stoll(part));
      at = comma + 1;
    }
    if (!good) return Usage(fmt::format("--shape {}: NAME=1,3,224,224 is expected", spec));
    shapes[spec.substr(0, equals)] = Dims(dims);
  }
  return shapes;
}

StatusOr<std::vector<bench::BenchEntry>> Entries(const Flags& flags) {
  std::vector<bench::BenchEntry> entries;
  if (!flags.suite.empty()) {
    ASSIGN_OR_RETURN(entries, bench::ReadManifest(flags.suite));
  }
  ASSIGN_OR_RETURN(const auto shapes, ParseShapes(flags.shapes));
  for (const std::string& model : flags.models) {
    for (const int64_t batch : flags.batches.empty() ? std::vector<int64_t>{0} : flags.batches) {
      StatusOr<bench::BenchEntry> entry = bench::EntryOfModel(model, shapes, batch);
      if (!entry.ok()) return entry.status().WithContext(model);
      if (!flags.input.empty()) {
        ASSIGN_OR_RETURN(const Bytes bytes, MapFile(flags.input));
        StatusOr<formats::NamedTensors> arrays = formats::ReadNpz(bytes);
        if (!arrays.ok()) return arrays.status().WithContext(flags.input);
        for (auto& [name, tensor] : *arrays) entry->values.emplace_back(name, std::move(tensor));
      }
      entries.push_back(*std::move(entry));
    }
  }
  if (!flags.filters.empty())
    std::erase_if(entries, [&](const bench::BenchEntry& entry) {
      return std::none_of(flags.filters.begin(), flags.filters.end(),
                          [&](const std::string& word) { return entry.name.find(word) != std::string::npos; });
    });
  if (entries.empty()) return Usage("nothing to measure: name a model, or a manifest with --suite");
  return entries;
}

StatusOr<int> CompareWithBaseline(const Flags& flags, const bench::BenchRun& run, const Output& out) {
  ASSIGN_OR_RETURN(const Bytes bytes, MapFile(flags.compare));
  const StatusOr<formats::Json> baseline = formats::ParseJson(bytes.view());
  if (!baseline.ok()) return baseline.status().WithContext(flags.compare);
  const StatusOr<std::vector<bench::Regression>> worse = bench::Compare(run, *baseline, flags.allowed);
  if (!worse.ok()) return worse.status().WithContext(flags.compare);
  for (const bench::Regression& one : *worse)
    out.Line(out.Bad(fmt::format("slower: {} on {} thread{}, {}: {:.3g} -> {:.3g} ({:.0f} % worse)", one.model, one.threads,
                                 one.threads == 1 ? "" : "s", one.against == "latency" ? "ms" : "speed-up against " + one.against,
                                 one.before, one.after, 100 * one.change)));
  if (worse->empty()) out.Line(fmt::format("nothing is more than {:.0f} % slower than in {}", 100 * flags.allowed, flags.compare));
  return worse->empty() ? 0 : 1;
}

StatusOr<int> Run(const Flags& flags, const Output& out) {
  ASSIGN_OR_RETURN(const std::vector<bench::BenchEntry> entries, Entries(flags));
  bench::BenchOptions options;
  for (const std::string& peer : flags.peers) {
    ASSIGN_OR_RETURN(bench::EngineSpec spec, bench::ParseEngine(peer));
    // Said once and at once, not by every entry.
    if (const auto engine = bench::MakeEngine(spec); !engine.ok()) return engine.status();
    options.engines.push_back(std::move(spec));
  }
  options.engines[0].providers = flags.providers;
  options.engines[0].cache = flags.cache;
  if (!flags.threads.empty()) options.threads = flags.threads;
  if (!flags.concurrency.empty()) options.concurrency = flags.concurrency;
  ASSIGN_OR_RETURN(options.seconds, ParseSeconds(flags.duration, "--duration"));
  ASSIGN_OR_RETURN(options.warmup, ParseSeconds(flags.warmup, "--warmup"));
  options.rounds = flags.rounds;
  options.seed = flags.seed;
  options.progress = [&](size_t done, size_t total, const std::string& what) { out.Progress(done, total, what); };
  ASSIGN_OR_RETURN(const bench::BenchRun run, bench::RunBench(entries, options));
  out.ClearProgress();
  const Machine machine = DescribeMachine();
  const formats::Json document = bench::ToJson(run, machine);
  out.Line(bench::Table(run, machine));
  if (out.json()) out.Document(document);
  if (!flags.plot.empty()) RETURN_IF_ERROR(WriteFileAtomically(flags.plot, bench::Plot(run)));
  if (!flags.report.empty()) RETURN_IF_ERROR(WriteFileAtomically(flags.report, bench::HtmlPage(run, machine)));
  if (!flags.save.empty()) RETURN_IF_ERROR(WriteFileAtomically(flags.save, formats::DumpJson(document, 1) + "\n"));
  int code = 0;
  if (!flags.compare.empty()) {
    ASSIGN_OR_RETURN(code, CompareWithBaseline(flags, run, out));
  }
  for (const bench::BenchResult& result : run.results)
    if (result.engine == "sardonyx" && !result.counts()) code = 1;  // what the user asked about did not run
  return code;
}

}  // namespace

void AddBench(Program& program) {
  auto flags = std::make_shared<Flags>();
  Command& command =
      program.Add("bench", "Measure models, beside other engines, in the same run",
                  {"sardonyx bench model.onnx --threads 1,2 --peer onnxruntime",
                   "sardonyx bench bert.onnx --shape input_ids=1,128 --peer onnxruntime=libonnxruntime.so --peer openvino",
                   "sardonyx bench --suite manifest.json --duration 2s --save now.json --compare before.json --plot speed.svg"});
  CLI::App* app = command.app;
  app->add_option("models", flags->models, "ONNX models");
  app->add_option("--suite", flags->suite, "Manifest of models with their inputs");
  app->add_option("--filter", flags->filters, "Only entries whose name has one of these words in it")->delimiter(',');
  app->add_option("--input", flags->input, "Arrays to run on (.npz); else made up from the declared shapes");
  app->add_option("--shape", flags->shapes, "Shape of an input whose dims are open: NAME=1,3,224,224");
  app->add_option("--batch", flags->batches, "Sizes of the first dim where it is open")->delimiter(',')->check(CLI::PositiveNumber);
  // Of its own: several numbers, where other commands take one.
  app->remove_option(app->get_option("--threads"));
  app->add_option("--threads", flags->threads, "Numbers of threads to measure (default: 1)")->delimiter(',')->check(CLI::Range(1, 1024));
  app->add_option("--concurrency", flags->concurrency, "Numbers of callers that run the model at once, sharing the threads (default: 1)")
      ->delimiter(',')
      ->check(CLI::Range(1, 1024));
  app->add_option("--provider", flags->providers, "Execution providers of our engine, in order of preference")->delimiter(',');
  AddCacheFlag(app, &flags->cache);
  app->add_option("--peer", flags->peers, "Engine to compare with: onnxruntime[=LIB], openvino[=LIB]");
  app->add_option("--duration", flags->duration, "Time of measured runs an engine (default 5s)");
  app->add_option("--warmup", flags->warmup, "Time of runs before them (default 0.5s)");
  app->add_option("--rounds", flags->rounds, "Turns that the duration is spread over")->check(CLI::Range(1, 1000));
  app->add_option("--seed", flags->seed, "Of the made-up inputs");
  app->add_option("--save", flags->save, "Write the figures to this file, to compare with later");
  app->add_option("--compare", flags->compare, "Say what is slower than in this file; exit code 1 if anything is");
  app->add_option("--allowed", flags->allowed, "Share that counts as noise in --compare")->check(CLI::Range(0.0, 10.0));
  app->add_option("--plot", flags->plot, "Write a picture of the speed-ups (.svg)");
  app->add_option("--report", flags->report, "Write a page with table and plot (.html)");
  command.run = [flags](const Output& out) { return Run(*flags, out); };

  // What Worker::Start runs: not for people.
  Command& worker = program.Add("bench-worker", "One engine of a bench run", {});
  worker.app->group("");
  worker.run = [](const Output&) -> StatusOr<int> { return bench::ServeWorker(); };
}

}  // namespace sardonyx::cli
