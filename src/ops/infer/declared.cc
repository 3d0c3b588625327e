// The part of the driver that reads what the file declares: types, and the symbols in them.
#include <algorithm>
#include <cctype>
#include <utility>

#include <fmt/format.h>

#include "ops/infer/driver.h"

namespace sardonyx::ops::infer {
namespace {

using ir::Dim;

constexpr int kMaxTypeDepth = 64;
constexpr size_t kMaxSymbolName = 64;

// Exporters that do not know a size write "?" or nothing, which says less than a name would.
bool SaysNothing(std::string_view symbol) { return symbol.empty() || symbol == "?"; }

template <class F>
void ForEachDim(const ir::Type& type, const F& f) {
  const ir::Type* at = &type;
  for (int depth = 0; at != nullptr && depth < kMaxTypeDepth; at = at->element.get(), ++depth) {
    if (!at->shape) continue;
    for (const Dim& dim : at->shape->dims()) f(dim);
  }
}

// Only letters, digits and underscores, so that expressions over the name read back.
std::string Identifier(std::string_view text) {
  std::string name;
  for (const char c : text.substr(0, kMaxSymbolName)) {
    const bool keep = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (keep)
      name += c;
    else if (!name.empty() && name.back() != '_')
      name += '_';
  }
  return name;
}

}  // namespace

// Every dim_param of the model, so that made-up names avoid them, and those that the main graph's inputs define.
void Driver::CollectSymbols(const ir::Graph& graph) {
  const auto note = [&](const std::vector<ir::ValueInfo>& infos, bool define) {
    for (const ir::ValueInfo& info : infos) {
      if (!info.type) continue;
      ForEachDim(*info.type, [&](const Dim& dim) {
        const std::optional<std::string_view> symbol = dim.symbol();
        if (!symbol || SaysNothing(*symbol)) return;
        used_symbols_.emplace(*symbol);
        if (define) input_symbols_.emplace(*symbol);
      });
    }
  };
  note(graph.inputs(), &graph == model_.graph.get());
  note(graph.outputs(), false);
  note(graph.value_info, false);
  visits_left_ += static_cast<int64_t>(graph.nodes().size());
  for (const auto& node : graph.nodes())
    for (const auto& [name, subgraph] : ir::Subgraphs(*node))
      if (subgraph != nullptr) CollectSymbols(*subgraph);
}

// What the caller says of the inputs gives their symbols values. If it contradicts a declared size, the sizes that the
// file declares elsewhere were computed for another input, and only their ranks still hold.
void Driver::BindOverriddenInputs() {
  const auto& infos = model_.graph->inputs();
  for (size_t i = 0; i < infos.size() && i < options_.input_types.size(); ++i) {
    const ir::Type& given = options_.input_types[i];
    if (!given.known() || !given.shape || !infos[i].type || !infos[i].type->shape) continue;
    const ir::Shape& declared = *infos[i].type->shape;
    if (declared.rank() != given.shape->rank()) inputs_contradict_declared_ = true;
    for (size_t k = 0; k < declared.rank() && k < given.shape->rank(); ++k) {
      const Dim& size = (*given.shape)[k];
      if (size.is_unknown()) continue;
      if (const auto symbol = declared[k].symbol(); symbol && !SaysNothing(*symbol)) symbol_bindings_.emplace(*symbol, size);
      if (declared[k].is_constant() && !(declared[k] == size)) inputs_contradict_declared_ = true;
    }
  }
}

void Driver::CollectDeclared(const ir::Graph& graph, bool trust_dims) {
  const auto note = [&](const std::vector<ir::ValueInfo>& infos, bool trust) {
    for (const ir::ValueInfo& info : infos)
      if (info.value != nullptr && info.type && info.type->known()) declared_.emplace(info.value, ResolveType(*info.type, trust));
  };
  if (&graph != model_.graph.get()) note(graph.inputs(), trust_dims);  // those of the main graph: MainInputs()
  note(graph.outputs(), trust_dims);
  note(graph.value_info, trust_dims);
  for (const auto& node : graph.nodes())
    for (const auto& [name, subgraph] : ir::Subgraphs(*node))
      if (subgraph != nullptr) CollectDeclared(*subgraph, trust_dims);
}

Dim Driver::ResolveDim(const Dim& dim) const {
  if (dim.is_constant() && dim.value() < 0) return Dim::Unknown();  // some exporters' "dynamic"
  const std::optional<std::string_view> symbol = dim.symbol();
  if (!symbol) return dim;
  if (SaysNothing(*symbol)) return Dim::Unknown();
  Dim resolved = dim;
  if (!input_symbols_.contains(std::string(*symbol))) {
    // "2*batch + 1" is an expression where the inputs define "batch"; "batch-size" is a name where they don't.
    const Dim parsed = Dim::Parse(*symbol);
    bool known = parsed.is_symbolic();
    (void)parsed.Substitute([&](std::string_view name) -> std::optional<Dim> {
      known = known && input_symbols_.contains(std::string(name));
      return std::nullopt;
    });
    if (known) resolved = parsed;
  }
  return resolved.Substitute([&](std::string_view name) -> std::optional<Dim> {
    if (options_.symbol_value)
      if (const std::optional<int64_t> value = options_.symbol_value(name)) return Dim(*value);
    const auto bound = symbol_bindings_.find(std::string(name));
    if (bound != symbol_bindings_.end()) return bound->second;
    return std::nullopt;
  });
}

ir::Type Driver::ResolveType(const ir::Type& type, bool trust_dims, int depth) const {
  ir::Type resolved = type;
  if (resolved.shape)
    for (Dim& dim : resolved.shape->dims()) dim = trust_dims ? ResolveDim(dim) : Dim::Unknown();
  if (resolved.element && depth < kMaxTypeDepth)
    resolved.element = std::make_shared<const ir::Type>(ResolveType(*resolved.element, trust_dims, depth + 1));
  return resolved;
}

// Facts of the main graph's inputs: what the caller says, else what the file declares, with a symbol for every dim that
// neither names, so that equal sizes can be followed.
std::vector<ValueFacts> Driver::MainInputs() {
  std::vector<ValueFacts> facts;
  const auto& infos = model_.graph->inputs();
  for (size_t i = 0; i < infos.size(); ++i) {
    ValueFacts fact;
    const bool given = i < options_.input_types.size() && options_.input_types[i].known();
    if (given)
      fact.type = options_.input_types[i];
    else if (infos[i].type)
      fact.type = ResolveType(*infos[i].type, /*trust_dims=*/true);
    const std::string name = infos[i].value ? infos[i].value->name() : "input";
    if (fact.type.shape)
      for (size_t k = 0; k < fact.type.shape->rank(); ++k)
        if (Dim& dim = (*fact.type.shape)[k]; dim.is_unknown()) dim = Dim::Symbol(UniqueSymbol(fmt::format("{}_dim{}", name, k)));
    facts.push_back(std::move(fact));
  }
  return facts;
}

std::string Driver::UniqueSymbol(std::string_view base) {
  std::string stem = Identifier(base);
  if (stem.empty() || std::isdigit(static_cast<unsigned char>(stem[0]))) stem = "_" + stem;
  std::string name = stem;
  for (int& i = symbol_suffixes_[stem]; !used_symbols_.insert(name).second;) name = fmt::format("{}_{}", stem, ++i);
  fresh_symbols_.insert(name);
  return name;
}

void Driver::ReserveSymbols(const ir::Type& type) {
  ForEachDim(type, [&](const Dim& dim) {
    if (const std::optional<std::string_view> symbol = dim.symbol(); symbol && !SaysNothing(*symbol)) used_symbols_.emplace(*symbol);
  });
}

std::string Driver::NewSymbolName(const Frame& frame, const ir::Node& node, std::string_view hint) {
  const auto [found, inserted] = symbol_names_.try_emplace(SymbolKey(frame.id, &node, std::string(hint)));
  if (inserted) {
    const std::string_view of = node.output(0) != nullptr ? node.output(0)->name() : node.name;
    const bool readable = !of.empty() && !std::isdigit(static_cast<unsigned char>(of[0]));
    found->second =
        UniqueSymbol(fmt::format("{}_{}", readable ? of : fmt::format("{}_{}", node.op_type, of), hint.substr(0, hint.find('#'))));
  }
  return found->second;
}

}  // namespace sardonyx::ops::infer
