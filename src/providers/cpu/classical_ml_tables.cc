// Tables from one kind of value to another: LabelEncoder, CategoryMapper.
#include <cmath>
#include <unordered_map>

#include "providers/cpu/classical_ml.h"
#include "providers/cpu/movement_elements.h"

namespace sardonyx::cpu {
namespace {

// A lookup table: keys of any type to elements of one tensor, whose last element is the default. The first of equal keys
// wins; NaN is a key like others.
class LookupTable {
 public:
  // values: one per key. fallback: one element of the same type.
  static StatusOr<LookupTable> Create(const Tensor& keys, const Tensor& values, const Tensor& fallback);
  Status Run(KernelContext& context) const;

 private:
  template <class T>
  size_t Find(const T& key) const {
    if constexpr (std::is_same_v<T, std::string>) {
      return At(strings_, key);
    } else if constexpr (std::is_integral_v<T>) {
      return At(integers_, static_cast<int64_t>(key));
    } else {
      return std::isnan(key) ? nan_ : At(floats_, static_cast<double>(key));
    }
  }
  template <class Map, class Key>
  size_t At(const Map& map, const Key& key) const {
    const auto found = map.find(key);
    return found == map.end() ? fallback_ : found->second;
  }

  DataType key_type_ = DataType::kUndefined;
  std::unordered_map<std::string, size_t> strings_;
  std::unordered_map<int64_t, size_t> integers_;
  std::unordered_map<double, size_t> floats_;
  size_t nan_ = 0, fallback_ = 0;
  Tensor values_, default_;
};

StatusOr<LookupTable> LookupTable::Create(const Tensor& keys, const Tensor& values, const Tensor& fallback) {
  if (keys.num_elements() != values.num_elements())
    return Invalid(fmt::format("{} keys for {} values", keys.num_elements(), values.num_elements()));
  if (fallback.dtype() != values.dtype() || fallback.num_elements() < 1)
    return Invalid(fmt::format("the default is {}, the values are {}", fallback.TypeString(), values.TypeString()));
  LookupTable table;
  table.key_type_ = keys.dtype();
  table.values_ = values;
  table.default_ = fallback;
  table.nan_ = table.fallback_ = static_cast<size_t>(keys.num_elements());
  const Status filled = Dispatch<std::string, int64_t, int32_t, int16_t, float, double>(keys.dtype(), "a table", [&]<class T>() -> Status {
    const std::span<const T> list = keys.data<T>();
    for (size_t i = 0; i < list.size(); ++i) {
      if constexpr (std::is_same_v<T, std::string>)
        table.strings_.try_emplace(list[i], i);
      else if constexpr (std::is_integral_v<T>)
        table.integers_.try_emplace(list[i], i);
      else if (!std::isnan(list[i]))
        table.floats_.try_emplace(static_cast<double>(list[i]), i);
      else if (table.nan_ == table.fallback_)
        table.nan_ = i;
    }
    return {};
  });
  RETURN_IF_ERROR(filled);
  return table;
}

Status LookupTable::Run(KernelContext& context) const {
  const TensorView& x = context.input(0);
  if (x.dtype != key_type_)
    return Invalid(fmt::format("the input holds {}, the table's keys are {}", DataTypeName(x.dtype), DataTypeName(key_type_)));
  ASSIGN_OR_RETURN(TensorView y, context.Output(0, values_.dtype(), x.dims));
  return Dispatch<std::string, int64_t, int32_t, int16_t, float, double>(x.dtype, "a table", [&]<class T>() -> Status {
    kernels::DispatchElement(kernels::ElementOf(values_.dtype()), [&]<class V>() {
      V* to = y.mutable_ptr<V>();
      for (const T& key : x.as<T>()) {
        const size_t at = Find(key);
        *to++ = at == fallback_ ? *static_cast<const V*>(default_.raw_data()) : static_cast<const V*>(values_.raw_data())[at];
      }
    });
    return {};
  });
}

KernelOr MakeLookup(StatusOr<LookupTable> table) {
  if (!table.ok()) return table.status();
  return MakeKernel([held = std::make_shared<const LookupTable>(*std::move(table))](KernelContext& context) { return held->Run(context); });
}

template <class T>
Tensor ListOf(const std::vector<T>& values) {
  return Tensor::From<T>({static_cast<int64_t>(values.size())}, values);
}

Tensor IndicesUpTo(size_t count) {
  std::vector<int64_t> indices(count);
  for (size_t i = 0; i < count; ++i) indices[i] = static_cast<int64_t>(i);
  return ListOf(indices);
}

// Strings to integers or back, by which of the two output 0 (or else input 0) is known to be.
KernelOr MakeStringTable(const NodeInfo& node, const Tensor& strings, const Tensor& integers) {
  const Tensor no_string = Tensor::Scalar<std::string>(node.GetString("default_string", "_Unused"));
  const Tensor no_integer = Tensor::Scalar<int64_t>(node.GetInt("default_int64", -1));
  ASSIGN_OR_RETURN(LookupTable to_integer, LookupTable::Create(strings, integers, no_integer));
  ASSIGN_OR_RETURN(LookupTable to_string, LookupTable::Create(integers, strings, no_string));
  struct Both {
    LookupTable to_integer, to_string;
  };
  auto both = std::make_shared<const Both>(Both{std::move(to_integer), std::move(to_string)});
  return MakeKernel([both](KernelContext& context) {
    return (context.input(0).dtype == DataType::kString ? both->to_integer : both->to_string).Run(context);
  });
}

}  // namespace

KernelOr CreateCategoryMapper(const NodeInfo& node) {
  return MakeStringTable(node, ListOf(node.GetStrings("cats_strings")), ListOf(node.GetInts("cats_int64s")));
}

KernelOr CreateLabelEncoder1(const NodeInfo& node) {
  const std::vector<std::string> classes = node.GetStrings("classes_strings");
  return MakeStringTable(node, ListOf(classes), IndicesUpTo(classes.size()));
}

namespace {

// LabelEncoder's keys or values: whichever of the attributes prefix_strings, _int64s, _floats and _tensor is there.
StatusOr<Tensor> ReadList(const NodeInfo& node, const std::string& prefix) {
  ASSIGN_OR_RETURN(Tensor tensor, node.GetTensor(prefix + "_tensor"));
  if (tensor.defined()) return tensor;
  if (node.HasAttribute(prefix + "_strings")) return ListOf(node.GetStrings(prefix + "_strings"));
  if (node.HasAttribute(prefix + "_int64s")) return ListOf(node.GetInts(prefix + "_int64s"));
  if (node.HasAttribute(prefix + "_floats")) return ListOf(node.GetFloats(prefix + "_floats"));
  return Invalid(fmt::format("none of {0}_strings, {0}_int64s, {0}_floats and {0}_tensor is given", prefix));
}

StatusOr<Tensor> ReadDefault(const NodeInfo& node, DataType type) {
  ASSIGN_OR_RETURN(Tensor tensor, node.GetTensor("default_tensor"));
  if (tensor.defined()) return tensor;
  switch (type) {
    case DataType::kString:
      return Tensor::Scalar<std::string>(node.GetString("default_string", "_Unused"));
    case DataType::kInt64:
      return Tensor::Scalar<int64_t>(node.GetInt("default_int64", -1));
    case DataType::kInt32:
      return Tensor::Scalar<int32_t>(static_cast<int32_t>(node.GetInt("default_int64", -1)));
    case DataType::kInt16:
      return Tensor::Scalar<int16_t>(static_cast<int16_t>(node.GetInt("default_int64", -1)));
    case DataType::kFloat:
      return Tensor::Scalar<float>(node.GetFloat("default_float", -0.f));
    case DataType::kDouble:
      return Tensor::Scalar<double>(node.GetFloat("default_float", -0.f));
    default:
      return Unsupported(fmt::format("LabelEncoder is not implemented for values of {}", DataTypeName(type)));
  }
}

}  // namespace

KernelOr CreateLabelEncoder2(const NodeInfo& node) {
  ASSIGN_OR_RETURN(const Tensor keys, ReadList(node, "keys"));
  ASSIGN_OR_RETURN(const Tensor values, ReadList(node, "values"));
  ASSIGN_OR_RETURN(const Tensor fallback, ReadDefault(node, values.dtype()));
  return MakeLookup(LookupTable::Create(keys, values, fallback));
}

}  // namespace sardonyx::cpu
