#include "vision/sidecar.h"

#include <fstream>

#include "vision/test_util.h"

namespace sardonyx::vision {
namespace {

TEST(Sidecar, ReadsEveryKey) {
  const auto sidecar = ParseSidecar(R"(# a comment
image:
  size: [240, 320]
  preset: imagenet
  input: data
  fit: letterbox
  resize: 256
  crop_fraction: 0.5
  filter: lanczos
  pad: [1, 2, 3]
  anchor: top-left
  color: bgr
  scale: 1
  mean: [1, 2, 3]
  std: 2
  layout: nhwc
classes:
  output: prob
  labels: [cat, dog]
  softmax: true
  top: 3
)",
                                    ".");
  ASSERT_TRUE(sidecar.ok()) << sidecar.status().ToString();
  const Preprocess& image = *sidecar->image;
  EXPECT_EQ(sidecar->image_input, "data");
  EXPECT_EQ(image.height, 240);
  EXPECT_EQ(image.width, 320);
  EXPECT_EQ(image.fit, Fit::kLetterbox);
  EXPECT_EQ(image.resize_shorter, 256);
  EXPECT_EQ(image.crop_fraction, 0.5);
  EXPECT_EQ(image.filter, ResizeFilter::kLanczos);
  EXPECT_EQ(image.pad[2], 3);
  EXPECT_FALSE(image.centered);
  EXPECT_EQ(image.color, Color::kBgr);
  EXPECT_EQ(image.scale, 1);
  EXPECT_EQ(image.mean[1], 2);
  EXPECT_EQ(image.stddev[2], 2);
  EXPECT_EQ(image.layout, Layout::kNhwc);
  EXPECT_EQ(sidecar->classes_output, "prob");
  EXPECT_EQ(sidecar->labels, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(sidecar->softmax, true);
  EXPECT_EQ(sidecar->top, 3);
}

TEST(Sidecar, PresetsAndNothing) {
  EXPECT_FALSE(ParseSidecar("", ".")->image.has_value());
  EXPECT_FALSE(ParseSidecar("# nothing\n", ".")->image.has_value());
  EXPECT_EQ(ParseSidecar("image: {std: 1, preset: imagenet}", ".")->image->stddev[0], 1);
  EXPECT_EQ(ParseSidecar("image: {}", ".")->image->scale, 1);
}

TEST(Sidecar, ErrorsHaveALine) {
  EXPECT_EQ(ParseSidecar("image:\n  sise: 3\n", ".").status().message().substr(0, 30), "line 2: 'sise' is no key of im");
  for (const char* bad : {"image: 3",
                          "[]",
                          "images: {}",
                          "image: {size: 0}",
                          "image: {size: x}",
                          "image: {size: [1, 2, 3]}",
                          "image: {size: 2.5}",
                          "image: {fit: cover}",
                          "image: {filter: cubic}",
                          "image: {pad: 256}",
                          "image: {std: 0}",
                          "image: {mean: [1, 2]}",
                          "image: {mean: .nan}",
                          "image: {preset: foo}",
                          "image: {color: cmyk}",
                          "image: {layout: nchw, layout: nhwc}",
                          "classes: {top: 0}",
                          "classes: {softmax: 7}",
                          "classes: {labels: [[a]]}",
                          "image: {crop_fraction: 2}",
                          "image: {scale: {}}"}) {
    const Status status = ParseSidecar(bad, ".").status();
    EXPECT_EQ(status.code(), StatusCode::kUsage) << bad;
    EXPECT_EQ(status.message().substr(0, 7), "line 1:") << bad << ": " << status.message();
  }
  EXPECT_EQ(ParseSidecar("image: {", ".").status().code(), StatusCode::kCorrupt);
  EXPECT_FALSE(ParseSidecar("\"", ".").ok());
  EXPECT_FALSE(ParseSidecar(std::string(100000, '['), ".").ok());
  EXPECT_FALSE(ParseSidecar("a: &a [*a, *a]\n", ".").ok());
}

TEST(Sidecar, FilesBesideTheModel) {
  EXPECT_EQ(SidecarPath("dir/net.onnx").string(), "dir/net.sardonyx.yml");
  EXPECT_EQ(SidecarPath("net.onnx.gz").string(), "net.sardonyx.yml");
  EXPECT_EQ(SidecarPath("net.v1.onnx").string(), "net.v1.sardonyx.yml");
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "sardonyx_sidecar_test";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "labels.txt") << "\xef\xbb\xbf"
                                          "cat\r\ndog \n";
  std::ofstream(folder / "net.sardonyx.yml") << "classes: {labels: labels.txt}\n";
  std::ofstream(folder / "bad.sardonyx.yml") << "\nclasses: {labels: ../labels.txt}\n";
  EXPECT_EQ(LoadSidecar(folder / "net.onnx")->labels, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_FALSE(LoadSidecar(folder / "bad.onnx").ok());
  EXPECT_TRUE(LoadSidecar(folder / "none.onnx").ok());
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace sardonyx::vision
