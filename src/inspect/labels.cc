#include "inspect/labels.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "inspect/sizes.h"
#include "inspect/weights.h"

namespace sardonyx::inspect {
namespace {

constexpr const char* kTimes = "\u00d7";

// Widths of ' ' to '~' in Helvetica, in thousandths of the font's size.
constexpr std::array<short, 95> kWidths = {278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333,  278, 278, 556, 556, 556,
                                           556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667,
                                           611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667,  611, 722, 667, 944, 667,
                                           667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278,  556, 556, 222, 222, 500,
                                           222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500,  500, 334, 260, 334, 584};

bool IsUtf8Tail(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

template <class T, class F>
std::string ListText(const std::vector<T>& values, size_t width, F&& text) {
  std::string out = "[";
  for (size_t i = 0; i < values.size(); ++i) {
    if (out.size() + 6 > width) return out + fmt::format("... {} in all]", values.size());
    out += (i > 0 ? ", " : "") + text(values[i]);
  }
  return out + "]";
}

template <class T>
bool Same(const ops::AttributeSchema::Default& expected, const ir::Attribute::Content& value) {
  const T* a = std::get_if<T>(&expected);
  const T* b = std::get_if<T>(&value);
  return a && b && *a == *b;
}

bool IsDefault(const ops::AttributeSchema::Default& expected, const ir::Attribute::Content& value) {
  return Same<float>(expected, value) || Same<int64_t>(expected, value) || Same<std::string>(expected, value) ||
         Same<std::vector<int64_t>>(expected, value) || Same<std::vector<float>>(expected, value);
}

std::string TensorText(const ir::StoredTensor& tensor) {
  return fmt::format("{}[{}]", DataTypeName(tensor.dtype), fmt::join(tensor.dims, ","));
}

}  // namespace

std::string ShapeLabel(const ir::Type& type) {
  if (!type.known()) return "";
  if (!type.is_tensor()) return ShortName(type.ToString(), 32);
  if (!type.shape) return "";
  if (type.shape->rank() == 0) return "scalar";
  std::string label;
  for (const ir::Dim& dim : type.shape->dims()) label += (label.empty() ? "" : kTimes) + ShortName(dim.ToString(), 20);
  return label;
}

std::string AttributeText(const ir::Attribute& attribute, size_t width) {
  if (!attribute.ref_attr_name.empty()) return "@" + attribute.ref_attr_name;
  const auto& value = attribute.value;
  if (const auto* f = std::get_if<float>(&value)) return fmt::format("{}", *f);
  if (const auto* i = std::get_if<int64_t>(&value)) {
    const bool is_type = attribute.name == "to" || attribute.name.ends_with("dtype") || attribute.name == "stash_type";
    if (is_type && *i > 0 && *i < kNumDataTypes) return std::string(DataTypeName(static_cast<DataType>(*i)));
    return fmt::format("{}", *i);
  }
  if (const auto* s = std::get_if<std::string>(&value)) return ShortName(*s, width);
  if (const auto* t = std::get_if<ir::StoredTensor>(&value)) return TensorText(*t);
  if (const auto* g = std::get_if<std::shared_ptr<ir::Graph>>(&value))
    return *g ? fmt::format("graph of {} nodes", (*g)->nodes().size()) : "no graph";
  if (const auto* v = std::get_if<std::vector<float>>(&value)) return ListText(*v, width, [](float x) { return fmt::format("{}", x); });
  if (const auto* v = std::get_if<std::vector<int64_t>>(&value)) return ListText(*v, width, [](int64_t x) { return fmt::format("{}", x); });
  if (const auto* v = std::get_if<std::vector<std::string>>(&value))
    return ListText(*v, width, [](const std::string& x) { return ShortName(x, 24); });
  if (const auto* v = std::get_if<std::vector<ir::StoredTensor>>(&value)) return ListText(*v, width, TensorText);
  if (const auto* v = std::get_if<std::vector<std::shared_ptr<ir::Graph>>>(&value)) return fmt::format("{} graphs", v->size());
  if (const auto* t = std::get_if<ir::Type>(&value)) return t->ToString();
  if (const auto* v = std::get_if<std::vector<ir::Type>>(&value))
    return ListText(*v, width, [](const ir::Type& t) { return t.ToString(); });
  if (const auto* t = std::get_if<ir::StoredSparseTensor>(&value))
    return fmt::format("sparse {}[{}]", DataTypeName(t->values.dtype), fmt::join(t->dims, ","));
  if (const auto* v = std::get_if<std::vector<ir::StoredSparseTensor>>(&value)) return fmt::format("{} sparse tensors", v->size());
  return "no value";
}

bool IsWorthShowing(const ir::Attribute& attribute, const ops::OpSchema* schema) {
  const ops::AttributeSchema* known = schema ? schema->attribute(attribute.name) : nullptr;
  if (known && IsDefault(known->default_value, attribute.value)) return false;
  // Defaults that schemas do not state, because their length is the rank's.
  const auto* values = std::get_if<std::vector<int64_t>>(&attribute.value);
  if (values == nullptr) return true;
  const int64_t implied = attribute.name == "strides" || attribute.name == "dilations" ? 1 : attribute.name == "pads" ? 0 : -1;
  return implied < 0 || !std::all_of(values->begin(), values->end(), [&](int64_t v) { return v == implied; });
}

std::string WeightText(const ir::Value* value) {
  const ir::StoredTensor* tensor = StoredTensorOf(value);
  if (tensor == nullptr) {
    const std::string shape = ShapeLabel(value->type);
    return shape.empty() ? "computed" : fmt::format("\u2329{}\u232a", shape);
  }
  uint64_t count = 1;
  for (int64_t dim : tensor->dims) count = SaturatingMultiply(count, static_cast<uint64_t>(std::max<int64_t>(dim, 0)));
  const bool is_axes = count > 0 && count <= 6 && tensor->dims.size() == 1 && IsInteger(tensor->dtype);
  if (count == 1 || is_axes) {
    const WeightStatistics data = StatisticsOf(*tensor, {.preview = 6});
    const std::string text = ShortName(fmt::format("{}", fmt::join(data.first, ", ")), 28);
    if (!data.first.empty()) return tensor->dims.empty() ? "= " + text : fmt::format("= [{}]", text);
  }
  return tensor->dims.empty() ? "scalar" : fmt::format("\u2329{}\u232a", fmt::join(tensor->dims, kTimes));
}

std::string ShortName(std::string_view name, size_t width) {
  std::string text(name);
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  if (text.size() <= width || width < 8) return text;
  // The end tells names of one scope apart: two thirds of the room.
  size_t head = (width - 3) / 3, tail = text.size() - (width - 3 - head);
  while (head > 0 && IsUtf8Tail(text[head])) --head;
  while (tail < text.size() && IsUtf8Tail(text[tail])) ++tail;
  return text.substr(0, head) + "\u2026" + text.substr(tail);
}

double TextWidth(std::string_view text) {
  int width = 0;
  for (char c : text) {
    if (c >= ' ' && c <= '~')
      width += kWidths[static_cast<size_t>(c - ' ')];
    else if (!IsUtf8Tail(c))
      width += 600;
  }
  // The sans-serif fonts of Linux desktops are an eighth wider.
  return width * 1.13 / 1000.0;
}

}  // namespace sardonyx::inspect
