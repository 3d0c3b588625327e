// The two older forms of torch.save: `torch/serialization.py`, _legacy_load and legacy_load (the tar).
#include <fmt/format.h>

#include "base/status_macros.h"
#include "formats/torch_file.h"

namespace sardonyx::formats {
namespace {

using Kind = PickleKind;

// A cursor over plain little-endian numbers between pickles.
class Cursor {
 public:
  explicit Cursor(Bytes bytes) : bytes_(std::move(bytes)) {}
  StatusOr<Bytes> Take(uint64_t size) {
    if (at_ > bytes_.size() || size > bytes_.size() - at_) return Corrupt("the file ends too early");
    Bytes taken = bytes_.Slice(at_, size);
    at_ += size;
    return taken;
  }
  StatusOr<int64_t> Int64() {
    ASSIGN_OR_RETURN(const Bytes raw, Take(8));
    uint64_t value = 0;
    for (size_t i = 8; i-- > 0;) value = value << 8 | raw.data()[i];
    return static_cast<int64_t>(value);
  }
  StatusOr<std::shared_ptr<const Pickle>> NextPickle() { return ReadPickle(bytes_, &at_, {.allows = AllowsTorchSaveGlobal}); }
  StatusOr<int64_t> PickledInt() {
    ASSIGN_OR_RETURN(const auto pickle, NextPickle());
    if (!pickle->root().is(Kind::kInt)) return Corrupt("a number is missing");
    return pickle->root().integer;
  }
  size_t position() const { return at_; }

 private:
  Bytes bytes_;
  size_t at_ = 0;
};

// An int64 count of elements, then their bytes.
StatusOr<Bytes> TakeStorage(Cursor* cursor, uint64_t width) {
  ASSIGN_OR_RETURN(const int64_t elements, cursor->Int64());
  constexpr int64_t kMost = int64_t{1} << 48;
  if (elements < 0 || elements > kMost) return Corrupt("a storage has an impossible size");
  return cursor->Take(static_cast<uint64_t>(elements) * width);
}

Status CheckByteOrder(const PickleValue& sys_info) {
  const PickleValue* little = sys_info.is(Kind::kDict) ? sys_info.Get("little_endian") : nullptr;
  if (little != nullptr && little->is(Kind::kBool) && little->integer == 0)
    return Unsupported("its tensors are stored big-endian; only little-endian files are read");
  return {};
}

std::string TextOf(const PickleValue& key) { return key.is(Kind::kInt) ? std::to_string(key.integer) : std::string(key.text); }

}  // namespace

class LegacyReader {
 public:
  static StatusOr<TorchFile> Read(const Bytes& bytes) {
    Cursor cursor(bytes);
    RETURN_IF_ERROR(cursor.NextPickle().status());  // the magic number, which has been recognized
    ASSIGN_OR_RETURN(const int64_t protocol, cursor.PickledInt());
    constexpr int64_t kProtocol = 1001;
    if (protocol != kProtocol) return Unsupported(fmt::format("version {} of the format; {} is read", protocol, kProtocol));
    ASSIGN_OR_RETURN(const auto sys_info, cursor.NextPickle());
    RETURN_IF_ERROR(CheckByteOrder(sys_info->root()));
    TorchFile file;
    ASSIGN_OR_RETURN(file.pickle_, cursor.NextPickle());
    ASSIGN_OR_RETURN(const auto keys, cursor.NextPickle());
    if (!keys->root().is(Kind::kList)) return Corrupt("the list of storages is missing");

    // Raw storages say how many elements they have but not of what: that stands where the object refers to them.
    std::unordered_map<std::string_view, uint64_t> widths;
    for (const PickleValue& value : file.pickle_->values()) {
      if (!value.is(Kind::kPersistent) || value.arguments == nullptr || value.arguments->items.empty()) continue;
      if (value.arguments->items[0]->text != "storage") continue;  // ('module', class, file, source)
      ASSIGN_OR_RETURN(const StorageId id, ParseStorageId(value));
      widths.emplace(id.key, id.type ? PackedBytes(*id.type, 1) : 1);
    }
    auto storages = std::make_shared<std::unordered_map<std::string, Bytes>>();
    for (const PickleValue* key : keys->root().items) {
      const auto width = widths.find(key->text);
      if (!key->is(Kind::kString) || width == widths.end()) return Corrupt("a storage that no tensor refers to");
      ASSIGN_OR_RETURN((*storages)[std::string(key->text)], TakeStorage(&cursor, width->second));
    }
    file.storages_ = std::make_shared<TorchFile::Storages>();
    file.storages_->load = [storages](std::string_view key) -> StatusOr<Bytes> {
      const auto found = storages->find(std::string(key));
      if (found == storages->end()) return Corrupt(fmt::format("the file has no storage '{}'", key));
      return found->second;
    };
    return file;
  }
};

class TarReader {
 public:
  static StatusOr<TorchFile> Read(const Bytes& bytes) {
    ASSIGN_OR_RETURN(const std::vector<ArchiveMember> members, ReadTar(bytes));
    TarReader reader;
    reader.file_.storages_ = std::make_shared<TorchFile::Storages>();
    reader.file_.storages_->load = [](std::string_view) -> StatusOr<Bytes> { return Corrupt("a storage outside of 'storages'"); };
    ASSIGN_OR_RETURN(const Bytes storages, Member(members, "storages"));
    RETURN_IF_ERROR(reader.ReadStorages(storages).WithContext("storages"));
    ASSIGN_OR_RETURN(const Bytes tensors, Member(members, "tensors"));
    RETURN_IF_ERROR(reader.ReadTensors(tensors).WithContext("tensors"));
    ASSIGN_OR_RETURN(const Bytes object, Member(members, "pickle"));
    ASSIGN_OR_RETURN(reader.file_.pickle_, ReadPickle(object, {.allows = AllowsTorchSaveGlobal}).WithContext("pickle"));
    return std::move(reader.file_);
  }

 private:
  struct Stored {
    std::shared_ptr<const TorchStorage> storage;
    uint64_t width = 1;
  };

  static StatusOr<Bytes> Member(const std::vector<ArchiveMember>& members, std::string_view name) {
    for (const ArchiveMember& member : members) {
      if (member.name == name) return member.content;
    }
    return Corrupt(fmt::format("the archive has no '{}'", name));
  }

  // A count, then for each a pickle (key, device, class) and the raw storage; at the end a pickled list of views of storages,
  // (key, key of the storage, offset, elements).
  Status ReadStorages(const Bytes& bytes) {
    Cursor cursor(bytes);
    ASSIGN_OR_RETURN(const int64_t count, cursor.PickledInt());
    for (int64_t i = 0; i < count; ++i) {
      ASSIGN_OR_RETURN(const auto head, cursor.NextPickle());
      const auto& parts = head->root().items;
      if (parts.size() != 3 || !parts[2]->is(Kind::kGlobal)) return Corrupt("a storage's description is damaged");
      const std::string_view global = parts[2]->text;
      const std::optional<DataType> type = TorchStorageType(global.substr(global.find_last_of(" .") + 1));
      if (!type) return Unsupported(fmt::format("a tensor in a {}, which ONNX has no type for", global));
      ASSIGN_OR_RETURN(Bytes raw, TakeStorage(&cursor, PackedBytes(*type, 1)));
      stored_[TextOf(*parts[0])] = {std::make_shared<const TorchStorage>(TorchStorage{std::move(raw)}), PackedBytes(*type, 1)};
    }
    if (cursor.position() >= bytes.size()) return {};
    ASSIGN_OR_RETURN(const auto views, cursor.NextPickle());
    for (const PickleValue* view : views->root().items) {
      const auto& parts = view->items;
      if (parts.size() != 4 || !parts[2]->is_integer() || !parts[3]->is_integer()) return Corrupt("a view of a storage is damaged");
      const auto root = stored_.find(TextOf(*parts[1]));
      if (root == stored_.end()) return Corrupt("a view of a storage that is not there");
      const Stored whole = root->second;
      const uint64_t held = whole.storage->bytes.size() / whole.width;
      const auto offset = static_cast<uint64_t>(parts[2]->integer), elements = static_cast<uint64_t>(parts[3]->integer);
      if (offset > held || elements > held - offset) return Corrupt("a view reaches beyond its storage");
      Bytes part = whole.storage->bytes.Slice(offset * whole.width, elements * whole.width);
      stored_[TextOf(*parts[0])] = {std::make_shared<const TorchStorage>(TorchStorage{std::move(part)}), whole.width};
    }
    return {};
  }

  // A count, then for each a pickle (key, key of the storage, class), the rank as int32, 4 bytes without meaning, sizes,
  // strides and the offset.
  Status ReadTensors(const Bytes& bytes) {
    Cursor cursor(bytes);
    ASSIGN_OR_RETURN(const int64_t count, cursor.PickledInt());
    for (int64_t i = 0; i < count; ++i) {
      ASSIGN_OR_RETURN(const auto head, cursor.NextPickle());
      const auto& parts = head->root().items;
      if (parts.size() != 3 || !parts[2]->is(Kind::kGlobal)) return Corrupt("a tensor's description is damaged");
      const auto stored = stored_.find(TextOf(*parts[1]));
      ASSIGN_OR_RETURN(const int64_t rank_and_padding, cursor.Int64());
      const auto rank = static_cast<uint32_t>(rank_and_padding);
      constexpr uint32_t kMaxRank = 64;
      if (rank > kMaxRank) return Corrupt("a tensor has an impossible rank");
      TorchTensor tensor;
      for (std::vector<int64_t>* list : {&tensor.sizes, &tensor.strides}) {
        for (uint32_t k = 0; k < rank; ++k) {
          ASSIGN_OR_RETURN(const int64_t value, cursor.Int64());
          if (value < 0) return Corrupt("a tensor has a negative size or stride");
          list->push_back(value);
        }
      }
      ASSIGN_OR_RETURN(tensor.offset, cursor.Int64());
      std::string type(parts[2]->text.substr(parts[2]->text.find_last_of(" .") + 1));  // "FloatTensor"
      if (type.ends_with("Tensor")) type.replace(type.size() - 6, 6, "Storage");
      const std::optional<DataType> dtype = TorchStorageType(type);
      if (!dtype) return Unsupported(fmt::format("a {}, which ONNX has no type for", parts[2]->text));
      tensor.dtype = *dtype;
      if (stored == stored_.end()) return Corrupt("a tensor of a storage that is not there");
      tensor.storage = stored->second.storage;
      file_.storages_->tensors.emplace(TextOf(*parts[0]), std::move(tensor));
    }
    return {};
  }

  TorchFile file_;
  std::unordered_map<std::string, Stored> stored_;
};

StatusOr<TorchFile> ReadLegacySave(const Bytes& bytes) { return LegacyReader::Read(bytes); }
StatusOr<TorchFile> ReadTarSave(const Bytes& bytes) { return TarReader::Read(bytes); }

}  // namespace sardonyx::formats
