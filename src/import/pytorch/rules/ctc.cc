// Connectionist temporal classification: Graves et al., 2006, section 4.1, in logarithms.
#include <limits>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// x [batch, labels] moved on by `count` labels, what comes in being impossible.
V Moved(ops::GraphBuilder& b, V x, int64_t count) {
  V padded = b.Op("Pad", {x, b.Ints({0, count, 0, 0}), b.NumberLike(-kInfinity, x)});
  return b.Slice(padded, 1, b.Int(0), b.SizeOf(x, 1));
}

// log(exp(x) + ...), also where all are impossible.
V LogSum(ops::GraphBuilder& b, const std::vector<V>& terms) {
  V largest = terms.size() == 1 ? terms[0] : b.Op("Max", terms);
  V base = b.Where(b.Op("Equal", {largest, b.NumberLike(-kInfinity, largest)}), b.NumberLike(0, largest), largest);
  V sum = nullptr;
  for (V term : terms) {
    V part = b.Op("Exp", {b.Sub(term, base)});
    sum = sum ? b.Add(sum, part) : part;
  }
  return b.Add(b.Op("Log", {sum}), base);
}

// Targets one behind the other as a row for each of the batch, filled up with what is not looked at.
V TargetRows(ops::GraphBuilder& b, V targets, V lengths) {
  if (b.rank(targets) == 2) return targets;
  V longest = Maximum(b, lengths, {}, false);
  V begins = b.Sub(b.Op("CumSum", {lengths, b.Int(0)}), lengths);
  V at = b.Add(b.Unsqueeze(begins, {1}), b.Unsqueeze(Arange(b, longest), {0}));
  // One more element, so that there is a last one.
  V padded = b.Op("Pad", {targets, b.Ints({0, 1})});
  return b.Gather(padded, b.Op("Min", {at, b.SizeOf(targets, 0)}), 0);
}

struct Aligned {
  V loss;   // [batch]
  V alpha;  // [batch, time, labels]: log of the probability of all ways to a label
};
Aligned Align(Call& c, V probabilities, V targets, V input_lengths, V target_lengths) {
  ops::GraphBuilder& b = c.b;
  V blank = b.Int(c.Int("blank", 0));
  targets = TargetRows(b, b.Cast(targets, DataType::kInt64), target_lengths);
  // Labels with a blank before, between and behind: [batch, 2 targets + 1].
  V blanks = b.Expand(blank, b.ShapeOf(targets)), batch = b.SizeOf(targets, 0);
  V pairs = b.Concat({b.Unsqueeze(blanks, {2}), b.Unsqueeze(targets, {2})}, 2);
  V twice = b.Reshape(pairs, b.Stack1D({batch, b.Mul(b.SizeOf(targets, 1), b.Int(2))}));
  V labels = b.Concat({twice, b.Expand(blank, b.Stack1D({batch, b.Int(1)}))}, 1);
  // A blank may be left out between labels that differ.
  V before = b.Slice(b.Op("Pad", {labels, b.Ints({0, 2, 0, 0}), b.Int(-1)}), 1, b.Int(0), b.SizeOf(labels, 1));
  V position = b.Unsqueeze(Arange(b, b.SizeOf(labels, 1)), {0});
  V skips = b.Op("And", {Not(b, b.Op("Equal", {labels, before})), b.Op("Greater", {position, b.Int(1)})});
  V impossible = b.NumberLike(-kInfinity, probabilities);
  V index = b.Expand(b.Unsqueeze(labels, {0}), b.Concat({b.Slice(b.ShapeOf(probabilities), 0, 0, 1), b.ShapeOf(labels)}, 0));
  V emitted = b.Op("GatherElements", {probabilities, index}, {{"axis", 2}});  // [time, batch, labels]
  // Before the first step all is at the first blank.
  V start = b.Where(b.Op("Equal", {position, b.Int(0)}), b.NumberLike(0, impossible), impossible);
  start = b.Expand(start, b.ShapeOf(labels));
  V times = b.Unsqueeze(input_lengths, {1});
  const std::vector<V> made =
      b.Scan({start, b.Int(0)}, {emitted}, 1, false, [&](const std::vector<V>& state, const std::vector<V>& now) -> std::vector<V> {
        V alpha = state[0];
        V skipped = b.Where(skips, Moved(b, alpha, 2), impossible);
        V next = b.Add(LogSum(b, {alpha, Moved(b, alpha, 1), skipped}), now[0]);
        next = b.Where(b.Op("Less", {state[1], times}), next, alpha);
        return {next, b.Add(state[1], b.Int(1)), next};
      });
  // It ends at the last blank or the last label, if there is one.
  V last = b.Unsqueeze(b.Mul(target_lengths, b.Int(2)), {1});
  V at_blank = b.Op("GatherElements", {made[0], last}, {{"axis", 1}});
  V at_label = b.Op("GatherElements", {made[0], b.Op("Max", {b.Sub(last, b.Int(1)), b.Int(0)})}, {{"axis", 1}});
  at_label = b.Where(b.Op("Greater", {last, b.Int(0)}), at_label, impossible);
  V loss = b.Neg(b.Squeeze(LogSum(b, {at_blank, at_label}), {1}));
  return {loss, b.Transpose(made[2], {1, 0, 2})};
}

Outputs CtcLoss(Call& c) {
  ops::GraphBuilder& b = c.b;
  V probabilities = c.tensor("log_probs"), targets = c.tensor("targets");
  V input_lengths = c.IntVector("input_lengths"), target_lengths = c.IntVector("target_lengths");
  const bool single = b.rank(probabilities) == 2;
  if (single) {
    probabilities = b.Unsqueeze(probabilities, {1});
    if (b.rank(targets) == 1) targets = b.Unsqueeze(targets, {0});
  }
  Aligned made = Align(c, probabilities, targets, input_lengths, target_lengths);
  V zero = b.NumberLike(0, made.loss);
  if (c.Bool("zero_infinity", false)) made.loss = b.Where(b.Op("Equal", {made.loss, b.NumberLike(kInfinity, zero)}), zero, made.loss);
  if (c.param() == "raw") {
    if (single) return Outputs{b.Squeeze(made.loss, {0}), b.Squeeze(made.alpha, {0})};
    return Outputs{made.loss, made.alpha};
  }
  const int64_t reduction = c.Int("reduction", 1);
  if (reduction == 1) made.loss = b.Div(made.loss, b.Cast(b.Op("Max", {target_lengths, b.Int(1)}), b.dtype(zero)));
  if (reduction == 0) return single ? b.Squeeze(made.loss, {0}) : made.loss;
  return ReduceLoss(c, made.loss, reduction);
}

constexpr RuleRow kRows[] = {
    {"aten.ctc_loss", CtcLoss, ""},
    {"aten._ctc_loss", CtcLoss, "raw"},
};

}  // namespace

std::span<const RuleRow> CtcLosses() { return kRows; }

}  // namespace sardonyx::pytorch::rules
