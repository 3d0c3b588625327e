#include "providers/cpu/movement_elements.h"

namespace sardonyx::cpu {
namespace {

StatusOr<std::unique_ptr<uint8_t[]>> AllocateBytes(int64_t count) {
  std::unique_ptr<uint8_t[]> bytes(new (std::nothrow) uint8_t[static_cast<size_t>(count) + 1]);
  if (bytes == nullptr) return Resource(fmt::format("no memory to unpack {} elements", count));
  return bytes;
}

}  // namespace

StatusOr<ElementReader> ElementReader::Open(const TensorView& tensor) {
  ElementReader reader;
  reader.data_ = tensor.data;
  reader.element_ = kernels::ElementOf(tensor.dtype);
  if (kernels::IsSubByte(tensor.dtype)) {
    ASSIGN_OR_RETURN(reader.unpacked_, AllocateBytes(tensor.num_elements()));
    kernels::UnpackSubByte(BitsPerElement(tensor.dtype), tensor.ptr<uint8_t>(), tensor.num_elements(), reader.unpacked_.get());
  }
  return reader;
}

StatusOr<ElementWriter> ElementWriter::Open(KernelContext& context, size_t output, DataType dtype, const Dims& dims) {
  ASSIGN_OR_RETURN(const int64_t count, CheckedNumElements(dtype, dims));
  ElementWriter writer;
  ASSIGN_OR_RETURN(writer.view_, context.Output(output, dtype, dims));
  if (kernels::IsSubByte(dtype)) {
    ASSIGN_OR_RETURN(writer.unpacked_, AllocateBytes(count));
  }
  return writer;
}

Status ElementWriter::Finish() {
  if (unpacked_) kernels::PackSubByte(BitsPerElement(view_.dtype), unpacked_.get(), count(), view_.mutable_ptr<uint8_t>());
  return {};
}

StatusOr<kernels::Indices> ReadIndices(const TensorView& tensor) {
  if (tensor.dtype == DataType::kInt64) return kernels::Indices(tensor.as<int64_t>());
  if (tensor.dtype == DataType::kInt32) return kernels::Indices(tensor.as<int32_t>());
  return Invalid(fmt::format("indices must be int32 or int64, not {}", DataTypeName(tensor.dtype)));
}

StatusOr<Dims> ReadIntegers(const TensorView& tensor, std::string_view what) {
  if (tensor.rank() > 1) return Invalid(fmt::format("{} must have one dimension, not shape {}", what, tensor.dims.ToString()));
  StatusOr<kernels::Indices> values = ReadIndices(tensor);
  if (!values.ok()) return Invalid(fmt::format("{} must be int32 or int64, not {}", what, DataTypeName(tensor.dtype)));
  Dims list(static_cast<size_t>(values->count()), 0);
  for (int64_t i = 0; i < values->count(); ++i) list[i] = (*values)[i];
  return list;
}

StatusOr<int64_t> ReadInteger(const TensorView& tensor, std::string_view what) {
  StatusOr<kernels::Indices> values = ReadIndices(tensor);
  if (!values.ok() || values->count() != 1) return Invalid(fmt::format("{} must be one int32 or int64, not {}", what, tensor.TypeString()));
  return (*values)[0];
}

}  // namespace sardonyx::cpu
