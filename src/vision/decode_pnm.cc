// Netpbm's PBM, PGM and PPM, as text (P1 to P3) and binary (P4 to P6).
#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "vision/codecs.h"

namespace sardonyx::vision {
namespace {

class Reader {
 public:
  explicit Reader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  // The next decimal number, after blanks and comments.
  StatusOr<uint32_t> Number() {
    SkipBlanks();
    uint32_t value = 0;
    size_t digits = 0;
    for (; at_ < bytes_.size() && bytes_[at_] >= '0' && bytes_[at_] <= '9'; ++at_, ++digits) {
      if (value > 100'000'000) return Corrupt(fmt::format("a number that is too large at byte {}", at_));
      value = value * 10 + (bytes_[at_] - '0');
    }
    if (digits == 0) return Corrupt(fmt::format("a number was expected at byte {}", at_));
    return value;
  }
  // One digit of a PBM in text, which need not be set apart by blanks.
  StatusOr<uint32_t> Bit() {
    SkipBlanks();
    if (at_ >= bytes_.size() || (bytes_[at_] != '0' && bytes_[at_] != '1'))
      return Corrupt(fmt::format("0 or 1 was expected at byte {}", at_));
    return bytes_[at_++] - '0';
  }
  void Skip(size_t bytes) { at_ = std::min(bytes_.size(), at_ + bytes); }
  std::span<const uint8_t> rest() const { return bytes_.subspan(at_); }

 private:
  void SkipBlanks() {
    for (; at_ < bytes_.size(); ++at_) {
      if (bytes_[at_] == '#') {
        while (at_ < bytes_.size() && bytes_[at_] != '\n') ++at_;
      } else if (bytes_[at_] == 0 || std::strchr(" \t\r\n\v\f", bytes_[at_]) == nullptr) {
        return;
      }
    }
  }

  std::span<const uint8_t> bytes_;
  size_t at_ = 0;
};

struct Header {
  int kind = 0;  // 1 to 6
  uint32_t width = 0, height = 0, most = 1;
  bool text() const { return kind <= 3; }
  bool bitmap() const { return kind % 3 == 1; }
  size_t channels() const { return kind % 3 == 0 ? 3 : 1; }
  size_t sample_bytes() const { return most > 255 ? 2 : 1; }
  size_t binary_row_bytes() const { return bitmap() ? (size_t{width} + 7) / 8 : width * channels() * sample_bytes(); }
};

// 0..most to 0..255; a bitmap's 1 is black.
uint8_t Scale(const Header& header, uint32_t sample) {
  if (header.bitmap()) return sample != 0 ? 0 : 255;
  return static_cast<uint8_t>((uint64_t{sample} * 255 + header.most / 2) / header.most);
}

StatusOr<uint32_t> BinarySample(const Header& header, const uint8_t* row, size_t i) {
  if (header.bitmap()) return (row[i / 8] >> (7 - i % 8)) & 1u;
  const uint32_t sample = header.sample_bytes() == 1 ? row[i] : row[2 * i] << 8 | row[2 * i + 1];
  if (sample > header.most) return Corrupt(fmt::format("a sample of {}, beyond its maximum {}", sample, header.most));
  return sample;
}

StatusOr<uint32_t> TextSample(const Header& header, Reader* reader) {
  if (header.bitmap()) return reader->Bit();
  ASSIGN_OR_RETURN(const uint32_t sample, reader->Number());
  if (sample > header.most) return Corrupt(fmt::format("a sample of {}, beyond its maximum {}", sample, header.most));
  return sample;
}

}  // namespace

StatusOr<Decoded> DecodePnm(std::span<const uint8_t> bytes, uint64_t max_pixels) {
  Reader reader(bytes);
  Header header;
  header.kind = bytes[1] - '0';
  reader.Skip(2);
  ASSIGN_OR_RETURN(header.width, reader.Number());
  ASSIGN_OR_RETURN(header.height, reader.Number());
  if (!header.bitmap()) {
    ASSIGN_OR_RETURN(header.most, reader.Number());
  }
  if (header.most < 1 || header.most > 65535) return Corrupt(fmt::format("a maximum of {}", header.most));
  if (!header.text()) reader.Skip(1);  // exactly one blank before the pixels
  const std::span<const uint8_t> data = reader.rest();
  const size_t row_bytes = header.text() ? (size_t{header.width} * header.channels()) : header.binary_row_bytes();
  if (header.height > 0 && row_bytes > data.size() / header.height) return Corrupt("the file ends within its pixels");

  Decoded decoded;
  ASSIGN_OR_RETURN(decoded.image, MakeImage(header.width, header.height, 3, max_pixels));
  const size_t samples = header.width * header.channels();
  for (uint32_t y = 0; y < header.height; ++y) {
    uint8_t* out = decoded.image.row(static_cast<int>(y));
    if (header.kind == 6 && header.most == 255) {
      std::memcpy(out, data.data() + y * row_bytes, row_bytes);
      continue;
    }
    for (size_t i = 0; i < samples; ++i) {
      ASSIGN_OR_RETURN(const uint32_t sample,
                       header.text() ? TextSample(header, &reader) : BinarySample(header, data.data() + y * row_bytes, i));
      const uint8_t value = Scale(header, sample);
      if (header.channels() == 3)
        out[i] = value;
      else
        std::memset(out + 3 * i, value, 3);
    }
  }
  return decoded;
}

}  // namespace sardonyx::vision
