// Elements in another order or with more around them: flips, shuffles, windows, padding.
#include <algorithm>
#include <limits>

#include "import/pytorch/rules/families.h"
#include "import/pytorch/rules/helpers.h"

namespace sardonyx::pytorch::rules {
namespace {

constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();

V Reverse(Call& c, V x, int64_t axis) { return c.b.Slice(x, axis, -1, std::numeric_limits<int64_t>::min() + 1, -1); }
Outputs Flip(Call& c) {
  V x = c.tensor("self");
  const std::vector<int64_t> axes = c.param() == "lr"   ? std::vector<int64_t>{1}
                                    : c.param() == "ud" ? std::vector<int64_t>{0}
                                                        : c.Ints("dims");
  for (const int64_t axis : axes) x = Reverse(c, x, NormalAxis(axis, c.rank("self")));
  return x;
}
V Rolled(Call& c, V x, int64_t axis, V shift) {
  // The last `shift` elements go to the front.
  const std::optional<std::vector<int64_t>> known = c.b.constant_ints(shift);
  const std::optional<int64_t> size = c.b.static_dim(x, axis);
  if (known && known->size() == 1 && size) {
    const int64_t by = *size == 0 ? 0 : (((*known)[0] % *size) + *size) % *size;
    if (by == 0) return x;
    return c.b.Concat({c.b.Slice(x, axis, *size - by, kEnd), c.b.Slice(x, axis, 0, *size - by)}, axis);
  }
  V total = c.b.SizeOf(x, axis);
  V at = c.b.Sub(total, c.b.Op("Mod", {shift, total}));
  return c.b.Concat({c.b.Slice(x, axis, at, c.b.Int(kEnd)), c.b.Slice(x, axis, c.b.Int(0), at)}, axis);
}
Outputs Roll(Call& c) {
  V x = c.tensor("self");
  const IValue& shifts = c.arg("shifts");
  const std::vector<int64_t> dims = c.Ints("dims");
  if (dims.empty()) {
    V flat = Rolled(c, c.b.Flatten(x), 0, c.ToNumber(shifts.is_list() ? shifts.list().at(0) : shifts));
    return c.b.Reshape(flat, c.b.ShapeOf(x));
  }
  for (size_t i = 0; i < dims.size(); ++i)
    x = Rolled(c, x, NormalAxis(dims[i], c.rank("self")), c.ToNumber(shifts.is_list() ? shifts.list().at(i) : shifts));
  return x;
}
Outputs Rot90(Call& c) {
  V x = c.tensor("self");
  const int64_t times = ((c.Int("k", 1) % 4) + 4) % 4;
  std::vector<int64_t> dims = c.Ints("dims", {0, 1});
  for (int64_t& axis : dims) axis = NormalAxis(axis, c.rank("self"));
  if (dims.size() != 2) return c.Unsupported("rot90 needs two axes");
  if (times == 0) return x;
  if (times == 2) return Reverse(c, Reverse(c, x, dims[0]), dims[1]);
  if (times == 1) return c.b.SwapAxes(Reverse(c, x, dims[1]), dims[0], dims[1]);
  return Reverse(c, c.b.SwapAxes(x, dims[0], dims[1]), dims[1]);
}

// [.., c, h, w] with c divided: PyTorch's order is that of ONNX's CRD.
Outputs PixelShuffle(Call& c) {
  V x = c.tensor("self");
  const int64_t rank = c.rank("self");
  const bool shuffle = c.param() == "up";
  const int64_t r = c.Int(shuffle ? "upscale_factor" : "downscale_factor");
  std::vector<V> lead, sizes;
  for (int64_t i = 0; i < rank - 3; ++i) lead.push_back(c.b.SizeOf(x, i));
  if (rank != 4) {
    std::vector<V> four = {c.b.Int(-1)};
    for (int64_t i = rank - 3; i < rank; ++i) four.push_back(c.b.SizeOf(x, i));
    x = c.b.Reshape(x, c.b.Stack1D(four));
  }
  V y;
  if (shuffle) {
    y = c.b.Op("DepthToSpace", {x}, {{"blocksize", r}, {"mode", "CRD"}});
  } else {
    V n = c.b.SizeOf(x, 0), ch = c.b.SizeOf(x, 1), h = c.b.Div(c.b.SizeOf(x, 2), c.b.Int(r)), w = c.b.Div(c.b.SizeOf(x, 3), c.b.Int(r));
    V split = c.b.Reshape(x, c.b.Stack1D({n, ch, h, c.b.Int(r), w, c.b.Int(r)}));
    y = c.b.Reshape(c.b.Transpose(split, {0, 1, 3, 5, 2, 4}), c.b.Stack1D({n, c.b.Mul(ch, c.b.Int(r * r)), h, w}));
  }
  if (rank == 4) return y;
  for (int64_t i = 1; i < 4; ++i) lead.push_back(c.b.SizeOf(y, i));
  return c.b.Reshape(y, c.b.Stack1D(lead));
}
Outputs ChannelShuffle(Call& c) {
  V x = c.tensor("self");
  const int64_t rank = c.rank("self"), groups = c.Int("groups");
  std::vector<V> split = {c.b.SizeOf(x, 0), c.b.Int(groups), c.b.Div(c.b.SizeOf(x, 1), c.b.Int(groups))}, sizes;
  for (int64_t i = 0; i < rank; ++i) sizes.push_back(c.b.SizeOf(x, i));
  split.insert(split.end(), sizes.begin() + 2, sizes.end());
  return c.b.Reshape(c.b.SwapAxes(c.b.Reshape(x, c.b.Stack1D(split)), 1, 2), c.b.Stack1D(sizes));
}

Outputs Unfold(Call& c) {
  // Windows along an axis become a last axis.
  V x = c.tensor("self");
  const int64_t axis = c.Axis("dimension", c.rank("self")), size = c.Int("size"), step = c.Int("step");
  const int64_t rank = c.rank("self");
  if (rank == 0) return c.b.Reshape(x, {1});
  V count = c.b.Add(c.b.Div(c.b.Sub(c.b.SizeOf(x, axis), c.b.Int(size)), c.b.Int(step)), c.b.Int(1));
  V starts = c.b.Mul(Arange(c.b, count), c.b.Int(step));
  V indices = c.b.Add(c.b.Unsqueeze(starts, {1}), c.b.Unsqueeze(Arange(c.b, c.b.Int(size)), {0}));
  V windows = c.b.Gather(x, indices, axis);  // [..., count, size, ...]
  std::vector<int64_t> perm;
  for (int64_t i = 0; i <= rank; ++i)
    if (i != axis + 1) perm.push_back(i);
  perm.push_back(axis + 1);
  return c.b.Transpose(windows, perm);
}

Outputs Pad(Call& c) {
  V x = c.tensor("self");
  const int64_t rank = c.rank("self");
  const std::string_view name = c.is_none("pad") ? "padding" : "pad";
  std::string mode = c.param().empty() ? c.String("mode", "constant") : std::string(c.param());
  if (mode == "replicate") mode = "edge";
  if (mode == "circular") mode = "wrap";
  // PyTorch: pairs from the last axis on; ONNX: all begins, then all ends.
  IValue::List pairs = c.arg(name).list();
  const auto axes = static_cast<int64_t>(pairs.size() / 2);
  if (axes > rank) return c.Unsupported("more padded axes than the tensor has");
  // Negative ones cut off: of a circle before it is closed, of what is repeated or reflected when that is done.
  std::vector<std::pair<int64_t, int64_t>> cuts;  // axis, from which a positive number takes the first and a negative one the last
  for (size_t i = 0; mode != "constant" && i < static_cast<size_t>(2 * axes); ++i) {
    if (!pairs[i].is_int() || pairs[i].integer() >= 0) continue;
    cuts.emplace_back(rank - 1 - static_cast<int64_t>(i / 2), i % 2 == 0 ? -pairs[i].integer() : pairs[i].integer());
    pairs[i] = IValue(int64_t{0});
  }
  const auto cut = [&](V value) {
    for (const auto& one : cuts)
      value = one.second > 0 ? c.b.Slice(value, one.first, one.second, kEnd) : c.b.Slice(value, one.first, 0, one.second);
    return value;
  };
  if (mode == "wrap") x = cut(x);
  if (mode == "wrap" && !c.IsStatic(name)) return c.Unsupported("circular padding by a symbolic size");
  if (mode == "wrap") {
    for (int64_t i = 0; i < axes; ++i) {
      const int64_t axis = rank - 1 - i, before = pairs[static_cast<size_t>(2 * i)].integer(),
                    after = pairs[static_cast<size_t>(2 * i) + 1].integer();
      std::vector<V> parts;
      if (before > 0) parts.push_back(c.b.Slice(x, axis, -before, kEnd));
      parts.push_back(x);
      if (after > 0) parts.push_back(c.b.Slice(x, axis, 0, after));
      x = c.b.Concat(parts, axis);
    }
    return x;
  }
  std::vector<V> begins(static_cast<size_t>(rank), c.b.Int(0)), ends = begins;
  bool any = false;
  for (int64_t i = 0; i < axes; ++i) {
    const IValue &before = pairs[static_cast<size_t>(2 * i)], &after = pairs[static_cast<size_t>(2 * i) + 1];
    begins[static_cast<size_t>(rank - 1 - i)] = c.ToNumber(before);
    ends[static_cast<size_t>(rank - 1 - i)] = c.ToNumber(after);
    any |= !(before.is_int() && before.integer() == 0 && after.is_int() && after.integer() == 0);
  }
  if (!any) return mode == "wrap" ? x : cut(x);
  begins.insert(begins.end(), ends.begin(), ends.end());
  V pads = c.b.Stack1D(begins);
  const bool flag = c.b.dtype(x) == DataType::kBool;
  if (flag) x = c.b.Cast(x, DataType::kInt32);
  V value = mode == "constant" && !c.is_none("value") ? c.NumberAs("value", c.b.dtype(x)) : nullptr;
  V y = mode == "constant" ? c.b.Op("Pad", {x, pads, value}) : cut(c.b.Op("Pad", {x, pads}, {{"mode", mode}}));
  return flag ? c.b.Cast(y, DataType::kBool) : y;
}

Outputs Tril(Call& c) {
  V x = c.tensor("self");
  V k = c.is_none("diagonal") || (c.arg("diagonal").is_int() && c.Int("diagonal") == 0) ? nullptr : c.Number("diagonal");
  // ONNX Runtime's Trilu knows few types: booleans go through integers.
  const DataType type = c.b.dtype(x);
  if (type == DataType::kBool) {
    V y = c.b.Op("Trilu", {c.b.Cast(x, DataType::kInt64), k}, {{"upper", c.param() == "upper" ? 1 : 0}});
    return c.b.Cast(y, type);
  }
  return c.b.Op("Trilu", {x, k}, {{"upper", c.param() == "upper" ? 1 : 0}});
}

constexpr RuleRow kRows[] = {
    {"aten.flip", Flip, ""},
    {"aten.fliplr", Flip, "lr"},
    {"aten.flipud", Flip, "ud"},
    {"aten.roll", Roll},
    {"aten.rot90", Rot90},
    {"aten.pixel_shuffle", PixelShuffle, "up"},
    {"aten.pixel_unshuffle", PixelShuffle, "down"},
    {"aten.channel_shuffle", ChannelShuffle},
    {"aten.native_channel_shuffle", ChannelShuffle},
    {"aten.unfold", Unfold},
    {"aten.unfold_copy", Unfold},
    {"aten.pad", Pad, ""},
    {"aten.constant_pad_nd", Pad, "constant"},
    {"aten._pad_enum", Pad, "constant"},
    {"aten.reflection_pad1d", Pad, "reflect"},
    {"aten.reflection_pad2d", Pad, "reflect"},
    {"aten.reflection_pad3d", Pad, "reflect"},
    {"aten.replication_pad1d", Pad, "edge"},
    {"aten.replication_pad2d", Pad, "edge"},
    {"aten.replication_pad3d", Pad, "edge"},
    {"aten._pad_circular", Pad, "wrap"},
    {"aten.tril", Tril, "lower"},
    {"aten.triu", Tril, "upper"},
};

}  // namespace

std::span<const RuleRow> Arranging() { return kRows; }

}  // namespace sardonyx::pytorch::rules
