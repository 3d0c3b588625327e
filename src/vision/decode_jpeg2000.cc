#include <openjpeg.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "vision/codecs.h"

namespace sardonyx::vision {
namespace {

// A tile's tables take kilobytes before anything of it is read, so a tiny file must not claim many.
constexpr int64_t kMaxTiles = 4096;

uint64_t BigEndian(std::span<const uint8_t> bytes, size_t at, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value = value << 8 | bytes[at + i];
  return value;
}

bool IsCodestream(std::span<const uint8_t> bytes) { return bytes.size() >= 4 && BigEndian(bytes, 0, 4) == 0xff4fff51; }

// The codestream of a JP2 file (ISO/IEC 15444-1, annex I): the content of its box jp2c. A bare codestream is itself.
StatusOr<std::span<const uint8_t>> FindCodestream(std::span<const uint8_t> bytes) {
  if (IsCodestream(bytes)) return bytes;
  for (size_t at = 0; bytes.size() - at >= 8;) {
    uint64_t size = BigEndian(bytes, at, 4), header = 8;
    if (size == 1 && bytes.size() - at >= 16) size = BigEndian(bytes, at + 8, 8), header = 16;
    if (size == 0) size = bytes.size() - at;
    if (size < header || size > bytes.size() - at) break;
    if (std::memcmp(bytes.data() + at + 4, "jp2c", 4) == 0) return bytes.subspan(at + header, size - header);
    at += size;
  }
  return Corrupt("no codestream");
}

// Holds the marker SIZ (annex A.5.1) against our limits, because the library allocates by it.
Status CheckSize(std::span<const uint8_t> codestream, uint64_t max_pixels) {
  if (!IsCodestream(codestream) || codestream.size() < 42) return Corrupt("no SIZ marker");
  const auto field = [&](size_t i) { return static_cast<int64_t>(BigEndian(codestream, 8 + 4 * i, 4)); };
  const int64_t width = field(0) - field(2), height = field(1) - field(3);
  if (width < 1 || height < 1) return Corrupt(fmt::format("a picture of {} x {} pixels", width, height));
  if (static_cast<uint64_t>(width) * static_cast<uint64_t>(height) > max_pixels)
    return Resource(fmt::format("{} x {} pixels; at most {} are read", width, height, max_pixels));
  const int64_t tile_width = field(4), tile_height = field(5);
  if (tile_width < 1 || tile_height < 1) return Corrupt("tiles without a size");
  const int64_t across = (field(0) - field(6)) / tile_width + 1, down = (field(1) - field(7)) / tile_height + 1;
  if (across > kMaxTiles || down > kMaxTiles || across * down > kMaxTiles)
    return Resource(fmt::format("{} x {} tiles; at most {} are read", across, down, kMaxTiles));
  const uint64_t channels = BigEndian(codestream, 40, 2);
  if (channels < 1) return Corrupt("no components");
  if (channels > 4) return Unsupported(fmt::format("{} components; at most 4 are read", channels));
  return {};
}

// The bytes of the file, as the library's stream reads them.
struct Source {
  std::span<const uint8_t> bytes;
  size_t at = 0;
};

constexpr OPJ_SIZE_T kEndOfStream = static_cast<OPJ_SIZE_T>(-1);

OPJ_SIZE_T Read(void* buffer, OPJ_SIZE_T size, void* user) {
  auto& source = *static_cast<Source*>(user);
  size = std::min<OPJ_SIZE_T>(size, source.bytes.size() - source.at);
  if (size == 0) return kEndOfStream;
  std::memcpy(buffer, source.bytes.data() + source.at, size);
  source.at += size;
  return size;
}

OPJ_OFF_T Skip(OPJ_OFF_T count, void* user) {
  auto& source = *static_cast<Source*>(user);
  if (count < 0) return -1;
  const size_t step = std::min<size_t>(static_cast<size_t>(count), source.bytes.size() - source.at);
  source.at += step;
  return step == 0 && count > 0 ? -1 : static_cast<OPJ_OFF_T>(step);
}

OPJ_BOOL Seek(OPJ_OFF_T position, void* user) {
  auto& source = *static_cast<Source*>(user);
  if (position < 0 || static_cast<size_t>(position) > source.bytes.size()) return OPJ_FALSE;
  source.at = static_cast<size_t>(position);
  return OPJ_TRUE;
}

// Sample (x, y) of the picture in a component that may be coarser, brought to 8 bits.
class Plane {
 public:
  Plane(const opj_image_t& image, size_t component) : part_(image.comps[component]) {}

  // Something was decoded, of a depth that is read.
  bool IsWhole() const { return part_.data && part_.w > 0 && part_.h > 0 && part_.prec >= 1 && part_.prec <= 31; }

  int At(int x, int y) const {
    const size_t column = std::min(static_cast<uint32_t>(x) / std::max(part_.dx, 1u), part_.w - 1);
    const size_t row = std::min(static_cast<uint32_t>(y) / std::max(part_.dy, 1u), part_.h - 1);
    const int64_t highest = (int64_t{1} << part_.prec) - 1;
    int64_t value = part_.data[row * part_.w + column];
    if (part_.sgnd) value += int64_t{1} << (part_.prec - 1);
    value = std::clamp<int64_t>(value, 0, highest);
    return static_cast<int>(part_.prec >= 8 ? value >> (part_.prec - 8) : value * 255 / highest);
  }

 private:
  const opj_image_comp_t& part_;
};

uint8_t Rounded(double value) { return static_cast<uint8_t>(std::clamp(value + 0.5, 0.0, 255.0)); }

Status FillPixels(const opj_image_t& source, Image* image) {
  if (source.color_space == OPJ_CLRSPC_CMYK || source.color_space == OPJ_CLRSPC_EYCC)
    return Unsupported("CMYK and e-YCC colors; save the picture as RGB");
  const bool color = source.numcomps >= 3;
  for (size_t i = 0; i < (color ? 3 : 1); ++i)
    if (!Plane(source, i).IsWhole()) return Corrupt("a component without samples");
  const Plane planes[3] = {{source, 0}, {source, color ? size_t{1} : 0}, {source, color ? size_t{2} : 0}};
  const bool luma_chroma = color && source.color_space == OPJ_CLRSPC_SYCC;
  for (int y = 0; y < image->height; ++y) {
    uint8_t* out = image->row(y);
    for (int x = 0; x < image->width; ++x, out += 3) {
      const int a = planes[0].At(x, y), b = planes[1].At(x, y), c = planes[2].At(x, y);
      if (luma_chroma) {  // sYCC is ITU-R BT.601
        const double cb = b - 128, cr = c - 128;
        out[0] = Rounded(a + 1.402 * cr), out[1] = Rounded(a - 0.344136 * cb - 0.714136 * cr), out[2] = Rounded(a + 1.772 * cb);
      } else {
        out[0] = static_cast<uint8_t>(a), out[1] = static_cast<uint8_t>(b), out[2] = static_cast<uint8_t>(c);
      }
    }
  }
  return {};
}

}  // namespace

StatusOr<Decoded> DecodeJpeg2000(std::span<const uint8_t> bytes, uint64_t max_pixels) {
  ASSIGN_OR_RETURN(const std::span<const uint8_t> codestream, FindCodestream(bytes));
  RETURN_IF_ERROR(CheckSize(codestream, max_pixels));
  const std::unique_ptr<opj_codec_t, decltype(&opj_destroy_codec)> codec(
      opj_create_decompress(IsCodestream(bytes) ? OPJ_CODEC_J2K : OPJ_CODEC_JP2), opj_destroy_codec);
  const std::unique_ptr<opj_stream_t, decltype(&opj_stream_destroy)> stream(opj_stream_default_create(OPJ_TRUE), opj_stream_destroy);
  opj_dparameters_t parameters;
  opj_set_default_decoder_parameters(&parameters);
  if (!codec || !stream || !opj_setup_decoder(codec.get(), &parameters)) return Resource("no memory");
  Source source{bytes};
  opj_stream_set_user_data(stream.get(), &source, nullptr);
  opj_stream_set_user_data_length(stream.get(), bytes.size());
  opj_stream_set_read_function(stream.get(), Read);
  opj_stream_set_skip_function(stream.get(), Skip);
  opj_stream_set_seek_function(stream.get(), Seek);

  opj_image_t* raw = nullptr;
  const bool has_header = opj_read_header(stream.get(), codec.get(), &raw);
  const std::unique_ptr<opj_image_t, decltype(&opj_image_destroy)> image(raw, opj_image_destroy);
  if (!has_header || !image || image->numcomps < 1) return Corrupt("damaged header");
  Decoded decoded;
  ASSIGN_OR_RETURN(decoded.image,
                   MakeImage(int64_t{image->x1} - int64_t{image->x0}, int64_t{image->y1} - int64_t{image->y0}, 3, max_pixels));
  if (!opj_decode(codec.get(), stream.get(), image.get()) || !opj_end_decompress(codec.get(), stream.get()))
    return Corrupt("damaged or truncated data");
  RETURN_IF_ERROR(FillPixels(*image, &decoded.image));
  return decoded;
}

}  // namespace sardonyx::vision
