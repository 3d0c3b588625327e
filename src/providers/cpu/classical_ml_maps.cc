// Maps to tensors (CastMap, DictVectorizer) and from them (ZipMap).
#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <unordered_map>

#include "providers/cpu/classical_ml.h"

namespace sardonyx::cpu {
namespace {

// The input map's keys and values as two tensors of the same length.
struct MapParts {
  Value holder;
  const Tensor* keys = nullptr;
  const Tensor* values = nullptr;
};
StatusOr<MapParts> ReadMap(KernelContext& context) {
  MapParts parts{.holder = context.input_value(0)};
  if (!parts.holder.is_map() || !parts.holder.map().values.is_tensor())
    return Invalid(fmt::format("the input must be a map to numbers or strings, not {}", parts.holder.TypeString()));
  parts.keys = &parts.holder.map().keys;
  parts.values = &parts.holder.map().values.tensor();
  if (parts.keys->num_elements() != parts.values->num_elements()) return Invalid("the map has not as many values as keys");
  return parts;
}

}  // namespace

KernelOr CreateDictVectorizer(const NodeInfo& node) {
  const std::vector<std::string> strings = node.GetStrings("string_vocabulary");
  const std::vector<int64_t> integers = node.GetInts("int64_vocabulary");
  if (strings.empty() == integers.empty()) return Invalid("exactly one of string_vocabulary and int64_vocabulary must be given");
  return MakeKernel([strings, integers](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const MapParts map, ReadMap(context));
    const DataType key_type = strings.empty() ? DataType::kInt64 : DataType::kString;
    if (map.keys->dtype() != key_type)
      return Invalid(fmt::format("the map's keys are {}, the vocabulary {}", DataTypeName(map.keys->dtype()), DataTypeName(key_type)));
    const auto size = static_cast<int64_t>(std::max(strings.size(), integers.size()));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, map.values->dtype(), {1, size}));
    return Dispatch<int64_t, float, double, std::string>(map.values->dtype(), "DictVectorizer", [&]<class T>() -> Status {
      const auto fill = [&]<class Key>(const std::vector<Key>& vocabulary) {
        std::unordered_map<Key, const T*> entries;
        for (int64_t i = 0; i < map.keys->num_elements(); ++i) entries[map.keys->data<Key>()[i]] = &map.values->data<T>()[i];
        for (size_t i = 0; i < vocabulary.size(); ++i) {
          const auto found = entries.find(vocabulary[i]);
          y.mutable_ptr<T>()[i] = found == entries.end() ? T{} : *found->second;
        }
      };
      if (strings.empty())
        fill(integers);
      else
        fill(strings);
      return {};
    });
  });
}

namespace {

// A value of a map as CastMap's output element.
template <class To>
StatusOr<To> CastEntry(const std::string& value) {
  if constexpr (std::is_same_v<To, std::string>) {
    return value;
  } else {
    To number{};
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size()) return Invalid(fmt::format("'{}' is not a number", value));
    return number;
  }
}
template <class To>
StatusOr<To> CastEntry(float value) {
  if constexpr (std::is_same_v<To, std::string>)
    return fmt::format("{}", value);
  else if constexpr (std::is_same_v<To, int64_t>)
    return std::abs(value) < 9.2e18f ? static_cast<int64_t>(value) : int64_t{0};
  else
    return value;
}

template <class To, class From>
Status WriteCastMap(KernelContext& context, const MapParts& map, bool sparse, int64_t max_map) {
  // In ascending order of keys; a sparse map names its places, a dense one fills them one after another.
  std::map<int64_t, const From*> entries;
  for (int64_t i = 0; i < map.keys->num_elements(); ++i) entries[map.keys->data<int64_t>()[i]] = &map.values->data<From>()[i];
  const int64_t size = sparse ? max_map : static_cast<int64_t>(entries.size());
  const Dims dims{1, size};
  RETURN_IF_ERROR(CheckedNumElements(DataTypeOf<To>::value, dims).status());
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataTypeOf<To>::value, dims));
  To* to = y.mutable_ptr<To>();
  std::fill_n(to, size, To{});
  int64_t next = 0;
  for (const auto& [key, value] : entries) {
    const int64_t place = sparse ? key : next++;
    if (place < 0 || place >= size) return Invalid(fmt::format("key {} is not in [0, {}) of max_map", key, size));
    ASSIGN_OR_RETURN(to[place], CastEntry<To>(*value));
  }
  return {};
}

}  // namespace

KernelOr CreateCastMap(const NodeInfo& node) {
  const std::string cast_to = node.GetString("cast_to", "TO_FLOAT"), form = node.GetString("map_form", "DENSE");
  const int64_t max_map = node.GetInt("max_map", 1);
  if (cast_to != "TO_FLOAT" && cast_to != "TO_STRING" && cast_to != "TO_INT64")
    return Invalid(fmt::format("unknown cast_to '{}'", cast_to));
  if (form != "DENSE" && form != "SPARSE") return Invalid(fmt::format("map_form '{}' is neither DENSE nor SPARSE", form));
  if (form == "SPARSE" && max_map < 1) return Invalid(fmt::format("max_map is {}", max_map));
  const DataType out = cast_to == "TO_FLOAT" ? DataType::kFloat : cast_to == "TO_STRING" ? DataType::kString : DataType::kInt64;
  return MakeKernel([out, sparse = form == "SPARSE", max_map](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const MapParts map, ReadMap(context));
    if (map.keys->dtype() != DataType::kInt64) return Invalid("the map's keys must be int64");
    return Dispatch<std::string, float>(map.values->dtype(), "CastMap", [&]<class From>() {
      return Dispatch<std::string, float, int64_t>(out, "CastMap",
                                                   [&]<class To>() { return WriteCastMap<To, From>(context, map, sparse, max_map); });
    });
  });
}

KernelOr CreateZipMap(const NodeInfo& node) {
  const std::vector<std::string> strings = node.GetStrings("classlabels_strings");
  const std::vector<int64_t> integers = node.GetInts("classlabels_int64s");
  if (strings.empty() == integers.empty()) return Invalid("exactly one of classlabels_strings and classlabels_int64s must be given");
  const Dims dims{static_cast<int64_t>(std::max(strings.size(), integers.size()))};
  const Tensor keys = strings.empty() ? Tensor::From<int64_t>(dims, integers) : Tensor::From<std::string>(dims, strings);
  return MakeKernel([keys](KernelContext& context) -> Status {
    const TensorView& x = context.input(0);
    ASSIGN_OR_RETURN(const FeatureRows shape, ReadRows(x));
    if (x.dtype != DataType::kFloat || shape.features != keys.num_elements())
      return Invalid(fmt::format("{} scores for {} class labels", x.TypeString(), keys.num_elements()));
    Value::Sequence maps;
    for (int64_t r = 0; r < shape.rows; ++r)
      maps.push_back(Value::Map(keys, Tensor::From<float>({shape.features}, x.as<float>().subspan(static_cast<size_t>(r * shape.features),
                                                                                                  static_cast<size_t>(shape.features)))));
    return context.SetOutput(0, Value(std::move(maps)));
  });
}

}  // namespace sardonyx::cpu
