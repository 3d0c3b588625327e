// The layout is that of PKWARE's APPNOTE 6.3.10 (sections 4.3 and 4.5). Read here and not by libzip because libzip does not
// say where a stored member lies, and weights are to be views of the mapped file.
#include <zlib.h>

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "formats/zip.h"

namespace sardonyx::formats {
namespace {

constexpr uint32_t kLocalHeader = 0x04034b50, kDirectoryEntry = 0x02014b50;
constexpr uint32_t kEnd = 0x06054b50, kEnd64 = 0x06064b50, kEnd64Locator = 0x07064b50;
constexpr size_t kEndSize = 22, kEnd64Size = 56, kLocatorSize = 20, kEntrySize = 46, kLocalSize = 30;
constexpr uint64_t kMax16 = 0xffff, kMax32 = 0xffffffff;
constexpr uint16_t kStored = 0, kDeflated = 8, kEncrypted = 1, kZip64Field = 1;
constexpr size_t kMaxStep = size_t{1} << 30;  // zlib counts in 32 bits

// Little-endian fields. The caller has checked that they lie in `bytes`.
uint64_t Get(std::span<const uint8_t> bytes, size_t at, int size) {
  uint64_t value = 0;
  for (int i = size; i-- > 0;) value = value << 8 | bytes[at + static_cast<size_t>(i)];
  return value;
}

bool Fits(std::span<const uint8_t> bytes, uint64_t at, uint64_t size) { return at <= bytes.size() && size <= bytes.size() - at; }

struct Directory {
  uint64_t count = 0, offset = 0, size = 0;
};

// The end record closes the file, but for a comment of up to 65535 bytes, whose length it states.
StatusOr<Directory> FindDirectory(std::span<const uint8_t> file) {
  if (file.size() < kEndSize) return Corrupt("zip: not an archive");
  const size_t last = file.size() - kEndSize;
  size_t end = last + 1;
  for (size_t back = 0; back <= std::min<size_t>(last, kMax16) && end > last; ++back) {
    if (Get(file, last - back, 4) == kEnd && Get(file, last - back + 20, 2) == back) end = last - back;
  }
  if (end > last) return Corrupt("zip: no end record; the file is truncated or no archive");
  if (Get(file, end + 4, 4) != 0 && Get(file, end + 4, 4) != kMax32) return Unsupported("zip: archives in several parts are not read");
  Directory directory{Get(file, end + 10, 2), Get(file, end + 16, 4), Get(file, end + 12, 4)};
  if (directory.count == kMax16 || directory.offset == kMax32 || directory.size == kMax32) {
    if (end >= kLocatorSize && Get(file, end - kLocatorSize, 4) == kEnd64Locator) {
      const uint64_t at = Get(file, end - kLocatorSize + 8, 8);
      if (!Fits(file, at, kEnd64Size) || Get(file, at, 4) != kEnd64) return Corrupt("zip: no ZIP64 end record where one is said to be");
      directory = {Get(file, at + 32, 8), Get(file, at + 48, 8), Get(file, at + 40, 8)};
    }
  }
  if (!Fits(file, directory.offset, directory.size) || directory.count > directory.size / kEntrySize)
    return Corrupt("zip: the directory reaches beyond the file");
  return directory;
}

// Replaces those of the three values that are 0xffffffff by those of the ZIP64 field, if the entry has one (4.5.3).
Status ReadZip64(std::span<const uint8_t> extra, uint64_t* size, uint64_t* packed_size, uint64_t* offset) {
  for (size_t at = 0; Fits(extra, at, 4);) {
    const uint64_t id = Get(extra, at, 2), length = Get(extra, at + 2, 2);
    at += 4;
    if (!Fits(extra, at, length)) return {};  // other programs' padding need not be a list of fields
    if (id == kZip64Field) {
      size_t from = at;
      for (uint64_t* value : {size, packed_size, offset}) {
        if (*value != kMax32) continue;
        if (from + 8 > at + length) return Corrupt("zip: a ZIP64 field is too short");
        *value = Get(extra, from, 8);
        from += 8;
      }
      return {};
    }
    at += length;
  }
  return {};
}

Status CheckCrc(std::span<const uint8_t> content, uint32_t crc, const std::string& what) {
  if (crc32_z(crc32(0, nullptr, 0), content.data(), content.size()) == crc) return {};
  return Corrupt(what + ": its content is damaged (CRC)");
}

struct InflateEnd {
  void operator()(z_stream* stream) const { inflateEnd(stream); }
};

// Raw deflate. The stated size is believed only as far as content arrives: memory grows with it.
StatusOr<Bytes> Inflate(std::span<const uint8_t> packed, uint64_t size, const std::string& what) {
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return Resource(what + ": no memory");
  const std::unique_ptr<z_stream, InflateEnd> guard(&stream);
  std::string content;
  size_t read = 0, written = 0;
  try {
    content.resize(std::min<uint64_t>(size, packed.size() * 4 + (1 << 16)));
    for (int code = Z_OK; code != Z_STREAM_END;) {
      if (written == content.size() && written < size) content.resize(std::min<uint64_t>(size, content.size() * 2));
      Bytef extra;  // where the size is reached, the stream must end without another byte
      const size_t in = std::min(packed.size() - read, kMaxStep), out = std::min(content.size() - written, kMaxStep);
      stream.next_in = const_cast<Bytef*>(packed.data() + read);
      stream.avail_in = static_cast<uInt>(in);
      stream.next_out = out == 0 ? &extra : reinterpret_cast<Bytef*>(content.data() + written);
      stream.avail_out = out == 0 ? 1 : static_cast<uInt>(out);
      code = inflate(&stream, Z_NO_FLUSH);
      if (code != Z_OK && code != Z_STREAM_END) return Corrupt(what + ": its deflate stream is damaged");
      read += in - stream.avail_in;
      if (out == 0 && stream.avail_out == 0) return Corrupt(what + ": its size is not what the directory states");
      if (out != 0) written += out - stream.avail_out;
    }
  } catch (const std::bad_alloc&) {
    return Resource(fmt::format("{}: no memory for {} bytes", what, size));
  }
  if (written != size) return Corrupt(what + ": its size is not what the directory states");
  return Bytes::Own(std::move(content));
}

}  // namespace

StatusOr<ZipReader> ZipReader::Open(Bytes archive, const UnpackLimits& limits) {
  const std::span<const uint8_t> file = archive.span();
  ASSIGN_OR_RETURN(const Directory directory, FindDirectory(file));
  if (directory.count > limits.max_members) return Resource(fmt::format("zip: more than {} members", limits.max_members));
  ZipReader reader;
  reader.members_.reserve(directory.count);
  // Members may overlap in the file, so it is the whole archive that bounds what they may unpack to together.
  uint64_t allowance = UnpackAllowance(file.size(), limits);
  std::span<const uint8_t> entries = file.subspan(directory.offset, directory.size);
  for (uint64_t i = 0; i < directory.count; ++i) {
    if (entries.size() < kEntrySize || Get(entries, 0, 4) != kDirectoryEntry) return Corrupt("zip: the directory is damaged");
    Member member;
    Place place;
    place.flags = static_cast<uint16_t>(Get(entries, 8, 2));
    place.method = static_cast<uint16_t>(Get(entries, 10, 2));
    place.crc = static_cast<uint32_t>(Get(entries, 16, 4));
    member.packed_size = Get(entries, 20, 4);
    member.size = Get(entries, 24, 4);
    place.header = Get(entries, 42, 4);
    const size_t name = Get(entries, 28, 2), extra = Get(entries, 30, 2), comment = Get(entries, 32, 2);
    if (!Fits(entries, kEntrySize, name + extra + comment)) return Corrupt("zip: the directory is damaged");
    member.name.assign(reinterpret_cast<const char*>(entries.data()) + kEntrySize, name);
    RETURN_IF_ERROR(ReadZip64(entries.subspan(kEntrySize + name, extra), &member.size, &member.packed_size, &place.header));
    entries = entries.subspan(kEntrySize + name + extra + comment);
    if (!member.name.empty() && member.name.back() == '/') continue;
    if (member.size > allowance) return Resource(fmt::format("zip: member '{}' unpacks to more than is allowed", member.name));
    allowance -= member.size;
    reader.members_.push_back(std::move(member));
    reader.places_.push_back(place);
  }
  for (size_t i = 0; i < reader.members_.size(); ++i) {  // views of the names, which do not move any more
    if (!reader.index_.emplace(reader.members_[i].name, i).second)
      return Corrupt(fmt::format("zip: two members are named '{}'", reader.members_[i].name));
  }
  reader.archive_ = std::move(archive);
  return reader;
}

std::optional<size_t> ZipReader::Find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? std::nullopt : std::optional<size_t>(found->second);
}

StatusOr<Bytes> ZipReader::Packed(size_t i) const {
  const Member& member = members_[i];
  const Place& place = places_[i];
  if ((place.flags & kEncrypted) != 0) return Unsupported(fmt::format("zip: member '{}' is encrypted", member.name));
  if (place.method != kStored && place.method != kDeflated)
    return Unsupported(
        fmt::format("zip: member '{}' is compressed by method {}; stored and deflate are read", member.name, place.method));
  const std::span<const uint8_t> file = archive_.span();
  if (!Fits(file, place.header, kLocalSize) || Get(file, place.header, 4) != kLocalHeader)
    return Corrupt(fmt::format("zip: member '{}' is not where the directory says", member.name));
  const uint64_t start = place.header + kLocalSize + Get(file, place.header + 26, 2) + Get(file, place.header + 28, 2);
  if (!Fits(file, start, member.packed_size)) return Corrupt(fmt::format("zip: member '{}' reaches beyond the file", member.name));
  if (place.method == kStored && member.packed_size != member.size)
    return Corrupt(fmt::format("zip: member '{}': its size is not what the directory states", member.name));
  return archive_.Slice(start, member.packed_size);
}

StatusOr<Bytes> ZipReader::View(size_t i) const {
  ASSIGN_OR_RETURN(Bytes packed, Packed(i));
  if (places_[i].method == kStored) return packed;
  const std::string what = fmt::format("zip: member '{}'", members_[i].name);
  ASSIGN_OR_RETURN(Bytes content, Inflate(packed.span(), members_[i].size, what));
  RETURN_IF_ERROR(CheckCrc(content.span(), places_[i].crc, what));
  return content;
}

StatusOr<Bytes> ZipReader::Read(size_t i) const {
  ASSIGN_OR_RETURN(Bytes content, View(i));
  if (places_[i].method == kStored)
    RETURN_IF_ERROR(CheckCrc(content.span(), places_[i].crc, fmt::format("zip: member '{}'", members_[i].name)));
  return content;
}

}  // namespace sardonyx::formats
