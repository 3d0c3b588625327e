#include "kernels/gemm/einsum.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "kernels/gemm/aligned_buffer.h"
#include "kernels/gemm/matmul.h"

namespace sardonyx::kernels {
namespace {

// A tensor whose axes are distinct labels, or, before its first use, possibly repeated ones (a diagonal).
template <class T>
struct Operand {
  EinsumTerm labels;
  std::vector<int64_t> dims;
  const T* data = nullptr;
  AlignedBuffer<T> held;  // what data points to, when an intermediate
};

bool Contains(const EinsumTerm& term, int label) { return std::find(term.begin(), term.end(), label) != term.end(); }

StatusOr<int64_t> SizeOf(const EinsumEquation& e, const EinsumTerm& labels) {
  int64_t size = 1;
  for (int label : labels) {
    const int64_t dim = e.size[static_cast<size_t>(label)];
    if (dim != 0 && size > (int64_t{1} << 38) / dim) return Resource("an intermediate of the equation is too large");
    size *= dim;
  }
  return size;
}

// The operand's elements in the order of `labels` (a subset of its own, the rest summed over).
template <class T>
StatusOr<Operand<T>> Gather(const EinsumEquation& e, const Operand<T>& in, const EinsumTerm& labels) {
  EinsumTerm order = labels;
  for (int label : in.labels)
    if (!Contains(order, label)) order.push_back(label);
  // The stride of a label is the sum over the axes that carry it; an axis of 1 is broadcast.
  std::vector<int64_t> dims, strides(order.size(), 0);
  int64_t stride = 1;
  for (size_t axis = in.labels.size(); axis-- > 0;) {
    const size_t place = static_cast<size_t>(std::find(order.begin(), order.end(), in.labels[axis]) - order.begin());
    if (in.dims[axis] != 1) strides[place] += stride;
    stride *= in.dims[axis];
  }
  // A label that this operand has only with size 1 is not repeated when it is summed over.
  for (size_t i = 0; i < order.size(); ++i) {
    bool wide = false;
    for (size_t axis = 0; axis < in.labels.size(); ++axis) wide = wide || (in.labels[axis] == order[i] && in.dims[axis] != 1);
    dims.push_back(wide || i < labels.size() ? e.size[static_cast<size_t>(order[i])] : 1);
  }
  int64_t summed = 1;
  for (size_t i = labels.size(); i < order.size(); ++i) summed *= dims[i];

  Operand<T> out;
  out.labels = labels;
  out.dims.assign(dims.begin(), dims.begin() + static_cast<int64_t>(labels.size()));
  ASSIGN_OR_RETURN(const int64_t count, SizeOf(e, labels));
  out.held = AlignedBuffer<T>(count);
  if (!out.held) return Resource(fmt::format("no memory for {} elements", count));
  out.data = out.held.data();
  std::vector<int64_t> index(order.size(), 0);
  int64_t offset = 0;
  for (int64_t i = 0; i < count; ++i) {
    T sum{};
    for (int64_t j = 0; j < summed; ++j) {
      sum = WrappingMulAdd<T>(T{1}, in.data[offset], sum);
      for (size_t axis = order.size(); axis-- > 0;) {  // step to the next index
        offset += strides[axis];
        if (++index[axis] < dims[axis]) break;
        offset -= strides[axis] * dims[axis];
        index[axis] = 0;
      }
    }
    out.held.data()[i] = sum;
  }
  return out;
}

template <class T>
void Multiply(const MatMulShape& shape, const T* a, const T* b, T* y, ThreadPool& pool, AlignedBuffer<char>& scratch) {
  if constexpr (std::is_same_v<T, float>) {
    MatMulF32Arguments m{.shape = shape, .a = a, .b = b};
    m.y = y;
    scratch = AlignedBuffer<char>(static_cast<int64_t>(MatMulF32Workspace(m, pool.threads())));
    if (scratch) return MatMulF32(m, scratch.data(), pool);
  }
  MatMulGeneric<T>(shape, a, b, false, false, y, pool);
}

// Labels of an operand that are more than a broadcast 1.
template <class T>
EinsumTerm WideLabels(const EinsumEquation& e, const Operand<T>& operand) {
  EinsumTerm labels;
  for (size_t i = 0; i < operand.labels.size(); ++i) {
    const int label = operand.labels[i];
    if (operand.dims[i] == e.size[static_cast<size_t>(label)] && !Contains(labels, label)) labels.push_back(label);
  }
  return labels;
}

// a * b, summed over the labels that are in both and not in `keep`.
template <class T>
StatusOr<Operand<T>> Contract(const EinsumEquation& e, const Operand<T>& a, const Operand<T>& b, const EinsumTerm& keep, ThreadPool& pool) {
  const EinsumTerm in_a = WideLabels(e, a), in_b = WideLabels(e, b);
  EinsumTerm batch, sum, rows, columns;
  for (int label : in_a) {
    if (Contains(in_b, label))
      (Contains(keep, label) ? batch : sum).push_back(label);
    else if (Contains(keep, label))
      rows.push_back(label);
  }
  for (int label : in_b)
    if (!Contains(in_a, label) && Contains(keep, label)) columns.push_back(label);
  const auto join = [](std::initializer_list<const EinsumTerm*> parts) {
    EinsumTerm all;
    for (const EinsumTerm* part : parts) all.insert(all.end(), part->begin(), part->end());
    return all;
  };
  ASSIGN_OR_RETURN(Operand<T> left, Gather(e, a, join({&batch, &rows, &sum})));
  ASSIGN_OR_RETURN(Operand<T> right, Gather(e, b, join({&batch, &sum, &columns})));
  Operand<T> out;
  out.labels = join({&batch, &rows, &columns});
  for (int label : out.labels) out.dims.push_back(e.size[static_cast<size_t>(label)]);
  ASSIGN_OR_RETURN(const int64_t count, SizeOf(e, out.labels));
  out.held = AlignedBuffer<T>(count);
  if (!out.held) return Resource(fmt::format("no memory for {} elements", count));
  out.data = out.held.data();
  ASSIGN_OR_RETURN(const int64_t batches, SizeOf(e, batch));
  ASSIGN_OR_RETURN(const int64_t m, SizeOf(e, rows));
  ASSIGN_OR_RETURN(const int64_t k, SizeOf(e, sum));
  ASSIGN_OR_RETURN(const int64_t n, SizeOf(e, columns));
  ASSIGN_OR_RETURN(const MatMulShape shape, PlanMatMul(Dims{batches, m, k}, Dims{batches, k, n}));
  AlignedBuffer<char> scratch;
  Multiply<T>(shape, left.data, right.data, out.held.data(), pool, scratch);
  return out;
}

}  // namespace

template <class T>
Status Einsum(const EinsumEquation& e, std::span<const Dims> dims, std::span<const T* const> inputs, T* y, ThreadPool& pool) {
  const auto operand = [&](size_t i) {
    Operand<T> o;
    o.labels = e.inputs[i];
    o.dims.assign(dims[i].begin(), dims[i].end());
    o.data = inputs[i];
    return o;
  };
  Operand<T> result = operand(0);
  for (size_t i = 1; i < inputs.size(); ++i) {
    EinsumTerm keep = e.output;
    for (size_t later = i + 1; later < inputs.size(); ++later) keep.insert(keep.end(), e.inputs[later].begin(), e.inputs[later].end());
    ASSIGN_OR_RETURN(result, Contract(e, result, operand(i), keep, pool));
  }
  ASSIGN_OR_RETURN(const Operand<T> ordered, Gather(e, result, e.output));
  std::copy_n(ordered.data, e.output_dims.num_elements(), y);
  return Status();
}

template Status Einsum<float>(const EinsumEquation&, std::span<const Dims>, std::span<const float* const>, float*, ThreadPool&);
template Status Einsum<double>(const EinsumEquation&, std::span<const Dims>, std::span<const double* const>, double*, ThreadPool&);
template Status Einsum<int64_t>(const EinsumEquation&, std::span<const Dims>, std::span<const int64_t* const>, int64_t*, ThreadPool&);

}  // namespace sardonyx::kernels
