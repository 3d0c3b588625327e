// Pooling: attributes that came one by one.
#include <algorithm>

#include "base/status_macros.h"
#include "optimize/version/adapter.h"

namespace sardonyx::optimize::version {
namespace {

bool AllOnes(const std::vector<int64_t>& values) {
  return std::all_of(values.begin(), values.end(), [](int64_t value) { return value == 1; });
}

// Rounding the output size up or down makes no difference where it divides evenly.
bool CeilModeMatters(NodeEditor& e) {
  if (e.Int("ceil_mode") == 0) return false;
  const std::vector<int64_t> kernel = e.node().GetInts("kernel_shape"), pads = e.node().GetInts("pads"),
                             strides = e.node().GetInts("strides");
  if (e.String("auto_pad", "NOTSET") != "NOTSET") return true;
  if ((!pads.empty() && pads.size() != 2 * kernel.size()) || (!strides.empty() && strides.size() != kernel.size())) return true;
  for (size_t i = 0; i < kernel.size(); ++i) {
    const std::optional<int64_t> dim = e.Dim(0, i + 2);
    if (!dim) return true;
    const int64_t padded = *dim + (pads.empty() ? 0 : pads[i] + pads[i + kernel.size()]);
    if ((padded - kernel[i]) % (strides.empty() ? 1 : std::max<int64_t>(strides[i], 1)) != 0) return true;
  }
  return false;
}

// `version`: with which the attributes came.
Status CeilAndDilationsDown(NodeEditor& e, int version) {
  if (e.Has("dilations")) {
    if (!AllOnes(e.node().GetInts("dilations"))) return Unsupported(fmt::format("dilations came with opset {}", version));
    e.Remove("dilations");
    e.SetChanged();
  }
  if (e.Int("ceil_mode") == 0) return {};
  if (CeilModeMatters(e)) return Unsupported(fmt::format("ceil_mode = 1 came with opset {}", version));
  e.Remove("ceil_mode");
  e.SetChanged();
  return {};
}

Status Pool10Down(NodeEditor& e) { return CeilAndDilationsDown(e, 10); }

Status LpPool18Down(NodeEditor& e) { return CeilAndDilationsDown(e, 18); }

Status Dilations19Down(NodeEditor& e) {
  if (!e.Has("dilations")) return {};
  if (!AllOnes(e.node().GetInts("dilations"))) return Unsupported("dilations came with opset 19");
  e.Remove("dilations");
  e.SetChanged();
  return {};
}

// Where the size is rounded up, the last window may begin in the padding behind the input. Since opset 22 such a window does not
// count: then it is as if the size were rounded down.
Status LastWindowDown(NodeEditor& e) {
  if (e.Int("ceil_mode") == 0 || e.String("auto_pad", "NOTSET") != "NOTSET") return {};
  const std::vector<int64_t> kernel = e.node().GetInts("kernel_shape"), pads = e.node().GetInts("pads"),
                             strides = e.node().GetInts("strides"), dilations = e.node().GetInts("dilations");
  const auto fits = [&](const std::vector<int64_t>& values, size_t size) { return values.empty() || values.size() == size; };
  if (!fits(pads, 2 * kernel.size()) || !fits(strides, kernel.size()) || !fits(dilations, kernel.size()))
    return Unsupported("its attributes are not of one rank");
  bool ignored = false, rounded = false;
  for (size_t i = 0; i < kernel.size(); ++i) {
    const int64_t stride = strides.empty() ? 1 : std::max<int64_t>(strides[i], 1), before = pads.empty() ? 0 : pads[i];
    const int64_t behind = pads.empty() ? 0 : pads[i + kernel.size()],
                  extent = (kernel[i] - 1) * (dilations.empty() ? 1 : dilations[i]) + 1;
    if (stride + behind <= extent) {  // a window that begins there would not reach beyond the padding
      rounded = rounded || stride > 1;
      continue;
    }
    const std::optional<int64_t> dim = e.Dim(0, i + 2);
    if (!dim) return Unsupported("a last window in the padding does not count since opset 22, and the size of its input is not known");
    const int64_t room = *dim + before + behind - extent, last = (room + stride - 1) / stride * stride;
    ignored = ignored || last >= *dim + before;
    rounded = rounded || (last < *dim + before && room % stride != 0);
  }
  if (!ignored) return {};
  if (rounded)
    return Unsupported("the last window does not count along one axis, as since opset 22, and the size is rounded up along another");
  e.Remove("ceil_mode");
  e.SetChanged();
  return {};
}

// The order of the elements says something of the indices only.
Status StorageOrderDown(NodeEditor& e) {
  if (e.WantsOutput(1)) return Unsupported("the indices of the maxima came with opset 8");
  if (e.node().outputs().size() > 1) e.TruncateOutputs(1);
  e.Remove("storage_order");
  e.SetChanged();
  return {};
}

// Counting the padding is what pooling does over an input that a Pad has made larger.
Status CountIncludePadDown(NodeEditor& e) {
  if (e.Int("count_include_pad") == 0) return {};
  const std::vector<int64_t> pads = e.node().GetInts("pads");
  if (e.String("auto_pad", "NOTSET") != "NOTSET" && e.String("auto_pad") != "VALID")
    return Unsupported("count_include_pad with auto_pad came with opset 7");
  if (!std::all_of(pads.begin(), pads.end(), [](int64_t pad) { return pad == 0; })) {
    std::vector<int64_t> all(pads.size() / 2 + 2, 0);
    std::copy_n(pads.begin(), pads.size() / 2, all.begin() + 2);
    all.insert(all.end(), 2, 0);
    all.insert(all.end(), pads.begin() + static_cast<std::ptrdiff_t>(pads.size() / 2), pads.end());
    e.SetInput(0, e.AddNode("Pad", {e.node().input(0)}, {ir::Attribute("pads", std::move(all))}, "padded"));
    e.Remove("pads");
  }
  e.Remove("count_include_pad");
  e.SetChanged();
  return {};
}

// p is an integer since opset 2.
Status PUp(NodeEditor& e) {
  const float p = e.Float("p", 2);
  if (p != std::floor(p)) return Unsupported(fmt::format("p is {}; since opset 2 it is an integer", p));
  if (!e.Has("p")) return {};
  e.Set("p", static_cast<int64_t>(p));
  e.SetChanged();
  return {};
}

Status PDown(NodeEditor& e) {
  if (!e.Has("p")) return {};
  e.Set("p", static_cast<float>(e.Int("p")));
  e.SetChanged();
  return {};
}

// kernel_shape must be there since opset 2; without it, the window is the whole input.
Status LpPoolUp(NodeEditor& e) {
  RETURN_IF_ERROR(PUp(e));
  if (e.Has("kernel_shape")) return {};
  ASSIGN_OR_RETURN(const int64_t rank, e.Rank(0));
  std::vector<int64_t> kernel;
  for (int64_t axis = 2; axis < rank; ++axis) {
    const std::optional<int64_t> dim = e.Dim(0, static_cast<size_t>(axis));
    if (!dim) return Unsupported("it has no kernel_shape, and the size of its input is not known");
    kernel.push_back(*dim);
  }
  e.Set("kernel_shape", std::move(kernel));
  e.SetChanged();
  return {};
}

Status RoiAlignUp(NodeEditor& e) {
  e.Set("coordinate_transformation_mode", std::string("output_half_pixel"));
  e.SetChanged();
  return {};
}

Status RoiAlignDown(NodeEditor& e) {
  const std::string mode = e.String("coordinate_transformation_mode", "half_pixel");
  if (mode != "output_half_pixel")
    return Unsupported(fmt::format("coordinate_transformation_mode '{}' came with opset 16; before, it was 'output_half_pixel'", mode));
  e.Remove("coordinate_transformation_mode");
  e.SetChanged();
  return {};
}

constexpr Adapter kRows[] = {
    {"MaxPool", 8, nullptr, StorageOrderDown},
    {"MaxPool", 10, nullptr, Pool10Down},
    {"AveragePool", 7, nullptr, CountIncludePadDown},
    {"AveragePool", 10, nullptr, Pool10Down},
    {"AveragePool", 19, nullptr, Dilations19Down},
    {"MaxPool", 22, nullptr, LastWindowDown},
    {"AveragePool", 22, nullptr, LastWindowDown},
    {"LpPool", 2, LpPoolUp, PDown},
    {"LpPool", 18, nullptr, LpPool18Down},
    {"GlobalLpPool", 2, PUp, PDown},
    {"RoiAlign", 16, RoiAlignUp, RoiAlignDown},
};

}  // namespace

std::span<const Adapter> PoolAdapters() { return kRows; }

}  // namespace sardonyx::optimize::version
