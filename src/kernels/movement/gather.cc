#include "kernels/movement/gather.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "kernels/movement/row_walk.h"
#include "kernels/movement/shape_math.h"

namespace sardonyx::kernels {
namespace {

Status OutOfRange(int64_t index, int64_t position, int64_t size) {
  return Invalid(fmt::format("index {} (number {}) is not in [{}, {}) of the axis it indexes", index, position, -size, size));
}

template <class T>
double CopyCost(int64_t elements) {
  return 2 + static_cast<double>(elements) * (std::is_same_v<T, std::string> ? 20.0 : 0.1 * sizeof(T));
}

}  // namespace

Status CheckIndices(const Indices& indices, int64_t size) {
  for (int64_t i = 0; i < indices.count(); ++i)
    if (indices[i] < -size || indices[i] >= size) return OutOfRange(indices[i], i, size);
  return {};
}

void GatherAxis(Element element, const void* src, int64_t outer, int64_t size, int64_t inner, const Indices& indices, void* dst,
                ThreadPool* pool) {
  const int64_t count = indices.count();
  if (outer == 0 || inner == 0 || count == 0) return;
  DispatchElement(element, [&]<class T>() {
    const auto body = [&](int64_t begin, int64_t end) {
      for (int64_t item = begin; item < end; ++item) {
        const T* from = static_cast<const T*>(src) + (item / count * size + indices.At(item % count, size)) * inner;
        T* to = static_cast<T*>(dst) + item * inner;
        if (inner == 1)
          *to = *from;
        else
          std::copy_n(from, inner, to);
      }
    };
    RunParallel(pool, outer * count, CopyCost<T>(inner), body);
  });
}

Status CheckElementsIndices(std::span<const int64_t> dims, size_t axis, const Indices& indices, std::span<const int64_t> index_dims) {
  bool fits = dims.size() == index_dims.size();
  for (size_t i = 0; fits && i < dims.size(); ++i) fits = i == axis || index_dims[i] <= dims[i];
  if (!fits)
    return Invalid(fmt::format("indices of shape {} do not fit data of shape {} off axis {}", Dims(index_dims).ToString(),
                               Dims(dims).ToString(), axis));
  return CheckIndices(indices, dims[axis]);
}

void GatherElements(Element element, const void* src, std::span<const int64_t> dims, size_t axis, const Indices& indices,
                    std::span<const int64_t> out_dims, void* dst, ThreadPool* pool) {
  const ElementsWalk walk(dims, axis, out_dims);
  DispatchElement(element, [&]<class T>() {
    const auto body = [&](int64_t begin, int64_t end) {
      walk.ForRows(begin, end, [&](int64_t base, int64_t first) {
        T* to = static_cast<T*>(dst) + first;
        const T* from = static_cast<const T*>(src) + base;
        for (int64_t j = 0; j < walk.row(); ++j) to[j] = from[j * walk.step() + indices.At(first + j, walk.size()) * walk.stride()];
      });
    };
    RunParallel(pool, walk.rows(), 10 * CopyCost<T>(walk.row()), body);
  });
}

int64_t TuplePlan::Offset(const int64_t* indices, int64_t t) const {
  int64_t offset = t / (tuples / batches) * batch_elements;
  const int64_t* tuple = indices + t * static_cast<int64_t>(tuple_length);
  for (size_t i = 0; i < tuple_length; ++i) offset += (tuple[i] < 0 ? tuple[i] + sizes[i] : tuple[i]) * strides[i];
  return offset;
}

StatusOr<TuplePlan> PlanTuples(std::span<const int64_t> data_dims, std::span<const int64_t> index_dims, int64_t batch_dims) {
  if (data_dims.empty() || index_dims.empty()) return Invalid("data and indices must have at least one dimension");
  const auto rank = static_cast<int64_t>(data_dims.size());
  if (batch_dims < 0 || batch_dims >= std::min(rank, static_cast<int64_t>(index_dims.size())))
    return Invalid(fmt::format("batch_dims {} is not below the ranks of data and indices, {} and {}", batch_dims, rank, index_dims.size()));
  const int64_t length = index_dims.back();
  if (length < 1 || length > rank - batch_dims)
    return Invalid(fmt::format("indices of shape {} hold tuples of {}, but {} axes of the data can be indexed", Dims(index_dims).ToString(),
                               length, rank - batch_dims));
  TuplePlan plan;
  plan.batch_dims = static_cast<size_t>(batch_dims);
  plan.tuple_length = static_cast<size_t>(length);
  for (size_t i = 0; i < plan.batch_dims; ++i)
    if (data_dims[i] != index_dims[i])
      return Invalid(
          fmt::format("batch dimensions of data {} and indices {} differ", Dims(data_dims).ToString(), Dims(index_dims).ToString()));
  const Dims data(data_dims), index(index_dims), strides = RowMajorStrides(data_dims);
  plan.tuples = index.Product(0, index.rank() - 1);
  plan.batches = index.Product(0, plan.batch_dims);
  plan.batch_elements = data.Product(plan.batch_dims, data.rank());
  const size_t first_kept = plan.batch_dims + plan.tuple_length;
  plan.slice = data.Product(first_kept, data.rank());
  for (size_t i = plan.batch_dims; i < first_kept; ++i) {
    plan.sizes.push_back(data[i]);
    plan.strides.push_back(data.Product(i + 1, data.rank()));
  }
  for (size_t i = 0; i + 1 < index.rank(); ++i) plan.out_dims.push_back(index[i]);
  for (size_t i = first_kept; i < data.rank(); ++i) plan.out_dims.push_back(data[i]);
  return plan;
}

Status CheckTuples(const TuplePlan& plan, const int64_t* indices) {
  for (int64_t t = 0; t < plan.tuples; ++t)
    for (size_t i = 0; i < plan.tuple_length; ++i, ++indices)
      if (*indices < -plan.sizes[i] || *indices >= plan.sizes[i]) return OutOfRange(*indices, t, plan.sizes[i]);
  return {};
}

void GatherTuples(Element element, const TuplePlan& plan, const void* src, const int64_t* indices, void* dst, ThreadPool* pool) {
  if (plan.tuples == 0 || plan.slice == 0) return;
  DispatchElement(element, [&]<class T>() {
    const auto body = [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t)
        std::copy_n(static_cast<const T*>(src) + plan.Offset(indices, t), plan.slice, static_cast<T*>(dst) + t * plan.slice);
    };
    RunParallel(pool, plan.tuples, 5 + CopyCost<T>(plan.slice), body);
  });
}

}  // namespace sardonyx::kernels
