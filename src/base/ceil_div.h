#pragma once

#include <cstdint>

namespace sardonyx {

// a / b, rounded up; for a >= 0, b > 0, and a + b that fits.
constexpr int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace sardonyx
