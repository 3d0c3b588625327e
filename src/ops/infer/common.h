// What inference functions share: checks of ranks and axes, broadcasting, attributes with the schema's defaults.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "ops/inference.h"

namespace sardonyx::ops::infer {

using ir::Dim;
using ir::Shape;
using ir::Type;

// An output's element type when the schema's type variables say it: see CompleteBySchema.
inline constexpr DataType kBySchema = DataType::kUndefined;

// The attribute, else the schema's default, else `fallback`.
int64_t GetInt(const InferenceContext& context, std::string_view name, int64_t fallback = 0);
float GetFloat(const InferenceContext& context, std::string_view name, float fallback = 0);
std::string GetString(const InferenceContext& context, std::string_view name, std::string_view fallback = "");
std::vector<int64_t> GetInts(const InferenceContext& context, std::string_view name, std::vector<int64_t> fallback = {});
bool HasAttribute(const InferenceContext& context, std::string_view name);
// The attribute as an element type; kUndefined when absent; kInvalid when it is no element type.
StatusOr<DataType> GetDataType(const InferenceContext& context, std::string_view name);

// "input 1 (B)".
std::string InputLabel(const InferenceContext& context, size_t i);
// kInvalid when the rank is known and is another one (or below).
Status RequireRank(const InferenceContext& context, size_t i, size_t rank);
Status RequireRankAtLeast(const InferenceContext& context, size_t i, size_t rank);
// A scalar or a tensor of one element, as the specification says of many parameters.
Status RequireSingleElement(const InferenceContext& context, size_t i);
// axis in [-rank, rank) -> [0, rank).
StatusOr<size_t> NormalAxis(int64_t axis, size_t rank, std::string_view name = "axis");
// The same for a list; kInvalid on repeats.
StatusOr<std::vector<size_t>> NormalAxes(std::span<const int64_t> axes, size_t rank, std::string_view name = "axes");

// Elements of input i when all of them are constants.
std::optional<std::vector<int64_t>> ConstantElements(const InferenceContext& context, size_t i);
// The single element of input i; nullopt when not constant or not single.
std::optional<int64_t> ConstantScalar(const InferenceContext& context, size_t i);
// Numbers of a float constant (any float or integer type), for scales and the like; nullopt when not constant.
std::optional<std::vector<double>> ConstantNumbers(const InferenceContext& context, size_t i);

// What two dims that must be equal are: the better known of both; kInvalid when they contradict. `what` begins the
// message: "{what}: 3 and 4 differ".
StatusOr<Dim> EqualDims(const Dim& a, const Dim& b, std::string_view what);
// Two shapes that must be equal.
StatusOr<Shape> EqualShapes(const Shape& a, const Shape& b, std::string_view what);
// NumPy broadcasting. Two different symbols give a new symbol of `context`; kInvalid where sizes cannot broadcast.
StatusOr<Shape> Broadcast(InferenceContext& context, const Shape& a, const Shape& b);
// Of the given inputs; nullopt when the rank of one is unknown.
StatusOr<std::optional<Shape>> BroadcastInputs(InferenceContext& context, std::span<const size_t> inputs);

// Output `to` has dtype and shape (if known) of input `from`.
void CopyType(InferenceContext& context, size_t from, size_t to);
// Shape of an input as an optional value.
std::optional<Shape> InputShape(const InferenceContext& context, size_t i);
// dims [begin, end) of a shape.
Shape SubShape(const Shape& shape, size_t begin, size_t end);
Dim Product(const Shape& shape, size_t begin, size_t end);

}  // namespace sardonyx::ops::infer
