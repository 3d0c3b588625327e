// How movement bindings reach elements: every type as movable elements, those of less than a byte unpacked.
#pragma once

#include <memory>
#include <vector>

#include "kernels/movement/element.h"
#include "kernels/movement/gather.h"
#include "providers/cpu/bind.h"

namespace sardonyx::cpu {

// The elements of a tensor for reading. Types of less than a byte are unpacked to a byte each.
class ElementReader {
 public:
  static StatusOr<ElementReader> Open(const TensorView& tensor);
  const void* data() const { return unpacked_ ? unpacked_.get() : data_; }
  kernels::Element element() const { return element_; }

 private:
  const void* data_ = nullptr;
  std::unique_ptr<uint8_t[]> unpacked_;
  kernels::Element element_ = kernels::Element::kBytes1;
};

// The elements of an output for writing. Finish() packs types of less than a byte; without it they are not written.
class ElementWriter {
 public:
  // kResource where `dims` overflow or the memory cannot be had.
  static StatusOr<ElementWriter> Open(KernelContext& context, size_t output, DataType dtype, const Dims& dims);
  void* data() { return unpacked_ ? unpacked_.get() : view_.data; }
  kernels::Element element() const { return kernels::ElementOf(view_.dtype); }
  int64_t count() const { return view_.num_elements(); }
  Status Finish();

 private:
  TensorView view_;
  std::unique_ptr<uint8_t[]> unpacked_;
};

// The elements of an int32 or int64 tensor of rank <= 1: axes, shapes, pads. `what` names it in errors.
StatusOr<Dims> ReadIntegers(const TensorView& tensor, std::string_view what);
// The one element of such a tensor of any rank.
StatusOr<int64_t> ReadInteger(const TensorView& tensor, std::string_view what);
// An int32 or int64 tensor as indices; they stay in place.
StatusOr<kernels::Indices> ReadIndices(const TensorView& tensor);

}  // namespace sardonyx::cpu
