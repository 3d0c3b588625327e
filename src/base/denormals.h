// Denormal numbers, and the choice to compute with zeros instead of them.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace sardonyx {

// While it lives, results and operands of this thread's float arithmetic that are denormal count as zero, if `flush`. Denormals
// are slow on many processors; networks whose activations fade away (recurrent ones above all) meet them.
class DenormalMode {
 public:
  explicit DenormalMode(bool flush) : flush_(flush) {
    if (!flush_) return;
    saved_ = Read();
    Write(saved_ | kFlush);
  }
  ~DenormalMode() {
    if (flush_) Write(saved_);
  }
  DenormalMode(const DenormalMode&) = delete;
  DenormalMode& operator=(const DenormalMode&) = delete;

 private:
#if defined(__x86_64__)
  static constexpr uint64_t kFlush = 0x8040;  // MXCSR: flush to zero, denormals are zero
  static uint64_t Read() { return _mm_getcsr(); }
  static void Write(uint64_t mode) { _mm_setcsr(static_cast<uint32_t>(mode)); }
#elif defined(__aarch64__)
  static constexpr uint64_t kFlush = uint64_t{1} << 24;  // FPCR.FZ
  static uint64_t Read() {
    uint64_t mode;
    asm volatile("mrs %0, fpcr" : "=r"(mode));
    return mode;
  }
  static void Write(uint64_t mode) { asm volatile("msr fpcr, %0" ::"r"(mode)); }
#else
  static constexpr uint64_t kFlush = 0;
  static uint64_t Read() { return 0; }
  static void Write(uint64_t) {}
#endif

  const bool flush_;
  uint64_t saved_ = 0;
};

}  // namespace sardonyx
