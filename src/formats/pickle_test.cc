#include "formats/pickle.h"

#include <cmath>

#include "formats/test_util.h"

namespace sardonyx::formats {
namespace {

using Kind = PickleKind;

bool AllowContainers(std::string_view module, std::string_view name) {
  return (module == "collections" && name == "OrderedDict") || module == "builtins" || module == "__builtin__" || module == "_codecs";
}

StatusOr<std::shared_ptr<const Pickle>> Read(const std::string& text, size_t max_objects = 1000) {
  return ReadPickle(Bytes::Own(text), {.allows = AllowContainers, .max_objects = max_objects});
}

std::vector<int64_t> Ints(const PickleValue& list) {
  std::vector<int64_t> out;
  for (const PickleValue* item : list.items) out.push_back(item->integer);
  return out;
}

// tools/make_torch_goldens.py wrote the same object in every protocol.
TEST(Pickle, EveryProtocol) {
  for (int protocol = 0; protocol <= 5; ++protocol) {
    SCOPED_TRACE(protocol);
    const auto pickle = ReadPickle(Golden("pickle/protocol" + std::to_string(protocol) + ".pkl"), {.allows = AllowContainers});
    ASSERT_TRUE(pickle.ok()) << pickle.status().ToString();
    const PickleValue& root = (*pickle)->root();
    ASSERT_TRUE(root.is(Kind::kDict));
    const PickleValue& ints = *root.Get("ints");
    const std::vector<int64_t> small = {0, -1, 255, 65536, -2147483648, int64_t{1} << 40, INT64_MAX, INT64_MIN};
    ASSERT_EQ(ints.items.size(), 10u);
    for (size_t i = 0; i < small.size(); ++i) EXPECT_EQ(ints.items[i]->integer, small[i]) << i;
    EXPECT_TRUE(ints.items[8]->is(Kind::kBigInt));
    EXPECT_EQ(ints.items[8]->text, std::string(10, '\0') + "\x01");
    EXPECT_EQ(ints.items[9]->text, std::string(10, '\0') + "\xff");
    EXPECT_EQ(root.Get("shared"), root.Get("ints"));
    EXPECT_EQ(root.Get("itself"), &root);

    const auto& flags = root.Get("flags")->items;
    EXPECT_TRUE(flags[0]->is(Kind::kBool) && flags[0]->integer == 1);
    EXPECT_TRUE(flags[1]->is(Kind::kBool) && flags[1]->integer == 0);
    EXPECT_TRUE(flags[2]->is(Kind::kNone));
    const auto& floats = root.Get("floats")->items;
    EXPECT_EQ(floats[0]->number, 1.5);
    EXPECT_EQ(floats[1]->number, -0.25);
    EXPECT_TRUE(std::isinf(floats[2]->number));
    const auto& text = root.Get("text")->items;
    EXPECT_EQ(text[0]->text, "");
    EXPECT_EQ(text[1]->text, "h\xc3\xa9\n\\");
    EXPECT_EQ(text[2]->text, "\xe6\x97\xa5\xe6\x9c\xac\xf0\x9f\x98\x80");
    EXPECT_EQ(text[3]->text, std::string(300, 'a'));
    const PickleValue& bytes = *root.Get("bytes");
    if (protocol >= 3) {
      EXPECT_EQ(bytes.text, "a\xff");
    } else {
      EXPECT_TRUE(bytes.is_call_of("_codecs encode"));
    }
    EXPECT_EQ(root.Get("array")->is(Kind::kBytes), protocol == 5);
    EXPECT_EQ(root.Get("set")->is(Kind::kSet), protocol >= 4);
    const PickleValue& ordered = *root.Get("ordered");
    EXPECT_TRUE(ordered.is_mapping());
    EXPECT_TRUE(ordered.is_call_of("collections OrderedDict"));
    const auto& nested = root.Get("nested")->Get("t")->items;
    EXPECT_EQ(Ints(*nested[0]), (std::vector<int64_t>{1, 2, 3, 4}));
    EXPECT_TRUE(nested[1]->items[0]->is(Kind::kTuple));
    EXPECT_TRUE(nested[2]->is_mapping());
  }
}

TEST(Pickle, NothingIsExecuted) {
  const auto hostile = ReadPickle(Golden("pickle/hostile.pkl"), {.allows = AllowContainers});
  EXPECT_EQ(hostile.status().code(), StatusCode::kUnsupported);
  EXPECT_NE(hostile.status().message().find("posix.system"), std::string::npos) << hostile.status().message();
  const auto stacked = Read("\x8c\x05posix\x8c\x06system\x93.");
  EXPECT_NE(stacked.status().message().find("posix.system"), std::string::npos) << stacked.status().message();
}

TEST(Pickle, Damage) {
  const struct {
    std::string text;
    StatusCode code;
  } cases[] = {
      {"", StatusCode::kCorrupt},                               // no STOP
      {".", StatusCode::kCorrupt},                              // nothing on the stack
      {"(.", StatusCode::kCorrupt},                             // nothing above the mark
      {"K\x01(0R.", StatusCode::kCorrupt},                      // an operand is missing
      {"t.", StatusCode::kCorrupt},                             // no mark
      {"(K\x01""d.", StatusCode::kCorrupt},                     // a key without a value
      {"h\x05.", StatusCode::kCorrupt},                         // not stored
      {"K\x01K\x02""a.", StatusCode::kCorrupt},                 // appends to an int
      {"I12x\n.", StatusCode::kCorrupt},                        // no number
      {"F1e\n.", StatusCode::kCorrupt},                         // no number
      {"S'a\n.", StatusCode::kCorrupt},                         // not quoted
      {"S'\\xg0'\n.", StatusCode::kCorrupt},                    // no escape
      {"V\\ud800\n.", StatusCode::kCorrupt},                    // half a surrogate pair
      {"\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", StatusCode::kCorrupt},  // longer than the file
      {"B\xff\xff\xff\x7f.", StatusCode::kCorrupt},             // longer than the file
      {"\x80\x06N.", StatusCode::kUnsupported},                 // protocol 6
      {"\x82\x01.", StatusCode::kUnsupported},                  // an extension code
      {"\x97.", StatusCode::kUnsupported},                      // a buffer outside
      {"\xff.", StatusCode::kCorrupt},                          // no opcode
      {"L" + std::string(2000, '9') + "L\n.", StatusCode::kUnsupported},
      {std::string(2000, ']') + ".", StatusCode::kResource},
  };
  for (const auto& c : cases) {
    const auto pickle = Read(c.text);
    EXPECT_EQ(pickle.status().code(), c.code) << c.text.substr(0, 20) << ": " << pickle.status().ToString();
  }
  const Bytes whole = Golden("pickle/protocol4.pkl");
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(ReadPickle(whole.Slice(0, size), {.allows = AllowContainers}).ok()) << size;
}

TEST(Pickle, OddForms) {
  auto pickle = Read("(K\x01K\x02l2a.");  // a list that contains itself
  ASSERT_TRUE(pickle.ok()) << pickle.status().ToString();
  EXPECT_EQ((*pickle)->root().items[2], &(*pickle)->root());
  pickle = Read("(i__builtin__\nobject\n.");
  ASSERT_TRUE(pickle.ok()) << pickle.status().ToString();
  EXPECT_TRUE((*pickle)->root().is_call_of("__builtin__ object"));
  pickle = Read("(c__builtin__\nlist\nK\x05o}b.");
  ASSERT_TRUE(pickle.ok()) << pickle.status().ToString();
  EXPECT_EQ((*pickle)->root().argument(0)->integer, 5);
  EXPECT_TRUE((*pickle)->root().state->is(Kind::kDict));
  pickle = Read("L-129L\n.");
  EXPECT_EQ((*pickle)->root().integer, -129);
  pickle = Read("L-18446744073709551616L\n.");
  EXPECT_EQ((*pickle)->root().text, std::string(8, '\0') + "\xff");
  pickle = Read("L18446744073709551615L\n.");
  EXPECT_EQ((*pickle)->root().text, std::string(8, '\xff') + std::string(1, '\0'));
  pickle = Read("\x8a\x01\xff.");
  EXPECT_EQ((*pickle)->root().integer, -1);
  pickle = Read(std::string("\x8a\x00.", 3));
  EXPECT_EQ((*pickle)->root().integer, 0);
  pickle = Read("P7\n.");
  EXPECT_EQ((*pickle)->root().arguments->text, "7");
}

TEST(Pickle, SeveralInOneStream) {
  const Bytes stream = Bytes::Own(std::string("K\x01.K\x02.rest"));
  size_t position = 0;
  EXPECT_EQ((*ReadPickle(stream, &position, {}))->root().integer, 1);
  EXPECT_EQ((*ReadPickle(stream, &position, {}))->root().integer, 2);
  EXPECT_EQ(position, 6u);
}

}  // namespace
}  // namespace sardonyx::formats
