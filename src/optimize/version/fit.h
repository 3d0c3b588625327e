// What the schema tables alone say of a node and another version of its operator.
#pragma once

#include <string>

#include "ir/graph.h"
#include "ops/schema.h"

namespace sardonyx::optimize::version {

// Makes explicit what the node leaves to defaults that are others in `to`, and takes away attributes that `to` does not
// know and that say what `from` takes for granted. Returns whether anything changed.
bool CarryDefaults(ir::Node& node, const ops::OpSchema& from, const ops::OpSchema& to);

// Why the node cannot be one of `to`: "has attribute 'dilations', which MaxPool 8 does not know"; empty if it can. Types
// that are not known are taken to fit.
std::string WhyNotFit(const ir::Node& node, const ops::OpSchema& to);

// Why the types of its inputs and outputs are not those of `to`; empty if they are.
std::string WhyTypesDoNotFit(const ir::Node& node, const ops::OpSchema& to);

}  // namespace sardonyx::optimize::version
