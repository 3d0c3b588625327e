#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>

#include <fmt/format.h>

#include "base/status_macros.h"

namespace sardonyx {
namespace fs = std::filesystem;
namespace {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ > 2) close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// The files that are mapped now.
class Mappings {
 public:
  static Mappings& Get() {
    static auto* const mappings = new Mappings();
    return *mappings;
  }
  void Add(const void* memory, size_t size) {
    const std::lock_guard lock(mutex_);
    sizes_[reinterpret_cast<uintptr_t>(memory)] = size;
  }
  void Remove(const void* memory) {
    const std::lock_guard lock(mutex_);
    sizes_.erase(reinterpret_cast<uintptr_t>(memory));
  }
  bool Hold(uintptr_t begin, uintptr_t end) {
    const std::lock_guard lock(mutex_);
    auto after = sizes_.upper_bound(begin);
    if (after == sizes_.begin()) return false;
    --after;
    return end <= after->first + after->second;
  }

 private:
  std::mutex mutex_;
  std::map<uintptr_t, size_t> sizes_;
};

StatusOr<Bytes> ReadStream(int fd, const std::string& name, uint64_t limit) {
  std::string content;
  char buffer[1 << 16];
  for (;;) {
    const ssize_t n = read(fd, buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Corrupt(fmt::format("{}: cannot be read: {}", name, std::strerror(errno)));
    if (n == 0) return Bytes::Own(std::move(content));
    if (content.size() + static_cast<size_t>(n) > limit) return Resource(fmt::format("{}: more than {} bytes", name, limit));
    content.append(buffer, static_cast<size_t>(n));
  }
}

Status WriteAll(int fd, const void* data, size_t size, const std::string& name) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t n = write(fd, at, std::min<size_t>(size, size_t{1} << 30));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Resource(fmt::format("{}: cannot be written: {}", name, std::strerror(errno)));
    at += n;
    size -= static_cast<size_t>(n);
  }
  return {};
}

}  // namespace

StatusOr<Bytes> MapFile(const fs::path& path, uint64_t max_stream_bytes) {
  const std::string name = path.string();
  if (name == "-") return ReadStream(0, "standard input", max_stream_bytes);
  const FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return Corrupt(fmt::format("{}: {}", name, std::strerror(errno)));
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return Corrupt(fmt::format("{}: {}", name, std::strerror(errno)));
  if (S_ISDIR(info.st_mode)) return Corrupt(fmt::format("{}: is a folder, not a file", name));
  if (!S_ISREG(info.st_mode)) return ReadStream(fd.get(), name, max_stream_bytes);
  const auto size = static_cast<size_t>(info.st_size);
  if (size == 0) return Bytes("", 0, nullptr);
  void* memory = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (memory == MAP_FAILED) return Resource(fmt::format("{}: cannot be mapped: {}", name, std::strerror(errno)));
  Mappings::Get().Add(memory, size);
  return Bytes(memory, size, std::shared_ptr<const void>(memory, [size](const void* p) {
                 Mappings::Get().Remove(p);
                 munmap(const_cast<void*>(p), size);
               }));
}

void ForgetPages(const void* data, size_t bytes) {
  static const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<uintptr_t>(data) + page - 1) / page * page;
  const auto end = (reinterpret_cast<uintptr_t>(data) + bytes) / page * page;
  if (begin < end && Mappings::Get().Hold(begin, end)) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

Status WriteFileAtomically(const fs::path& path, const std::function<Status(const ByteSink&)>& write) {
  const std::string name = path.string();
  if (name == "-") return write([](const void* data, size_t size) { return WriteAll(1, data, size, "standard output"); });
  std::string temporary = name + ".XXXXXX";
  Status status;
  {
    const FileDescriptor fd(mkstemp(temporary.data()));
    if (fd.get() < 0) return Resource(fmt::format("{}: cannot be created: {}", name, std::strerror(errno)));
    const mode_t mask = umask(0);
    umask(mask);
    fchmod(fd.get(), 0666 & ~mask);
    status = write([&](const void* data, size_t size) { return WriteAll(fd.get(), data, size, name); });
  }
  if (status.ok() && rename(temporary.c_str(), name.c_str()) != 0)
    status = Resource(fmt::format("{}: cannot be replaced: {}", name, std::strerror(errno)));
  if (!status.ok()) unlink(temporary.c_str());
  return status;
}

Status WriteFileAtomically(const fs::path& path, std::string_view content) {
  return WriteFileAtomically(path, [&](const ByteSink& sink) { return sink(content.data(), content.size()); });
}

StatusOr<fs::path> ResolveInside(const fs::path& folder, std::string_view location) {
  const fs::path relative(location);
  if (location.empty()) return Corrupt("external data has an empty location");
  if (location.find('\0') != std::string_view::npos) return Corrupt("external data has a location with a NUL byte");
  if (relative.is_absolute())
    return Corrupt(fmt::format("external data location '{}' is absolute; it must lie in the model's folder", location));
  for (const fs::path& part : relative)
    if (part == "..") return Corrupt(fmt::format("external data location '{}' leads out of the model's folder", location));
  std::error_code error;
  const fs::path root = fs::canonical(folder.empty() ? fs::path(".") : folder, error);
  if (error) return Corrupt(fmt::format("{}: {}", folder.string(), error.message()));
  const fs::path target = fs::canonical(root / relative, error);
  if (error) return Corrupt(fmt::format("external data file '{}' is missing: {}", (folder / relative).string(), error.message()));
  const auto inside = std::mismatch(root.begin(), root.end(), target.begin(), target.end());
  if (inside.first != root.end())
    return Corrupt(fmt::format("external data location '{}' is a link that leads out of the model's folder", location));
  return target;
}

}  // namespace sardonyx
