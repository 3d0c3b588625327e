// Inside of TorchFile: where its storages come from.
#pragma once

#include <map>
#include <string>
#include <unordered_map>

#include "formats/torch_save.h"

namespace sardonyx::formats {

struct TorchFile::Storages {
  StorageLoader load;
  // By key; "key/view" for views of storages in old files.
  std::unordered_map<std::string, std::shared_ptr<const TorchStorage>> loaded;
  // Of the tar form: tensors by their ids.
  std::unordered_map<std::string, TorchTensor> tensors;
};

// The persistent id of a storage: ('storage', class, key, device, elements[, view]).
struct StorageId {
  std::optional<DataType> type;  // none for untyped storages
  std::string_view key;
  int64_t elements = 0;               // of `type`; bytes if untyped
  const PickleValue* view = nullptr;  // (key, offset, elements) or null
};
StatusOr<StorageId> ParseStorageId(const PickleValue& value);

StatusOr<TorchFile> ReadLegacySave(const Bytes& bytes);
StatusOr<TorchFile> ReadTarSave(const Bytes& bytes);
inline constexpr std::string_view kLegacyMagic("\x80\x02\x8a\nl\xfc\x9c" "F\xf9 j\xa8P\x19.", 15);

}  // namespace sardonyx::formats
