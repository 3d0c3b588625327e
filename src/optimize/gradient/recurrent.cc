#include "optimize/gradient/recurrent.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "ir/text.h"
#include "optimize/gradient/term.h"

namespace sardonyx::optimize {
namespace {

constexpr size_t kInitialH = 5, kInitialC = 6;

// One direction: what a step computes of the gates' input x_t, from h (and c) to next_h (and next_c).
class Writer {
 public:
  explicit Writer(const ir::Node& node) : node_(node), lstm_(node.op_type == "LSTM"), gru_(node.op_type == "GRU") {
    gates_ = lstm_ ? 4 : (gru_ ? 3 : 1);
    activations_ = lstm_ ? std::vector<std::string>{"Sigmoid", "Tanh", "Tanh"}
                         : (gru_ ? std::vector<std::string>{"Sigmoid", "Tanh"} : std::vector<std::string>{"Tanh"});
  }

  StatusOr<std::string> Write() {
    RETURN_IF_ERROR(Check());
    const std::string direction = node_.GetString("direction", "forward");
    const size_t directions = direction == "bidirectional" ? 2 : 1;
    std::vector<std::string> activations = node_.GetStrings("activations");
    if (activations.empty())
      for (size_t d = 0; d < directions; ++d) activations.insert(activations.end(), activations_.begin(), activations_.end());
    if (activations.size() != directions * activations_.size()) return Invalid(fmt::format("{} activations", activations.size()));
    for (const std::string& name : activations)
      if (name != "Sigmoid" && name != "Tanh" && name != "Relu" && name != "Softsign" && name != "Softplus")
        return Unsupported(fmt::format("activation {}", name));
    const bool batch_first = node_.GetInt("layout", 0) != 0;
    Add(batch_first ? "x = Transpose <perm = [1, 0, 2]> (X)" : "x = Identity (X)");
    Add("zero_double = Constant <value = double {0.0}> ()");
    Add("zero = CastLike (zero_double, X)");
    Add("one_double = Constant <value = double {1.0}> ()");
    Add("one = CastLike (one_double, X)");
    Add("batch = Shape <start = 1, end = 2> (x)");
    Add("size = Shape <start = 2, end = 3> (R)");
    Add("state_shape = Concat <axis = 0> (batch, size)");
    for (size_t d = 0; d < directions; ++d) {
      std::copy_n(activations.begin() + static_cast<std::ptrdiff_t>(d * activations_.size()), activations_.size(), activations_.begin());
      WriteDirection(d, directions == 2 ? d == 1 : direction == "reverse", batch_first);
    }
    Join("Y", "sequence", 1, directions, batch_first ? "[2, 0, 1, 3]" : "");
    Join("Y_h", "last_h", 0, directions, batch_first ? "[1, 0, 2]" : "");
    if (lstm_) Join("Y_c", "last_c", 0, directions, batch_first ? "[1, 0, 2]" : "");
    return text_;
  }

 private:
  void Add(std::string_view line) { text_ += fmt::format("  {}\n", line); }

  Status Check() const {
    if (node_.attribute("clip")) return Unsupported("clip");
    if (node_.GetInt("input_forget", 0) != 0) return Unsupported("input_forget");
    if (node_.input(4)) return Unsupported("sequence_lens");
    if (node_.input(7)) return Unsupported("peepholes");
    return {};
  }

  // What a direction takes of a tensor whose first axis is that of the directions.
  void Take(std::string_view name, std::string_view from, size_t d) {
    Add(fmt::format("{}_index = Constant <value = int64 {{{}}}> ()", name, d));
    Add(fmt::format("{0} = Gather ({1}, {0}_index)", name, from));
  }

  void TakeState(std::string_view name, std::string_view from, size_t input, size_t d, bool batch_first) {
    if (!node_.input(input)) return Add(fmt::format("{} = Expand (zero, state_shape)", name));
    if (batch_first) Add(fmt::format("{}_first = Transpose <perm = [1, 0, 2]> ({})", name, from));
    Take(name, batch_first ? fmt::format("{}_first", name) : std::string(from), d);
  }

  void WriteDirection(size_t d, bool reverse, bool batch_first) {
    const auto n = [&](std::string_view name) { return fmt::format("{}_{}", name, d); };
    Take(n("w"), "W", d);
    Take(n("r"), "R", d);
    Add(fmt::format("{} = Transpose ({})", n("w_turned"), n("w")));
    Add(fmt::format("{} = MatMul (x, {})", n("product"), n("w_turned")));
    std::string input = n("product");
    if (node_.input(3)) {
      Take(n("b"), "B", d);
      Add(fmt::format("{}, {} = Split <axis = 0, num_outputs = 2> ({})", n("wb"), n("rb"), n("b")));
      Add(fmt::format("{} = Add ({}, {})", n("with_wb"), input, n("wb")));
      input = n("with_wb");
    } else {
      Add(fmt::format("{}_shape = Shape <start = 1, end = 2> (W)", n("rb")));
      Add(fmt::format("{0} = Expand (zero, {0}_shape)", n("rb")));
    }
    // The recurrent weights and biases of each gate.
    for (const char* part : {"r", "rb"}) {
      std::string list;
      for (int gate = 0; gate < gates_; ++gate) list += fmt::format("{}{}_of_{}", gate ? ", " : "", n(part), gate);
      Add(fmt::format("{} = Split <axis = 0, num_outputs = {}> ({})", list, gates_, n(part)));
    }
    for (int gate = 0; gate < gates_; ++gate) Add(fmt::format("{0}_turned_{1} = Transpose ({0}_of_{1})", n("r"), gate));
    TakeState(n("h"), "initial_h", kInitialH, d, batch_first);
    if (lstm_) TakeState(n("c"), "initial_c", kInitialC, d, batch_first);
    const std::string states = lstm_ ? fmt::format("{}, {}", n("h"), n("c")) : n("h");
    const std::string lasts = lstm_ ? fmt::format("{}, {}", n("last_h"), n("last_c")) : n("last_h");
    Add(
        fmt::format("{}, {} = Scan <num_scan_inputs = 1, scan_input_directions = [{}], scan_output_directions = [{}], body = step ({}, "
                    "x_t) => ({}, out) {{",
                    lasts, n("sequence"), int{reverse}, int{reverse}, lstm_ ? "h, c" : "h", lstm_ ? "next_h, next_c" : "next_h"));
    WriteStep(d);
    Add(fmt::format("out = Identity (next_h) }}> ({}, {})", states, input));
  }

  // gate = activation(x_gate + h R_gate + rb_gate)
  void Gate(std::string_view name, int gate, size_t activation, size_t d) {
    Recurrent(name, gate, d, "h");
    Add(fmt::format("{0}_sum = Add (x_{1}, {0}_recurrent)", name, gate));
    Add(fmt::format("{0} = {1} ({0}_sum)", name, activations_[activation]));
  }
  void Recurrent(std::string_view name, int gate, size_t d, std::string_view state) {
    Add(fmt::format("{0}_product = MatMul ({1}, r_{2}_turned_{3})", name, state, d, gate));
    Add(fmt::format("{0}_recurrent = Add ({0}_product, rb_{1}_of_{2})", name, d, gate));
  }

  void WriteStep(size_t d) {
    std::string parts;
    for (int gate = 0; gate < gates_; ++gate) parts += fmt::format("{}x_{}", gate ? ", " : "", gate);
    Add(fmt::format("{} = Split <axis = -1, num_outputs = {}> (x_t)", parts, gates_));
    if (lstm_) {  // gates in the order i, o, f, c
      Gate("i", 0, 0, d);
      Gate("o", 1, 0, d);
      Gate("f", 2, 0, d);
      Gate("g", 3, 1, d);
      Add("kept = Mul (f, c)");
      Add("new = Mul (i, g)");
      Add("next_c = Add (kept, new)");
      Add(fmt::format("shown = {} (next_c)", activations_[2]));
      Add("next_h = Mul (o, shown)");
    } else if (gru_) {  // z, r, h
      Gate("z", 0, 0, d);
      Gate("reset", 1, 0, d);
      if (node_.GetInt("linear_before_reset", 0) != 0) {
        Recurrent("g", 2, d, "h");
        Add("g_reset = Mul (reset, g_recurrent)");
        Add("g_sum = Add (x_2, g_reset)");
      } else {
        Add("h_reset = Mul (reset, h)");
        Recurrent("g", 2, d, "h_reset");
        Add("g_sum = Add (x_2, g_recurrent)");
      }
      Add(fmt::format("g = {} (g_sum)", activations_[1]));
      Add("z_rest = Sub (one, z)");
      Add("new = Mul (z_rest, g)");
      Add("kept = Mul (z, h)");
      Add("next_h = Add (new, kept)");
    } else {
      Gate("next_h", 0, 0, d);
    }
  }

  // The directions' results along a new axis, in the layout that the node wants.
  void Join(std::string_view output, std::string_view part, int axis, size_t directions, std::string_view permutation) {
    std::string parts;
    Add(fmt::format("{}_axis = Constant <value = int64[1] {{{}}}> ()", output, axis));
    for (size_t d = 0; d < directions; ++d) {
      Add(fmt::format("{0}_part_{1} = Unsqueeze ({2}_{1}, {0}_axis)", output, d, part));
      parts += fmt::format("{}{}_part_{}", d ? ", " : "", output, d);
    }
    Add(fmt::format("{}{} = Concat <axis = {}> ({})", output, permutation.empty() ? "" : "_joined", axis, parts));
    if (!permutation.empty()) Add(fmt::format("{0} = Transpose <perm = {1}> ({0}_joined)", output, permutation));
  }

  const ir::Node& node_;
  bool lstm_, gru_;
  int gates_;
  std::vector<std::string> activations_;
  std::string text_;
};

}  // namespace

bool IsRecurrent(const ir::Node& node) {
  return ir::NormalDomain(node.domain).empty() && (node.op_type == "RNN" || node.op_type == "GRU" || node.op_type == "LSTM");
}

StatusOr<ir::Function> RecurrentBody(const ir::Node& node, std::string_view domain, std::string_view name) {
  for (size_t i = 0; i < 3; ++i)
    if (!node.input(i)) return Invalid(fmt::format("input {} is missing", i));
  ASSIGN_OR_RETURN(const std::string body, Writer(node).Write());
  const bool lstm = node.op_type == "LSTM";
  return ir::ParseFunctionText(
      fmt::format("<domain: \"{}\", opset_import: [\"\" : {}]>\n{} (X, W, R, B, sequence_lens, initial_h{}) => (Y, Y_h{}) {{\n{}}}", domain,
                  Emitter::kOpset, name, lstm ? ", initial_c, P" : "", lstm ? ", Y_c" : "", body));
}

}  // namespace sardonyx::optimize
