// The part of GraphBuilder that knows shapes: what moves elements, and sizes as values.
#include <algorithm>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "ops/graph_builder.h"

namespace sardonyx::ops {
namespace {

constexpr int64_t kToTheEnd = std::numeric_limits<int64_t>::max();

bool SameDims(const ir::Shape& shape, const std::vector<ir::Dim>& dims) {
  return shape.rank() == dims.size() && std::equal(dims.begin(), dims.end(), shape.dims().begin());
}

// A constant shape for Reshape that means the same as `elements`: 0 where the input's size is copied, -1 for one that
// follows from the others. Empty where there is none.
std::optional<std::vector<int64_t>> StaticReshape(const ir::Shape* from, const std::vector<ir::Dim>& elements) {
  std::vector<int64_t> shape;
  bool inferred = false;
  const auto is = [&](int64_t value) {
    return std::any_of(elements.begin(), elements.end(), [&](const ir::Dim& dim) { return dim.is_constant(value); });
  };
  if (is(0)) return std::nullopt;
  inferred = is(-1);
  for (size_t i = 0; i < elements.size(); ++i) {
    if (elements[i].is_constant()) {
      shape.push_back(elements[i].value());
    } else if (from != nullptr && i < from->rank() && (*from)[i] == elements[i]) {
      shape.push_back(0);
    } else if (!inferred) {
      shape.push_back(-1);
      inferred = true;
    } else {
      return std::nullopt;
    }
  }
  return shape;
}

}  // namespace

ir::Value* GraphBuilder::Cast(Value value, DataType to) {
  if (dtype(value) == to) return value;
  if (const Tensor* known = constant(value); known && known->rank() == 0) {
    if (known->dtype() == DataType::kInt64) return Number(known->data<int64_t>()[0], to);
    if (known->dtype() == DataType::kDouble) return Number(known->data<double>()[0], to);
    if (known->dtype() == DataType::kFloat) return Number(static_cast<double>(known->data<float>()[0]), to);
    if (known->dtype() == DataType::kBool) return Number(int64_t{known->data<bool>()[0]}, to);
  }
  return Op("Cast", {value}, {{"to", to}});
}

ir::Value* GraphBuilder::Transpose(Value value, const std::vector<int64_t>& perm) {
  if (std::is_sorted(perm.begin(), perm.end())) return value;
  // Of a transpose: one transpose of both.
  const ir::Node* before = value != nullptr ? value->producer() : nullptr;
  if (before != nullptr && before->op_type == "Transpose" && before->domain.empty()) {
    const std::vector<int64_t> inner = before->GetInts("perm");
    if (inner.size() == perm.size()) {
      std::vector<int64_t> both;
      for (const int64_t axis : perm) both.push_back(inner[static_cast<size_t>(axis)]);
      return Transpose(before->input(0), both);
    }
  }
  return Op("Transpose", {value}, {{"perm", perm}});
}

ir::Value* GraphBuilder::SwapAxes(Value value, int64_t a, int64_t b) {
  const auto count = static_cast<int64_t>(rank(value));
  if (a < 0) a += count;
  if (b < 0) b += count;
  if (a < 0 || b < 0 || a >= count || b >= count) {
    if (count != 0) Fail(Invalid(fmt::format("axes {} and {} of a tensor of rank {}", a, b, count)));
    return value;
  }
  std::vector<int64_t> perm(static_cast<size_t>(count));
  std::iota(perm.begin(), perm.end(), 0);
  std::swap(perm[static_cast<size_t>(a)], perm[static_cast<size_t>(b)]);
  return Transpose(value, perm);
}

namespace {

// Nothing where the axes are none of the result's, or repeated.
std::optional<Dims> UnsqueezedDims(const Dims& dims, std::vector<int64_t> axes) {
  const auto rank = static_cast<int64_t>(dims.rank() + axes.size());
  for (int64_t& axis : axes) axis += axis < 0 ? rank : 0;
  std::vector<int64_t> result(static_cast<size_t>(rank), 0);
  for (const int64_t axis : axes) {
    if (axis < 0 || axis >= rank || result[static_cast<size_t>(axis)] != 0) return std::nullopt;
    result[static_cast<size_t>(axis)] = 1;
  }
  size_t next = 0;
  std::vector<bool> added(result.begin(), result.end());
  for (size_t i = 0; i < result.size(); ++i)
    if (!added[i]) result[i] = dims[next++];
  return Dims(std::span<const int64_t>(result));
}

}  // namespace

ir::Value* GraphBuilder::Unsqueeze(Value value, std::vector<int64_t> axes) {
  if (axes.empty()) return value;
  if (axes.size() == 1 && (axes[0] == 0 || axes[0] == -1))
    if (const auto found = vector_of_.find(value); found != vector_of_.end()) return found->second;
  // Known integers of any rank: what inference knows of elements ends at vectors.
  if (const Tensor* known = constant(value); known != nullptr && IsInteger(known->dtype())) {
    if (std::optional<Dims> dims = UnsqueezedDims(known->dims(), axes)) {
      if (StatusOr<Tensor> reshaped = known->Reshaped(*dims); reshaped.ok()) return Constant(*std::move(reshaped));
    }
  }
  return Op("Unsqueeze", {value, Ints(axes)});
}

ir::Value* GraphBuilder::Squeeze(Value value, std::vector<int64_t> axes) {
  if (axes.empty()) return value;
  Value squeezed = Op("Squeeze", {value, Ints(axes)});
  if (known_rank(value) == size_t{1}) vector_of_[squeezed] = value;
  return squeezed;
}

ir::Value* GraphBuilder::Reshape(Value value, Value to) {
  const std::optional<std::vector<ir::Dim>> dims = elements(to);
  if (!dims) return Op("Reshape", {value, to});
  const ir::Shape* from = shape(value);
  const bool known = std::none_of(dims->begin(), dims->end(), [](const ir::Dim& dim) { return dim.is_unknown() || dim.is_constant(-1); });
  if (from != nullptr && known && SameDims(*from, *dims)) return value;
  // One reshape of a reshape's input does for both.
  if (value != nullptr && value->producer() != nullptr && value->producer()->op_type == "Reshape") {
    Value before = value->producer()->input(0);
    const bool copies = std::any_of(dims->begin(), dims->end(), [](const ir::Dim& dim) { return dim.is_constant(0); });
    if (!copies) return Reshape(before, to);
  }
  Value result;
  if (const std::optional<std::vector<int64_t>> constant_shape = StaticReshape(from, *dims)) {
    result = Op("Reshape", {value, Ints(*constant_shape)});
  } else {
    const bool zero = std::any_of(dims->begin(), dims->end(), [](const ir::Dim& dim) { return dim.is_constant(0); });
    const bool inferred = std::any_of(dims->begin(), dims->end(), [](const ir::Dim& dim) { return dim.is_constant(-1); });
    result = zero && !inferred ? Op("Reshape", {value, to}, {{"allowzero", 1}}) : Op("Reshape", {value, to});
  }
  if (known) Declare(result, ir::Type::Tensor(dtype(value), ir::Shape(*dims)));
  return result;
}

ir::Value* GraphBuilder::Flatten(Value value) { return known_rank(value) == size_t{1} ? value : Reshape(value, {-1}); }

ir::Value* GraphBuilder::Expand(Value value, Value to) {
  const ir::Shape* from = shape(value);
  const std::optional<std::vector<ir::Dim>> dims = elements(to);
  if (from == nullptr || !dims) return Op("Expand", {value, to});
  // Sizes of 1 change nothing, nor do those that the value has.
  bool same = from->rank() >= dims->size();
  for (size_t i = 0; same && i < dims->size(); ++i) {
    const ir::Dim& size = (*dims)[i];
    same = size.is_constant(1) || size == (*from)[from->rank() - dims->size() + i];
  }
  return same ? value : Op("Expand", {value, to});
}

ir::Value* GraphBuilder::Concat(Values values, int64_t axis) {
  if (values.size() == 1) return values[0];
  if (values.empty()) Fail(Internal("concatenation of nothing"));
  return Op("Concat", std::move(values), {{"axis", axis}});
}

ir::Value* GraphBuilder::Gather(Value value, Value indices, int64_t axis) { return Op("Gather", {value, indices}, {{"axis", axis}}); }

ir::Value* GraphBuilder::Slice(Value value, int64_t axis, Value begin, Value end, int64_t step) {
  const auto vector = [&](Value bound) { return known_rank(bound) == size_t{0} ? Unsqueeze(bound, {0}) : bound; };
  const std::optional<std::vector<int64_t>> first = constant_ints(begin), last = constant_ints(end);
  const std::optional<std::vector<ir::Dim>> end_dim = elements(end);
  if (step == 1 && first && first->size() == 1 && (*first)[0] == 0) {
    const ir::Dim size = dim(value, axis);
    const bool past = last && last->size() == 1 && ((*last)[0] == kToTheEnd || (size.is_constant() && (*last)[0] >= size.value()));
    if (past || (end_dim && end_dim->size() == 1 && (*end_dim)[0] == size)) return value;
  }
  return Op("Slice", {value, vector(begin), vector(end), Ints({axis}), step == 1 ? nullptr : Ints({step})});
}

ir::Value* GraphBuilder::Slice(Value value, int64_t axis, int64_t begin, int64_t end, int64_t step) {
  return Slice(value, axis, Ints({begin}), Ints({end}), step);
}

ir::Value* GraphBuilder::Reduce(std::string_view op_type, Value value, const std::vector<int64_t>& axes, bool keepdims) {
  return Op(op_type, {value, axes.empty() ? nullptr : Ints(axes)}, {{"keepdims", keepdims ? 1 : 0}});
}

ir::Value* GraphBuilder::ShapeOf(Value value) { return Op("Shape", {value}); }

ir::Value* GraphBuilder::SizeOf(Value value, int64_t axis) {
  if (!ok()) return Unknown(1)[0];
  const ir::Dim size = dim(value, axis);
  if (size.is_constant()) return Int(size.value());
  const std::string key = size.is_symbolic() ? size.ToString() : "";
  if (!key.empty())
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope)
      if (const auto found = scope->sizes.find(key); found != scope->sizes.end()) return found->second;
  const auto count = static_cast<int64_t>(rank(value));
  if (axis < 0) axis += count;
  Value vector = Op("Shape", {value}, {{"end", axis + 1}, {"start", axis}});
  Value scalar = Squeeze(vector, {0});
  if (!key.empty()) scopes_.back().sizes.emplace(key, scalar);
  return scalar;
}

ir::Value* GraphBuilder::Stack1D(const Values& scalars) {
  Values parts;
  for (Value scalar : scalars) parts.push_back(known_rank(scalar) == size_t{0} ? Unsqueeze(scalar, {0}) : scalar);
  if (parts.empty()) return Ints({});
  return Concat(std::move(parts), 0);
}

}  // namespace sardonyx::ops
