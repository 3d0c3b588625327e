#include "formats/torch_save.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "formats/torch_file.h"

namespace sardonyx::formats {
namespace {

using Kind = PickleKind;
constexpr int kMaxDepth = 32;  // of tensors wrapped in tensors

// "a b.c" -> "c"
std::string_view LastName(std::string_view global) {
  const size_t at = global.find_last_of(". ");
  return at == std::string_view::npos ? global : global.substr(at + 1);
}

Status BadArguments(const PickleValue& value) { return Corrupt(fmt::format("{}: its arguments do not fit", value.Describe())); }

StatusOr<std::vector<int64_t>> ReadInts(const PickleValue* value) {
  // torch.Size(...) is a call whose only argument is the tuple.
  if (value != nullptr && value->is_call_of("torch Size")) value = value->argument(0);
  if (value == nullptr || !value->is_sequence()) return Corrupt("a tensor's sizes are no tuple of integers");
  std::vector<int64_t> ints;
  for (const PickleValue* item : value->items) {
    if (!item->is_integer() || item->integer < 0) return Corrupt("a tensor's sizes are no tuple of integers");
    ints.push_back(item->integer);
  }
  return ints;
}

// A dtype object: the global torch.float32.
StatusOr<DataType> ReadDtype(const PickleValue* value) {
  if (value == nullptr || !value->is(Kind::kGlobal) || !value->text.starts_with("torch ")) return Corrupt("a tensor's dtype is none");
  const std::optional<DataType> type = TorchDataType(value->text.substr(6));
  if (!type) return Unsupported(fmt::format("dtype {}, which ONNX does not have", value->text));
  return *type;
}

bool IsTrue(const PickleValue* value) { return value != nullptr && value->is_integer() && value->integer != 0; }

constexpr std::string_view kRebuild = "torch._utils _rebuild_";

std::optional<TorchSparse::Layout> LayoutOf(const PickleValue* value) {
  if (value != nullptr && value->is(Kind::kCall)) value = value->argument(0);  // torch.serialization._get_layout('torch.sparse_coo')
  if (value == nullptr) return std::nullopt;
  const std::string_view name = LastName(value->text);
  if (name == "sparse_coo") return TorchSparse::Layout::kCoo;
  if (name == "sparse_csr") return TorchSparse::Layout::kCsr;
  if (name == "sparse_csc") return TorchSparse::Layout::kCsc;
  if (name == "sparse_bsr") return TorchSparse::Layout::kBsr;
  if (name == "sparse_bsc") return TorchSparse::Layout::kBsc;
  return std::nullopt;
}

}  // namespace

StatusOr<StorageId> ParseStorageId(const PickleValue& value) {
  // Storages of typed wrappers are the same: torch.storage.TypedStorage is saved by its untyped one.
  const PickleValue* id = value.is(Kind::kPersistent) ? value.arguments : nullptr;
  const auto is_id = [&] {
    return id != nullptr && id->is(Kind::kTuple) && id->items.size() >= 5 && id->items[0]->is(Kind::kString) && id->items[0]->text == "storage" &&
           id->items[1]->is(Kind::kGlobal) && id->items[2]->is(Kind::kString) && id->items[4]->is_integer() && id->items[4]->integer >= 0;
  };
  if (!is_id()) return Corrupt(fmt::format("a tensor's storage is {}", value.Describe()));
  StorageId parsed;
  const std::string_view type = LastName(id->items[1]->text);
  if (type != "UntypedStorage") {
    parsed.type = TorchStorageType(type);
    if (!parsed.type) return Unsupported(fmt::format("a tensor in a {}, which ONNX has no type for", id->items[1]->text));
  }
  parsed.key = id->items[2]->text;
  parsed.elements = id->items[4]->integer;
  if (id->items.size() > 5 && !id->items[5]->is(Kind::kNone)) {
    parsed.view = id->items[5];
    const auto& view = parsed.view->items;
    if (!parsed.view->is(Kind::kTuple) || view.size() != 3 || !view[0]->is(Kind::kString) || !view[1]->is_integer() || !view[2]->is_integer())
      return Corrupt("a view of a storage is damaged");
  }
  return parsed;
}

StatusOr<std::shared_ptr<const TorchStorage>> TorchFile::ReadStorage(const PickleValue& value, std::optional<DataType>* type) const {
  ASSIGN_OR_RETURN(const StorageId id, ParseStorageId(value));
  *type = id.type;
  std::string key(id.key);
  if (id.view != nullptr) key += "/" + std::string(id.view->items[0]->text);
  if (const auto found = storages_->loaded.find(key); found != storages_->loaded.end()) return found->second;
  ASSIGN_OR_RETURN(Bytes bytes, storages_->load(id.key));
  const uint64_t width = id.type ? PackedBytes(*id.type, 1) : 1;
  uint64_t first = 0, count = static_cast<uint64_t>(id.elements);
  if (id.view != nullptr) {
    first = static_cast<uint64_t>(id.view->items[1]->integer);
    count = static_cast<uint64_t>(id.view->items[2]->integer);
  }
  // The inputs of a trace are saved without their elements: their types and sizes are all there is, and Dense() refuses them.
  if (bytes.empty()) first = count = 0;
  const uint64_t held = bytes.size() / width;
  if (first > held || count > held - first)
    return Corrupt(fmt::format("storage '{}' should have {} elements of {} bytes, but has {} bytes", id.key, first + count, width, bytes.size()));
  auto storage = std::make_shared<const TorchStorage>(TorchStorage{bytes.Slice(first * width, count * width)});
  storages_->loaded.emplace(std::move(key), storage);
  return std::shared_ptr<const TorchStorage>(storage);
}

// torch._utils._rebuild_tensor (version 1), _v2 and _v3: (storage, offset, size, stride[, requires_grad, hooks[, dtype]]).
StatusOr<TorchTensor> TorchFile::Rebuild(const PickleValue& call, int version) const {
  const PickleValue *storage = call.argument(0), *offset = call.argument(1);
  if (storage == nullptr || offset == nullptr || !offset->is_integer() || offset->integer < 0) return BadArguments(call);
  TorchTensor tensor;
  std::optional<DataType> type;
  ASSIGN_OR_RETURN(tensor.storage, ReadStorage(*storage, &type));
  if (version == 3) {
    ASSIGN_OR_RETURN(tensor.dtype, ReadDtype(call.argument(6)));
  } else if (type) {
    tensor.dtype = *type;
  } else {
    return Corrupt("a tensor without a dtype");
  }
  tensor.offset = offset->integer;
  ASSIGN_OR_RETURN(tensor.sizes, ReadInts(call.argument(2)));
  ASSIGN_OR_RETURN(tensor.strides, ReadInts(call.argument(3)));
  if (tensor.sizes.size() != tensor.strides.size()) return BadArguments(call);
  tensor.requires_grad = IsTrue(call.argument(4));
  return tensor;
}

// (storage, offset, size, stride, quantizer, requires_grad, hooks); the quantizer is (torch.per_tensor_affine, scale, zero
// point) or (torch.per_channel_affine, scales, zero points, axis).
StatusOr<TorchTensor> TorchFile::RebuildQuantized(const PickleValue& call, int depth) const {
  ASSIGN_OR_RETURN(TorchTensor tensor, Rebuild(call, 2));
  tensor.requires_grad = IsTrue(call.argument(5));
  const PickleValue* quantizer = call.argument(4);
  if (quantizer == nullptr || !quantizer->is(Kind::kTuple) || quantizer->items.size() < 3) return BadArguments(call);
  const auto& parts = quantizer->items;
  TorchQuantization quantization;
  const std::string_view scheme = LastName(parts[0]->text);
  if (scheme == "per_tensor_affine" && parts[1]->is(Kind::kFloat) && parts[2]->is_integer()) {
    quantization.scales = {parts[1]->number};
    quantization.zero_points = {parts[2]->integer};
  } else if (scheme == "per_channel_affine" && parts.size() == 4 && parts[3]->is_integer()) {
    ASSIGN_OR_RETURN(const TorchTensor scales, ReadTensorAt(*parts[1], depth + 1));
    ASSIGN_OR_RETURN(const TorchTensor zero_points, ReadTensorAt(*parts[2], depth + 1));
    ASSIGN_OR_RETURN(Tensor scale, scales.Dense());
    ASSIGN_OR_RETURN(Tensor zero_point, zero_points.Dense());
    scale = scale.Aligned(), zero_point = zero_point.Aligned();
    if (scale.dtype() != DataType::kDouble || zero_point.dtype() != DataType::kInt64 || scale.num_elements() != zero_point.num_elements())
      return Unsupported("a quantized tensor whose scales are not float64 or whose zero points are not int64");
    quantization.scales.assign(scale.data<double>().begin(), scale.data<double>().end());
    quantization.zero_points.assign(zero_point.data<int64_t>().begin(), zero_point.data<int64_t>().end());
    quantization.axis = parts[3]->integer;
    const int64_t axis = parts[3]->integer;
    if (axis < 0 || axis >= static_cast<int64_t>(tensor.sizes.size()) || tensor.sizes[static_cast<size_t>(axis)] != scale.num_elements())
      return BadArguments(call);
  } else {
    return Unsupported(fmt::format("a tensor quantized by the scheme {}", parts[0]->Describe()));
  }
  tensor.quantization = std::move(quantization);
  return tensor;
}

// (layout, data): of COO (indices, values, size[, is_coalesced]), else (compressed indices, plain indices, values, size).
StatusOr<TorchTensor> TorchFile::RebuildSparse(const PickleValue& call, int depth) const {
  const std::optional<TorchSparse::Layout> layout = LayoutOf(call.argument(0));
  const PickleValue* data = call.argument(1);
  if (!layout) return Unsupported(fmt::format("{}: a sparse layout that is not known", call.Describe()));
  const size_t parts = *layout == TorchSparse::Layout::kCoo ? 2 : 3;
  if (data == nullptr || !data->is_sequence() || data->items.size() <= parts) return BadArguments(call);
  std::vector<std::shared_ptr<const TorchTensor>> tensors;
  for (size_t i = 0; i < parts; ++i) {
    ASSIGN_OR_RETURN(TorchTensor part, ReadTensorAt(*data->items[i], depth + 1));
    tensors.push_back(std::make_shared<const TorchTensor>(std::move(part)));
  }
  TorchTensor tensor;
  tensor.dtype = tensors.back()->dtype;
  ASSIGN_OR_RETURN(tensor.sizes, ReadInts(data->items[parts]));
  tensor.sparse = std::make_shared<const TorchSparse>(TorchSparse{*layout, tensors[0], parts == 3 ? tensors[1] : nullptr, tensors.back()});
  return tensor;
}

StatusOr<TorchTensor> TorchFile::ReadCall(const PickleValue& value, int depth) const {
  const std::string_view name = value.callable->text;
  if (name == "torch._tensor _rebuild_from_type_v2") {  // (function, class, its arguments, attributes)
    const PickleValue *function = value.argument(0), *arguments = value.argument(2);
    if (function == nullptr || arguments == nullptr || !arguments->is(Kind::kTuple)) return BadArguments(value);
    PickleValue call;
    call.kind = Kind::kCall;
    call.callable = function;
    call.arguments = arguments;
    return ReadTensorAt(call, depth + 1);
  }
  if (name == "torch.nn.parameter Parameter" || name == "torch.nn.parameter Buffer") {
    const PickleValue* data = value.argument(0);
    if (data == nullptr) return BadArguments(value);
    ASSIGN_OR_RETURN(TorchTensor tensor, ReadTensorAt(*data, depth + 1));
    tensor.is_parameter = name.ends_with("Parameter");
    return tensor;
  }
  if (!name.starts_with(kRebuild)) return Unsupported(fmt::format("{} is not a tensor that can be read", value.Describe()));
  const std::string_view kind = name.substr(kRebuild.size());
  if (kind == "tensor") return Rebuild(value, 1);
  if (kind == "tensor_v2") return Rebuild(value, 2);
  if (kind == "tensor_v3") return Rebuild(value, 3);
  if (kind == "qtensor") return RebuildQuantized(value, depth);
  if (kind == "sparse_tensor") return RebuildSparse(value, depth);
  if (kind == "sparse_csr_tensor") return Unsupported("a sparse tensor in the form of PyTorch 1.8");
  if (kind == "parameter" || kind == "parameter_with_state") {
    const PickleValue* data = value.argument(0);
    if (data == nullptr) return BadArguments(value);
    ASSIGN_OR_RETURN(TorchTensor tensor, ReadTensorAt(*data, depth + 1));
    tensor.is_parameter = true;
    tensor.requires_grad = IsTrue(value.argument(1));
    return tensor;
  }
  if (kind == "meta_tensor_no_storage") return Unsupported("a meta tensor: the file has its shape, but no data");
  if (kind == "nested_tensor") return Unsupported("a nested tensor, which ONNX cannot say");
  return Unsupported(fmt::format("{} is not a tensor that can be read", value.Describe()));
}

StatusOr<TorchTensor> TorchFile::ReadTensorAt(const PickleValue& value, int depth) const {
  if (depth > kMaxDepth) return Corrupt("tensors are nested too deeply");
  if (value.is(Kind::kPersistent) && value.arguments != nullptr) {  // the tar form
    const auto found = storages_->tensors.find(std::string(value.arguments->text));
    if (found != storages_->tensors.end()) return found->second;
  }
  if (!value.is(Kind::kCall) || !IsTensor(value)) return Corrupt(fmt::format("{} is no tensor", value.Describe()));
  return ReadCall(value, depth);
}

bool TorchFile::IsTensor(const PickleValue& value) {
  if (value.is(Kind::kPersistent)) return value.arguments != nullptr && value.arguments->is(Kind::kString);
  if (!value.is(Kind::kCall) || value.callable == nullptr || !value.callable->is(Kind::kGlobal)) return false;
  const std::string_view name = value.callable->text;
  return name.starts_with(kRebuild) || name == "torch._tensor _rebuild_from_type_v2" || name == "torch.nn.parameter Parameter" ||
         name == "torch.nn.parameter Buffer";
}

StatusOr<TorchTensor> TorchFile::ReadTensor(const PickleValue& value) const { return ReadTensorAt(value, 0); }

StatusOr<std::vector<std::pair<std::string, TorchTensor>>> ReadStateDict(const TorchFile& file, const PickleValue& value, size_t* skipped) {
  if (!value.is_mapping()) return Invalid(fmt::format("not a dict of tensors but {}", value.Describe()));
  std::vector<std::pair<std::string, TorchTensor>> tensors;
  size_t others = 0;
  for (size_t i = 0; i + 1 < value.entries.size(); i += 2) {
    const PickleValue &key = *value.entries[i], &item = *value.entries[i + 1];
    if (!key.is(PickleKind::kString) || !TorchFile::IsTensor(item)) {
      ++others;
      continue;
    }
    ASSIGN_OR_RETURN(TorchTensor tensor, file.ReadTensor(item).WithContext(fmt::format("tensor '{}'", key.text)));
    tensors.emplace_back(key.text, std::move(tensor));
  }
  if (skipped != nullptr) *skipped = others;
  return tensors;
}

StatusOr<TorchFile> TorchFile::Open(const Bytes& bytes) {
  switch (DetectTorchFile(bytes)) {
    case TorchFileKind::kLegacySave:
      return ReadLegacySave(bytes);
    case TorchFileKind::kTarSave:
      return ReadTarSave(bytes);
    case TorchFileKind::kSave:
    case TorchFileKind::kTorchScript: {
      ASSIGN_OR_RETURN(const TorchArchive archive, TorchArchive::Open(bytes));
      return archive.Load("data.pkl", "data/", {.allows = AllowsTorchSaveGlobal});
    }
    case TorchFileKind::kExported:
    case TorchFileKind::kPackage:
    case TorchFileKind::kNone:
      break;
  }
  return Corrupt("not a file of torch.save: neither a zip archive with data.pkl, nor the stream of pickles or the tar of older versions");
}

}  // namespace sardonyx::formats
