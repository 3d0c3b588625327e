// Until opset 6, the second operand of binary operators was laid on the first at `axis`, and only with `broadcast` = 1;
// since opset 7 operands broadcast both ways from the last dim. Variadic operators broadcast since opset 8.
#include <algorithm>
#include <numeric>

#include "base/status_macros.h"
#include "optimize/version/adapter.h"

namespace sardonyx::optimize::version {
namespace {

std::vector<int64_t> Range(int64_t begin, int64_t end) {
  std::vector<int64_t> range(static_cast<size_t>(std::max<int64_t>(end - begin, 0)));
  std::iota(range.begin(), range.end(), begin);
  return range;
}

Status BinaryUp(NodeEditor& e) {
  // A negative axis, like none, lays the second operand on the last dims.
  const int64_t axis = e.Int("broadcast") != 0 ? e.Int("axis", -1) : -1;
  if (axis >= 0) {
    ASSIGN_OR_RETURN(const int64_t rank, e.Rank(0));
    ASSIGN_OR_RETURN(const int64_t second_rank, e.Rank(1));
    if (const int64_t behind = rank - axis - second_rank; behind > 0)
      e.SetInput(
          1, e.AddNode("Unsqueeze", {e.node().input(1)}, {ir::Attribute("axes", Range(second_rank, second_rank + behind))}, "unsqueezed"));
  }
  e.Remove("axis");
  e.Remove("broadcast");
  e.SetChanged();
  return {};
}

bool IsOne(const ir::Dim& dim) { return dim.is_constant(1); }

bool SameShape(const ir::Shape& a, const ir::Shape& b) {
  if (a.rank() != b.rank()) return false;
  for (size_t i = 0; i < a.rank(); ++i)
    if (!(a[i] == b[i])) return false;
  return true;
}

// The same operation with its operands exchanged; empty if there is none.
std::string_view Mirrored(std::string_view op_type) {
  for (const std::string_view name : {"Add", "Mul", "And", "Or", "Xor", "Equal"})
    if (op_type == name) return name;
  if (op_type == "Less") return "Greater";
  if (op_type == "Greater") return "Less";
  return "";
}

// Whether `b`, whose dims beside [first, last) are 1, lies on consecutive dims of `a`.
bool LiesOn(const ir::Shape& a, const ir::Shape& b, size_t* first, size_t* last) {
  if (b.rank() > a.rank()) return false;
  for (*first = 0; *first < b.rank() && IsOne(b[*first]); ++*first) {
  }
  for (*last = b.rank(); *last > *first && IsOne(b[*last - 1]); --*last) {
  }
  for (size_t i = *first; i < *last; ++i)
    if (!(b[i] == a[a.rank() - b.rank() + i])) return false;
  return true;
}

Status BinaryDown(NodeEditor& e) {
  if (!e.shape(0) || !e.shape(1))
    return Unsupported("the shapes of its operands, which may broadcast both ways since opset 7, are not known");
  if (SameShape(*e.shape(0), *e.shape(1))) return {};
  size_t first = 0, last = 0;
  if (!LiesOn(*e.shape(0), *e.shape(1), &first, &last)) {
    const std::string_view mirrored = Mirrored(e.node().op_type);
    if (mirrored.empty() || !LiesOn(*e.shape(1), *e.shape(0), &first, &last))
      return Unsupported(
          fmt::format("operands {} and {} broadcast in a way that came with opset 7", e.shape(0)->ToString(), e.shape(1)->ToString()));
    ir::Value* a = e.node().input(0);
    e.SetInput(0, e.node().input(1));
    e.SetInput(1, a);
    e.node().op_type = mirrored;
  }
  const auto rank = static_cast<int64_t>(e.shape(0)->rank()), second_rank = static_cast<int64_t>(e.shape(1)->rank());
  const auto begin = static_cast<int64_t>(first), end = static_cast<int64_t>(last);
  if (end - begin < second_rank) {
    std::vector<int64_t> axes = Range(0, begin);
    const std::vector<int64_t> behind = Range(end, second_rank);
    axes.insert(axes.end(), behind.begin(), behind.end());
    e.SetInput(1, e.AddNode("Squeeze", {e.node().input(1)}, {ir::Attribute("axes", std::move(axes))}, "squeezed"));
  }
  e.Set("broadcast", int64_t{1});
  if (end < second_rank && end > begin) e.Set("axis", rank - second_rank + begin);
  e.SetChanged();
  return {};
}

// Before opset 7 a slope of more than one element has one a channel.
Status PReluUp(NodeEditor& e) {
  ASSIGN_OR_RETURN(const int64_t rank, e.Rank(0));
  ASSIGN_OR_RETURN(const int64_t slope_rank, e.Rank(1));
  if (slope_rank != 1 || rank <= 2 || e.Dim(1, 0) == 1) return {};
  e.SetInput(1, e.AddNode("Unsqueeze", {e.node().input(1)}, {ir::Attribute("axes", Range(1, rank - 1))}, "slope"));
  return {};
}

Status PReluDown(NodeEditor& e) {
  if (!e.shape(0) || !e.shape(1)) return Unsupported("the shapes of its inputs, which broadcast since opset 7, are not known");
  const ir::Shape &x = *e.shape(0), &slope = *e.shape(1);
  if (slope.num_elements().is_constant(1)) return {};
  size_t first = 0, last = 0;
  if (!LiesOn(x, slope, &first, &last) || last - first != 1 || x.rank() - slope.rank() + first != 1)
    return Unsupported(
        fmt::format("slope {} has not one element a channel of {}; others came with opset 7", slope.ToString(), x.ToString()));
  if (slope.rank() == 1) return {};
  std::vector<int64_t> axes = Range(0, static_cast<int64_t>(slope.rank()));
  axes.erase(axes.begin() + static_cast<std::ptrdiff_t>(first));
  e.SetInput(1, e.AddNode("Squeeze", {e.node().input(1)}, {ir::Attribute("axes", std::move(axes))}, "slope"));
  return {};
}

Status GemmUp(NodeEditor& e) {
  if (e.Has("broadcast")) e.SetChanged();
  e.Remove("broadcast");
  return {};
}

Status GemmDown(NodeEditor& e) {
  e.Set("broadcast", int64_t{1});
  e.SetChanged();
  if (!e.shape(2)) return Unsupported("the shape of C, which broadcasts both ways since opset 7, is not known");
  for (size_t i = 0; e.shape(2)->rank() == 2 && i < 2; ++i)
    if (IsOne((*e.shape(2))[i]))
      return Unsupported(fmt::format("C is {}; a dim of 1 that broadcasts came with opset 7", e.shape(2)->ToString()));
  return {};
}

// C may be left out since opset 11.
Status GemmNeedsC(NodeEditor& e) {
  if (e.HasInput(2)) return {};
  ASSIGN_OR_RETURN(const DataType dtype, e.Dtype(0));
  ASSIGN_OR_RETURN(ir::Value * zero, e.AddNumber("zero", dtype, 0));
  e.SetInput(2, zero);
  return {};
}

Status VariadicDown(NodeEditor& e) {
  for (size_t i = 0; i < e.node().inputs().size(); ++i)
    if (!e.shape(i) || !SameShape(*e.shape(0), *e.shape(i)))
      return Unsupported("its inputs are not known to have one shape; broadcasting came with opset 8");
  return {};
}

constexpr Adapter kRows[] = {
    {"Add", 7, BinaryUp, BinaryDown},  {"Sub", 7, BinaryUp, BinaryDown},     {"Mul", 7, BinaryUp, BinaryDown},
    {"Div", 7, BinaryUp, BinaryDown},  {"Pow", 7, BinaryUp, BinaryDown},     {"And", 7, BinaryUp, BinaryDown},
    {"Or", 7, BinaryUp, BinaryDown},   {"Xor", 7, BinaryUp, BinaryDown},     {"Equal", 7, BinaryUp, BinaryDown},
    {"Less", 7, BinaryUp, BinaryDown}, {"Greater", 7, BinaryUp, BinaryDown}, {"PRelu", 7, PReluUp, PReluDown},
    {"Gemm", 7, GemmUp, GemmDown},     {"Gemm", 11, nullptr, GemmNeedsC},    {"Max", 8, nullptr, VariadicDown},
    {"Min", 8, nullptr, VariadicDown}, {"Sum", 8, nullptr, VariadicDown},    {"Mean", 8, nullptr, VariadicDown},
};

}  // namespace

std::span<const Adapter> BroadcastAdapters() { return kRows; }

}  // namespace sardonyx::optimize::version
