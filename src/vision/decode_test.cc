#include "vision/decode.h"

#include <fstream>
#include <sstream>

#include "vision/test_util.h"

namespace sardonyx::vision {
namespace {

struct Case {
  std::string file, expected;
  int tolerance = 0;
};

std::vector<Case> Cases() {
  std::vector<Case> cases;
  std::ifstream list(TestData("decode.txt"));
  for (Case c; list >> c.file >> c.expected >> c.tolerance;) cases.push_back(c);
  return cases;
}

StatusCode CodeOf(const std::string& file) {
  return DecodeImage({reinterpret_cast<const uint8_t*>(file.data()), file.size()}).status().code();
}

TEST(Decode, EqualsPillow) {
  ASSERT_GT(Cases().size(), 40u);
  for (const Case& c : Cases()) EXPECT_LE(LargestDifference(GoldenImage(c.file), GoldenImage(c.expected)), c.tolerance) << c.file;
}

TEST(Decode, EveryTruncationIsAnError) {
  for (const Case& c : Cases()) {
    const std::string whole(Golden(c.file).view());
    const size_t step = whole.size() > 2000 ? 97 : 1;
    // What may be missing: a last pixel's padding, an end mark, and in PNM text a digit of the last number.
    for (size_t size = 0; size + 12 < whole.size(); size += step) {
      const StatusCode code = CodeOf(whole.substr(0, size));
      EXPECT_TRUE(code == StatusCode::kCorrupt || code == StatusCode::kUnsupported || code == StatusCode::kUsage) << c.file << " " << size;
    }
  }
}

TEST(Decode, FlippedBitsNeverCrash) {
  DecodeOptions options;
  options.max_pixels = 1 << 16;
  for (const Case& c : Cases()) {
    const std::string whole(Golden(c.file).view());
    uint32_t random = 1;
    for (int i = 0; i < 200; ++i) {
      std::string damaged = whole;
      random = random * 1664525u + 1013904223u;
      damaged[(random >> 8) % std::min<size_t>(whole.size(), i % 2 ? 200 : whole.size())] ^= static_cast<char>(1 << (random % 8));
      (void)DecodeImage({reinterpret_cast<const uint8_t*>(damaged.data()), damaged.size()}, options);
    }
  }
}

TEST(Decode, ColorsAndOrientation) {
  const Image rgb = GoldenImage("rgb.png"), bgr = GoldenImage("rgb.png", {.color = Color::kBgr});
  EXPECT_EQ(bgr.pixels[0], rgb.pixels[2]);
  EXPECT_EQ(bgr.pixels[2], rgb.pixels[0]);
  const Image gray = GoldenImage("rgb.png", {.color = Color::kGray}), expected = GoldenImage("gray.png", {.color = Color::kGray});
  EXPECT_EQ(gray.channels, 1);
  EXPECT_EQ(LargestDifference(gray, expected), 0);
  EXPECT_EQ(GoldenImage("orientation_6.jpg").height, 12);
  EXPECT_EQ(GoldenImage("orientation_6.jpg", {.apply_orientation = false}).height, 7);
}

TEST(Decode, SizeIsBoundedBeforeMemoryIsTaken) {
  for (const char* name : {"rgb.png", "rgb_420.jpg", "lossy.webp", "rgb.jp2", "rgb.bmp", "rle8.bmp", "binary.ppm", "plain.tif"})
    EXPECT_EQ(DecodeImage(Golden(name).span(), {.max_pixels = 599}).status().code(), StatusCode::kResource) << name;
  std::string png(Golden("rgb.png").view());
  std::string huge = png;
  huge[16] = huge[20] = 0x7f;  // the CRC no longer fits either
  EXPECT_NE(CodeOf(huge), StatusCode::kOk);
  EXPECT_EQ(CodeOf("P6 60000 60000 255\n"), StatusCode::kCorrupt);
  EXPECT_EQ(CodeOf("P6 0 0 255\n"), StatusCode::kCorrupt);
}

TEST(Decode, UnknownAndUnsupported) {
  EXPECT_EQ(CodeOf(""), StatusCode::kCorrupt);
  EXPECT_EQ(CodeOf("no picture"), StatusCode::kCorrupt);
  EXPECT_EQ(CodeOf("GIF89a"), StatusCode::kUnsupported);
  const auto jpeg2000 = DecodeImage({reinterpret_cast<const uint8_t*>("\xff\x4f\xff\x51"), 4});
  EXPECT_EQ(jpeg2000.status().code(), StatusCode::kCorrupt);
  EXPECT_NE(jpeg2000.status().message().find("JPEG 2000"), std::string::npos);
}

TEST(Decode, PnmSamplesStayWithinTheirMaximum) {
  EXPECT_EQ(CodeOf("P2 2 1 15\n15 16"), StatusCode::kCorrupt);
  EXPECT_EQ(CodeOf("P2 2 1 15\n15 7"), StatusCode::kOk);
  EXPECT_EQ(CodeOf("P2 2 1 0\n0 0"), StatusCode::kCorrupt);
  EXPECT_EQ(CodeOf("P2 2 1 99999\n0 0"), StatusCode::kCorrupt);
  EXPECT_EQ(CodeOf("P1 2 1\n2 0"), StatusCode::kCorrupt);
}

}  // namespace
}  // namespace sardonyx::vision
