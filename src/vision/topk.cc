#include "vision/topk.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx::vision {
namespace {

template <class T>
void Append(const Tensor& tensor, std::vector<double>* values) {
  for (const T& value : tensor.data<T>()) {
    if constexpr (std::is_arithmetic_v<T>)
      values->push_back(static_cast<double>(value));
    else
      values->push_back(static_cast<float>(value));
  }
}

struct Rows {
  std::vector<double> values;
  size_t rows = 0, classes = 0;
  std::span<double> row(size_t i) { return {values.data() + i * classes, classes}; }
};

StatusOr<Rows> ReadRows(const Tensor& scores) {
  const Tensor tensor = scores.Aligned();
  Rows rows;
  switch (tensor.dtype()) {
    case DataType::kFloat: Append<float>(tensor, &rows.values); break;
    case DataType::kDouble: Append<double>(tensor, &rows.values); break;
    case DataType::kFloat16: Append<Float16>(tensor, &rows.values); break;
    case DataType::kBfloat16: Append<BFloat16>(tensor, &rows.values); break;
    case DataType::kUint8: Append<uint8_t>(tensor, &rows.values); break;
    case DataType::kInt8: Append<int8_t>(tensor, &rows.values); break;
    case DataType::kInt32: Append<int32_t>(tensor, &rows.values); break;
    case DataType::kInt64: Append<int64_t>(tensor, &rows.values); break;
    default: return Usage(fmt::format("{} holds no scores of classes", scores.TypeString()));
  }
  // [1, C, 1, 1] and its like count as [C]; a first dimension above 1 is a batch.
  std::vector<int64_t> dims;
  for (const int64_t dim : tensor.dims())
    if (dim != 1) dims.push_back(dim);
  if (dims.empty()) dims.push_back(1);
  if (dims.size() > 2 || rows.values.empty())
    return Usage(fmt::format("{} holds no scores of classes: it is not [batch, classes]", scores.TypeString()));
  // [N, 1] is a batch of one class each, not one row of N.
  const bool batch_of_one = dims.size() == 1 && tensor.rank() >= 2 && tensor.dims()[0] != 1;
  rows.classes = batch_of_one ? 1 : static_cast<size_t>(dims.back());
  rows.rows = rows.values.size() / rows.classes;
  return rows;
}

void Softmax(std::span<double> row) {
  const double most = *std::max_element(row.begin(), row.end());
  double sum = 0;
  for (double& value : row) sum += value = std::exp(value - most);
  for (double& value : row) value /= sum;
}

}  // namespace

std::vector<std::string> ParseLabels(std::string_view text) {
  std::vector<std::string> labels;
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
    labels.emplace_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return labels;
}

StatusOr<std::vector<std::vector<Ranked>>> TopK(const Tensor& scores, int64_t k, const std::vector<std::string>& labels, bool softmax) {
  ASSIGN_OR_RETURN(Rows rows, ReadRows(scores));
  if (k < 1) return Usage(fmt::format("the best {} classes", k));
  if (!labels.empty() && labels.size() < rows.classes) return Usage(fmt::format("{} labels for {} classes", labels.size(), rows.classes));
  const size_t wanted = std::min(static_cast<size_t>(k), rows.classes);
  std::vector<std::vector<Ranked>> result(rows.rows);
  std::vector<int64_t> order(rows.classes);
  for (size_t r = 0; r < rows.rows; ++r) {
    const std::span<double> row = rows.row(r);
    if (softmax) Softmax(row);
    std::iota(order.begin(), order.end(), int64_t{0});
    const auto score = [&](int64_t i) { return row[static_cast<size_t>(i)]; };
    const auto better = [&](int64_t a, int64_t b) {
      if (std::isnan(score(a)) != std::isnan(score(b))) return std::isnan(score(b));
      return score(a) > score(b) || (!(score(b) > score(a)) && a < b);
    };
    std::partial_sort(order.begin(), order.begin() + static_cast<ptrdiff_t>(wanted), order.end(), better);
    for (size_t i = 0; i < wanted; ++i) {
      const auto index = static_cast<size_t>(order[i]);
      result[r].push_back({order[i], row[index], labels.empty() ? "" : labels[index]});
    }
  }
  return result;
}

StatusOr<bool> LooksLikeProbabilities(const Tensor& scores) {
  ASSIGN_OR_RETURN(Rows rows, ReadRows(scores));
  for (size_t r = 0; r < rows.rows; ++r) {
    const std::span<const double> row = rows.row(r);
    const double sum = std::accumulate(row.begin(), row.end(), 0.0);
    if (!std::all_of(row.begin(), row.end(), [](double v) { return v >= 0; }) || !(std::abs(sum - 1.0) <= 0.01)) return false;
  }
  return true;
}

}  // namespace sardonyx::vision
