// Shared by the tests of src/vision.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/file.h"
#include "vision/decode.h"

namespace sardonyx::vision {

inline std::filesystem::path TestData(const std::string& name = "") {
  return std::filesystem::path(SARDONYX_SOURCE_DIR) / "src/vision/testdata" / name;
}

// A file that tools/make_vision_goldens.py wrote.
inline Bytes Golden(const std::string& name) {
  auto bytes = MapFile(TestData(name));
  EXPECT_TRUE(bytes.ok()) << bytes.status().ToString();
  return bytes.ok() ? *bytes : Bytes();
}

inline Image GoldenImage(const std::string& name, const DecodeOptions& options = {}) {
  auto image = DecodeImage(Golden(name).span(), options);
  EXPECT_TRUE(image.ok()) << name << ": " << image.status().ToString();
  return image.ok() ? *std::move(image) : Image();
}

// The largest difference of two channels; 256 if the pictures differ in size.
inline int LargestDifference(const Image& a, const Image& b) {
  if (a.width != b.width || a.height != b.height || a.channels != b.channels) return 256;
  int largest = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) largest = std::max(largest, std::abs(a.pixels[i] - b.pixels[i]));
  return largest;
}

}  // namespace sardonyx::vision
