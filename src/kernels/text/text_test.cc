#include <gtest/gtest.h>

#include <vector>

#include "kernels/text/ngram.h"
#include "kernels/text/split.h"
#include "kernels/text/utf8.h"

namespace sardonyx::kernels {
namespace {

using Pieces = std::vector<std::string_view>;

TEST(Utf8, RoundTripsTheEdgesOfEveryLength) {
  for (char32_t c : {0x0, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF}) {
    std::string text;
    AppendUtf8(c, text);
    const CodePoint point = DecodeUtf8(text, 0);
    EXPECT_TRUE(point.valid);
    EXPECT_EQ(point.value, c);
    EXPECT_EQ(point.length, text.size());
  }
}

TEST(Utf8, Malformed) {
  for (const char* text : {"\x80", "\xC0\x80", "\xC3", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF8", "\xE2\x82"})
    EXPECT_FALSE(IsValidUtf8(text)) << text;
  EXPECT_EQ(CountCodePoints("a\xFF\xC3\xA9"), 3u);
}

TEST(Utf8, CaseKeepsMalformedBytes) {
  const CaseMapper mapper("en_US");
  EXPECT_EQ(mapper.ToUpper("stra\xC3\xA9\xFFz"), "STRA\xC3\x89\xFFZ");
  EXPECT_EQ(mapper.ToLower("ÀÉÎ ЖΩ"), "àéî жω");
  EXPECT_EQ(CaseMapper("no_SUCH").ToUpper("é"), "É");
}

TEST(SplitText, IsPythons) {
  EXPECT_EQ(SplitText("a,b,,c", ",", -1), (Pieces{"a", "b", "", "c"}));
  EXPECT_EQ(SplitText("a,b,,c", ",", 1), (Pieces{"a", "b,,c"}));
  EXPECT_EQ(SplitText("", ",", -1), (Pieces{""}));
  EXPECT_EQ(SplitText(",", ",", -1), (Pieces{"", ""}));
  EXPECT_EQ(SplitText("  a b  c ", "", -1), (Pieces{"a", "b", "c"}));
  EXPECT_EQ(SplitText("  a b  c ", "", 1), (Pieces{"a", "b  c "}));
  EXPECT_EQ(SplitText("  a b", "", 0), (Pieces{"a b"}));
  EXPECT_EQ(SplitText(" \t ", "", -1), Pieces{});
  EXPECT_EQ(SplitText("a\xC2\xA0"
                      "b",
                      "", -1),
            (Pieces{"a", "b"}));
}

TEST(FullMatcher, MatchesWholeTexts) {
  StatusOr<FullMatcher> matcher = FullMatcher::Compile("a+b?");
  ASSERT_TRUE(matcher.ok());
  EXPECT_TRUE(matcher->Matches("aab"));
  EXPECT_FALSE(matcher->Matches("aabc"));
  EXPECT_EQ(FullMatcher::Compile("a(").status().code(), StatusCode::kInvalid);
}

Pieces Tokens(std::vector<std::string> separators, std::string expression, int64_t minimum, std::string_view text) {
  StatusOr<TextTokenizer> tokenizer = TextTokenizer::Create(separators, expression, minimum);
  return tokenizer.ok() ? tokenizer->Tokenize(text) : Pieces{"error"};
}

TEST(Tokenizer, SeparatorsExpressionsCharacters) {
  EXPECT_EQ(Tokens({"-", ";"}, "", 1, "a-bc;;d"), (Pieces{"a", "bc", "d"}));
  EXPECT_EQ(Tokens({"-"}, "", 2, "a-bc"), (Pieces{"bc"}));
  EXPECT_EQ(Tokens({""}, "", 1, "aé"), (Pieces{"a", "é"}));
  EXPECT_EQ(Tokens({}, "[a-c]+", 1, "abxxc"), (Pieces{"ab", "c"}));
  EXPECT_EQ(Tokens({}, "[a-zB_0-9]+", 2, "é_ab9 x;A-BzB"), (Pieces{"_ab9", "BzB"}));
  EXPECT_EQ(Tokens({}, "[^a]+", 1, "abac"), (Pieces{"b", "c"}));
  EXPECT_EQ(Tokens({}, "[a-]+", 1, "b-a"), (Pieces{"-a"}));
  EXPECT_EQ(Tokens({}, "a*", 1, "éab"), (Pieces{"a"}));
  EXPECT_EQ(Tokens({"", "a"}, "", 1, "x"), (Pieces{"error"}));
  EXPECT_EQ(Tokens({""}, "", 2, "x"), (Pieces{"error"}));
  EXPECT_EQ(Tokens({}, "", 1, "x"), (Pieces{"error"}));
}

TEST(MurmurHash3, KnownValues) {
  EXPECT_EQ(MurmurHash3("", 0), 0u);
  EXPECT_EQ(MurmurHash3("", 1), 0x514E28B7u);
  EXPECT_EQ(MurmurHash3("hello", 0), 0x248BFA47u);
  EXPECT_EQ(MurmurHash3("hello, world", 0), 0x149BBB7Fu);
}

std::vector<float> Counts(const std::vector<int64_t>& row, NgramPool::Options options) {
  const std::vector<int64_t> pool{2, 3, 5, 4, 5, 6, 7, 8, 6, 7}, counts{0, 4}, indexes{0, 1, 2, 3, 4, 5, 6};
  StatusOr<NgramPool> made = NgramPool::Create(std::span<const int64_t>(pool), counts, indexes);
  if (!made.ok()) return {};
  std::vector<int32_t> tokens;
  for (int64_t token : row) tokens.push_back(made->Token(token));
  std::vector<float> result(static_cast<size_t>(made->columns()));
  made->Count(tokens, options, result);
  return result;
}

TEST(Ngrams, SkipsAndLengths) {
  const std::vector<int64_t> row{1, 1, 3, 3, 3, 7, 8, 6, 7, 5, 6, 8};
  using V = std::vector<float>;
  EXPECT_EQ(Counts(row, {2, 2, 0}), (V{0, 0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(Counts(row, {2, 2, 5}), (V{0, 0, 0, 0, 1, 3, 1}));
  EXPECT_EQ(Counts(row, {1, 2, 5}), (V{0, 3, 1, 0, 1, 3, 1}));
  EXPECT_EQ(Counts({}, {1, 2, 5}), V(7, 0.f));
}

TEST(Ngrams, BadPools) {
  const std::vector<int64_t> pool{1, 2, 3};
  const auto create = [&](std::vector<int64_t> counts, std::vector<int64_t> indexes) {
    return NgramPool::Create(std::span<const int64_t>(pool), counts, indexes).ok();
  };
  EXPECT_TRUE(create({0, 1}, {0, 1}));
  EXPECT_FALSE(create({0, 2}, {0, 1, 2}));  // a bigram of one token
  EXPECT_FALSE(create({0, 5}, {0}));
  EXPECT_FALSE(create({-1}, {0}));
  EXPECT_FALSE(create({0}, {0, 1}));
  EXPECT_FALSE(create({0}, {0, 1, -2}));
}

}  // namespace
}  // namespace sardonyx::kernels
