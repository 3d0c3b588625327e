// Baseline TIFF (TIFF 6.0, part 1) and LZW: strips of gray, palette or RGB samples of 1, 4, 8 or 16 bits, chunky.
#include <algorithm>
#include <array>
#include <numeric>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "vision/codecs.h"
#include "vision/tiff_directory.h"

namespace sardonyx::vision {
namespace {

enum Tag : uint16_t {
  kWidth = 256,
  kHeight = 257,
  kBits = 258,
  kCompression = 259,
  kPhotometric = 262,
  kStripOffsets = 273,
  kSamples = 277,
  kRowsPerStrip = 278,
  kStripSizes = 279,
  kPlanar = 284,
  kPredictor = 317,
  kColorMap = 320,
  kTileWidth = 322,
  kSampleFormat = 339,
};
enum Photometric : uint32_t { kWhiteIsZero = 0, kBlackIsZero = 1, kRgb = 2, kPalette = 3 };
enum Compression : uint32_t { kPlain = 1, kLzw = 5, kPackBits = 32773 };

struct Header {
  uint32_t width = 0, height = 0, bits = 0, samples = 0, compression = 0, photometric = 0, rows_per_strip = 0;
  bool differences = false;  // predictor 2: each sample is stored as the difference to its left neighbor
  bool big_endian = false;
  std::vector<uint32_t> palette;  // all reds, then greens, then blues, of 16 bits
  size_t row_bytes() const { return (uint64_t{width} * samples * bits + 7) / 8; }
};

StatusOr<Header> ReadHeader(const TiffDirectory& directory) {
  Header header;
  header.big_endian = directory.big_endian();
  ASSIGN_OR_RETURN(header.width, directory.Value(kWidth));
  ASSIGN_OR_RETURN(header.height, directory.Value(kHeight));
  ASSIGN_OR_RETURN(header.bits, directory.Value(kBits, 1));
  ASSIGN_OR_RETURN(header.samples, directory.Value(kSamples, 1));
  ASSIGN_OR_RETURN(header.compression, directory.Value(kCompression, kPlain));
  ASSIGN_OR_RETURN(header.photometric, directory.Value(kPhotometric));
  ASSIGN_OR_RETURN(header.rows_per_strip, directory.Value(kRowsPerStrip, header.height));
  ASSIGN_OR_RETURN(const uint32_t planar, directory.Value(kPlanar, 1));
  ASSIGN_OR_RETURN(const uint32_t predictor, directory.Value(kPredictor, 1));
  ASSIGN_OR_RETURN(const uint32_t sample_format, directory.Value(kSampleFormat, 1));
  if (header.width == 0 || header.height == 0 || header.rows_per_strip == 0) return Corrupt("a picture without pixels");
  if (header.compression != kPlain && header.compression != kLzw && header.compression != kPackBits)
    return Unsupported(fmt::format("compression {}; none, LZW and PackBits are read", header.compression));
  const bool is_rgb = header.photometric == kRgb;
  if (header.photometric > kPalette || header.samples < (is_rgb ? 3 : 1) || header.samples > 8)
    return Unsupported(fmt::format("photometric interpretation {} with {} samples", header.photometric, header.samples));
  const bool known_bits = header.bits == 8 || header.bits == 16 || (header.samples == 1 && (header.bits == 1 || header.bits == 4));
  if (!known_bits || sample_format != 1) return Unsupported(fmt::format("{} bits a sample of format {}", header.bits, sample_format));
  if (directory.Has(kTileWidth) || (planar != 1 && header.samples > 1))
    return Unsupported("tiles or separate planes; strips of whole pixels are read");
  if (predictor > 2 || (predictor == 2 && header.bits != 8))
    return Unsupported(fmt::format("predictor {} of {} bits", predictor, header.bits));
  header.differences = predictor == 2;
  if (header.photometric == kPalette) {
    ASSIGN_OR_RETURN(header.palette, directory.Values(kColorMap));
    if (header.bits > 8 || header.palette.size() != size_t{3} << header.bits) return Corrupt("a palette of the wrong size");
  }
  return header;
}

// Appends at most `most` bytes. PackBits: n < 128 means n + 1 literal bytes, n > 128 the next byte 257 - n times.
Status UnpackPackBits(std::span<const uint8_t> in, size_t most, std::vector<uint8_t>* out) {
  for (size_t at = 0; at < in.size() && out->size() < most;) {
    const size_t n = in[at++];
    if (n == 128) continue;
    const size_t count = n < 128 ? n + 1 : 257 - n, taken = n < 128 ? count : 1;
    if (taken > in.size() - at) return Corrupt("a strip is truncated");
    if (n < 128)
      out->insert(out->end(), in.begin() + static_cast<ptrdiff_t>(at), in.begin() + static_cast<ptrdiff_t>(at + count));
    else
      out->insert(out->end(), count, in[at]);
    at += taken;
  }
  return {};
}

// LZW of TIFF 6.0, section 13: codes of 9 to 12 bits, highest bit first; each width lasts until one code before it is full.
Status UnpackLzw(std::span<const uint8_t> in, size_t most, std::vector<uint8_t>* out) {
  constexpr uint32_t kClear = 256, kEnd = 257, kFirst = 258, kMaxCodes = 4096;
  // A code stands for a piece of the output: where it began and how long it is.
  struct Piece {
    size_t begin = 0, length = 0;
  };
  std::vector<Piece> pieces(kMaxCodes);
  uint32_t next = kFirst, width = 9;
  bool has_previous = false;
  Piece previous;
  uint32_t window = 0, window_bits = 0;
  for (size_t at = 0; out->size() < most;) {
    while (window_bits < width && at < in.size()) window = window << 8 | in[at++], window_bits += 8;
    if (window_bits < width) return {};  // No end mark; a strip that is too short is seen by its size.
    const uint32_t code = (window >> (window_bits - width)) & ((1u << width) - 1);
    window_bits -= width;
    if (code == kEnd) return {};
    if (code == kClear) {
      next = kFirst, width = 9, has_previous = false;
      continue;
    }
    const size_t begin = out->size();
    if (code < 256) {
      out->push_back(static_cast<uint8_t>(code));
    } else {
      // The code being defined is the previous piece and its own first byte: it lies in the output already but for that.
      if (!has_previous || code > next || (code == next && next >= kMaxCodes)) return Corrupt("a damaged LZW code");
      const Piece piece = code == next ? Piece{previous.begin, previous.length + 1} : pieces[code];
      for (size_t i = 0; i < piece.length; ++i) out->push_back((*out)[piece.begin + i]);
    }
    if (has_previous && next < kMaxCodes) pieces[next++] = {previous.begin, previous.length + 1};
    previous = {begin, out->size() - begin};
    has_previous = true;
    width = next >= 2047 ? 12 : next >= 1023 ? 11 : next >= 511 ? 10 : 9;
  }
  return {};
}

StatusOr<std::vector<uint8_t>> ReadStrip(const Header& header, std::span<const uint8_t> in, size_t wanted) {
  std::vector<uint8_t> out;
  if (header.compression == kPlain) out.assign(in.begin(), in.begin() + static_cast<ptrdiff_t>(std::min(wanted, in.size())));
  if (header.compression == kPackBits) RETURN_IF_ERROR(UnpackPackBits(in, wanted, &out));
  if (header.compression == kLzw) RETURN_IF_ERROR(UnpackLzw(in, wanted, &out));
  if (out.size() < wanted) return Corrupt("the file ends within its pixels");
  return out;
}

// Sample `i` of a row, of 0 to 255 (an index for palettes).
uint32_t Sample(const Header& header, const uint8_t* row, size_t i) {
  if (header.bits == 8) return row[i];
  if (header.bits == 16) return row[2 * i + (header.big_endian ? 0 : 1)];
  const uint32_t most = (1u << header.bits) - 1;
  const uint32_t value = (row[i * header.bits / 8] >> (8 - header.bits - i * header.bits % 8)) & most;
  return header.photometric == kPalette ? value : value * 255 / most;
}

void ReadRow(const Header& header, uint8_t* row, uint8_t* out) {
  if (header.differences)
    for (size_t i = header.samples; i < header.row_bytes(); ++i) row[i] = static_cast<uint8_t>(row[i] + row[i - header.samples]);
  const size_t colors = header.palette.size() / 3;
  for (size_t x = 0; x < header.width; ++x, out += 3) {
    const uint32_t first = Sample(header, row, x * header.samples);
    for (size_t c = 0; c < 3; ++c) {
      if (header.photometric == kRgb)
        out[c] = static_cast<uint8_t>(Sample(header, row, x * header.samples + c));
      else if (header.photometric == kPalette)
        out[c] = static_cast<uint8_t>(header.palette[c * colors + first] >> 8);
      else
        out[c] = static_cast<uint8_t>(header.photometric == kWhiteIsZero ? 255 - first : first);
    }
  }
}

}  // namespace

StatusOr<Decoded> DecodeTiff(std::span<const uint8_t> bytes, uint64_t max_pixels) {
  ASSIGN_OR_RETURN(const TiffDirectory directory, TiffDirectory::Parse(bytes));
  ASSIGN_OR_RETURN(const Header header, ReadHeader(directory));
  ASSIGN_OR_RETURN(const std::vector<uint32_t> offsets, directory.Values(kStripOffsets));
  ASSIGN_OR_RETURN(const std::vector<uint32_t> sizes, directory.Values(kStripSizes));
  const uint32_t strips = (header.height - 1) / header.rows_per_strip + 1;
  if (offsets.size() < strips || sizes.size() < strips) return Corrupt(fmt::format("it needs {} strips", strips));
  // Strips that share bytes would make a small file take any time.
  if (std::accumulate(sizes.begin(), sizes.end(), uint64_t{0}) > bytes.size()) return Corrupt("its strips overlap or lie outside the file");
  Decoded decoded;
  ASSIGN_OR_RETURN(decoded.image, MakeImage(header.width, header.height, 3, max_pixels));
  const size_t row_bytes = header.row_bytes();
  for (uint32_t strip = 0; strip < strips; ++strip) {
    if (offsets[strip] > bytes.size() || sizes[strip] > bytes.size() - offsets[strip]) return Corrupt("a strip lies outside the file");
    const uint32_t first = strip * header.rows_per_strip, rows = std::min(header.rows_per_strip, header.height - first);
    ASSIGN_OR_RETURN(std::vector<uint8_t> data, ReadStrip(header, bytes.subspan(offsets[strip], sizes[strip]), rows * row_bytes));
    for (uint32_t y = 0; y < rows; ++y) ReadRow(header, data.data() + y * row_bytes, decoded.image.row(static_cast<int>(first + y)));
  }
  decoded.orientation = ExifOrientation(bytes);
  return decoded;
}

}  // namespace sardonyx::vision
