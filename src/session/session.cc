#include "sardonyx/session.h"

#include <algorithm>
#include <functional>
#include <unordered_set>

#include <fmt/format.h>

#include "base/denormals.h"
#include "base/file.h"
#include "base/machine.h"
#include "base/status_macros.h"
#include "base/thread_pool.h"
#include "ir/model.h"
#include "ops/inference.h"
#include "optimize/differentiate.h"
#include "optimize/inline_functions.h"
#include "optimize/passes/passes.h"
#include "optimize/plain_layout.h"
#include "optimize/widen.h"
#include "providers/cpu/cpu_provider.h"
#include "providers/custom/custom_ops.h"
#include "providers/custom/custom_provider.h"
#include "providers/delegate/delegate_provider.h"
#include "providers/onnxruntime/ort_engine.h"
#include "providers/openvino/ov_engine.h"
#include "runtime/profiler.h"
#include "runtime/program.h"
#include "session/evaluate.h"
#include "session/program_cache.h"
#include "session/value_infos.h"

namespace sardonyx {

struct Session::Impl {
  std::unique_ptr<ir::Model> model;  // our own copy: preparing rewrites it
  std::unique_ptr<ThreadPool> pool;
  std::vector<std::shared_ptr<runtime::Provider>> providers;
  std::unique_ptr<runtime::Program> program;
  std::vector<ValueInfo> inputs;
  std::vector<ValueInfo> outputs;
  int64_t memory_limit = 0;
  bool flush_denormals = false;

  Status Prepare(SessionOptions options);
  // Providers, threads and limits.
  Status SetUp(const SessionOptions& options);
  // As Prepare, from what the cache has instead of the model.
  Status PrepareCached(CachedProgram& cached, const SessionOptions& options);
  void Finish();
  // Replaces function operators by their bodies, types inferred, until none is left that `options` wants replaced.
  StatusOr<size_t> Expand(const optimize::InlineOptions& options);
  // The passes of `options.level`.
  Status Optimize(const SessionOptions& options);
  Status Compile(const SessionOptions& options);
  // Lets go of weights as soon as kernels have their packed copies, so that both never lie in memory at once. What cannot be done again
  // from the model that is left then has to be done from the beginning.
  bool sparing = true;
  bool weights_are_missing = false;  // and compilation failed
  // Of the cache of programs: where kernels' preparations come from or go to, and the constants that are not needed with them.
  runtime::PreparedStore* prepared = nullptr;
  std::unordered_set<const ir::Value*> unread;
  bool recompiled = false;  // so what was recorded is more than one compilation
  std::string cache_note;
  Status CheckInput(size_t i, const Value& value) const;
  // Runs on inputs that were checked; `wanted` as of Program::Run.
  Status Run(std::span<const Value> values, const std::vector<bool>& wanted, const RunOptions& options, std::vector<Value>* outputs) const;
};

namespace {

Status SortGraphs(ir::Graph& graph) {
  if (!graph.SortTopologically()) return Invalid("the graph has a cycle; `sardonyx check` names its nodes");
  for (const auto& node : graph.nodes())
    for (const auto& [name, sub] : ir::Subgraphs(*node))
      RETURN_IF_ERROR(SortGraphs(*sub).WithContext(fmt::format("{}.{}", node->Label(), name)));
  return {};
}

constexpr std::string_view kKnownProviders = "cpu, onnxruntime[=LIBRARY], openvino[=LIBRARY]";

StatusOr<std::shared_ptr<runtime::Provider>> MakeProvider(const std::string& spec) {
  const size_t equals = spec.find('=');
  const std::string name = spec.substr(0, equals), library = equals == std::string::npos ? "" : spec.substr(equals + 1);
  if (spec == "cpu") return std::shared_ptr<runtime::Provider>(std::make_shared<cpu::CpuProvider>());
  std::shared_ptr<const delegate::Engine> engine;
  if (name == "onnxruntime") {
    ASSIGN_OR_RETURN(engine, onnxruntime::MakeEngine(library));
  } else if (name == "openvino") {
    ASSIGN_OR_RETURN(engine, openvino::MakeEngine(library));
  } else {
    return Unsupported(fmt::format("provider '{}' is not in this build; known: {}", spec, kKnownProviders));
  }
  return std::shared_ptr<runtime::Provider>(std::make_shared<delegate::DelegateProvider>(std::move(engine)));
}

StatusOr<std::vector<std::shared_ptr<runtime::Provider>>> MakeProviders(const std::vector<std::string>& names) {
  if (names.empty()) return Usage(fmt::format("no provider given; known: {}", kKnownProviders));
  // The user's own operators come before all others.
  std::vector<std::shared_ptr<runtime::Provider>> providers = {std::make_shared<custom_ops::CustomProvider>()};
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(providers.emplace_back(), MakeProvider(name));
  }
  return providers;
}

// Before IR 4 every initializer had to be listed among the inputs, too: those are weights, not defaults that callers override.
constexpr int64_t kFirstIrWithDefaults = 4;

void DropInitializedInputs(ir::Graph& graph) {
  for (size_t i = graph.inputs().size(); i-- > 0;)
    if (graph.inputs()[i].value->initializer()) graph.RemoveInput(i);
}

Status CheckOpsets(const ir::Model& model) {
  for (const ir::OpsetImport& opset : model.opset_imports) {
    // ONNX Runtime imports this one with the version that it knows of ai.onnx, whether or not a node uses it.
    if (opset.domain == "com.ms.internal.nhwc") continue;
    const int newest = ops::NewestOpset(ir::NormalDomain(opset.domain));
    if (newest > 0 && opset.version > newest)
      return Unsupported(
          fmt::format("opset {} of domain '{}' is newer than {}, the newest that this version knows", opset.version, opset.domain, newest));
  }
  return {};
}

// The program has its own hold of the constants that it needs.
constexpr uint64_t kLargeWeight = 4096;  // bytes
bool DropWeight(ir::Value* value) {
  if (!value->initializer() || value->initializer()->byte_size() < kLargeWeight) return false;
  ir::StoredTensor empty;
  empty.name = value->name();
  empty.dtype = value->initializer()->dtype;
  empty.dims = value->initializer()->dims;
  value->graph()->SetInitializer(value, std::move(empty));
  return true;
}
void DropWeights(ir::Graph& graph) {
  for (ir::Value* value : std::vector<ir::Value*>(graph.initializers())) DropWeight(value);
}

// From this level on, a network of float16 weights is computed in float from end to end, and rounded by Casts and where results leave it;
// otherwise each operator rounds its result. bfloat16 keeps so few digits that results would differ visibly.
constexpr int kComputesHalfInFloat = 2;

}  // namespace

Status Session::Impl::Prepare(SessionOptions options) {
  if (!model->graph) return Invalid("the model has no graph");
  RETURN_IF_ERROR(CheckOpsets(*model));
  RETURN_IF_ERROR(SetUp(options));
  // Another engine that comes first gets the model as it is, and optimizes it itself.
  if (options.providers.front() != "cpu") options.level = 0;
  RETURN_IF_ERROR(optimize::InlineFunctions(*model).status());
  RETURN_IF_ERROR(optimize::RestorePlainLayout(*model).status());
  RETURN_IF_ERROR(SortGraphs(*model->graph));
  if (model->ir_version < kFirstIrWithDefaults) DropInitializedInputs(*model->graph);
  RETURN_IF_ERROR(optimize::ExpandGradients(*model).status());
  if (options.level >= kComputesHalfInFloat && optimize::HasFloat16Weights(*model)) {
    // Operators of the user's own, whose types are not known, leave the model as it is.
    const StatusOr<size_t> widened = optimize::WidenFloats(*model, DataType::kFloat);
    if (!widened.ok() && widened.status().code() != StatusCode::kUnsupported) return widened.status();
  }
  optimize::InlineOptions expand;
  expand.expand_operator = [&](const ir::Node& node, int64_t opset) {
    for (const auto& provider : providers)
      if (provider->HasOperator(node.domain, node.op_type, opset)) return false;
    return true;
  };
  RETURN_IF_ERROR(optimize::ExpandGradients(*model).status());
  RETURN_IF_ERROR(Expand(expand).status());
  RETURN_IF_ERROR(Optimize(options));
  return Compile(options);
}

Status Session::Impl::SetUp(const SessionOptions& options) {
  ASSIGN_OR_RETURN(providers, MakeProviders(options.providers));
  flush_denormals = options.flush_denormals;
  pool = std::make_unique<ThreadPool>(options.threads, flush_denormals);
  memory_limit = options.memory_limit ? options.memory_limit : MemoryLimit();
  return {};
}

Status Session::Impl::PrepareCached(CachedProgram& cached, const SessionOptions& options) {
  model = cached.TakeModel();
  RETURN_IF_ERROR(SetUp(options));
  RETURN_IF_ERROR(Expand({}).status());
  sparing = false;
  prepared = &cached;
  RETURN_IF_ERROR(Compile(options));
  prepared = nullptr;
  return cached.ok() ? Status() : Corrupt("it is damaged, or of another program");
}

void Session::Impl::Finish() {
  prepared = nullptr;
  unread.clear();
  DropWeights(*model->graph);
  inputs = InputInfos(*model->graph);
  outputs = OutputInfos(*model->graph);
}

// Bounds the rounds of expansion: bodies are made of function operators too, but not endlessly.
constexpr int kMaxRounds = 16;

StatusOr<size_t> Session::Impl::Expand(const optimize::InlineOptions& options) {
  // A contradiction that inference finds may lie in a branch never taken; what really is wrong the kernels report.
  ops::InferenceOptions infer;
  infer.on_error = [](const ir::Graph&, const ir::Node*, const Status&) {};
  size_t total = 0;
  // Each round expands one level; the types of its bodies must be known before the next.
  for (int round = 0; round < kMaxRounds; ++round) {
    RETURN_IF_ERROR(ops::InferTypes(*model, infer));
    ASSIGN_OR_RETURN(const size_t expanded, optimize::InlineFunctions(*model, options));
    if (expanded == 0) break;
    total += expanded;
  }
  return total;
}

Status Session::Impl::Optimize(const SessionOptions& options) {
  if (options.level <= 0) return {};
  optimize::PassOptions passes;
  passes.level = options.level;
  passes.disabled = options.disabled_passes;
  passes.stop_after = options.stop_after_pass;
  passes.evaluate = [&](const ir::Model& of, const ir::Node& node, std::span<const Value> values) {
    return EvaluateNode(of, node, values, providers, *pool, memory_limit);
  };
  passes.has_operator = [&](std::string_view domain, std::string_view op_type, int64_t opset) {
    return std::any_of(providers.begin(), providers.end(),
                       [&](const auto& provider) { return provider->HasOperator(domain, op_type, opset); });
  };
#ifndef NDEBUG
  passes.verify = true;
#endif
  return optimize::RunPasses(*model, optimize::AllPasses(), passes).status();
}

Status Session::Impl::Compile(const SessionOptions& options) {
  runtime::CompileOptions compile;
  compile.pool = pool.get();
  compile.providers = providers;
  compile.memory_limit = memory_limit;
  compile.fold_constants = options.level > 0;
  bool dropped = false;
  compile.prepared_store = prepared;
  compile.released = [&](const ir::Value& value, bool all_prepared) {
    if (all_prepared) unread.insert(&value);
    ir::Value* mine = sparing ? value.graph()->Find(value.name()) : nullptr;
    if (mine) dropped = DropWeight(mine) || dropped;
  };
  std::vector<const ir::Node*> unsupported;
  compile.unsupported = &unsupported;
  for (int round = 0;; ++round) {
    auto compiled = runtime::Program::Compile(*model, *model->graph, compile);
    if (compiled.ok()) {
      program = *std::move(compiled);
      return {};
    }
    // Kernels exist for these but all declined: a function operator still has its body.
    std::unordered_set<const ir::Node*> declined(unsupported.begin(), unsupported.end());
    optimize::InlineOptions expand;
    // Asked once a node; a replaced node's address may come back as that of another.
    expand.expand_operator = [&](const ir::Node& node, int64_t) { return declined.erase(&node) > 0; };
    if (declined.empty() || round == kMaxRounds) return compiled.status();
    weights_are_missing = dropped;
    if (dropped) return compiled.status();
    recompiled = true;
    ASSIGN_OR_RETURN(const size_t expanded, Expand(expand));
    if (expanded == 0) return compiled.status();
    unsupported.clear();
  }
}

Status LoadCustomOps(const std::filesystem::path& library) { return custom_ops::Load(library); }

StatusOr<Session> Session::Create(const Model& model, const SessionOptions& options) {
  const StatusOr<std::filesystem::path> cache_file =
      options.cache.empty() ? StatusOr<std::filesystem::path>(std::filesystem::path()) : CachedProgramPath(model.ir(), options);
  std::string note = cache_file.ok() ? "" : fmt::format("not used: {}", cache_file.status().message());
  const bool cached = cache_file.ok() && !cache_file->empty();
  if (std::error_code error; cached && std::filesystem::exists(*cache_file, error)) {
    auto impl = std::make_shared<Impl>();
    StatusOr<std::unique_ptr<CachedProgram>> program = CachedProgram::Read(*cache_file);
    const Status status = program.ok() ? impl->PrepareCached(**program, options) : program.status();
    if (status.ok()) {
      impl->cache_note = "read";
      impl->Finish();
      return Session(std::move(impl));
    }
    note = fmt::format("{} was not used: {}", cache_file->string(), status.message());
  }

  RecordingStore recorded;
  std::shared_ptr<Impl> impl;
  Status status;
  for (const bool sparing : {true, false}) {
    impl = std::make_shared<Impl>();
    impl->sparing = sparing && !cached;  // what goes into the cache must still be there
    if (cached) impl->prepared = &recorded;
    impl->model = ir::CloneModel(model.ir());
    status = impl->Prepare(options);
    if (!impl->weights_are_missing) break;
  }
  if (!status.ok()) return model.path().empty() ? status : status.WithContext(model.path().string());
  if (cached) {
    const Status written = impl->recompiled ? Unsupported("operators of this model were replaced while it was compiled")
                                            : WriteCachedProgram(*cache_file, *impl->model, impl->unread, recorded);
    note += (note.empty() ? "" : "; ") + (written.ok() ? "written" : fmt::format("not used: {}", written.message()));
  }
  impl->cache_note = std::move(note);
  impl->Finish();
  return Session(std::move(impl));
}

const std::string& Session::cache_note() const { return impl_->cache_note; }
const std::vector<ValueInfo>& Session::inputs() const { return impl_->inputs; }
const std::vector<ValueInfo>& Session::outputs() const { return impl_->outputs; }
const ir::Model& Session::ir() const { return *impl_->model; }
int64_t Session::planned_memory() const { return impl_->program->planned_bytes(); }

// dtype, rank and known dims. Symbols are not held to one size: exporters reuse names carelessly, and kernels check.
Status Session::Impl::CheckInput(size_t i, const Value& value) const {
  const ValueInfo& info = inputs[i];
  if (info.dtype == DataType::kUndefined) return {};  // not a tensor: kernels check what they are given
  if (!value.is_tensor()) return Usage(fmt::format("input '{}' must be a {}, not {}", info.name, info.type, value.TypeString()));
  const Tensor& tensor = value.tensor();
  if (tensor.dtype() != info.dtype)
    return Usage(fmt::format("input '{}' must be {}, not {}", info.name, DataTypeName(info.dtype), DataTypeName(tensor.dtype())));
  if (!info.has_shape) return {};
  const auto declared = [&] {
    std::string text;
    for (size_t d = 0; d < info.dims.size(); ++d)
      text += fmt::format("{}{}", d ? "," : "",
                          info.dims[d] >= 0         ? std::to_string(info.dims[d])
                          : info.symbols[d].empty() ? "?"
                                                    : info.symbols[d]);
    return "[" + text + "]";
  };
  if (tensor.rank() != info.dims.size())
    return Usage(fmt::format("input '{}' has shape {}; the model declares {}", info.name, tensor.dims().ToString(), declared()));
  for (size_t d = 0; d < info.dims.size(); ++d) {
    const int64_t size = tensor.dims()[d];
    if (info.dims[d] >= 0 && size != info.dims[d])
      return Usage(fmt::format("input '{}' has shape {}; the model declares {}", info.name, tensor.dims().ToString(), declared()));
  }
  return {};
}

namespace {

// Kernels rely on bools being 0 or 1. A caller's bytes may be anything; they are copied only if they are.
StatusOr<Value> Normalized(const Value& value) {
  if (!value.is_tensor() || value.tensor().dtype() != DataType::kBool) return value;
  const Tensor& tensor = value.tensor();
  const auto* bytes = static_cast<const uint8_t*>(tensor.raw_data());
  if (std::all_of(bytes, bytes + tensor.byte_size(), [](uint8_t byte) { return byte <= 1; })) return value;
  ASSIGN_OR_RETURN(Tensor copy, Tensor::Allocate(DataType::kBool, tensor.dims()));
  std::transform(bytes, bytes + tensor.byte_size(), static_cast<uint8_t*>(copy.mutable_raw_data()),
                 [](uint8_t byte) { return static_cast<uint8_t>(byte != 0); });
  return Value(std::move(copy));
}

}  // namespace

namespace {

void AddTimings(const runtime::Profiler& profiler, std::vector<NodeTiming>* timings) {
  for (const runtime::Profiler::Event& event : profiler.events()) {
    const runtime::Step& step = *event.step;
    timings->push_back({step.label, step.op_type, step.provider, step.choice.name, event.shapes,
                        static_cast<double>(event.start_ns) / 1e6, static_cast<double>(event.end_ns - event.start_ns) / 1e6, event.thread});
  }
}

}  // namespace

Status Session::Impl::Run(std::span<const Value> values, const std::vector<bool>& wanted, const RunOptions& options,
                          std::vector<Value>* outputs) const {
  const DenormalMode denormals(flush_denormals);
  runtime::RunState state;
  state.memory_limit = memory_limit;
  if (options.cancellation) state.cancelled = &options.cancellation->flag();
  if (options.time_limit.count() > 0) state.deadline = std::chrono::steady_clock::now() + options.time_limit;
  if (options.profile_path.empty() && !options.timings) return program->Run(values, wanted, &state, outputs);
  runtime::Profiler profiler;
  state.profiler = &profiler;
  RETURN_IF_ERROR(program->Run(values, wanted, &state, outputs));
  if (options.timings) AddTimings(profiler, options.timings);
  return options.profile_path.empty() ? Status() : WriteFileAtomically(options.profile_path, profiler.ChromeTrace());
}

Status Session::RunInOrder(std::span<const Value> inputs, std::vector<Value>* outputs, const RunOptions& options) const {
  const Impl& impl = *impl_;
  if (!options.outputs.empty()) return Usage("outputs are chosen by name only where inputs are given by name");
  if (inputs.size() != impl.inputs.size())
    return Usage(fmt::format("{} inputs are given; the model has {}", inputs.size(), impl.inputs.size()));
  std::vector<Value> normalized;  // only where a bool is not 0 or 1
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].is_none() && impl.inputs[i].optional) continue;
    if (inputs[i].is_none()) return Usage(fmt::format("input '{}' ({}) is missing", impl.inputs[i].name, impl.inputs[i].type));
    RETURN_IF_ERROR(impl.CheckInput(i, inputs[i]));
    if (!inputs[i].is_tensor() || inputs[i].tensor().dtype() != DataType::kBool) continue;
    if (normalized.empty()) normalized.assign(inputs.begin(), inputs.end());
    ASSIGN_OR_RETURN(normalized[i], Normalized(inputs[i]));
  }
  return impl.Run(normalized.empty() ? inputs : std::span<const Value>(normalized), {}, options, outputs);
}

StatusOr<std::vector<Value>> Session::Run(const std::vector<NamedValue>& inputs, const RunOptions& options) const {
  const Impl& impl = *impl_;
  std::vector<Value> values(impl.inputs.size());
  std::vector<bool> given(impl.inputs.size(), false);
  for (const auto& [name, value] : inputs) {
    size_t i = 0;
    while (i < impl.inputs.size() && impl.inputs[i].name != name) ++i;
    if (i == impl.inputs.size()) {
      std::string names;
      for (const ValueInfo& info : impl.inputs) names += fmt::format("{}'{}'", names.empty() ? "" : ", ", info.name);
      return Usage(fmt::format("the model has no input '{}'; its inputs are {}", name, names.empty() ? "none" : names));
    }
    if (given[i]) return Usage(fmt::format("input '{}' is given twice", name));
    if (!(value.is_none() && impl.inputs[i].optional)) RETURN_IF_ERROR(impl.CheckInput(i, value));
    given[i] = true;
    ASSIGN_OR_RETURN(values[i], Normalized(value));
  }
  for (size_t i = 0; i < given.size(); ++i)
    if (!given[i] && !impl.inputs[i].optional)
      return Usage(fmt::format("input '{}' ({}) is missing", impl.inputs[i].name, impl.inputs[i].type));

  std::vector<bool> wanted;
  std::vector<size_t> order;
  for (const std::string& name : options.outputs) {
    size_t i = 0;
    while (i < impl.outputs.size() && impl.outputs[i].name != name) ++i;
    if (i == impl.outputs.size()) return Usage(fmt::format("the model has no output '{}'", name));
    wanted.resize(impl.outputs.size(), false);
    wanted[i] = true;
    order.push_back(i);
  }
  std::vector<Value> outputs;
  RETURN_IF_ERROR(impl.Run(values, wanted, options, &outputs));
  if (order.empty()) return outputs;
  std::vector<Value> chosen;
  for (size_t i : order) chosen.push_back(outputs[i]);
  return chosen;
}

std::vector<NodePlacement> Session::Placement() const {
  std::vector<NodePlacement> placement;
  const std::function<void(const runtime::Program&)> add = [&](const runtime::Program& program) {
    for (const runtime::Step& step : program.steps()) {
      NodePlacement one{step.label, step.op_type, step.provider, step.choice.name, {}};
      for (const runtime::Declined& declined : step.choice.declined) one.declined.emplace_back(declined.kernel, declined.reason);
      placement.push_back(std::move(one));
      for (const runtime::Step::Sub& sub : step.subprograms) add(*sub.program);
    }
  };
  add(*impl_->program);
  return placement;
}

}  // namespace sardonyx
