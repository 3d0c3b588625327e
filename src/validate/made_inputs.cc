#include "validate/made_inputs.h"

#include <algorithm>
#include <complex>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx::validate {
namespace {

constexpr Sizes kSizes[] = {{1, 64, 8}, {2, 96, 13}, {3, 32, 5}, {1, 224, 16}, {1, 256, 64}, {1, 299, 128}, {1, 1, 1}, {1, 640, 512}};

template <class T>
void Fill(Tensor& tensor, const std::function<T()>& make) {
  for (T& element : tensor.mutable_data<T>()) element = make();
}

bool Contains(std::string_view text, std::string_view part) {
  return std::search(text.begin(), text.end(), part.begin(), part.end(), [](char a, char b) { return std::tolower(a) == b; }) != text.end();
}

enum class Role { kBatch, kSpatial, kLength };

// A picture [N, 3, H, W] or [N, H, W, 3] has spatial axes; a cache [N, heads, length, width] has not.
Role RoleOf(const ir::Shape& shape, size_t axis, std::string_view symbol) {
  if (Contains(symbol, "batch")) return Role::kBatch;
  if (Contains(symbol, "height") || Contains(symbol, "width")) return Role::kSpatial;
  if (Contains(symbol, "seq") || Contains(symbol, "len")) return Role::kLength;
  if (axis == 0) return Role::kBatch;
  if (shape.rank() < 4) return Role::kLength;
  const size_t last = shape.rank() - 1;
  const bool channels_last = shape[last].is_constant() && shape[last].value() <= 4;
  if (axis == 1 && !channels_last) return Role::kLength;
  return channels_last || !shape[last].is_constant() ? Role::kSpatial : Role::kLength;
}

int64_t SizeOf(Role role, const Sizes& sizes) {
  return role == Role::kBatch ? sizes.batch : role == Role::kSpatial ? sizes.spatial : sizes.length;
}

// A file's "past+n" is one symbol to the graph; here it is the sum that its author meant.
ir::Dim Meaning(const ir::Dim& dim) {
  const auto symbol = dim.symbol();
  return symbol ? ir::Dim::Parse(*symbol) : dim;
}

// What is fed: of an optional input what it holds.
const ir::Type& FedType(const ir::Value& input) {
  return input.type.kind == ir::Type::Kind::kOptional && input.type.element ? *input.type.element : input.type;
}

// The sizes of the symbols that stand alone as a dim of some input.
std::map<std::string, int64_t, std::less<>> SymbolSizes(const ir::Graph& graph, const Sizes& sizes, const MadeInputOptions& options) {
  std::map<std::string, int64_t, std::less<>> known;
  for (const ir::ValueInfo& input : graph.inputs()) {
    const auto& shape = FedType(*input.value).shape;
    if (!shape) continue;
    const auto given = std::find_if(options.shapes.begin(), options.shapes.end(), [&](const auto& one) { return one.first == input.value->name(); });
    for (size_t axis = 0; axis < shape->rank(); ++axis) {
      const ir::Dim dim = Meaning((*shape)[axis]);
      const auto symbol = dim.symbol();
      if (!symbol) continue;
      if (given != options.shapes.end() && axis < given->second.rank())
        known[std::string(*symbol)] = given->second[axis];
      else
        known.emplace(*symbol, SizeOf(RoleOf(*shape, axis, *symbol), sizes));
    }
  }
  return known;
}

StatusOr<Dims> DimsOf(const ir::Value& input, const std::map<std::string, int64_t, std::less<>>& symbols, const Sizes& sizes,
                      const MadeInputOptions& options) {
  for (const auto& [name, dims] : options.shapes)
    if (name == input.name()) return dims;
  const auto& shape = FedType(input).shape;
  if (!shape) return Usage(fmt::format("input '{}' has no known shape: say --shape {}=...", input.name(), input.name()));
  Dims dims;
  for (size_t axis = 0; axis < shape->rank(); ++axis) {
    const ir::Dim dim = Meaning((*shape)[axis]);
    const auto value = dim.Evaluate([&](std::string_view symbol) -> std::optional<int64_t> {
      const auto found = symbols.find(symbol);
      return found == symbols.end() ? sizes.length : found->second;
    });
    dims.push_back(std::max<int64_t>(0, value.value_or(SizeOf(RoleOf(*shape, axis, ""), sizes))));
  }
  return dims;
}

// Zeros, ones or the last id of a table.
StatusOr<Tensor> Constant(DataType type, const Dims& dims, int64_t value) {
  std::mt19937_64 generator(0);
  if (value == 0 && type != DataType::kString) return Tensor::Allocate(type, dims);
  if (type == DataType::kString) return RandomTensor(type, dims, {1, 1}, generator);
  ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(type, dims));
  const auto fill = [&]<class T>(T) { Fill<T>(tensor, [&] { return T(static_cast<float>(value)); }); };
  const auto fill_integer = [&]<class T>(T) { Fill<T>(tensor, [&] { return static_cast<T>(value); }); };
  switch (type) {
    case DataType::kFloat: fill(float{}); break;
    case DataType::kDouble: fill(double{}); break;
    case DataType::kFloat16: fill(Float16{}); break;
    case DataType::kBfloat16: fill(BFloat16{}); break;
    case DataType::kComplex64: fill(std::complex<float>{}); break;
    case DataType::kInt64: fill_integer(int64_t{}); break;
    case DataType::kUint64: fill_integer(uint64_t{}); break;
    case DataType::kInt32: fill_integer(int32_t{}); break;
    case DataType::kUint32: fill_integer(uint32_t{}); break;
    case DataType::kInt16: fill_integer(int16_t{}); break;
    case DataType::kUint16: fill_integer(uint16_t{}); break;
    case DataType::kInt8: fill_integer(int8_t{}); break;
    case DataType::kUint8: fill_integer(uint8_t{}); break;
    case DataType::kBool: fill_integer(bool{}); break;
    default: return Unsupported(fmt::format("made values of type {}", DataTypeName(type)));
  }
  return tensor;
}

StatusOr<Tensor> MakeOne(const ir::Value& input, const Dims& dims, InputKind kind, std::mt19937_64& generator) {
  const DataType type = FedType(input).dtype;
  const bool integer = IsInteger(type);
  const int64_t rows = integer ? TableRows(input) : 0;
  // A mask of zeros only would make an attention of nothing; models are not built for that.
  const bool mask = integer && Contains(input.name(), "mask");
  switch (kind) {
    case InputKind::kZeros:
      return Constant(type, dims, mask ? 1 : 0);
    case InputKind::kOnes:
      return Constant(type, dims, rows == 1 ? 0 : 1);
    case InputKind::kLarge:
      if (rows > 0) return Constant(type, dims, rows - 1);
      return RandomTensor(type, dims, {100, mask ? 2u : 3u}, generator);
    case InputKind::kSmall:
      return RandomTensor(type, dims, {1e-4, 2}, generator);
    case InputKind::kRandom:
      break;
  }
  return RandomTensor(type, dims, {1, rows > 0 ? static_cast<uint64_t>(rows) : mask ? 2u : 3u}, generator);
}

const ir::Graph* GraphOf(const ir::Model& model) { return model.graph.get(); }

// Optional tensors are given too; other optionals are left out.
bool NeedsValue(const ir::ValueInfo& input) {
  const bool left_out = input.value->type.kind == ir::Type::Kind::kOptional && !FedType(*input.value).is_tensor();
  return !input.value->initializer() && !input.value->sparse_initializer() && !left_out;
}

}  // namespace

StatusOr<Tensor> RandomTensor(DataType type, const Dims& dims, const NumberRange& range, std::mt19937_64& generator) {
  ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(type, dims));
  // 24 random bits are exact in a float, so every type sees the same numbers.
  const auto uniform = [&] {
    return static_cast<float>(static_cast<double>(generator() >> 40) / double{1 << 23} - 1.0) * static_cast<float>(range.scale);
  };
  const auto reals = [&]<class T>(T) { Fill<T>(tensor, [&] { return T(uniform()); }); };
  // A narrow type takes what it can hold.
  const auto integers = [&]<class T>(T) {
    const uint64_t count = std::min<uint64_t>(range.integers, static_cast<uint64_t>(std::numeric_limits<T>::max()));
    Fill<T>(tensor, [&] { return static_cast<T>(generator() % std::max<uint64_t>(1, count)); });
  };
  switch (type) {
    case DataType::kFloat: reals(float{}); break;
    case DataType::kDouble: reals(double{}); break;
    case DataType::kFloat16: reals(Float16{}); break;
    case DataType::kBfloat16: reals(BFloat16{}); break;
    case DataType::kInt64: integers(int64_t{}); break;
    case DataType::kUint64: integers(uint64_t{}); break;
    case DataType::kInt32: integers(int32_t{}); break;
    case DataType::kUint32: integers(uint32_t{}); break;
    case DataType::kInt16: integers(int16_t{}); break;
    case DataType::kUint16: integers(uint16_t{}); break;
    case DataType::kInt8: integers(int8_t{}); break;
    case DataType::kUint8: integers(uint8_t{}); break;
    case DataType::kBool: Fill<bool>(tensor, [&] { return generator() % 2 == 1; }); break;
    case DataType::kComplex64:
      Fill<std::complex<float>>(tensor, [&] {
        const float real = uniform();
        return std::complex<float>(real, uniform());
      });
      break;
    case DataType::kString: {
      static constexpr const char* kWords[] = {"a", "b", "hello world"};
      std::vector<std::string> words;
      for (int64_t i = 0; i < tensor.num_elements(); ++i) words.emplace_back(kWords[generator() % 3]);
      return Tensor::FromStrings(dims, std::move(words));
    }
    default:
      return Unsupported(fmt::format("random values of type {}", DataTypeName(type)));
  }
  return tensor;
}

std::string_view InputKindName(InputKind kind) {
  constexpr std::string_view kNames[] = {"random", "zeros", "ones", "small", "large"};
  return kNames[static_cast<size_t>(kind)];
}

double ToleranceScale(InputKind kind) { return kind == InputKind::kLarge ? 100 : 1; }

std::span<const Sizes> SizesToTry() { return kSizes; }

int64_t TableRows(const ir::Value& input) {
  int64_t rows = 0;
  std::set<const ir::Value*> seen{&input};
  std::vector<const ir::Value*> open{&input};
  while (!open.empty()) {
    const ir::Value* value = open.back();
    open.pop_back();
    for (const ir::Use& use : value->uses()) {
      static const std::set<std::string_view> kSameNumbers = {"Cast",    "Identity",  "Unsqueeze", "Squeeze", "Reshape", "Flatten",
                                                              "Transpose", "Expand", "Slice",     "Concat",  "Split"};
      const ir::Node& node = *use.node;
      if (node.op_type == "Gather" && use.index == 1 && node.input(0) && node.input(0)->initializer()) {
        const std::vector<int64_t>& table = node.input(0)->initializer()->dims;
        int64_t axis = node.GetInt("axis", 0);
        if (axis < 0) axis += static_cast<int64_t>(table.size());
        if (axis < 0 || axis >= static_cast<int64_t>(table.size())) continue;
        const int64_t size = table[static_cast<size_t>(axis)];
        rows = rows == 0 ? size : std::min(rows, size);
      } else if (kSameNumbers.contains(node.op_type) && (use.index == 0 || node.op_type == "Concat")) {
        for (const ir::Value* output : node.outputs())
          if (output && seen.insert(output).second) open.push_back(output);
      }
    }
  }
  return rows;
}

void TakeSizes(const ValueInfo& input, const Dims& dims, SizesOfSymbols* sizes) {
  for (size_t d = 0; d < input.symbols.size() && d < dims.rank(); ++d)
    if (!input.symbols[d].empty()) (*sizes)[input.symbols[d]] = dims[d];
}

Dims DimsOf(const ValueInfo& input, const SizesOfSymbols& sizes, int64_t first) {
  Dims dims;
  for (size_t d = 0; d < input.dims.size(); ++d) {
    const auto size = sizes.find(input.symbols[d]);
    dims.push_back(input.dims[d] >= 0 ? input.dims[d] : size != sizes.end() ? size->second : d == 0 ? first : 1);
  }
  return dims;
}

bool HasFreeDims(const ir::Model& model, const MadeInputOptions& options) {
  if (!GraphOf(model)) return false;
  for (const ir::ValueInfo& input : model.graph->inputs()) {
    if (!NeedsValue(input) || !FedType(*input.value).shape) continue;
    if (std::any_of(options.shapes.begin(), options.shapes.end(), [&](const auto& one) { return one.first == input.value->name(); })) continue;
    if (!FedType(*input.value).shape->is_static()) return true;
  }
  return false;
}

StatusOr<NamedValues> MakeInputs(const ir::Model& model, InputKind kind, const Sizes& sizes, const MadeInputOptions& options) {
  NamedValues values;
  if (!GraphOf(model)) return values;
  std::mt19937_64 generator(options.seed);
  const auto symbols = SymbolSizes(*model.graph, sizes, options);
  for (const ir::ValueInfo& input : model.graph->inputs()) {
    if (!NeedsValue(input)) continue;
    const ir::Value& value = *input.value;
    if (!FedType(value).is_tensor())
      return Unsupported(fmt::format("input '{}' is a {}, which cannot be made up: give it with --inputs", value.name(), value.type.Spelling()));
    ASSIGN_OR_RETURN(const Dims dims, DimsOf(value, symbols, sizes, options));
    ASSIGN_OR_RETURN(Tensor tensor, MakeOne(value, dims, kind, generator));
    values.emplace_back(value.name(), std::move(tensor));
  }
  return values;
}

}  // namespace sardonyx::validate
