// Operators that move elements, by the index that each output element comes from.
#include <algorithm>
#include <cmath>

#include "reference.h"

namespace sardonyx::operators {
namespace {

using Node = const ReferenceNode&;
using Index = std::vector<int64_t>;

Index Integers(const Arrays& in, size_t i) {
  Index values;
  if (i < in.size() && in[i])
    for (double v : in[i]->values) values.push_back(static_cast<int64_t>(std::clamp(v, -1e18, 1e18)));
  return values;
}
size_t Axis(int64_t axis, const Array& x) { return static_cast<size_t>(axis < 0 ? axis + x.rank() : axis); }

template <class F>
std::vector<Array> From(const Array& x, Index dims, F place) {
  Array y(std::move(dims));
  ForEachIndex(y.dims, [&](const Index& o) { y.at(o) = x.at(place(o)); });
  return {y};
}

std::vector<Array> Transpose(Node node, const Arrays& in) {
  const Array& x = *in[0];
  Index perm = node.Ints("perm"), dims;
  for (int64_t d = x.rank(); perm.size() < x.dims.size();) perm.push_back(--d);
  for (int64_t p : perm) dims.push_back(x.dims[static_cast<size_t>(p)]);
  return From(x, dims, [&](const Index& o) {
    Index i(o.size());
    for (size_t d = 0; d < o.size(); ++d) i[static_cast<size_t>(perm[d])] = o[d];
    return i;
  });
}

std::vector<Array> Slice(Node, const Arrays& in) {
  const Array& x = *in[0];
  const Index starts = Integers(in, 1), ends = Integers(in, 2);
  Index axes = Integers(in, 3), steps = Integers(in, 4);
  if (axes.empty())
    for (size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<int64_t>(i));
  steps.resize(starts.size(), 1);
  Index dims = x.dims, first(x.dims.size(), 0), step(x.dims.size(), 1);
  for (size_t i = 0; i < axes.size(); ++i) {
    const size_t a = Axis(axes[i], x);
    const int64_t n = x.dims[a], s = steps[i];
    int64_t begin = starts[i] < 0 ? starts[i] + n : starts[i], end = ends[i] < 0 ? ends[i] + n : ends[i];
    begin = s > 0 ? std::clamp<int64_t>(begin, 0, n) : std::clamp<int64_t>(begin, 0, n - 1);
    end = s > 0 ? std::clamp<int64_t>(end, 0, n) : std::clamp<int64_t>(end, -1, n - 1);
    first[a] = begin;
    step[a] = s;
    dims[a] = std::max<int64_t>(0, static_cast<int64_t>(std::ceil(static_cast<double>(end - begin) / static_cast<double>(s))));
  }
  return From(x, dims, [&](Index o) {
    for (size_t d = 0; d < o.size(); ++d) o[d] = first[d] + o[d] * step[d];
    return o;
  });
}

std::vector<Array> Gather(Node node, const Arrays& in) {
  const Array &x = *in[0], &indices = *in[1];
  const size_t a = Axis(node.Int("axis"), x), r = indices.dims.size();
  Index dims(x.dims.begin(), x.dims.begin() + static_cast<std::ptrdiff_t>(a));
  dims.insert(dims.end(), indices.dims.begin(), indices.dims.end());
  dims.insert(dims.end(), x.dims.begin() + static_cast<std::ptrdiff_t>(a) + 1, x.dims.end());
  return From(x, dims, [&](const Index& o) {
    const auto at = o.begin() + static_cast<std::ptrdiff_t>(a);
    auto row = static_cast<int64_t>(indices.at(Index(at, at + static_cast<std::ptrdiff_t>(r))));
    Index i(o.begin(), at);
    i.push_back(row < 0 ? row + x.dims[a] : row);
    i.insert(i.end(), at + static_cast<std::ptrdiff_t>(r), o.end());
    return i;
  });
}

std::vector<Array> GatherElements(Node node, const Arrays& in) {
  const Array &x = *in[0], &indices = *in[1];
  const size_t a = Axis(node.Int("axis"), x);
  return From(x, indices.dims, [&](Index o) {
    const auto row = static_cast<int64_t>(indices.at(o));
    o[a] = row < 0 ? row + x.dims[a] : row;
    return o;
  });
}

std::vector<Array> ScatterElements(Node node, const Arrays& in) {
  Array y = *in[0];
  const size_t a = Axis(node.Int("axis"), y);
  const std::string reduction = node.String("reduction", "none");
  ForEachIndex(in[1]->dims, [&](const Index& i) {
    Index o = i;
    const auto row = static_cast<int64_t>(in[1]->at(i));
    o[a] = row < 0 ? row + y.dims[a] : row;
    double& to = y.at(o);
    const double value = in[2]->at(i);
    to = reduction == "add"   ? to + value
         : reduction == "mul" ? to * value
         : reduction == "max" ? std::max(to, value)
         : reduction == "min" ? std::min(to, value)
                              : value;
  });
  return {y};
}

std::vector<Array> Concat(Node node, const Arrays& in) {
  const size_t a = Axis(node.Int("axis"), *in[0]);
  Index dims = in[0]->dims;
  dims[a] = 0;
  for (const auto& x : in) dims[a] += x->dims[a];
  Array y(dims);
  int64_t offset = 0;
  for (const auto& x : in) {
    ForEachIndex(x->dims, [&](const Index& i) {
      Index o = i;
      o[a] += offset;
      y.at(o) = x->at(i);
    });
    offset += x->dims[a];
  }
  return {y};
}

std::vector<Array> Pad(Node node, const Arrays& in) {
  const Array& x = *in[0];
  const Index pads = Integers(in, 1);
  const std::string mode = node.String("mode", "constant");
  const double fill = in.size() > 2 && in[2] ? in[2]->values[0] : 0;
  Index dims = x.dims;
  const size_t rank = dims.size();
  for (size_t d = 0; d < rank; ++d) dims[d] += pads[d] + pads[rank + d];
  Array y(dims, fill);
  ForEachIndex(dims, [&](const Index& o) {
    Index i = o;
    for (size_t d = 0; d < rank; ++d) {
      const int64_t n = x.dims[d];
      i[d] -= pads[d];
      if (mode == "constant" && (i[d] < 0 || i[d] >= n)) return;
      if (mode == "edge") i[d] = std::clamp<int64_t>(i[d], 0, n - 1);
      if (mode == "wrap") i[d] = (i[d] % n + n) % n;
      while (mode == "reflect" && (i[d] < 0 || i[d] >= n)) i[d] = i[d] < 0 ? -i[d] : 2 * (n - 1) - i[d];
    }
    y.at(o) = x.at(i);
  });
  return {y};
}

std::vector<Array> Tile(Node, const Arrays& in) {
  const Array& x = *in[0];
  const Index repeats = Integers(in, 1);
  Index dims = x.dims;
  for (size_t d = 0; d < dims.size(); ++d) dims[d] *= repeats[d];
  return From(x, dims, [&](Index o) {
    for (size_t d = 0; d < o.size(); ++d) o[d] %= x.dims[d];
    return o;
  });
}

std::vector<Array> Expand(Node, const Arrays& in) {
  const Array& x = *in[0];
  Index dims = Integers(in, 1);
  while (dims.size() < x.dims.size()) dims.insert(dims.begin(), 1);
  const size_t before = dims.size() - x.dims.size();
  for (size_t d = 0; d < x.dims.size(); ++d)
    if (x.dims[d] != 1) dims[before + d] = x.dims[d];
  return From(x, dims, [&](const Index& o) {
    Index i(o.begin() + static_cast<std::ptrdiff_t>(before), o.end());
    for (size_t d = 0; d < i.size(); ++d)
      if (x.dims[d] == 1) i[d] = 0;
    return i;
  });
}

std::vector<Array> Trilu(Node node, const Arrays& in) {
  Array y = *in[0];
  const int64_t k = in.size() > 1 && in[1] ? static_cast<int64_t>(in[1]->values[0]) : 0;
  ForEachIndex(y.dims, [&](const Index& i) {
    const int64_t distance = i[i.size() - 1] - i[i.size() - 2];
    if (node.Int("upper", 1) != 0 ? distance < k : distance > k) y.at(i) = 0;
  });
  return {y};
}

std::vector<Array> ExpandDims(Node, const Arrays& in) {
  Array y = *in[0];
  const auto axis = static_cast<int64_t>(in[1]->values[0]);
  y.dims.insert(y.dims.begin() + (axis < 0 ? axis + y.rank() + 1 : axis), 1);
  return {y};
}

const std::vector<ReferenceEntry>& Entries() {
  static const std::vector<ReferenceEntry> entries = {
      {"Transpose", Transpose},
      {"Slice", Slice, 10},
      {"Gather", Gather},
      {"GatherElements", GatherElements},
      {"ScatterElements", ScatterElements},
      {"Concat", Concat},
      {"Pad", Pad, 11},
      {"Tile", Tile, 6},
      {"Expand", Expand},
      {"Trilu", Trilu},
      {"com.microsoft.Trilu", Trilu},
      {"com.microsoft.ExpandDims", ExpandDims},
  };
  return entries;
}

}  // namespace

std::span<const ReferenceEntry> MovementReferences() { return Entries(); }

}  // namespace sardonyx::operators
