// Large memory: aligned for the widest vectors, in huge pages where the system gives them, since weights that stream through the
// processor miss the address cache at every small one.
#pragma once

#include <cstddef>
#include <cstdlib>

namespace sardonyx {

inline constexpr size_t kMemoryAlignment = 64, kHugePage = size_t{2} << 20;

// Not initialized; free with std::free. Null when the memory cannot be had. From kHugePage on it begins at a huge page.
void* AllocateAligned(size_t bytes);

// Copies, and forgets what it has read of a mapped file as it goes (ForgetPages), so that of a large array the file's pages and the copy
// never lie in memory together.
void CopyAndForget(void* to, const void* from, size_t bytes);

}  // namespace sardonyx
