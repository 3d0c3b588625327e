#include "import/pytorch/import_pytorch.h"

#include <fmt/format.h>

#include "base/status_macros.h"
#include "formats/torch_save.h"
#include "import/pytorch/checkpoint.h"

namespace sardonyx::pytorch {

bool IsPyTorch(const Bytes& bytes) { return formats::DetectTorchFile(bytes) != formats::TorchFileKind::kNone; }

StatusOr<import::Imported> ImportPyTorch(const std::filesystem::path& path, const Bytes& bytes, const import::ImportOptions& options) {
  const auto imported = [&]() -> StatusOr<import::Imported> {
    if (IsSafeTensorsCheckpoint(path, bytes)) {
      ASSIGN_OR_RETURN(const arch::StateDict weights, ReadSafeTensorsCheckpoint(path));
      return ImportCheckpoint(weights, "safetensors", options);
    }
    const formats::TorchFileKind kind = formats::DetectTorchFile(bytes);
    switch (kind) {
      case formats::TorchFileKind::kSave:
      case formats::TorchFileKind::kLegacySave:
      case formats::TorchFileKind::kTarSave: {
        ASSIGN_OR_RETURN(const arch::StateDict weights, ReadTorchCheckpoint(bytes));
        return ImportCheckpoint(weights, std::string(formats::TorchFileKindName(kind)), options);
      }
      default:
        return Unsupported(fmt::format("{}: there is no importer for this kind of file; save the model with torch.export.save",
                                       formats::TorchFileKindName(kind)));
    }
  };
  return imported().WithContext(path.string());
}

}  // namespace sardonyx::pytorch
