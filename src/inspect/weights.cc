#include "inspect/weights.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstring>
#include <iterator>
#include <limits>

#include <fmt/format.h>

#include "base/packed_bits.h"
#include "formats/json.h"
#include "inspect/sizes.h"

namespace sardonyx::inspect {
namespace {

// Range and moments of numbers that come one by one.
class Accumulator {
 public:
  void Add(double value) {
    if (std::isnan(value)) {
      ++nans_;
      return;
    }
    if (std::isinf(value)) {
      ++infinities_;
      return;
    }
    zeros_ += value == 0;
    min_ = std::min(min_, value);
    max_ = std::max(max_, value);
    // Relative to the first element: the variance of values far from zero does not cancel.
    if (count_ == 0) origin_ = value;
    const double difference = value - origin_;
    sum_ += difference;
    squares_ += difference * difference;
    ++count_;
  }

  void Report(WeightStatistics* to) const {
    to->nans = nans_;
    to->infinities = infinities_;
    to->zeros = zeros_;
    to->has_range = count_ > 0;
    if (count_ == 0) return;
    const double n = static_cast<double>(count_);
    to->min = min_;
    to->max = max_;
    to->mean = origin_ + sum_ / n;
    to->deviation = std::sqrt(std::max(0.0, squares_ / n - (sum_ / n) * (sum_ / n)));
  }

 private:
  uint64_t count_ = 0, zeros_ = 0, nans_ = 0, infinities_ = 0;
  double min_ = std::numeric_limits<double>::infinity(), max_ = -min_;
  double origin_ = 0, sum_ = 0, squares_ = 0;
};

template <class T>
T ElementAt(const void* data, size_t i) {
  T value;
  std::memcpy(&value, static_cast<const char*>(data) + i * sizeof(T), sizeof(T));
  return value;
}

int64_t PackedAt(const void* data, size_t i, int bits, bool is_signed) {
  const int64_t value = PackedBits(static_cast<const uint8_t*>(data), i, bits);
  return is_signed && value >= int64_t{1} << (bits - 1) ? value - (int64_t{1} << bits) : value;
}

// Calls f(double) for elements [0, count).
template <class F>
void ForEachElement(const Tensor& tensor, size_t count, F&& f) {
  const void* data = tensor.raw_data();
  const auto plain = [&]<class T>(T) {
    for (size_t i = 0; i < count; ++i) f(static_cast<double>(ElementAt<T>(data, i)));
  };
  const auto narrow = [&]<class T>(T) {
    for (size_t i = 0; i < count; ++i) f(static_cast<double>(static_cast<float>(ElementAt<T>(data, i))));
  };
  const auto packed = [&](int bits, bool is_signed) {
    for (size_t i = 0; i < count; ++i) f(static_cast<double>(PackedAt(data, i, bits, is_signed)));
  };
  const auto packed_float = [&]<class T>(int bits, T) {
    const auto* bytes = static_cast<const uint8_t*>(data);
    for (size_t i = 0; i < count; ++i) f(static_cast<double>(static_cast<float>(T::FromBits(PackedBits(bytes, i, bits)))));
  };
  switch (tensor.dtype()) {
    case DataType::kFloat:
      return plain(float{});
    case DataType::kDouble:
      return plain(double{});
    case DataType::kInt8:
      return plain(int8_t{});
    case DataType::kInt16:
      return plain(int16_t{});
    case DataType::kInt32:
      return plain(int32_t{});
    case DataType::kInt64:
      return plain(int64_t{});
    case DataType::kUint8:
    case DataType::kBool:
      return plain(uint8_t{});
    case DataType::kUint16:
      return plain(uint16_t{});
    case DataType::kUint32:
      return plain(uint32_t{});
    case DataType::kUint64:
      return plain(uint64_t{});
    case DataType::kFloat16:
      return narrow(Float16{});
    case DataType::kBfloat16:
      return narrow(BFloat16{});
    case DataType::kFloat8E4M3FN:
      return narrow(Float8E4M3FN{});
    case DataType::kFloat8E4M3FNUZ:
      return narrow(Float8E4M3FNUZ{});
    case DataType::kFloat8E5M2:
      return narrow(Float8E5M2{});
    case DataType::kFloat8E5M2FNUZ:
      return narrow(Float8E5M2FNUZ{});
    case DataType::kFloat8E8M0:
      return narrow(Float8E8M0{});
    case DataType::kFloat4E2M1:
      return packed_float(4, Float4E2M1{});
    case DataType::kFloat6E2M3:
      return packed_float(6, Float6E2M3{});
    case DataType::kFloat6E3M2:
      return packed_float(6, Float6E3M2{});
    case DataType::kUint4:
      return packed(4, false);
    case DataType::kInt4:
      return packed(4, true);
    case DataType::kUint2:
      return packed(2, false);
    case DataType::kInt2:
      return packed(2, true);
    case DataType::kComplex64:
      for (size_t i = 0; i < count; ++i) f(std::abs(std::complex<double>(ElementAt<std::complex<float>>(data, i))));
      return;
    case DataType::kComplex128:
      for (size_t i = 0; i < count; ++i) f(std::abs(ElementAt<std::complex<double>>(data, i)));
      return;
    default:
      return;
  }
}

void Preview(const Tensor& tensor, size_t count, std::vector<std::string>* first) {
  count = std::min(count, static_cast<size_t>(tensor.num_elements()));
  if (tensor.dtype() == DataType::kString) {
    for (const std::string& text : tensor.data<std::string>().first(count)) first->push_back(text.substr(0, 80));
    return;
  }
  if (tensor.dtype() == DataType::kInt64 || tensor.dtype() == DataType::kUint64) {  // doubles have 53 bits only
    for (size_t i = 0; i < count; ++i)
      first->push_back(tensor.dtype() == DataType::kInt64 ? fmt::to_string(ElementAt<int64_t>(tensor.raw_data(), i))
                                                          : fmt::to_string(ElementAt<uint64_t>(tensor.raw_data(), i)));
    return;
  }
  const bool exact = IsInteger(tensor.dtype()) || tensor.dtype() == DataType::kBool;
  ForEachElement(tensor, count,
                 [&](double value) { first->push_back(exact ? fmt::format("{:.0f}", value) : fmt::format("{:.6g}", value)); });
}

void CollectGraph(const ir::Graph& graph, const std::string& path, const WeightOptions& options, std::vector<WeightStatistics>* all) {
  const auto add = [&](const ir::StoredTensor& tensor, const std::string& name) {
    all->push_back(StatisticsOf(tensor, options));
    all->back().name = name;
    all->back().graph = path;
  };
  for (const ir::Value* value : graph.initializers()) add(*value->initializer(), value->name());
  for (const ir::Value* value : graph.sparse_initializers()) add(value->sparse_initializer()->values, value->name());
  for (const auto& node : graph.nodes()) {
    if (node->op_type == "Constant" && node->output(0))
      if (const ir::StoredTensor* tensor = StoredTensorOf(node->output(0))) add(*tensor, node->output(0)->name());
    for (const auto& [name, body] : ir::Subgraphs(*node))
      CollectGraph(*body, fmt::format("{}{}{} / {}", path, path.empty() ? "" : " / ", node->Label(), name), options, all);
  }
}

}  // namespace

WeightStatistics StatisticsOf(const ir::StoredTensor& stored, const WeightOptions& options) {
  WeightStatistics result;
  result.name = stored.name;
  result.dtype = stored.dtype;
  result.dims = stored.dims;
  result.bytes = stored.byte_size();
  result.external = std::holds_alternative<ir::StoredTensor::External>(stored.storage);
  const StatusOr<Tensor> tensor = stored.ToTensor();
  if (!tensor.ok()) {
    result.error = tensor.status().message();
    return result;
  }
  result.elements = static_cast<uint64_t>(tensor->num_elements());
  Accumulator sums;
  ForEachElement(*tensor, result.elements, [&](double value) { sums.Add(value); });
  sums.Report(&result);
  if (tensor->dtype() == DataType::kString) result.bytes = tensor->byte_size();
  if (options.preview > 0) Preview(*tensor, options.preview, &result.first);
  return result;
}

std::vector<WeightStatistics> WeightsOf(const ir::Model& model, const WeightOptions& options) {
  std::vector<WeightStatistics> all;
  if (model.graph) CollectGraph(*model.graph, "", options, &all);
  return all;
}

std::string WeightsText(const std::vector<WeightStatistics>& weights) {
  std::string out =
      fmt::format("{:<40} {:<24} {:>12} {:>12} {:>12} {:>12} {:>8}  {}\n", "weight", "type", "min", "max", "mean", "std", "zeros", "");
  for (const WeightStatistics& w : weights) {
    const std::string name = w.graph.empty() ? w.name : w.graph + " / " + w.name;
    const std::string type = fmt::format("{}[{}]", DataTypeName(w.dtype), fmt::join(w.dims, ","));
    fmt::format_to(std::back_inserter(out), "{:<40} {:<24}", name, type);
    if (!w.error.empty()) {
      fmt::format_to(std::back_inserter(out), " {}\n", w.error);
      continue;
    }
    if (w.has_range)
      fmt::format_to(std::back_inserter(out), " {:>12.5g} {:>12.5g} {:>12.5g} {:>12.5g}", w.min, w.max, w.mean, w.deviation);
    else
      fmt::format_to(std::back_inserter(out), "{:52}", "");
    const double zeros = w.elements ? 100.0 * static_cast<double>(w.zeros) / static_cast<double>(w.elements) : 0;
    fmt::format_to(std::back_inserter(out), " {:>7.3g}%", zeros);
    if (w.nans) fmt::format_to(std::back_inserter(out), "  {} NaN", w.nans);
    if (w.infinities) fmt::format_to(std::back_inserter(out), "  {} Inf", w.infinities);
    out += '\n';
  }
  return out;
}

std::string WeightsJson(const std::vector<WeightStatistics>& weights) {
  formats::Json list = formats::Json::array();
  for (const WeightStatistics& w : weights) {
    formats::Json entry = {{"name", w.name},   {"dtype", std::string(DataTypeName(w.dtype))},
                           {"shape", w.dims},  {"elements", w.elements},
                           {"bytes", w.bytes}, {"external", w.external}};
    if (!w.graph.empty()) entry["graph"] = w.graph;
    if (!w.error.empty()) entry["error"] = w.error;
    if (w.has_range) entry.update({{"min", w.min}, {"max", w.max}, {"mean", w.mean}, {"std", w.deviation}});
    if (w.error.empty()) entry.update({{"zeros", w.zeros}, {"nan", w.nans}, {"inf", w.infinities}});
    if (!w.first.empty()) entry["first"] = w.first;
    list.push_back(std::move(entry));
  }
  return formats::DumpJson(list, 2);
}

}  // namespace sardonyx::inspect
