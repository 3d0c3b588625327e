// Type: what a value is, as TypeProto says it: a tensor, sparse tensor, sequence, map, optional, or opaque.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ir/dim.h"
#include "ir/extras.h"
#include "sardonyx/data_type.h"
#include "sardonyx/tensor.h"

namespace sardonyx::ir {

// A shape of known rank whose dims may be unknown or symbolic.
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<Dim> dims) : dims_(dims) {}
  explicit Shape(std::vector<Dim> dims) : dims_(std::move(dims)) {}
  static Shape Of(std::span<const int64_t> dims) { return Shape(std::vector<Dim>(dims.begin(), dims.end())); }
  static Shape OfRank(size_t rank) { return Shape(std::vector<Dim>(rank)); }

  size_t rank() const { return dims_.size(); }
  Dim& operator[](size_t i) { return dims_[i]; }
  const Dim& operator[](size_t i) const { return dims_[i]; }
  std::vector<Dim>& dims() { return dims_; }
  const std::vector<Dim>& dims() const { return dims_; }
  void Append(Dim dim) { dims_.push_back(std::move(dim)); }
  bool is_static() const;                // every dim is constant
  std::optional<Dims> concrete() const;  // when is_static()
  Dim num_elements() const;              // product of all dims
  std::string ToString() const;          // "[batch,3,?,224]"

  // What a file says beyond the dims, kept for saving: per dim a denotation and unknown fields. Empty, or one a dim.
  struct DimExtras {
    std::string denotation;
    Extras extras;
  };
  std::vector<DimExtras> dim_extras;
  Extras extras;

 private:
  std::vector<Dim> dims_;
};

struct Type {
  enum class Kind : uint8_t { kUnknown, kTensor, kSparseTensor, kSequence, kMap, kOptional, kOpaque };

  Kind kind = Kind::kUnknown;
  DataType dtype = DataType::kUndefined;   // tensor, sparse tensor: element; map: key
  int32_t raw_dtype = 0;                   // the number in the file when this version of Sardonyx does not know it, else 0
  std::optional<Shape> shape;              // tensor, sparse tensor: nullopt when the rank is unknown
  std::shared_ptr<const Type> element;     // sequence, optional: element; map: value; null when the file has none
  std::string opaque_domain, opaque_name;  // opaque
  std::string denotation;
  Extras extras;        // of TypeProto
  Extras inner_extras;  // of TypeProto.Tensor and its like

  static Type Tensor(DataType dtype) {
    Type t;
    t.kind = Kind::kTensor;
    t.dtype = dtype;
    return t;
  }
  static Type Tensor(DataType dtype, Shape shape) {
    Type t = Tensor(dtype);
    t.shape = std::move(shape);
    return t;
  }
  static Type SparseTensor(DataType dtype, std::optional<Shape> shape) {
    Type t = Tensor(dtype);
    t.kind = Kind::kSparseTensor;
    t.shape = std::move(shape);
    return t;
  }
  static Type Sequence(Type element);
  static Type Optional(Type element);
  static Type Map(DataType key, Type value);

  bool known() const { return kind != Kind::kUnknown; }
  bool is_tensor() const { return kind == Kind::kTensor; }
  // "tensor(float)", "seq(tensor(int64))", "map(string,tensor(float))", "optional(...)": the spelling of the schemas.
  std::string Spelling() const;
  // With the shape: "float[batch,3]", "seq(float[?])", "?" when unknown.
  std::string ToString() const;
};

// The same kind, element types and provably equal or unknown-compatible shapes? False only where they contradict.
bool Compatible(const Type& a, const Type& b);

}  // namespace sardonyx::ir
