// An element of 16 bytes (complex128) that is only moved.
#pragma once

#include <cstdint>

namespace sardonyx::kernels {

struct Word128 {
  uint64_t low = 0, high = 0;
};

}  // namespace sardonyx::kernels
