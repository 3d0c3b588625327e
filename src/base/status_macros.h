// Early returns for Status and StatusOr.
#pragma once

#include "sardonyx/status.h"

#define SARDONYX_CONCAT_INNER(a, b) a##b
#define SARDONYX_CONCAT(a, b) SARDONYX_CONCAT_INNER(a, b)

// RETURN_IF_ERROR(status expression);
#define RETURN_IF_ERROR(expr)                                \
  do {                                                       \
    ::sardonyx::Status status_macro_value = (expr);          \
    if (!status_macro_value.ok()) return status_macro_value; \
  } while (false)

// ASSIGN_OR_RETURN(auto x, StatusOr expression);
#define ASSIGN_OR_RETURN(lhs, ...) SARDONYX_ASSIGN_OR_RETURN(SARDONYX_CONCAT(status_or_, __LINE__), lhs, __VA_ARGS__)
#define SARDONYX_ASSIGN_OR_RETURN(temporary, lhs, ...) \
  auto temporary = (__VA_ARGS__);                      \
  if (!temporary.ok()) return temporary.status();      \
  lhs = *std::move(temporary)
