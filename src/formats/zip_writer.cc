// The layout is that of PKWARE's APPNOTE 6.3.10 (sections 4.3 and 4.5). Written as a stream: only the directory is kept in memory.
#include <zlib.h>

#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "formats/zip.h"

namespace sardonyx::formats {
namespace {

constexpr uint64_t kMax32 = 0xffffffff;
constexpr uint16_t kVersion = 20, kVersionZip64 = 45;
constexpr uint16_t kUtf8Names = 1 << 11;
constexpr uint16_t kNoTime = 0, kFirstDay = 1 << 5 | 1;  // 1980-01-01, the earliest there is
constexpr size_t kMaxStep = size_t{1} << 30;             // zlib counts in 32 bits

void Put(std::string* out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i, value >>= 8) out->push_back(static_cast<char>(value));
}

uint32_t Crc(std::span<const std::string_view> pieces) {
  uLong crc = crc32(0, nullptr, 0);
  for (const std::string_view piece : pieces) crc = crc32_z(crc, reinterpret_cast<const Bytef*>(piece.data()), piece.size());
  return static_cast<uint32_t>(crc);
}

struct DeflateEnd {
  void operator()(z_stream* stream) const { deflateEnd(stream); }
};

// Raw deflate of all pieces, in memory: the packed size must be known before the data is written.
Status Deflate(std::span<const std::string_view> pieces, std::string* out) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    return Resource("zip: no memory");
  const std::unique_ptr<z_stream, DeflateEnd> guard(&stream);
  char buffer[1 << 15];
  const auto run = [&](int flush) {
    do {
      stream.next_out = reinterpret_cast<Bytef*>(buffer);
      stream.avail_out = sizeof(buffer);
      deflate(&stream, flush);
      out->append(buffer, sizeof(buffer) - stream.avail_out);
    } while (stream.avail_out == 0);
  };
  for (std::string_view piece : pieces) {
    while (!piece.empty()) {
      const size_t step = std::min(piece.size(), kMaxStep);
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
      stream.avail_in = static_cast<uInt>(step);
      run(Z_NO_FLUSH);
      piece.remove_prefix(step);
    }
  }
  run(Z_FINISH);
  return {};
}

// The fields that a local and a central header share.
void PutCommon(std::string* out, bool zip64, uint16_t method, uint32_t crc, uint64_t packed_size, uint64_t size, size_t name_size,
               size_t extra_size) {
  Put(out, zip64 ? kVersionZip64 : kVersion, 2);
  Put(out, kUtf8Names, 2);
  Put(out, method, 2);
  Put(out, kNoTime, 2);
  Put(out, kFirstDay, 2);
  Put(out, crc, 4);
  Put(out, std::min(packed_size, kMax32), 4);
  Put(out, std::min(size, kMax32), 4);
  Put(out, name_size, 2);
  Put(out, extra_size, 2);
}

// Extra field 1, zip64: only the values whose 32-bit fields are saturated, in this order.
std::string Zip64Extra(std::initializer_list<uint64_t> values) {
  std::string body, extra;
  for (const uint64_t value : values) Put(&body, value, 8);
  Put(&extra, 1, 2);
  Put(&extra, body.size(), 2);
  return extra + body;
}

}  // namespace

Status ZipWriter::Emit(std::string_view bytes) {
  offset_ += bytes.size();
  return bytes.empty() ? Status() : sink_(bytes.data(), bytes.size());
}

Status ZipWriter::Add(const std::string& name, std::span<const std::string_view> pieces) {
  if (name.empty() || name.size() > 0xffff) return Usage(fmt::format("zip: a member's name of {} bytes", name.size()));
  if (!names_.insert(name).second) return Usage(fmt::format("zip: two members would be named '{}'", name));
  std::string packed;
  if (method_ == Method::kDeflate) RETURN_IF_ERROR(Deflate(pieces, &packed));
  Entry entry{name, Crc(pieces), 0, 0, offset_};
  for (const std::string_view piece : pieces) entry.size += piece.size();
  entry.packed_size = method_ == Method::kDeflate ? packed.size() : entry.size;

  // A local header states both sizes in its zip64 field, or neither (4.5.3).
  const bool zip64 = std::max(entry.size, entry.packed_size) >= kMax32;
  const std::string extra = zip64 ? Zip64Extra({entry.size, entry.packed_size}) : "";
  std::string header = "PK\x03\x04";
  PutCommon(&header, zip64, method_ == Method::kDeflate ? 8 : 0, entry.crc, zip64 ? kMax32 : entry.packed_size, zip64 ? kMax32 : entry.size,
            name.size(), extra.size());
  RETURN_IF_ERROR(Emit(header + name + extra));
  if (method_ == Method::kDeflate) {
    RETURN_IF_ERROR(Emit(packed));
  } else {
    for (const std::string_view piece : pieces) RETURN_IF_ERROR(Emit(piece));
  }
  entries_.push_back(std::move(entry));
  return {};
}

Status ZipWriter::Finish() {
  const uint64_t begin = offset_;
  const uint16_t method = method_ == Method::kDeflate ? 8 : 0;
  for (const Entry& entry : entries_) {
    const bool zip64 = std::max({entry.size, entry.packed_size, entry.offset}) >= kMax32;
    const std::string extra = zip64 ? Zip64Extra({entry.size, entry.packed_size, entry.offset}) : "";
    std::string header = "PK\x01\x02";
    Put(&header, zip64 ? kVersionZip64 : kVersion, 2);  // made by
    PutCommon(&header, zip64, method, entry.crc, zip64 ? kMax32 : entry.packed_size, zip64 ? kMax32 : entry.size, entry.name.size(),
              extra.size());
    Put(&header, 0, 2 + 2 + 2 + 4);  // comment, disk, internal and external attributes
    Put(&header, zip64 ? kMax32 : entry.offset, 4);
    RETURN_IF_ERROR(Emit(header + entry.name + extra));
  }
  const uint64_t size = offset_ - begin, count = entries_.size();
  std::string end;
  if (count >= 0xffff || begin >= kMax32 || size >= kMax32) {
    const uint64_t zip64_end = offset_;
    end += "PK\x06\x06";
    Put(&end, 44, 8);  // bytes of the record that follow
    Put(&end, kVersionZip64, 2);
    Put(&end, kVersionZip64, 2);
    Put(&end, 0, 8);  // this disk, the directory's disk
    Put(&end, count, 8);
    Put(&end, count, 8);
    Put(&end, size, 8);
    Put(&end, begin, 8);
    end += "PK\x06\x07";
    Put(&end, 0, 4);
    Put(&end, zip64_end, 8);
    Put(&end, 1, 4);  // disks
  }
  end += "PK\x05\x06";
  Put(&end, 0, 4);
  Put(&end, std::min<uint64_t>(count, 0xffff), 2);
  Put(&end, std::min<uint64_t>(count, 0xffff), 2);
  Put(&end, std::min(size, kMax32), 4);
  Put(&end, std::min(begin, kMax32), 4);
  Put(&end, 0, 2);
  return Emit(end);
}

}  // namespace sardonyx::formats
