#include "ir/text_words.h"

#include <algorithm>
#include <array>

namespace sardonyx::ir {
namespace {

struct AttributeWord {
  std::string_view word;
  AttributeType type;
  AttributeType list;  // kUndefined for a list itself
};

constexpr std::array<AttributeWord, 14> kAttributeWords = {{
    {"float", AttributeType::kFloat, AttributeType::kFloats},
    {"int", AttributeType::kInt, AttributeType::kInts},
    {"string", AttributeType::kString, AttributeType::kStrings},
    {"tensor", AttributeType::kTensor, AttributeType::kTensors},
    {"graph", AttributeType::kGraph, AttributeType::kGraphs},
    {"sparse_tensor", AttributeType::kSparseTensor, AttributeType::kSparseTensors},
    {"type_proto", AttributeType::kTypeProto, AttributeType::kTypeProtos},
    {"floats", AttributeType::kFloats, AttributeType::kUndefined},
    {"ints", AttributeType::kInts, AttributeType::kUndefined},
    {"strings", AttributeType::kStrings, AttributeType::kUndefined},
    {"tensors", AttributeType::kTensors, AttributeType::kUndefined},
    {"graphs", AttributeType::kGraphs, AttributeType::kUndefined},
    {"sparse_tensors", AttributeType::kSparseTensors, AttributeType::kUndefined},
    {"type_protos", AttributeType::kTypeProtos, AttributeType::kUndefined},
}};

}  // namespace

bool IsTextIdentifier(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && letter(name[0]) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

bool IsTypeWord(std::string_view word) {
  return word == "seq" || word == "map" || word == "optional" || word == "sparse_tensor" || word == "opaque" || word == "undefined" ||
         ParseDataType(word).has_value();
}

std::string_view AttributeTypeWord(AttributeType type) {
  for (const AttributeWord& entry : kAttributeWords)
    if (entry.type == type) return entry.word;
  return "";
}

std::optional<AttributeType> ParseAttributeTypeWord(std::string_view word) {
  for (const AttributeWord& entry : kAttributeWords)
    if (entry.word == word) return entry.type;
  return std::nullopt;
}

AttributeType ElementOfListType(AttributeType type) {
  for (const AttributeWord& entry : kAttributeWords)
    if (entry.list == type && type != AttributeType::kUndefined) return entry.type;
  return AttributeType::kUndefined;
}

AttributeType ListOfType(AttributeType type) {
  for (const AttributeWord& entry : kAttributeWords)
    if (entry.type == type) return entry.list;
  return AttributeType::kUndefined;
}

}  // namespace sardonyx::ir
