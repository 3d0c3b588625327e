#include "formats/safetensors.h"

#include <algorithm>
#include <cstring>
#include <set>

#include <fmt/format.h>

#include "base/file.h"
#include "base/status_macros.h"
#include "formats/json.h"

namespace sardonyx::formats {
namespace {

constexpr size_t kLengthBytes = 8;
constexpr uint64_t kMaxHeader = 100'000'000;  // the format's own limit
constexpr size_t kMaxRank = 64;

uint64_t HeaderLength(const Bytes& bytes) {
  uint64_t length = 0;
  for (size_t i = kLengthBytes; i-- > 0;) length = length << 8 | bytes.data()[i];
  return length;
}

DataType TypeOf(std::string_view name) {
  static constexpr std::pair<std::string_view, DataType> kTypes[] = {
      {"F64", DataType::kDouble},          {"F32", DataType::kFloat},           {"F16", DataType::kFloat16},
      {"BF16", DataType::kBfloat16},       {"I64", DataType::kInt64},           {"I32", DataType::kInt32},
      {"I16", DataType::kInt16},           {"I8", DataType::kInt8},             {"U64", DataType::kUint64},
      {"U32", DataType::kUint32},          {"U16", DataType::kUint16},          {"U8", DataType::kUint8},
      {"BOOL", DataType::kBool},           {"F8_E4M3", DataType::kFloat8E4M3FN}, {"F8_E5M2", DataType::kFloat8E5M2},
      {"F8_E8M0", DataType::kFloat8E8M0},  {"C64", DataType::kComplex64},
  };
  for (const auto& [known, type] : kTypes)
    if (known == name) return type;
  return DataType::kUndefined;
}

struct Range {
  uint64_t begin, end;
};

StatusOr<std::vector<uint64_t>> Numbers(const Json& entry, const char* key, const std::string& name) {
  const auto at = entry.find(key);
  if (at == entry.end() || !at->is_array() || at->size() > kMaxRank) return Corrupt(fmt::format("tensor '{}' has no list '{}'", name, key));
  std::vector<uint64_t> numbers;
  for (const Json& number : *at) {
    if (!number.is_number_unsigned() || number.get<uint64_t>() > uint64_t{1} << 62)
      return Corrupt(fmt::format("tensor '{}': '{}' holds something that is no size", name, key));
    numbers.push_back(number.get<uint64_t>());
  }
  return numbers;
}

StatusOr<Tensor> ReadOne(const std::string& name, const Json& entry, const Bytes& data, std::vector<Range>* ranges) {
  if (!entry.is_object()) return Corrupt(fmt::format("tensor '{}' is not described by an object", name));
  const auto dtype = entry.find("dtype");
  if (dtype == entry.end() || !dtype->is_string()) return Corrupt(fmt::format("tensor '{}' has no dtype", name));
  const DataType type = TypeOf(dtype->get_ref<const std::string&>());
  if (type == DataType::kUndefined) return Unsupported(fmt::format("tensor '{}': dtype {} has no counterpart in ONNX", name, dtype->dump()));
  ASSIGN_OR_RETURN(const std::vector<uint64_t> shape, Numbers(entry, "shape", name));
  ASSIGN_OR_RETURN(const std::vector<uint64_t> offsets, Numbers(entry, "data_offsets", name));
  if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > data.size())
    return Corrupt(fmt::format("tensor '{}' lies outside of the file's {} bytes of data", name, data.size()));
  ranges->push_back({offsets[0], offsets[1]});
  Dims dims;
  for (const uint64_t size : shape) dims.push_back(static_cast<int64_t>(size));
  const size_t size = static_cast<size_t>(offsets[1] - offsets[0]);
  const Bytes bytes = data.Slice(static_cast<size_t>(offsets[0]), size);
  StatusOr<Tensor> tensor = Tensor::View(type, dims, bytes.data(), size, bytes.owner());
  if (!tensor.ok()) return Corrupt(fmt::format("tensor '{}': {} bytes do not fit its shape: {}", name, size, tensor.status().message()));
  return tensor;
}

// Every byte of the data belongs to one tensor.
Status CheckRanges(std::vector<Range> ranges, uint64_t size) {
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.begin != b.begin ? a.begin < b.begin : a.end < b.end; });
  uint64_t at = 0;
  for (const Range& range : ranges) {
    if (range.begin != at) return Corrupt(fmt::format("the tensors overlap or leave a hole at byte {} of the data", std::min(range.begin, at)));
    at = range.end;
  }
  return at == size ? Status() : Corrupt(fmt::format("{} bytes at the end of the data belong to no tensor", size - at));
}

}  // namespace

bool IsSafeTensors(const Bytes& bytes) {
  if (bytes.size() < kLengthBytes + 2 || bytes.data()[kLengthBytes] != '{') return false;
  const uint64_t length = HeaderLength(bytes);
  return length >= 2 && length <= std::min<uint64_t>(kMaxHeader, bytes.size() - kLengthBytes);
}

StatusOr<SafeTensors> ReadSafeTensors(const Bytes& bytes) {
  if (!IsSafeTensors(bytes)) return Corrupt("not a safetensors file: its first 8 bytes are no length of a header");
  const size_t length = static_cast<size_t>(HeaderLength(bytes));
  ASSIGN_OR_RETURN(const Json header, ParseJson(bytes.Slice(kLengthBytes, length).view()));
  if (!header.is_object()) return Corrupt("the header is no JSON object");
  const Bytes data = bytes.Slice(kLengthBytes + length, bytes.size() - kLengthBytes - length);
  SafeTensors result;
  std::vector<Range> ranges;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      if (!entry.is_object()) return Corrupt("__metadata__ is no object");
      for (const auto& [key, value] : entry.items())
        if (value.is_string()) result.metadata.emplace_back(key, value.get<std::string>());
      continue;
    }
    ASSIGN_OR_RETURN(Tensor tensor, ReadOne(name, entry, data, &ranges));
    result.tensors.emplace_back(name, std::move(tensor));
  }
  RETURN_IF_ERROR(CheckRanges(std::move(ranges), data.size()));
  return result;
}

StatusOr<SafeTensors> LoadSafeTensors(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const Bytes bytes, MapFile(path));
  if (path.extension() != ".json") return ReadSafeTensors(bytes).WithContext(path.string());
  StatusOr<Json> index = ParseJson(bytes.view());
  if (!index.ok()) return index.status().WithContext(path.string());
  const auto map = index->is_object() ? index->find("weight_map") : index->end();
  if (!index->is_object() || map == index->end() || !map->is_object()) return Corrupt(fmt::format("{}: there is no weight_map", path.string()));
  std::set<std::string> files;
  for (const auto& [name, file] : map->items()) {
    if (!file.is_string()) return Corrupt(fmt::format("{}: the file of '{}' is no name", path.string(), name));
    files.insert(file.get<std::string>());
  }
  SafeTensors all;
  for (const std::string& file : files) {
    StatusOr<std::filesystem::path> shard = ResolveInside(path.parent_path(), file);
    if (!shard.ok()) return shard.status().WithContext(path.string());
    ASSIGN_OR_RETURN(SafeTensors part, LoadSafeTensors(*shard));
    for (auto& one : part.tensors)
      if (const auto at = map->find(one.first); at != map->end() && *at == file) all.tensors.push_back(std::move(one));
    if (all.metadata.empty()) all.metadata = std::move(part.metadata);
  }
  if (all.tensors.size() != map->size())
    return Corrupt(fmt::format("{}: {} of {} tensors are in the files that it names", path.string(), all.tensors.size(), map->size()));
  std::sort(all.tensors.begin(), all.tensors.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return all;
}

}  // namespace sardonyx::formats
