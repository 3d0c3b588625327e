#include "import/pytorch/arch/net.h"

#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx::pytorch::arch {
namespace {

// [n, m] -> [m, n], of elements of any size.
StatusOr<Tensor> Transposed(const Tensor& matrix) {
  const int64_t n = matrix.dims()[0], m = matrix.dims()[1];
  ASSIGN_OR_RETURN(Tensor out, Tensor::Allocate(matrix.dtype(), Dims{m, n}));
  if (n * m == 0) return out;
  const size_t size = matrix.byte_size() / static_cast<size_t>(n * m);
  const char* from = static_cast<const char*>(matrix.raw_data());
  char* to = static_cast<char*>(out.mutable_raw_data());
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < m; ++j) std::memcpy(to + static_cast<size_t>(j * n + i) * size, from + static_cast<size_t>(i * m + j) * size, size);
  return out;
}

}  // namespace

V Net::Weight(const std::string& name) {
  StatusOr<Tensor> tensor = weights.Load(name);
  if (!tensor.ok()) {
    b.Fail(tensor.status());
    return nullptr;
  }
  return b.Weight(name, *std::move(tensor));
}

V Net::TransposedWeight(const std::string& name) {
  StatusOr<Tensor> loaded = weights.Load(name);
  if (loaded.ok() && loaded->rank() != 2) loaded = Invalid(fmt::format("weight '{}' is {}, not a matrix", name, loaded->TypeString()));
  StatusOr<Tensor> matrix = loaded.ok() ? Transposed(*loaded) : std::move(loaded);
  if (!matrix.ok()) {
    b.Fail(matrix.status());
    return nullptr;
  }
  return b.Weight(name, *std::move(matrix));
}

std::vector<float> Net::Numbers(const std::string& name) {
  const StatusOr<Tensor> loaded = weights.Load(name);
  if (!loaded.ok()) {
    b.Fail(loaded.status());
    return {};
  }
  const Tensor tensor = loaded->Aligned();
  std::vector<float> numbers(static_cast<size_t>(tensor.num_elements()));
  const auto copy = [&]<class T>(T) {
    for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(tensor.data<T>()[i]);
  };
  switch (tensor.dtype()) {
    case DataType::kFloat: copy(float{}); break;
    case DataType::kDouble: copy(double{}); break;
    case DataType::kFloat16: copy(Float16{}); break;
    case DataType::kBfloat16: copy(BFloat16{}); break;
    default:
      Fail(fmt::format("weight '{}' is {}, not a float", name, tensor.TypeString()));
      return {};
  }
  return numbers;
}

V Net::Constant(const std::string& name, const Dims& dims, const std::vector<float>& numbers) {
  const DataType type = weights.entries().empty() ? DataType::kFloat : DataTypeOfFloats();
  if (static_cast<int64_t>(numbers.size()) != dims.num_elements()) {
    Fail(fmt::format("'{}' has {} numbers where {} has room", name, numbers.size(), dims.ToString()));
    return nullptr;
  }
  switch (type) {
    case DataType::kFloat16: {
      std::vector<Float16> narrow;
      for (const float v : numbers) narrow.emplace_back(v);
      return b.Weight(name, Tensor::From<Float16>(dims, narrow));
    }
    case DataType::kBfloat16: {
      std::vector<BFloat16> narrow;
      for (const float v : numbers) narrow.emplace_back(v);
      return b.Weight(name, Tensor::From<BFloat16>(dims, narrow));
    }
    case DataType::kDouble:
      return b.Weight(name, Tensor::From<double>(dims, std::vector<double>(numbers.begin(), numbers.end())));
    default:
      return b.Weight(name, Tensor::From<float>(dims, numbers));
  }
}

DataType Net::DataTypeOfFloats() const {
  for (const auto& [name, entry] : weights.entries())
    if (IsFloatingPoint(entry.dtype)) return entry.dtype;
  return DataType::kFloat;
}

V Net::Conv(V x, const std::string& path, const ConvOptions& options) {
  b.SetPlace(path);
  const std::string weight = path + ".weight";
  if (weights.Has(weight) && weights.Rank(weight) != 4) Fail(fmt::format("weight '{}' has rank {}, not the 4 of a convolution", weight, weights.Rank(weight)));
  const int64_t height = weights.Size(weight, 2), width = weights.Size(weight, 3), depth = weights.Size(weight, 1);
  if (depth == 0 || height == 0 || width == 0) {
    Fail(fmt::format("the checkpoint has no convolution '{}'", path));
    return nullptr;
  }
  const int64_t channels = Channels(x);
  if (channels % depth != 0) Fail(fmt::format("'{}' takes {} channels a group, and gets {}", path, depth, channels));
  const auto pad = [&](int64_t kernel) { return options.padding >= 0 ? options.padding : options.dilation * (kernel - 1) / 2; };
  std::vector<V> inputs = {x, Weight(weight)};
  if (weights.Has(path + ".bias")) inputs.push_back(Weight(path + ".bias"));
  return b.Op("Conv", inputs,
              {{"kernel_shape", {height, width}},
               {"strides", {options.stride, options.stride}},
               {"pads", {pad(height), pad(width), pad(height), pad(width)}},
               {"dilations", {options.dilation, options.dilation}},
               {"group", std::max<int64_t>(1, channels / depth)}});
}

V Net::BatchNorm(V x, const std::string& path, double eps) {
  b.SetPlace(path);
  return b.Op("BatchNormalization",
              {x, Weight(path + ".weight"), Weight(path + ".bias"), Weight(path + ".running_mean"), Weight(path + ".running_var")},
              {{"epsilon", eps}});
}

V Net::LayerNorm(V x, const std::string& path, double eps) {
  b.SetPlace(path);
  return b.Op("LayerNormalization", {x, Weight(path + ".weight"), Weight(path + ".bias")}, {{"axis", -1}, {"epsilon", eps}});
}

V Net::LayerNorm2d(V x, const std::string& path, double eps) {
  b.SetPlace(path);
  return ToChannelsFirst(LayerNorm(ToChannelsLast(x), path, eps));
}

V Net::Linear(V x, const std::string& path, V bias) {
  b.SetPlace(path);
  const std::string weight = path + ".weight";
  if (!bias && weights.Has(path + ".bias")) bias = Weight(path + ".bias");
  if (b.known_rank(x) == 2u) {
    std::vector<V> inputs = {x, Weight(weight)};
    if (bias) inputs.push_back(bias);
    return b.Op("Gemm", inputs, {{"transB", 1}});
  }
  const V y = b.Op("MatMul", {x, TransposedWeight(weight)});
  return bias ? b.Add(y, bias) : y;
}

V Net::Activate(V x, Act act) {
  switch (act) {
    case Act::kNone:
      return x;
    case Act::kRelu:
      return b.Op("Relu", {x});
    case Act::kRelu6:
      return b.Op("Clip", {x, b.NumberLike(0, x), b.NumberLike(6, x)});
    case Act::kSilu:
      return b.Mul(x, b.Op("Sigmoid", {x}));
    case Act::kHardSwish:
      return b.Op("HardSwish", {x});
    case Act::kGelu:
      if (b.Has("Gelu")) return b.Op("Gelu", {x});
      return b.Mul(b.Mul(x, b.Add(b.Op("Erf", {b.Div(x, b.NumberLike(std::sqrt(2.0), x))}), b.NumberLike(1, x))), b.NumberLike(0.5, x));
    case Act::kSigmoid:
      return b.Op("Sigmoid", {x});
    case Act::kHardSigmoid:
      return b.Op("HardSigmoid", {x}, {{"alpha", 1.0 / 6}, {"beta", 0.5}});
    case Act::kTanh:
      return b.Op("Tanh", {x});
  }
  return x;
}

V Net::ConvNormAct(V x, const std::string& path, Act act, const ConvOptions& options, double eps) {
  return Activate(BatchNorm(Conv(x, path + ".0", options), path + ".1", eps), act);
}

V Net::SqueezeExcite(V x, const std::string& path, Act inner, Act gate) {
  b.SetPlace(path);
  const V squeezed = Activate(Conv(b.Op("GlobalAveragePool", {x}), path + ".fc1"), inner);
  return b.Mul(x, Activate(Conv(squeezed, path + ".fc2"), gate));
}

V Net::MaxPool(V x, const PoolOptions& o) {
  return b.Op("MaxPool", {x},
              {{"kernel_shape", {o.kernel, o.kernel}},
               {"strides", {o.stride, o.stride}},
               {"pads", {o.padding, o.padding, o.padding, o.padding}},
               {"ceil_mode", o.ceil_mode ? 1 : 0}});
}

V Net::AveragePool(V x, const PoolOptions& o) {
  return b.Op("AveragePool", {x},
              {{"kernel_shape", {o.kernel, o.kernel}},
               {"strides", {o.stride, o.stride}},
               {"pads", {o.padding, o.padding, o.padding, o.padding}},
               {"count_include_pad", 1}});
}

V Net::GlobalAverage(V x) { return Flatten(b.Op("GlobalAveragePool", {x})); }

V Net::AdaptiveAverage(V x, int64_t size) {
  const auto height = b.static_dim(x, 2), width = b.static_dim(x, 3);
  if (height && width && *height % size == 0 && *width % size == 0) {
    if (*height == size && *width == size) return x;
    return b.Op("AveragePool", {x}, {{"kernel_shape", {*height / size, *width / size}}, {"strides", {*height / size, *width / size}}});
  }
  // Row i of the mean over [floor(i n / size), ceil((i + 1) n / size)) of n elements, as a matrix [size, n].
  const auto weights_of = [&](int64_t axis) {
    const V n = b.SizeOf(x, axis), one = b.Int(1), count = b.Int(size);
    const V i = b.Unsqueeze(b.Op("Range", {b.Int(0), count, one}), {1});
    const V begin = b.Div(b.Mul(i, n), count);
    const V end = b.Div(b.Add(b.Mul(b.Add(i, one), n), b.Int(size - 1)), count);
    const V at = b.Unsqueeze(b.Op("Range", {b.Int(0), n, one}), {0});
    const V inside = b.Op("And", {b.Op("GreaterOrEqual", {at, begin}), b.Op("Less", {at, end})});
    return b.Div(b.Cast(inside, b.dtype(x)), b.Cast(b.Sub(end, begin), b.dtype(x)));
  };
  return b.Op("MatMul", {b.Op("MatMul", {weights_of(2), x}), b.Transpose(weights_of(3), {1, 0})});
}

V Net::Attention(V q, V k, V v, double scale, V mask) {
  if (b.Has("Attention")) {
    std::vector<V> inputs = {q, k, v};
    if (mask) inputs.push_back(mask);
    return b.Op("Attention", inputs, {{"scale", scale}});
  }
  V scores = b.Op("MatMul", {b.Mul(q, b.NumberLike(scale, q)), b.Transpose(k, {0, 1, 3, 2})});
  if (mask) scores = b.Add(scores, mask);
  return b.Op("MatMul", {b.Op("Softmax", {scores}, {{"axis", -1}}), v});
}

std::vector<V> Net::SplitHeads(V qkv, int64_t heads) {
  const int64_t length = Size(qkv, 1, "length"), width = Size(qkv, 2, "width") / 3;
  if (heads <= 0 || width % heads != 0) {
    Fail(fmt::format("'{}': {} channels cannot be {} heads", b.place(), width, heads));
    return {nullptr, nullptr, nullptr};
  }
  std::vector<V> parts = b.Ops("Split", {qkv, b.Ints({width, width, width})}, 3, {{"axis", 2}});
  for (V& part : parts) part = b.Transpose(b.Reshape(part, {-1, length, heads, width / heads}), {0, 2, 1, 3});
  return parts;
}

V Net::JoinHeads(V x) {
  const int64_t heads = Size(x, 1, "heads"), length = Size(x, 2, "length"), width = Size(x, 3, "width");
  return b.Reshape(b.Transpose(x, {0, 2, 1, 3}), {-1, length, heads * width});
}

int64_t Net::Size(V x, int64_t axis, std::string_view what) {
  if (!b.ok()) return 1;
  const auto size = b.static_dim(x, axis);
  if (!size) Fail(fmt::format("'{}': the {} must be known: give the input's shape with --input", b.place(), what));
  return size.value_or(1);
}

}  // namespace sardonyx::pytorch::arch
