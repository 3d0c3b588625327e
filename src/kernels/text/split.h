// Text cut into pieces: StringSplit and com.microsoft's Tokenizer. And a hash of it: com.microsoft's MurmurHash3.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sardonyx/status.h"

namespace sardonyx::kernels {

// Python's text.split(delimiter, max_split): an empty delimiter splits at runs of white space and drops them at both
// ends; at most `max_split` cuts are made unless it is negative.
std::vector<std::string_view> SplitText(std::string_view text, std::string_view delimiter, int64_t max_split);

// Whole texts that match a regular expression of RE2's syntax.
class FullMatcher {
 public:
  // kInvalid, with RE2's reason, for a malformed pattern.
  static StatusOr<FullMatcher> Compile(const std::string& pattern);
  bool Matches(std::string_view text) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

// Matches of a regular expression of RE2's syntax, found and replaced.
class RegexEditor {
 public:
  static StatusOr<RegexEditor> Compile(const std::string& pattern);
  // f(begin, end) for every match, leftmost first.
  void ForEach(std::string_view text, const std::function<void(size_t, size_t)>& f) const;
  // With `rewrite`, where \1 stands for what the first group matched, in place of every match or of the first. kInvalid when
  // it names a group that the expression lacks.
  StatusOr<std::string> Replace(const std::string& text, const std::string& rewrite, bool all) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

// com.microsoft Tokenizer. Separators are regular expressions tried one after another on what the ones before left; one
// empty separator makes a token of every character. Alternatively tokens are the matches of an expression. Tokens of
// fewer than `min_characters` code points are dropped.
class TextTokenizer {
 public:
  static StatusOr<TextTokenizer> Create(const std::vector<std::string>& separators, const std::string& token_expression,
                                        int64_t min_characters);
  std::vector<std::string_view> Tokenize(std::string_view text) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

// MurmurHash3's 32-bit hash for x86, of little-endian bytes.
uint32_t MurmurHash3(std::string_view bytes, uint32_t seed);
// The hash of ai.onnx.contrib's StringToHashBucket: MurmurHash64A, but for mixing in the last bytes also where there are none.
uint64_t BucketHash(std::string_view bytes);

}  // namespace sardonyx::kernels
