#include "cli/csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "formats/json.h"

namespace sardonyx::cli {
namespace {

using formats::Json;

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool ToNumber(std::string_view field, double* number) {
  field = Trim(field);
  if (field.starts_with('+')) field.remove_prefix(1);
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), *number);
  return error == std::errc() && end == field.data() + field.size() && !field.empty();
}

// A field as JSON for an element of that type.
StatusOr<Json> Element(const std::string& field, DataType dtype) {
  if (dtype == DataType::kString) return Json(field);
  const std::string_view text = Trim(field);
  if (dtype == DataType::kBool && (text == "true" || text == "True" || text == "1")) return Json(true);
  if (dtype == DataType::kBool && (text == "false" || text == "False" || text == "0")) return Json(false);
  if (IsInteger(dtype)) {
    int64_t integer = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), integer);
    if (error == std::errc() && end == text.data() + text.size() && !text.empty()) return Json(integer);
  }
  if (IsFloatingPoint(dtype) && text.empty()) return Json("NaN");
  double number = 0;
  if (!ToNumber(text, &number)) return Usage(fmt::format("'{}' is no {}", field, DataTypeName(dtype)));
  if (std::isnan(number)) return Json("NaN");
  if (std::isinf(number)) return Json(number > 0 ? "Infinity" : "-Infinity");
  return Json(number);
}

StatusOr<Tensor> MakeTensor(const CsvTable& table, size_t first, size_t count, const Dims& dims, DataType dtype) {
  if (dtype == DataType::kUndefined) dtype = DataType::kFloat;
  Json data = Json::array();
  for (size_t row = 0; row < table.rows.size(); ++row)
    for (size_t column = first; column < first + count; ++column) {
      StatusOr<Json> element = Element(table.rows[row][column], dtype);
      if (!element.ok()) return element.status().WithContext(fmt::format("row {}, column {}", row + 1, column + 1));
      data.push_back(*std::move(element));
    }
  Json shape = Json::array();
  for (const int64_t dim : dims) shape.push_back(dim);
  return formats::TensorFromJson(Json{{"dtype", std::string(DataTypeName(dtype))}, {"shape", shape}, {"data", data}}, dtype);
}

}  // namespace

StatusOr<CsvTable> ParseCsv(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  CsvTable table;
  std::vector<std::string> row;
  std::string field;
  bool quoted = false, was_quoted = false;
  size_t line = 1;
  const auto end_row = [&]() -> Status {
    if (row.empty() && field.empty() && !was_quoted) return {};
    row.push_back(std::move(field));
    if (!table.rows.empty() && row.size() != table.rows[0].size())
      return Corrupt(fmt::format("line {}: {} fields where the first row has {}", line, row.size(), table.rows[0].size()));
    table.rows.push_back(std::move(row));
    row.clear(), field.clear();
    was_quoted = false;
    return {};
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c != '"') {
        field += c;
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        field += text[i++];
      } else {
        quoted = false;
      }
    } else if (c == '"' && Trim(field).empty()) {
      field.clear();
      quoted = was_quoted = true;
    } else if (c == ',') {
      row.push_back(std::move(field));
      field.clear();
      was_quoted = false;
    } else if (c == '\n') {
      RETURN_IF_ERROR(end_row());
    } else if (c != '\r') {
      field += c;
    }
    line += c == '\n';
  }
  if (quoted) return Corrupt(fmt::format("line {}: a quote is not closed", line));
  RETURN_IF_ERROR(end_row());
  if (table.rows.empty()) return Corrupt("the table is empty");
  double number;
  const auto is_text = [&](const std::string& f) { return !Trim(f).empty() && !ToNumber(f, &number); };
  const auto& first = table.rows.front();
  if (table.rows.size() > 1 && std::all_of(first.begin(), first.end(), is_text)) {
    table.header = first;
    table.rows.erase(table.rows.begin());
  }
  return table;
}

StatusOr<Tensor> TensorFromCsv(const CsvTable& table, const ValueInfo& info) {
  const auto rows = static_cast<int64_t>(table.rows.size()), columns = static_cast<int64_t>(table.rows[0].size());
  Dims dims{rows, columns};
  if (info.has_shape && info.dims.size() == 1 && (rows == 1 || columns == 1)) dims = Dims{rows * columns};
  if (info.has_shape && info.dims.size() > 2) {
    int64_t each = 1;
    for (size_t i = 1; i < info.dims.size() && each > 0; ++i) each = info.dims[i] < 0 || info.dims[i] > columns ? -1 : each * info.dims[i];
    if (each != columns)
      return Usage(fmt::format("rows of {} values do not fit input '{}', whose rows have the dims [{}]", columns, info.name,
                               fmt::join(info.dims.begin() + 1, info.dims.end(), ",")));
    dims = Dims{rows};
    for (size_t i = 1; i < info.dims.size(); ++i) dims.push_back(info.dims[i]);
  }
  return MakeTensor(table, 0, table.rows[0].size(), dims, info.dtype);
}

StatusOr<bool> ReadCsvColumns(const CsvTable& table, const std::vector<ValueInfo>& inputs, std::vector<Session::NamedValue>* values) {
  const auto column = [&](const std::string& name) { return std::find(table.header.begin(), table.header.end(), name); };
  for (const ValueInfo& info : inputs)
    if (!info.optional && column(info.name) == table.header.end()) return false;
  const auto rows = static_cast<int64_t>(table.rows.size());
  for (const ValueInfo& info : inputs) {
    const auto at = column(info.name);
    if (at == table.header.end()) continue;
    const Dims dims = info.has_shape && info.dims.size() == 1 ? Dims{rows} : Dims{rows, 1};
    StatusOr<Tensor> tensor = MakeTensor(table, static_cast<size_t>(at - table.header.begin()), 1, dims, info.dtype);
    if (!tensor.ok()) return tensor.status().WithContext(fmt::format("input '{}'", info.name));
    values->emplace_back(info.name, *std::move(tensor));
  }
  return !inputs.empty();
}

}  // namespace sardonyx::cli
