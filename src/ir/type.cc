#include "ir/type.h"

#include <utility>

#include <fmt/format.h>

namespace sardonyx::ir {
namespace {

// Types nest as deep as a file makes them; messages need not.
constexpr int kMaxPrintedDepth = 32;

std::string Opaque(const Type& type) {
  return type.opaque_domain.empty() ? fmt::format("opaque({})", type.opaque_name)
                                    : fmt::format("opaque({},{})", type.opaque_domain, type.opaque_name);
}

std::string Text(const Type* type, bool with_shape, int depth) {
  if (type == nullptr || !type->known()) return "?";
  if (depth > kMaxPrintedDepth) return "...";
  const std::string_view dtype = DataTypeName(type->dtype);
  const auto element = [&] { return Text(type->element.get(), with_shape, depth + 1); };
  switch (type->kind) {
    case Type::Kind::kUnknown:
      return "?";
    case Type::Kind::kTensor:
      if (!with_shape) return fmt::format("tensor({})", dtype);
      return fmt::format("{}{}", dtype, type->shape ? type->shape->ToString() : "[...]");
    case Type::Kind::kSparseTensor:
      if (!with_shape) return fmt::format("sparse_tensor({})", dtype);
      return fmt::format("sparse {}{}", dtype, type->shape ? type->shape->ToString() : "[...]");
    case Type::Kind::kSequence:
      return fmt::format("seq({})", element());
    case Type::Kind::kMap:
      return fmt::format("map({},{})", dtype, element());
    case Type::Kind::kOptional:
      return fmt::format("optional({})", element());
    case Type::Kind::kOpaque:
      return Opaque(*type);
  }
  return "?";
}

bool Contradict(const Dim& a, const Dim& b) {
  // Two expressions may always be equal for some size of their symbols, unless they differ by a constant.
  const Dim difference = a - b;
  return difference.is_constant() && difference.value() != 0;
}

bool CompatibleShapes(const std::optional<Shape>& a, const std::optional<Shape>& b) {
  if (!a || !b) return true;
  if (a->rank() != b->rank()) return false;
  for (size_t i = 0; i < a->rank(); ++i)
    if (Contradict((*a)[i], (*b)[i])) return false;
  return true;
}

}  // namespace

bool Shape::is_static() const {
  for (const Dim& dim : dims_)
    if (!dim.is_constant()) return false;
  return true;
}

std::optional<Dims> Shape::concrete() const {
  if (!is_static()) return std::nullopt;
  Dims result(rank(), 0);
  for (size_t i = 0; i < rank(); ++i) result[i] = dims_[i].value();
  return result;
}

Dim Shape::num_elements() const {
  Dim product(1);
  // A zero anywhere makes the product zero, whatever the others are.
  for (const Dim& dim : dims_)
    if (dim.is_constant(0)) return Dim(0);
  for (const Dim& dim : dims_) product = product * dim;
  return product;
}

std::string Shape::ToString() const {
  std::string text = "[";
  for (size_t i = 0; i < dims_.size(); ++i) {
    if (i > 0) text += ',';
    text += dims_[i].ToString();
  }
  return text + "]";
}

Type Type::Sequence(Type element) {
  Type type;
  type.kind = Kind::kSequence;
  type.element = std::make_shared<const Type>(std::move(element));
  return type;
}

Type Type::Optional(Type element) {
  Type type;
  type.kind = Kind::kOptional;
  type.element = std::make_shared<const Type>(std::move(element));
  return type;
}

Type Type::Map(DataType key, Type value) {
  Type type;
  type.kind = Kind::kMap;
  type.dtype = key;
  type.element = std::make_shared<const Type>(std::move(value));
  return type;
}

std::string Type::Spelling() const { return Text(this, /*with_shape=*/false, 0); }
std::string Type::ToString() const { return Text(this, /*with_shape=*/true, 0); }

bool Compatible(const Type& a, const Type& b) {
  const Type* left = &a;
  const Type* right = &b;
  while (left != nullptr && right != nullptr) {
    if (!left->known() || !right->known()) return true;
    if (left->kind != right->kind) return false;
    if (left->kind == Type::Kind::kOpaque) return left->opaque_domain == right->opaque_domain && left->opaque_name == right->opaque_name;
    const bool both_typed = left->dtype != DataType::kUndefined && right->dtype != DataType::kUndefined;
    if (both_typed && left->dtype != right->dtype) return false;
    if (!CompatibleShapes(left->shape, right->shape)) return false;
    left = left->element.get();
    right = right->element.get();
  }
  return true;
}

}  // namespace sardonyx::ir
