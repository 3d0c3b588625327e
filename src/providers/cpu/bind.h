// Helpers for bindings: a kernel from a lambda, dispatch on element types.
#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "providers/cpu/registry.h"

namespace sardonyx::cpu {

// What a kernel promises besides computing; see Kernel.
struct KernelTraits {
  int alias_input = -1;                          // output 0 always shares this input's memory
  std::vector<std::pair<int, int>> in_place = {};  // {output, input} pairs that may share memory
  std::vector<Layout> input_layouts = {};          // of the first inputs; the others are plain
  Layout output_layout = Layout::kPlain;           // of all outputs
  bool joins_inputs = false, splits_input = false;  // see Kernel
};

// A kernel whose Run calls `run(KernelContext&) -> Status`. What the lambda captures is its prepared state.
template <class RunFunction>
StatusOr<std::unique_ptr<Kernel>> MakeKernel(RunFunction run, KernelTraits traits = {}) {
  class LambdaKernel final : public Kernel {
   public:
    LambdaKernel(RunFunction run, KernelTraits traits) : run_(std::move(run)), traits_(std::move(traits)) {}
    Status Run(KernelContext& context) const override { return run_(context); }
    int AliasedInput(size_t output) const override { return output == 0 ? traits_.alias_input : -1; }
    bool CanRunInPlace(size_t output, size_t input) const override {
      for (auto [o, i] : traits_.in_place)
        if (o == static_cast<int>(output) && i == static_cast<int>(input)) return true;
      return false;
    }
    Layout InputLayout(size_t input) const override {
      return input < traits_.input_layouts.size() ? traits_.input_layouts[input] : Layout::kPlain;
    }
    Layout OutputLayout(size_t) const override { return traits_.output_layout; }
    bool JoinsInputs() const override { return traits_.joins_inputs; }
    bool SplitsInput() const override { return traits_.splits_input; }

   private:
    RunFunction run_;
    KernelTraits traits_;
  };
  return std::unique_ptr<Kernel>(std::make_unique<LambdaKernel>(std::move(run), std::move(traits)));
}

// For KernelEntry::declines: computes every node of its operator.
inline std::string AcceptsAll(const NodeInfo&) { return ""; }

// Calls f.template operator()<T>() with the first T of Ts whose DataType is `dtype`; kUnsupported when there is none.
//   return Dispatch<float, double>(dtype, "Relu", [&]<class T>() -> Status { ... });
template <class... Ts, class F>
Status Dispatch(DataType dtype, std::string_view op, F&& f) {
  Status result;
  const bool found = ((DataTypeOf<Ts>::value == dtype && (result = f.template operator()<Ts>(), true)) || ...);
  if (!found) return Unsupported(fmt::format("{} is not implemented for {}", op, DataTypeName(dtype)));
  return result;
}

// Elements whose bits may simply be moved: T is an unsigned integer of the element's size, or std::string.
//   DispatchBySize(dtype, [&]<class T>() -> Status {...})   sub-byte types: kUnsupported; unpack them first.
struct Bits128 { uint64_t low, high; };
template <class F>
Status DispatchBySize(DataType dtype, F&& f) {
  if (dtype == DataType::kString) return f.template operator()<std::string>();
  switch (BitsPerElement(dtype)) {
    case 8: return f.template operator()<uint8_t>();
    case 16: return f.template operator()<uint16_t>();
    case 32: return f.template operator()<uint32_t>();
    case 64: return f.template operator()<uint64_t>();
    case 128: return f.template operator()<Bits128>();
    default: return Unsupported(fmt::format("{} elements cannot be moved one by one here", DataTypeName(dtype)));
  }
}

}  // namespace sardonyx::cpu
