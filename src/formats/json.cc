#include "formats/json.h"

#include <algorithm>
#include <new>
#include <string>
#include <unordered_set>
#include <vector>

#include <fmt/format.h>

namespace sardonyx::formats {
namespace {

// Deepest nesting of brackets outside strings. Counted before parsing, as every later walk over the document recurses.
int Depth(std::string_view text) {
  int depth = 0, deepest = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      deepest = std::max(deepest, ++depth);
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return deepest;
}

// Python's bare NaN, Infinity and -Infinity as strings; the text itself when there are none.
std::string QuoteNonFinite(std::string_view text) {
  constexpr std::string_view kWords[] = {"-Infinity", "Infinity", "NaN"};
  std::string quoted;
  size_t copied = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (in_string && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      in_string = !in_string;
    } else if (!in_string && (text[i] == '-' || text[i] == 'I' || text[i] == 'N')) {
      for (const std::string_view word : kWords) {
        if (text.compare(i, word.size(), word) != 0) continue;
        quoted.append(text.substr(copied, i - copied)).append("\"").append(word).append("\"");
        i += word.size() - 1;
        copied = i + 1;
        break;
      }
    }
  }
  return quoted.append(text.substr(copied));
}

std::string Position(std::string_view text, size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return fmt::format("line {}, column {}", line, before.size() - start + 1);
}

// Notes the first key that stands twice in an object; nlohmann's parser would keep the last one silently.
class DuplicateKeys {
 public:
  bool operator()(int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) {
      open_.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      open_.pop_back();
    } else if (event == Json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!open_.back().insert(key).second && first_.empty()) first_ = fmt::format("json: key \"{}\" stands twice in one object", key);
    }
    return true;
  }
  const std::string& message() const { return first_; }

 private:
  std::vector<std::unordered_set<std::string>> open_;
  std::string first_;
};

}  // namespace

StatusOr<Json> ParseJson(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) return Resource(fmt::format("json: {} bytes; at most {} are read", text.size(), limits.max_bytes));
  if (Depth(text) > limits.max_depth) return Resource(fmt::format("json: nested deeper than {} levels", limits.max_depth));
  std::string quoted;
  if (limits.non_finite) text = quoted = QuoteNonFinite(text);
  DuplicateKeys duplicates;
  try {
    Json json = Json::parse(text, std::ref(duplicates));
    if (!duplicates.message().empty()) return Corrupt(duplicates.message());
    return json;
  } catch (const Json::parse_error& error) {
    return Corrupt(fmt::format("json: malformed at {}", Position(text, error.byte > 0 ? error.byte - 1 : 0)));
  } catch (const Json::exception& error) {
    return Corrupt(fmt::format("json: {}", error.what()));  // a number beyond double
  } catch (const std::bad_alloc&) {
    return Resource("json: no memory for the document");
  }
}

std::string DumpJson(const Json& json, int indent) { return json.dump(indent, ' ', false, Json::error_handler_t::replace); }

}  // namespace sardonyx::formats
