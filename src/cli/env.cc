// sardonyx env
#include <cstdio>

#include <fmt/format.h>

#include "base/machine.h"
#include "base/status_macros.h"
#include "bench/engine.h"
#include "cli/cli.h"
#include "kernels/gemm/simd_choice.h"
#include "ops/schema.h"

namespace sardonyx::cli {
namespace {

// Engines that models can be delegated to and measured against, and how a user gets them.
struct Peer {
  const char* name;
  const char* install;
};
constexpr Peer kPeers[] = {
    {"onnxruntime", "pip install onnxruntime, then SARDONYX_ONNXRUNTIME=PATH/libonnxruntime.so.* (tools/peers.sh does both)"},
    {"openvino", "pip install openvino, then SARDONYX_OPENVINO=PATH/libopenvino_c.so.* (tools/peers.sh does both)"},
};

StatusOr<int> Run(const Output& out) {
  RETURN_IF_ERROR(kernels::ApplySimdEnvironment());
  const Machine machine = DescribeMachine();
  out.Line(fmt::format("{}   sardonyx {}", out.Bold("version"), SARDONYX_VERSION));
  out.Line(fmt::format("{}       {}", out.Bold("cpu"), machine.cpu_model.empty() ? "unknown" : machine.cpu_model));
  out.Line(
      fmt::format("{}   {} of {} (affinity and container quota)", out.Bold("threads"), machine.available_cpus, machine.hardware_threads));
  out.Line(fmt::format("{}      {}", out.Bold("simd"), fmt::join(machine.simd, " ")));
  out.Line(fmt::format("{}   {} of {} (SARDONYX_SIMD chooses)", out.Bold("kernels"), kernels::SimdTarget(),
                       fmt::join(kernels::SimdTargets(), " ")));
  out.Line(fmt::format("{}    L1d {}, L2 {}, L3 {}", out.Bold("caches"), HumanBytes(machine.l1d_bytes), HumanBytes(machine.l2_bytes),
                       HumanBytes(machine.l3_bytes)));
  out.Line(fmt::format("{}    {} of {}", out.Bold("memory"), HumanBytes(machine.memory_limit), HumanBytes(machine.total_memory)));
  out.Line(fmt::format("{}    ai.onnx {}, ai.onnx.ml {}", out.Bold("opsets"), ops::NewestOpset(""), ops::NewestOpset("ai.onnx.ml")));
  out.Line(out.Bold("providers"));
  out.Line(fmt::format("  {} cpu {}", out.Good("ready"), SARDONYX_VERSION));
  Json providers = Json::array({{{"name", "cpu"}, {"version", SARDONYX_VERSION}}}), peers = Json::array();
  for (const Peer& peer : kPeers) {
    const auto engine = bench::MakeEngine({peer.name, ""});
    const std::string version = engine.ok() ? (*engine)->version() : "";
    out.Line(engine.ok() ? fmt::format("  {} {} {}", out.Good("ready"), peer.name, version)
                         : fmt::format("  {} {}: {}", out.Dim("absent"), peer.name, peer.install));
    if (engine.ok()) providers.push_back({{"name", peer.name}, {"version", version}});
    peers.push_back({{"name", peer.name}, {"found", engine.ok()}, {"version", version}, {"install", peer.install}});
  }
  if (out.json())
    out.Document({{"version", SARDONYX_VERSION},
                  {"machine",
                   {{"cpu", machine.cpu_model},
                    {"threads", machine.available_cpus},
                    {"hardware_threads", machine.hardware_threads},
                    {"simd", machine.simd},
                    {"kernels", kernels::SimdTarget()},
                    {"kernel_targets", kernels::SimdTargets()},
                    {"l1d_bytes", machine.l1d_bytes},
                    {"l2_bytes", machine.l2_bytes},
                    {"l3_bytes", machine.l3_bytes},
                    {"memory_bytes", machine.total_memory},
                    {"memory_limit_bytes", machine.memory_limit}}},
                  {"opsets", {{"ai.onnx", ops::NewestOpset("")}, {"ai.onnx.ml", ops::NewestOpset("ai.onnx.ml")}}},
                  {"providers", providers},
                  {"peers", peers}});
  return 0;
}

}  // namespace

void AddEnv(Program& program) {
  Command& command = program.Add("env", "Show the machine, its limits, and the providers found", {"sardonyx env", "sardonyx env --json"});
  command.run = [](const Output& out) { return Run(out); };
}

}  // namespace sardonyx::cli
