// Operators that are differentiated through a body of ours, as ONNX defines none for them.
#pragma once

#include "ir/model.h"
#include "sardonyx/status.h"

namespace sardonyx::optimize {

// RNN, GRU, LSTM (recurrent.h), GridSample, RoiAlign, MaxRoiPool, DeformConv (sampling.cc) and STFT.
bool HasGradientBody(const ir::Node& node);

// A function that computes what the node does by operators that have derivatives. opset_version: of ai.onnx at the node.
// kUnsupported, with what must be known, for nodes whose ranks are not.
StatusOr<ir::Function> GradientBody(const ir::Node& node, int64_t opset_version, std::string_view domain, std::string_view name);

// In sampling.cc: the text of the bodies.
StatusOr<std::string> GridSampleBody(const ir::Node& node);
StatusOr<std::string> RoiAlignBody(const ir::Node& node, int64_t opset_version);
StatusOr<std::string> MaxRoiPoolBody(const ir::Node& node);
StatusOr<std::string> DeformConvBody(const ir::Node& node);

}  // namespace sardonyx::optimize
