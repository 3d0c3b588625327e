// The weights of a checkpoint by name, whichever file they came from.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sardonyx/status.h"
#include "sardonyx/tensor.h"

namespace sardonyx::pytorch::arch {

class StateDict {
 public:
  using Loader = std::function<StatusOr<Tensor>()>;
  struct Entry {
    DataType dtype = DataType::kUndefined;
    std::vector<int64_t> dims;
    Loader load;  // dense, row-major; called when the weight is used
  };

  // A later entry of the same name replaces the earlier.
  void Add(std::string name, Entry entry) { entries_[std::move(name)] = std::move(entry); }
  const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }

  // Removes "module." and "_orig_mod." (wrappers of DataParallel and torch.compile) and the like where every name begins so.
  void StripPrefixes();

  bool Has(std::string_view name) const { return entries_.contains(name); }
  // Whether a weight lies in the module ("layer1.0" of "layer1.0.conv1.weight").
  bool HasModule(std::string_view path) const;
  // Size along an axis; 0 if there is no such weight or axis.
  int64_t Size(std::string_view name, size_t axis) const;
  size_t Rank(std::string_view name) const;
  // How many modules PATH.0, PATH.1 ... there are; `format` has one {}: "layer1.{}".
  int64_t Count(std::string_view format, int64_t first = 0) const;
  // kInvalid if there is none. Marks it as used.
  StatusOr<Tensor> Load(std::string_view name) const;
  // Marks it as used without loading: what a graph needs no more.
  void Skip(std::string_view name) const { used_.insert(std::string(name)); }
  // Names of floating-point weights that nothing has used.
  std::vector<std::string> Unused() const;

 private:
  std::map<std::string, Entry, std::less<>> entries_;
  mutable std::set<std::string, std::less<>> used_;
};

}  // namespace sardonyx::pytorch::arch
