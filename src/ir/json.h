// The JSON form of ONNX messages: protobuf's own mapping (https://protobuf.dev/programming-guides/json/), as
// google.protobuf.json_format writes it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ir/descriptor.h"
#include "sardonyx/status.h"

namespace sardonyx::ir {

// Names in lowerCamelCase or as onnx.proto has them; enums by name or number; 64-bit integers as strings or numbers; bytes in
// base64; "NaN", "Infinity", "-Infinity". Keys that the message does not have are left out and counted in *ignored (may be
// null). kCorrupt "LINE:COLUMN: ..." for text that is no such message, one without a single known key included.
StatusOr<std::string> JsonToWire(std::string_view json, MessageKind kind, int64_t* ignored = nullptr);

struct JsonOptions {
  int indent = 2;              // spaces a level; 0: all on one line
  int64_t* dropped = nullptr;  // receives the number of unknown fields, which JSON has no place for
};
// Fields by number, absent ones left out. kCorrupt for a broken message; kInvalid for a string that is not UTF-8.
StatusOr<std::string> WireToJson(std::string_view wire, MessageKind kind, const JsonOptions& options = {});

}  // namespace sardonyx::ir
