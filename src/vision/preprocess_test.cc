#include "vision/preprocess.h"

#include <cmath>

#include "vision/test_util.h"

namespace sardonyx::vision {
namespace {

// A picture whose pixel (x, y) is (x, y, 7).
Image Coordinates(int width, int height) {
  Image image = *MakeImage(width, height, 3);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      uint8_t* pixel = image.row(y) + 3 * x;
      pixel[0] = static_cast<uint8_t>(x), pixel[1] = static_cast<uint8_t>(y), pixel[2] = 7;
    }
  return image;
}

Preprocess Of(std::string_view preset, int width = 0, int height = 0) {
  Preprocess p = *FindPreset(preset);
  p.width = width;
  p.height = height;
  return p;
}

TEST(Preprocess, LayoutsAndColors) {
  const Image image = Coordinates(4, 2);
  Preprocess p = Of("raw", 4, 2);
  const Tensor nchw = *ApplyPreprocess(image, p);
  EXPECT_EQ(nchw.TypeString(), "float[1,3,2,4]");
  EXPECT_EQ(nchw.data<float>()[0 * 8 + 1 * 4 + 3], 3);
  EXPECT_EQ(nchw.data<float>()[1 * 8 + 1 * 4 + 3], 1);
  p.layout = Layout::kNhwc;
  p.color = Color::kBgr;
  p.batch = false;
  p.dtype = DataType::kUint8;
  const Tensor nhwc = *ApplyPreprocess(image, p);
  EXPECT_EQ(nhwc.TypeString(), "uint8[2,4,3]");
  EXPECT_EQ(nhwc.data<uint8_t>()[(1 * 4 + 3) * 3 + 0], 7);
  EXPECT_EQ(nhwc.data<uint8_t>()[(1 * 4 + 3) * 3 + 2], 3);
  p.color = Color::kGray;
  EXPECT_EQ(ApplyPreprocess(image, p)->TypeString(), "uint8[2,4,1]");
}

TEST(Preprocess, ValuesAreNormalized) {
  Image image = *MakeImage(1, 1, 3);
  image.pixels = {255, 0, 128};
  const Tensor imagenet = *ApplyPreprocess(image, Of("imagenet-nocrop", 1, 1));
  EXPECT_FLOAT_EQ(imagenet.data<float>()[0], (1.0f - 0.485f) / 0.229f);
  EXPECT_FLOAT_EQ(imagenet.data<float>()[1], (0.0f - 0.456f) / 0.224f);
  EXPECT_NEAR(imagenet.data<float>()[2], (128.0 / 255 - 0.406) / 0.225, 1e-7);
  const Tensor signed_one = *ApplyPreprocess(image, Of("minus-one-one", 1, 1));
  EXPECT_EQ(signed_one.data<float>()[0], 1.0f);
  EXPECT_EQ(signed_one.data<float>()[1], -1.0f);
  const Tensor caffe = *ApplyPreprocess(image, Of("caffe", 1, 1));
  EXPECT_FLOAT_EQ(caffe.data<float>()[0], 128 - 103.939f);
  EXPECT_FLOAT_EQ(caffe.data<float>()[2], 255 - 123.68f);
}

TEST(Preprocess, CropTakesTheCenter) {
  Preprocess p = Of("raw", 4, 4);
  p.fit = Fit::kCrop;
  Placement placement;
  const Tensor tensor = *ApplyPreprocess(Coordinates(10, 4), p, &placement);
  EXPECT_EQ(tensor.data<float>()[0], 3);  // columns 3 to 6
  EXPECT_EQ(placement.left, -3);
  EXPECT_EQ(placement.scale_x, 1);
  // torchvision: Resize(256), then CenterCrop(224) of a 500 x 375 picture.
  const Tensor imagenet = *ApplyPreprocess(Coordinates(500, 375), Of("imagenet"), &placement);
  EXPECT_EQ(imagenet.TypeString(), "float[1,3,224,224]");
  EXPECT_EQ(placement.left, -58);  // (341 - 224) / 2, half to even
  EXPECT_EQ(placement.top, -16);
  EXPECT_DOUBLE_EQ(placement.scale_x, 341.0 / 500);
  // A picture that is smaller than what is cut out lies in black.
  p.resize_shorter = 2;
  const Tensor padded = *ApplyPreprocess(Coordinates(2, 2), p);
  EXPECT_EQ(padded.data<float>()[2 * 16 + 0], 0);
  EXPECT_EQ(padded.data<float>()[2 * 16 + 5], 7);
}

TEST(Preprocess, LetterboxPads) {
  Preprocess p = Of("yolox", 8, 8);
  Placement placement;
  const Tensor corner = *ApplyPreprocess(Coordinates(8, 4), p, &placement);
  EXPECT_EQ(corner.data<float>()[0], 7);
  EXPECT_EQ(corner.data<float>()[4 * 8], 114);
  EXPECT_EQ(placement.top, 0);
  p.centered = true;
  const Tensor centered = *ApplyPreprocess(Coordinates(8, 4), p, &placement);
  EXPECT_EQ(centered.data<float>()[0], 114);
  EXPECT_EQ(centered.data<float>()[2 * 8], 7);
  EXPECT_EQ(placement.top, 2);
}

TEST(Preprocess, SettingsAreChecked) {
  const Image image = Coordinates(4, 4);
  Preprocess p = Of("raw", 5, 5);
  p.fit = Fit::kNone;
  EXPECT_EQ(ApplyPreprocess(image, p).status().code(), StatusCode::kUsage);
  p = Of("zero-one", 4, 4);
  p.dtype = DataType::kUint8;
  EXPECT_EQ(ApplyPreprocess(image, p).status().code(), StatusCode::kUsage);
  p.dtype = DataType::kString;
  EXPECT_EQ(ApplyPreprocess(image, p).status().code(), StatusCode::kUsage);
  p = Of("raw", 4, 4);
  p.stddev[1] = 0;
  EXPECT_EQ(ApplyPreprocess(image, p).status().code(), StatusCode::kUsage);
  p = Of("raw", 1 << 15, 1 << 15);
  EXPECT_EQ(ApplyPreprocess(image, p).status().code(), StatusCode::kResource);
}

TEST(Preprocess, EveryPresetWorks) {
  for (const std::string_view name : PresetNames()) {
    ASSERT_TRUE(FindPreset(name).has_value()) << name;
    EXPECT_TRUE(ApplyPreprocess(Coordinates(20, 30), *FindPreset(name)).ok()) << name;
  }
  EXPECT_FALSE(FindPreset("image-net").has_value());
}

TEST(AdaptToInput, FollowsTheModel) {
  Preprocess p = Of("imagenet");
  ASSERT_TRUE(AdaptToInput(DataType::kFloat16, std::vector<int64_t>{-1, 3, 299, 299}, &p).ok());
  EXPECT_EQ(p.width, 299);
  EXPECT_EQ(p.dtype, DataType::kFloat16);
  p = Of("raw");
  ASSERT_TRUE(AdaptToInput(DataType::kUint8, std::vector<int64_t>{1, 240, 320, 3}, &p).ok());
  EXPECT_EQ(p.layout, Layout::kNhwc);
  EXPECT_EQ(p.width, 320);
  EXPECT_EQ(p.height, 240);
  p = Of("raw");
  ASSERT_TRUE(AdaptToInput(DataType::kFloat, std::vector<int64_t>{1, 28, 28}, &p).ok());
  EXPECT_EQ(p.color, Color::kGray);
  EXPECT_FALSE(p.batch);
  p = Of("raw", 100, 50);
  ASSERT_TRUE(AdaptToInput(DataType::kFloat, std::vector<int64_t>{1, 3, -1, -1}, &p).ok());
  EXPECT_EQ(p.width, 100);
}

TEST(AdaptToInput, SaysWhyNot) {
  for (const std::vector<int64_t>& dims :
       {std::vector<int64_t>{1, 784}, {1, 4, 224, 224}, {8, 3, 224, 224}, {1, 3, 100, 224}, {1, 1, 1, 224, 224}}) {
    Preprocess p = Of("raw", 224, 224);
    EXPECT_EQ(AdaptToInput(DataType::kFloat, dims, &p).code(), StatusCode::kUsage) << Dims(dims).ToString();
  }
}

}  // namespace
}  // namespace sardonyx::vision
