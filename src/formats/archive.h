// Compressed streams and tar archives, in memory and bounded. What a file is, is told by its bytes, never by its suffix.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"
#include "sardonyx/status.h"

namespace sardonyx::formats {

enum class Container { kNone, kGzip, kXz, kBzip2, kZstd, kTar, kZip };
Container DetectContainer(std::span<const uint8_t> bytes);
std::string_view ContainerName(Container container);  // "gzip", ...; "plain" for kNone

// What a hostile archive may cost. Exceeding any of them is kResource.
struct UnpackLimits {
  uint64_t max_bytes = uint64_t{1} << 36;  // unpacked, all members together
  // unpacked / packed. The first 16 MiB are free, so that small files that pack well (zeros) are not refused.
  uint64_t max_expansion = 1000;
  size_t max_members = 1 << 16;
};

// The most bytes that `packed_size` bytes may unpack to.
uint64_t UnpackAllowance(uint64_t packed_size, const UnpackLimits& limits);

// The content of a gzip, xz, bzip2 or zstd stream (all of its concatenated members); checksums are verified. One layer
// only: what comes out may be a container again. kCorrupt for damage, kUsage if `bytes` is none of the four.
StatusOr<Bytes> Decompress(const Bytes& bytes, const UnpackLimits& limits = {});

struct ArchiveMember {
  std::string name;  // relative, "/"-separated, without "." or ".." parts; its bytes as in the archive (UTF-8 in most)
  Bytes content;
};

// The regular files of a tar archive, plain or compressed by one of the four, in file order. Members of a plain archive
// are views of `bytes`. Folders and links are left out; a name that is absolute or has a ".." part is kCorrupt, as are
// two members of one name.
StatusOr<std::vector<ArchiveMember>> ReadTar(const Bytes& bytes, const UnpackLimits& limits = {});

// Checks and normalizes a member's name ("./a//b" is "a/b").
StatusOr<std::string> SafeMemberName(std::string_view name);

// Compresses pieces into one gzip stream that is passed to `sink`. Deterministic: the header holds no time or name.
class GzipWriter {
 public:
  explicit GzipWriter(ByteSink sink, int level = 6);
  ~GzipWriter();
  GzipWriter(const GzipWriter&) = delete;
  GzipWriter& operator=(const GzipWriter&) = delete;
  Status Write(const void* data, size_t size);
  Status Finish();  // Exactly once, after the last piece.

 private:
  Status Run(int flush);
  struct State;
  std::unique_ptr<State> state_;
};

// Writes `members` as a POSIX tar (pax headers only where ustar's fields are too small); times are 0, owners root, mode
// 0644, so that equal contents make equal archives.
Status WriteTar(const std::vector<ArchiveMember>& members, const ByteSink& sink);

}  // namespace sardonyx::formats
