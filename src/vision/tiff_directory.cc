#include "vision/tiff_directory.h"

#include <cstring>

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx::vision {
namespace {

constexpr size_t kEntryBytes = 12;
constexpr uint16_t kOrientation = 0x0112;

// Bytes of a value of the types BYTE, SHORT and LONG.
size_t TypeBytes(uint32_t type) { return type == 1 ? 1 : type == 3 ? 2 : type == 4 ? 4 : 0; }

}  // namespace

uint32_t TiffDirectory::Number(size_t offset, size_t bytes) const {
  uint32_t value = 0;
  for (size_t i = 0; i < bytes; ++i) value = value << 8 | bytes_[offset + (big_endian_ ? i : bytes - 1 - i)];
  return value;
}

StatusOr<TiffDirectory> TiffDirectory::Parse(std::span<const uint8_t> bytes) {
  TiffDirectory directory;
  directory.bytes_ = bytes;
  const bool little = bytes.size() >= 8 && bytes[0] == 'I' && bytes[1] == 'I';
  directory.big_endian_ = bytes.size() >= 8 && bytes[0] == 'M' && bytes[1] == 'M';
  if ((!little && !directory.big_endian_) || directory.Number(2, 2) != 42) return Corrupt("no TIFF header");
  const size_t offset = directory.Number(4, 4);
  if (offset > bytes.size() || bytes.size() - offset < 2) return Corrupt("its directory lies outside the file");
  directory.entries_ = offset + 2;
  directory.count_ = directory.Number(offset, 2);
  if ((bytes.size() - directory.entries_) / kEntryBytes < directory.count_) return Corrupt("its directory is truncated");
  return directory;
}

std::optional<size_t> TiffDirectory::Find(uint16_t tag) const {
  for (size_t i = 0; i < count_; ++i)
    if (Number(entries_ + i * kEntryBytes, 2) == tag) return entries_ + i * kEntryBytes;
  return std::nullopt;
}

StatusOr<std::vector<uint32_t>> TiffDirectory::Values(uint16_t tag) const {
  const std::optional<size_t> entry = Find(tag);
  if (!entry) return Corrupt(fmt::format("it has no tag {}", tag));
  const size_t bytes = TypeBytes(Number(*entry + 2, 2)), count = Number(*entry + 4, 4);
  if (bytes == 0 || count == 0) return Corrupt(fmt::format("tag {} is of the wrong type", tag));
  // Values of up to 4 bytes stand in the entry itself, others where it points.
  const size_t offset = bytes * count <= 4 ? *entry + 8 : Number(*entry + 8, 4);
  if (offset > bytes_.size() || count > (bytes_.size() - offset) / bytes) return Corrupt(fmt::format("tag {} lies outside the file", tag));
  std::vector<uint32_t> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = Number(offset + i * bytes, bytes);
  return values;
}

StatusOr<uint32_t> TiffDirectory::Value(uint16_t tag, std::optional<uint32_t> otherwise) const {
  if (otherwise && !Has(tag)) return *otherwise;
  ASSIGN_OR_RETURN(const std::vector<uint32_t> values, Values(tag));
  return values[0];
}

int ExifOrientation(std::span<const uint8_t> exif) {
  if (exif.size() >= 6 && std::memcmp(exif.data(), "Exif\0\0", 6) == 0) exif = exif.subspan(6);
  const auto directory = TiffDirectory::Parse(exif);
  if (!directory.ok()) return 1;
  const auto value = directory->Value(kOrientation, 1);
  return value.ok() && *value >= 1 && *value <= 8 ? static_cast<int>(*value) : 1;
}

}  // namespace sardonyx::vision
