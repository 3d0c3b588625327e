#include "kernels/gemm/vpdpbusd.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace sardonyx::kernels {
namespace {

// Bit `bit` of a register (0: EAX, 2: ECX) of CPUID leaf 7. That the system keeps the vectors' registers is what Highway checks
// before it takes a target.
[[maybe_unused]] bool Leaf7(unsigned subleaf, int which, int bit) {
#if defined(__x86_64__)
  unsigned registers[4] = {};
  if (!__get_cpuid_count(7, subleaf, &registers[0], &registers[1], &registers[2], &registers[3])) return false;
  return (registers[which] >> bit & 1) != 0;
#else
  return false;
#endif
}

}  // namespace

bool HasAvx512Vnni() {
  static const bool has = Leaf7(0, 2, 11);
  return has;
}

bool HasAvxVnni() {
  static const bool has = Leaf7(1, 0, 4);
  return has;
}

}  // namespace sardonyx::kernels
