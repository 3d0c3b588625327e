#include "case.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <new>
#include <random>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "ir/text.h"
#include "kernels/elementwise/cast_string.h"
#include "kernels/elementwise/convert.h"

namespace sardonyx::operators {
namespace {

std::string Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t"), end = text.find_last_not_of(" \t");
  return begin == std::string_view::npos ? "" : std::string(text.substr(begin, end - begin + 1));
}

// Splits at `separator` outside of brackets and quotes.
std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts(1);
  int depth = 0;
  bool quoted = false;
  for (char c : text) {
    if (c == '"') quoted = !quoted;
    if (!quoted && (c == '[' || c == '{' || c == '(')) ++depth;
    if (!quoted && (c == ']' || c == '}' || c == ')')) --depth;
    if (c == separator && depth == 0 && !quoted)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  for (std::string& part : parts) part = Trim(part);
  return parts;
}

StatusOr<double> ReadNumber(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return Corrupt(fmt::format("'{}' is no number", text));
  return value;
}

StatusOr<Dims> ReadDims(std::string_view text) {
  Dims dims;
  if (Trim(text).empty()) return dims;
  for (const std::string& part : Split(text, ',')) {
    ASSIGN_OR_RETURN(const double size, ReadNumber(part));
    dims.push_back(static_cast<int64_t>(size));
  }
  return dims;
}

// "T[7,1]", "int64{1, 2}", "T[3] in 0.1..2", "string[2]{a, b}", "-".
StatusOr<CaseInput> ReadInput(const std::string& text) {
  CaseInput input;
  if (text == "-") {
    input.omitted = true;
    return input;
  }
  const size_t name_end = text.find_first_of("[{");
  if (name_end == std::string::npos) return Corrupt(fmt::format("input '{}' has neither dims nor values", text));
  const std::string name = Trim(text.substr(0, name_end));
  if (name != "T") {
    input.dtype = ParseDataType(name);
    if (!input.dtype) return Corrupt(fmt::format("'{}' is no element type", name));
  }
  size_t at = name_end;
  const bool has_dims = text[at] == '[';
  if (has_dims) {
    const size_t end = text.find(']', at);
    if (end == std::string::npos) return Corrupt(fmt::format("'{}' lacks a ]", text));
    ASSIGN_OR_RETURN(input.dims, ReadDims(text.substr(at + 1, end - at - 1)));
    at = end + 1;
  }
  std::string rest = Trim(text.substr(at));
  if (rest.starts_with('{') && rest.ends_with('}')) {
    input.fill.kind = Fill::Kind::kList;
    rest = rest.substr(1, rest.size() - 2);
    if (!Trim(rest).empty()) input.fill.list = Split(rest, ',');
    if (!has_dims) input.dims = Dims{static_cast<int64_t>(input.fill.list.size())};
  } else if (rest.starts_with("in ")) {
    const size_t dots = rest.find("..");
    if (dots == std::string::npos) return Corrupt(fmt::format("'{}' is no range", rest));
    input.fill.kind = Fill::Kind::kRange;
    ASSIGN_OR_RETURN(input.fill.low, ReadNumber(Trim(rest.substr(3, dots - 3))));
    ASSIGN_OR_RETURN(input.fill.high, ReadNumber(Trim(rest.substr(dots + 2))));
  } else if (!rest.empty()) {
    return Corrupt(fmt::format("'{}' is not understood", rest));
  }
  return input;
}

// "T = float double", "-> 2", "~ 1e-3", "bits", "constants", "! text": what may follow the inputs, each after a '|'.
Status ReadOption(const std::string& text, Case& one) {
  if (text.starts_with("->")) {
    ASSIGN_OR_RETURN(const double outputs, ReadNumber(Trim(text.substr(2))));
    one.outputs = static_cast<int>(outputs);
  } else if (text.starts_with('~')) {
    ASSIGN_OR_RETURN(one.tolerance, ReadNumber(Trim(text.substr(1))));
  } else if (text == "constants") {
    one.only_constants = true;
  } else if (text == "bits") {
    one.only_bits = true;
  } else if (text.starts_with('!')) {
    one.refusal = Trim(text.substr(1));
  } else if (text.starts_with("T =")) {
    for (const std::string& name : Split(Trim(text.substr(3)), ' ')) {
      if (name.empty()) continue;
      const std::optional<DataType> type = ParseDataType(name);
      if (!type) return Corrupt(fmt::format("'{}' is no element type", name));
      one.types.push_back(*type);
    }
  } else {
    return Corrupt(fmt::format("'{}' is not understood", text));
  }
  return {};
}

// "Conv 22 <pads = [1, 1]> : T[1,2,3], T[2,2,1] | T = float | ~ 1e-3"
StatusOr<Case> ReadCase(const std::string& line) {
  Case one;
  one.source = line;
  const size_t angle = line.find('<'), close = line.find("> :");
  const size_t colon = line.find(" :", close == std::string::npos ? 0 : close);
  if (colon == std::string::npos) return Corrupt("no ' :' before the inputs");
  std::string head = line.substr(0, colon);
  if (close != std::string::npos && angle < close) {
    one.attributes = line.substr(angle, close - angle + 1);
    head = line.substr(0, angle);
  }
  const std::vector<std::string> words = Split(Trim(head), ' ');
  if (words.size() != 2) return Corrupt("an operator and its opset are needed");
  ASSIGN_OR_RETURN(const double opset, ReadNumber(words[1]));
  one.opset = static_cast<int64_t>(opset);
  const size_t dot = words[0].rfind('.');
  if (dot != std::string::npos) one.domain = words[0].substr(0, dot);
  one.op_type = dot == std::string::npos ? words[0] : words[0].substr(dot + 1);
  const std::vector<std::string> parts = Split(line.substr(colon + 2), '|');
  if (!parts[0].empty()) {
    for (const std::string& text : Split(parts[0], ',')) {
      ASSIGN_OR_RETURN(CaseInput input, ReadInput(text));
      one.inputs.push_back(std::move(input));
    }
  }
  for (size_t i = 1; i < parts.size(); ++i) RETURN_IF_ERROR(ReadOption(parts[i], one));
  return one;
}

// Memory of exactly `bytes`, so that a read beyond them is seen.
std::shared_ptr<void> ExactMemory(size_t bytes) {
  constexpr std::align_val_t kAlignment{64};
  return {::operator new(bytes, kAlignment), [](void* data) { ::operator delete(data, kAlignment); }};
}

Tensor MakeStrings(const CaseInput& input, std::mt19937_64& random) {
  static const std::vector<std::string> kWords = {"", "a", "Cat", "cat", "dog", "a b", "x,y", "über"};
  const std::vector<std::string>& words = input.fill.list.empty() ? kWords : input.fill.list;
  std::vector<std::string> values;
  for (int64_t i = 0; i < input.dims.num_elements(); ++i) {
    std::string word = words[input.fill.list.empty() ? random() % words.size() : static_cast<size_t>(i) % words.size()];
    if (word.size() > 1 && word.front() == '"') word = word.substr(1, word.size() - 2);
    values.push_back(word);
  }
  return Tensor::FromStrings(input.dims, std::move(values));
}

// Random values are small, and mostly fractions of a power of two, so that most types hold them exactly.
double Draw(const CaseInput& input, DataType dtype, std::mt19937_64& random) {
  const auto unit = static_cast<double>(random() >> 11) * 0x1p-53;
  if (input.fill.kind == Fill::Kind::kRange) {
    const double span = input.fill.high - input.fill.low;
    if (!IsFloatingPoint(dtype)) return input.fill.low + std::floor(unit * (span + 1));
    return input.fill.low + unit * span;
  }
  if (dtype == DataType::kBool) return unit < 0.5 ? 0 : 1;
  const double value = std::floor(unit * 129) / 32 - 2;  // [-2, 2]
  if (IsFloatingPoint(dtype)) return value;
  const double whole = std::floor(unit * 15) - 7;
  const bool is_signed = dtype == DataType::kInt8 || dtype == DataType::kInt16 || dtype == DataType::kInt32 || dtype == DataType::kInt64 ||
                         dtype == DataType::kInt4 || dtype == DataType::kInt2;
  return is_signed ? whole : std::abs(whole);
}

StatusOr<Tensor> MakeTensor(const CaseInput& input, DataType dtype, std::mt19937_64& random) {
  if (dtype == DataType::kString) return MakeStrings(input, random);
  const int64_t count = input.dims.num_elements();
  const std::shared_ptr<void> memory = ExactMemory(PackedBytes(dtype, count));
  if (input.fill.kind == Fill::Kind::kList) {
    std::vector<std::string> values;
    for (int64_t i = 0; i < count; ++i) values.push_back(input.fill.list[static_cast<size_t>(i) % input.fill.list.size()]);
    RETURN_IF_ERROR(kernels::ParseElements(values.data(), dtype, memory.get(), 0, count));
  } else if (dtype == DataType::kComplex64 || dtype == DataType::kComplex128) {
    const DataType real = dtype == DataType::kComplex64 ? DataType::kFloat : DataType::kDouble;
    std::vector<double> values;
    for (int64_t i = 0; i < 2 * count; ++i) values.push_back(Draw(input, real, random));
    kernels::ConvertElements(DataType::kDouble, values.data(), real, memory.get(), 0, 2 * count);
  } else {
    std::vector<double> values;
    for (int64_t i = 0; i < count; ++i) values.push_back(Draw(input, dtype, random));
    kernels::ConvertElements(DataType::kDouble, values.data(), dtype, memory.get(), 0, count);
  }
  return Tensor::FromShared(dtype, input.dims, memory);
}

}  // namespace

StatusOr<std::vector<Case>> ReadCases(const std::filesystem::path& file) {
  std::ifstream stream(file);
  if (!stream) return Corrupt(fmt::format("{}: cannot be read", file.string()));
  std::vector<Case> cases;
  int number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    if (Trim(line).empty() || line.starts_with('#')) continue;
    const std::string place = fmt::format("{}:{}", file.filename().string(), number);
    StatusOr<Case> one = ReadCase(Trim(line));
    if (!one.ok()) return one.status().WithContext(place);
    one->place = place;
    cases.push_back(*std::move(one));
  }
  return cases;
}

StatusOr<const ops::OpSchema*> SchemaOf(const Case& one) {
  const ops::OpSchema* schema = ops::FindSchema(one.domain, one.op_type, one.opset);
  if (schema == nullptr) return Invalid(fmt::format("{} {} has no schema", one.op_type, one.opset));
  return schema;
}

DataType TypeOfInput(const Case& one, const ops::OpSchema& schema, size_t i, DataType type) {
  if (one.inputs[i].dtype) return *one.inputs[i].dtype;
  const ops::FormalParameter* parameter = schema.input(i);
  const ops::TypeConstraint* constraint = parameter != nullptr ? schema.constraint(parameter->type) : nullptr;
  if (constraint == nullptr) return type;  // arity or type is wrong: the case expects a refusal
  const std::string spelling = fmt::format("tensor({})", DataTypeName(type));
  const auto allowed = constraint->types;
  if (std::find(allowed.begin(), allowed.end(), spelling) != allowed.end() || one.refusal) return type;
  const std::string_view first = allowed.front();  // a variable of its own that does not take T
  return ParseDataType(first.substr(7, first.size() - 8)).value_or(type);
}

std::vector<DataType> TypesOf(const Case& one, const ops::OpSchema& schema) {
  size_t i = 0;
  while (i < one.inputs.size() && (one.inputs[i].omitted || one.inputs[i].dtype)) ++i;
  if (i == one.inputs.size()) return {DataType::kUndefined};
  if (!one.types.empty()) return one.types;
  std::vector<DataType> types;
  const ops::FormalParameter* parameter = schema.input(i);
  const ops::TypeConstraint* constraint = parameter != nullptr ? schema.constraint(parameter->type) : nullptr;
  if (constraint == nullptr) {
    const std::string_view type = parameter != nullptr ? parameter->type : "tensor(float)";
    return {ParseDataType(type.substr(7, type.size() - 8)).value_or(DataType::kFloat)};
  }
  for (std::string_view spelling : constraint->types) {
    if (!spelling.starts_with("tensor(")) continue;
    if (const auto type = ParseDataType(spelling.substr(7, spelling.size() - 8))) types.push_back(*type);
  }
  return types;
}

StatusOr<std::vector<Value>> MakeInputs(const Case& one, const ops::OpSchema& schema, DataType type) {
  std::mt19937_64 random(std::hash<std::string>()(one.source));
  std::vector<Value> values;
  for (size_t i = 0; i < one.inputs.size(); ++i) {
    if (one.inputs[i].omitted) {
      values.emplace_back();
      continue;
    }
    ASSIGN_OR_RETURN(Tensor tensor, MakeTensor(one.inputs[i], TypeOfInput(one, schema, i, type), random));
    values.emplace_back(std::move(tensor));
  }
  return values;
}

Value ToDouble(const Value& value) {
  const Tensor& tensor = value.tensor();
  const std::shared_ptr<void> memory = ExactMemory(static_cast<size_t>(tensor.num_elements()) * sizeof(double));
  kernels::ConvertElements(tensor.dtype(), tensor.raw_data(), DataType::kDouble, memory.get(), 0, tensor.num_elements());
  return Tensor::FromShared(DataType::kDouble, tensor.dims(), memory);
}

StatusOr<Model> MakeModel(const Case& one, const std::vector<Value>& inputs, Feed feed) {
  std::string declared, constants, names, outputs;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool here = inputs[i].is_tensor();
    std::string& list = IsConstant(feed, i) ? constants : declared;
    if (here) list += fmt::format("{}{} x{}", list.empty() ? "" : ", ", inputs[i].tensor().TypeString(), i);
    names += fmt::format("{}{}", i == 0 ? "" : ", ", here ? fmt::format("x{}", i) : "\"\"");
  }
  for (int i = 0; i < one.outputs; ++i) outputs += fmt::format("{}y{}", i == 0 ? "" : ", ", i);
  std::string imports = fmt::format("\"{}\" : {}", one.domain, one.opset);
  if (!one.domain.empty()) imports += ", \"\" : 21";
  const std::string name = one.domain.empty() ? one.op_type : one.domain + "." + one.op_type;
  const std::string text = fmt::format("<ir_version: 13, opset_import: [{}]>\ncase ({}) => () {} {{ {} = {} {} ({}) }}", imports, declared,
                                       constants.empty() ? "" : "<" + constants + ">", outputs, name, one.attributes, names);
  ASSIGN_OR_RETURN(std::unique_ptr<ir::Model> model, ir::ParseText(text));
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].is_tensor() || !IsConstant(feed, i)) continue;
    const std::string constant = fmt::format("x{}", i);
    model->graph->SetInitializer(model->graph->Find(constant), ir::StoredTensor::Of(constant, inputs[i].tensor()));
  }
  for (ir::Value* output : model->graph->nodes().back()->outputs()) {
    ir::ValueInfo info;
    info.value = output;
    model->graph->AddOutput(std::move(info));
  }
  return Model(std::shared_ptr<const ir::Model>(std::move(model)));
}

}  // namespace sardonyx::operators
