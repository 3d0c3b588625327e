// JsonReader: a cursor over JSON text, for readers that know what they expect next.
//
// Nothing is kept but the value being read, so that a model with gigabytes of base64 costs no more memory than its weights.
#pragma once

#include <string>
#include <string_view>

#include "sardonyx/status.h"

namespace sardonyx::ir {

class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text) {}

  enum class Type { kObject, kArray, kString, kNumber, kTrue, kFalse, kNull, kEnd, kInvalid };
  // What begins at the cursor.
  Type Peek();

  // `what` is whose value is read, for messages.
  // Objects: BeginObject, then NextKey until it sets *more to false. A value must be read after each key. Arrays alike.
  Status BeginObject(std::string_view what);
  Status NextKey(bool* more, std::string* key);
  Status BeginArray(std::string_view what);
  Status NextElement(bool* more);
  Status String(std::string_view what, std::string* value);
  // The characters of a number, checked for JSON's form.
  StatusOr<std::string_view> Number(std::string_view what);
  Status Null();
  Status Skip(int depth);  // any value
  Status ExpectEnd();

  // "LINE:COLUMN: message, found 'TEXT'" at the cursor.
  Status Expected(std::string_view what);
  Status ErrorAtValue(std::string_view message) const;  // at the beginning of the value last read

 private:
  void SkipSpace();
  Status Word(std::string_view word);
  Status Escape(std::string* value);
  StatusOr<uint32_t> HexDigits();
  Status ErrorAt(size_t position, std::string_view message) const;

  std::string_view text_;
  size_t at_ = 0;
  size_t value_at_ = 0;
  bool first_ = false;  // just after [ or {
};

// Appends `text` as a JSON string, in quotes. False if it is not UTF-8.
bool AppendJsonString(std::string_view text, std::string* out);
void AppendBase64(std::string_view bytes, std::string* out);
// Standard or URL-safe alphabet, padded or not. False on anything else.
bool AppendDecodedBase64(std::string_view text, std::string* out);

}  // namespace sardonyx::ir
