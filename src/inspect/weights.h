// Statistics of a model's weights.
#pragma once

#include <string>
#include <vector>

#include "ir/model.h"

namespace sardonyx::inspect {

struct WeightStatistics {
  std::string name;
  std::string graph;  // path of the subgraph that holds it; "" for the main graph
  DataType dtype = DataType::kUndefined;
  std::vector<int64_t> dims;
  uint64_t elements = 0;
  uint64_t bytes = 0;
  bool external = false;
  std::string error;  // why the data could not be read; no figures then

  // Of the finite elements; complex numbers by their magnitude; strings have none of these.
  bool has_range = false;
  double min = 0, max = 0, mean = 0, deviation = 0;
  uint64_t zeros = 0, nans = 0, infinities = 0;
  std::vector<std::string> first;  // the first few elements, as text
};

struct WeightOptions {
  size_t preview = 0;  // elements to put into `first`
};

WeightStatistics StatisticsOf(const ir::StoredTensor& tensor, const WeightOptions& options = {});
// Every initializer (sparse ones by their values) and Constant of the main graph and its subgraphs.
std::vector<WeightStatistics> WeightsOf(const ir::Model& model, const WeightOptions& options = {});

std::string WeightsText(const std::vector<WeightStatistics>& weights);
std::string WeightsJson(const std::vector<WeightStatistics>& weights);

}  // namespace sardonyx::inspect
