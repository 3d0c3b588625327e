#include <zip.h>

#include <algorithm>
#include <memory>
#include <new>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "formats/zip.h"

namespace sardonyx::formats {

struct ZipReader::Archive {
  Bytes bytes;  // what libzip reads from
  zip_t* zip = nullptr;
  ~Archive() {
    if (zip != nullptr) zip_discard(zip);
  }
};

ZipReader::ZipReader() = default;
ZipReader::ZipReader(ZipReader&&) noexcept = default;
ZipReader& ZipReader::operator=(ZipReader&&) noexcept = default;
ZipReader::~ZipReader() = default;

namespace {

struct CloseFile {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

// libzip's error as a status; out of memory is the only one that is not the archive's fault.
Status ZipError(zip_error_t* error, std::string_view what) {
  std::string message = fmt::format("{}: {}", what, zip_error_strerror(error));
  return zip_error_code_zip(error) == ZIP_ER_MEMORY ? Resource(std::move(message)) : Corrupt(std::move(message));
}

StatusOr<zip_t*> OpenArchive(const Bytes& bytes) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  zip_t* zip = source == nullptr ? nullptr : zip_open_from_source(source, ZIP_RDONLY, &error);
  Status status;
  if (zip == nullptr) {
    status = ZipError(&error, "zip");
    if (source != nullptr) zip_source_free(source);
  }
  zip_error_fini(&error);
  if (!status.ok()) return status;
  return zip;
}

Status CheckReadable(const zip_stat_t& stat) {
  if ((stat.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && stat.encryption_method != ZIP_EM_NONE)
    return Unsupported(fmt::format("zip: member '{}' is encrypted", stat.name));
  if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE)
    return Unsupported(
        fmt::format("zip: member '{}' is compressed by method {}; stored and deflate are read", stat.name, stat.comp_method));
  return {};
}

}  // namespace

StatusOr<ZipReader> ZipReader::Open(Bytes archive, const UnpackLimits& limits) {
  constexpr size_t kSmallest = 22;  // the end record alone; libzip takes an empty file for an empty archive
  if (archive.size() < kSmallest) return Corrupt("zip: not an archive");
  ZipReader reader;
  reader.archive_ = std::make_unique<Archive>();
  reader.archive_->bytes = std::move(archive);
  ASSIGN_OR_RETURN(reader.archive_->zip, OpenArchive(reader.archive_->bytes));
  zip_t* zip = reader.archive_->zip;
  const auto count = static_cast<uint64_t>(std::max<zip_int64_t>(0, zip_get_num_entries(zip, 0)));
  if (count > limits.max_members) return Resource(fmt::format("zip: more than {} members", limits.max_members));
  // Members may overlap in the file, so it is the whole archive that bounds what they may unpack to together.
  uint64_t allowance = UnpackAllowance(reader.archive_->bytes.size(), limits);
  std::unordered_set<std::string> names;
  for (uint64_t i = 0; i < count; ++i) {
    zip_stat_t stat;
    zip_stat_init(&stat);
    constexpr uint64_t kNeeded = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if (zip_stat_index(zip, i, 0, &stat) != 0) return ZipError(zip_get_error(zip), "zip");
    if ((stat.valid & kNeeded) != kNeeded) return Corrupt(fmt::format("zip: member {} lacks a name or size", i));
    Member member{stat.name, stat.size, stat.comp_size};
    if (!member.name.empty() && member.name.back() == '/') continue;
    if (!names.insert(member.name).second) return Corrupt(fmt::format("zip: two members are named '{}'", member.name));
    if (member.size > allowance) return Resource(fmt::format("zip: member '{}' unpacks to more than is allowed", member.name));
    allowance -= member.size;
    reader.members_.push_back(std::move(member));
    reader.indices_.push_back(i);
  }
  return reader;
}

StatusOr<Bytes> ZipReader::Read(size_t i) const {
  zip_t* zip = archive_->zip;
  const Member& member = members_[i];
  const std::string what = fmt::format("zip: member '{}'", member.name);
  zip_stat_t stat;
  zip_stat_init(&stat);
  if (zip_stat_index(zip, indices_[i], 0, &stat) != 0) return ZipError(zip_get_error(zip), what);
  RETURN_IF_ERROR(CheckReadable(stat));
  const std::unique_ptr<zip_file_t, CloseFile> file(zip_fopen_index(zip, indices_[i], 0));
  if (file == nullptr) return ZipError(zip_get_error(zip), what);
  try {
    // The stated size is believed only as far as content arrives: memory grows with it.
    std::string content;
    content.resize(std::min<uint64_t>(member.size, member.packed_size * 4 + (1 << 16)));
    for (uint64_t done = 0;;) {
      char extra;  // Reading past the stated size makes libzip compare the CRC, and shows a size that was too small.
      const bool full = done == member.size;
      if (!full && done == content.size()) content.resize(std::min<uint64_t>(member.size, content.size() * 2));
      const zip_int64_t n = full ? zip_fread(file.get(), &extra, 1) : zip_fread(file.get(), content.data() + done, content.size() - done);
      if (n < 0) return ZipError(zip_file_get_error(file.get()), what);
      if (n == 0 && full) return Bytes::Own(std::move(content));
      if (n == 0 || full) return Corrupt(what + ": its size is not what the directory states");
      done += static_cast<uint64_t>(n);
    }
  } catch (const std::bad_alloc&) {
    return Resource(fmt::format("{}: no memory for {} bytes", what, member.size));
  }
}

}  // namespace sardonyx::formats
