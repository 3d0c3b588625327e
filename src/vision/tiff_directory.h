// The directory of a TIFF file, which is also how EXIF stores its tags (TIFF 6.0, section 2).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sardonyx/status.h"

namespace sardonyx::vision {

class TiffDirectory {
 public:
  // Finds the first directory of `bytes`, which begin with "II*" or "MM". kCorrupt if it does not lie within them.
  static StatusOr<TiffDirectory> Parse(std::span<const uint8_t> bytes);

  bool Has(uint16_t tag) const { return Find(tag).has_value(); }
  // The values of a tag of type BYTE, SHORT or LONG; kCorrupt if it is absent, of another type or outside the file.
  StatusOr<std::vector<uint32_t>> Values(uint16_t tag) const;
  // The first value, or `otherwise` if the tag is absent.
  StatusOr<uint32_t> Value(uint16_t tag, std::optional<uint32_t> otherwise = std::nullopt) const;
  bool big_endian() const { return big_endian_; }

 private:
  std::optional<size_t> Find(uint16_t tag) const;  // offset of the entry
  uint32_t Number(size_t offset, size_t bytes) const;

  std::span<const uint8_t> bytes_;
  bool big_endian_ = false;
  size_t entries_ = 0;  // offset of the first
  size_t count_ = 0;
};

// The orientation (1 to 8) that EXIF data states, with or without its "Exif\0\0"; 1 if it states none or is damaged:
// a picture is not worth less for it.
int ExifOrientation(std::span<const uint8_t> exif);

}  // namespace sardonyx::vision
