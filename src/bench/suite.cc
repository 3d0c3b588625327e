#include "bench/suite.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <optional>
#include <random>

#include <fmt/format.h>

#include "base/file.h"
#include "base/status_macros.h"
#include "formats/json.h"
#include "sardonyx/float_types.h"
#include "sardonyx/model.h"
#include "validate/made_inputs.h"

namespace sardonyx::bench {
namespace {

// "NAME(A,B)" or "NAME<A": the numbers behind `name`, or none if `fill` is another one.
std::optional<std::vector<double>> Numbers(std::string_view fill, std::string_view name) {
  if (!fill.starts_with(name)) return std::nullopt;
  std::vector<double> numbers;
  const char* at = fill.data() + name.size();
  const char* end = fill.data() + fill.size();
  while (at < end) {
    if (*at == '(' || *at == ',' || *at == '<' || *at == ')' || *at == ' ') {
      ++at;
      continue;
    }
    double number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc()) return std::nullopt;
    numbers.push_back(number);
    at = next;
  }
  return numbers;
}

StatusOr<Tensor> Texts(const InputSpec& spec, std::mt19937_64& random) {
  static constexpr const char* kWords[] = {"good", "bad", "fast",  "slow",  "model", "engine",
                                           "the",  "a",   "great", "error", "green", "train"};
  std::vector<std::string> texts(static_cast<size_t>(spec.dims.num_elements()));
  for (std::string& text : texts)
    for (int i = 0; i < 20; ++i) text += fmt::format("{}{}", i ? " " : "", kWords[random() % std::size(kWords)]);
  return Tensor::FromStrings(spec.dims, std::move(texts));
}

// The element that `fill` puts at `index`.
using Element = std::function<double(int64_t index)>;

StatusOr<Element> ElementOf(const InputSpec& spec, std::mt19937_64& random) {
  const std::string& fill = spec.fill;
  // 53 random bits: the same on every machine, which std's distributions are not.
  const auto uniform = [&random] { return static_cast<double>(random() >> 11) * 0x1p-53; };
  if (fill == "ones") return Element([](int64_t) { return 1.0; });
  if (fill == "zeros") return Element([](int64_t) { return 0.0; });
  if (const auto n = Numbers(fill, "uniform"); n && n->size() == 2)
    return Element([a = (*n)[0], b = (*n)[1], uniform](int64_t) { return a + (b - a) * uniform(); });
  if (const auto n = Numbers(fill, "ids<"); n && n->size() == 1)
    return Element([limit = (*n)[0], uniform](int64_t) { return std::floor(limit * uniform()); });
  if (const auto n = Numbers(fill, "value"); n && n->size() == 1) return Element([value = (*n)[0]](int64_t) { return value; });
  if (const auto n = Numbers(fill, "arange"); n && n->size() <= 1) {
    const int64_t last = spec.dims.rank() ? std::max<int64_t>(1, spec.dims[spec.dims.rank() - 1]) : 1;
    return Element([start = n->empty() ? 0.0 : (*n)[0], last](int64_t i) { return start + static_cast<double>(i % last); });
  }
  return Invalid(fmt::format("input '{}': fill '{}' is not known", spec.name, fill));
}

StatusOr<Tensor> MakeInput(const InputSpec& spec, std::mt19937_64& random) {
  if (spec.fill == "text" || spec.dtype == DataType::kString) return Texts(spec, random);
  ASSIGN_OR_RETURN(const Element element, ElementOf(spec, random));
  ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(spec.dtype, spec.dims));
  const int64_t count = tensor.num_elements();
  const auto fill = [&]<class T>(T) {
    T* to = static_cast<T*>(tensor.mutable_raw_data());
    for (int64_t i = 0; i < count; ++i) to[i] = static_cast<T>(element(i));
  };
  switch (spec.dtype) {
    case DataType::kFloat:
      fill(float());
      break;
    case DataType::kDouble:
      fill(double());
      break;
    case DataType::kFloat16: {
      auto* to = static_cast<Float16*>(tensor.mutable_raw_data());
      for (int64_t i = 0; i < count; ++i) to[i] = Float16(static_cast<float>(element(i)));
      break;
    }
    case DataType::kInt8:
      fill(int8_t());
      break;
    case DataType::kUint8:
      fill(uint8_t());
      break;
    case DataType::kBool: {
      auto* to = static_cast<uint8_t*>(tensor.mutable_raw_data());
      for (int64_t i = 0; i < count; ++i) to[i] = element(i) >= 0.5;
      break;
    }
    case DataType::kInt32:
      fill(int32_t());
      break;
    case DataType::kInt64:
      fill(int64_t());
      break;
    default:
      return Unsupported(fmt::format("input '{}': no made-up values of {}; give them with --input", spec.name, DataTypeName(spec.dtype)));
  }
  return tensor;
}

// NumPy's names beside ONNX's.
DataType DtypeOf(const std::string& name) {
  if (name == "float32") return DataType::kFloat;
  if (name == "float64") return DataType::kDouble;
  if (name == "object" || name == "str") return DataType::kString;
  return ParseDataType(name).value_or(DataType::kUndefined);
}

StatusOr<BenchEntry> ParseEntry(const formats::Json& json, const std::filesystem::path& folder) {
  if (!json.is_object() || !json.contains("file") || !json.contains("inputs")) return Corrupt("an entry needs \"file\" and \"inputs\"");
  BenchEntry entry;
  entry.model = folder / json.at("file").get<std::string>();
  entry.name = json.value("name", entry.model.stem().string());
  entry.flops = json.value("flops", 0.0);
  entry.weight_bytes = json.value("weight_bytes", 0.0);
  entry.rtol = json.value("agree_rtol", entry.rtol);
  for (const formats::Json& input : json.at("inputs")) {
    InputSpec spec;
    spec.name = input.value("name", "");
    spec.dtype = DtypeOf(input.value("dtype", ""));
    spec.dims = Dims(input.value("shape", std::vector<int64_t>()));
    spec.fill = input.value("fill", "uniform(-1,1)");
    if (spec.name.empty() || spec.dtype == DataType::kUndefined)
      return Corrupt(fmt::format("{}: an input needs a name and a dtype", entry.name));
    entry.inputs.push_back(std::move(spec));
  }
  return entry;
}

}  // namespace

StatusOr<std::vector<BenchEntry>> ReadManifest(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const Bytes bytes, MapFile(path));
  const auto parse = [&]() -> StatusOr<std::vector<BenchEntry>> {
    ASSIGN_OR_RETURN(const formats::Json json, formats::ParseJson(bytes.view()));
    const formats::Json& list = json.is_object() && json.contains("models") ? json.at("models") : json;
    if (!list.is_array()) return Corrupt("a manifest is a list of models");
    std::vector<BenchEntry> entries;
    try {
      for (const formats::Json& one : list) {
        ASSIGN_OR_RETURN(BenchEntry entry, ParseEntry(one, path.parent_path()));
        entries.push_back(std::move(entry));
      }
    } catch (const formats::Json::exception& error) {
      return Corrupt(error.what());  // a member of another type
    }
    return entries;
  };
  return parse().WithContext(path.string());
}

StatusOr<BenchEntry> EntryOfModel(const std::filesystem::path& path, const std::map<std::string, Dims>& dims, int64_t batch) {
  ASSIGN_OR_RETURN(const Model model, Model::Load(path));
  BenchEntry entry;
  entry.name = path.stem().string();
  entry.model = path;
  entry.batch = batch;
  const std::vector<ValueInfo> infos = model.inputs();
  validate::SizesOfSymbols sizes;
  for (const ValueInfo& info : infos) {
    const auto given = dims.find(info.name);
    if (given == dims.end()) continue;
    if (info.has_shape && given->second.rank() != info.dims.size())
      return Usage(fmt::format("--shape {}: {} dims for an input of rank {}", info.name, given->second.rank(), info.dims.size()));
    validate::TakeSizes(info, given->second, &sizes);
  }
  for (const auto& [name, shape] : dims)
    if (std::none_of(infos.begin(), infos.end(), [&name = name](const ValueInfo& info) { return info.name == name; }))
      return Usage(fmt::format("--shape {}: the model has no such input", name));
  for (const ValueInfo& info : infos) {
    if (info.optional) continue;
    if (info.dtype == DataType::kUndefined) return Unsupported(fmt::format("input '{}' ({}): give it with --input", info.name, info.type));
    InputSpec spec{info.name, info.dtype, {}, IsFloatingPoint(info.dtype) ? "uniform(-1,1)" : "ids<2"};
    if (const auto given = dims.find(info.name); given != dims.end()) {
      spec.dims = given->second;
    } else {
      if (!info.has_shape)
        return Usage(fmt::format("input '{}' has no declared shape: give it with --shape {}=1,2,3", info.name, info.name));
      spec.dims = validate::DimsOf(info, sizes, batch > 0 ? batch : 1);
    }
    entry.inputs.push_back(std::move(spec));
  }
  return entry;
}

StatusOr<NamedValues> MakeInputs(const BenchEntry& entry, uint64_t seed) {
  if (!entry.values.empty()) return entry.values;
  std::mt19937_64 random(seed);
  NamedValues values;
  for (const InputSpec& spec : entry.inputs) {
    ASSIGN_OR_RETURN(Tensor tensor, MakeInput(spec, random));
    values.emplace_back(spec.name, std::move(tensor));
  }
  return values;
}

}  // namespace sardonyx::bench
