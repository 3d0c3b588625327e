// Derivatives of Scan and Loop: a Scan from the last iteration to the first, over the states that each began with.
#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "optimize/gradient/backpropagation.h"

namespace sardonyx::optimize {
namespace {

using I = std::vector<int64_t>;

// What Scan and Loop have in common. Node inputs: [trip count, condition] of a Loop, states, scan inputs. Body inputs:
// [iteration, condition], states, elements of scan inputs; outputs: [condition], states, elements of scan outputs.
struct Recurrence {
  const ir::Graph* body = nullptr;
  size_t extra_inputs = 0, extra_outputs = 0;  // of a Loop
  size_t states = 0, scan_inputs = 0, scan_outputs = 0;
  I input_axes, input_directions, output_axes, output_directions;

  size_t state_input(size_t i) const { return extra_inputs + i; }  // of the node and of the body alike
  size_t scan_input(size_t i) const { return extra_inputs + states + i; }
  const ir::Value* body_input(size_t i) const { return body->inputs()[i].value; }
  const ir::Value* state_output(size_t i) const { return body->outputs()[extra_outputs + i].value; }
  const ir::Value* scan_output(size_t i) const { return body->outputs()[extra_outputs + states + i].value; }
};

StatusOr<Recurrence> ReadRecurrence(const ir::Node& node, int64_t opset_version) {
  Recurrence r;
  r.body = node.GetGraph("body");
  if (!r.body) return Invalid("has no body");
  const bool loop = node.op_type == "Loop";
  if (!loop && opset_version < 9) return Unsupported("Scan before opset 9, which has batches");
  const int64_t scan_inputs = loop ? 0 : node.GetInt("num_scan_inputs", 0);
  r.extra_inputs = loop ? 2 : 0;
  r.extra_outputs = loop ? 1 : 0;
  if (scan_inputs < 0 || node.inputs().size() < r.extra_inputs + static_cast<size_t>(scan_inputs)) return Invalid("too few inputs");
  r.scan_inputs = static_cast<size_t>(scan_inputs);
  r.states = node.inputs().size() - r.extra_inputs - r.scan_inputs;
  if (r.body->inputs().size() != node.inputs().size() || r.body->outputs().size() < r.extra_outputs + r.states)
    return Invalid("the body's inputs and outputs do not match the node's");
  r.scan_outputs = r.body->outputs().size() - r.extra_outputs - r.states;
  if (node.outputs().size() > r.states + r.scan_outputs) return Invalid("more outputs than the body has");
  for (size_t i = r.extra_inputs; i < node.inputs().size(); ++i)
    if (!node.input(i)) return Invalid(fmt::format("input {} is missing", i));
  const auto read = [&](std::string_view name, size_t count, I* list) {
    *list = loop ? I() : node.GetInts(name);
    list->resize(count, 0);
  };
  read("scan_input_axes", r.scan_inputs, &r.input_axes);
  read("scan_input_directions", r.scan_inputs, &r.input_directions);
  read("scan_output_axes", r.scan_outputs, &r.output_axes);
  read("scan_output_directions", r.scan_outputs, &r.output_directions);
  return r;
}

bool IsFloat(const ir::Value* value) { return value->type.is_tensor() && IsFloatingPoint(value->type.dtype); }

ir::Value* NewValue(ir::Graph& graph, std::string_view name, DataType dtype) {
  ir::Value* value = graph.AddValue(name);
  value->type = ir::Type::Tensor(dtype);
  return value;
}

void AddOutput(ir::Graph& graph, ir::Value* value) {
  ir::ValueInfo info;
  info.value = value;
  info.type = ir::Type::Tensor(value->type.dtype);
  graph.AddOutput(std::move(info));
}

// The node once more, with one more scan output for each input of its body that is no scan input: what every iteration
// began with, stacked. Returns these.
std::vector<ir::Value*> SaveStates(const ir::Node& node, const Recurrence& r, Emitter& emitter) {
  ir::Graph& graph = emitter.graph();
  ir::ValueMap fresh;
  for (ir::Value* output : node.outputs())
    if (output) fresh[output] = NewValue(graph, output->name() + "_again", output->type.dtype);
  ir::Node* copy = ir::CloneNode(node, &graph, [&](ir::Value* value) {
    const auto found = fresh.find(value);
    return found == fresh.end() ? value : found->second;
  });
  while (copy->outputs().size() < r.states + r.scan_outputs) copy->AddOutput(nullptr);
  ir::Graph& body = const_cast<ir::Graph&>(*copy->GetGraph("body"));
  std::vector<ir::Value*> saved;
  for (size_t i = 0; i < r.extra_inputs + r.states; ++i) {
    ir::Value* begin = body.inputs()[i].value;
    ir::Node* identity = body.AddNode("Identity");
    identity->opset_version = Emitter::kOpset;
    identity->AddInput(begin);
    identity->AddOutput(NewValue(body, begin->name() + "_saved", begin->type.dtype));
    AddOutput(body, identity->output(0));
    saved.push_back(NewValue(graph, begin->name() + "_states", begin->type.dtype));
    copy->AddOutput(saved.back());
  }
  for (const char* name : {"scan_output_axes", "scan_output_directions"}) {
    I list = copy->GetInts(name);
    if (list.empty()) continue;
    list.resize(list.size() + saved.size(), 0);
    copy->SetAttribute(ir::Attribute(name, list));
  }
  return saved;
}

// The node and body of the Scan that runs backwards, built input by input.
class Reverse {
 public:
  explicit Reverse(Emitter& emitter) : emitter_(emitter), node_(emitter.graph().AddNode("Scan")), graph_(std::make_shared<ir::Graph>()) {
    node_->opset_version = Emitter::kOpset;
    graph_->SetOwner(node_);
  }

  ir::Graph& graph() { return *graph_; }
  // Inputs of the node and of its body, where they are of the type of `like`: states first. Returns the body's.
  ir::Value* AddState(ir::Value* initial, const ir::Value* like) { return AddInput(initial, like); }
  ir::Value* AddScanned(ir::Value* whole, const ir::Value* like, int64_t axis, int64_t direction) {
    axes_.push_back(axis);
    directions_.push_back(direction);
    return AddInput(whole, like);
  }
  // Outputs, in the same order: the body's, and the node's.
  Term AddStateOutput(const Term& value) { return AddOutputs(value); }
  Term AddScannedOutput(const Term& value, int64_t axis, int64_t direction) {
    output_axes_.push_back(axis);
    output_directions_.push_back(direction);
    return AddOutputs(value);
  }
  Status Finish() {
    if (!graph_->SortTopologically()) return Invalid("the body has a cycle");
    node_->SetAttribute(ir::Attribute("num_scan_inputs", static_cast<int64_t>(axes_.size())));
    node_->SetAttribute(ir::Attribute("scan_input_axes", axes_));
    node_->SetAttribute(ir::Attribute("scan_input_directions", directions_));
    if (!output_axes_.empty()) {
      node_->SetAttribute(ir::Attribute("scan_output_axes", output_axes_));
      node_->SetAttribute(ir::Attribute("scan_output_directions", output_directions_));
    }
    node_->SetAttribute(ir::Attribute("body", graph_));
    return {};
  }

 private:
  ir::Value* AddInput(ir::Value* outer, const ir::Value* like) {
    node_->AddInput(outer);
    ir::ValueInfo info;
    info.value = NewValue(*graph_, outer->name() + "_in", outer->type.dtype);
    info.type = ir::Type::Tensor(outer->type.dtype);
    ir::Value* inner = info.value;
    graph_->AddInput(std::move(info));
    inner->type = like->type;
    return inner;
  }
  Term AddOutputs(const Term& value) {
    const Term output = value.Op("Identity");
    AddOutput(*graph_, output.value());
    ir::Value* outer = NewValue(emitter_.graph(), "gradient", value.dtype());
    node_->AddOutput(outer);
    return emitter_.Of(outer);
  }

  Emitter& emitter_;
  ir::Node* node_;
  std::shared_ptr<ir::Graph> graph_;
  I axes_, directions_, output_axes_, output_directions_;
};

// Copies the body's nodes into `target`; `map` says what its inputs are there and learns the rest.
std::vector<ir::Node*> CopyBody(const ir::Graph& body, ir::Graph& target, ir::ValueMap* map) {
  const auto resolve = [&](ir::Value* value) -> ir::Value* {
    if (value->graph() != &body) return value;
    ir::Value*& copy = (*map)[value];
    if (!copy) {
      copy = target.AddValue(value->name());
      copy->type = value->type;
    }
    return copy;
  };
  for (ir::Value* value : body.initializers()) target.SetInitializer(resolve(value), *value->initializer());
  std::vector<ir::Node*> nodes;
  for (const auto& node : body.nodes()) nodes.push_back(ir::CloneNode(*node, &target, resolve));
  for (const ir::ValueInfo& output : body.outputs()) (*map)[output.value] = resolve(output.value);
  return nodes;
}

}  // namespace

Status Backpropagation::DifferentiateLoop(ir::Node& node, const std::vector<Term>& dys) {
  const int64_t opset = node.opset_version ? node.opset_version : model_.OpsetVersion(node.domain);
  ASSIGN_OR_RETURN(const Recurrence r, ReadRecurrence(node, opset));
  const auto dy = [&](size_t i) { return i < dys.size() ? dys[i] : Term(); };
  std::vector<ir::Value*> captured = CapturedValues(node);
  std::erase_if(captured, [&](const ir::Value* value) { return !active_.contains(value); });
  const std::vector<ir::Value*> saved = SaveStates(node, r, emitter_);

  Reverse reverse(emitter_);
  Emitter inner(reverse.graph(), "gradient/");
  // States: the gradients of the states, and the sums of those of captured values.
  std::vector<size_t> states, scanned;
  std::vector<ir::Value*> state_gradients, sums;
  for (size_t i = 0; i < r.states; ++i) {
    const Term initial = emitter_.Of(node.input(r.state_input(i)));
    if (!IsFloat(initial.value())) continue;
    states.push_back(i);
    const ir::Value* last = node.output(i);
    const Term zeros = (last ? emitter_.Of(node.output(i)) : initial).Filled(0);
    state_gradients.push_back(reverse.AddState((dy(i).empty() ? zeros : dy(i)).value(), r.body_input(r.state_input(i))));
  }
  for (ir::Value* value : captured) sums.push_back(reverse.AddState(emitter_.Of(value).Filled(0).value(), value));
  // Scanned: what each iteration began with, the elements that it saw, the gradients of those that it wrote.
  ir::ValueMap map;
  for (size_t i = 0; i < saved.size(); ++i) map[r.body_input(i)] = reverse.AddScanned(saved[i], r.body_input(i), 0, 1);
  for (size_t i = 0; i < r.scan_inputs; ++i) {
    ir::Value* whole = node.input(r.scan_input(i));
    map[r.body_input(r.scan_input(i))] =
        reverse.AddScanned(whole, r.body_input(r.scan_input(i)), r.input_axes[i], 1 - r.input_directions[i]);
    if (active_.contains(whole) && IsFloat(whole)) scanned.push_back(i);
  }
  std::vector<std::pair<const ir::Value*, ir::Value*>> written;
  for (size_t i = 0; i < r.scan_outputs; ++i)
    if (const Term whole = dy(r.states + i); !whole.empty())
      written.emplace_back(r.scan_output(i),
                           reverse.AddScanned(whole.value(), r.scan_output(i), r.output_axes[i], 1 - r.output_directions[i]));

  const std::vector<ir::Node*> nodes = CopyBody(*r.body, reverse.graph(), &map);
  std::vector<ir::Value*> sources = captured;
  for (size_t i : states) sources.push_back(map[r.body_input(r.state_input(i))]);
  for (size_t i : scanned) sources.push_back(map[r.body_input(r.scan_input(i))]);
  for (ir::Value* source : sources)
    if (source->type.dtype == DataType::kUndefined) return Unsupported(fmt::format("the type of '{}' is not known", source->name()));
  Backpropagation body(model_, inner, sources);
  for (size_t k = 0; k < states.size(); ++k) body.Seed(map[r.state_output(states[k])], inner.Of(state_gradients[k]));
  for (const auto& [value, gradient] : written) body.Seed(map[value], inner.Of(gradient));
  RETURN_IF_ERROR(body.Run(nodes));

  const auto gradient_or_zeros = [&](ir::Value* source) {
    const Term gradient = body.Gradient(source);
    return gradient.empty() ? inner.Of(source).Filled(0) : gradient;
  };
  for (size_t i : states) {
    const Term dx = reverse.AddStateOutput(gradient_or_zeros(map[r.body_input(r.state_input(i))]));
    Give(node.input(r.state_input(i)), dx);
  }
  for (size_t k = 0; k < captured.size(); ++k) {
    const Term gradient = body.Gradient(captured[k]), sum = inner.Of(sums[k]);
    Give(captured[k], reverse.AddStateOutput(gradient.empty() ? sum : sum + gradient));
  }
  for (size_t i : scanned) {
    const Term element = gradient_or_zeros(map[r.body_input(r.scan_input(i))]);
    Give(node.input(r.scan_input(i)), reverse.AddScannedOutput(element, r.input_axes[i], 1 - r.input_directions[i]));
  }
  return reverse.Finish();
}

}  // namespace sardonyx::optimize
