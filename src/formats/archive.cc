#include "formats/archive.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace sardonyx::formats {
namespace {

bool StartsWith(std::span<const uint8_t> bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

// A tar header has no magic in its oldest form, but always a checksum over its 512 bytes (POSIX.1 pax, "ustar
// Interchange Format"): the sum of all bytes, the checksum's own eight taken as blanks.
bool LooksLikeTar(std::span<const uint8_t> bytes) {
  constexpr size_t kBlock = 512, kChecksum = 148, kChecksumSize = 8;
  if (bytes.size() < kBlock || bytes[0] == 0) return false;
  uint64_t sum = 0;
  for (size_t i = 0; i < kBlock; ++i) sum += i >= kChecksum && i < kChecksum + kChecksumSize ? ' ' : bytes[i];
  uint64_t stored = 0;
  size_t i = kChecksum;
  while (i < kChecksum + kChecksumSize && bytes[i] == ' ') ++i;
  const size_t first_digit = i;
  for (; i < kChecksum + kChecksumSize && bytes[i] >= '0' && bytes[i] <= '7'; ++i) stored = stored * 8 + (bytes[i] - '0');
  return i > first_digit && stored == sum;
}

}  // namespace

Container DetectContainer(std::span<const uint8_t> bytes) {
  if (StartsWith(bytes, "\x1f\x8b")) return Container::kGzip;
  if (StartsWith(bytes, std::string_view("\3757zXZ\0", 6))) return Container::kXz;
  if (StartsWith(bytes, "BZh") && bytes.size() > 3 && bytes[3] >= '1' && bytes[3] <= '9') return Container::kBzip2;
  if (StartsWith(bytes, "\x28\xb5\x2f\xfd")) return Container::kZstd;
  if (StartsWith(bytes, "PK\x03\x04") || StartsWith(bytes, "PK\x05\x06")) return Container::kZip;
  if (LooksLikeTar(bytes)) return Container::kTar;
  return Container::kNone;
}

std::string_view ContainerName(Container container) {
  switch (container) {
    case Container::kNone: return "plain";
    case Container::kGzip: return "gzip";
    case Container::kXz: return "xz";
    case Container::kBzip2: return "bzip2";
    case Container::kZstd: return "zstd";
    case Container::kTar: return "tar";
    case Container::kZip: return "zip";
  }
  return "unknown";
}

uint64_t UnpackAllowance(uint64_t packed_size, const UnpackLimits& limits) {
  constexpr uint64_t kFree = uint64_t{16} << 20;
  const uint64_t expansion = std::max<uint64_t>(1, limits.max_expansion);
  if (packed_size > limits.max_bytes / expansion) return limits.max_bytes;
  return std::min(limits.max_bytes, std::max(kFree, packed_size * expansion));
}

StatusOr<std::string> SafeMemberName(std::string_view name) {
  if (name.find('\0') != std::string_view::npos) return Corrupt("a member's name holds a NUL character");
  if (!name.empty() && name[0] == '/') return Corrupt(fmt::format("member '{}' has an absolute name", name));
  std::string safe;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    if (part == "..") return Corrupt(fmt::format("member '{}' leads out of the archive", name));
    if (!part.empty() && part != ".") safe.append(safe.empty() ? "" : "/").append(part);
    begin = end + 1;
  }
  if (safe.empty()) return Corrupt(fmt::format("member '{}' has no name", name));
  return safe;
}

}  // namespace sardonyx::formats
