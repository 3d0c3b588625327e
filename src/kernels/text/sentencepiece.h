// SentencePiece: normalized text cut into pieces of a vocabulary, by a unigram language model or by byte pair encoding.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sardonyx/status.h"

namespace sardonyx::kernels {

struct SentencePieceModel {
  enum class PieceType : uint8_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };
  struct Piece {
    std::string text;
    float score = 0;
    PieceType type = PieceType::kNormal;
  };
  enum class Kind : uint8_t { kUnigram = 1, kBpe = 2, kWord = 3, kChar = 4 };

  std::vector<Piece> pieces;  // by id
  Kind kind = Kind::kUnigram;
  bool byte_fallback = false;
  int32_t bos = 1, eos = 2;
  // The rules of normalization: a double-array trie of what is replaced, and by what. Empty: none.
  std::string charsmap;
  bool add_dummy_prefix = true, remove_extra_whitespaces = true, escape_whitespaces = true;
};

class SentencePieceTokenizer {
 public:
  // kInvalid for a malformed normalization table or a model without an unknown piece; kUnsupported for models of words.
  static StatusOr<SentencePieceTokenizer> Create(SentencePieceModel model);
  std::vector<int32_t> Encode(std::string_view text) const;
  const SentencePieceModel& model() const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace sardonyx::kernels
