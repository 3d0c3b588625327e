// An archive of torch.jit.save: its code, its constants and the module that it holds.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "formats/torch_save.h"
#include "import/pytorch/torchscript/ast.h"
#include "import/pytorch/torchscript/values.h"

namespace sardonyx::pytorch {

class ScriptArchive {
 public:
  // kUnsupported for archives whose code is kept in a form that is not Python's syntax.
  static StatusOr<std::unique_ptr<ScriptArchive>> Open(const Bytes& bytes);

  // "__torch__.torch.nn.modules.conv.Conv2d"; null if there is none. Files are parsed when they are first needed.
  StatusOr<const ClassDef*> FindClass(std::string_view qualified_name);
  StatusOr<const FunctionDef*> FindFunction(std::string_view qualified_name);

  const formats::TorchFile& module() const { return module_; }
  // The tuple of CONSTANTS.cN; null when there are none.
  const formats::TorchFile* constants() const { return constants_ ? &*constants_ : nullptr; }
  // The inputs that a trace was made with, if the archive keeps them.
  const formats::TorchFile* traced_inputs() const { return traced_inputs_ ? &*traced_inputs_ : nullptr; }

 private:
  // The file of a dotted module name, or null.
  StatusOr<const SourceFile*> File(std::string_view module);

  std::optional<formats::TorchArchive> archive_;
  formats::TorchFile module_;
  std::optional<formats::TorchFile> constants_, traced_inputs_;
  std::unordered_map<std::string, std::unique_ptr<SourceFile>> files_;
  uint64_t source_bytes_ = 0;
};

}  // namespace sardonyx::pytorch
