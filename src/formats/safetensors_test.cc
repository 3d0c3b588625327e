#include "formats/safetensors.h"

#include <fstream>

#include <gtest/gtest.h>

namespace sardonyx::formats {
namespace {

std::string File(const std::string& header, const std::string& data) {
  std::string text;
  for (int i = 0; i < 8; ++i) text += static_cast<char>(header.size() >> (8 * i) & 0xff);
  return text + header + data;
}

StatusOr<SafeTensors> Read(const std::string& header, const std::string& data) { return ReadSafeTensors(Bytes::Own(File(header, data))); }

TEST(SafeTensors, TensorsAreViews) {
  const auto read = Read(R"({"__metadata__":{"format":"pt"},"b":{"dtype":"U8","shape":[3],"data_offsets":[4,7]},"a":{"dtype":"F16","shape":[2,1],"data_offsets":[0,4]}})",
                         std::string("\x00\x3c\x00\xc0\x01\x02\x03", 7));
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  ASSERT_EQ(read->tensors.size(), 2u);
  EXPECT_EQ(read->tensors[0].first, "a");
  EXPECT_EQ(read->tensors[0].second.TypeString(), "float16[2,1]");
  EXPECT_EQ(read->tensors[1].second.data<uint8_t>()[2], 3);
  EXPECT_EQ(read->metadata[0].second, "pt");
}

TEST(SafeTensors, NothingAtAll) {
  const auto read = Read("{}", "");
  ASSERT_TRUE(read.ok());
  EXPECT_TRUE(read->tensors.empty());
}

TEST(SafeTensors, DamageIsNamed) {
  const struct {
    const char* header;
    const char* message;
  } cases[] = {
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", "outside"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", "do not fit"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}})", "overlap"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", "belong to no tensor"},
      {R"({"a":{"dtype":"U8","shape":[-2],"data_offsets":[0,2]}})", "no size"},
      {R"({"a":{"dtype":"U8","shape":[4000000000000,4000000000000],"data_offsets":[0,4]}})", "do not fit"},
      {R"({"a":{"dtype":"F4","shape":[1],"data_offsets":[0,4]}})", "no counterpart"},
      {R"({"a":{"shape":[1],"data_offsets":[0,4]}})", "no dtype"},
      {R"({"a":[]})", "object"},
      {R"([])", "not a safetensors"},
      {R"({"a":)", "malformed"},
  };
  for (const auto& one : cases) {
    const auto read = Read(one.header, "1234");
    ASSERT_FALSE(read.ok()) << one.header;
    EXPECT_NE(std::string(read.status().message()).find(one.message), std::string::npos) << one.header << ": " << read.status().ToString();
  }
  EXPECT_FALSE(ReadSafeTensors(Bytes::Own(std::string("\xff\xff\xff\xff\xff\xff\xff\xff{}"))).ok());
  EXPECT_FALSE(ReadSafeTensors(Bytes::Own(std::string("{}"))).ok());
}

TEST(SafeTensors, ShardsAreJoined) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "safetensors_shards";
  std::filesystem::create_directories(folder);
  const auto write = [&](const char* name, const std::string& text) { std::ofstream(folder / name, std::ios::binary) << text; };
  write("1.safetensors", File(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "x"));
  write("2.safetensors", File(R"({"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "y"));
  write("good.json", R"({"weight_map":{"a":"1.safetensors","b":"2.safetensors"}})");
  write("lost.json", R"({"weight_map":{"a":"1.safetensors","c":"2.safetensors"}})");
  write("outside.json", R"({"weight_map":{"a":"../1.safetensors"}})");
  const auto good = LoadSafeTensors(folder / "good.json");
  ASSERT_TRUE(good.ok()) << good.status().ToString();
  EXPECT_EQ(good->tensors.size(), 2u);
  EXPECT_FALSE(LoadSafeTensors(folder / "lost.json").ok());
  EXPECT_FALSE(LoadSafeTensors(folder / "outside.json").ok());
}

}  // namespace
}  // namespace sardonyx::formats
