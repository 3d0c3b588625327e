// sardonyx profile MODEL
#include "cli/profile.h"

#include <algorithm>
#include <memory>
#include <unordered_map>

#include <fmt/format.h>

#include "base/file.h"
#include "base/status_macros.h"
#include "base/thread_pool.h"
#include "cli/tensors.h"
#include "inspect/cost.h"
#include "ir/model.h"
#include "kernels/machine/peak.h"

namespace sardonyx::cli {
namespace {

struct Flags {
  std::string model, trace, flame;
  std::vector<std::string> inputs, shapes;
  uint64_t seed = 1;
  int runs = 10;
  int level = 99;
  size_t rows = 20;
};

struct Peak {
  double gflops = 0, gigabytes = 0;
};

// Sizes of the symbols that the inputs' shapes name.
inspect::SymbolSizes SymbolsOf(const std::vector<ValueInfo>& infos, const std::vector<Session::NamedValue>& values) {
  inspect::SymbolSizes sizes;
  for (const ValueInfo& info : infos)
    for (const auto& [name, value] : values) {
      if (name != info.name || !value.is_tensor() || value.tensor().rank() != info.dims.size()) continue;
      for (size_t i = 0; i < info.dims.size(); ++i)
        if (!info.symbols[i].empty()) sizes[info.symbols[i]] = value.tensor().dims()[i];
    }
  return sizes;
}

// Arithmetic and bytes of the prepared model's nodes, by label.
void AddCosts(const ir::Model& model, const inspect::SymbolSizes& symbols, std::vector<ProfiledNode>& nodes) {
  const inspect::Sizes sizes(symbols);
  std::unordered_map<std::string, const ir::Node*> by_label;
  ir::ForEachNode(*model.graph, [&](const ir::Node& node) { by_label.emplace(node.Label(), &node); });
  for (ProfiledNode& node : nodes) {
    const auto found = by_label.find(node.node);
    if (found == by_label.end() || !ir::Subgraphs(*found->second).empty()) continue;
    const inspect::Cost cost = inspect::CostOf(*found->second, sizes);
    node.flops = cost.known ? static_cast<double>(cost.flops) : 0;
    for (const ir::Value* value : found->second->inputs()) node.bytes += value ? static_cast<double>(sizes.Bytes(value)) : 0;
    for (const ir::Value* value : found->second->outputs()) node.bytes += value ? static_cast<double>(sizes.Bytes(value)) : 0;
  }
}

// What each node took in each of the runs.
class Timings {
 public:
  void AddRun(const std::vector<NodeTiming>& timings) {
    ++runs_;
    for (const NodeTiming& timing : timings) {
      const auto [it, is_new] = index_.emplace(timing.node, rows_.size());
      if (is_new) rows_.push_back({timing, {}});
      Row& row = rows_[it->second];
      row.ms.resize(runs_);
      row.ms.back() += timing.duration_ms;
      ++row.calls;
    }
  }
  // Medians: other programs disturb some of the runs.
  std::vector<ProfiledNode> Nodes() const {
    std::vector<ProfiledNode> nodes;
    for (Row row : rows_) {
      ProfiledNode& node = nodes.emplace_back();
      node.node = row.timing.node;
      node.op_type = row.timing.op_type;
      node.kernel = row.timing.kernel;
      node.calls = std::max(1, row.calls / static_cast<int>(runs_));
      row.ms.resize(runs_);
      const auto middle = row.ms.begin() + static_cast<std::ptrdiff_t>(runs_ / 2);
      std::nth_element(row.ms.begin(), middle, row.ms.end());
      node.ms = *middle;
    }
    return nodes;
  }

 private:
  struct Row {
    NodeTiming timing;
    std::vector<double> ms;  // of all its calls in a run
    int calls = 0;
  };
  size_t runs_ = 0;
  std::vector<Row> rows_;
  std::unordered_map<std::string, size_t> index_;
};

std::vector<ProfiledNode> ByOperator(const std::vector<ProfiledNode>& nodes) {
  std::map<std::pair<std::string, std::string>, ProfiledNode> sums;
  for (const ProfiledNode& node : nodes) {
    ProfiledNode& sum = sums[{node.op_type, node.kernel}];
    sum.node = node.op_type;
    sum.op_type = node.op_type;
    sum.kernel = node.kernel;
    sum.ms += node.ms;
    sum.flops += node.flops;
    sum.bytes += node.bytes;
    sum.calls += node.calls;
  }
  std::vector<ProfiledNode> list;
  for (auto& [key, sum] : sums) list.push_back(std::move(sum));
  std::stable_sort(list.begin(), list.end(), [](const ProfiledNode& a, const ProfiledNode& b) { return a.ms > b.ms; });
  return list;
}

std::string Row(const ProfiledNode& node, double total, const Peak& peak) {
  const double seconds = node.ms / 1e3;
  const auto rate = [&](double amount) { return amount > 0 && seconds > 0 ? fmt::format("{:.1f}", amount / seconds / 1e9) : std::string("-"); };
  const double roofline = node.RooflineMs(peak.gflops, peak.gigabytes);
  const std::string share = roofline > 0 && node.ms > 0 ? fmt::format("{:.0f} %", 100 * roofline / node.ms) : "-";
  return fmt::format("  {:<44} {:<14} {:>6} {:>9.3f} {:>6.1f} {:>9} {:>7} {:>9.3f} {:>7}", node.node.substr(0, 44), node.kernel.substr(0, 14),
                     node.calls, node.ms, total > 0 ? 100 * node.ms / total : 0, rate(node.flops), rate(node.bytes), roofline, share);
}

Json ToJson(const std::vector<ProfiledNode>& nodes, const Peak& peak) {
  Json list = Json::array();
  for (const ProfiledNode& node : nodes)
    list.push_back({{"node", node.node},
                    {"op_type", node.op_type},
                    {"kernel", node.kernel},
                    {"calls", node.calls},
                    {"ms", node.ms},
                    {"flops", node.flops},
                    {"bytes", node.bytes},
                    {"roofline_ms", node.RooflineMs(peak.gflops, peak.gigabytes)}});
  return list;
}

void Print(const Flags& flags, std::vector<ProfiledNode> nodes, double total, const Peak& peak, const Output& out) {
  double roofline = 0;
  for (const ProfiledNode& node : nodes) roofline += node.RooflineMs(peak.gflops, peak.gigabytes);
  out.Line(fmt::format("{} ms a run in nodes; {:.3f} ms at this machine's {:.0f} GFLOP/s and {:.1f} GB/s", out.Bold(fmt::format("{:.3f}", total)),
                       roofline, peak.gflops, peak.gigabytes));
  const std::string head = fmt::format("  {:<44} {:<14} {:>6} {:>9} {:>6} {:>9} {:>7} {:>9} {:>7}", "operator", "kernel", "calls", "ms", "%",
                                       "GFLOP/s", "GB/s", "roofline", "reached");
  out.Line(out.Dim(head));
  for (const ProfiledNode& row : ByOperator(nodes)) out.Line(Row(row, total, peak));
  std::stable_sort(nodes.begin(), nodes.end(), [](const ProfiledNode& a, const ProfiledNode& b) { return a.ms > b.ms; });
  out.Line("");
  out.Line(out.Dim(fmt::format("  the {} slowest of {} nodes", std::min(flags.rows, nodes.size()), nodes.size())));
  for (size_t i = 0; i < std::min(flags.rows, nodes.size()); ++i) out.Line(Row(nodes[i], total, peak));
}

StatusOr<int> Run(const Flags& flags, const CommonFlags& common, const Output& out) {
  ASSIGN_OR_RETURN(const Model model, Model::Load(flags.model));
  SessionOptions options;
  options.threads = common.threads;
  options.level = flags.level;
  ASSIGN_OR_RETURN(const Session session, Session::Create(model, options));
  ASSIGN_OR_RETURN(const vision::Sidecar sidecar, vision::LoadSidecar(model.path()));
  const PictureFlags pictures;
  ASSIGN_OR_RETURN(std::vector<Session::NamedValue> inputs, ReadInputs(flags.inputs, {session.inputs(), pictures, sidecar}));
  RETURN_IF_ERROR(AddRandomInputs(session.inputs(), flags.seed, flags.shapes, &inputs));
  RETURN_IF_ERROR(session.Run(inputs).status());  // the first run plans memory
  Timings all;
  for (int i = 0; i < flags.runs; ++i) {
    std::vector<NodeTiming> timings;
    RunOptions run;
    run.timings = &timings;
    if (i + 1 == flags.runs) run.profile_path = flags.trace;
    RETURN_IF_ERROR(session.Run(inputs, run).status());
    all.AddRun(timings);
  }
  std::vector<ProfiledNode> nodes = all.Nodes();
  AddCosts(session.ir(), SymbolsOf(session.inputs(), inputs), nodes);
  double total = 0;
  for (const ProfiledNode& node : nodes) total += node.ms;
  ThreadPool pool(common.threads);
  const Peak peak{kernels::MeasurePeakGflops(pool), kernels::MeasureReadBandwidth(pool)};
  if (!flags.flame.empty()) RETURN_IF_ERROR(WriteFileAtomically(flags.flame, FlameSvg(flags.model, nodes)));
  if (out.json())
    out.Document({{"model", flags.model},
                  {"runs", flags.runs},
                  {"ms", total},
                  {"peak_gflops", peak.gflops},
                  {"bandwidth_gbs", peak.gigabytes},
                  {"operators", ToJson(ByOperator(nodes), peak)},
                  {"nodes", ToJson(nodes, peak)}});
  else
    Print(flags, std::move(nodes), total, peak, out);
  return 0;
}

}  // namespace

double ProfiledNode::RooflineMs(double gflops, double gigabytes) const {
  const double arithmetic = gflops > 0 ? flops / gflops / 1e6 : 0, memory = gigabytes > 0 ? bytes / gigabytes / 1e6 : 0;
  return std::max(arithmetic, memory);
}

void AddProfile(Program& program) {
  auto flags = std::make_shared<Flags>();
  Command& command = program.Add("profile", "Time per node, operator and kernel, beside what this machine could do",
                                 {"sardonyx profile model.onnx --flame time.svg", "sardonyx profile bert.onnx --shape input_ids=1,128 --trace trace.json"});
  CLI::App* app = command.app;
  app->add_option("model", flags->model, "Model file or folder, or - for standard input")->required();
  app->add_option("-i,--input", flags->inputs, "FILE or NAME=FILE, as for run; random values otherwise")->take_all();
  app->add_option("--shape", flags->shapes, "NAME=1,3,224,224: shape of a random input")->take_all();
  app->add_option("--random", flags->seed, "Seed of the random values");
  app->add_option("--runs", flags->runs, "Runs; each node's time is the median of them")->check(CLI::Range(1, 100000));
  app->add_option("--level", flags->level, "Optimization: 0 none, 1 basic, 2 extended, 99 all")->check(CLI::Range(0, 99));
  app->add_option("--rows", flags->rows, "Nodes to list");
  app->add_option("--trace", flags->trace, "Write a Chrome trace of the last run to this file");
  app->add_option("--flame", flags->flame, "Write a picture of where the time goes to this file (.svg)");
  command.run = [flags, &program](const Output& out) { return Run(*flags, program.flags(), out); };
}

}  // namespace sardonyx::cli
