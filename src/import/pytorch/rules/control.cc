// Higher-order operators: graphs as arguments.
#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

std::vector<IValue> Items(const IValue& value) {
  return value.is_list() ? std::vector<IValue>(value.list()) : value.is_none() ? std::vector<IValue>() : std::vector<IValue>{value};
}

// Results of a block as ONNX values; all must be tensors or numbers.
std::vector<V> ValuesOf(Call& c, const std::vector<IValue>& results) {
  std::vector<V> values;
  for (const IValue& result : results) {
    V value = c.translator.Materialize(result);
    values.push_back(value ? value : c.Unsupported("a block that gives what is no tensor"));
  }
  return values;
}
// ONNX values as what the block's results were: tensors or numbers.
std::vector<IValue> Like(const std::vector<V>& values, const std::vector<IValue>& patterns) {
  std::vector<IValue> results;
  for (size_t i = 0; i < values.size(); ++i) {
    const IValue* pattern = i < patterns.size() ? &patterns[i] : nullptr;
    const bool number = pattern && (pattern->is_number_value() || pattern->is_int() || pattern->is_bool() || pattern->is_double());
    const Kind kind = !number                      ? Kind::kTensor
                      : pattern->is_number_value() ? pattern->number_value().kind
                      : pattern->is_bool()         ? Kind::kBool
                      : pattern->is_double()       ? Kind::kFloat
                                                   : Kind::kInt;
    results.push_back(number ? IValue(NumberValue{values[i], kind})
                             : IValue(TensorValue{values[i], pattern && pattern->is_tensor() && pattern->tensor().is_complex, {}, {}}));
  }
  return results;
}

Outputs Given(std::vector<IValue> values) {
  Outputs outputs;
  outputs.values = std::move(values);
  return outputs;
}

const Graph* GraphOf(Call& c, size_t i) {
  if (c.arg(i).is_graph()) return c.arg(i).graph().get();
  c.b.Fail(Corrupt("a graph is expected as an argument"));
  return nullptr;
}

// cond(predicate, true graph, false graph, operands)
Outputs Cond(Call& c) {
  const Graph *yes = GraphOf(c, 1), *no = GraphOf(c, 2);
  if (yes == nullptr || no == nullptr) return {};
  const std::vector<IValue> operands = Items(c.arg(size_t{3}));
  const IValue& predicate = c.arg(size_t{0});
  if (predicate.is_bool()) return Given(c.translator.Inline(predicate.boolean() ? *yes : *no, operands));
  V condition = c.b.Cast(c.ToNumber(predicate), DataType::kBool);
  std::vector<IValue> pattern;
  const auto branch = [&](const Graph& graph) {
    const size_t mark = c.translator.memory().Enter();
    pattern = c.translator.Inline(graph, operands);
    std::vector<V> values = ValuesOf(c, pattern);
    if (!c.translator.memory().Leave(mark).empty()) c.b.Fail(Unsupported("a branch that writes in place to a tensor outside of it"));
    return values;
  };
  const std::vector<V> values = c.b.If(
      condition, [&] { return branch(*yes); }, [&] { return branch(*no); });
  return Given(Like(values, pattern));
}

// while_loop(condition graph, body graph, carried, additional)
Outputs WhileLoop(Call& c) {
  const Graph *test = GraphOf(c, 0), *step = GraphOf(c, 1);
  if (test == nullptr || step == nullptr) return {};
  const std::vector<IValue> carried = Items(c.arg(size_t{2})), more = Items(c.arg(size_t{3}));
  const auto with_more = [&](std::vector<IValue> state) {
    state.insert(state.end(), more.begin(), more.end());
    return state;
  };
  const auto condition = [&](const std::vector<IValue>& state) {
    const std::vector<IValue> result = c.translator.Inline(*test, with_more(state));
    return result.empty() ? c.Unsupported("a loop without a condition") : c.b.Cast(c.ToNumber(result[0]), DataType::kBool);
  };
  std::vector<V> initial = ValuesOf(c, carried);
  // Outside its memory is read only: the loop's state is its own.
  std::vector<V> values = c.b.Loop(nullptr, condition(Like(initial, carried)), initial, 0, [&](V, const std::vector<V>& state) {
    const size_t mark = c.translator.memory().Enter();
    const std::vector<IValue> next = c.translator.Inline(*step, with_more(Like(state, carried)));
    std::vector<V> results = ValuesOf(c, next);
    // Types stay what they were, also where a step gives a wider one.
    for (size_t i = 0; i < results.size() && i < state.size(); ++i) results[i] = c.b.Cast(results[i], c.b.dtype(state[i]));
    V go_on = condition(Like(results, carried));
    (void)c.translator.memory().Leave(mark);
    results.insert(results.begin(), go_on);
    return results;
  });
  return Given(Like(values, carried));
}

// scan(combine graph, initial, sequences, additional): over axis 0.
Outputs Scan(Call& c) {
  const Graph* step = GraphOf(c, 0);
  if (step == nullptr) return {};
  const std::vector<IValue> initial = Items(c.arg(size_t{1})), sequences = Items(c.arg(size_t{2})), more = Items(c.arg(size_t{3}));
  const size_t count = initial.size(), total = step->outputs.size();
  if (total < count) return c.Unsupported("a scan that gives less than its state");
  std::vector<V> values = c.b.Scan(ValuesOf(c, initial), ValuesOf(c, sequences), total - count, false,
                                   [&](const std::vector<V>& state, const std::vector<V>& elements) {
                                     const size_t mark = c.translator.memory().Enter();
                                     std::vector<IValue> inputs = Like(state, initial);
                                     for (V element : elements) inputs.emplace_back(TensorValue{element, false, {}, {}});
                                     inputs.insert(inputs.end(), more.begin(), more.end());
                                     std::vector<V> results = ValuesOf(c, c.translator.Inline(*step, inputs));
                                     (void)c.translator.memory().Leave(mark);
                                     return results;
                                   });
  return values;
}

// map(graph, sequences, additional)
Outputs Map(Call& c) {
  const Graph* body = GraphOf(c, 0);
  if (body == nullptr) return {};
  const std::vector<IValue> sequences = Items(c.arg(size_t{1})), more = Items(c.arg(size_t{2}));
  return c.b.Scan({}, ValuesOf(c, sequences), body->outputs.size(), false, [&](const std::vector<V>&, const std::vector<V>& elements) {
    const size_t mark = c.translator.memory().Enter();
    std::vector<IValue> inputs;
    for (V element : elements) inputs.emplace_back(TensorValue{element, false, {}, {}});
    inputs.insert(inputs.end(), more.begin(), more.end());
    std::vector<V> results = ValuesOf(c, c.translator.Inline(*body, inputs));
    (void)c.translator.memory().Leave(mark);
    return results;
  });
}

// associative_scan(combine graph, sequences, additional): running combinations along axis 0, the first element as it is.
Outputs AssociativeScan(Call& c) {
  const Graph* combine = GraphOf(c, 0);
  if (combine == nullptr) return {};
  const std::vector<IValue> sequences = Items(c.arg(size_t{1})), more = Items(c.arg(size_t{2}));
  std::vector<V> first, rest;
  constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
  const std::vector<V> whole = ValuesOf(c, sequences);
  for (V sequence : whole) {
    first.push_back(c.b.Gather(sequence, c.b.Int(0), 0));
    rest.push_back(c.b.Slice(sequence, 0, 1, kEnd));
  }
  const size_t count = whole.size();
  std::vector<V> values = c.b.Scan(first, rest, count, false, [&](const std::vector<V>& state, const std::vector<V>& elements) {
    const size_t mark = c.translator.memory().Enter();
    std::vector<IValue> inputs;
    for (V value : state) inputs.emplace_back(TensorValue{value, false, {}, {}});
    for (V value : elements) inputs.emplace_back(TensorValue{value, false, {}, {}});
    inputs.insert(inputs.end(), more.begin(), more.end());
    std::vector<V> results = ValuesOf(c, c.translator.Inline(*combine, inputs));
    (void)c.translator.memory().Leave(mark);
    const std::vector<V> twice = results;
    results.insert(results.end(), twice.begin(), twice.end());
    return results;
  });
  std::vector<V> joined;
  for (size_t i = 0; i < count; ++i) joined.push_back(c.b.Concat({c.b.Unsqueeze(first[i], {0}), values[count + i]}, 0));
  return joined;
}

// out_dtype(operator, type, arguments...): computed in that type.
Outputs OutDtype(Call& c) {
  if (!c.arg(size_t{0}).is_string() || !c.arg(size_t{1}).is_dtype()) return c.Unsupported("out_dtype without an operator and a type");
  std::string target = c.arg(size_t{0}).string();
  for (const std::string_view prefix : {"torch.ops.", "torch._ops."})
    if (target.starts_with(prefix)) target.erase(0, prefix.size());
  std::vector<IValue> arguments(c.arguments().begin() + 2, c.arguments().end());
  for (IValue& argument : arguments)
    if (argument.is_tensor()) argument = AsArgument(c.b.Cast(c.ToTensor(argument), c.arg(size_t{1}).dtype()));
  return Given(c.translator.Apply(target, std::move(arguments)));
}

// with_effects(token, operator, arguments...): the operator's results after the token, which only says in which order effects happen.
Outputs WithEffects(Call& c) {
  std::string target = c.arg(size_t{1}).is_string() ? c.arg(size_t{1}).string() : "";
  for (const std::string_view prefix : {"torch.ops.", "torch._ops."})
    if (target.starts_with(prefix)) target.erase(0, prefix.size());
  std::vector<IValue> results(1);
  if (!target.ends_with("print") && !target.ends_with("print.default")) {
    const std::vector<IValue>& arguments = c.arguments();
    const std::vector<IValue> made =
        c.translator.Apply(target, std::vector<IValue>(arguments.begin() + std::min<ptrdiff_t>(2, std::ssize(arguments)), arguments.end()));
    results.insert(results.end(), made.begin(), made.end());
  }
  results.resize(std::max(results.size(), c.node().outputs.size()));
  return Given(std::move(results));
}

// vmap before it is decomposed: what stands between sees one example, and the graph does not say so.
Outputs Undecomposed(Call& c) { return c.Unsupported("the program has torch.vmap in it undecomposed: save exported_program.run_decompositions()"); }

// Blocks that only say how to run: gradient mode, autocast, checkpoints. Strings among the arguments name the block.
Outputs Wrapped(Call& c) {
  const std::vector<IValue>& arguments = c.arguments();
  const auto at = std::find_if(arguments.begin(), arguments.end(), [](const IValue& argument) { return argument.is_graph(); });
  if (at == arguments.end()) return c.Unsupported("a block without a graph");
  const std::shared_ptr<const Graph> graph = at->graph();
  std::vector<IValue> inputs;
  for (auto it = at + 1; it != arguments.end(); ++it) {
    if (it->is_string()) continue;
    if (it->is_list() && inputs.size() < graph->inputs.size()) {
      for (const IValue& item : it->list()) inputs.push_back(item);
    } else if (inputs.size() < graph->inputs.size()) {
      inputs.push_back(*it);
    }
  }
  return Given(c.translator.Inline(*graph, inputs));
}

constexpr RuleRow kRows[] = {
    {"higher_order.cond", Cond},
    {"higher_order.while_loop", WhileLoop},
    {"higher_order.scan", Scan},
    {"higher_order.map_impl", Map},
    {"higher_order.map", Map},
    {"higher_order.associative_scan", AssociativeScan},
    {"higher_order.wrap_with_set_grad_enabled", Wrapped},
    {"higher_order.wrap_with_autocast", Wrapped},
    {"higher_order.wrap", Wrapped},
    {"higher_order.wrap_activation_checkpoint", Wrapped},
    {"higher_order.tag_activation_checkpoint", Wrapped},
    {"higher_order.invoke_subgraph", Wrapped},
    {"higher_order.hints_wrapper", Wrapped},
    {"higher_order.strict_mode", Wrapped},
    {"higher_order.run_const_graph", Wrapped},
    {"higher_order.out_dtype", OutDtype},
    {"higher_order.with_effects", WithEffects},
    {"torch._functorch.predispatch.lazy_load_decompositions", Undecomposed},
    {"torch._functorch.predispatch._vmap_increment_nesting", Undecomposed},
    {"torch._functorch.predispatch._vmap_decrement_nesting", Undecomposed},
    {"torch._functorch.predispatch._add_batch_dim", Undecomposed},
    {"torch._functorch.predispatch._remove_batch_dim", Undecomposed},
};

}  // namespace

std::span<const RuleRow> Control() { return kRows; }

}  // namespace sardonyx::pytorch::rules
