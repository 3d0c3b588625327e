#include "optimize/gradient/recurrent.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "ir/text.h"
#include "optimize/gradient/term.h"

namespace sardonyx::optimize {
namespace {

constexpr size_t kLengths = 4, kInitialH = 5, kInitialC = 6, kPeephole = 7;

// An activation with its parameters, as a node writes it: "Elu <alpha = 0.5>", or "Affine", which is made of two.
struct CellActivation {
  std::string name;
  double alpha = 0, beta = 0;
};

// Which parameters a function takes from the node's lists, and what they are by default.
struct KnownActivation {
  std::string_view name;
  bool takes_alpha = false, takes_beta = false;
  double alpha = 0, beta = 0;
};
constexpr KnownActivation kActivations[] = {
    {"Sigmoid"},
    {"Tanh"},
    {"Relu"},
    {"Softsign"},
    {"Softplus"},
    {"LeakyRelu", true, false, 0.01},
    {"ThresholdedRelu", true, false, 1.0},
    {"Elu", true, false, 1.0},
    {"HardSigmoid", true, true, 0.2, 0.5},
    {"ScaledTanh", true, true, 1.0, 1.0},
    {"Affine", true, true, 1.0, 0.0},
};

StatusOr<std::vector<CellActivation>> ReadActivations(const ir::Node& node, const std::vector<std::string>& names) {
  const std::vector<float> alphas = node.GetFloats("activation_alpha"), betas = node.GetFloats("activation_beta");
  size_t alpha = 0, beta = 0;
  std::vector<CellActivation> activations;
  for (const std::string& name : names) {
    const auto known =
        std::find_if(std::begin(kActivations), std::end(kActivations), [&](const KnownActivation& a) { return a.name == name; });
    if (known == std::end(kActivations)) return Unsupported(fmt::format("activation {}", name));
    CellActivation activation{name, known->alpha, known->beta};
    if (known->takes_alpha && alpha < alphas.size()) activation.alpha = alphas[alpha++];
    if (known->takes_beta && beta < betas.size()) activation.beta = betas[beta++];
    activations.push_back(activation);
  }
  return activations;
}

// One direction: what a step computes of the gates' input x_t, from h (and c) to next_h (and next_c).
class Writer {
 public:
  explicit Writer(const ir::Node& node) : node_(node), lstm_(node.op_type == "LSTM"), gru_(node.op_type == "GRU") {
    gates_ = lstm_ ? 4 : (gru_ ? 3 : 1);
    defaults_ = lstm_ ? std::vector<std::string>{"Sigmoid", "Tanh", "Tanh"}
                      : (gru_ ? std::vector<std::string>{"Sigmoid", "Tanh"} : std::vector<std::string>{"Tanh"});
    clip_ = static_cast<double>(node.GetFloat("clip", 0));
  }

  StatusOr<std::string> Write() {
    const std::string direction = node_.GetString("direction", "forward");
    const size_t directions = direction == "bidirectional" ? 2 : 1;
    std::vector<std::string> names = node_.GetStrings("activations");
    if (names.empty())
      for (size_t d = 0; d < directions; ++d) names.insert(names.end(), defaults_.begin(), defaults_.end());
    if (names.size() != directions * defaults_.size()) return Invalid(fmt::format("{} activations", names.size()));
    ASSIGN_OR_RETURN(const std::vector<CellActivation> activations, ReadActivations(node_, names));
    const bool batch_first = node_.GetInt("layout", 0) != 0;
    Add(batch_first ? "x = Transpose <perm = [1, 0, 2]> (X)" : "x = Identity (X)");
    Add("zero_double = Constant <value = double {0.0}> ()");
    Add("zero = CastLike (zero_double, X)");
    Add("one_double = Constant <value = double {1.0}> ()");
    Add("one = CastLike (one_double, X)");
    Add("batch = Shape <start = 1, end = 2> (x)");
    Add("size = Shape <start = 2, end = 3> (R)");
    Add("state_shape = Concat <axis = 0> (batch, size)");
    if (clip_ > 0) {
      AddNumber("clip_high", clip_);
      AddNumber("clip_low", -clip_);
    }
    if (node_.input(kLengths)) WriteValid();
    for (size_t d = 0; d < directions; ++d) {
      const auto first = activations.begin() + static_cast<std::ptrdiff_t>(d * defaults_.size());
      activations_.assign(first, first + static_cast<std::ptrdiff_t>(defaults_.size()));
      WriteDirection(d, directions == 2 ? d == 1 : direction == "reverse", batch_first);
    }
    Join("Y", "sequence", 1, directions, batch_first ? "[2, 0, 1, 3]" : "");
    Join("Y_h", "last_h", 0, directions, batch_first ? "[1, 0, 2]" : "");
    if (lstm_) Join("Y_c", "last_c", 0, directions, batch_first ? "[1, 0, 2]" : "");
    return text_;
  }

 private:
  void Add(std::string_view line) { text_ += fmt::format("  {}\n", line); }

  // A number of X's type.
  void AddNumber(std::string_view name, double value) {
    Add(fmt::format("{}_double = Constant <value = double {{{}}}> ()", name, value));
    Add(fmt::format("{0} = CastLike ({0}_double, X)", name));
  }

  // Whether a sequence has a step yet: bool [steps, batch, 1].
  void WriteValid() {
    Add("valid_zero = Constant <value = int64 {0}> ()");
    Add("valid_one = Constant <value = int64 {1}> ()");
    Add("valid_shape = Shape (x)");
    Add("valid_steps = Gather (valid_shape, valid_zero)");
    Add("valid_count = Range (valid_zero, valid_steps, valid_one)");
    Add("valid_axes = Constant <value = int64[2] {1, 2}> ()");
    Add("valid_step = Unsqueeze (valid_count, valid_axes)");
    Add("valid_axis = Constant <value = int64[1] {1}> ()");
    Add("valid_lengths = Unsqueeze (sequence_lens, valid_axis)");
    Add("valid_int64 = Cast <to = 7> (valid_lengths)");
    Add("valid = Less (valid_step, valid_int64)");
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
    if (lstm_ && node_.input(kPeephole)) {
      Take(n("p"), "P", d);
      Add(fmt::format("{0}_i, {0}_o, {0}_f = Split <axis = 0, num_outputs = 3> ({0})", n("p")));
    }
    TakeState(n("h"), "initial_h", kInitialH, d, batch_first);
    if (lstm_) TakeState(n("c"), "initial_c", kInitialC, d, batch_first);
    const std::string states = lstm_ ? fmt::format("{}, {}", n("h"), n("c")) : n("h");
    const std::string lasts = lstm_ ? fmt::format("{}, {}", n("last_h"), n("last_c")) : n("last_h");
    const bool masked = node_.input(kLengths) != nullptr;
    const auto twice = [&](int value) { return masked ? fmt::format("{0}, {0}", value) : std::to_string(value); };
    Add(
        fmt::format("{}, {} = Scan <num_scan_inputs = {}, scan_input_directions = [{}], scan_output_directions = [{}], body = step ({}, "
                    "x_t{}) => ({}, out) {{",
                    lasts, n("sequence"), masked ? 2 : 1, twice(int{reverse}), int{reverse}, lstm_ ? "h, c" : "h",
                    masked ? ", valid_t" : "", lstm_ ? "kept_h, kept_c" : "kept_h"));
    WriteStep(d);
    // Behind its end a sequence keeps its state and gives zeros.
    for (const char* state : lstm_ ? std::vector<const char*>{"h", "c"} : std::vector<const char*>{"h"})
      Add(masked ? fmt::format("kept_{0} = Where (valid_t, next_{0}, {0})", state) : fmt::format("kept_{0} = Identity (next_{0})", state));
    Add(fmt::format("out = {} }}> ({}, {}{})", masked ? "Where (valid_t, next_h, zero)" : "Identity (next_h)", states, input,
                    masked ? ", valid" : ""));
  }

  // name = activation(clipped {name}_sum)
  void Activate(std::string_view name, const CellActivation& f) {
    std::string sum = fmt::format("{}_sum", name);
    if (clip_ > 0) {
      Add(fmt::format("{0}_clipped = Clip ({0}_sum, clip_low, clip_high)", name));
      sum = fmt::format("{}_clipped", name);
    }
    Apply(name, f, sum);
  }
  void Apply(std::string_view name, const CellActivation& f, std::string_view x) {
    if (f.name == "Affine" || f.name == "ScaledTanh") {
      const bool affine = f.name == "Affine";
      AddNumber(fmt::format("{}_alpha", name), f.alpha);
      AddNumber(fmt::format("{}_beta", name), f.beta);
      Add(fmt::format("{0}_scaled = Mul ({1}, {0}_{2})", name, x, affine ? "alpha" : "beta"));
      if (affine) return Add(fmt::format("{0} = Add ({0}_scaled, {0}_beta)", name));
      Add(fmt::format("{0}_tanh = Tanh ({0}_scaled)", name));
      return Add(fmt::format("{0} = Mul ({0}_tanh, {0}_alpha)", name));
    }
    std::string attributes;
    if (f.name == "HardSigmoid")
      attributes = fmt::format("<alpha = {:#}, beta = {:#}> ", f.alpha, f.beta);
    else if (f.name == "Elu" || f.name == "LeakyRelu" || f.name == "ThresholdedRelu")
      attributes = fmt::format("<alpha = {:#}> ", f.alpha);
    Add(fmt::format("{} = {} {}({})", name, f.name, attributes, x));
  }

  // gate = activation(x_gate + h R_gate + rb_gate + p_gate state)
  void Gate(std::string_view name, int gate, size_t activation, size_t d, std::string_view state = "") {
    Recurrent(name, gate, d, "h");
    const bool peephole = !state.empty() && node_.input(kPeephole);
    Add(fmt::format("{0}_{2} = Add (x_{1}, {0}_recurrent)", name, gate, peephole ? "seen" : "sum"));
    if (peephole) {
      Add(fmt::format("{0}_peep = Mul (p_{1}_{0}, {2})", name, d, state));
      Add(fmt::format("{0}_sum = Add ({0}_seen, {0}_peep)", name));
    }
    Activate(name, activations_[activation]);
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
      Gate("i", 0, 0, d, "c");
      if (node_.GetInt("input_forget", 0) != 0)
        Add("f = Sub (one, i)");
      else
        Gate("f", 2, 0, d, "c");
      Gate("g", 3, 1, d);
      Add("kept = Mul (f, c)");
      Add("new = Mul (i, g)");
      Add("next_c = Add (kept, new)");
      Gate("o", 1, 0, d, "next_c");
      Apply("shown", activations_[2], "next_c");
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
      Activate("g", activations_[1]);
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
  double clip_ = 0;
  std::vector<std::string> defaults_;
  std::vector<CellActivation> activations_;  // of the direction that is being written
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
