// Pictures in files: JPEG, JPEG 2000 (JP2 and bare codestreams), PNG, BMP, WebP, PNM (PBM, PGM, PPM) and baseline TIFF.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "vision/image.h"

namespace sardonyx::vision {

enum class ImageFormat { kUnknown, kJpeg, kPng, kBmp, kWebp, kPnm, kTiff, kJpeg2000, kGif };
ImageFormat DetectImageFormat(std::span<const uint8_t> bytes);  // by content
std::string_view ImageFormatName(ImageFormat format);           // "JPEG", ...

struct DecodeOptions {
  Color color = Color::kRgb;
  // Turn the picture upright as its EXIF data says, as viewers do. The operator ImageDecoder does not.
  bool apply_orientation = true;
  uint64_t max_pixels = kMaxPixels;  // checked before memory is taken
};

// Decodes a whole file. Alpha is dropped, 16-bit samples keep their upper 8 bits, CMYK (as Adobe inverts it) becomes RGB;
// color profiles are not applied. kCorrupt for damaged or truncated data and for bytes that are no picture; kUnsupported
// for formats and variants that are not read (GIF, animated WebP, tiled TIFF, ...), naming them.
StatusOr<Image> DecodeImage(std::span<const uint8_t> bytes, const DecodeOptions& options = {});

}  // namespace sardonyx::vision
