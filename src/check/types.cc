// Types that a file declares: complete, of known parts, existing in the file's IR version.
#include <fmt/format.h>

#include "check/parts.h"

namespace sardonyx::check {
namespace {

using ir::Type;

constexpr int kMaxDepth = 32;  // as the loader's

// The IR version with which an element type came (onnx.proto, enum Version); 1 for those that were always there.
int IrVersionOf(DataType dtype) {
  switch (dtype) {
    case DataType::kBfloat16:
      return 4;
    case DataType::kFloat8E4M3FN:
    case DataType::kFloat8E4M3FNUZ:
    case DataType::kFloat8E5M2:
    case DataType::kFloat8E5M2FNUZ:
      return 9;
    case DataType::kUint4:
    case DataType::kInt4:
      return 10;
    case DataType::kFloat4E2M1:
      return 11;
    case DataType::kFloat8E8M0:
      return 12;
    case DataType::kUint2:
    case DataType::kInt2:
      return 13;
    case DataType::kFloat6E2M3:
    case DataType::kFloat6E3M2:
      return 14;
    default:
      return 1;
  }
}

void CheckDims(Context& context, const Scope* scope, const ir::Node* node, const Type& type, const std::string& what) {
  if (!type.shape) return;
  for (size_t i = 0; i < type.shape->rank(); ++i) {
    const ir::Dim& dim = (*type.shape)[i];
    if (dim.is_constant() && dim.value() < 0) {
      context.Warn(rules::kType, scope, node,
                   fmt::format("Dim {} of {} is {}. A dim that varies is written as a name, or left empty.", i, what, dim.value()));
    }
  }
}

void CheckMapKey(Context& context, const Scope* scope, const ir::Node* node, const Type& type, const std::string& what) {
  if (type.dtype == DataType::kUndefined) {
    context.Error(rules::kType, scope, node, fmt::format("The map type of {} has no key type. Keys are strings or integers.", what));
  } else if (type.dtype != DataType::kString && (!IsInteger(type.dtype) || BitsPerElement(type.dtype) < 8)) {
    context.Error(rules::kType, scope, node,
                  fmt::format("The map type of {} has keys of type {}. Keys are strings or integers.", what, DataTypeName(type.dtype)));
  }
}

void CheckTypeAt(Context& context, const Scope* scope, const ir::Node* node, const Type& type, const std::string& what, Severity missing,
                 int depth) {
  if (depth > kMaxDepth)
    return context.Error(rules::kType, scope, node, fmt::format("The type of {} is nested deeper than {}.", what, kMaxDepth));
  switch (type.kind) {
    case Type::Kind::kUnknown:
      context.Error(rules::kType, scope, node, fmt::format("The type of {} is empty.", what));
      return;
    case Type::Kind::kTensor:
    case Type::Kind::kSparseTensor:
      CheckElementType(context, scope, node, type.dtype, type.raw_dtype, what, missing);
      CheckDims(context, scope, node, type, what);
      return;
    case Type::Kind::kOpaque:
      if (type.opaque_name.empty()) context.Error(rules::kType, scope, node, fmt::format("The opaque type of {} has no name.", what));
      return;
    case Type::Kind::kMap:
      CheckMapKey(context, scope, node, type, what);
      break;
    case Type::Kind::kOptional:
      if (context.model().ir_version > 0 && context.model().ir_version < 8) {
        context.WarnOnce(rules::kIrVersion, scope, node, "Optional types came with IR version 8. Set ir_version to 8.");
      }
      break;
    case Type::Kind::kSequence:
      break;
  }
  if (!type.element) {
    context.Error(rules::kType, scope, node, fmt::format("The type of {} does not say what it contains.", what));
  } else {
    CheckTypeAt(context, scope, node, *type.element, what, missing, depth + 1);
  }
}

}  // namespace

void CheckElementType(Context& context, const Scope* scope, const ir::Node* node, DataType dtype, int32_t raw, const std::string& what,
                      Severity missing) {
  if (dtype == DataType::kUndefined) {
    if (raw != 0) {
      context.Error(rules::kType, scope, node,
                    fmt::format("The element type of {} is number {}, which no version of ONNX knows.", what, raw));
    } else {
      context.Add(missing, rules::kType, scope, node, fmt::format("The type of {} has no element type. Set it.", what));
    }
    return;
  }
  const int needed = IrVersionOf(dtype);
  const int64_t version = context.model().ir_version;
  if (version > 0 && version < needed) {
    context.WarnOnce(rules::kIrVersion, scope, node,
                     fmt::format("Element type {} came with IR version {}, but the model says ir_version {}. Set it to {}.",
                                 DataTypeName(dtype), needed, version, needed));
  }
}

void CheckType(Context& context, const Scope* scope, const ir::Node* node, const Type& type, const std::string& what, Severity missing) {
  CheckTypeAt(context, scope, node, type, what, missing, 0);
}

}  // namespace sardonyx::check
