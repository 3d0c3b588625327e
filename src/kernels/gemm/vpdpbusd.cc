#include "kernels/gemm/vpdpbusd.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace sardonyx::kernels {
namespace {

// Bit `bit` of a register (0: EAX, 2: ECX, 3: EDX) of CPUID leaf 7. That the system keeps the vectors' registers is what Highway checks
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

// Linux gives a process the tiles' state (component 18 of XSAVE) when it asks: Documentation/arch/x86/xstate.rst.
[[maybe_unused]] bool AskForTiles() {
#if defined(__x86_64__) && defined(__linux__)
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
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

bool HasAmxInt8() {
  static const bool has = Leaf7(0, 3, 24) && Leaf7(0, 3, 25) && AskForTiles();  // AMX-TILE, AMX-INT8
  return has;
}

}  // namespace sardonyx::kernels
