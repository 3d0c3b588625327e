// Value: anything that ONNX lets an input or output be. Copies share their contents.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "sardonyx/tensor.h"

namespace sardonyx {

class Value;

// A COO sparse tensor (onnx.proto SparseTensorProto): values [nnz]; indices int64 [nnz] (linear) or [nnz, rank].
struct SparseTensor {
  Tensor values;
  Tensor indices;
  Dims dims;
};

// An absent optional has kind kNone; a present optional is simply its content.
class Value {
 public:
  enum class Kind { kNone, kTensor, kSparseTensor, kSequence, kMap };

  // Keys are an int64 or string tensor [n]; values hold one entry a key: a tensor [n, ...] of scalars, or a sequence of n.
  struct MapData;
  using Sequence = std::vector<Value>;

  Value() = default;                                                                              // kNone
  Value(Tensor tensor) : data_(std::move(tensor)) {}                                              // NOLINT
  Value(SparseTensor sparse) : data_(std::make_shared<const SparseTensor>(std::move(sparse))) {}  // NOLINT
  Value(Sequence items) : data_(std::make_shared<const Sequence>(std::move(items))) {}            // NOLINT
  static Value Map(Tensor keys, Value values);

  Kind kind() const { return static_cast<Kind>(data_.index()); }
  bool is_none() const { return kind() == Kind::kNone; }
  bool is_tensor() const { return kind() == Kind::kTensor; }
  bool is_sequence() const { return kind() == Kind::kSequence; }
  bool is_map() const { return kind() == Kind::kMap; }
  // Precondition: the kind matches.
  const Tensor& tensor() const { return std::get<Tensor>(data_); }
  const SparseTensor& sparse_tensor() const { return *std::get<std::shared_ptr<const SparseTensor>>(data_); }
  const Sequence& sequence() const { return *std::get<std::shared_ptr<const Sequence>>(data_); }
  const MapData& map() const { return *std::get<std::shared_ptr<const MapData>>(data_); }

  // "float[1,10]", "sequence of 3", "map of 2", "none": for messages.
  std::string TypeString() const;

 private:
  std::variant<std::monostate, Tensor, std::shared_ptr<const SparseTensor>, std::shared_ptr<const Sequence>, std::shared_ptr<const MapData>>
      data_;
};

struct Value::MapData {
  Tensor keys;
  Value values;
};

}  // namespace sardonyx
