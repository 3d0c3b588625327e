#include "validate/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "base/packed_bits.h"

namespace sardonyx::validate {
namespace {

// The packed element i of a type of less than 8 bits, as its bits.
uint8_t SubByte(const Tensor& tensor, int64_t i) {
  return PackedBits(static_cast<const uint8_t*>(tensor.raw_data()), static_cast<size_t>(i), BitsPerElement(tensor.dtype()));
}

template <class T>
double GetPacked(const Tensor& tensor, int64_t i) {
  return static_cast<double>(static_cast<float>(T::FromBits(SubByte(tensor, i))));
}

template <class T>
double Get(const Tensor& tensor, int64_t i) {
  return static_cast<double>(static_cast<float>(static_cast<const T*>(tensor.raw_data())[i]));
}

template <class T>
double GetExact(const Tensor& tensor, int64_t i) {
  return static_cast<double>(static_cast<const T*>(tensor.raw_data())[i]);
}

// The gap between a reference and the next number of its type.
double UlpOf(DataType type, double x) {
  if (type == DataType::kFloat) {
    const float f = std::fabs(static_cast<float>(x));
    return static_cast<double>(std::nextafter(f, std::numeric_limits<float>::infinity()) - f);
  }
  if (type == DataType::kDouble) return std::nextafter(std::fabs(x), std::numeric_limits<double>::infinity()) - std::fabs(x);
  return 0;
}

// 64-bit integers compare exactly even beyond what a double holds.
bool EqualIntegers(const Tensor& a, const Tensor& b, int64_t i, int64_t j) {
  return static_cast<const int64_t*>(a.raw_data())[i] == static_cast<const int64_t*>(b.raw_data())[j];
}

class Accumulator {
 public:
  Accumulator(TensorDifference* out, const Tolerance& tolerance) : out_(*out), tolerance_(tolerance) {}

  // Returns true when the pair is within tolerance.
  bool Add(double got, double expected, DataType type) {
    out_.nan_got += std::isnan(got);
    out_.nan_expected += std::isnan(expected);
    out_.inf_got += std::isinf(got);
    out_.inf_expected += std::isinf(expected);
    if (std::isnan(got) || std::isnan(expected)) return Count(std::isnan(got) && std::isnan(expected));
    if (std::isinf(got) || std::isinf(expected)) return Count(got == expected);
    const double error = std::fabs(got - expected);
    out_.largest = std::max(out_.largest, std::fabs(expected));
    const double relative = error == 0 || expected == 0 ? 0 : error / std::fabs(expected);
    out_.max_abs = std::max(out_.max_abs, error);
    out_.max_rel = std::max(out_.max_rel, relative);
    sum_abs_ += error;
    sum_rel_ += relative;
    dot_ += got * expected;
    norm_got_ += got * got;
    norm_expected_ += expected * expected;
    if (const double ulp = UlpOf(type, expected); ulp > 0) out_.max_ulp = std::max(out_.max_ulp, error / ulp);
    ++finite_;
    return Count(error <= tolerance_.atol + tolerance_.rtol * std::fabs(expected));
  }

  void Finish() {
    out_.relative = out_.largest > 0 ? out_.max_abs / out_.largest : out_.max_abs;
    if (finite_ > 0) {
      out_.mean_abs = sum_abs_ / static_cast<double>(finite_);
      out_.mean_rel = sum_rel_ / static_cast<double>(finite_);
    }
    if (norm_got_ > 0 && norm_expected_ > 0)
      out_.cosine = dot_ / std::sqrt(norm_got_) / std::sqrt(norm_expected_);
    else
      out_.cosine = norm_got_ == norm_expected_ ? 1 : 0;
  }

 private:
  bool Count(bool ok) {
    out_.mismatches += !ok;
    return ok;
  }
  TensorDifference& out_;
  const Tolerance& tolerance_;
  double sum_abs_ = 0, sum_rel_ = 0, dot_ = 0, norm_got_ = 0, norm_expected_ = 0;
  int64_t finite_ = 0;
};

std::string IndexString(const Dims& dims, int64_t flat) {
  Dims index(dims.rank(), 0);
  for (size_t d = dims.rank(); d-- > 0;) {
    index[d] = flat % dims[d];
    flat /= dims[d];
  }
  return index.ToString();
}

void CompareStrings(const Tensor& got, const Tensor& expected, TensorDifference* out) {
  const auto a = got.data<std::string>(), b = expected.data<std::string>();
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i]) continue;
    if (out->mismatches++ == 0)
      out->reason = fmt::format("'{}' for '{}' at {}", a[i], b[i], IndexString(got.dims(), static_cast<int64_t>(i)));
  }
}

void CompareNumbers(const Tensor& got, const Tensor& expected, const Tolerance& tolerance, TensorDifference* out) {
  Accumulator accumulator(out, tolerance);
  const bool wide = got.dtype() == DataType::kInt64 || got.dtype() == DataType::kUint64;
  const bool complex = got.dtype() == DataType::kComplex64 || got.dtype() == DataType::kComplex128;
  // Complex tensors are compared as twice as many reals.
  const DataType real = got.dtype() == DataType::kComplex64 ? DataType::kFloat : DataType::kDouble;
  const int64_t count = complex ? 2 * out->count : out->count;
  const Dims flat{count};
  const Tensor a = complex ? Tensor::FromShared(real, flat, got.owner()) : got;
  const Tensor b = complex ? Tensor::FromShared(real, flat, expected.owner()) : expected;
  int64_t first = -1;
  for (int64_t i = 0; i < count; ++i) {
    if (wide && EqualIntegers(a, b, i, i)) continue;
    if (!accumulator.Add(ElementAsDouble(a, i), ElementAsDouble(b, i), a.dtype()) && first < 0) first = i;
  }
  accumulator.Finish();
  if (first >= 0)
    out->reason =
        fmt::format("{} of {} differ, first at {}: {:.9g} for {:.9g}; max abs {:.3g}, max rel {:.3g}", out->mismatches, count,
                    IndexString(a.dims(), first), ElementAsDouble(a, first), ElementAsDouble(b, first), out->max_abs, out->max_rel);
}

// Entry i of a map's values as a scalar, whether they are one tensor or a sequence of tensors.
Value MapEntry(const Value& values, int64_t i) {
  if (values.is_sequence()) {
    const Value& entry = values.sequence()[static_cast<size_t>(i)];
    if (!entry.is_tensor() || entry.tensor().num_elements() != 1) return entry;
    return *entry.tensor().Reshaped({});
  }
  const Tensor& tensor = values.tensor();
  if (tensor.dtype() == DataType::kString) return Tensor::Scalar<std::string>(tensor.data<std::string>()[static_cast<size_t>(i)]);
  const size_t bytes = PackedBytes(tensor.dtype(), 1);
  StatusOr<Tensor> entry =
      Tensor::View(tensor.dtype(), {}, static_cast<const char*>(tensor.raw_data()) + static_cast<size_t>(i) * bytes, bytes, tensor.owner());
  return entry.ok() ? Value(*entry) : Value();
}

// Maps have no order: entries are matched by key.
std::string CompareMaps(const Value::MapData& got, const Value::MapData& expected, const Tolerance& tolerance) {
  if (got.keys.dtype() != expected.keys.dtype() || got.keys.num_elements() != expected.keys.num_elements())
    return fmt::format("keys {} for {}", got.keys.TypeString(), expected.keys.TypeString());
  const auto same_key = [&](int64_t i, int64_t j) {
    if (got.keys.dtype() == DataType::kString) return got.keys.data<std::string>()[i] == expected.keys.data<std::string>()[j];
    return EqualIntegers(got.keys, expected.keys, i, j);
  };
  for (int64_t j = 0; j < expected.keys.num_elements(); ++j) {
    int64_t i = 0;
    while (i < got.keys.num_elements() && !same_key(i, j)) ++i;
    if (i == got.keys.num_elements()) return fmt::format("key number {} is missing", j);
    if (std::string reason = CompareValues(MapEntry(got.values, i), MapEntry(expected.values, j), tolerance); !reason.empty())
      return fmt::format("value of key number {}: {}", j, reason);
  }
  return "";
}

}  // namespace

double ElementAsDouble(const Tensor& tensor, int64_t i) {
  switch (tensor.dtype()) {
    case DataType::kFloat:
      return GetExact<float>(tensor, i);
    case DataType::kDouble:
      return GetExact<double>(tensor, i);
    case DataType::kInt8:
      return GetExact<int8_t>(tensor, i);
    case DataType::kInt16:
      return GetExact<int16_t>(tensor, i);
    case DataType::kInt32:
      return GetExact<int32_t>(tensor, i);
    case DataType::kInt64:
      return GetExact<int64_t>(tensor, i);
    case DataType::kUint8:
      return GetExact<uint8_t>(tensor, i);
    case DataType::kUint16:
      return GetExact<uint16_t>(tensor, i);
    case DataType::kUint32:
      return GetExact<uint32_t>(tensor, i);
    case DataType::kUint64:
      return GetExact<uint64_t>(tensor, i);
    case DataType::kBool:
      return GetExact<uint8_t>(tensor, i) ? 1 : 0;
    case DataType::kFloat16:
      return Get<Float16>(tensor, i);
    case DataType::kBfloat16:
      return Get<BFloat16>(tensor, i);
    case DataType::kFloat8E4M3FN:
      return Get<Float8E4M3FN>(tensor, i);
    case DataType::kFloat8E4M3FNUZ:
      return Get<Float8E4M3FNUZ>(tensor, i);
    case DataType::kFloat8E5M2:
      return Get<Float8E5M2>(tensor, i);
    case DataType::kFloat8E5M2FNUZ:
      return Get<Float8E5M2FNUZ>(tensor, i);
    case DataType::kFloat8E8M0:
      return Get<Float8E8M0>(tensor, i);
    case DataType::kComplex64:
      return static_cast<const float*>(tensor.raw_data())[2 * i];
    case DataType::kComplex128:
      return static_cast<const double*>(tensor.raw_data())[2 * i];
    case DataType::kUint4:
    case DataType::kUint2:
      return SubByte(tensor, i);
    case DataType::kInt4: {
      const int bits = SubByte(tensor, i);
      return bits >= 8 ? bits - 16 : bits;
    }
    case DataType::kInt2: {
      const int bits = SubByte(tensor, i);
      return bits >= 2 ? bits - 4 : bits;
    }
    case DataType::kFloat4E2M1:
      return GetPacked<Float4E2M1>(tensor, i);
    case DataType::kFloat6E2M3:
      return GetPacked<Float6E2M3>(tensor, i);
    case DataType::kFloat6E3M2:
      return GetPacked<Float6E3M2>(tensor, i);
    case DataType::kString:
    case DataType::kUndefined:
      break;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

TensorDifference CompareTensors(const Tensor& got, const Tensor& expected, const Tolerance& tolerance) {
  TensorDifference out;
  out.dtype_ok = got.dtype() == expected.dtype();
  out.shape_ok = got.dims() == expected.dims();
  if (!out.dtype_ok || !out.shape_ok) {
    out.ok = false;
    out.reason = fmt::format("{} for {}", got.TypeString(), expected.TypeString());
    return out;
  }
  out.count = got.num_elements();
  if (got.dtype() == DataType::kString)
    CompareStrings(got, expected, &out);
  else
    CompareNumbers(got.Aligned(), expected.Aligned(), tolerance, &out);
  out.ok = out.mismatches == 0;
  return out;
}

std::string CompareValues(const Value& got, const Value& expected, const Tolerance& tolerance) {
  if (got.kind() != expected.kind()) return fmt::format("{} for {}", got.TypeString(), expected.TypeString());
  switch (got.kind()) {
    case Value::Kind::kNone:
      return "";
    case Value::Kind::kTensor:
      return CompareTensors(got.tensor(), expected.tensor(), tolerance).reason;
    case Value::Kind::kSparseTensor: {
      const SparseTensor &a = got.sparse_tensor(), &b = expected.sparse_tensor();
      if (!(a.dims == b.dims)) return fmt::format("sparse shape {} for {}", a.dims.ToString(), b.dims.ToString());
      const std::string indices = CompareTensors(a.indices, b.indices, {0, 0}).reason;
      return indices.empty() ? CompareTensors(a.values, b.values, tolerance).reason : "indices: " + indices;
    }
    case Value::Kind::kSequence: {
      const auto &a = got.sequence(), &b = expected.sequence();
      if (a.size() != b.size()) return fmt::format("{} elements for {}", a.size(), b.size());
      for (size_t i = 0; i < a.size(); ++i)
        if (std::string reason = CompareValues(a[i], b[i], tolerance); !reason.empty()) return fmt::format("element {}: {}", i, reason);
      return "";
    }
    case Value::Kind::kMap:
      return CompareMaps(got.map(), expected.map(), tolerance);
  }
  return "unknown kind of value";
}

}  // namespace sardonyx::validate
