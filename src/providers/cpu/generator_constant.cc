// Constant, ConstantOfShape, EyeLike.
#include <algorithm>
#include <cstring>

#include "kernels/elementwise/convert.h"
#include "kernels/generate/generate.h"
#include "providers/cpu/generator.h"

namespace sardonyx::cpu {
namespace {

// The dense tensor that a sparse attribute stands for: zeros, and its values at its indices (linear, or one row each).
StatusOr<Tensor> Densify(const SparseTensor& sparse) {
  const Tensor values = sparse.values.Aligned(), indices = sparse.indices.Aligned();
  const DataType dtype = values.dtype();
  if (dtype != DataType::kString && BitsPerElement(dtype) < 8)
    return Unsupported(fmt::format("a sparse constant of {}", DataTypeName(dtype)));
  if (indices.dtype() != DataType::kInt64) return Corrupt(fmt::format("indices of a sparse constant are {}", indices.TypeString()));
  ASSIGN_OR_RETURN(Tensor dense, Tensor::Allocate(dtype, sparse.dims));
  const int64_t count = values.num_elements(), total = dense.num_elements();
  const size_t rank = sparse.dims.rank();
  const bool linear = indices.rank() == 1;
  if (indices.num_elements() != (linear ? count : count * static_cast<int64_t>(rank)))
    return Corrupt(fmt::format("a sparse constant has {} values but indices {}", count, indices.TypeString()));
  const auto index = indices.data<int64_t>();
  for (int64_t i = 0; i < count; ++i) {
    int64_t at = linear ? index[i] : 0;
    for (size_t d = 0; !linear && d < rank; ++d) {
      const int64_t coordinate = index[i * static_cast<int64_t>(rank) + static_cast<int64_t>(d)];
      if (coordinate < 0 || coordinate >= sparse.dims[d])
        return Corrupt(fmt::format("index {} of a sparse constant is out of its shape", coordinate));
      at = at * sparse.dims[d] + coordinate;
    }
    if (at < 0 || at >= total) return Corrupt(fmt::format("index {} of a sparse constant is out of its shape", at));
    const void* from = kernels::ElementAt(dtype, values.raw_data(), i);
    kernels::FillElements(dtype, from, 1, kernels::ElementAt(dtype, dense.mutable_raw_data(), at));
  }
  return dense;
}

template <class T>
Tensor VectorOf(const std::vector<T>& values) {
  return Tensor::From<T>({static_cast<int64_t>(values.size())}, values);
}

// Exactly one of the attributes is set.
StatusOr<Tensor> ConstantValue(const NodeInfo& node) {
  if (node.HasAttribute("value")) return node.GetTensor("value");
  if (node.HasAttribute("value_float")) return Tensor::Scalar<float>(node.GetFloat("value_float"));
  if (node.HasAttribute("value_int")) return Tensor::Scalar<int64_t>(node.GetInt("value_int"));
  if (node.HasAttribute("value_string")) return Tensor::FromStrings({}, {node.GetString("value_string")});
  if (node.HasAttribute("value_floats")) return VectorOf(node.GetFloats("value_floats"));
  if (node.HasAttribute("value_ints")) return VectorOf(node.GetInts("value_ints"));
  if (node.HasAttribute("value_strings")) {
    std::vector<std::string> values = node.GetStrings("value_strings");
    return Tensor::FromStrings({static_cast<int64_t>(values.size())}, values);
  }
  if (const ir::Attribute* attribute = node.node().attribute("sparse_value")) {
    if (const auto* stored = std::get_if<ir::StoredSparseTensor>(&attribute->value)) {
      ASSIGN_OR_RETURN(const SparseTensor sparse, stored->ToSparseTensor());
      return Densify(sparse);
    }
  }
  return Invalid(
      "Constant: none of the attributes value, sparse_value, value_float, value_floats, value_int, value_ints, value_string, "
      "value_strings is set");
}

StatusOr<std::unique_ptr<Kernel>> MakeConstant(const NodeInfo& node) {
  ASSIGN_OR_RETURN(Tensor value, ConstantValue(node));
  if (!value.defined()) return Invalid("Constant: the attribute value is no tensor");
  return MakeKernel([value = std::move(value)](KernelContext& context) { return context.SetOutput(0, value); });
}

StatusOr<std::unique_ptr<Kernel>> MakeConstantOfShape(const NodeInfo& node) {
  ASSIGN_OR_RETURN(Tensor value, node.GetTensor("value"));
  if (!value.defined()) value = Tensor::Scalar(0.0f);
  if (value.num_elements() != 1) return Invalid(fmt::format("ConstantOfShape: value is {}, not one element", value.TypeString()));
  return MakeKernel([value = std::move(value)](KernelContext& context) -> Status {
    const TensorView& shape = context.input(0);
    if (shape.dtype != DataType::kInt64 || shape.rank() > 1)
      return Usage(fmt::format("ConstantOfShape: the shape is {}", shape.TypeString()));
    const Dims dims(shape.as<int64_t>());
    ASSIGN_OR_RETURN(TensorView out, context.Output(0, value.dtype(), dims));
    kernels::FillElements(out.dtype, value.raw_data(), out.num_elements(), out.data);
    return Status();
  });
}

StatusOr<std::unique_ptr<Kernel>> MakeEyeLike(const NodeInfo& node) {
  ASSIGN_OR_RETURN(const DataType wanted, DtypeAttribute(node, "dtype", DataType::kUndefined));
  const int64_t k = node.GetInt("k", 0);
  return MakeKernel([wanted, k](KernelContext& context) -> Status {
    const TensorView& like = context.input(0);
    const DataType dtype = wanted == DataType::kUndefined ? like.dtype : wanted;
    if (like.rank() != 2) return Usage(fmt::format("EyeLike: the input is {}, not a matrix", like.TypeString()));
    if (BitsPerElement(dtype) < 8 || BitsPerElement(dtype) > 64 || dtype == DataType::kComplex64)
      return Unsupported(fmt::format("EyeLike is not defined for {}", DataTypeName(dtype)));
    const int64_t rows = like.dims[0], columns = like.dims[1];
    ASSIGN_OR_RETURN(TensorView out, context.Output(0, dtype, like.dims));
    std::memset(out.data, 0, out.byte_size());
    const float one = 1.0f;
    const int64_t first = k < 0 ? (k < -rows ? rows : -k) : 0;
    for (int64_t row = first; row < rows && k < columns - row; ++row)
      kernels::ConvertElements(DataType::kFloat, &one, dtype, kernels::ElementAt(dtype, out.data, row * columns + row + k), 0, 1);
    return Status();
  });
}

}  // namespace

std::span<const KernelEntry> ConstantKernels() {
  static constexpr KernelEntry kEntries[] = {
      {"", "Constant", "reference", AcceptsAll, MakeConstant},
      {"", "ConstantOfShape", "reference", AcceptsAll, MakeConstantOfShape},
      {"", "EyeLike", "reference", AcceptsAll, MakeEyeLike},
  };
  return kEntries;
}

}  // namespace sardonyx::cpu
