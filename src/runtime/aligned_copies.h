// Aligned copies of weights that do not lie aligned in their file, each of which is mostly let go as soon as a kernel has packed it: the
// memory of one then serves the next, since new memory costs more than the copy (the system clears it first).
#pragma once

#include <cstddef>
#include <memory>

#include "sardonyx/tensor.h"

namespace sardonyx::runtime {

// Of one compilation; copies may outlive it. Not to be used by two threads at once.
class AlignedCopies {
 public:
  AlignedCopies() : spare_(std::make_shared<Spare>()) {}
  // The tensor itself where it is aligned, or where there is no memory.
  Tensor Align(const Tensor& tensor);

 private:
  struct Spare {
    ~Spare();
    void* memory = nullptr;
    size_t bytes = 0;
  };
  std::shared_ptr<Spare> spare_;
};

}  // namespace sardonyx::runtime
