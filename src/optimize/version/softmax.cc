// Softmax, LogSoftmax and Hardmax: until opset 12 they see their input as a matrix whose rows are all dims from `axis` on;
// since opset 13 they work along one axis.
#include <algorithm>
#include <numeric>

#include "base/status_macros.h"
#include "optimize/version/adapter.h"

namespace sardonyx::optimize::version {
namespace {

// All dims behind `axis` are known to be 1.
bool OnlyOnesBehind(const ir::Shape& shape, size_t axis) {
  for (size_t i = axis + 1; i < shape.rank(); ++i)
    if (!shape[i].is_constant(1)) return false;
  return true;
}

Status Up(NodeEditor& e) {
  int64_t axis = e.Int("axis", 1);
  e.SetChanged();
  if (axis == -1) {
    e.Set("axis", axis);
    return {};
  }
  if (const ir::Shape* shape = e.shape(0)) {
    const auto rank = static_cast<int64_t>(shape->rank());
    if (axis < 0) axis += rank;
    // The rows are along that axis alone: also where the axis is one behind a vector of rank 1.
    if (axis >= 0 && axis < rank && OnlyOnesBehind(*shape, static_cast<size_t>(axis))) {
      e.Set("axis", axis);
      return {};
    }
  }
  e.Add("shape = Shape (input)");
  e.Add("matrix = Flatten <axis = {}> (input)", axis);
  e.Add("rows = {} <axis = -1> (matrix)", e.node().op_type);
  e.Add("output = Reshape (rows, shape)");
  return e.Replace();
}

Status Down(NodeEditor& e) {
  int64_t axis = e.Int("axis", -1);
  e.SetChanged();
  if (axis == -1) {
    e.Set("axis", axis);
    return {};
  }
  ASSIGN_OR_RETURN(const int64_t rank, e.Rank(0));
  if (axis < 0) axis += rank;
  if (axis < 0 || axis >= rank) return Unsupported(fmt::format("its axis is {}, but its input has rank {}", e.Int("axis", -1), rank));
  if (OnlyOnesBehind(*e.shape(0), static_cast<size_t>(axis))) {
    e.Set("axis", axis);
    return {};
  }
  // The axis goes to the end and back: exchanging two axes is its own inverse.
  std::vector<int64_t> perm(static_cast<size_t>(rank));
  std::iota(perm.begin(), perm.end(), 0);
  std::swap(perm[static_cast<size_t>(axis)], perm.back());
  const std::string list = fmt::format("{}", fmt::join(perm, ", "));
  e.Add("last = Transpose <perm = [{}]> (input)", list);
  e.Add("rows = {} <axis = -1> (last)", e.node().op_type);
  e.Add("output = Transpose <perm = [{}]> (rows)", list);
  return e.Replace();
}

constexpr Adapter kRows[] = {{"Softmax", 13, Up, Down}, {"LogSoftmax", 13, Up, Down}, {"Hardmax", 13, Up, Down}};

}  // namespace

std::span<const Adapter> SoftmaxAdapters() { return kRows; }

}  // namespace sardonyx::optimize::version
