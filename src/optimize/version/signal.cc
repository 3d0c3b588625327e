// DFT.
#include "base/status_macros.h"
#include "optimize/version/adapter.h"

namespace sardonyx::optimize::version {
namespace {

// The axis became an input, and its default went from 1 to -2.
Status DftUp(NodeEditor& e) {
  ASSIGN_OR_RETURN(ir::Value * axis, e.AddNumber("axis", DataType::kInt64, static_cast<double>(e.Int("axis", 1))));
  e.Remove("axis");
  e.SetInput(2, axis);
  return {};
}

Status DftDown(NodeEditor& e) {
  int64_t axis = -2;
  if (e.HasInput(2)) {
    ASSIGN_OR_RETURN(const std::vector<int64_t> values, e.ConstantInts(2));
    if (values.size() != 1) return Unsupported("axis is not one number");
    axis = values[0];
  }
  if (axis < 0) {
    ASSIGN_OR_RETURN(const int64_t rank, e.Rank(0));
    axis += rank;
  }
  if (e.Int("onesided") != 0 && e.Int("inverse") != 0) return Unsupported("an inverse of a one-sided transform came with opset 20");
  e.DropInput(2);
  e.Set("axis", axis);
  e.SetChanged();
  return {};
}

constexpr Adapter kRows[] = {{"DFT", 20, DftUp, DftDown}};

}  // namespace

std::span<const Adapter> SignalAdapters() { return kRows; }

}  // namespace sardonyx::optimize::version
