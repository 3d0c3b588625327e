// ZIP archives in memory: read bounded, stored members without a copy; written as a stream.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"
#include "formats/archive.h"
#include "sardonyx/status.h"

namespace sardonyx::formats {

// Stored and deflated members, ZIP64 included; anything else (encryption, other methods) is kUnsupported when it is read.
class ZipReader {
 public:
  struct Member {
    std::string name;  // its bytes as in the archive (UTF-8 in most); not checked for "..", so no path for writing
    uint64_t size = 0;
    uint64_t packed_size = 0;
  };

  // Reads the directory only. kCorrupt if it cannot be read or names a member twice; kResource if the sizes it states
  // exceed `limits`.
  static StatusOr<ZipReader> Open(Bytes archive, const UnpackLimits& limits = {});
  ZipReader(ZipReader&&) = default;
  ZipReader& operator=(ZipReader&&) = default;

  // In the order of the directory; folders are left out.
  const std::vector<Member>& members() const { return members_; }
  std::optional<size_t> Find(std::string_view name) const;
  // The content of members()[i], its CRC verified: a view of the archive if it is stored, else unpacked.
  StatusOr<Bytes> Read(size_t i) const;
  // The same without the CRC of stored members, so that pages of large weights are read when they are used.
  StatusOr<Bytes> View(size_t i) const;

 private:
  ZipReader() = default;
  struct Place {
    uint16_t flags = 0, method = 0;
    uint32_t crc = 0;
    uint64_t header = 0;  // offset of the member's local header
  };
  StatusOr<Bytes> Packed(size_t i) const;

  Bytes archive_;
  std::vector<Member> members_;
  std::vector<Place> places_;
  std::unordered_map<std::string_view, size_t> index_;  // views of the members' names
};

// Writes members one after another to a sink that cannot seek; nothing but the directory is kept in memory. Times are
// fixed, so equal contents make equal archives. Zip64 fields appear only where sizes need them.
class ZipWriter {
 public:
  enum class Method { kStore, kDeflate };

  explicit ZipWriter(ByteSink sink, Method method = Method::kStore) : sink_(std::move(sink)), method_(method) {}
  // A member of the concatenated `pieces`. `name` is UTF-8.
  Status Add(const std::string& name, std::span<const std::string_view> pieces);
  Status Finish();  // Exactly once, after the last member.

 private:
  struct Entry {
    std::string name;
    uint32_t crc = 0;
    uint64_t size = 0, packed_size = 0, offset = 0;
  };
  Status Emit(std::string_view bytes);

  ByteSink sink_;
  Method method_;
  uint64_t offset_ = 0;
  std::vector<Entry> entries_;
  std::unordered_set<std::string> names_;
};

}  // namespace sardonyx::formats
