#include "formats/pickle.h"

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx::formats {

bool PickleValue::is_mapping() const {
  if (kind == PickleKind::kDict) return true;
  return kind == PickleKind::kCall && (!entries.empty() || is_call_of("collections OrderedDict"));
}

const PickleValue* PickleValue::Get(std::string_view key) const {
  for (size_t i = entries.size(); i >= 2; i -= 2) {
    if (entries[i - 2]->is(PickleKind::kString) && entries[i - 2]->text == key) return entries[i - 1];
  }
  return nullptr;
}

const PickleValue* PickleValue::argument(size_t i) const {
  return arguments != nullptr && i < arguments->items.size() ? arguments->items[i] : nullptr;
}

std::string PickleValue::Describe() const {
  constexpr size_t kLongest = 80;
  switch (kind) {
    case PickleKind::kNone:
      return "None";
    case PickleKind::kBool:
      return integer ? "True" : "False";
    case PickleKind::kInt:
      return fmt::format("int {}", integer);
    case PickleKind::kBigInt:
      return "large int";
    case PickleKind::kFloat:
      return fmt::format("float {}", number);
    case PickleKind::kString:
      return fmt::format("str '{}'", text.substr(0, kLongest));
    case PickleKind::kBytes:
      return fmt::format("bytes of {}", text.size());
    case PickleKind::kTuple:
      return fmt::format("tuple of {}", items.size());
    case PickleKind::kList:
      return fmt::format("list of {}", items.size());
    case PickleKind::kSet:
      return fmt::format("set of {}", items.size());
    case PickleKind::kDict:
      return fmt::format("dict of {}", entries.size() / 2);
    case PickleKind::kGlobal:
      return fmt::format("global {}", text.substr(0, kLongest));
    case PickleKind::kCall:
      return fmt::format("call of {}", callable != nullptr && callable->is(PickleKind::kGlobal) ? callable->text.substr(0, kLongest) : "an object");
    case PickleKind::kPersistent:
      return "persistent object";
  }
  return "?";
}

StatusOr<std::shared_ptr<const Pickle>> ReadPickle(const Bytes& bytes, const PickleOptions& options) {
  size_t position = 0;
  return ReadPickle(bytes, &position, options);
}

}  // namespace sardonyx::formats
