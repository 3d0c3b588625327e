#include "vision/decode.h"

#include <cstring>
#include <new>
#include <utility>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "vision/codecs.h"

namespace sardonyx::vision {
namespace {

bool HasAt(std::span<const uint8_t> bytes, size_t offset, std::string_view magic) {
  return bytes.size() >= offset + magic.size() && std::memcmp(bytes.data() + offset, magic.data(), magic.size()) == 0;
}

StatusOr<Decoded> Decode(ImageFormat format, std::span<const uint8_t> bytes, uint64_t max_pixels) {
  switch (format) {
    case ImageFormat::kJpeg: return DecodeJpeg(bytes, max_pixels);
    case ImageFormat::kPng: return DecodePng(bytes, max_pixels);
    case ImageFormat::kBmp: return DecodeBmp(bytes, max_pixels);
    case ImageFormat::kWebp: return DecodeWebp(bytes, max_pixels);
    case ImageFormat::kPnm: return DecodePnm(bytes, max_pixels);
    case ImageFormat::kTiff: return DecodeTiff(bytes, max_pixels);
    case ImageFormat::kJpeg2000: return DecodeJpeg2000(bytes, max_pixels);
    case ImageFormat::kGif: return Unsupported("this format is not read; save the picture as PNG or JPEG");
    case ImageFormat::kUnknown: break;
  }
  return Corrupt("not a picture that is known: neither JPEG, JPEG 2000, PNG, BMP, WebP, PNM nor TIFF");
}

}  // namespace

ImageFormat DetectImageFormat(std::span<const uint8_t> bytes) {
  if (HasAt(bytes, 0, "\xff\xd8\xff")) return ImageFormat::kJpeg;
  if (HasAt(bytes, 0, "\x89PNG\r\n\x1a\n")) return ImageFormat::kPng;
  if (HasAt(bytes, 0, "RIFF") && HasAt(bytes, 8, "WEBP")) return ImageFormat::kWebp;
  if (HasAt(bytes, 0, std::string_view("II*\0", 4)) || HasAt(bytes, 0, std::string_view("MM\0*", 4))) return ImageFormat::kTiff;
  if (HasAt(bytes, 0, std::string_view("\0\0\0\x0cjP  ", 8)) || HasAt(bytes, 0, "\xff\x4f\xff\x51")) return ImageFormat::kJpeg2000;
  if (HasAt(bytes, 0, "GIF8")) return ImageFormat::kGif;
  if (HasAt(bytes, 0, "BM")) return ImageFormat::kBmp;
  const bool pnm = bytes.size() > 2 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6';
  if (pnm && (std::strchr(" \t\r\n#", bytes[2]) != nullptr && bytes[2] != 0)) return ImageFormat::kPnm;
  return ImageFormat::kUnknown;
}

std::string_view ImageFormatName(ImageFormat format) {
  switch (format) {
    case ImageFormat::kUnknown: return "unknown";
    case ImageFormat::kJpeg: return "JPEG";
    case ImageFormat::kPng: return "PNG";
    case ImageFormat::kBmp: return "BMP";
    case ImageFormat::kWebp: return "WebP";
    case ImageFormat::kPnm: return "PNM";
    case ImageFormat::kTiff: return "TIFF";
    case ImageFormat::kJpeg2000: return "JPEG 2000";
    case ImageFormat::kGif: return "GIF";
  }
  return "unknown";
}

StatusOr<Image> DecodeImage(std::span<const uint8_t> bytes, const DecodeOptions& options) {
  const ImageFormat format = DetectImageFormat(bytes);
  StatusOr<Decoded> decoded = Decode(format, bytes, options.max_pixels);
  if (!decoded.ok()) return format == ImageFormat::kUnknown ? decoded.status() : decoded.status().WithContext(ImageFormatName(format));
  ASSIGN_OR_RETURN(Image upright, ApplyOrientation(std::move(decoded->image), options.apply_orientation ? decoded->orientation : 1));
  return ConvertColor(std::move(upright), Color::kRgb, options.color);
}

}  // namespace sardonyx::vision
