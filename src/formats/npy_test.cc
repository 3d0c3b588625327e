#include "formats/npy.h"

#include <fmt/format.h>

#include "formats/npy_header.h"
#include "formats/test_util.h"
#include "formats/unicode.h"

namespace sardonyx::formats {
namespace {

std::string Npy(const std::string& dict, const std::string& data = "", int version = 1) {
  std::string out("\x93NUMPY");
  out.push_back(static_cast<char>(version));
  out.push_back(0);
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) out.push_back(static_cast<char>(dict.size() >> (8 * i)));
  return out + dict + data;
}

std::string Written(const Tensor& tensor) {
  std::string out;
  EXPECT_TRUE(WriteNpy(tensor, AppendTo(&out)).ok());
  return out;
}

StatusCode CodeOf(const std::string& file) { return ReadNpy(Bytes::Own(file)).status().code(); }

TEST(Npy, EveryTypeComesBack) {
  for (const Tensor& tensor : OneOfEveryType()) {
    const auto back = ReadNpy(Bytes::Own(Written(tensor)), tensor.dtype());
    ASSERT_TRUE(back.ok()) << tensor.TypeString() << ": " << back.status().ToString();
    EXPECT_TRUE(SameTensor(tensor, *back)) << tensor.TypeString();
  }
}

TEST(Npy, EveryRankComesBack) {
  for (const Dims& dims : {Dims{}, Dims{1}, Dims{0}, Dims{3, 0, 2}, Dims{1, 2, 1, 2, 1, 2, 1, 2, 1, 3}}) {
    const Tensor tensor = *Tensor::Allocate(DataType::kInt16, dims);
    const std::string file = Written(tensor);
    EXPECT_EQ(ParseNpyHeader(Bytes::Own(file).span())->data_offset % 64, 0u);
    const auto back = ReadNpy(Bytes::Own(file));
    ASSERT_TRUE(back.ok()) << back.status().ToString();
    EXPECT_TRUE(SameTensor(tensor, *back)) << dims.ToString();
  }
}

TEST(Npy, ViewsWhereItCan) {
  const Tensor tensor = Tensor::From<float>({2}, {1.5f, -2.0f});
  const Bytes aligned = Bytes::Own(Written(tensor));
  EXPECT_EQ(ReadNpy(aligned)->raw_data(), aligned.data() + 128 - 64 * (aligned.size() == 72));
  const Bytes shifted = Bytes::Own("x" + Written(tensor));
  const auto copied = ReadNpy(shifted.Slice(1, shifted.size() - 1));
  ASSERT_TRUE(copied.ok());
  EXPECT_TRUE(copied->is_aligned());
  EXPECT_TRUE(SameTensor(*copied, tensor));
}

TEST(Npy, VersionsOfTheFormat) {
  const Tensor expected = Tensor::From<int32_t>({2, 3}, {0, 1, 2, 3, 4, 5});
  for (const char* name : {"version2.npy", "version3.npy"}) {
    const auto tensor = ReadNpy(Golden(name));
    ASSERT_TRUE(tensor.ok()) << tensor.status().ToString();
    EXPECT_TRUE(SameTensor(*tensor, expected));
  }
}

TEST(Npy, UnsupportedTypesSaySo) {
  for (const char* name : {"object.npy", "structured.npy", "datetime.npy"})
    EXPECT_EQ(ReadNpy(Golden(name)).status().code(), StatusCode::kUnsupported) << name;
  for (const char* descr : {"<f16", "<i3", "<V5", "<V2", "x", "", "<", "<f99999999999999999999", "<U999999999"})
    EXPECT_EQ(CodeOf(Npy(std::string("{'descr': '") + descr + "', 'fortran_order': False, 'shape': (1,), }", "xx")),
              StatusCode::kUnsupported)
        << descr;
}

TEST(Npy, HeaderIsReadStrictly) {
  const std::string data(8, 'x');
  for (const char* good :
       {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "{\"shape\":(1,2),\"descr\":\"<f4\",\"fortran_order\":True}\n",
        "{'descr':'<f4','fortran_order':False,'shape':(1L, 2L,),}   \n"})
    EXPECT_EQ(CodeOf(Npy(good, data)), StatusCode::kOk) << good;
  for (const char* bad :
       {"", "{}", "{'descr': '<f4', 'fortran_order': False}", "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)",
        "{'descr': '<f4', 'fortran_order': False, 'shape': 2}", "{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2 2)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '<\\x664', 'fortran_order': False, 'shape': (2,)}", "{'x': '<f4', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f4'; 'fortran_order': False, 'shape': (2,)}"})
    EXPECT_EQ(CodeOf(Npy(bad, data)), StatusCode::kCorrupt) << bad;
  EXPECT_EQ(CodeOf(Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", data, 9)), StatusCode::kUnsupported);
  EXPECT_EQ(CodeOf("no npy at all"), StatusCode::kCorrupt);
}

TEST(Npy, SizesAreCheckedBeforeAllocating) {
  const auto file = [](const char* descr, const char* shape, const std::string& data) {
    return Npy(fmt::format("{{'descr': '{}', 'fortran_order': True, 'shape': {}, }}", descr, shape), data);
  };
  EXPECT_EQ(CodeOf(file("<f8", "(1000000000000, 1000000)", "x")), StatusCode::kCorrupt);
  EXPECT_EQ(CodeOf(file("<f8", "(4611686018427387904, 4611686018427387904)", "x")), StatusCode::kCorrupt);
  EXPECT_EQ(CodeOf(file("<f8", "(0, 4611686018427387904, 4611686018427387904)", "")), StatusCode::kCorrupt);
  EXPECT_EQ(CodeOf(file("<f8", "(2,)", std::string(15, 'x'))), StatusCode::kCorrupt);
  EXPECT_EQ(CodeOf(file("<f8", "(2,)", std::string(17, 'x'))), StatusCode::kCorrupt);
  EXPECT_EQ(CodeOf(file("<U0", "(1000000000000,)", "")), StatusCode::kResource);
  EXPECT_EQ(CodeOf(file("<U0", "(3,)", "")), StatusCode::kOk);
  EXPECT_EQ(CodeOf(file("<U1", "(1,)", std::string("\x00\xd8\x00\x00", 4))), StatusCode::kCorrupt);  // a surrogate
  EXPECT_EQ(CodeOf(file("<U1", "(1,)", std::string("\x00\x00\x11\x00", 4))), StatusCode::kCorrupt);  // beyond Unicode
}

TEST(Npy, EveryTruncationIsCorrupt) {
  const std::string file = Written(Tensor::From<int64_t>({2, 2}, {1, 2, 3, 4}));
  for (size_t size = 0; size < file.size(); ++size) EXPECT_EQ(CodeOf(file.substr(0, size)), StatusCode::kCorrupt) << size;
}

TEST(Npy, BoolsAreZeroOrOne) {
  const auto tensor = ReadNpy(Bytes::Own(Npy("{'descr': '|b1', 'fortran_order': False, 'shape': (4,), }", std::string("\0\1\2\xff", 4))));
  ASSERT_TRUE(tensor.ok());
  EXPECT_TRUE(SameTensor(*tensor, Tensor::From<bool>({4}, {false, true, true, true})));
}

TEST(Npy, NarrowIntegersMustFit) {
  const std::string file = Written(Tensor::From<int8_t>({3}, {-8, 7, 8}));
  EXPECT_EQ(ReadNpy(Bytes::Own(file), DataType::kInt4).status().code(), StatusCode::kInvalid);
  EXPECT_EQ(ReadNpy(Bytes::Own(file), DataType::kUint4).status().code(), StatusCode::kInvalid);
  const auto packed = ReadNpy(Bytes::Own(Written(Tensor::From<int8_t>({3}, {-8, 7, -1}))), DataType::kInt4);
  ASSERT_TRUE(packed.ok());
  EXPECT_EQ(std::memcmp(packed->raw_data(), "\x78\x0f", 2), 0);
}

TEST(Npy, TextThatIsNotUtf8IsWrittenAsBytes) {
  const Tensor text = Tensor::From<std::string>({2}, {"\xff", "ab"});
  const std::string file = Written(text);
  EXPECT_NE(file.find("'|S2'"), std::string::npos);
  EXPECT_TRUE(SameTensor(*ReadNpy(Bytes::Own(file)), text));
}

TEST(Unicode, IsStrict) {
  EXPECT_EQ(Utf8Length(""), 0u);
  EXPECT_EQ(Utf8Length("a\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80"), 4u);
  for (const char* bad : {"\x80", "\xc3", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                          "\xf8\x88\x80\x80\x80", "\xe6\x97", "\xe6\x97z"})
    EXPECT_FALSE(Utf8Length(bad).has_value());
}

}  // namespace
}  // namespace sardonyx::formats
