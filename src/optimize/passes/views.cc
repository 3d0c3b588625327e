#include "optimize/passes/views.h"

#include <algorithm>
#include <numeric>

#include "optimize/passes/conditions.h"

namespace sardonyx::optimize {
namespace {

int64_t Product(const std::vector<int64_t>& dims) {
  return std::accumulate(dims.begin(), dims.end(), int64_t{1}, [](int64_t a, int64_t b) { return a * b; });
}

// Positive, and small enough that strides can be computed.
bool IsModest(const std::vector<int64_t>& dims) {
  constexpr int64_t kMaxElements = int64_t{1} << 40;
  int64_t elements = 1;
  for (int64_t dim : dims) {
    if (dim < 1 || dim > kMaxElements / elements) return false;
    elements *= dim;
  }
  return true;
}

// The same elements under other dims, as far as no copy is needed: groups of old axes that lie densely become groups of new ones.
bool Reshape(StridedView& view, const std::vector<int64_t>& to) {
  std::vector<int64_t> from, stride;
  for (size_t i = 0; i < view.dims.size(); ++i) {
    if (view.dims[i] == 1) continue;
    from.push_back(view.dims[i]);
    stride.push_back(view.strides[i]);
  }
  std::vector<int64_t> strides(to.size(), 0);
  size_t old_begin = 0;
  for (size_t begin = 0; begin < to.size();) {
    if (to[begin] == 1) {
      ++begin;
      continue;
    }
    if (old_begin >= from.size()) return false;
    size_t end = begin + 1, old_end = old_begin + 1;
    for (int64_t product = to[begin], old_product = from[old_begin]; product != old_product;) {
      if (product < old_product) {
        if (end >= to.size()) return false;
        product *= to[end++];
      } else {
        if (old_end >= from.size()) return false;
        old_product *= from[old_end++];
      }
    }
    for (size_t i = old_begin; i + 1 < old_end; ++i)
      if (stride[i] != from[i + 1] * stride[i + 1]) return false;
    int64_t next = stride[old_end - 1];
    for (size_t i = end; i-- > begin;) {
      strides[i] = next;
      next *= to[i];
    }
    begin = end;
    old_begin = old_end;
  }
  if (old_begin != from.size()) return false;
  view.dims = to;
  view.strides = std::move(strides);
  return true;
}

bool Transpose(StridedView& view, const ir::Node& node) {
  std::vector<int64_t> perm = node.GetInts("perm");
  const size_t rank = view.dims.size();
  if (perm.empty())
    for (size_t i = rank; i-- > 0;) perm.push_back(static_cast<int64_t>(i));
  if (perm.size() != rank) return false;
  std::vector<int64_t> dims, strides;
  for (int64_t axis : perm) {
    if (axis < 0 || axis >= static_cast<int64_t>(rank)) return false;
    dims.push_back(view.dims[static_cast<size_t>(axis)]);
    strides.push_back(view.strides[static_cast<size_t>(axis)]);
  }
  view.dims = std::move(dims);
  view.strides = std::move(strides);
  ++view.transposes;
  return true;
}

// One slice, by a scalar.
bool Gather(StridedView& view, const ir::Node& node) {
  const std::optional<Tensor> index = ConstantTensor(node.input(1));
  const std::optional<double> number = index && index->rank() == 0 ? ScalarOf(*index) : std::nullopt;
  const int64_t rank = static_cast<int64_t>(view.dims.size());
  int64_t axis = node.GetInt("axis", 0);
  if (axis < 0) axis += rank;
  if (!number || axis < 0 || axis >= rank) return false;
  const int64_t size = view.dims[static_cast<size_t>(axis)];
  int64_t at = static_cast<int64_t>(*number);
  if (at < 0) at += size;
  if (at < 0 || at >= size) return false;
  view.offset += at * view.strides[static_cast<size_t>(axis)];
  view.dims.erase(view.dims.begin() + axis);
  view.strides.erase(view.strides.begin() + axis);
  ++view.gathers;
  return true;
}

bool Apply(StridedView& view, const ir::Node& node) {
  if (!ir::NormalDomain(node.domain).empty()) return false;
  if (node.op_type == "Transpose") return Transpose(view, node);
  if (node.op_type == "Gather") return Gather(view, node);
  const auto to = StaticDims(node.output(0));
  return to && IsModest(*to) && Reshape(view, *to);
}

bool MayBeView(const ir::Node* node) {
  return node && (node->op_type == "Reshape" || node->op_type == "Transpose" || node->op_type == "Gather" || node->op_type == "Squeeze" ||
                  node->op_type == "Unsqueeze" || node->op_type == "Flatten");
}

}  // namespace

std::optional<StridedView> ViewOf(ir::Value* value) {
  // The nodes of the chain, the last first; where one is no view of what stands before it, the chain begins behind it.
  std::vector<const ir::Node*> chain;
  constexpr size_t kMaxChain = 16;
  for (ir::Value* at = value; MayBeView(at->producer()) && at->producer()->input(0) && chain.size() < kMaxChain;
       at = at->producer()->input(0)) {
    chain.push_back(at->producer());
  }
  for (; ; chain.pop_back()) {
    ir::Value* base = chain.empty() ? value : chain.back()->input(0);
    const auto dims = StaticDims(base);
    if (dims && base->graph() == value->graph() && IsModest(*dims)) {
      StridedView view;
      view.base = base;
      view.base_dims = view.dims = *dims;
      view.strides.assign(dims->size(), 1);
      for (size_t i = dims->size(); i-- > 1;) view.strides[i - 1] = view.strides[i] * (*dims)[i];
      if (std::all_of(chain.rbegin(), chain.rend(), [&](const ir::Node* node) { return Apply(view, *node); })) return view;
    }
    if (chain.empty()) return std::nullopt;
  }
}

std::optional<Arrangement> ArrangementOf(const StridedView& view, int64_t columns) {
  const int64_t rows = columns > 0 ? Product(view.base_dims) / columns : 0;
  if (rows < 1 || view.offset >= columns) return std::nullopt;
  std::vector<size_t> axes;  // those larger than 1 as they lie in memory
  for (size_t i = 0; i < view.dims.size(); ++i)
    if (view.dims[i] != 1) axes.push_back(i);
  std::sort(axes.begin(), axes.end(), [&](size_t a, size_t b) { return view.strides[a] > view.strides[b]; });
  // From the innermost: a dense range of columns, then all rows.
  int64_t dense = 1, all_rows = 1;
  for (size_t i = axes.size(); i-- > 0;) {
    const int64_t stride = view.strides[axes[i]], size = view.dims[axes[i]];
    if (all_rows == 1 && stride == dense && dense * size <= columns) {
      dense *= size;
    } else if (stride == columns * all_rows) {
      all_rows *= size;
    } else {
      return std::nullopt;
    }
  }
  if (all_rows != rows || view.offset + dense > columns) return std::nullopt;
  // An axis of size 1 keeps its place.
  for (size_t i = 0; i < view.dims.size(); ++i)
    if (view.dims[i] == 1) axes.insert(axes.begin() + static_cast<std::ptrdiff_t>(std::min(i, axes.size())), i);
  Arrangement result;
  result.first_column = view.offset;
  result.columns = dense;
  result.perm.resize(axes.size());
  for (size_t i = 0; i < axes.size(); ++i) {
    result.shape.push_back(view.dims[axes[i]]);
    result.perm[axes[i]] = static_cast<int64_t>(i);
  }
  return result;
}

}  // namespace sardonyx::optimize
