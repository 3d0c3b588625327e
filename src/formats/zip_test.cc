#include "formats/zip.h"

#include "formats/test_util.h"

namespace sardonyx::formats {
namespace {

std::string Zip(const std::vector<std::pair<std::string, std::string>>& files, ZipWriter::Method method = ZipWriter::Method::kStore) {
  std::string out;
  ZipWriter zip(AppendTo(&out), method);
  for (const auto& [name, content] : files) {
    const std::string_view piece = content;
    EXPECT_TRUE(zip.Add(name, {&piece, 1}).ok());
  }
  EXPECT_TRUE(zip.Finish().ok());
  return out;
}

std::string Little(uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i, value >>= 8) out.push_back(static_cast<char>(value));
  return out;
}

// One stored member whose sizes and offsets all stand in ZIP64 fields, as for archives beyond 4 GB.
std::string Zip64(const std::string& name, const std::string& content, uint64_t stated_size, uint64_t stated_offset = 0) {
  const std::string none = Little(0xffffffff, 4);
  const std::string crc = Little(0x352441c2, 4);  // of "abc"
  const std::string local = "PK\x03\x04" + Little(45, 2) + Little(0, 8) + crc + none + none + Little(name.size(), 2) + Little(20, 2) +
                            name + Little(1, 2) + Little(16, 2) + Little(stated_size, 8) + Little(stated_size, 8);
  const std::string entry = "PK\x01\x02" + Little(45, 2) + Little(45, 2) + Little(0, 8) + crc + none + none + Little(name.size(), 2) +
                            Little(28, 2) + Little(0, 10) + none + name + Little(1, 2) + Little(24, 2) + Little(stated_size, 8) +
                            Little(stated_size, 8) + Little(stated_offset, 8);
  const uint64_t directory = local.size() + content.size(), end = directory + entry.size();
  return local + content + entry + "PK\x06\x06" + Little(44, 8) + Little(45, 2) + Little(45, 2) + Little(0, 8) + Little(1, 8) + Little(1, 8) +
         Little(entry.size(), 8) + Little(directory, 8) + "PK\x06\x07" + Little(0, 4) + Little(end, 8) + Little(1, 4) + "PK\x05\x06" +
         Little(0, 4) + Little(0xffff, 2) + Little(0xffff, 2) + none + none + Little(0, 2);
}

TEST(Zip, StoredMembersAreViews) {
  const Bytes file = Bytes::Own(Zip({{"a/data.pkl", "pickle"}, {"a/data/0", std::string(1000, 'w')}, {"empty", ""}}));
  const auto zip = ZipReader::Open(file);
  ASSERT_TRUE(zip.ok()) << zip.status().ToString();
  ASSERT_EQ(zip->members().size(), 3u);
  const auto weights = zip->View(*zip->Find("a/data/0"));
  ASSERT_TRUE(weights.ok());
  EXPECT_EQ(weights->view(), std::string(1000, 'w'));
  EXPECT_GT(weights->data(), file.data());
  EXPECT_LT(weights->data(), file.data() + file.size());
  EXPECT_TRUE(zip->Read(2)->empty());
  EXPECT_FALSE(zip->Find("a/data").has_value());
}

TEST(Zip, DeflatedMembers) {
  std::string text;
  for (int i = 0; i < 50000; ++i) text += std::to_string(i * 7919 % 10007);
  const auto zip = ZipReader::Open(Bytes::Own(Zip({{"t", text}, {"none", ""}}, ZipWriter::Method::kDeflate)));
  ASSERT_TRUE(zip.ok()) << zip.status().ToString();
  EXPECT_EQ(zip->View(0)->view(), text);
  EXPECT_EQ(zip->Read(0)->view(), text);
  EXPECT_TRUE(zip->Read(1)->empty());
}

TEST(Zip, ReadSeesDamageOfStoredMembers) {
  std::string file = Zip({{"a", "content"}});
  file[file.find("content")] ^= 1;
  const auto zip = ZipReader::Open(Bytes::Own(file));
  ASSERT_TRUE(zip.ok());
  EXPECT_EQ(zip->Read(0).status().code(), StatusCode::kCorrupt);
  EXPECT_TRUE(zip->View(0).ok());
}

TEST(Zip, Zip64) {
  const auto zip = ZipReader::Open(Bytes::Own(Zip64("n", "abc", 3)));
  ASSERT_TRUE(zip.ok()) << zip.status().ToString();
  const auto content = zip->Read(0);
  ASSERT_TRUE(content.ok()) << content.status().ToString();
  EXPECT_EQ(content->view(), "abc");
  const auto beyond = ZipReader::Open(Bytes::Own(Zip64("n", "abc", uint64_t{1} << 20)));
  ASSERT_TRUE(beyond.ok()) << beyond.status().ToString();
  EXPECT_EQ(beyond->Read(0).status().code(), StatusCode::kCorrupt);
  EXPECT_EQ(ZipReader::Open(Bytes::Own(Zip64("n", "abc", ~uint64_t{0}))).status().code(), StatusCode::kResource);
  const auto elsewhere = ZipReader::Open(Bytes::Own(Zip64("n", "abc", 3, ~uint64_t{0} - 8)));
  ASSERT_TRUE(elsewhere.ok());
  EXPECT_EQ(elsewhere->View(0).status().code(), StatusCode::kCorrupt);
}

TEST(Zip, CommentsAndTruncation) {
  std::string file = Zip({{"a", "content"}, {"b/", ""}});
  const std::string plain = file;
  file[file.size() - 2] = 5;
  file += "hello";
  const auto zip = ZipReader::Open(Bytes::Own(file));
  ASSERT_TRUE(zip.ok()) << zip.status().ToString();
  EXPECT_EQ(zip->members().size(), 1u);
  for (size_t size = 0; size < plain.size(); ++size) {
    EXPECT_EQ(ZipReader::Open(Bytes::Own(plain.substr(0, size))).status().code(), StatusCode::kCorrupt) << size;
  }
}

}  // namespace
}  // namespace sardonyx::formats
