// RNN, GRU and LSTM.
#include <algorithm>

#include "base/status_macros.h"
#include "optimize/version/adapter.h"

namespace sardonyx::optimize::version {
namespace {

// Until opset 6 the sequence of outputs was optional by an attribute; it is there for whoever reads it.
Status OutputSequenceUp(NodeEditor& e) {
  if (e.Has("output_sequence")) e.SetChanged();
  e.Remove("output_sequence");
  return {};
}

Status OutputSequenceDown(NodeEditor& e) {
  if (!e.WantsOutput(0)) return {};
  e.Set("output_sequence", int64_t{1});
  e.SetChanged();
  return {};
}

// Version 1 misspells the default direction.
Status GruUp(NodeEditor& e) {
  if (!e.Has("direction") || e.String("direction") == "foward") e.Set("direction", std::string("forward"));
  e.SetChanged();
  return {};
}

Status GruDown(NodeEditor& e) {
  if (!e.node().output(1)) return Unsupported("opset 1 needs its output Y_h");
  if (e.Int("linear_before_reset") != 0) return Unsupported("linear_before_reset = 1 came with opset 3");
  if (!e.Has("direction")) e.Set("direction", std::string("forward"));
  e.SetChanged();
  return {};
}

// Batch first: transposed on the way in and out. `state_inputs`: the first and last input that are states.
Status LayoutDown(NodeEditor& e) {
  if (e.Int("layout") == 0) return {};
  e.Remove("layout");
  e.SetChanged();
  const auto transposed = [](std::vector<int64_t> perm) { return std::vector{ir::Attribute("perm", std::move(perm))}; };
  // X is [batch,seq,size], the states (initial_h, initial_c) are [batch,directions,size].
  for (const size_t i : {size_t{0}, size_t{5}, size_t{6}})
    if (e.HasInput(i)) e.SetInput(i, e.AddNode("Transpose", {e.node().input(i)}, transposed({1, 0, 2}), e.InputName(i)));
  // Y is [seq,directions,batch,size] in one layout and [batch,seq,directions,size] in the other.
  for (size_t i = 0; i < e.node().outputs().size(); ++i) {
    if (!e.node().output(i)) continue;
    const auto [fresh, old] = e.DetachOutput(i);
    fresh->type = ir::Type::Tensor(fresh->type.dtype);
    e.AddNodeBehind("Transpose", {fresh}, transposed(i == 0 ? std::vector<int64_t>{2, 0, 1, 3} : std::vector<int64_t>{1, 0, 2}), old);
  }
  return {};
}

constexpr Adapter kRows[] = {
    {"RNN", 7, OutputSequenceUp, OutputSequenceDown},
    {"GRU", 3, GruUp, GruDown},
    {"GRU", 7, OutputSequenceUp, OutputSequenceDown},
    {"LSTM", 7, OutputSequenceUp, OutputSequenceDown},
    {"RNN", 14, nullptr, LayoutDown},
    {"GRU", 14, nullptr, LayoutDown},
    {"LSTM", 14, nullptr, LayoutDown},
};

}  // namespace

std::span<const Adapter> RecurrentAdapters() { return kRows; }

}  // namespace sardonyx::optimize::version
