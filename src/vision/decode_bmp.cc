// Windows and OS/2 bitmaps: 1, 4, 8, 16, 24 and 32 bits a pixel, plain, run-length coded or with bit masks ("Bitmap
// Storage", BITMAPCOREHEADER to BITMAPV5HEADER, in the Windows documentation).
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "vision/codecs.h"

namespace sardonyx::vision {
namespace {

enum Compression : uint32_t { kPlain = 0, kRle8 = 1, kRle4 = 2, kBitFields = 3, kJpeg = 4, kPng = 5, kAlphaBitFields = 6 };

struct Header {
  int64_t width = 0, height = 0;  // height > 0
  bool top_down = false;
  uint32_t bits = 0;
  uint32_t compression = kPlain;
  std::array<uint32_t, 3> masks{};              // of red, green and blue, for 16 and 32 bits
  std::vector<std::array<uint8_t, 3>> palette;  // RGB
  size_t data_offset = 0;
};

class Reader {
 public:
  explicit Reader(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  bool Holds(size_t offset, size_t size) const { return offset <= bytes_.size() && size <= bytes_.size() - offset; }
  // Little-endian. Precondition: Holds(offset, bytes).
  uint32_t Number(size_t offset, size_t bytes) const {
    uint32_t value = 0;
    for (size_t i = bytes; i-- > 0;) value = value << 8 | bytes_[offset + i];
    return value;
  }
  std::span<const uint8_t> bytes() const { return bytes_; }

 private:
  std::span<const uint8_t> bytes_;
};

Status ReadPalette(const Reader& reader, size_t offset, size_t entry_bytes, uint32_t stated, Header* header) {
  const size_t most = size_t{1} << header->bits;
  size_t count = stated == 0 ? most : std::min<size_t>(stated, most);
  // Some writers leave out the colors that they do not use: the pixels begin where the palette ends.
  if (header->data_offset > offset) count = std::min(count, (header->data_offset - offset) / entry_bytes);
  if (!reader.Holds(offset, count * entry_bytes)) return Corrupt("its palette is truncated");
  for (size_t i = 0; i < count; ++i) {
    const uint8_t* bgr = reader.bytes().data() + offset + i * entry_bytes;
    header->palette.push_back({bgr[2], bgr[1], bgr[0]});
  }
  return {};
}

Status CheckKind(const Header& header) {
  const uint32_t bits = header.bits, compression = header.compression;
  if (compression == kJpeg || compression == kPng) return Unsupported("a bitmap that holds a JPEG or PNG file");
  const bool known_bits = bits == 1 || bits == 4 || bits == 8 || bits == 16 || bits == 24 || bits == 32;
  const bool masks = compression == kBitFields || compression == kAlphaBitFields;
  const bool fits = compression == kPlain || (compression == kRle8 && bits == 8) || (compression == kRle4 && bits == 4) ||
                    (masks && (bits == 16 || bits == 32));
  if (!known_bits || !fits) return Corrupt(fmt::format("{} bits a pixel with compression {}", bits, compression));
  return {};
}

StatusOr<Header> ReadHeader(const Reader& reader) {
  constexpr size_t kFileHeader = 14, kCoreHeader = 12, kInfoHeader = 40;
  if (!reader.Holds(0, kFileHeader + kCoreHeader)) return Corrupt("the file ends within its header");
  Header header;
  header.data_offset = reader.Number(10, 4);
  const size_t size = reader.Number(kFileHeader, 4);
  const bool core = size == kCoreHeader;
  if ((!core && size < kInfoHeader) || !reader.Holds(kFileHeader, size)) return Corrupt(fmt::format("a header of {} bytes", size));
  size_t after = kFileHeader + size;
  uint32_t colors = 0;
  if (core) {
    header.width = reader.Number(18, 2);
    header.height = reader.Number(20, 2);
    header.bits = reader.Number(24, 2);
  } else {
    header.width = static_cast<int32_t>(reader.Number(18, 4));
    header.height = static_cast<int32_t>(reader.Number(22, 4));
    header.bits = reader.Number(28, 2);
    header.compression = reader.Number(30, 4);
    colors = reader.Number(46, 4);
  }
  header.top_down = header.height < 0;
  header.height = std::abs(header.height);
  RETURN_IF_ERROR(CheckKind(header));
  header.masks = header.bits == 16 ? std::array<uint32_t, 3>{0x7c00, 0x03e0, 0x001f} : std::array<uint32_t, 3>{0xff0000, 0xff00, 0xff};
  if (header.compression == kBitFields || header.compression == kAlphaBitFields) {
    // In the header since version 2, after it before.
    if (!reader.Holds(54, 12)) return Corrupt("the file ends within its header");
    for (size_t i = 0; i < 3; ++i) header.masks[i] = reader.Number(54 + 4 * i, 4);
    if (size == kInfoHeader) after += header.compression == kBitFields ? 12 : 16;
  }
  if (header.bits <= 8) RETURN_IF_ERROR(ReadPalette(reader, after, core ? 3 : 4, colors, &header));
  return header;
}

// The bits of `mask` in `pixel`, from 0 to 255.
uint8_t Channel(uint32_t pixel, uint32_t mask) {
  if (mask == 0) return 0;
  const uint64_t value = (pixel & mask) >> std::countr_zero(mask), most = mask >> std::countr_zero(mask);
  return static_cast<uint8_t>((value * 255 + most / 2) / most);
}

Status PutIndex(const Header& header, uint32_t index, uint8_t* out) {
  if (index >= header.palette.size()) return Corrupt(fmt::format("color {} of a palette of {}", index, header.palette.size()));
  std::memcpy(out, header.palette[index].data(), 3);
  return {};
}

Status ReadRow(const Header& header, const uint8_t* in, uint8_t* out) {
  for (size_t x = 0; x < static_cast<size_t>(header.width); ++x, out += 3) {
    if (header.bits <= 8) {
      const size_t bit = x * header.bits;
      const uint32_t index = (in[bit / 8] >> (8 - header.bits - bit % 8)) & ((1u << header.bits) - 1);
      RETURN_IF_ERROR(PutIndex(header, index, out));
    } else if (header.bits == 24) {
      const uint8_t* bgr = in + 3 * x;
      out[0] = bgr[2], out[1] = bgr[1], out[2] = bgr[0];
    } else {
      uint32_t pixel = 0;
      std::memcpy(&pixel, in + x * (header.bits / 8), header.bits / 8);
      for (size_t c = 0; c < 3; ++c) out[c] = Channel(pixel, header.masks[c]);
    }
  }
  return {};
}

// Rows stand from the bottom up, unless the height was negative.
uint8_t* RowOf(const Header& header, Image* image, int64_t line) {
  return image->row(static_cast<int>(header.top_down ? line : header.height - 1 - line));
}

Status ReadPlain(const Header& header, const Reader& reader, Image* image) {
  const size_t stride = (static_cast<size_t>(header.width) * header.bits + 31) / 32 * 4;
  for (int64_t line = 0; line < header.height; ++line) {
    const size_t offset = header.data_offset + static_cast<size_t>(line) * stride;
    // The last row's padding may be missing.
    if (!reader.Holds(offset, (static_cast<size_t>(header.width) * header.bits + 7) / 8)) return Corrupt("the file ends within its pixels");
    RETURN_IF_ERROR(ReadRow(header, reader.bytes().data() + offset, RowOf(header, image, line)));
  }
  return {};
}

// Run-length coding: (count, value) pairs; a count of 0 escapes to end of line (0), end of picture (1), a move (2) or a
// literal run (3 and more), which is padded to 16 bits. What is skipped is color 0.
Status ReadRuns(const Header& header, const Reader& reader, Image* image) {
  const std::span<const uint8_t> bytes = reader.bytes();
  const bool nibbles = header.compression == kRle4;
  size_t at = header.data_offset;
  int64_t x = 0, line = 0;
  const auto put = [&](uint32_t index) {
    if (x >= header.width || line >= header.height) return Corrupt("a run leads out of the picture");
    return PutIndex(header, index, RowOf(header, image, line) + 3 * x++);
  };
  // The i-th color of a run whose colors stand in `run`.
  const auto color = [&](const uint8_t* run, size_t i) { return !nibbles ? run[i] : i % 2 == 0 ? run[i / 2] >> 4 : run[i / 2] & 15; };
  if (!header.palette.empty()) {
    for (size_t i = 0; i < image->pixels.size(); i += 3) std::memcpy(image->pixels.data() + i, header.palette[0].data(), 3);
  }
  while (reader.Holds(at, 2)) {
    const size_t count = bytes[at], value = bytes[at + 1];
    at += 2;
    if (count > 0) {
      for (size_t i = 0; i < count; ++i)
        RETURN_IF_ERROR(put(static_cast<uint32_t>(!nibbles ? value : i % 2 == 0 ? value >> 4 : value & 15)));
    } else if (value == 0) {
      x = 0;
      ++line;
    } else if (value == 1) {
      return {};
    } else if (value == 2) {
      if (!reader.Holds(at, 2)) break;
      x += bytes[at];
      line += bytes[at + 1];
      at += 2;
    } else {
      const size_t size = nibbles ? (value + 1) / 2 : value;
      if (!reader.Holds(at, size)) break;
      for (size_t i = 0; i < value; ++i) RETURN_IF_ERROR(put(color(bytes.data() + at, i)));
      at += (size + 1) / 2 * 2;
    }
    if (line >= header.height && x == 0) return {};  // Some writers leave the end mark out.
  }
  return Corrupt("the file ends within its pixels");
}

}  // namespace

StatusOr<Decoded> DecodeBmp(std::span<const uint8_t> bytes, uint64_t max_pixels) {
  const Reader reader(bytes);
  ASSIGN_OR_RETURN(const Header header, ReadHeader(reader));
  const bool runs = header.compression == kRle8 || header.compression == kRle4;
  // A plain picture's size is proved by its bytes before memory is taken for it.
  if (!runs && header.width > 0 && header.height > 0) {
    const auto needed = static_cast<uint64_t>(header.width) * static_cast<uint64_t>(header.height) * header.bits / 8;
    if (needed > bytes.size()) return Corrupt("the file ends within its pixels");
  }
  Decoded decoded;
  ASSIGN_OR_RETURN(decoded.image, MakeImage(header.width, header.height, 3, max_pixels));
  RETURN_IF_ERROR(runs ? ReadRuns(header, reader, &decoded.image) : ReadPlain(header, reader, &decoded.image));
  return decoded;
}

}  // namespace sardonyx::vision
