// What PyTorch's zip archives have in common, which kind a file is, and which globals it may name.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "formats/torch_file.h"

namespace sardonyx::formats {
namespace {

// Members that every archive has at the top, whatever the name of its folder.
constexpr std::string_view kAnchors[] = {"data.pkl",       "constants.pkl",  "bytecode.pkl", "archive_format", "serialized_exported_program.json",
                                         ".data/version", "version"};

std::string FindFolder(const ZipReader& zip) {
  for (const std::string_view anchor : kAnchors) {
    if (zip.Find(anchor)) return "";
    for (const ZipReader::Member& member : zip.members()) {
      const size_t slash = member.name.find('/');
      if (slash != std::string::npos && std::string_view(member.name).substr(slash + 1) == anchor) return member.name.substr(0, slash + 1);
    }
  }
  return "";
}

TorchFileKind KindOfArchive(const TorchArchive& archive) {
  if (archive.Has("archive_format") || archive.Has("serialized_exported_program.json")) return TorchFileKind::kExported;
  const auto begins = [&](std::string_view prefix) {
    return std::any_of(archive.names().begin(), archive.names().end(), [&](const std::string& name) { return name.starts_with(prefix); });
  };
  if (begins("models/")) return TorchFileKind::kExported;
  if (archive.Has("bytecode.pkl") || (archive.Has("data.pkl") && (archive.Has("constants.pkl") || begins("code/")))) return TorchFileKind::kTorchScript;
  if (archive.Has("model.json") && begins("tensors/")) return TorchFileKind::kTorchScript;  // PyTorch 1.0 to 1.2
  if (archive.Has("data.pkl")) return TorchFileKind::kSave;
  if (archive.Has("version") || archive.Has(".data/version")) return TorchFileKind::kPackage;
  return TorchFileKind::kNone;
}

bool IsTarSave(const Bytes& bytes) {
  constexpr size_t kNameSize = 100;
  if (DetectContainer(bytes.span()) != Container::kTar || bytes.size() < kNameSize) return false;
  std::string_view name = bytes.view().substr(0, kNameSize);
  name = name.substr(0, name.find('\0'));
  return name == "sys_info" || name == "./sys_info" || name == "pickle" || name == "storages" || name == "tensors";
}

struct AllowedModule {
  std::string_view module;
  std::string_view names;  // separated by spaces, each with a space before and behind
};

constexpr AllowedModule kAllowed[] = {
    {"collections", " OrderedDict defaultdict Counter deque "},
    {"builtins", " set frozenset dict list tuple int float bool str bytes bytearray complex slice range object "},
    {"__builtin__", " set frozenset dict list tuple int long float bool str unicode bytearray complex slice xrange object "},
    {"copy_reg", " _reconstructor "},
    {"copyreg", " _reconstructor "},
    {"_codecs", " encode "},
    {"argparse", " Namespace "},
    {"types", " SimpleNamespace "},
    {"enum", " Enum IntEnum "},
    {"pathlib", " Path PurePath PosixPath PurePosixPath WindowsPath PureWindowsPath "},
    {"pathlib._local", " Path PurePath PosixPath PurePosixPath WindowsPath PureWindowsPath "},
    {"datetime", " datetime date time timedelta timezone "},
    {"numpy", " dtype ndarray float64 float32 float16 int64 int32 int16 int8 uint64 uint32 uint16 uint8 bool_ str_ "},
    {"numpy.core.multiarray", " _reconstruct scalar "},
    {"numpy._core.multiarray", " _reconstruct scalar "},
    {"numpy.core.numeric", " _frombuffer "},
    {"numpy._core.numeric", " _frombuffer "},
    {"torch._tensor", " _rebuild_from_type_v2 Tensor "},
    {"torch.tensor", " _rebuild_from_type_v2 Tensor "},
    {"torch.serialization", " _get_layout "},
};

// Classes that are only ever records here: a model that was saved whole names the classes of its modules.
constexpr std::string_view kAllowedPackages[] = {"torch.nn.", "torch.optim.", "torch.ao.", "torch.quantization.", "torchvision.", "timm.", "numpy.dtypes."};

bool AllowsTorch(std::string_view name) {
  constexpr std::string_view kNames =
      " Size device dtype Tensor Generator strided sparse_coo sparse_csr sparse_csc sparse_bsr sparse_bsc per_tensor_affine"
      " per_channel_affine per_tensor_symmetric per_channel_symmetric per_channel_affine_float_qparams contiguous_format"
      " channels_last channels_last_3d preserve_format ";
  // dtypes are lower case with a digit or one of the plain names; storages and tensors of old files end in their kind.
  if (name.ends_with("Storage") || name.ends_with("Tensor")) return true;
  if (TorchDataType(name)) return true;
  for (const std::string_view dtype : {"bool", "complex32", "chalf", "float4_e2m1fn_x2", "quint4x2", "quint2x4", "bits8"}) {
    if (name == dtype) return true;
  }
  return kNames.find(fmt::format(" {} ", name)) != std::string_view::npos;
}

}  // namespace

bool AllowsTorchSaveGlobal(std::string_view module, std::string_view name) {
  for (const AllowedModule& allowed : kAllowed) {
    if (allowed.module == module && allowed.names.find(fmt::format(" {} ", name)) != std::string_view::npos) return true;
  }
  if (module == "torch" || module == "torch.cuda") return AllowsTorch(name);
  if (module == "torch._utils") return name.starts_with("_rebuild_");
  if (module == "torch.storage") return name.ends_with("Storage") || name == "_load_from_bytes";
  for (const std::string_view package : kAllowedPackages) {
    if (module.starts_with(package)) return true;
  }
  return false;
}

TorchFileKind DetectTorchFile(const Bytes& bytes) {
  if (bytes.view().starts_with(kLegacyMagic)) return TorchFileKind::kLegacySave;
  if (IsTarSave(bytes)) return TorchFileKind::kTarSave;
  if (DetectContainer(bytes.span()) != Container::kZip) return TorchFileKind::kNone;
  const StatusOr<TorchArchive> archive = TorchArchive::Open(bytes);
  return archive.ok() ? KindOfArchive(*archive) : TorchFileKind::kNone;
}

std::string_view TorchFileKindName(TorchFileKind kind) {
  switch (kind) {
    case TorchFileKind::kNone:
      return "no file of PyTorch's";
    case TorchFileKind::kSave:
      return "a file of torch.save";
    case TorchFileKind::kLegacySave:
      return "a file of torch.save of before PyTorch 1.6";
    case TorchFileKind::kTarSave:
      return "a file of torch.save of before PyTorch 0.1.10";
    case TorchFileKind::kTorchScript:
      return "a TorchScript archive";
    case TorchFileKind::kExported:
      return "an exported program (.pt2)";
    case TorchFileKind::kPackage:
      return "an archive of PyTorch's without a graph";
  }
  return "?";
}

StatusOr<TorchArchive> TorchArchive::Open(const Bytes& bytes) {
  ASSIGN_OR_RETURN(ZipReader zip, ZipReader::Open(bytes));
  TorchArchive archive;
  archive.folder_ = FindFolder(zip);
  for (const ZipReader::Member& member : zip.members()) {
    if (member.name.starts_with(archive.folder_)) archive.names_.push_back(member.name.substr(archive.folder_.size()));
  }
  archive.zip_ = std::make_shared<const ZipReader>(std::move(zip));
  return archive;
}

bool TorchArchive::Has(std::string_view name) const { return zip_->Find(fmt::format("{}{}", folder_, name)).has_value(); }

StatusOr<Bytes> TorchArchive::Read(std::string_view name) const {
  const std::optional<size_t> member = zip_->Find(fmt::format("{}{}", folder_, name));
  if (!member) return Corrupt(fmt::format("the archive has no '{}'", name));
  return zip_->View(*member);
}

StatusOr<TorchFile> TorchArchive::Load(std::string_view pickle_name, std::string_view storage_folder, const PickleOptions& options) const {
  if (Has("byteorder")) {
    ASSIGN_OR_RETURN(const Bytes order, Read("byteorder"));
    if (order.view() != "little") return Unsupported(fmt::format("its tensors are stored in byte order '{}'; only little is read", order.view().substr(0, 10)));
  }
  ASSIGN_OR_RETURN(const Bytes bytes, Read(pickle_name));
  TorchFile file;
  ASSIGN_OR_RETURN(file.pickle_, ReadPickle(bytes, options).WithContext(pickle_name));
  file.storages_ = std::make_shared<TorchFile::Storages>();
  file.storages_->load = [archive = *this, folder = std::string(storage_folder)](std::string_view key) {
    return archive.Read(fmt::format("{}{}", folder, key));
  };
  return file;
}

}  // namespace sardonyx::formats
