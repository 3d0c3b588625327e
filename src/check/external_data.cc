// Tensors whose data lies in another file.
#include <fmt/format.h>

#include <charconv>
#include <filesystem>

#include "base/file.h"
#include "check/parts.h"

namespace sardonyx::check {
namespace {

namespace fs = std::filesystem;

// The number in an entry; nullopt, and *good false, when it is not one.
std::optional<uint64_t> ParseEntry(const std::string& text, bool* good) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  *good = error == std::errc() && end == text.data() + text.size();
  return *good ? std::optional(value) : std::nullopt;
}

}  // namespace

void CheckExternalData(Context& context, const Scope* scope, const ir::Node* node, const ir::StoredTensor::External& external,
                       int64_t needed, const std::string& what) {
  const auto error = [&](const std::string& message) { context.Error(rules::kExternalData, scope, node, message); };
  std::string location;
  uint64_t offset = 0;
  std::optional<uint64_t> length;
  for (const auto& [key, value] : external.entries) {
    bool good = true;
    if (key == "location") {
      location = value;
    } else if (key == "offset") {
      offset = ParseEntry(value, &good).value_or(0);
    } else if (key == "length") {
      length = ParseEntry(value, &good);
    } else if (key != "checksum" && key != "basepath") {
      context.Warn(rules::kExternalData, scope, node, fmt::format("The external data of {} has the unknown entry {}.", what, Quote(key)));
    }
    if (!good) return error(fmt::format("The external data of {} has the {} {}, which is not a number of bytes.", what, key, Quote(value)));
  }
  if (location.empty()) return error(fmt::format("The external data of {} has no location. Name the file.", what));
  if (length && needed >= 0 && *length != static_cast<uint64_t>(needed)) {
    error(fmt::format("{} takes {} bytes, but its external data is said to have {}.", what, needed, *length));
  }
  const StatusOr<fs::path> path = ResolveInside(external.folder, location);
  if (!path.ok()) return error(fmt::format("The external data of {} cannot be read: {}.", what, Shorten(path.status().message())));
  std::error_code failed;
  if (!fs::is_regular_file(*path, failed))
    return error(fmt::format("The external data of {} is said to be in {}, which is not a file.", what, Quote(location)));
  const uint64_t size = fs::file_size(*path, failed);
  if (failed) return error(fmt::format("The external data of {} in {} cannot be read: {}.", what, Quote(location), failed.message()));
  const uint64_t wanted = length ? *length : needed >= 0 ? static_cast<uint64_t>(needed) : 0;
  if (offset > size || wanted > size - offset) {
    error(
        fmt::format("The external data of {} are {} bytes from byte {} of {}, which has only {}. The file is not the one the model was "
                    "written with, or was "
                    "cut off.",
                    what, wanted, offset, Quote(location), size));
  }
}

}  // namespace sardonyx::check
