// Tables of comma-separated values as inputs.
#pragma once

#include <string_view>
#include <vector>

#include "sardonyx/model.h"
#include "sardonyx/session.h"
#include "sardonyx/status.h"

namespace sardonyx::cli {

// Rows of fields, as RFC 4180 has them; empty lines are left out.
struct CsvTable {
  std::vector<std::string> header;  // empty when the first row is one of numbers
  std::vector<std::vector<std::string>> rows;
};
// kCorrupt, with the line, for an open quote and for rows of different lengths.
StatusOr<CsvTable> ParseCsv(std::string_view text);

// The whole table as one input: [rows, columns], or the input's own rank where a row has as many values as an image of it; a table
// of one column or one row for an input of rank 1. Empty fields of float inputs are NaN.
StatusOr<Tensor> TensorFromCsv(const CsvTable& table, const ValueInfo& info);

// Inputs named by the header take a column each; false, and nothing added, if not every input that needs a value is named.
StatusOr<bool> ReadCsvColumns(const CsvTable& table, const std::vector<ValueInfo>& inputs, std::vector<Session::NamedValue>* values);

}  // namespace sardonyx::cli
