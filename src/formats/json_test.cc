#include "formats/json.h"

#include <limits>

#include "formats/test_util.h"

namespace sardonyx::formats {
namespace {

StatusOr<Tensor> Read(std::string_view text, DataType type = DataType::kUndefined) {
  const auto json = ParseJson(text);
  if (!json.ok()) return json.status();
  return TensorFromJson(*json, type);
}

TEST(Json, ErrorsHaveAPlace) {
  EXPECT_EQ(ParseJson("{\"a\": [1, 2.5, null, \"\\u00e9\"]}")->dump(), "{\"a\":[1,2.5,null,\"\xc3\xa9\"]}");
  EXPECT_EQ(ParseJson("{\n  \"a\": x}").status().message(), "json: malformed at line 2, column 8");
  for (const char* bad : {"", " ", "{", "[1,]", "nul", "[1] 2", "{'a': 1}", "\"\xff\"", "[1e999]", "// c\n1", "\"\n\"", "01", "{\"a\" 1}"})
    EXPECT_EQ(ParseJson(bad).status().code(), StatusCode::kCorrupt) << bad;
}

TEST(Json, KeysStandOnce) {
  EXPECT_EQ(ParseJson("{\"a\": {\"b\": 1}, \"b\": [{\"a\": 1}, {\"a\": 2}]}").status().code(), StatusCode::kOk);
  EXPECT_EQ(ParseJson("[{\"a\": 1, \"b\": {\"c\": 1, \"c\": 2}}]").status().message(), "json: key \"c\" stands twice in one object");
}

TEST(Json, Bounds) {
  const std::string deep(100000, '[');
  EXPECT_EQ(ParseJson(deep).status().code(), StatusCode::kResource);
  EXPECT_EQ(ParseJson("\"" + std::string(200, '[') + "\"").status().code(), StatusCode::kOk);
  EXPECT_EQ(ParseJson("[[1]]", {.max_bytes = 100, .max_depth = 1}).status().code(), StatusCode::kResource);
  EXPECT_EQ(ParseJson("[[1]]", {.max_bytes = 4, .max_depth = 9}).status().code(), StatusCode::kResource);
}

TEST(Json, DumpNeverThrows) { EXPECT_EQ(DumpJson(Json("a\xff")), "\"a\xef\xbf\xbd\""); }

TEST(JsonTensor, EveryTypeComesBack) {
  for (const Tensor& tensor : OneOfEveryType()) {
    const auto json = TensorToJson(tensor);
    ASSERT_TRUE(json.ok());
    const auto back = Read(DumpJson(*json));
    ASSERT_TRUE(back.ok()) << tensor.TypeString() << ": " << back.status().ToString();
    EXPECT_TRUE(SameTensor(tensor, *back)) << tensor.TypeString() << " " << DumpJson(*json);
    const auto nested = Read(DumpJson(*TensorToNestedJson(tensor)), tensor.dtype());
    ASSERT_TRUE(nested.ok()) << tensor.TypeString() << ": " << nested.status().ToString();
    EXPECT_TRUE(SameTensor(tensor, *nested)) << tensor.TypeString();
  }
}

TEST(JsonTensor, Shapes) {
  const Tensor expected = Tensor::From<int64_t>({2, 2}, {1, 2, 3, 4});
  EXPECT_TRUE(SameTensor(*Read("[[1,2],[3,4]]", DataType::kInt64), expected));
  EXPECT_TRUE(SameTensor(*Read(R"({"dtype":"int64","shape":[2,2],"data":[1,2,3,4]})"), expected));
  EXPECT_TRUE(SameTensor(*Read(R"({"dtype":"int64","shape":[2,2],"data":[[1,2],[3,4]]})"), expected));
  EXPECT_TRUE(SameTensor(*Read(R"({"dtype":"int64","data":[[1,2],[3,4]]})"), expected));
  EXPECT_TRUE(SameTensor(*Read(R"({"data":[[1,2],[3,4]]})", DataType::kInt64), expected));
  EXPECT_TRUE(SameTensor(*Read("5", DataType::kInt64), Tensor::Scalar<int64_t>(5)));
  EXPECT_TRUE(SameTensor(*Read(R"({"dtype":"int64","shape":[],"data":[5]})"), Tensor::Scalar<int64_t>(5)));
  EXPECT_EQ(Read("[[],[]]", DataType::kFloat)->dims(), (Dims{2, 0}));
  EXPECT_EQ(Read(R"({"dtype":"float","shape":[0,3],"data":[]})")->dims(), (Dims{0, 3}));
}

TEST(JsonTensor, ErrorsSayWhichElement) {
  EXPECT_EQ(Read("[1, 2.5]", DataType::kInt32).status().message(), "json: element 1 is 2.5, not a value of type int32");
  for (const auto& [text, type] : std::initializer_list<std::pair<const char*, DataType>>{
           {"[[1,2],[3]]", DataType::kInt64},
           {"[1,[2]]", DataType::kInt64},
           {"[[1],2]", DataType::kInt64},
           {"[256]", DataType::kUint8},
           {"[-1]", DataType::kUint64},
           {"[18446744073709551615]", DataType::kInt64},
           {"[-129]", DataType::kInt8},
           {"[8]", DataType::kInt4},
           {"[-9]", DataType::kInt4},
           {"[2]", DataType::kInt2},
           {"[1e39]", DataType::kFloat},
           {"[65520]", DataType::kFloat16},
           {"[7]", DataType::kFloat4E2M1},
           {"[\"NaN\"]", DataType::kFloat4E2M1},
           {"[7.6]", DataType::kFloat6E2M3},
           {"[-28.1]", DataType::kFloat6E3M2},
           {"[\"Infinity\"]", DataType::kFloat6E3M2},
           {"[0]", DataType::kFloat8E8M0},
           {"[\"Infinity\"]", DataType::kFloat8E4M3FN},
           {"[\"1\"]", DataType::kFloat},
           {"[1]", DataType::kString},
           {"[1]", DataType::kBool},
           {"[null]", DataType::kFloat},
           {"[1, 2]", DataType::kUndefined},
           {"[1, 2, 3]", DataType::kComplex64},
           {R"({"dtype":"int64","shape":[3],"data":[1,2]})", DataType::kUndefined},
           {R"({"dtype":"int64","shape":[1000000000000],"data":[1]})", DataType::kUndefined},
           {R"({"dtype":"int64","shape":[-1],"data":[1]})", DataType::kUndefined},
           {R"({"dtype":"int64","shape":[1.5],"data":[1]})", DataType::kUndefined},
           {R"({"dtype":"int63","data":[1]})", DataType::kUndefined},
           {R"({"dtype":"int64","data":[1]})", DataType::kFloat},
           {R"({"dtype":"int64"})", DataType::kUndefined},
           {R"({"dtype":"int64","data":[1],"x":1})", DataType::kUndefined}})
    EXPECT_EQ(Read(text, type).status().code(), StatusCode::kUsage) << text;
}

TEST(Json, PythonsNonFiniteNumbers) {
  constexpr std::string_view kText = R"({"a": [-Infinity, Infinity, NaN, -1.5], "-Infinity": "\\\"NaN"})";
  EXPECT_EQ(ParseJson(kText).status().code(), StatusCode::kCorrupt);
  const auto json = ParseJson(kText, {.non_finite = true});
  ASSERT_TRUE(json.ok()) << json.status().ToString();
  EXPECT_EQ(DumpJson(*json), R"({"-Infinity":"\\\"NaN","a":["-Infinity","Infinity","NaN",-1.5]})");
  EXPECT_EQ(ParseJson("[Inf]", {.non_finite = true}).status().code(), StatusCode::kCorrupt);
}

TEST(JsonTensor, FloatsThatAreNotFinite) {
  const auto tensor = Read(R"(["NaN", "Infinity", "-Infinity", -0.0, 1])", DataType::kFloat);
  ASSERT_TRUE(tensor.ok());
  const auto values = tensor->data<float>();
  EXPECT_TRUE(std::isnan(values[0]));
  EXPECT_EQ(values[1], std::numeric_limits<float>::infinity());
  EXPECT_EQ(values[2], -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::signbit(values[3]));
  EXPECT_EQ(DumpJson((*TensorToJson(*tensor))["data"]), R"(["NaN","Infinity","-Infinity",-0.0,1.0])");
}

}  // namespace
}  // namespace sardonyx::formats
