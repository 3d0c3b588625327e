// Recurrent layers and cells.
#include <algorithm>
#include <cstring>
#include <limits>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

// Gates in PyTorch's order -> where ONNX wants them. LSTM: i f g o -> i o f c. GRU: r z n -> z r h.
std::vector<int64_t> GateOrder(std::string_view op) {
  if (op == "LSTM") return {0, 3, 1, 2};
  if (op == "GRU") return {1, 0, 2};
  return {0};
}

// The rows of a weight (or elements of a bias) regrouped by gates: as a new initializer where the weight is one.
V Regrouped(Call& c, V weight, const std::vector<int64_t>& order) {
  if (order.size() == 1) return weight;
  const ir::StoredTensor* stored = weight->initializer();
  const auto gates = static_cast<int64_t>(order.size());
  if (stored != nullptr && !stored->dims.empty() && stored->dims[0] % gates == 0) {
    StatusOr<Tensor> tensor = stored->ToTensor();
    StatusOr<Tensor> made = tensor.ok() ? Tensor::Allocate(tensor->dtype(), tensor->dims()) : tensor;
    if (made.ok()) {
      const size_t bytes = tensor->byte_size() / order.size();
      const auto* from = static_cast<const uint8_t*>(tensor->raw_data());
      auto* to = static_cast<uint8_t*>(made->mutable_raw_data());
      for (size_t i = 0; i < order.size() && bytes > 0; ++i)
        std::memcpy(to + i * bytes, from + static_cast<size_t>(order[i]) * bytes, bytes);
      return c.b.Weight(weight->name() + ".regrouped", *std::move(made));
    }
  }
  std::vector<V> parts = c.b.Ops("Split", {weight}, order.size(), {{"axis", 0}, {"num_outputs", gates}}), moved;
  for (const int64_t gate : order) moved.push_back(parts[static_cast<size_t>(gate)]);
  return c.b.Concat(moved, 0);
}

// One direction of one layer: its parameters from position `at` on.
struct Direction {
  V w_ih, w_hh, b_ih = nullptr, b_hh = nullptr, w_hr = nullptr;
};
Direction ReadDirection(const std::vector<V>& params, size_t at, bool biases, bool projected) {
  Direction d;
  d.w_ih = params.at(at);
  d.w_hh = params.at(at + 1);
  if (biases) {
    d.b_ih = params.at(at + 2);
    d.b_hh = params.at(at + 3);
  }
  if (projected) d.w_hr = params.at(at + (biases ? 4 : 2));
  return d;
}

// An LSTM with projections, step by step, since ONNX's has none.
std::vector<V> ProjectedLstm(Call& c, V x, V h, V cell, const Direction& d, bool reverse) {
  ops::GraphBuilder& b = c.b;
  if (reverse) x = b.Slice(x, 0, -1, std::numeric_limits<int64_t>::min() + 1, -1);
  std::vector<V> made =
      b.Scan({h, cell}, {x}, 1, false, [&](const std::vector<V>& state, const std::vector<V>& elements) -> std::vector<V> {
        V gates = b.Add(Linear(c, elements[0], d.w_ih, d.b_ih), Linear(c, state[0], d.w_hh, d.b_hh));
        const std::vector<V> part = b.Ops("Split", {gates}, 4, {{"axis", 1}, {"num_outputs", 4}});
        V next = b.Add(b.Mul(b.Op("Sigmoid", {part[1]}), state[1]), b.Mul(b.Op("Sigmoid", {part[0]}), b.Op("Tanh", {part[2]})));
        V out = Linear(c, b.Mul(b.Op("Sigmoid", {part[3]}), b.Op("Tanh", {next})), d.w_hr, nullptr);
        return {out, next, out};
      });
  if (reverse) made[2] = b.Slice(made[2], 0, -1, std::numeric_limits<int64_t>::min() + 1, -1);
  return {made[2], made[0], made[1]};
}

// [seq, batch, in] -> output [seq, batch, dirs * hidden] and final states [dirs, batch, hidden].
struct Run {
  V output, h, c;
};
Run RunLayer(Call& c, std::string_view op, std::string_view activation, V x, V h, V cell, const std::vector<Direction>& directions,
             bool reverse = false, V lengths = nullptr) {
  ops::GraphBuilder& b = c.b;
  const std::vector<int64_t> order = GateOrder(op);
  std::vector<V> w, r, bias;
  for (const Direction& d : directions) {
    w.push_back(b.Unsqueeze(Regrouped(c, d.w_ih, order), {0}));
    r.push_back(b.Unsqueeze(Regrouped(c, d.w_hh, order), {0}));
    if (d.b_ih) bias.push_back(b.Unsqueeze(b.Concat({Regrouped(c, d.b_ih, order), Regrouped(c, d.b_hh, order)}, 0), {0}));
  }
  const std::optional<int64_t> hidden = b.static_dim(directions[0].w_hh, 1);
  if (!hidden) return {c.Unsupported("a recurrent layer whose width is not known"), nullptr, nullptr};
  const bool both = directions.size() == 2;
  std::vector<ops::Attr> attributes = {{"hidden_size", *hidden}};
  if (both || reverse) attributes.push_back({"direction", both ? "bidirectional" : "reverse"});
  if (op == "GRU") attributes.push_back({"linear_before_reset", 1});
  if (op == "RNN" && activation == "Relu") attributes.push_back({"activations", std::vector<std::string>(directions.size(), "Relu")});
  std::vector<V> inputs = {x, b.Concat(w, 0), b.Concat(r, 0), bias.empty() ? nullptr : b.Concat(bias, 0), lengths, h};
  if (op == "LSTM") inputs.push_back(cell);
  const std::vector<V> made = b.Ops(op, inputs, op == "LSTM" ? 3 : 2, std::move(attributes));
  V y = both ? b.Reshape(b.Transpose(made[0], {0, 2, 1, 3}), b.Stack1D({b.SizeOf(x, 0), b.SizeOf(x, 1), b.Int(2 * *hidden)}))
             : b.Squeeze(made[0], {1});
  return {y, made[1], made.size() > 2 ? made[2] : nullptr};
}

// Packed sequences, the longest first: elements of all at each time in a row, and how many these are. They are padded for ONNX's operators.
struct Packed {
  V positions = nullptr;  // [elements, 2]: time and sequence of each
  V lengths = nullptr;  // int32[batch]
  V padded = nullptr;  // [time, batch, width]
};
Packed Unpacked(ops::GraphBuilder& b, V data, V batch_sizes) {
  V batch = b.Gather(batch_sizes, b.Int(0), 0);
  V present = b.Op("Less", {b.Unsqueeze(Arange(b, batch), {0}), b.Unsqueeze(batch_sizes, {1})});
  V positions = b.Transpose(b.Op("NonZero", {present}), {1, 0});
  V shape = b.Stack1D({b.SizeOf(batch_sizes, 0), batch, b.SizeOf(data, 1)});
  return {positions, b.Reduce("ReduceSum", b.Cast(present, DataType::kInt32), {0}, false),
          b.Op("ScatterND", {Full(b, shape, b.NumberLike(0, data)), positions, data})};
}

Outputs Recurrent(Call& c) {
  ops::GraphBuilder& b = c.b;
  const std::string_view op = c.param().substr(0, c.param().find(':')),
                         activation = c.param().find(':') == std::string_view::npos ? "" : c.param().substr(c.param().find(':') + 1);
  if (c.Bool("train", false) && c.Double("dropout", 0.0) > 0)
    return c.Unsupported("dropout in training mode: export the model after model.eval()");
  const bool is_packed = c.is_none("input");
  Packed packed;
  if (is_packed) packed = Unpacked(b, c.tensor("data"), b.Cast(c.tensor("batch_sizes"), DataType::kInt64));
  V x = is_packed ? packed.padded : c.tensor("input");
  const std::vector<V> params = c.tensors("params");
  const bool biases = c.Bool("has_biases"), both = c.Bool("bidirectional"), batch_first = c.Bool("batch_first", false);
  const int64_t layers = c.Int("num_layers");
  const size_t directions = both ? 2 : 1;
  const bool unbatched = c.b.known_rank(x) == size_t{2};
  std::vector<V> states = c.tensors("hx");
  if (unbatched) {
    x = b.Unsqueeze(x, {1});
    for (V& state : states) state = b.Unsqueeze(state, {1});
  } else if (batch_first) {
    x = b.Transpose(x, {1, 0, 2});
  }
  const size_t per = params.size() / std::max<size_t>(1, static_cast<size_t>(layers) * directions);
  const bool projected = op == "LSTM" && per == (biases ? 5u : 3u);
  if (layers < 1 || per < 2 || states.empty() || (op == "LSTM" && states.size() < 2))
    return c.Unsupported("a recurrent layer with these parameters");
  if (projected && is_packed) return c.Unsupported("an LSTM with projections of packed sequences");
  std::vector<V> last_h, last_c;
  for (int64_t layer = 0; layer < layers; ++layer) {
    const int64_t first = layer * static_cast<int64_t>(directions);
    std::vector<Direction> of;
    for (size_t d = 0; d < directions; ++d) of.push_back(ReadDirection(params, (static_cast<size_t>(first) + d) * per, biases, projected));
    const auto part = [&](V state, int64_t at, int64_t count) { return b.Slice(state, 0, at, at + count); };
    if (projected) {
      std::vector<V> outputs;
      for (size_t d = 0; d < directions; ++d) {
        const auto at = first + static_cast<int64_t>(d);
        const std::vector<V> made =
            ProjectedLstm(c, x, b.Gather(states[0], b.Int(at), 0), b.Gather(states[1], b.Int(at), 0), of[d], d == 1);
        outputs.push_back(made[0]);
        last_h.push_back(b.Unsqueeze(made[1], {0}));
        last_c.push_back(b.Unsqueeze(made[2], {0}));
      }
      x = b.Concat(outputs, 2);
      continue;
    }
    const auto count = static_cast<int64_t>(directions);
    const Run run =
        RunLayer(c, op, activation, x, part(states[0], first, count), op == "LSTM" ? part(states[1], first, count) : nullptr, of, false, packed.lengths);
    x = run.output;
    last_h.push_back(run.h);
    last_c.push_back(run.c);
  }
  V h = b.Concat(last_h, 0), cell = op == "LSTM" ? b.Concat(last_c, 0) : nullptr;
  if (is_packed) {
    x = b.Op("GatherND", {x, packed.positions});
  } else if (unbatched) {
    x = b.Squeeze(x, {1});
    h = b.Squeeze(h, {1});
    if (cell) cell = b.Squeeze(cell, {1});
  } else if (batch_first) {
    x = b.Transpose(x, {1, 0, 2});
  }
  return op == "LSTM" ? Outputs{x, h, cell} : Outputs{x, h};
}

// One direction of one layer of an LSTM, which is what torch decomposes one to.
Outputs OneLayer(Call& c) {
  constexpr int64_t kLstm = 2;  // ATen/native/RNN.h
  if (c.Int("mode") != kLstm || c.Bool("bidirectional") || c.Bool("batch_first")) return c.Unsupported("a recurrent layer of oneDNN that is no LSTM");
  Direction of = {c.tensor("weight0"), c.tensor("weight1")};
  if (c.Bool("has_biases")) of.b_ih = c.tensor("weight2"), of.b_hh = c.tensor("weight3");
  const Run run = RunLayer(c, "LSTM", "", c.tensor("input"), c.tensor("hx_"), c.tensor("cx_"), {of}, c.Bool("reverse"));
  return Outputs{run.output, run.h, run.c, c.b.Int(0)};  // the last is for the derivative
}

Outputs LstmCell(Call& c) {
  ops::GraphBuilder& b = c.b;
  const std::vector<V> state = c.tensors("hx");
  if (state.size() < 2) return c.Unsupported("an LSTM cell without two states");
  V gates = b.Add(Linear(c, c.tensor("input"), c.tensor("w_ih"), c.tensor_or_null("b_ih")),
                  Linear(c, state[0], c.tensor("w_hh"), c.tensor_or_null("b_hh")));
  const std::vector<V> part = b.Ops("Split", {gates}, 4, {{"axis", -1}, {"num_outputs", 4}});
  V cell = b.Add(b.Mul(b.Op("Sigmoid", {part[1]}), state[1]), b.Mul(b.Op("Sigmoid", {part[0]}), b.Op("Tanh", {part[2]})));
  return Outputs{b.Mul(b.Op("Sigmoid", {part[3]}), b.Op("Tanh", {cell})), cell};
}
Outputs GruCell(Call& c) {
  ops::GraphBuilder& b = c.b;
  V h = c.tensor("hx");
  const std::vector<V> i =
      b.Ops("Split", {Linear(c, c.tensor("input"), c.tensor("w_ih"), c.tensor_or_null("b_ih"))}, 3, {{"axis", -1}, {"num_outputs", 3}});
  const std::vector<V> r =
      b.Ops("Split", {Linear(c, h, c.tensor("w_hh"), c.tensor_or_null("b_hh"))}, 3, {{"axis", -1}, {"num_outputs", 3}});
  V reset = b.Op("Sigmoid", {b.Add(i[0], r[0])}), update = b.Op("Sigmoid", {b.Add(i[1], r[1])});
  V fresh = b.Op("Tanh", {b.Add(i[2], b.Mul(reset, r[2]))});
  return b.Add(fresh, b.Mul(update, b.Sub(h, fresh)));
}
Outputs RnnCell(Call& c) {
  return c.b.Op(c.param(), {c.b.Add(Linear(c, c.tensor("input"), c.tensor("w_ih"), c.tensor_or_null("b_ih")),
                                    Linear(c, c.tensor("hx"), c.tensor("w_hh"), c.tensor_or_null("b_hh")))});
}

constexpr RuleRow kRows[] = {
    {"aten.lstm", Recurrent, "LSTM"},
    {"aten.gru", Recurrent, "GRU"},
    {"aten.rnn_tanh", Recurrent, "RNN:Tanh"},
    {"aten.rnn_relu", Recurrent, "RNN:Relu"},
    {"aten.mkldnn_rnn_layer", OneLayer},
    {"aten.lstm_cell", LstmCell},
    {"aten.gru_cell", GruCell},
    {"aten.rnn_tanh_cell", RnnCell, "Tanh"},
    {"aten.rnn_relu_cell", RnnCell, "Relu"},
};

}  // namespace

std::span<const RuleRow> Recurrences() { return kRows; }

}  // namespace sardonyx::pytorch::rules
