// SemanticallyEqual.
#include <algorithm>
#include <cstring>
#include <vector>

#include <fmt/format.h>

#include "ir/descriptor_message.h"

namespace sardonyx::ir {
namespace {

using Occurrences = DecodedMessage::Occurrences;

class Comparison {
 public:
  explicit Comparison(std::string* difference) : difference_(difference) {}

  bool Messages(std::string_view a, std::string_view b, MessageKind kind, int depth);

 private:
  bool Fields(Occurrences a, Occurrences b, int depth);
  bool Scalars(Occurrences a, Occurrences b);
  bool Nested(std::string_view a, std::string_view b, MessageKind kind, std::string_view field, size_t index, bool repeated, int depth);
  bool Texts(std::string_view a, std::string_view b, std::string_view field);

  // Says where (the path so far) and what; always false.
  bool Differ(std::string_view field, std::string_view what) {
    if (difference_) *difference_ = fmt::format("{}{}: {}", path_, field, what);
    return false;
  }

  std::string* difference_;
  std::string path_;  // "graph.node[3]."
};

std::string FieldName(const DecodedMessage::Field& field) {
  return field.descriptor ? std::string(field.descriptor->name) : fmt::format("unknown field {}", field.number);
}

std::string Shown(std::string_view text) {
  std::string result = "'";
  for (unsigned char c : text.substr(0, 40)) {
    if (c >= 0x20 && c < 0x7f)
      result += static_cast<char>(c);
    else
      result += fmt::format("\\x{:02x}", c);
  }
  return result + (text.size() > 40 ? "...'" : "'");
}

bool Comparison::Messages(std::string_view a, std::string_view b, MessageKind kind, int depth) {
  if (a == b) return true;
  if (depth > kMaxMessageDepth) return Differ("", "messages nested too deep to compare");
  const auto decoded_a = DecodedMessage::Decode(a, kind);
  const auto decoded_b = DecodedMessage::Decode(b, kind);
  if (!decoded_a.ok() || !decoded_b.ok()) return Differ("", (decoded_a.ok() ? decoded_b : decoded_a).status().message());
  auto at_b = decoded_b->fields().begin();
  const auto end_b = decoded_b->fields().end();
  for (const Occurrences& field : decoded_a->fields()) {
    if (at_b != end_b && at_b->front().number < field.front().number) return Differ(FieldName(at_b->front()), "only in the second");
    if (at_b == end_b || at_b->front().number != field.front().number || at_b->front().descriptor != field.front().descriptor)
      return Differ(FieldName(field.front()), "only in the first");
    if (!Fields(field, *at_b, depth)) return false;
    ++at_b;
  }
  return at_b == end_b || Differ(FieldName(at_b->front()), "only in the second");
}

bool Comparison::Texts(std::string_view a, std::string_view b, std::string_view field) {
  if (a == b) return true;
  if (a.size() != b.size() && (a.size() > 200 || b.size() > 200))
    return Differ(field, fmt::format("{} bytes against {}", a.size(), b.size()));
  const auto at = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin();
  const size_t from = a.size() > 200 ? static_cast<size_t>(at) : 0;
  return Differ(field, fmt::format("{} against {} (byte {})", Shown(a.substr(from)), Shown(b.substr(from)), at));
}

bool Comparison::Fields(Occurrences a, Occurrences b, int depth) {
  const FieldDescriptor* field = a.front().descriptor;
  if (field == nullptr) {
    const auto bytes = [](Occurrences all) {
      std::string joined;
      for (const DecodedMessage::Field& occurrence : all) joined += occurrence.bytes;
      return joined;
    };
    return Texts(bytes(a), bytes(b), FieldName(a.front()));
  }
  if (field->is_scalar()) return Scalars(a, b);
  if (!field->repeated) {
    if (field->kind != FieldKind::kMessage) return Texts(a.back().bytes, b.back().bytes, field->name);
    std::string merged_a, merged_b;
    return Nested(MergedMessage(a, &merged_a), MergedMessage(b, &merged_b), field->message, field->name, 0, false, depth);
  }
  if (a.size() != b.size()) return Differ(field->name, fmt::format("{} elements against {}", a.size(), b.size()));
  for (size_t i = 0; i < a.size(); ++i) {
    const bool equal = field->kind == FieldKind::kMessage ? Nested(a[i].bytes, b[i].bytes, field->message, field->name, i, true, depth)
                                                          : Texts(a[i].bytes, b[i].bytes, fmt::format("{}[{}]", field->name, i));
    if (!equal) return false;
  }
  return true;
}

bool Comparison::Nested(std::string_view a, std::string_view b, MessageKind kind, std::string_view field, size_t index, bool repeated,
                        int depth) {
  if (a == b) return true;
  const size_t length = path_.size();
  path_ += repeated ? fmt::format("{}[{}].", field, index) : fmt::format("{}.", field);
  const bool equal = Messages(a, b, kind, depth + 1);
  path_.resize(length);
  return equal;
}

bool Comparison::Scalars(Occurrences a, Occurrences b) {
  const FieldDescriptor& field = *a.front().descriptor;
  std::vector<uint64_t> values_a, values_b;
  if (!field.repeated) {
    values_a = {LastScalar(a)};
    values_b = {LastScalar(b)};
  } else {
    // The usual case of weights: one packed run each, of equal bytes.
    if (a.size() == 1 && b.size() == 1 && a[0].packed && b[0].packed && a[0].bytes == b[0].bytes) return true;
    const Status status_a = ForEachScalar(a, [&](uint64_t v) { values_a.push_back(v); });
    const Status status_b = ForEachScalar(b, [&](uint64_t v) { values_b.push_back(v); });
    if (!status_a.ok() || !status_b.ok()) return Differ(field.name, (status_a.ok() ? status_b : status_a).message());
  }
  if (values_a.size() != values_b.size())
    return Differ(field.name, fmt::format("{} elements against {}", values_a.size(), values_b.size()));
  for (size_t i = 0; i < values_a.size(); ++i) {
    if (values_a[i] == values_b[i]) continue;
    const auto shown = [&](uint64_t bits) {
      if (field.kind == FieldKind::kFloat || field.kind == FieldKind::kDouble) return fmt::format("bits 0x{:x}", bits);
      return fmt::format("{}", static_cast<int64_t>(bits));
    };
    return Differ(field.repeated ? fmt::format("{}[{}]", field.name, i) : std::string(field.name),
                  fmt::format("{} against {}", shown(values_a[i]), shown(values_b[i])));
  }
  return true;
}

}  // namespace

bool SemanticallyEqual(std::string_view a, std::string_view b, MessageKind kind, std::string* difference) {
  return Comparison(difference).Messages(a, b, kind, 0);
}

}  // namespace sardonyx::ir
