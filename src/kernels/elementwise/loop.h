// SARDONYX_INDEPENDENT_LOOP before a `for` says that its iterations do not depend on each other through memory: an output
// may be exactly over an input (in place), never shifted against it. Without it the compiler guards vector code with overlap
// checks, and takes the scalar path for every in-place run.
#pragma once

#if defined(__clang__)
#define SARDONYX_INDEPENDENT_LOOP _Pragma("clang loop vectorize(assume_safety)")
#else
#define SARDONYX_INDEPENDENT_LOOP _Pragma("GCC ivdep")
#endif
