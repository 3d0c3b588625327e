// The part of GraphBuilder that makes subgraphs.
#include <fmt/format.h>

#include "ops/graph_builder.h"
#include "ops/infer/merge.h"

namespace sardonyx::ops {

// An output must be a value of the subgraph's own that a node gives.
GraphBuilder::Built GraphBuilder::Subgraph(std::string_view name, const std::vector<ir::Type>& inputs,
                                           const std::vector<std::string>& input_names, const Body& body) {
  Built built;
  built.graph = std::make_shared<ir::Graph>();
  built.graph->name = name;
  scopes_.push_back({built.graph.get(), {}, {}});
  Values arguments;
  for (size_t i = 0; i < inputs.size(); ++i) {
    Value value = built.graph->AddValue(UniqueName(input_names[i]), true);
    built.graph->AddInput({value, inputs[i], "", {}, {}});
    inference_->SetFacts(value, {inputs[i], std::nullopt, std::nullopt});
    arguments.push_back(value);
  }
  for (Value value : body(arguments)) {
    if (value == nullptr) {
      Fail(Internal(fmt::format("{} gives no value", name)));
      value = Unknown(1)[0];
    }
    if (value->graph() != built.graph.get() || value->producer() == nullptr || value->is_graph_output())
      value = AddNode("Identity", {value}, 1, {}, "")[0];
    if (value->graph() != built.graph.get()) {  // folded to a constant, which is the main graph's
      ir::Node* node = built.graph->AddNode("Identity");
      node->name = place_;
      node->AddInput(value);
      Value copy = built.graph->AddValue(ValueName("Identity"), true);
      node->AddOutput(copy);
      if (const Status status = inference_->Infer(*node); !status.ok()) Fail(status);
      value = copy;
    }
    built.graph->AddOutput({value, value->type, "", {}, {}});
    built.outputs.push_back(value);
  }
  scopes_.pop_back();
  return built;
}

GraphBuilder::Values GraphBuilder::If(Value cond, const std::function<Values()>& then_branch, const std::function<Values()>& else_branch) {
  Built yes = Subgraph("then", {}, {}, [&](const Values&) { return then_branch(); });
  Built no = Subgraph("else", {}, {}, [&](const Values&) { return else_branch(); });
  if (yes.outputs.size() != no.outputs.size()) Fail(Internal("branches of different numbers of outputs"));
  const size_t count = yes.outputs.size();
  discarded_.push_back(yes.graph);  // so that what an error leaves behind outlives the inference
  discarded_.push_back(no.graph);
  if (!ok()) return Unknown(count);
  return AddNode("If", {cond}, count, {{"then_branch", yes.graph}, {"else_branch", no.graph}}, "");
}

GraphBuilder::Values GraphBuilder::Loop(Value trip_count, Value condition, const Values& initial, size_t scanned,
                                        const std::function<Values(Value iteration, const Values& state)>& body) {
  std::vector<ir::Type> types = {ir::Type::Tensor(DataType::kInt64, ir::Shape()), ir::Type::Tensor(DataType::kBool, ir::Shape())};
  std::vector<std::string> names = {"iteration", "condition"};
  for (Value value : initial) {
    types.push_back(value->type);
    names.push_back(value->name() + "_state");
  }
  Built built;
  constexpr int kMaxRounds = 3;  // sizes become unknown in the first, ranks in the second
  for (int round = 0; round < kMaxRounds && ok(); ++round) {
    built = Subgraph("body", types, names, [&](const Values& inputs) { return body(inputs[0], Values(inputs.begin() + 2, inputs.end())); });
    discarded_.push_back(built.graph);
    if (built.outputs.size() != 1 + initial.size() + scanned) Fail(Internal("a loop's body gives another number of values than it takes"));
    if (!ok()) break;
    bool weaker = false;
    for (size_t i = 0; i < initial.size(); ++i) {
      ir::Type joined = infer::Join(types[2 + i], built.outputs[1 + i]->type);
      if (!joined.known()) {
        Fail(Unsupported(fmt::format("the state '{}' of a loop changes from {} to {}", initial[i]->name(), types[2 + i].ToString(),
                                     built.outputs[1 + i]->type.ToString())));
        break;
      }
      weaker |= !infer::SameType(joined, types[2 + i]);
      types[2 + i] = std::move(joined);
    }
    if (!weaker) break;
  }
  if (!ok()) return Unknown(initial.size() + scanned);
  Values inputs = {trip_count, condition};
  inputs.insert(inputs.end(), initial.begin(), initial.end());
  return AddNode("Loop", inputs, initial.size() + scanned, {{"body", built.graph}}, "");
}

GraphBuilder::Values GraphBuilder::Scan(const Values& initial, const Values& sequences, size_t scanned, bool reverse,
                                        const std::function<Values(const Values& state, const Values& elements)>& body) {
  std::vector<ir::Type> types;
  std::vector<std::string> names;
  for (Value value : initial) {
    types.push_back(value->type);
    names.push_back(value->name() + "_state");
  }
  for (Value value : sequences) {
    ir::Type type = ir::Type::Tensor(dtype(value));
    if (const ir::Shape* whole = shape(value); whole && whole->rank() > 0)
      type.shape = ir::Shape(std::vector<ir::Dim>(whole->dims().begin() + 1, whole->dims().end()));
    types.push_back(std::move(type));
    names.push_back(value->name() + "_element");
  }
  const size_t states = initial.size();
  Built built = Subgraph("body", types, names, [&](const Values& inputs) {
    return body(Values(inputs.begin(), inputs.begin() + static_cast<ptrdiff_t>(states)),
                Values(inputs.begin() + static_cast<ptrdiff_t>(states), inputs.end()));
  });
  discarded_.push_back(built.graph);
  if (built.outputs.size() != states + scanned) Fail(Internal("a scan's body gives another number of values than it takes"));
  if (!ok()) return Unknown(states + scanned);
  Values inputs = initial;
  inputs.insert(inputs.end(), sequences.begin(), sequences.end());
  std::vector<Attr> attributes = {{"body", built.graph}, {"num_scan_inputs", sequences.size()}};
  if (reverse) {
    attributes.push_back({"scan_input_directions", std::vector<int64_t>(sequences.size(), 1)});
    if (scanned > 0) attributes.push_back({"scan_output_directions", std::vector<int64_t>(scanned, 1)});
  }
  return AddNode("Scan", inputs, states + scanned, std::move(attributes), "");
}

}  // namespace sardonyx::ops
