// WordPiece, as BERT tokenizes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sardonyx::kernels {

struct BasicTokenizerOptions {
  bool lower_case = true;
  bool split_chinese = true;
};
// Words of a text: cut at white space, before and after punctuation and (if asked for) Chinese characters; control characters go.
std::vector<std::string> BasicTokenize(std::string_view text, const BasicTokenizerOptions& options);

class WordPieces {
 public:
  WordPieces(std::unordered_map<std::string, int64_t> vocabulary, std::string suffix_indicator, size_t max_characters);

  struct Piece {
    std::string text;
    int64_t id;  // -1: unknown; text is then what is left of the word
  };
  // The longest piece that the vocabulary has, then the longest of what is left (with the suffix indicator before it), and so
  // on. Where nothing fits, the rest of the word is one unknown piece; so is a word of more than max_characters code points.
  void Split(std::string_view word, std::vector<Piece>& pieces) const;
  // The id of a token, or -1.
  int64_t Find(const std::string& token) const;

 private:
  std::unordered_map<std::string, int64_t> vocabulary_;
  std::string suffix_indicator_;
  size_t max_characters_;
  size_t longest_ = 0;  // bytes of the longest token
};

}  // namespace sardonyx::kernels
