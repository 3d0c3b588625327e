// Byte-level byte pair encoding, as GPT-2, RoBERTa and CLIP tokenize.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sardonyx/status.h"

namespace sardonyx::kernels {

struct BpeOptions {
  bool lower_case = false;            // CLIP
  bool word_ends = false;             // CLIP: the last piece of a word carries "</w>", and blanks belong to no word
  std::vector<std::string> specials;  // tokens that are found in the text as they stand
  std::string unknown;                // token for pieces that the vocabulary lacks
};

class BpeTokenizer {
 public:
  // `vocabulary` has tokens in GPT-2's printable form of bytes; `merges` one pair a line, the most important first (a first
  // line beginning with "#version" is skipped). kInvalid when the unknown token is not in the vocabulary.
  static StatusOr<BpeTokenizer> Create(std::unordered_map<std::string, int64_t> vocabulary, std::string_view merges,
                                       const BpeOptions& options);

  std::vector<int64_t> Encode(std::string_view text) const;
  // The id of a token, or -1.
  int64_t Find(const std::string& token) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace sardonyx::kernels
