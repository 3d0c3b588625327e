#include "import/pytorch/import_pytorch.h"

#include <fmt/format.h>

#include "base/status_macros.h"
#include "formats/torch_save.h"
#include "import/pytorch/checkpoint.h"
#include "import/pytorch/exported_program.h"
#include "import/pytorch/torchscript/import_torchscript.h"
#include "import/pytorch/translation.h"

namespace sardonyx::pytorch {

bool IsPyTorch(const Bytes& bytes) { return formats::DetectTorchFile(bytes) != formats::TorchFileKind::kNone; }

StatusOr<import::Imported> ImportProgram(Program program, const import::ImportOptions& options) {
  import::Imported imported;
  imported.report.format = program.format;
  imported.report.version = program.version;
  imported.report.warnings = program.warnings;
  ops::GraphBuilder builder(options.opset);
  Translator translator(builder, options, imported.report);
  RETURN_IF_ERROR(translator.Run(program));
  imported.report.needed_opset = builder.needed_opset();
  if (!imported.report.unsupported.empty() && !options.allow_unsupported) return imported;
  ASSIGN_OR_RETURN(imported.model, builder.Finish());
  imported.model->producer_name = "sardonyx";
  imported.model->producer_version = SARDONYX_VERSION;
  imported.model->metadata.emplace_back("source.format", program.format);
  if (!program.version.empty()) imported.model->metadata.emplace_back("source.torch_version", program.version);
  for (auto& entry : program.metadata) imported.model->metadata.push_back(std::move(entry));
  return imported;
}

StatusOr<import::Imported> ImportPyTorch(const std::filesystem::path& path, const Bytes& bytes, const import::ImportOptions& options) {
  const formats::TorchFileKind kind = formats::DetectTorchFile(bytes);
  const auto imported = [&]() -> StatusOr<import::Imported> {
    if (IsSafeTensorsCheckpoint(path, bytes)) {
      ASSIGN_OR_RETURN(const arch::StateDict weights, ReadSafeTensorsCheckpoint(path));
      return ImportCheckpoint(weights, "safetensors", options);
    }
    switch (kind) {
      case formats::TorchFileKind::kSave:
      case formats::TorchFileKind::kLegacySave:
      case formats::TorchFileKind::kTarSave: {
        ASSIGN_OR_RETURN(const arch::StateDict weights, ReadTorchCheckpoint(bytes));
        return ImportCheckpoint(weights, std::string(formats::TorchFileKindName(kind)), options);
      }
      case formats::TorchFileKind::kExported: {
        ASSIGN_OR_RETURN(Program program, ReadExportedProgram(bytes));
        return ImportProgram(std::move(program), options);
      }
      case formats::TorchFileKind::kTorchScript:
        return ImportTorchScript(bytes, options);
      default:
        return Unsupported(fmt::format("{}: there is no importer for this kind of file; save the model with torch.export.save",
                                       formats::TorchFileKindName(kind)));
    }
  };
  return imported().WithContext(path.string());
}

}  // namespace sardonyx::pytorch
