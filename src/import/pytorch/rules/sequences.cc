// Sequences of several lengths, as torch.nn.utils.rnn packs them.
#include <limits>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

// Whether step t of sequence n is there: [time, batch].
V Present(ops::GraphBuilder& b, V steps, V lengths) {
  return b.Op("Less", {b.Unsqueeze(Arange(b, steps), {1}), b.Unsqueeze(lengths, {0})});
}

Outputs Padded(Call& c) {
  ops::GraphBuilder& b = c.b;
  std::vector<V> list = c.tensors("sequences");
  if (list.empty()) return c.Unsupported("pad_sequence of no sequences");
  const bool left = c.String("padding_side", "right") == "left";
  V longest = b.SizeOf(list[0], 0);
  for (const V& one : list) longest = b.dim(one, 0) == b.dim(list[0], 0) ? longest : b.Op("Max", {longest, b.SizeOf(one, 0)});
  for (V& one : list) {
    V lack = b.Sub(longest, b.SizeOf(one, 0)), zero = b.Int(0);
    one = b.Op("Pad", {one, left ? b.Stack1D({lack, zero}) : b.Stack1D({zero, lack}), c.NumberAs("padding_value", b.dtype(one)), b.Ints({0})});
    one = b.Unsqueeze(one, {c.Bool("batch_first", false) ? 0 : 1});
  }
  return b.Concat(list, c.Bool("batch_first", false) ? 0 : 1);
}

// The steps of all sequences, one step of all behind the other, without what is padding; and how many sequences have each step.
Outputs Packed(Call& c) {
  ops::GraphBuilder& b = c.b;
  V x = c.tensor("input"), lengths = b.Cast(c.tensor("lengths"), DataType::kInt64);
  if (c.Bool("batch_first")) x = b.SwapAxes(x, 0, 1);
  V present = Present(b, Maximum(b, lengths, {}, false), lengths);
  V rows = b.Transpose(b.Op("NonZero", {present}), {1, 0});
  return Outputs{b.Op("GatherND", {x, rows}), b.Reduce("ReduceSum", b.Cast(present, DataType::kInt64), {1}, false)};
}

Outputs Unpacked(Call& c) {
  ops::GraphBuilder& b = c.b;
  V data = c.tensor("data"), sizes = b.Cast(c.tensor("batch_sizes"), DataType::kInt64);
  V batch = b.Gather(sizes, b.Int(0), 0), steps = b.SizeOf(sizes, 0);
  V total = c.Int("total_length", -1) > 0 ? b.Int(c.Int("total_length")) : steps;
  V present = b.Op("Less", {b.Unsqueeze(Arange(b, batch), {0}), b.Unsqueeze(sizes, {1})});
  V shape = b.Concat({b.Stack1D({total, batch}), b.Slice(b.ShapeOf(data), 0, 1, std::numeric_limits<int64_t>::max())}, 0);
  V y = b.Op("ScatterND", {Full(b, shape, c.NumberAs("padding_value", b.dtype(data))), b.Transpose(b.Op("NonZero", {present}), {1, 0}), data});
  V lengths = b.Reduce("ReduceSum", b.Cast(present, DataType::kInt64), {0}, false);
  return Outputs{c.Bool("batch_first") ? b.SwapAxes(y, 0, 1) : y, lengths};
}

constexpr RuleRow kRows[] = {
    {"aten.pad_sequence", Padded},
    {"aten._pack_padded_sequence", Packed},
    {"aten._pad_packed_sequence", Unpacked},
};

}  // namespace

std::span<const RuleRow> Sequences() { return kRows; }

}  // namespace sardonyx::pytorch::rules
