// IR values -> the API's descriptions of inputs and outputs.
#pragma once

#include <vector>

#include "ir/graph.h"
#include "sardonyx/model.h"

namespace sardonyx {

ValueInfo DescribeValue(const ir::Value& value);
std::vector<ValueInfo> InputInfos(const ir::Graph& graph);
std::vector<ValueInfo> OutputInfos(const ir::Graph& graph);

}  // namespace sardonyx
