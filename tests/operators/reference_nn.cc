// Matrix products, windows, normalizations, recurrence, attention, quantization.
#include <algorithm>
#include <cmath>
#include <limits>

#include "reference.h"

namespace sardonyx::operators {
namespace {

using Node = const ReferenceNode&;
using Index = std::vector<int64_t>;

const Array* Given(const Arrays& in, size_t i) { return i < in.size() && in[i] ? &*in[i] : nullptr; }

// --- matrices ---

// a [..., m, k] by b [..., k, n]; `from_a` and `from_b` are taken off first (zero points: one, or one a row or column).
Array MatMul(Array a, Array b, const Array* zero_a, const Array* zero_b) {
  const bool vector_a = a.rank() == 1, vector_b = b.rank() == 1;
  if (vector_a) a.dims.insert(a.dims.begin(), 1);
  if (vector_b) b.dims.push_back(1);
  const int64_t m = a.dims[static_cast<size_t>(a.rank() - 2)], k = a.dims.back(), n = b.dims.back();
  const size_t batches = static_cast<size_t>(std::max(a.rank(), b.rank()) - 2);
  Index batch(batches, 1);
  for (const Array* x : {&a, &b})
    for (size_t d = 0; d < static_cast<size_t>(x->rank() - 2); ++d) {
      const size_t place = batches - static_cast<size_t>(x->rank() - 2) + d;
      if (x->dims[d] != 1) batch[place] = x->dims[d];
    }
  Index dims = batch;
  dims.insert(dims.end(), {m, n});
  Array y(dims);
  const auto element = [&](const Array& x, const Index& i, int64_t row, int64_t column) {
    Index own(i.begin() + static_cast<std::ptrdiff_t>(batches) - (x.rank() - 2), i.begin() + static_cast<std::ptrdiff_t>(batches));
    for (size_t d = 0; d < own.size(); ++d)
      if (x.dims[d] == 1) own[d] = 0;
    own.insert(own.end(), {row, column});
    return x.at(own);
  };
  const auto zero = [](const Array* z, int64_t i) { return z == nullptr ? 0.0 : z->values[z->size() == 1 ? 0 : static_cast<size_t>(i)]; };
  ForEachIndex(dims, [&](const Index& i) {
    const int64_t row = i[batches], column = i[batches + 1];
    double sum = 0;
    for (int64_t l = 0; l < k; ++l) sum += (element(a, i, row, l) - zero(zero_a, row)) * (element(b, i, l, column) - zero(zero_b, column));
    y.at(i) = sum;
  });
  if (vector_b) y.dims.pop_back();
  if (vector_a) y.dims.erase(y.dims.end() - (vector_b ? 1 : 2));
  return y;
}

Array Transposed(const Array& x) {
  Array y({x.dims[1], x.dims[0]});
  ForEachIndex(x.dims, [&](const Index& i) { y.at(Index{i[1], i[0]}) = x.at(i); });
  return y;
}

std::vector<Array> Gemm(Node node, const Arrays& in) {
  Array y = MatMul(node.Int("transA") ? Transposed(*in[0]) : *in[0], node.Int("transB") ? Transposed(*in[1]) : *in[1], nullptr, nullptr);
  for (double& v : y.values) v *= node.Float("alpha", 1);
  if (const Array* c = Given(in, 2))
    ForEachIndex(y.dims, [&](const Index& i) {
      Index own(i.end() - c->rank(), i.end());
      for (size_t d = 0; d < own.size(); ++d)
        if (c->dims[d] == 1) own[d] = 0;
      y.at(i) += node.Float("beta", 1) * c->at(own);
    });
  return {y};
}

double Activated(Node node, double x, double alpha, double beta, const char* attribute = "activation") {
  const std::string name = node.String(attribute);
  if (name == "Relu") return std::max(x, 0.0);
  if (name == "LeakyRelu") return x < 0 ? alpha * x : x;
  if (name == "HardSigmoid") return std::clamp(alpha * x + beta, 0.0, 1.0);
  return x;
}

std::vector<Array> FusedGemm(Node node, const Arrays& in) {
  std::vector<Array> y = Gemm(node, in);
  for (double& v : y[0].values) v = Activated(node, v, node.Float("activation_alpha"), node.Float("activation_beta"));
  return y;
}

std::vector<Array> Linear(Node node, const Arrays& in) {
  Array y = MatMul(*in[0], node.Int("transW") ? Transposed(*in[1]) : *in[1], nullptr, nullptr);
  const std::vector<float> parameters = node.node.GetFloats("activation_params");
  for (size_t i = 0; i < y.values.size(); ++i) {
    double v = y.values[i] + (Given(in, 2) != nullptr ? in[2]->values[i % in[2]->values.size()] : 0);
    v += Given(in, 3) != nullptr ? in[3]->values[i] : 0;
    y.values[i] = Activated(node, v, parameters.empty() ? 0 : parameters[0], parameters.size() < 2 ? 0 : parameters[1]);
  }
  return {y};
}

// Steps of the suite's lines only.
std::vector<Array> Elementwise(Node node, const Arrays& in) {
  Array y = *in[0];
  const std::vector<std::string> steps = node.node.GetStrings("steps");
  const Index operands = node.Ints("operands");
  for (size_t s = 0; s < steps.size(); ++s) {
    const Array* other = operands[s] != 0 ? &*in[static_cast<size_t>(std::abs(operands[s]))] : nullptr;
    ForEachIndex(y.dims, [&](const Index& i) {
      Index own = other != nullptr ? Index(i.end() - other->rank(), i.end()) : Index();
      for (size_t d = 0; d < own.size(); ++d)
        if (other->dims[d] == 1) own[d] = 0;
      double a = y.at(i), b = other != nullptr ? other->at(own) : 0;
      if (operands[s] < 0) std::swap(a, b);
      y.at(i) = steps[s] == "Add" ? a + b : steps[s] == "Sub" ? a - b : steps[s] == "Mul" ? a * b : steps[s] == "Relu" ? std::max(a, 0.0) : std::tanh(a);
    });
  }
  return {y};
}

// --- windows ---

struct Window {
  Index kernel, strides, dilations, begin, end, output;
};

Window MakeWindow(Node node, const Array& x, const Index& kernel) {
  const size_t rank = kernel.size();
  Window w{kernel, node.Ints("strides"), node.Ints("dilations"), {}, {}, {}};
  w.strides.resize(rank, 1);
  w.dilations.resize(rank, 1);
  Index pads = node.Ints("pads");
  pads.resize(2 * rank, 0);
  const std::string automatic = node.String("auto_pad", "NOTSET");
  for (size_t d = 0; d < rank; ++d) {
    const int64_t size = x.dims[d + 2], extent = (kernel[d] - 1) * w.dilations[d] + 1, stride = w.strides[d];
    int64_t begin = pads[d], end = pads[rank + d], output = 0;
    if (automatic == "VALID") begin = end = 0;
    if (automatic.starts_with("SAME")) {
      output = (size + stride - 1) / stride;
      const int64_t total = std::max<int64_t>(0, (output - 1) * stride + extent - size);
      begin = automatic == "SAME_UPPER" ? total / 2 : total - total / 2;
      end = total - begin;
    } else {
      const int64_t room = size + begin + end - extent;
      output = room / stride + 1;
      // A last window that is partly outside, unless it begins in the padding behind.
      if (node.Int("ceil_mode") != 0 && automatic != "VALID" && room % stride != 0 && output * stride < size + begin) ++output;
    }
    w.begin.push_back(begin);
    w.end.push_back(end);
    w.output.push_back(output);
  }
  return w;
}

// Where tap `k` of output `o` lies in x; false outside.
bool Locate(const Window& w, const Array& x, const Index& o, const Index& k, Index& place) {
  for (size_t d = 0; d < k.size(); ++d) {
    place[d + 2] = o[d + 2] * w.strides[d] - w.begin[d] + k[d] * w.dilations[d];
    if (place[d + 2] < 0 || place[d + 2] >= x.dims[d + 2]) return false;
  }
  return true;
}

Array Conv(Node node, const Array& x, const Array& w, const Array* bias, const Array* zero_x, const Array* zero_w) {
  const Window window = MakeWindow(node, x, Index(w.dims.begin() + 2, w.dims.end()));
  Index dims = {x.dims[0], w.dims[0]};
  dims.insert(dims.end(), window.output.begin(), window.output.end());
  Array y(dims);
  const int64_t group = node.Int("group", 1), depth = w.dims[1], per_group = w.dims[0] / group;
  ForEachIndex(dims, [&](const Index& o) {
    double sum = bias != nullptr ? bias->values[static_cast<size_t>(o[1])] : 0;
    const double from_w = zero_w == nullptr ? 0 : zero_w->values[zero_w->size() == 1 ? 0 : static_cast<size_t>(o[1])];
    ForEachIndex(window.kernel, [&](const Index& k) {
      Index place = o, tap = {o[1], 0};
      tap.insert(tap.end(), k.begin(), k.end());
      if (!Locate(window, x, o, k, place)) return;
      for (int64_t c = 0; c < depth; ++c) {
        place[1] = o[1] / per_group * depth + c;
        tap[1] = c;
        sum += (x.at(place) - (zero_x != nullptr ? zero_x->values[0] : 0)) * (w.at(tap) - from_w);
      }
    });
    y.at(o) = sum;
  });
  return y;
}

std::vector<Array> FusedConv(Node node, const Arrays& in) {
  Array y = Conv(node, *in[0], *in[1], Given(in, 2), nullptr, nullptr);
  const std::vector<float> parameters = node.node.GetFloats("activation_params");
  for (size_t i = 0; i < y.values.size(); ++i) {
    const double x = y.values[i] + (Given(in, 3) != nullptr ? in[3]->values[i] : 0);
    y.values[i] = Activated(node, x, parameters.empty() ? 0 : parameters[0], parameters.size() < 2 ? 0 : parameters[1]);
  }
  return {y};
}

std::vector<Array> PointwiseDepthwiseConv(Node node, const Arrays& in) {
  const Array &x = *in[0], &w = *in[1];
  const Array* bias = Given(in, 2);
  Array wide({x.dims[0], w.dims[0], x.dims[2], x.dims[3]});
  ForEachIndex(wide.dims, [&](const Index& i) {
    double sum = bias != nullptr ? bias->values[static_cast<size_t>(i[1])] : 0;
    for (int64_t c = 0; c < x.dims[1]; ++c) sum += x.at(Index{i[0], c, i[2], i[3]}) * w.at(Index{i[1], c, 0, 0});
    wide.at(i) = Activated(node, sum, 0, 0, "pointwise_activation");
  });
  Array y = Conv(node, wide, *in[3], Given(in, 4), nullptr, nullptr);
  for (double& v : y.values) v = Activated(node, v, 0, 0);
  return {y};
}

// Only explicit pads.
std::vector<Array> ConvTranspose(Node node, const Arrays& in) {
  const Array &x = *in[0], &w = *in[1];
  const size_t rank = static_cast<size_t>(x.rank()) - 2;
  Index strides = node.Ints("strides"), dilations = node.Ints("dilations"), pads = node.Ints("pads"), extra = node.Ints("output_padding");
  strides.resize(rank, 1);
  dilations.resize(rank, 1);
  pads.resize(2 * rank, 0);
  extra.resize(rank, 0);
  const int64_t group = node.Int("group", 1), depth = x.dims[1] / group;
  Index dims = {x.dims[0], w.dims[1] * group};
  for (size_t d = 0; d < rank; ++d)
    dims.push_back((x.dims[d + 2] - 1) * strides[d] + extra[d] + (w.dims[d + 2] - 1) * dilations[d] + 1 - pads[d] - pads[rank + d]);
  Array y(dims);
  if (const Array* bias = Given(in, 2)) ForEachIndex(dims, [&](const Index& o) { y.at(o) = bias->values[static_cast<size_t>(o[1])]; });
  ForEachIndex(x.dims, [&](const Index& i) {
    ForEachIndex(Index(w.dims.begin() + 1, w.dims.end()), [&](const Index& k) {
      Index o = i, tap = {i[1]};
      tap.insert(tap.end(), k.begin(), k.end());
      o[1] = i[1] / depth * w.dims[1] + k[0];
      for (size_t d = 0; d < rank; ++d) {
        o[d + 2] = i[d + 2] * strides[d] + k[d + 1] * dilations[d] - pads[d];
        if (o[d + 2] < 0 || o[d + 2] >= dims[d + 2]) return;
      }
      y.at(o) += x.at(i) * w.at(tap);
    });
  });
  return {y};
}

// `f` makes the result of the values of a window and of the number of its places inside the padded input.
template <class F>
std::vector<Array> Pool(Node node, const Array& x, F f) {
  const Window w = MakeWindow(node, x, node.Ints("kernel_shape"));
  Index dims = {x.dims[0], x.dims[1]};
  dims.insert(dims.end(), w.output.begin(), w.output.end());
  Array y(dims);
  ForEachIndex(dims, [&](const Index& o) {
    std::vector<double> values;
    double places = 0;
    ForEachIndex(w.kernel, [&](const Index& k) {
      Index place = o;
      if (Locate(w, x, o, k, place)) values.push_back(x.at(place));
      bool padded = true;
      for (size_t d = 0; d < k.size(); ++d) {
        const int64_t at = o[d + 2] * w.strides[d] - w.begin[d] + k[d] * w.dilations[d];
        padded = padded && at < x.dims[d + 2] + w.end[d];
      }
      places += padded;
    });
    y.at(o) = f(values, places);
  });
  return {y};
}

std::vector<Array> MaxPool(Node node, const Arrays& in) {
  return Pool(node, *in[0], [](const std::vector<double>& v, double) { return *std::max_element(v.begin(), v.end()); });
}
std::vector<Array> AveragePool(Node node, const Arrays& in) {
  const bool counts = node.Int("count_include_pad") != 0;
  return Pool(node, *in[0], [&](const std::vector<double>& v, double places) {
    double sum = 0;
    for (double value : v) sum += value;
    return sum / (counts ? places : static_cast<double>(v.size()));
  });
}
std::vector<Array> LpPool(Node node, const Arrays& in) {
  const auto p = static_cast<double>(node.Int("p", 2));
  return Pool(node, *in[0], [&](const std::vector<double>& v, double) {
    double sum = 0;
    for (double value : v) sum += std::pow(std::abs(value), p);
    return std::pow(sum, 1 / p);
  });
}

// --- normalization ---

// Normalizes groups of elements: `group_of` numbers an element's group, `affine` gives its scale and bias.
template <class Group, class Affine>
Array Normalize(const Array& x, double epsilon, bool center, Group group_of, Affine affine) {
  std::vector<double> count, sum, squares;
  const auto grow = [&](size_t g) {
    if (g >= count.size()) count.resize(g + 1, 0), sum.resize(g + 1, 0), squares.resize(g + 1, 0);
  };
  ForEachIndex(x.dims, [&](const Index& i) {
    const size_t g = group_of(i);
    grow(g);
    count[g] += 1;
    sum[g] += center ? x.at(i) : 0;
  });
  ForEachIndex(x.dims, [&](const Index& i) {
    const size_t g = group_of(i);
    squares[g] += (x.at(i) - sum[g] / count[g]) * (x.at(i) - sum[g] / count[g]);
  });
  Array y = x;
  ForEachIndex(x.dims, [&](const Index& i) {
    const size_t g = group_of(i);
    const auto [scale, bias] = affine(i);
    y.at(i) = (x.at(i) - sum[g] / count[g]) / std::sqrt(squares[g] / count[g] + epsilon) * scale + bias;
  });
  return y;
}

double Element(const Array* x, size_t i, double fallback) { return x != nullptr ? x->values[i] : fallback; }

// LayerNormalization and RMSNormalization over the dims from `axis`; scale and bias have just those dims.
std::vector<Array> RowNormalization(Node node, const Arrays& in, bool center) {
  const Array& x = *in[0];
  const int64_t axis = node.Int("axis", -1), first = axis < 0 ? axis + x.rank() : axis;
  const auto flat = [&](const Index& i, int64_t begin, int64_t end) {
    int64_t offset = 0;
    for (int64_t d = begin; d < end; ++d) offset = offset * x.dims[static_cast<size_t>(d)] + i[static_cast<size_t>(d)];
    return static_cast<size_t>(offset);
  };
  return {Normalize(
      x, node.Float("epsilon", 1e-5), center, [&](const Index& i) { return flat(i, 0, first); },
      [&](const Index& i) {
        const size_t at = flat(i, first, x.rank());
        return std::pair(in[1]->values[at], Element(Given(in, 2), at, 0));
      })};
}

std::vector<Array> InstanceNormalization(Node node, const Arrays& in) {
  const Array& x = *in[0];
  return {Normalize(
      x, node.Float("epsilon", 1e-5), true, [&](const Index& i) { return static_cast<size_t>(i[0] * x.dims[1] + i[1]); },
      [&](const Index& i) { return std::pair(in[1]->values[static_cast<size_t>(i[1])], in[2]->values[static_cast<size_t>(i[1])]); })};
}

std::vector<Array> GroupNormalization(Node node, const Arrays& in) {
  const Array& x = *in[0];
  const int64_t groups = node.Int("num_groups", 1), per_group = x.dims[1] / groups;
  return {Normalize(
      x, node.Float("epsilon", 1e-5), true, [&](const Index& i) { return static_cast<size_t>(i[0] * groups + i[1] / per_group); },
      [&](const Index& i) { return std::pair(in[1]->values[static_cast<size_t>(i[1])], in[2]->values[static_cast<size_t>(i[1])]); })};
}

std::vector<Array> BatchNormalization(Node node, const Arrays& in) {
  if (node.Int("training_mode") != 0) return {};
  Array y = *in[0];
  ForEachIndex(y.dims, [&](const Index& i) {
    const auto c = static_cast<size_t>(i[1]);
    y.at(i) =
        (y.at(i) - in[3]->values[c]) / std::sqrt(in[4]->values[c] + node.Float("epsilon", 1e-5)) * in[1]->values[c] + in[2]->values[c];
  });
  return {y};
}

std::vector<Array> Lrn(Node node, const Arrays& in) {
  const Array& x = *in[0];
  Array y = x;
  const int64_t size = node.Int("size");
  ForEachIndex(x.dims, [&](const Index& i) {
    double squares = 0;
    for (int64_t c = std::max<int64_t>(0, i[1] - (size - 1) / 2); c <= std::min(x.dims[1] - 1, i[1] + size / 2); ++c) {
      Index other = i;
      other[1] = c;
      squares += x.at(other) * x.at(other);
    }
    y.at(i) = x.at(i) / std::pow(node.Float("bias", 1) + node.Float("alpha") / static_cast<double>(size) * squares, node.Float("beta"));
  });
  return {y};
}

// --- recurrence: forward, default activations, no lengths ---

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

std::vector<Array> Recurrent(Node node, const Arrays& in) {
  const Array &x = *in[0], &w = *in[1], &r = *in[2];
  const Array *bias = Given(in, 3), *start = Given(in, 5);
  const std::string op = node.node.op_type;
  if (node.String("direction", "forward") != "forward" || Given(in, 4) != nullptr) return {};
  const int64_t length = x.dims[0], batch = x.dims[1], size = x.dims[2], hidden = r.dims[2], gates = w.dims[1] / hidden;
  Array y({length, 1, batch, hidden});
  for (int64_t b = 0; b < batch; ++b) {
    std::vector<double> h(static_cast<size_t>(hidden), 0), c(static_cast<size_t>(hidden), 0);
    for (int64_t j = 0; j < hidden && start != nullptr; ++j) h[static_cast<size_t>(j)] = start->at(Index{0, b, j});
    for (int64_t t = 0; t < length; ++t) {
      // Of each gate: the part of the input with its bias, and that of the state with its own.
      std::vector<double> a(static_cast<size_t>(gates * hidden), 0), s(a.size(), 0);
      for (int64_t g = 0; g < gates * hidden; ++g) {
        const auto at = static_cast<size_t>(g);
        for (int64_t i = 0; i < size; ++i) a[at] += w.at(Index{0, g, i}) * x.at(Index{t, b, i});
        for (int64_t i = 0; i < hidden; ++i) s[at] += r.at(Index{0, g, i}) * h[static_cast<size_t>(i)];
        if (bias != nullptr) a[at] += bias->at(Index{0, g}), s[at] += bias->at(Index{0, gates * hidden + g});
      }
      const std::vector<double> before = h;
      for (int64_t j = 0; j < hidden; ++j) {
        const auto gate = [&](int64_t g) { return static_cast<size_t>(g * hidden + j); };
        const auto own = static_cast<size_t>(j);
        if (op == "RNN") {
          h[own] = std::tanh(a[gate(0)] + s[gate(0)]);
        } else if (op == "LSTM") {
          c[own] = Sigmoid(a[gate(2)] + s[gate(2)]) * c[own] + Sigmoid(a[gate(0)] + s[gate(0)]) * std::tanh(a[gate(3)] + s[gate(3)]);
          h[own] = Sigmoid(a[gate(1)] + s[gate(1)]) * std::tanh(c[own]);
        } else {
          const double z = Sigmoid(a[gate(0)] + s[gate(0)]);
          double inner = 0;
          if (node.Int("linear_before_reset") != 0) {
            inner = Sigmoid(a[gate(1)] + s[gate(1)]) * s[gate(2)];
          } else {
            for (int64_t i = 0; i < hidden; ++i)
              inner += r.at(Index{0, 2 * hidden + j, i}) *
                       Sigmoid(a[static_cast<size_t>(hidden + i)] + s[static_cast<size_t>(hidden + i)]) * before[static_cast<size_t>(i)];
            if (bias != nullptr) inner += bias->at(Index{0, 5 * hidden + j});
          }
          h[own] = (1 - z) * std::tanh(a[gate(2)] + inner) + z * before[own];
        }
      }
      for (int64_t j = 0; j < hidden; ++j) y.at(Index{t, 0, b, j}) = h[static_cast<size_t>(j)];
    }
  }
  return {y};
}

// --- attention of four dims, without past ---

std::vector<Array> Attention(Node node, const Arrays& in) {
  const Array &q = *in[0], &k = *in[1], &v = *in[2];
  const Array* mask = Given(in, 3);
  const int64_t heads = q.dims[1], share = heads / k.dims[1], rows = q.dims[2], keys = k.dims[2], size = q.dims[3];
  const double scale = node.Float("scale", 0) != 0 ? node.Float("scale") : 1 / std::sqrt(static_cast<double>(size));
  Array y({q.dims[0], heads, rows, v.dims[3]});
  ForEachIndex(Index{q.dims[0], heads, rows}, [&](const Index& at) {
    std::vector<double> score;
    for (int64_t j = 0; j < keys; ++j) {
      double dot = 0;
      for (int64_t d = 0; d < size; ++d) dot += q.at(Index{at[0], at[1], at[2], d}) * k.at(Index{at[0], at[1] / share, j, d});
      dot *= scale;
      if (const double cap = node.Float("softcap"); cap > 0) dot = cap * std::tanh(dot / cap);
      if (mask != nullptr) dot += mask->at(Index{at[2], j});
      if (node.Int("is_causal") != 0 && j > at[2]) dot = -std::numeric_limits<double>::infinity();
      score.push_back(dot);
    }
    const double peak = *std::max_element(score.begin(), score.end());
    double sum = 0;
    for (double& s : score) sum += s = std::exp(s - peak);
    for (int64_t d = 0; d < v.dims[3]; ++d) {
      double value = 0;
      for (int64_t j = 0; j < keys; ++j) value += score[static_cast<size_t>(j)] / sum * v.at(Index{at[0], at[1] / share, j, d});
      y.at(Index{at[0], at[1], at[2], d}) = value;
    }
  });
  return {y};
}

// --- quantization: one scale, or one along `axis` ---

std::vector<Array> Dequantize(Node node, const Arrays& in) {
  Array y = *in[0];
  const Array &scale = *in[1], *zero = Given(in, 2);
  const int64_t axis = node.Int("axis", 1), a = axis < 0 ? axis + y.rank() : axis;
  ForEachIndex(y.dims, [&](const Index& i) {
    const size_t at = scale.size() == 1 ? 0 : static_cast<size_t>(i[static_cast<size_t>(a)]);
    y.at(i) = (y.at(i) - Element(zero, at, 0)) * scale.values[at];
  });
  return {y};
}

const std::vector<ReferenceEntry>& Entries() {
  static const std::vector<ReferenceEntry> entries = {
      {"MatMul", [](Node, const Arrays& in) { return std::vector<Array>{MatMul(*in[0], *in[1], nullptr, nullptr)}; }},
      {"MatMulInteger", [](Node, const Arrays& in) { return std::vector<Array>{MatMul(*in[0], *in[1], Given(in, 2), Given(in, 3))}; }},
      {"Gemm", Gemm, 7},
      {"com.microsoft.FusedGemm", FusedGemm},
      {"sardonyx.Linear", Linear},
      {"sardonyx.Elementwise", Elementwise},
      {"com.microsoft.FusedConv", FusedConv},
      {"sardonyx.PointwiseDepthwiseConv", PointwiseDepthwiseConv},
      {"Conv", [](Node n, const Arrays& in) { return std::vector<Array>{Conv(n, *in[0], *in[1], Given(in, 2), nullptr, nullptr)}; }},
      {"ConvInteger",
       [](Node n, const Arrays& in) { return std::vector<Array>{Conv(n, *in[0], *in[1], nullptr, Given(in, 2), Given(in, 3))}; }},
      {"ConvTranspose", ConvTranspose},
      {"MaxPool", MaxPool},
      {"AveragePool", AveragePool},
      {"LpPool", LpPool},
      {"LayerNormalization", [](Node n, const Arrays& in) { return RowNormalization(n, in, true); }},
      {"RMSNormalization", [](Node n, const Arrays& in) { return RowNormalization(n, in, false); }},
      {"InstanceNormalization", InstanceNormalization},
      {"GroupNormalization", GroupNormalization, 21},
      {"BatchNormalization", BatchNormalization, 9},
      {"LRN", Lrn},
      {"RNN", Recurrent},
      {"GRU", Recurrent},
      {"LSTM", Recurrent},
      {"Attention", Attention},
      {"DequantizeLinear", Dequantize},
  };
  return entries;
}

}  // namespace

std::span<const ReferenceEntry> NeuralReferences() { return Entries(); }

}  // namespace sardonyx::operators
