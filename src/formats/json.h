// JSON text with bounds and without exceptions, and tensors in it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "sardonyx/tensor.h"

namespace sardonyx::formats {

// Not the ordered kind: that one looks keys up one by one, so that an object of many keys would take forever.
using Json = nlohmann::json;

struct JsonLimits {
  uint64_t max_bytes = uint64_t{1} << 28;  // of text; a parsed document takes some 10 to 20 times as much memory
  int max_depth = 100;
  // NaN, Infinity and -Infinity as bare words, as Python's json writes them: read as strings of these words.
  bool non_finite = false;
};

// One document, as RFC 8259 has it (no comments, no trailing commas, valid UTF-8, no key twice in an object). kCorrupt
// names line and column; kResource for text beyond the limits.
StatusOr<Json> ParseJson(std::string_view text, const JsonLimits& limits = {});

// The text of `json`; `indent` < 0 puts it on one line. Never fails: what is not UTF-8 is replaced by U+FFFD.
std::string DumpJson(const Json& json, int indent = -1);

// A tensor from {"dtype": "float", "shape": [2, 3], "data": [...]}, whose data may be flat or nested as the shape is, or
// from bare nested lists (or a bare scalar) of element type `dtype`. "dtype" is ONNX's word (DataTypeName). Where both are
// given they must agree. kUsage names the element that is of the wrong kind, does not fit or makes the lists ragged.
//
//   elements: integers as integers, in range; floats as numbers or "NaN", "Infinity", "-Infinity"; bool as true and
//   false; complex as [real, imaginary]; strings as strings.
StatusOr<Tensor> TensorFromJson(const Json& json, DataType dtype = DataType::kUndefined);

// {"dtype", "shape", "data"} with flat data, which TensorFromJson reads back to the same bits (but for NaN payloads).
StatusOr<Json> TensorToJson(const Tensor& tensor);
// Only the nested lists; the object above for an empty tensor of rank 2 or more, whose shape lists cannot say.
StatusOr<Json> TensorToNestedJson(const Tensor& tensor);

}  // namespace sardonyx::formats
