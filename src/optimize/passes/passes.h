// The passes, in the order in which a session runs them. A new pass is a table of rules in a file of its own and a row in passes.cc.
#pragma once

#include "optimize/rewrite/pass.h"

namespace sardonyx::optimize {

std::span<const Pass> AllPasses();

// Tables of rules, by file.
std::span<const Rule> CleanRules();             // clean.cc
std::span<const Rule> ReshapeRules();           // clean.cc: those of Reshape alone
std::span<const Rule> ConvFoldRules();          // convolution.cc
std::span<const Rule> ConvFuseRules();          // convolution.cc
std::span<const Rule> ConvExpandRules();        // convolution.cc
std::span<const Rule> ActivationRules();        // activation.cc

std::span<const Rule> NormalizationRules();     // normalization.cc
std::span<const Rule> LinearRules();            // linear.cc
std::span<const Rule> LinearFuseRules();        // linear.cc

std::span<const Rule> AttentionPrepareRules();  // attention.cc, as are the next six
std::span<const Rule> AttentionRules();
std::span<const Rule> WindowAttentionRules();
std::span<const Rule> AttentionQueryRules();
std::span<const Rule> AttentionCacheRules();
std::span<const Rule> AttentionKeyRules();
std::span<const Rule> RotaryRules();

std::span<const Rule> QuantizedRules();         // quantized.cc, as are the next two
std::span<const Rule> QuantizedToFloatRules();
std::span<const Rule> DynamicQuantizedRules();
StatusOr<size_t> UseUnsignedCodes(ir::Model& model, const PassOptions& options);  // unsigned_codes.cc
StatusOr<size_t> KeepHalfWeights(ir::Model& model, const PassOptions& options);   // half_weights.cc

}  // namespace sardonyx::optimize
