// What libarchive reads and writes for us: tar, and the streams that are not gzip.
#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <new>
#include <unordered_set>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "formats/archive.h"
#include "formats/decompress.h"

namespace sardonyx::formats {
namespace {

struct FreeReader {
  void operator()(archive* a) const { archive_read_free(a); }
};
struct FreeWriter {
  void operator()(archive* a) const { archive_write_free(a); }
};
struct FreeEntry {
  void operator()(archive_entry* e) const { archive_entry_free(e); }
};
using Reader = std::unique_ptr<archive, FreeReader>;
using Writer = std::unique_ptr<archive, FreeWriter>;
using Entry = std::unique_ptr<archive_entry, FreeEntry>;

// libarchive converts names through the thread's locale, and in "C" (where a library's caller often is) it fails, or
// crashes, on anything but ASCII.
class Utf8Locale {
 public:
  Utf8Locale() : utf8_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)), previous_(utf8_ ? uselocale(utf8_) : locale_t{}) {}
  ~Utf8Locale() {
    if (utf8_ == locale_t{}) return;
    uselocale(previous_);
    freelocale(utf8_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  locale_t utf8_, previous_;
};

Status ArchiveError(archive* a, std::string_view what) {
  const char* text = archive_error_string(a);
  std::string message = fmt::format("{}: {}", what, text != nullptr ? text : "damaged");
  return archive_errno(a) == ENOMEM ? Resource(std::move(message)) : Corrupt(std::move(message));
}

// Exactly one filter and one format, those that our own detection named: libarchive's own guessing would also peel off
// containers within containers, each with its own expansion.
StatusOr<Reader> OpenReader(std::span<const uint8_t> bytes, int filter, int format) {
  Reader reader(archive_read_new());
  archive* a = reader.get();
  if (a == nullptr) return Resource("archive: no memory");
  if (archive_read_append_filter(a, filter) < ARCHIVE_WARN || archive_read_set_format(a, format) < ARCHIVE_WARN ||
      archive_read_open_memory(a, bytes.data(), bytes.size()) < ARCHIVE_WARN)
    return ArchiveError(a, "archive");
  return reader;
}

int FilterOf(Container container) {
  switch (container) {
    case Container::kXz: return ARCHIVE_FILTER_XZ;
    case Container::kBzip2: return ARCHIVE_FILTER_BZIP2;
    case Container::kZstd: return ARCHIVE_FILTER_ZSTD;
    default: return ARCHIVE_FILTER_NONE;
  }
}

bool LiesInside(const void* data, size_t size, const Bytes& whole) {
  const auto begin = reinterpret_cast<uintptr_t>(whole.data()), at = reinterpret_cast<uintptr_t>(data);
  return at >= begin && at - begin <= whole.size() && size <= whole.size() - (at - begin);
}

// The current entry's data, and its size taken off `allowance`. A view of `whole` where libarchive hands out pointers
// into it, as it does for a plain tar in memory, so that the weights of a mapped archive are never copied.
StatusOr<Bytes> ReadEntry(archive* a, archive_entry* entry, const Bytes& whole, const std::string& name, uint64_t* allowance) {
  std::string copied;
  const uint8_t* view = nullptr;
  uint64_t total = 0;
  for (;;) {
    const void* block = nullptr;
    size_t size = 0;
    la_int64_t offset = 0;
    const int code = archive_read_data_block(a, &block, &size, &offset);
    if (code == ARCHIVE_EOF) break;
    if (code != ARCHIVE_OK) return ArchiveError(a, fmt::format("tar: member '{}'", name));
    if (size == 0) continue;
    if (static_cast<uint64_t>(offset) != total) return Unsupported(fmt::format("tar: member '{}' is a sparse file", name));
    if (size > *allowance) return Resource(fmt::format("tar: member '{}' unpacks to more than is allowed", name));
    *allowance -= size;
    const auto* data = static_cast<const uint8_t*>(block);
    if (copied.empty() && LiesInside(data, size, whole) && (view == nullptr || data == view + total)) {
      if (view == nullptr) view = data;
    } else {
      if (view != nullptr) copied.assign(reinterpret_cast<const char*>(view), total);
      view = nullptr;
      copied.append(static_cast<const char*>(block), size);
    }
    total += size;
  }
  if (archive_entry_size(entry) != static_cast<la_int64_t>(total))
    return Unsupported(fmt::format("tar: member '{}' is a sparse file", name));
  if (view != nullptr) return whole.Slice(static_cast<size_t>(view - whole.data()), total);
  return Bytes::Own(std::move(copied));
}

StatusOr<std::vector<ArchiveMember>> ReadPlainTar(const Bytes& bytes, const UnpackLimits& limits) {
  const Utf8Locale locale;
  ASSIGN_OR_RETURN(const Reader reader, OpenReader(bytes.span(), ARCHIVE_FILTER_NONE, ARCHIVE_FORMAT_TAR));
  archive* a = reader.get();
  uint64_t allowance = UnpackAllowance(bytes.size(), limits);
  std::vector<ArchiveMember> members;
  std::unordered_set<std::string> names;
  for (size_t count = 0;; ++count) {
    archive_entry* entry = nullptr;
    const int code = archive_read_next_header(a, &entry);
    if (code == ARCHIVE_EOF) return members;
    if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return ArchiveError(a, "tar");
    if (count >= limits.max_members) return Resource(fmt::format("tar: more than {} members", limits.max_members));
    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) != nullptr) continue;
    const char* raw_name = archive_entry_pathname(entry);
    if (raw_name == nullptr) return Corrupt("tar: a member's name cannot be read");
    ASSIGN_OR_RETURN(std::string name, SafeMemberName(raw_name).WithContext("tar"));
    if (!names.insert(name).second) return Corrupt(fmt::format("tar: two members are named '{}'", name));
    ASSIGN_OR_RETURN(Bytes content, ReadEntry(a, entry, bytes, name, &allowance));
    members.push_back({std::move(name), std::move(content)});
  }
}

// Carries the sink through libarchive's callback, and the sink's own error back out.
struct SinkAdapter {
  const ByteSink& sink;
  Status status;
};

la_ssize_t WriteToSink(archive* a, void* data, const void* buffer, size_t size) {
  auto* adapter = static_cast<SinkAdapter*>(data);
  adapter->status = adapter->sink(buffer, size);
  if (adapter->status.ok()) return static_cast<la_ssize_t>(size);
  archive_set_error(a, EIO, "cannot write");
  return -1;
}

Status WriteMember(archive* a, const ArchiveMember& member) {
  const Entry entry(archive_entry_new());
  if (entry == nullptr) return Resource("tar: no memory");
  archive_entry_set_pathname(entry.get(), member.name.c_str());
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(member.content.size()));
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0644);
  archive_entry_set_mtime(entry.get(), 0, 0);
  const int code = archive_write_header(a, entry.get());
  if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return ArchiveError(a, "tar");
  for (size_t done = 0; done < member.content.size();) {
    const la_ssize_t n = archive_write_data(a, member.content.data() + done, member.content.size() - done);
    if (n <= 0) return ArchiveError(a, "tar");
    done += static_cast<size_t>(n);
  }
  return {};
}

}  // namespace

Status DecompressByLibarchive(Container container, std::span<const uint8_t> packed, uint64_t allowance, std::string* out) {
  const std::string_view what = ContainerName(container);
  // libarchive takes less than the smallest bzip2 stream for padding after the last one, and reports an empty content.
  if (container == Container::kBzip2 && packed.size() < 14) return Corrupt("bzip2: the stream ends too early");
  ASSIGN_OR_RETURN(const Reader reader, OpenReader(packed, FilterOf(container), ARCHIVE_FORMAT_RAW));
  archive* a = reader.get();
  archive_entry* entry = nullptr;
  const int code = archive_read_next_header(a, &entry);
  if (code == ARCHIVE_EOF) return {};  // an empty content
  if (code != ARCHIVE_OK) return ArchiveError(a, what);
  for (;;) {
    const void* block = nullptr;
    size_t size = 0;
    la_int64_t offset = 0;
    const int block_code = archive_read_data_block(a, &block, &size, &offset);
    if (block_code == ARCHIVE_EOF) return {};
    if (block_code != ARCHIVE_OK) return ArchiveError(a, what);
    if (size > allowance - out->size()) return Resource(fmt::format("{}: unpacks to more than {} bytes", what, allowance));
    out->append(static_cast<const char*>(block), size);
  }
}

StatusOr<Bytes> Decompress(const Bytes& bytes, const UnpackLimits& limits) {
  const Container container = DetectContainer(bytes.span());
  const uint64_t allowance = UnpackAllowance(bytes.size(), limits);
  std::string content;
  try {
    if (container == Container::kGzip) {
      RETURN_IF_ERROR(DecompressGzip(bytes.span(), allowance, &content));
    } else if (FilterOf(container) != ARCHIVE_FILTER_NONE) {
      RETURN_IF_ERROR(DecompressByLibarchive(container, bytes.span(), allowance, &content));
    } else {
      return Usage(fmt::format("a {} file is not compressed by gzip, xz, bzip2 or zstd", ContainerName(container)));
    }
  } catch (const std::bad_alloc&) {
    return Resource(fmt::format("{}: no memory for what it unpacks to", ContainerName(container)));
  }
  return Bytes::Own(std::move(content));
}

StatusOr<std::vector<ArchiveMember>> ReadTar(const Bytes& bytes, const UnpackLimits& limits) {
  const Container container = DetectContainer(bytes.span());
  try {
    if (container == Container::kTar) return ReadPlainTar(bytes, limits);
    ASSIGN_OR_RETURN(const Bytes content, Decompress(bytes, limits));
    if (DetectContainer(content.span()) != Container::kTar) return Corrupt("not a tar archive");
    return ReadPlainTar(content, limits);
  } catch (const std::bad_alloc&) {
    return Resource("tar: no memory for its members");
  }
}

Status WriteTar(const std::vector<ArchiveMember>& members, const ByteSink& sink) {
  for (const ArchiveMember& member : members) RETURN_IF_ERROR(SafeMemberName(member.name).status());
  const Utf8Locale locale;
  SinkAdapter adapter{sink, {}};  // Outlives the writer, which writes once more when it is freed.
  const Writer writer(archive_write_new());
  archive* a = writer.get();
  if (a == nullptr) return Resource("tar: no memory");
  archive_write_set_format_pax_restricted(a);
  if (archive_write_open(a, &adapter, nullptr, WriteToSink, nullptr) != ARCHIVE_OK) return ArchiveError(a, "tar");
  for (const ArchiveMember& member : members) {
    const Status status = WriteMember(a, member);
    if (!adapter.status.ok()) return adapter.status;
    RETURN_IF_ERROR(status);
  }
  const int code = archive_write_close(a);
  if (!adapter.status.ok()) return adapter.status;
  return code == ARCHIVE_OK ? Status() : ArchiveError(a, "tar");
}

}  // namespace sardonyx::formats
