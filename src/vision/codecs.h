// One decoder a format, as DecodeImage() uses them. Each returns RGB, three channels.
#pragma once

#include <cstdint>
#include <span>

#include "vision/image.h"

namespace sardonyx::vision {

struct Decoded {
  Image image;
  int orientation = 1;  // of EXIF
};

StatusOr<Decoded> DecodeJpeg(std::span<const uint8_t> bytes, uint64_t max_pixels);
StatusOr<Decoded> DecodeJpeg2000(std::span<const uint8_t> bytes, uint64_t max_pixels);
StatusOr<Decoded> DecodePng(std::span<const uint8_t> bytes, uint64_t max_pixels);
StatusOr<Decoded> DecodeWebp(std::span<const uint8_t> bytes, uint64_t max_pixels);
StatusOr<Decoded> DecodeTiff(std::span<const uint8_t> bytes, uint64_t max_pixels);
StatusOr<Decoded> DecodeBmp(std::span<const uint8_t> bytes, uint64_t max_pixels);
StatusOr<Decoded> DecodePnm(std::span<const uint8_t> bytes, uint64_t max_pixels);

}  // namespace sardonyx::vision
