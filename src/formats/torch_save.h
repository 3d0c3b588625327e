// What torch.save and torch.jit.save write, of every age: zip archives, the older stream of pickles, and the oldest, tar.
// Nothing is executed: objects are pickle records (pickle.h), tensors views of the file.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/pickle.h"
#include "formats/torch_tensor.h"
#include "formats/zip.h"

namespace sardonyx::formats {

enum class TorchFileKind {
  kNone,         // nothing of PyTorch's
  kSave,         // torch.save: a zip with data.pkl
  kLegacySave,   // torch.save before 1.6: pickles and raw storages one after another
  kTarSave,      // torch.save before 0.1.10
  kTorchScript,  // torch.jit.save, also for mobile
  kExported,     // torch.export.save (.pt2)
  kPackage,      // torch.package, AOTInductor, and others without a graph to read
};
TorchFileKind DetectTorchFile(const Bytes& bytes);
std::string_view TorchFileKindName(TorchFileKind kind);  // "a file of torch.save", ...

// An object graph with tensors.
class TorchFile {
 public:
  // Any of the three forms of torch.save. kUnsupported for big-endian files and for globals that no checkpoint of tensors
  // needs (the message names them).
  static StatusOr<TorchFile> Open(const Bytes& bytes);

  const PickleValue& root() const { return pickle_->root(); }
  const std::shared_ptr<const Pickle>& pickle() const { return pickle_; }

  // Whether `value` is a tensor or parameter.
  static bool IsTensor(const PickleValue& value);
  // kUnsupported for dtypes that ONNX lacks, nested and meta tensors and unknown subclasses; kCorrupt where arguments do not
  // fit.
  StatusOr<TorchTensor> ReadTensor(const PickleValue& value) const;

 private:
  friend class TorchArchive;
  friend class LegacyReader;
  friend class TarReader;
  // The whole storage that a key names.
  using StorageLoader = std::function<StatusOr<Bytes>(std::string_view key)>;
  struct Storages;

  StatusOr<std::shared_ptr<const TorchStorage>> ReadStorage(const PickleValue& value, std::optional<DataType>* type) const;
  StatusOr<TorchTensor> ReadCall(const PickleValue& value, int depth) const;
  StatusOr<TorchTensor> Rebuild(const PickleValue& call, int version) const;
  StatusOr<TorchTensor> RebuildQuantized(const PickleValue& call, int depth) const;
  StatusOr<TorchTensor> RebuildSparse(const PickleValue& call, int depth) const;
  StatusOr<TorchTensor> ReadTensorAt(const PickleValue& value, int depth) const;

  std::shared_ptr<const Pickle> pickle_;
  std::shared_ptr<Storages> storages_;
};

// The tensors of a dict of tensors (a state dict) in its order; keys that are no strings or values that are no tensors are
// left out, and counted in *skipped if given. kInvalid if `value` is no mapping.
StatusOr<std::vector<std::pair<std::string, TorchTensor>>> ReadStateDict(const TorchFile& file, const PickleValue& value,
                                                                         size_t* skipped = nullptr);

// A zip archive of PyTorch's, whose members lie in one folder that is named after the file.
class TorchArchive {
 public:
  static StatusOr<TorchArchive> Open(const Bytes& bytes);

  // Names without the folder ("data.pkl", "code/__torch__.py"), in the order of the archive.
  const std::vector<std::string>& names() const { return names_; }
  bool Has(std::string_view name) const;
  // A view of a stored member. kCorrupt if there is none of that name.
  StatusOr<Bytes> Read(std::string_view name) const;
  // A pickle of the archive whose storages are the members of `storage_folder` ("data/").
  StatusOr<TorchFile> Load(std::string_view pickle_name, std::string_view storage_folder, const PickleOptions& options) const;

 private:
  std::shared_ptr<const ZipReader> zip_;
  std::string folder_;  // "" or "model/"
  std::vector<std::string> names_;
};

// Which globals torch.save's files may name: tensors, containers, plain values, NumPy's arrays, and classes of modules and
// optimizers, which stay records.
bool AllowsTorchSaveGlobal(std::string_view module, std::string_view name);

}  // namespace sardonyx::formats
