#include "kernels/gemm/simd_choice.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include <fmt/format.h>

#include "kernels/gemm/simd_targets.h"

#include "hwy/highway.h"

namespace sardonyx::kernels {
namespace {

std::string NameOf(int64_t target) {
  std::string name = hwy::TargetName(target);
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

// A lower bit is a better target.
std::vector<int64_t> Targets() { return hwy::SupportedAndGeneratedTargets(); }

}  // namespace

std::vector<std::string> SimdTargets() {
  // What the machine has does not change, but a choice hides all targets but one.
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (int64_t target : Targets()) all.push_back(NameOf(target));
    return all;
  }();
  return names;
}

std::string SimdTarget() { return NameOf(Targets().front()); }

Status ChooseSimdTarget(std::string_view name) {
  const std::vector<std::string> names = SimdTargets();
  if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end())
    return Usage(fmt::format("no instruction set '{}' here: there is {}", name, fmt::join(names, ", ")));
  hwy::SetSupportedTargetsForTest(0);
  for (int64_t target : Targets())
    if (NameOf(target) == name) hwy::SetSupportedTargetsForTest(target);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  return {};
}

Status ApplySimdEnvironment() {
  static const Status status = [] {
    const char* name = std::getenv("SARDONYX_SIMD");
    if (name == nullptr || *name == '\0') return Status();
    return ChooseSimdTarget(name).WithContext("SARDONYX_SIMD");
  }();
  return status;
}

}  // namespace sardonyx::kernels
