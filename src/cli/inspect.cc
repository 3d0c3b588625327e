// sardonyx inspect MODEL
#include <charconv>
#include <filesystem>

#include <fmt/format.h>

#include "base/file.h"
#include "base/status_macros.h"
#include "cli/cli.h"
#include "inspect/draw.h"
#include "inspect/summary.h"
#include "inspect/weights.h"
#include "ir/load.h"
#include "ir/text.h"
#include "ops/inference.h"

namespace sardonyx::cli {
namespace {

struct Flags {
  std::string model;
  std::vector<std::string> graphs, dims;
  bool nodes = false, weights = false, text = false, full_text = false, no_infer = false;
};

// "batch=8" pairs.
StatusOr<inspect::SymbolSizes> ReadDims(const std::vector<std::string>& dims) {
  inspect::SymbolSizes sizes;
  for (const std::string& text : dims) {
    const size_t equals = text.find('=');
    int64_t size = 0;
    const char* end = text.data() + text.size();
    if (equals == std::string::npos || std::from_chars(text.data() + equals + 1, end, size).ptr != end || size < 0)
      return Usage(fmt::format("--dim {}: expected SYMBOL=SIZE", text));
    sizes[text.substr(0, equals)] = size;
  }
  return sizes;
}

Status Draw(const ir::Model& model, const std::string& path) {
  const std::string suffix = std::filesystem::path(path).extension().string();
  if (suffix == ".svg") return WriteFileAtomically(path, inspect::DrawSvg(model));
  if (suffix == ".dot") return WriteFileAtomically(path, inspect::DrawDot(model));
  if (suffix == ".html") return WriteFileAtomically(path, inspect::DrawHtml(model));
  return Usage(fmt::format("--graph {}: the suffix must be .svg, .dot or .html", path));
}

StatusOr<int> Run(const Flags& flags, const Output& out) {
  ASSIGN_OR_RETURN(const inspect::SymbolSizes symbols, ReadDims(flags.dims));
  ASSIGN_OR_RETURN(const std::unique_ptr<ir::Model> model, ir::LoadModel(flags.model));
  if (flags.text) {
    ir::PrintTextOptions options;
    if (!flags.full_text) options.max_elements = 16;
    std::fputs(ir::PrintText(*model, options).c_str(), stdout);
    return 0;
  }
  if (!flags.no_infer && model->graph) {
    // An invalid model is inspected all the same: `check` is what says what is wrong with it.
    ops::InferenceOptions infer;
    infer.on_error = [](const ir::Graph&, const ir::Node*, const Status&) {};
    (void)ops::InferTypes(*model, infer);
  }
  for (const std::string& path : flags.graphs) {
    RETURN_IF_ERROR(Draw(*model, path));
    out.Line(fmt::format("drew {}", path));
  }
  if (flags.weights) {
    const auto weights = inspect::WeightsOf(*model);
    if (out.json())
      std::puts(inspect::WeightsJson(weights).c_str());
    else if (out.human())
      std::fputs(inspect::WeightsText(weights).c_str(), stdout);
    return 0;
  }
  if (!flags.graphs.empty() && !out.json() && !flags.nodes) return 0;
  inspect::SummaryOptions options;
  options.symbols = symbols;
  const inspect::Summary summary = inspect::Summarize(*model, options);
  if (out.json()) {
    std::puts(inspect::SummaryJson(summary, flags.nodes).c_str());
  } else if (out.human()) {
    inspect::SummaryTextOptions text;
    text.nodes = flags.nodes;
    std::fputs(inspect::SummaryText(summary, text).c_str(), stdout);
  }
  return 0;
}

}  // namespace

void AddInspect(Program& program) {
  auto flags = std::make_shared<Flags>();
  Command& command = program.Add("inspect", "Show what is in a model",
                                 {"sardonyx inspect model.onnx --nodes", "sardonyx inspect model.onnx --graph model.html"});
  command.app->add_option("model", flags->model, "Model file or folder, or - for standard input")->required();
  command.app->add_flag("--nodes", flags->nodes, "A line for each node, with its cost");
  command.app->add_flag("--weights", flags->weights, "Statistics of every weight");
  command.app->add_flag("--text", flags->text, "Print it in ONNX textual syntax, large tensors shortened");
  command.app->add_flag("--full", flags->full_text, "With --text: whole tensors");
  command.app->add_option("--graph", flags->graphs, "Draw the graph: FILE.svg, .dot or .html")->take_all();
  command.app->add_option("--dim", flags->dims, "SYMBOL=SIZE: size of a symbolic dim for costs (default 1)")->take_all();
  command.app->add_flag("--no-infer", flags->no_infer, "Without shape inference");
  command.run = [flags](const Output& out) { return Run(*flags, out); };
}

}  // namespace sardonyx::cli
