// Conditions that rules of several passes ask.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "optimize/rewrite/match.h"

namespace sardonyx::optimize {

// The value's dims when all are known.
std::optional<std::vector<int64_t>> StaticDims(const ir::Value* value);
// The two have provably the same shape.
bool SameShape(const ir::Value* a, const ir::Value* b);
inline bool IsFloat(const Match& m, std::string_view name) { return m.dtype(name) == DataType::kFloat; }
// float, float16, bfloat16: what fused kernels compute in float.
bool IsFloating(DataType dtype);
// The integers of a constant of int64 or int32; nullopt if it is none.
std::optional<std::vector<int64_t>> Integers(Match& m, std::string_view name);
// The axes of a node that has them as an attribute or, in later versions, as input 1; nullopt when they are not known.
std::optional<std::vector<int64_t>> AxesOf(const ir::Node& node);
// It reduces the last axis alone and keeps it.
bool ReducesLastAxis(const ir::Node* node);

// The constant's elements as floats, [count] of them: a vector along axis `axis` (counted from the back, 1 = last) of a result whose
// rank is `rank`, or one element repeated. nullopt when it has another shape.
std::optional<std::vector<float>> VectorAlong(Match& m, std::string_view name, size_t axis, size_t rank, int64_t count);

}  // namespace sardonyx::optimize
