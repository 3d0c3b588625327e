#include <gtest/gtest.h>

#include "kernels/text/bpe.h"
#include "kernels/text/sentencepiece.h"
#include "kernels/text/split.h"
#include "kernels/text/wordpiece.h"

namespace sardonyx::kernels {
namespace {

using Ids = std::vector<int64_t>;
using Words = std::vector<std::string>;

// Letters are tokens by themselves; "Ġ" is a blank.
BpeTokenizer MakeBpe(BpeOptions options = {.specials = {"<end>"}, .unknown = "<end>"}) {
  std::unordered_map<std::string, int64_t> vocabulary = {{"<end>", 0},  {"h", 1},          {"e", 2},  {"l", 3},    {"o", 4},
                                                         {"Ġ", 5},      {"he", 6},         {"ll", 7}, {"hell", 8}, {"Ġhe", 9},
                                                         {"o</w>", 10}, {"hello</w>", 11}, {"Ċ", 12}};
  auto tokenizer = BpeTokenizer::Create(std::move(vocabulary), "#version: 0.2\nh e\nl l\nhe ll\nĠ he\nhell o</w>\n", options);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
  return *std::move(tokenizer);
}

TEST(BpeTokenizer, MergesTheMostImportantPairsFirst) {
  const BpeTokenizer bpe = MakeBpe();
  EXPECT_EQ(bpe.Encode("hello"), (Ids{8, 4}));
  EXPECT_EQ(bpe.Encode("lll"), (Ids{7, 3}));
  EXPECT_EQ(bpe.Encode("hello he"), (Ids{8, 4, 9}));
  EXPECT_EQ(bpe.Encode(""), Ids());
}

TEST(BpeTokenizer, TheLastBlankBelongsToTheNextWord) {
  const BpeTokenizer bpe = MakeBpe();
  EXPECT_EQ(bpe.Encode("o  he"), (Ids{4, 5, 9}));
  EXPECT_EQ(bpe.Encode("o  "), (Ids{4, 5, 5}));
  EXPECT_EQ(bpe.Encode("o\n\nhe"), (Ids{4, 12, 12, 6}));
}

TEST(BpeTokenizer, SpecialAndUnknownTokens) {
  const BpeTokenizer bpe = MakeBpe();
  EXPECT_EQ(bpe.Encode("he<end>he"), (Ids{6, 0, 6}));
  EXPECT_EQ(bpe.Encode("\xff"), (Ids{0})) << "a malformed byte";
  EXPECT_EQ(bpe.Encode("日"), (Ids{0, 0, 0}));
  EXPECT_FALSE(BpeTokenizer::Create({}, "", {.unknown = "<unk>"}).ok());
}

TEST(BpeTokenizer, ClipMarksTheEndsOfWords) {
  const BpeTokenizer clip = MakeBpe({.lower_case = true, .word_ends = true, .specials = {}, .unknown = "<end>"});
  EXPECT_EQ(clip.Encode(" Hello  o"), (Ids{11, 10}));
}

TEST(BpeTokenizer, LongWordsTakeNoLongTime) {
  const std::string text(1 << 20, 'l');
  EXPECT_EQ(MakeBpe().Encode(text).size(), text.size() / 2);
}

TEST(WordPieces, TakesTheLongestPieceFirst) {
  const WordPieces pieces({{"un", 0}, {"unable", 1}, {"##able", 2}, {"##a", 3}, {"日", 4}}, "##", 10);
  const auto split = [&](std::string_view word) {
    std::vector<WordPieces::Piece> found;
    pieces.Split(word, found);
    Ids ids;
    for (const auto& piece : found) ids.push_back(piece.id);
    return ids;
  };
  EXPECT_EQ(split("unable"), (Ids{1}));
  EXPECT_EQ(split("unaable"), (Ids{0, 3, 2}));
  EXPECT_EQ(split("unx"), (Ids{0, -1}));
  EXPECT_EQ(split("日"), (Ids{4}));
  EXPECT_EQ(split("unununununun"), (Ids{-1})) << "longer than the limit";
  EXPECT_EQ(split(""), Ids());
}

TEST(BasicTokenize, CutsAtSpacesAndSigns) {
  EXPECT_EQ(BasicTokenize("Hello, WORLD!\t日本x", {}), (Words{"hello", ",", "world", "!", "日", "本", "x"}));
  EXPECT_EQ(BasicTokenize("A\x01-b", {.lower_case = false}), (Words{"A", "-", "b"}));
  EXPECT_EQ(BasicTokenize("日本", {.split_chinese = false}), (Words{"日本"}));
}

SentencePieceModel MakePieces(SentencePieceModel::Kind kind) {
  using Type = SentencePieceModel::PieceType;
  SentencePieceModel model;
  model.kind = kind;
  model.pieces = {{"<unk>", 0, Type::kUnknown},
                  {"<s>", 0, Type::kControl},
                  {"</s>", 0, Type::kControl},
                  {"▁", -2},
                  {"▁a", -1.5f},
                  {"a", -3},
                  {"b", -3},
                  {"ab", -1},
                  {"▁ab", -4},
                  {"<x>", 0, Type::kUserDefined}};
  return model;
}

TEST(SentencePieceTokenizer, UnigramTakesTheMostLikelyCut) {
  const auto tokenizer = SentencePieceTokenizer::Create(MakePieces(SentencePieceModel::Kind::kUnigram));
  ASSERT_TRUE(tokenizer.ok());
  using I = std::vector<int32_t>;
  EXPECT_EQ(tokenizer->Encode("ab"), (I{3, 7}));  // -3 beats -4 and -4.5
  EXPECT_EQ(tokenizer->Encode(" a  a "), (I{4, 4}));
  EXPECT_EQ(tokenizer->Encode("a<x>b"), (I{4, 9, 6}));
  EXPECT_EQ(tokenizer->Encode("zzab"), (I{3, 0, 7})) << "unknown neighbours are one";
  EXPECT_EQ(tokenizer->Encode(""), I());
  EXPECT_EQ(tokenizer->Encode("  "), I());
}

TEST(SentencePieceTokenizer, BpeJoinsTheBestPairFirst) {
  const auto tokenizer = SentencePieceTokenizer::Create(MakePieces(SentencePieceModel::Kind::kBpe));
  ASSERT_TRUE(tokenizer.ok());
  using I = std::vector<int32_t>;
  EXPECT_EQ(tokenizer->Encode("ab"), (I{8}));  // "ab" first, then "▁ab"
  EXPECT_EQ(tokenizer->Encode("ba"), (I{3, 6, 5}));
  EXPECT_EQ(tokenizer->Encode("aab"), (I{4, 7}));
}

TEST(SentencePieceTokenizer, RefusesWhatIsMalformed) {
  EXPECT_FALSE(SentencePieceTokenizer::Create({}).ok()) << "no unknown piece";
  for (const std::string& charsmap : {std::string("\x01"), std::string("\xff\xff\xff\x7f rest"), std::string("\x03\0\0\0abc", 7)}) {
    SentencePieceModel model = MakePieces(SentencePieceModel::Kind::kUnigram);
    model.charsmap = charsmap;
    EXPECT_FALSE(SentencePieceTokenizer::Create(model).ok());
  }
  // A table of one word that points nowhere replaces nothing.
  SentencePieceModel model = MakePieces(SentencePieceModel::Kind::kUnigram);
  model.charsmap = std::string("\x04\0\0\0\xff\xff\xff\xff", 8);
  const auto tokenizer = SentencePieceTokenizer::Create(model);
  ASSERT_TRUE(tokenizer.ok());
  EXPECT_EQ(tokenizer->Encode("ab").size(), 2u);
}

TEST(RegexEditor, ReplacesGroups) {
  const auto editor = RegexEditor::Compile("(a+)b");
  ASSERT_TRUE(editor.ok());
  EXPECT_EQ(*editor->Replace("aab ab", "<\\1>", true), "<aa> <a>");
  EXPECT_EQ(*editor->Replace("aab ab", "<\\1>", false), "<aa> ab");
  EXPECT_FALSE(editor->Replace("ab", "\\2", true).ok());
  EXPECT_FALSE(RegexEditor::Compile("(").ok());
}

TEST(BucketHash, KnownHashes) {
  EXPECT_EQ(BucketHash("abc") % 1000, 710u);
  EXPECT_EQ(BucketHash("") % 1000, 7u);
  EXPECT_EQ(BucketHash("12345678") % 1000, 341u);
  EXPECT_EQ(BucketHash("hello world!") % 1000, 303u);
}

}  // namespace
}  // namespace sardonyx::kernels
