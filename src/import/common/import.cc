#include "import/common/import.h"

#include <charconv>

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx::import {

std::string UnsupportedText(const ImportReport& report) {
  std::string text;
  for (const Unsupported& one : report.unsupported) {
    if (!text.empty()) text += "\n";
    text += "  " + one.target;
    if (!one.places.empty()) text += " in " + one.places[0];
    if (one.places.size() > 1) text += fmt::format(" and {} more", one.places.size() - 1);
    text += ": " + one.reason;
  }
  return text;
}

StatusOr<InputSpec> ParseInputSpec(std::string_view text) {
  const auto wrong = [&] { return Usage(fmt::format("--input takes NAME:DTYPE[batch,3,224,224]; '{}' is something else", text)); };
  const size_t bracket = text.find('[');
  const size_t colon = text.rfind(':', bracket);
  if (colon == std::string_view::npos || colon == 0) return wrong();
  InputSpec spec;
  spec.name = text.substr(0, colon);
  std::string_view word = text.substr(colon + 1, bracket == std::string_view::npos ? std::string_view::npos : bracket - colon - 1);
  if (const size_t equal = word.find('='); equal != std::string_view::npos) {
    const std::string_view number = word.substr(equal + 1);
    double value = number == "true" ? 1 : 0;
    if (number != "true" && number != "false") {
      const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
      if (error != std::errc() || end != number.data() + number.size())
        return Usage(fmt::format("--input {}: '{}' is no number", text, number));
    }
    if (bracket != std::string_view::npos) return Usage(fmt::format("--input {}: a value is for a number, not for a tensor", text));
    spec.value = value;
    word = word.substr(0, equal);
  }
  if (word == "float32") word = "float";
  if (word == "float64") word = "double";
  // Numbers of Python, which programs take beside tensors.
  if (word == "python_int") word = "int64";
  if (word == "python_float") word = "double";
  if (word == "python_bool") word = "bool";
  const std::optional<DataType> dtype = ParseDataType(word);
  if (!dtype || *dtype == DataType::kUndefined) return Usage(fmt::format("--input {}: '{}' is no element type", text, word));
  spec.type = ir::Type::Tensor(*dtype);
  if (bracket == std::string_view::npos) return spec;
  if (text.back() != ']') return wrong();
  std::string_view dims = text.substr(bracket + 1, text.size() - bracket - 2);
  spec.type.shape.emplace();
  int depth = 0;
  for (size_t begin = 0, i = 0; i <= dims.size() && !dims.empty(); ++i) {
    if (i < dims.size() && dims[i] == '(') ++depth;
    if (i < dims.size() && dims[i] == ')') --depth;
    if (i < dims.size() && (dims[i] != ',' || depth > 0)) continue;
    std::string_view one = dims.substr(begin, i - begin);
    while (!one.empty() && one.front() == ' ') one.remove_prefix(1);
    while (!one.empty() && one.back() == ' ') one.remove_suffix(1);
    if (one.empty()) return wrong();
    ir::Dim dim = one == "?" ? ir::Dim() : ir::Dim::Parse(one);
    if (dim.is_constant() && dim.value() < 0) return Usage(fmt::format("--input {}: a size cannot be negative", text));
    spec.type.shape->Append(std::move(dim));
    begin = i + 1;
  }
  return spec;
}

StatusOr<DynamicAxis> ParseDynamicAxis(std::string_view text) {
  const size_t equal = text.rfind('=');
  const size_t colon = equal == std::string_view::npos ? equal : text.rfind(':', equal);
  DynamicAxis axis;
  if (colon != std::string_view::npos && colon > 0 && equal + 1 < text.size()) {
    const auto [end, error] = std::from_chars(text.data() + colon + 1, text.data() + equal, axis.axis);
    if (error == std::errc() && end == text.data() + equal) {
      axis.input = text.substr(0, colon);
      axis.symbol = text.substr(equal + 1);
      return axis;
    }
  }
  return Usage(fmt::format("--dynamic takes NAME:AXIS=SYMBOL; '{}' is something else", text));
}

}  // namespace sardonyx::import
