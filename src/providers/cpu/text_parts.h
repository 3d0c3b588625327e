// Parts of TextKernels(), one list a file.
#pragma once

#include <span>
#include <string>

#include "base/status_macros.h"
#include "providers/cpu/registry.h"

namespace sardonyx::cpu {

std::span<const KernelEntry> StringExtensionKernels();  // ai.onnx.contrib: strings, maps, ragged tensors
std::span<const KernelEntry> TokenizerKernels();        // ai.onnx.contrib: tokenizers
std::span<const KernelEntry> SentencepieceKernels();    // ai.onnx.contrib: SentencepieceTokenizer

// The strings of input i; kInvalid when it holds something else.
StatusOr<std::span<const std::string>> StringInput(const KernelContext& context, size_t i);
// Its one string.
StatusOr<std::string> OneString(const KernelContext& context, size_t i);

}  // namespace sardonyx::cpu
