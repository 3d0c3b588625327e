#include "import/pytorch/arch/state_dict.h"

#include <fmt/format.h>

namespace sardonyx::pytorch::arch {
namespace {

constexpr std::string_view kWrappers[] = {"module.", "_orig_mod.", "model.", "backbone.", "net.", "ema_model."};

}  // namespace

void StateDict::StripPrefixes() {
  for (bool again = true; again && !entries_.empty();) {
    again = false;
    for (const std::string_view wrapper : kWrappers) {
      bool all = true;
      for (const auto& [name, entry] : entries_) all = all && (name.starts_with(wrapper) || name == "n_averaged");
      if (!all) continue;
      std::map<std::string, Entry, std::less<>> stripped;
      for (auto& [name, entry] : entries_)
        if (name.starts_with(wrapper)) stripped.emplace(name.substr(wrapper.size()), std::move(entry));
      entries_ = std::move(stripped);
      again = true;
      break;
    }
  }
}

bool StateDict::HasModule(std::string_view path) const {
  const std::string prefix = std::string(path) + ".";
  const auto at = entries_.lower_bound(prefix);
  return at != entries_.end() && at->first.starts_with(prefix);
}

int64_t StateDict::Size(std::string_view name, size_t axis) const {
  const auto at = entries_.find(name);
  return at == entries_.end() || axis >= at->second.dims.size() ? 0 : at->second.dims[axis];
}

size_t StateDict::Rank(std::string_view name) const {
  const auto at = entries_.find(name);
  return at == entries_.end() ? 0 : at->second.dims.size();
}

int64_t StateDict::Count(std::string_view format, int64_t first) const {
  int64_t count = 0;
  while (HasModule(fmt::format(fmt::runtime(format), first + count))) ++count;
  return count;
}

StatusOr<Tensor> StateDict::Load(std::string_view name) const {
  const auto at = entries_.find(name);
  if (at == entries_.end()) return Invalid(fmt::format("the checkpoint has no weight '{}'", name));
  used_.insert(std::string(name));
  return at->second.load().WithContext(name);
}

std::vector<std::string> StateDict::Unused() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_)
    if (!used_.contains(name) && IsFloatingPoint(entry.dtype)) names.push_back(name);
  return names;
}

}  // namespace sardonyx::pytorch::arch
