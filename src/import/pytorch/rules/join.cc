// Joining tensors and taking them apart.
#include <algorithm>
#include <limits>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();

Outputs Concatenate(Call& c) {
  const IValue& list = c.arg("tensors");
  std::vector<IValue> parts = list.is_list() ? list.list() : std::vector<IValue>{list};
  bool is_complex = false;
  DataType type = c.PromotedType(parts);
  std::vector<V> values;
  size_t rank = 0;
  for (const IValue& part : parts) is_complex |= part.is_tensor() && part.tensor().is_complex;
  for (const IValue& part : parts) {
    V value = is_complex ? part.tensor().value : c.b.Cast(c.ToTensor(part), type);
    // An empty vector is left out, whatever the others' rank.
    if (!is_complex && c.b.known_rank(value) == size_t{1} && c.b.dim(value, 0).is_constant(0) && parts.size() > 1) continue;
    rank = std::max(rank, c.b.rank(value));
    values.push_back(value);
  }
  if (values.empty()) return c.b.Cast(c.ToTensor(parts.at(0)), type);
  const int64_t axis = c.Axis("dim", static_cast<int64_t>(rank) - (is_complex ? 1 : 0), 0);
  return TensorValue{c.b.Concat(values, axis), is_complex, {}, {}};
}
Outputs Stack(Call& c) {
  const IValue::List& parts = c.arg("tensors").list();
  DataType type = c.PromotedType(parts);
  std::vector<V> values;
  // Complex numbers as their pairs, whose axis stays the last.
  const auto complex = [](const IValue& part) { return part.is_tensor() && part.tensor().is_complex; };
  const bool is_complex = !parts.empty() && std::all_of(parts.begin(), parts.end(), complex);
  for (const IValue& part : parts) values.push_back(is_complex ? part.tensor().value : c.b.Cast(c.ToTensor(part), type));
  if (values.empty()) return c.Unsupported("a stack of no tensors");
  const int64_t axis = c.Axis("dim", static_cast<int64_t>(c.b.rank(values[0])) + (is_complex ? 0 : 1), 0);
  for (V& value : values) value = c.b.Unsqueeze(value, {axis});
  return TensorValue{c.b.Concat(values, axis), is_complex, {}, {}};
}
// hstack, vstack, dstack, column_stack, row_stack.
Outputs StackAlong(Call& c) {
  std::vector<V> values = c.tensors("tensors");
  int64_t axis = 0;
  for (V& value : values) {
    const size_t rank = c.b.rank(value);
    if (c.param() == "h") {
      if (rank == 0) value = c.b.Reshape(value, {1});
      axis = rank <= 1 ? 0 : 1;
    } else if (c.param() == "v") {
      if (rank < 2) value = c.b.Reshape(value, {1, -1});
    } else if (c.param() == "d") {
      if (rank < 2) value = c.b.Reshape(value, {1, -1});
      if (rank < 3) value = c.b.Unsqueeze(value, {2});
      axis = 2;
    } else {
      if (rank < 2) value = c.b.Reshape(value, {-1, 1});
      axis = 1;
    }
  }
  return c.b.Concat(values, axis);
}

// Pieces of x along an axis, at these sizes.
std::vector<V> Pieces(Call& c, V x, int64_t axis, const std::vector<int64_t>& sizes) {
  if (sizes.size() == 1) return {x};
  return c.b.Ops("Split", {x, c.b.Ints(sizes)}, sizes.size(), {{"axis", axis}});
}
// How many tensors the source makes of one; 0 where it is a list that does not say.
int64_t WrittenPieces(Call& c) {
  const auto& outputs = c.node().outputs;
  return outputs.size() == 1 && outputs[0]->kind == Kind::kList ? 0 : static_cast<int64_t>(outputs.size());
}
std::vector<V> EqualPieces(Call& c, V x, int64_t axis, int64_t size) {
  const std::optional<int64_t> total = c.b.static_dim(x, axis);
  if (!total) {
    // The number of pieces is the source's own.
    const int64_t count = WrittenPieces(c);
    if (count == 0) return {c.Unsupported("a split of an axis whose size is not known into a list of unknown length")};
    std::vector<V> pieces;
    for (int64_t i = 0; i < count; ++i) pieces.push_back(c.b.Slice(x, axis, i * size, i + 1 == count ? kEnd : (i + 1) * size));
    return pieces;
  }
  std::vector<int64_t> sizes;
  for (int64_t at = 0; at < *total && size > 0; at += size) sizes.push_back(std::min(size, *total - at));
  if (sizes.empty()) sizes.push_back(0);
  return Pieces(c, x, axis, sizes);
}
Outputs Split(Call& c) {
  V x = c.tensor("self");
  const int64_t axis = c.Axis("dim", c.rank("self"), 0);
  const std::string_view name = c.is_none("split_sizes") ? "split_size" : "split_sizes";
  if (!c.arg(name).is_list()) {
    if (c.IsStatic(name)) return EqualPieces(c, x, axis, c.Int(name));
    const int64_t count = WrittenPieces(c);
    if (count == 0) return c.Unsupported("a split into a list of unknown length");
    V size = c.Number(name);
    std::vector<V> pieces;
    for (int64_t i = 0; i < count; ++i)
      pieces.push_back(c.b.Slice(x, axis, c.b.Mul(c.b.Int(i), size), i + 1 == count ? c.b.Int(kEnd) : c.b.Mul(c.b.Int(i + 1), size)));
    return pieces;
  }
  if (c.IsStatic(name)) return Pieces(c, x, axis, c.Ints(name));
  const size_t count = c.arg(name).list().size();
  return c.b.Ops("Split", {x, c.IntVector(name)}, count, {{"axis", axis}});
}
Outputs Chunk(Call& c) {
  V x = c.tensor("self");
  const int64_t axis = c.Axis("dim", c.rank("self"), 0), chunks = c.Int("chunks");
  const std::optional<int64_t> size = c.b.static_dim(x, axis);
  if (size && chunks > 0) return EqualPieces(c, x, axis, std::max<int64_t>(1, (*size + chunks - 1) / chunks));
  if (chunks <= 0) return c.Unsupported("a number of chunks below 1");
  // ceil(size / chunks) each; the last ones may be missing, but the source says how many there are.
  const auto count = c.node().outputs.size() > 1 ? static_cast<int64_t>(c.node().outputs.size()) : chunks;
  V each = c.b.Div(c.b.Add(c.b.SizeOf(x, axis), c.b.Int(chunks - 1)), c.b.Int(chunks));
  std::vector<V> pieces;
  for (int64_t i = 0; i < count; ++i)
    pieces.push_back(c.b.Slice(x, axis, c.b.Mul(c.b.Int(i), each), i + 1 == count ? c.b.Int(kEnd) : c.b.Mul(c.b.Int(i + 1), each)));
  return pieces;
}
Outputs TensorSplit(Call& c) {
  V x = c.tensor("self");
  const int64_t axis = c.Axis("dim", c.rank("self"), 0);
  const std::optional<int64_t> total = c.b.static_dim(x, axis);
  std::vector<int64_t> starts = {0};
  const IValue& either = c.arg("tensor_indices_or_sections");
  std::optional<int64_t> count;
  if (either.is_tensor()) {
    const std::optional<std::vector<int64_t>> known = c.b.constant_ints(either.tensor().value);
    if (const std::optional<int64_t> places = c.b.static_dim(either.tensor().value, 0); !known && places) {
      V at = c.b.Cast(either.tensor().value, DataType::kInt64), begin = c.b.Int(0);
      std::vector<V> pieces;
      for (int64_t i = 0; i <= *places; ++i) {
        V end = i < *places ? c.b.Gather(at, c.b.Int(i), 0) : c.b.Int(kEnd);
        pieces.push_back(c.b.Slice(x, axis, begin, end));
        begin = end;
      }
      return pieces;
    }
    if (!known) return c.Unsupported("tensor_split into a number of pieces that depends on the input");
    if (c.b.known_rank(either.tensor().value) == size_t{0})
      count = known->at(0);
    else
      starts.insert(starts.end(), known->begin(), known->end());
  }
  if (either.is_tensor() && !count) {
    // The places are known already.
  } else if (!c.is_none("indices")) {
    for (const int64_t at : c.Ints("indices")) starts.push_back(at);
  } else {
    const int64_t sections = count ? *count : c.Int("sections");
    if (sections < 1) return c.Unsupported("a split into no sections");
    if (!total) {
      // The first ones are longer by one.
      V size = c.b.SizeOf(x, axis), each = c.b.Div(size, c.b.Int(sections)), longer = c.b.Op("Mod", {size, c.b.Int(sections)});
      const auto begin = [&](int64_t i) { return c.b.Add(c.b.Mul(c.b.Int(i), each), c.b.Op("Min", {c.b.Int(i), longer})); };
      std::vector<V> pieces;
      for (int64_t i = 0; i < sections; ++i)
        pieces.push_back(c.b.Slice(x, axis, begin(i), i + 1 < sections ? begin(i + 1) : c.b.Int(kEnd)));
      return pieces;
    }
    for (int64_t i = 1; i < sections; ++i) starts.push_back(i * (*total / sections) + std::min(i, *total % sections));
  }
  std::vector<V> pieces;
  for (size_t i = 0; i < starts.size(); ++i) pieces.push_back(c.b.Slice(x, axis, starts[i], i + 1 < starts.size() ? starts[i + 1] : kEnd));
  return pieces;
}
// hsplit, vsplit, dsplit: tensor_split along an axis that the name says.
Outputs SplitAlong(Call& c) {
  const int64_t axis = c.param() == "v" ? 0 : c.param() == "d" ? 2 : c.rank("self") == 1 ? 0 : 1;
  const bool places = !c.is_none("indices");
  Outputs outputs;
  outputs.values = c.translator.Apply(places ? "aten.tensor_split.indices" : "aten.tensor_split.sections",
                                      {c.arg("self"), c.arg(places ? "indices" : "sections"), IValue(axis)});
  return outputs;
}
Outputs Unbind(Call& c) {
  V x = c.tensor("self");
  const int64_t axis = c.Axis("dim", c.rank("self"), 0);
  const std::optional<int64_t> known = c.b.static_dim(x, axis);
  const int64_t count = known.value_or(WrittenPieces(c));
  if (!known && count == 0) return c.Unsupported("unbind of an axis whose size is not known");
  std::vector<V> parts;
  for (int64_t i = 0; i < count; ++i) parts.push_back(c.b.Gather(x, c.b.Int(i), axis));
  return IValue::MakeList(Outputs(parts).values);
}

Outputs AtLeast(Call& c) {
  const bool many = !c.is_none("tensors");
  std::vector<V> values = many ? c.tensors("tensors") : std::vector<V>{c.tensor("self")};
  for (V& value : values) {
    const size_t rank = c.b.rank(value);
    if (c.param() == "1" && rank == 0) value = c.b.Reshape(value, {1});
    if (c.param() == "2") value = rank == 0 ? c.b.Reshape(value, {1, 1}) : rank == 1 ? c.b.Unsqueeze(value, {0}) : value;
    if (c.param() == "3")
      value = rank == 0   ? c.b.Reshape(value, {1, 1, 1})
              : rank == 1 ? c.b.Unsqueeze(value, {0, 2})
              : rank == 2 ? c.b.Unsqueeze(value, {2})
                          : value;
  }
  return values;
}

constexpr RuleRow kRows[] = {
    {"aten.cat", Concatenate},
    {"aten.concat", Concatenate},
    {"aten.concatenate", Concatenate},
    {"aten.stack", Stack},
    {"aten._stack", Stack},
    {"aten.hstack", StackAlong, "h"},
    {"aten.vstack", StackAlong, "v"},
    {"aten.row_stack", StackAlong, "v"},
    {"aten.dstack", StackAlong, "d"},
    {"aten.column_stack", StackAlong, "c"},
    {"aten.split.Tensor", Split},
    {"aten.split.sizes", Split},
    {"aten.split.default", Split},
    {"aten.unsafe_split", Split},
    {"aten.split_copy", Split},
    {"aten.split_with_sizes", Split},
    {"aten.split_with_sizes_copy", Split},
    {"aten.unsafe_split_with_sizes", Split},
    {"aten.chunk", Chunk},
    {"aten.unsafe_chunk", Chunk},
    {"aten.tensor_split", TensorSplit},
    {"aten.hsplit", SplitAlong, "h"},
    {"aten.vsplit", SplitAlong, "v"},
    {"aten.dsplit", SplitAlong, "d"},
    {"aten.unbind", Unbind},
    {"aten.unbind_copy", Unbind},
    {"aten.atleast_1d", AtLeast, "1"},
    {"aten.atleast_2d", AtLeast, "2"},
    {"aten.atleast_3d", AtLeast, "3"},
};

}  // namespace

std::span<const RuleRow> Joining() { return kRows; }

}  // namespace sardonyx::pytorch::rules
