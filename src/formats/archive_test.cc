#include "formats/archive.h"

#include "formats/test_util.h"

namespace sardonyx::formats {
namespace {

std::string Gzip(std::string_view content) {
  std::string out;
  GzipWriter writer(AppendTo(&out));
  EXPECT_TRUE(writer.Write(content.data(), content.size()).ok());
  EXPECT_TRUE(writer.Finish().ok());
  return out;
}

std::string Tar(const std::vector<std::pair<std::string, std::string>>& files) {
  std::vector<ArchiveMember> members;
  for (const auto& [name, content] : files) members.push_back({name, Bytes::Own(content)});
  std::string out;
  EXPECT_TRUE(WriteTar(members, AppendTo(&out)).ok());
  return out;
}

// One ustar header and its data, for names and kinds that WriteTar refuses to write.
std::string RawMember(std::string_view name, char type, std::string_view content, std::string_view link = "") {
  std::string header(512, '\0');
  name.copy(header.data(), 100);
  std::snprintf(header.data() + 100, 8, "%07o", 0644);
  std::snprintf(header.data() + 124, 12, "%011o", static_cast<unsigned>(content.size()));
  std::memset(header.data() + 148, ' ', 8);
  header[156] = type;
  link.copy(header.data() + 157, 100);
  std::memcpy(header.data() + 257, "ustar\00000", 8);
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<uint8_t>(c);
  std::snprintf(header.data() + 148, 8, "%06o", sum);
  std::string out = header + std::string(content);
  out.resize((out.size() + 511) / 512 * 512);
  return out;
}

// Content that does not pack to nothing.
std::string Noise(size_t size, uint32_t seed = 1) {
  std::string out(size, '\0');
  for (char& c : out) {
    seed = seed * 1664525u + 1013904223u;
    c = static_cast<char>(seed >> 24);
  }
  return out;
}

TEST(Archive, DetectsByContent) {
  const auto detect = [](const std::string& s) { return DetectContainer(Bytes::Own(s).span()); };
  EXPECT_EQ(detect(""), Container::kNone);
  EXPECT_EQ(detect(Gzip("x")), Container::kGzip);
  EXPECT_EQ(detect(Tar({{"a", "b"}})), Container::kTar);
  EXPECT_EQ(detect("PK\x03\x04zip"), Container::kZip);
  EXPECT_EQ(detect(std::string(1024, '\0')), Container::kNone);
  EXPECT_EQ(detect(std::string(1024, 'a')), Container::kNone);
}

TEST(Archive, GzipRoundTrip) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{65536}, size_t{300001}}) {
    const std::string content = Noise(size);
    const auto unpacked = Decompress(Bytes::Own(Gzip(content)));
    ASSERT_TRUE(unpacked.ok()) << unpacked.status().ToString();
    EXPECT_EQ(unpacked->view(), content);
  }
}

TEST(Archive, GzipMembersAreConcatenated) {
  const auto unpacked = Decompress(Bytes::Own(Gzip("first ") + Gzip("second") + std::string(7, '\0')));
  ASSERT_TRUE(unpacked.ok()) << unpacked.status().ToString();
  EXPECT_EQ(unpacked->view(), "first second");
}

TEST(Archive, EveryDamageOfGzipIsSeen) {
  const std::string packed = Gzip(Noise(500)), content = Noise(500);
  for (size_t size = 2; size < packed.size(); ++size) EXPECT_FALSE(Decompress(Bytes::Own(packed.substr(0, size))).ok()) << size;
  for (size_t i = 10; i < packed.size(); ++i) {  // From the end of the header on, whose time and flags may be anything.
    std::string damaged = packed;
    damaged[i] ^= 0x10;
    const auto unpacked = Decompress(Bytes::Own(damaged));
    if (unpacked.ok()) {
      EXPECT_EQ(unpacked->view(), content) << i;  // One of deflate's padding bits, which mean nothing.
    } else {
      EXPECT_EQ(unpacked.status().code(), StatusCode::kCorrupt) << i;
    }
  }
}

TEST(Archive, GzipBombIsRefused) {
  const std::string bomb = Gzip(std::string(size_t{64} << 20, '\0'));
  UnpackLimits limits;
  limits.max_expansion = 100;
  EXPECT_EQ(Decompress(Bytes::Own(bomb), limits).status().code(), StatusCode::kResource);
  limits = {};
  limits.max_bytes = 1 << 20;
  EXPECT_EQ(Decompress(Bytes::Own(bomb), limits).status().code(), StatusCode::kResource);
}

TEST(Archive, OneLayerOnly) {
  const std::string inner = Gzip("x");
  const auto unpacked = Decompress(Bytes::Own(Gzip(inner)));
  ASSERT_TRUE(unpacked.ok());
  EXPECT_EQ(unpacked->view(), inner);
  EXPECT_EQ(Decompress(Bytes::Own(std::string("plain"))).status().code(), StatusCode::kUsage);
}

TEST(Archive, TarRoundTripWithoutCopies) {
  const Bytes tar = Bytes::Own(Tar({{"model.onnx", Noise(100000)}, {"data/weights.bin", Noise(3)}, {"empty", ""}}));
  const auto members = ReadTar(tar);
  ASSERT_TRUE(members.ok()) << members.status().ToString();
  ASSERT_EQ(members->size(), 3u);
  EXPECT_EQ((*members)[0].name, "model.onnx");
  EXPECT_EQ((*members)[0].content.view(), Noise(100000));
  EXPECT_GE((*members)[0].content.data(), tar.data());
  EXPECT_LT((*members)[0].content.data(), tar.data() + tar.size());
  EXPECT_EQ((*members)[1].name, "data/weights.bin");
  EXPECT_EQ((*members)[1].content.view(), Noise(3));
  EXPECT_TRUE((*members)[2].content.empty());
}

TEST(Archive, CompressedTarAndLongNames) {
  const std::string name = std::string(180, 'a') + "/" + std::string(180, 'b') + "/\xc3\xa9.bin";
  const auto members = ReadTar(Bytes::Own(Gzip(Tar({{name, "content"}}))));
  ASSERT_TRUE(members.ok()) << members.status().ToString();
  ASSERT_EQ(members->size(), 1u);
  EXPECT_EQ((*members)[0].name, name);
  EXPECT_EQ((*members)[0].content.view(), "content");
}

TEST(Archive, ReadsWhatOthersWrite) {
  for (const char* name : {"text.gz", "text.xz", "text.bz2", "text.zst"}) {
    const auto text = Decompress(Golden(name));
    ASSERT_TRUE(text.ok()) << name << " " << text.status().ToString();
    EXPECT_EQ(text->view(), "content") << name;
    const Bytes whole = Golden(name);
    for (size_t size = 4; size < whole.size(); ++size) EXPECT_FALSE(Decompress(whole.Slice(0, size)).ok()) << name << " " << size;
  }
  for (const char* name : {"pax.tar.xz", "gnu.tar.xz", "ustar.tar.xz"}) {
    const auto members = ReadTar(Golden(name));
    ASSERT_TRUE(members.ok()) << name << " " << members.status().ToString();
    ASSERT_EQ(members->size(), name[0] == 'u' ? 2u : 3u);
    EXPECT_EQ((*members)[0].name, "model.onnx");
    EXPECT_EQ((*members)[0].content.view(), "content");
    EXPECT_EQ((*members)[1].name, "h\xc3\xa9/" + std::string(90, 'n'));
    EXPECT_EQ(members->back().name, name[0] == 'u' ? (*members)[1].name : "d/" + std::string(300, 'n'));
  }
}

TEST(Archive, TarNamesAreSafe) {
  const std::string end(1024, '\0');
  for (const char* name : {"/etc/passwd", "../x", "a/../../x", "a/.."})
    EXPECT_EQ(ReadTar(Bytes::Own(RawMember(name, '0', "x") + end)).status().code(), StatusCode::kCorrupt) << name;
  EXPECT_EQ(ReadTar(Bytes::Own(RawMember("a", '0', "x") + RawMember("./a", '0', "y") + end)).status().code(), StatusCode::kCorrupt);
  const auto members = ReadTar(Bytes::Own(RawMember("d", '5', "") + RawMember("l", '2', "", "/etc/passwd") + RawMember("h", '1', "", "a") +
                                          RawMember("./a//b", '0', "x") + end));
  ASSERT_TRUE(members.ok()) << members.status().ToString();
  ASSERT_EQ(members->size(), 1u);
  EXPECT_EQ((*members)[0].name, "a/b");
  const auto latin1 = ReadTar(Bytes::Own(RawMember("\xe9.bin", '0', "x") + end));
  ASSERT_TRUE(latin1.ok()) << latin1.status().ToString();
  EXPECT_EQ((*latin1)[0].name, "\xe9.bin");
  EXPECT_FALSE(WriteTar({{"../x", Bytes()}}, [](const void*, size_t) { return Status(); }).ok());
}

TEST(Archive, TruncatedTarIsCorrupt) {
  const std::string tar = Tar({{"a", Noise(5000)}});
  for (const size_t size : {size_t{600}, size_t{5000}}) {
    EXPECT_EQ(ReadTar(Bytes::Own(tar.substr(0, size))).status().code(), StatusCode::kCorrupt) << size;
  }
  EXPECT_FALSE(ReadTar(Bytes::Own(Gzip("no tar"))).ok());
  EXPECT_FALSE(ReadTar(Bytes::Own(std::string("no tar"))).ok());
}

TEST(Archive, TooManyMembers) {
  UnpackLimits limits;
  limits.max_members = 2;
  EXPECT_TRUE(ReadTar(Bytes::Own(Tar({{"a", ""}, {"b", ""}})), limits).ok());
  EXPECT_EQ(ReadTar(Bytes::Own(Tar({{"a", ""}, {"b", ""}, {"c", ""}})), limits).status().code(), StatusCode::kResource);
}

TEST(Archive, WriterReportsItsSink) {
  const auto full = [](const void*, size_t) { return Resource("disk full"); };
  EXPECT_EQ(WriteTar({{"a", Bytes::Own(Noise(100000))}}, full).message(), "disk full");
  GzipWriter writer(full);
  EXPECT_EQ(writer.Write("x", 1).message(), "disk full");
}

}  // namespace
}  // namespace sardonyx::formats
