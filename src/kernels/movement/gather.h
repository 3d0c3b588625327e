// Gather, GatherElements, GatherND: elements picked by indices that come with the data.
#pragma once

#include <cstdint>
#include <span>

#include "base/thread_pool.h"
#include "kernels/movement/element.h"
#include "sardonyx/status.h"
#include "sardonyx/tensor.h"

namespace sardonyx::kernels {

// A list of int32 or int64 indices, of which negative ones count from the back.
class Indices {
 public:
  Indices(std::span<const int64_t> values) : wide_(values.data()), count_(static_cast<int64_t>(values.size())) {}    // NOLINT
  Indices(std::span<const int32_t> values) : narrow_(values.data()), count_(static_cast<int64_t>(values.size())) {}  // NOLINT
  int64_t count() const { return count_; }
  int64_t operator[](int64_t i) const { return wide_ != nullptr ? wide_[i] : narrow_[i]; }
  // The index counted from the front of an axis of `size`. Precondition: CheckIndices(*this, size) is ok.
  int64_t At(int64_t i, int64_t size) const {
    const int64_t index = (*this)[i];
    return index < 0 ? index + size : index;
  }

 private:
  const int64_t* wide_ = nullptr;
  const int32_t* narrow_ = nullptr;
  int64_t count_;
};

// kInvalid, naming the first offender, unless every index is in [-size, size).
Status CheckIndices(const Indices& indices, int64_t size);

// dst[outer, k, inner] = src[outer, indices[k], inner], where src is [outer, size, inner]. Precondition: CheckIndices.
void GatherAxis(Element element, const void* src, int64_t outer, int64_t size, int64_t inner, const Indices& indices, void* dst,
                ThreadPool* pool);

// dst[i] = src[i with i[axis] replaced by indices[i]] for every i of `out_dims`. kInvalid unless ranks are equal and
// out_dims fit in `dims` along the other axes; see CheckElementsIndices.
void GatherElements(Element element, const void* src, std::span<const int64_t> dims, size_t axis, const Indices& indices,
                    std::span<const int64_t> out_dims, void* dst, ThreadPool* pool);
// What GatherElements and ScatterElements ask of their shapes and indices.
Status CheckElementsIndices(std::span<const int64_t> dims, size_t axis, const Indices& indices, std::span<const int64_t> index_dims);

// The index tuples of GatherND and ScatterND as places in the data.
struct TuplePlan {
  int64_t tuples = 0;       // index tuples in all
  int64_t slice = 0;        // elements that one tuple picks, contiguous in the data
  size_t tuple_length = 0;  // indices of a tuple
  size_t batch_dims = 0;
  int64_t batches = 1;         // product of the batch dims
  int64_t batch_elements = 0;  // elements of the data per batch
  Dims sizes, strides;         // of the indexed axes of the data
  Dims out_dims;               // of GatherND's output and of ScatterND's updates
  // First element of the data that tuple t picks. Precondition: CheckTuples.
  int64_t Offset(const int64_t* indices, int64_t t) const;
};
// kInvalid if the shapes do not fit the operator.
StatusOr<TuplePlan> PlanTuples(std::span<const int64_t> data_dims, std::span<const int64_t> index_dims, int64_t batch_dims);
Status CheckTuples(const TuplePlan& plan, const int64_t* indices);
void GatherTuples(Element element, const TuplePlan& plan, const void* src, const int64_t* indices, void* dst, ThreadPool* pool);

}  // namespace sardonyx::kernels
