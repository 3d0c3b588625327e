// ZIP archives in memory: read through libzip, bounded; written as a stream.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"
#include "formats/archive.h"
#include "sardonyx/status.h"

namespace sardonyx::formats {

// Stored and deflated members; anything else (encryption, other methods) is kUnsupported when it is read.
class ZipReader {
 public:
  struct Member {
    std::string name;  // as in the archive, in UTF-8; not checked for "..", so no path for writing
    uint64_t size = 0;
    uint64_t packed_size = 0;
  };

  // kCorrupt if the directory cannot be read or names a member twice; kResource if the sizes it states exceed `limits`.
  static StatusOr<ZipReader> Open(Bytes archive, const UnpackLimits& limits = {});
  ZipReader(ZipReader&&) noexcept;
  ZipReader& operator=(ZipReader&&) noexcept;
  ~ZipReader();

  // In the order of the directory; folders are left out.
  const std::vector<Member>& members() const { return members_; }
  // The content of members()[i], its CRC verified. Not thread-safe.
  StatusOr<Bytes> Read(size_t i) const;

 private:
  struct Archive;
  ZipReader();
  std::unique_ptr<Archive> archive_;
  std::vector<Member> members_;
  std::vector<uint64_t> indices_;
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
