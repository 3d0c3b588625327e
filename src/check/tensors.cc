// Stored tensors: dims, element type and data agree. Sizes are compared; data is not decoded, but for sparse indices.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "check/parts.h"
#include "formats/wire.h"

namespace sardonyx::check {
namespace {

using ir::StoredTensor;

// TensorProto's data fields; one besides the storage is kept among the unknown fields.
constexpr struct DataField {
  int number;
  std::string_view name;
} kDataFields[] = {{4, "float_data"}, {5, "int32_data"},   {6, "string_data"}, {7, "int64_data"},
                   {9, "raw_data"},   {10, "double_data"}, {11, "uint64_data"}};

std::string_view FieldName(int number) {
  for (const DataField& field : kDataFields) {
    if (field.number == number) return field.name;
  }
  return "";
}

// The field in which elements of `dtype` stand when they are not in raw_data.
int FieldOf(DataType dtype) {
  switch (dtype) {
    case DataType::kFloat:
    case DataType::kComplex64:
      return 4;
    case DataType::kString:
      return 6;
    case DataType::kInt64:
      return 7;
    case DataType::kDouble:
    case DataType::kComplex128:
      return 10;
    case DataType::kUint32:
    case DataType::kUint64:
      return 11;
    default:
      return 5;
  }
}

class TensorChecker {
 public:
  TensorChecker(Context& context, const Scope* scope, const ir::Node* node, const StoredTensor& tensor, const std::string& what)
      : context_(context), scope_(scope), node_(node), tensor_(tensor), what_(what) {}

  void Run() {
    CheckElementType(context_, scope_, node_, tensor_.dtype, tensor_.raw_dtype, what_);
    CheckMetadata(context_, tensor_.metadata, scope_, what_);
    if (tensor_.has_segment)
      context_.Warn(rules::kTensor, scope_, node_, fmt::format("{} is stored in segments, which no reader supports.", what_));
    CheckOtherData();
    const bool sized = CountElements();
    if (const auto* external = std::get_if<StoredTensor::External>(&tensor_.storage)) {
      const bool known = sized && tensor_.dtype != DataType::kUndefined;
      if (tensor_.dtype == DataType::kString) Error("holds strings, which cannot be stored as external data. Put them into string_data.");
      CheckExternalData(context_, scope_, node_, *external, known ? Bytes() : -1, what_);
    } else if (sized && tensor_.dtype != DataType::kUndefined) {
      CheckData();
    }
  }

 private:
  void Error(std::string_view message) { context_.Error(rules::kTensor, scope_, node_, fmt::format("{} {}", what_, message)); }
  int64_t Bytes() const { return static_cast<int64_t>(PackedBytes(tensor_.dtype, static_cast<size_t>(count_))); }

  void CheckOtherData() {
    formats::WireReader reader(tensor_.extras.unknown);
    while (reader.Next()) {
      const std::string_view name = FieldName(reader.field());
      if (name.empty() || (reader.type() == formats::WireType::kLength && reader.bytes().empty())) continue;
      const bool external = std::holds_alternative<StoredTensor::External>(tensor_.storage);
      return Error(fmt::format("has data in {} besides {}. Keep one of them.", name, external ? "external data" : "another field"));
    }
  }

  // False, and reported, if the dims make no sense.
  bool CountElements() {
    for (int64_t dim : tensor_.dims) {
      if (dim < 0) {
        Error(fmt::format("has a negative dim in {}.", Dims(tensor_.dims).ToString()));
        return false;
      }
    }
    const StatusOr<int64_t> count = CheckedNumElements(tensor_.dtype, tensor_.dims);
    if (!count.ok()) {
      Error(fmt::format("is too large: its dims {} overflow.", Dims(tensor_.dims).ToString()));
      return false;
    }
    count_ = *count;
    return true;
  }

  void CheckData() {
    if (std::holds_alternative<StoredTensor::Memory>(tensor_.storage)) return;
    const std::string type = fmt::format("{}{}", DataTypeName(tensor_.dtype), Shorten(Dims(tensor_.dims).ToString()));
    if (std::holds_alternative<StoredTensor::None>(tensor_.storage)) {
      if (count_ != 0) Error(fmt::format("is {} but has no data.", type));
    } else if (const auto* raw = std::get_if<StoredTensor::Raw>(&tensor_.storage)) {
      if (tensor_.dtype == DataType::kString) return Error("holds strings in raw_data. Put them into string_data.");
      if (raw->data.size() != static_cast<size_t>(Bytes())) {
        Error(fmt::format("is {}, which takes {} bytes, but has {} bytes of raw_data.", type, Bytes(), raw->data.size()));
      }
    } else if (const auto* strings = std::get_if<StoredTensor::Strings>(&tensor_.storage)) {
      if (tensor_.dtype != DataType::kString) return ReportField(6);
      if (strings->values.size() != static_cast<size_t>(count_))
        Error(fmt::format("is {}, but has {} strings.", type, strings->values.size()));
    } else if (const auto* typed = std::get_if<StoredTensor::Typed>(&tensor_.storage)) {
      if (typed->field != FieldOf(tensor_.dtype)) return ReportField(typed->field);
      CheckTypedCount(*typed, type);
    }
  }

  void ReportField(int field) {
    Error(fmt::format("is {}, whose data belongs into {} or raw_data, but stands in {}.", DataTypeName(tensor_.dtype),
                      FieldName(FieldOf(tensor_.dtype)), FieldName(field)));
  }

  void CheckTypedCount(const StoredTensor::Typed& typed, const std::string& type) {
    const std::string_view payload = typed.payload.view();
    size_t values = 0, least = static_cast<size_t>(count_), most = least;
    if (typed.field == 4 || typed.field == 10) {
      const size_t width = typed.field == 4 ? 4 : 8;
      values = payload.size() / width;
      if (tensor_.dtype == DataType::kComplex64 || tensor_.dtype == DataType::kComplex128) least = most = 2 * least;
      if (payload.size() % width != 0)
        return Error(fmt::format("has {} bytes of {}, which is no whole number of values.", payload.size(), FieldName(typed.field)));
    } else {
      // Every varint ends with its only byte below 0x80.
      values =
          static_cast<size_t>(std::count_if(payload.begin(), payload.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
      if (const int bits = BitsPerElement(tensor_.dtype); bits < 6) {  // float6 takes an int32 each
        // Packed as bytes; writers differ in whether an int32 holds one of these or four.
        least = static_cast<size_t>((Bytes() + 3) / 4);
        most = static_cast<size_t>(Bytes());
      }
    }
    if (values < least || values > most) {
      Error(fmt::format("is {}, which takes {} values, but has {} in {}.", type, most, values, FieldName(typed.field)));
    }
  }

  Context& context_;
  const Scope* scope_;
  const ir::Node* node_;
  const StoredTensor& tensor_;
  const std::string& what_;
  int64_t count_ = 0;
};

class SparseChecker {
 public:
  SparseChecker(Context& context, const Scope* scope, const ir::Node* node, const ir::StoredSparseTensor& tensor, const std::string& what)
      : context_(context), scope_(scope), node_(node), tensor_(tensor), what_(what) {}

  void Run() {
    CheckTensor(context_, scope_, node_, tensor_.values, fmt::format("values of {}", what_));
    if (tensor_.values.dims.size() != 1) return Error("must have values of rank 1: one for each index.");
    if (tensor_.dims.empty()) return Error("has no dims. A sparse tensor has rank 1 or more.");
    for (int64_t dim : tensor_.dims) {
      if (dim <= 0) return Error(fmt::format("has dims {}; each must be 1 or more.", Dims(tensor_.dims).ToString()));
    }
    if (!CheckedNumElements(tensor_.values.dtype, tensor_.dims).ok()) {
      return Error(fmt::format("is too large: its dims {} overflow.", Dims(tensor_.dims).ToString()));
    }
    const int64_t count = tensor_.values.dims[0];
    const ir::StoredTensor& indices = tensor_.indices;
    if (indices.dtype == DataType::kUndefined && indices.dims.empty()) {
      if (count != 0) Error(fmt::format("has {} values but no indices.", count));
      return;
    }
    CheckTensor(context_, scope_, node_, indices, fmt::format("indices of {}", what_));
    if (indices.dtype != DataType::kInt64)
      return Error(fmt::format("has indices of type {}; they must be int64.", DataTypeName(indices.dtype)));
    const auto rank = static_cast<int64_t>(tensor_.dims.size());
    const bool linear = indices.dims.size() == 1;
    const bool fits = linear || (indices.dims.size() == 2 && indices.dims[1] == rank);
    if (!fits || indices.dims[0] != count) {
      return Error(fmt::format("has {} values and rank {}, so its indices must be [{}] or [{},{}], but are {}.", count, rank, count, count,
                               rank, Shorten(Dims(indices.dims).ToString())));
    }
    CheckIndices(linear);
  }

 private:
  void Error(std::string_view message) { context_.Error(rules::kSparse, scope_, node_, fmt::format("{} {}", what_, message)); }

  void CheckIndices(bool linear) {
    const StatusOr<Tensor> decoded = tensor_.indices.ToTensor();
    if (!decoded.ok()) return;  // reported with the indices
    const Tensor aligned = decoded->Aligned();
    const std::span<const int64_t> index = aligned.data<int64_t>();
    const int64_t whole = std::accumulate(tensor_.dims.begin(), tensor_.dims.end(), int64_t{1}, std::multiplies<>());
    const std::vector<int64_t> bounds = linear ? std::vector<int64_t>{whole} : tensor_.dims;
    int64_t previous = -1;
    for (size_t i = 0; i < index.size() / bounds.size(); ++i) {
      int64_t position = 0;
      for (size_t j = 0; j < bounds.size(); ++j) {
        const int64_t at = index[i * bounds.size() + j];
        if (at < 0 || at >= bounds[j])
          return Error(fmt::format("has index {} at position {}, which is not between 0 and {}.", at, i, bounds[j] - 1));
        position = position * bounds[j] + at;
      }
      if (position <= previous)
        return Error(fmt::format("has indices that are not in ascending order, or not unique, at position {}. Sort them.", i));
      previous = position;
    }
  }

  Context& context_;
  const Scope* scope_;
  const ir::Node* node_;
  const ir::StoredSparseTensor& tensor_;
  const std::string& what_;
};

}  // namespace

void CheckTensor(Context& context, const Scope* scope, const ir::Node* node, const ir::StoredTensor& tensor, const std::string& what) {
  TensorChecker(context, scope, node, tensor, what).Run();
}

void CheckSparseTensor(Context& context, const Scope* scope, const ir::Node* node, const ir::StoredSparseTensor& tensor,
                       const std::string& what) {
  SparseChecker(context, scope, node, tensor, what).Run();
}

}  // namespace sardonyx::check
