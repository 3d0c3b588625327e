#include "ir/json.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/shared_data.h"
#include "ir/descriptor_message.h"
#include "ir/descriptor_writer.h"
#include "ir/json_reader.h"

namespace sardonyx::ir {
namespace {

std::string Wire(std::string_view json, MessageKind kind = MessageKind::kModelProto) {
  auto wire = JsonToWire(json, kind);
  EXPECT_TRUE(wire.ok()) << wire.status().ToString();
  return wire.ok() ? *wire : std::string();
}

std::string OneLine(std::string_view wire, MessageKind kind) {
  auto json = WireToJson(wire, kind, {.indent = 0});
  EXPECT_TRUE(json.ok()) << json.status().ToString();
  return json.ok() ? *json : std::string();
}

TEST(Json, ReadsBothSpellingsAndBothFormsOfNumbersAndEnums) {
  const std::string camel = Wire(R"({"irVersion": "8", "opsetImport": [{"domain": "", "version": 18}],
    "graph": {"node": [{"opType": "Relu", "attribute": [{"name": "a", "type": "FLOAT", "f": 1.5}]}]}})");
  const std::string snake = Wire(R"({"ir_version": 8.0, "opset_import": [{"domain": "", "version": "18"}],
    "graph": {"node": [{"op_type": "Relu", "attribute": [{"name": "a", "type": 1, "f": "1.5"}], "input": null}]}})");
  std::string difference;
  EXPECT_TRUE(SemanticallyEqual(camel, snake, MessageKind::kModelProto, &difference)) << difference;
  EXPECT_EQ(OneLine(camel, MessageKind::kModelProto),
            R"({"irVersion": "8", "graph": {"node": [{"opType": "Relu", "attribute": [{"name": "a", "f": 1.5, "type": "FLOAT"}]}]}, )"
            R"("opsetImport": [{"domain": "", "version": "18"}]})");
}

TEST(Json, KeepsTensors) {
  const std::string_view json =
      R"({"dims": ["2", "1"], "dataType": 1, "floatData": [1, "NaN", "-Infinity", 1e-45, 0.1], "stringData": ["AAH/"], )"
      R"("name": "t\u0001\"\\\u00e9\ud83d\ude00", "rawData": "YQ==", "doubleData": [5e-324], "uint64Data": ["18446744073709551615"], "int32Data": [-1]})";
  const std::string wire = Wire(json, MessageKind::kTensorProto);
  const std::string again = OneLine(wire, MessageKind::kTensorProto);
  std::string difference;
  EXPECT_TRUE(SemanticallyEqual(wire, Wire(again, MessageKind::kTensorProto), MessageKind::kTensorProto, &difference)) << difference;
  EXPECT_NE(again.find("\"t\\u0001\\\"\\\\é😀\""), std::string::npos) << again;
  EXPECT_NE(again.find("\"AAH/\""), std::string::npos);
}

TEST(Json, SaysWhatIsWrongAndWhere) {
  const struct {
    std::string_view json;
    std::string_view error;
  } cases[] = {
      {"[1]", "1:1: expected '{' of ModelProto, found '[1]'"},
      {"{\"graph\": 1}", "1:11: expected '{' of GraphProto, found '1}'"},
      {"{\"graph\": {\"node\": {}}}", "1:20: expected '[' of node, found '{}}}'"},
      {"{\"irVersion\": \"x\"}", "1:15: expected an integer in range for ir_version, found 'x'"},
      {"{\"irVersion\": 1.5}", "1:15: expected an integer in range for ir_version, found '1.5'"},
      {"{\"irVersion\": 1,\n \"irVersion\": 2}", "2:2: ModelProto has the key \"irVersion\" twice"},
      {"{\"irVersion\": 1", "1:16: expected ',' or '}', found the end of the text"},
      {"{\"irVersion\": 1} x", "1:18: expected the end of the text, found 'x'"},
      {"{\"a\": 1}", "this JSON is no ModelProto: it has none of its keys"},
      {"{\"graph\": {\"initializer\": [{\"rawData\": \"a\"}]}}", "1:40: expected base64 for raw_data"},
      {"{\"graph\": {\"node\": [{\"attribute\": [{\"type\": \"NONE\"}]}]}}", "1:45: 'NONE' is no value of type"},
      {"{\"graph\": {\"initializer\": [{\"floatData\": [1e39]}]}}", "1:43: expected a number in range for float_data, found '1e39'"},
      {"{\"domain\": \"\\ud800\"}", "1:12: half a surrogate pair in a string"},
  };
  for (const auto& c : cases) {
    const auto wire = JsonToWire(c.json, MessageKind::kModelProto);
    ASSERT_FALSE(wire.ok()) << c.json;
    EXPECT_EQ(wire.status().message(), c.error);
  }
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "{\"x\":[";
  EXPECT_FALSE(JsonToWire(deep, MessageKind::kModelProto).ok());
}

TEST(Json, CountsWhatItLeavesOut) {
  int64_t count = 0;
  ASSERT_TRUE(JsonToWire(R"({"irVersion": 1, "new": {"a": [1, true, null]}, "other": "x"})", MessageKind::kModelProto, &count).ok());
  EXPECT_EQ(count, 2);
  std::string wire;
  MessageWriter(&wire).Int(1, 8);
  MessageWriter(&wire).String(999, "x");
  ASSERT_TRUE(WireToJson(wire, MessageKind::kModelProto, {.dropped = &count}).ok());
  EXPECT_EQ(count, 1);
}

TEST(Json, RefusesStringsThatAreNotUtf8) {
  std::string wire;
  MessageWriter(&wire).String(2, "\xff");
  EXPECT_EQ(WireToJson(wire, MessageKind::kModelProto).status().code(), StatusCode::kInvalid);
}

TEST(Json, Base64) {
  for (std::string_view bytes : {"", "f", "fo", "foo", "foob", "\x00\xff\xfe"}) {
    std::string text, back;
    AppendBase64(bytes, &text);
    EXPECT_TRUE(AppendDecodedBase64(text, &back));
    EXPECT_EQ(back, bytes);
  }
  std::string out;
  EXPECT_TRUE(AppendDecodedBase64("-_8", &out));
  EXPECT_EQ(out, "\xfb\xff");
  EXPECT_FALSE(AppendDecodedBase64("a", &out));
  EXPECT_FALSE(AppendDecodedBase64("a=b=", &out));
}

TEST(Json, EverySharedModelIsKept) {
  namespace fs = std::filesystem;
  const fs::path shared = SharedData(SARDONYX_SOURCE_DIR);
  if (shared.empty()) GTEST_SKIP() << "no shared test data";
  for (const auto& entry : fs::recursive_directory_iterator(shared)) {
    if (!entry.is_regular_file() || entry.path().extension() != ".onnx" || entry.file_size() > (1 << 20)) continue;
    const auto bytes = MapFile(entry.path());
    ASSERT_TRUE(bytes.ok());
    const auto json = WireToJson(bytes->view(), MessageKind::kModelProto);
    ASSERT_TRUE(json.ok()) << entry.path() << ": " << json.status().ToString();
    const auto wire = JsonToWire(*json, MessageKind::kModelProto);
    ASSERT_TRUE(wire.ok()) << entry.path() << ": " << wire.status().ToString();
    std::string difference;
    EXPECT_TRUE(SemanticallyEqual(bytes->view(), *wire, MessageKind::kModelProto, &difference)) << entry.path() << ": " << difference;
  }
}

}  // namespace
}  // namespace sardonyx::ir
