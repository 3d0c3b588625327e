// Files: mapped for reading, replaced atomically on writing.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "base/bytes.h"
#include "sardonyx/status.h"

namespace sardonyx {

// Maps a regular file read-only (pages come in as they are touched). kCorrupt, naming the file, if it cannot be opened.
// Pipes and character devices ("-" means standard input) are read into memory, at most `max_stream_bytes`.
StatusOr<Bytes> MapFile(const std::filesystem::path& path, uint64_t max_stream_bytes = uint64_t{1} << 32);

// Pages of mapped files that lie wholly inside leave this process's memory, to come back when they are touched: for what has been
// read and is not likely to be again. Does nothing to other memory.
void ForgetPages(const void* data, size_t bytes);

// Receives pieces in order.
using ByteSink = std::function<Status(const void* data, size_t size)>;

// Calls `write` with a sink for a temporary file beside `path`, and renames it over `path` when that succeeded, so that
// neither a failure nor a crash leaves half a file. "-" writes to standard output.
Status WriteFileAtomically(const std::filesystem::path& path, const std::function<Status(const ByteSink&)>& write);
Status WriteFileAtomically(const std::filesystem::path& path, std::string_view content);

// Resolves `location` (as a model names its external data) against `folder`; an error unless the file it leads to, links
// followed, lies inside `folder`. Absolute paths, "..", and links out are refused.
StatusOr<std::filesystem::path> ResolveInside(const std::filesystem::path& folder, std::string_view location);

}  // namespace sardonyx
