// The changes of operators between versions of their domain that are more than new types and new attributes.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "optimize/version/node_editor.h"

namespace sardonyx::optimize::version {

// Makes the node mean at editor.to() what it means as editor.from(). kUnsupported, with the reason, where that cannot be
// said. What it leaves is held against the schema of the new version, so that it need not check that itself.
using Adapt = Status (*)(NodeEditor& editor);

struct Adapter {
  std::string_view op_type;
  int since = 1;         // the operator's version that brought the change
  Adapt up = nullptr;    // from the version before into `since`; null: the schemas say all
  Adapt down = nullptr;  // from `since` into the version before, or, where there is none, into other operators
  std::string_view domain = "";
};

// The row for a change, or null.
const Adapter* FindAdapter(std::string_view domain, std::string_view op_type, int since);
// Every row, for tests.
std::vector<Adapter> AllAdapters();

// The rows by family; one file each.
std::span<const Adapter> AxisAdapters();           // axis.cc: negative axes and indices
std::span<const Adapter> BroadcastAdapters();      // broadcast.cc: axis and broadcast of the first opsets
std::span<const Adapter> InputAdapters();          // inputs.cc: attributes that became inputs
std::span<const Adapter> NormalizationAdapters();  // normalization.cc
std::span<const Adapter> PoolAdapters();           // pool.cc
std::span<const Adapter> QuantizeAdapters();       // quantize.cc
std::span<const Adapter> RecurrentAdapters();      // recurrent.cc
std::span<const Adapter> ResizeAdapters();         // resize.cc
std::span<const Adapter> ControlAdapters();        // control.cc: Scan, Loop, sequences
std::span<const Adapter> SoftmaxAdapters();        // softmax.cc
std::span<const Adapter> TypeAdapters();           // types.cc: Cast, Constant and their like
std::span<const Adapter> SignalAdapters();         // signal.cc
std::span<const Adapter> MlAdapters();             // ml.cc: ai.onnx.ml

}  // namespace sardonyx::optimize::version
