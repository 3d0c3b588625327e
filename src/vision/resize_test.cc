#include "vision/resize.h"

#include <fstream>

#include "vision/test_util.h"

namespace sardonyx::vision {
namespace {

TEST(Resize, EqualsPillow) {
  const Image color = GoldenImage("resize_source.png"), gray = GoldenImage("resize_source.png", {.color = Color::kGray});
  const Image data = GoldenImage("resize.png", {.color = Color::kGray});
  std::ifstream list(TestData("resize.txt"));
  std::string name;
  int channels = 0, width = 0, height = 0, cases = 0;
  for (size_t offset = 0; list >> name >> channels >> width >> height; ++cases) {
    const auto result = Resize(channels == 3 ? color : gray, width, height, *ParseResizeFilter(name));
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    ASSERT_LE(offset + result->pixels.size(), data.pixels.size());
    int largest = 0;
    for (const uint8_t value : result->pixels) largest = std::max(largest, std::abs(value - data.pixels[offset++]));
    EXPECT_LE(largest, 1) << name << " " << width << " x " << height << " x " << channels;
  }
  EXPECT_EQ(cases, 60);
}

TEST(Resize, SameSizeIsTheSamePicture) {
  const Image image = GoldenImage("resize_source.png");
  EXPECT_EQ(LargestDifference(*Resize(image, image.width, image.height, ResizeFilter::kLanczos), image), 0);
}

TEST(Resize, SizesAreChecked) {
  const Image image = GoldenImage("resize_source.png");
  EXPECT_EQ(Resize(image, 0, 5).status().code(), StatusCode::kUsage);
  EXPECT_EQ(Resize(image, 5, -1).status().code(), StatusCode::kUsage);
  EXPECT_EQ(Resize(image, 1 << 20, 1 << 20).status().code(), StatusCode::kResource);
}

TEST(Resize, FilterNames) {
  EXPECT_EQ(ParseResizeFilter("bicubic"), ResizeFilter::kBicubic);
  EXPECT_FALSE(ParseResizeFilter("cubic").has_value());
}

}  // namespace
}  // namespace sardonyx::vision
