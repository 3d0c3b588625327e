// Models that ONNX Runtime saved after its layout optimizations, brought back to ordinary operators.
#pragma once

#include "ir/model.h"
#include "sardonyx/status.h"

namespace sardonyx::optimize {

struct PlainLayoutOptions {
  // Channels in a block where the model does not tell; 0: what ONNX Runtime takes on this machine.
  int64_t default_block = 0;
};

// Nodes of com.microsoft.nchwc compute on tensors whose channels are padded to blocks of 8 or 16 and stored block by block,
// as suits the CPU of the machine that saved the model. Such tensors exist only between nodes of that domain and
// element-wise ones, and their dims say the padded sizes. So each node is replaced by operators of ai.onnx and
// com.microsoft on the same dims in plain order, and only the weights of convolutions, which the file holds in blocks, are
// put in order (by nodes that the engine folds into constants).
//
// 8-bit convolutions and poolings of com.microsoft with channels last become those of ai.onnx between transposes, which cancel
// where such nodes follow each other.
//
// The size of a block is not written in the file. It is derived from how far channels are padded; where every number of
// channels is a multiple of 16, both sizes fit, and `default_block` is taken. kUnsupported where weights of unknown shape
// stand at such a convolution; kInvalid where a file contradicts itself. Returns how many nodes were replaced.
StatusOr<size_t> RestorePlainLayout(ir::Model& model, const PlainLayoutOptions& options = {});

}  // namespace sardonyx::optimize
