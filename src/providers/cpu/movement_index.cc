// Gather, GatherElements, GatherND, Scatter, ScatterElements, ScatterND.
#include <cstring>

#include "kernels/movement/gather.h"
#include "kernels/movement/scatter.h"
#include "kernels/movement/shape_math.h"
#include "kernels/movement/strided_copy.h"
#include "providers/cpu/movement.h"
#include "providers/cpu/movement_elements.h"

namespace sardonyx::cpu {
namespace {

using kernels::ResolveAxis;

// GatherND's and ScatterND's indices as int64 (com.microsoft's GatherND also takes int32, which `wide` then holds).
StatusOr<const int64_t*> WideIndices(const TensorView& tensor, std::vector<int64_t>& wide) {
  if (tensor.dtype == DataType::kInt64) return tensor.ptr<int64_t>();
  ASSIGN_OR_RETURN(const kernels::Indices narrow, ReadIndices(tensor));
  wide.resize(static_cast<size_t>(narrow.count()));
  for (int64_t i = 0; i < narrow.count(); ++i) wide[i] = narrow[i];
  return static_cast<const int64_t*>(wide.data());
}

StatusOr<kernels::ScatterReduction> ReadReduction(const NodeInfo& node) {
  const std::string name = node.GetString("reduction", "none");
  const std::optional<kernels::ScatterReduction> reduction = kernels::ParseScatterReduction(name);
  if (!reduction) return Invalid(fmt::format("reduction '{}' is not one of none, add, mul, min, max", name));
  return *reduction;
}

// Output 0 with a copy of input 0 in it, unless the plan gave both the same memory.
StatusOr<ElementWriter> CopyOfData(KernelContext& context) {
  const TensorView& data = context.input(0);
  ASSIGN_OR_RETURN(const ElementReader reader, ElementReader::Open(data));
  ASSIGN_OR_RETURN(ElementWriter writer, ElementWriter::Open(context, 0, data.dtype, data.dims));
  if (writer.data() != reader.data()) {
    const Dims all{writer.count()}, step{1};
    CopyStrided(writer.element(), all, reader.data(), step, writer.data(), step, &context.thread_pool());
  }
  return writer;
}

Status CheckUpdates(const TensorView& data, const TensorView& updates, const Dims& expected) {
  if (updates.dtype != data.dtype)
    return Invalid(fmt::format("updates are {}, data {}", DataTypeName(updates.dtype), DataTypeName(data.dtype)));
  if (updates.dims == expected) return {};
  return Invalid(fmt::format("updates of shape {} instead of {}", updates.dims.ToString(), expected.ToString()));
}

const KernelTraits kOverData{.in_place = {{0, 0}}};

}  // namespace

namespace {

// A table of constants that does not lie aligned in the model's file stays there, and bytes are copied from it: a copy of an embedding
// for the few rows that a run takes would be the largest thing in memory.
KernelOr CreateGatherFromFile(const NodeInfo& node, const Tensor& table) {
  ASSIGN_OR_RETURN(const size_t axis, ResolveAxis(node.GetInt("axis"), table.rank()));
  node.ReleaseConstant(0);
  return MakeKernel([table, axis](KernelContext& context) -> Status {
    const Dims& dims = table.dims();
    ASSIGN_OR_RETURN(const kernels::Indices indices, ReadIndices(context.input(1)));
    RETURN_IF_ERROR(CheckIndices(indices, dims[axis]));
    Dims out;
    for (size_t i = 0; i < axis; ++i) out.push_back(dims[i]);
    for (int64_t dim : context.input(1).dims) out.push_back(dim);
    for (size_t i = axis + 1; i < table.rank(); ++i) out.push_back(dims[i]);
    ASSIGN_OR_RETURN(const TensorView y, context.Output(0, table.dtype(), out));
    const auto element = static_cast<int64_t>(PackedBytes(table.dtype(), 1));
    GatherAxis(kernels::Element::kBytes1, table.raw_data(), dims.Product(0, axis), dims[axis], dims.Product(axis + 1, table.rank()) * element,
               indices, y.data, &context.thread_pool());
    return {};
  });
}

}  // namespace

KernelOr CreateGather(const NodeInfo& node) {
  if (const std::optional<Tensor> table = node.stored_constant(0); table && !table->is_aligned() && table->rank() > 0)
    return CreateGatherFromFile(node, *table);
  return MakeKernel([given_axis = node.GetInt("axis")](KernelContext& context) -> Status {
    const TensorView& data = context.input(0);
    ASSIGN_OR_RETURN(const size_t axis, ResolveAxis(given_axis, data.rank()));
    ASSIGN_OR_RETURN(const kernels::Indices indices, ReadIndices(context.input(1)));
    RETURN_IF_ERROR(CheckIndices(indices, data.dims[axis]));
    Dims out;
    for (size_t i = 0; i < axis; ++i) out.push_back(data.dims[i]);
    for (int64_t dim : context.input(1).dims) out.push_back(dim);
    for (size_t i = axis + 1; i < data.rank(); ++i) out.push_back(data.dims[i]);
    ASSIGN_OR_RETURN(const ElementReader reader, ElementReader::Open(data));
    ASSIGN_OR_RETURN(ElementWriter writer, ElementWriter::Open(context, 0, data.dtype, out));
    GatherAxis(reader.element(), reader.data(), data.dims.Product(0, axis), data.dims[axis], data.dims.Product(axis + 1, data.rank()),
               indices, writer.data(), &context.thread_pool());
    return writer.Finish();
  });
}

KernelOr CreateGatherElements(const NodeInfo& node) {
  return MakeKernel([given_axis = node.GetInt("axis")](KernelContext& context) -> Status {
    const TensorView& data = context.input(0);
    const Dims& out = context.input(1).dims;
    ASSIGN_OR_RETURN(const size_t axis, ResolveAxis(given_axis, data.rank()));
    ASSIGN_OR_RETURN(const kernels::Indices indices, ReadIndices(context.input(1)));
    RETURN_IF_ERROR(CheckElementsIndices(data.dims, axis, indices, out));
    ASSIGN_OR_RETURN(const ElementReader reader, ElementReader::Open(data));
    ASSIGN_OR_RETURN(ElementWriter writer, ElementWriter::Open(context, 0, data.dtype, out));
    GatherElements(reader.element(), reader.data(), data.dims, axis, indices, out, writer.data(), &context.thread_pool());
    return writer.Finish();
  });
}

KernelOr CreateGatherND(const NodeInfo& node) {
  return MakeKernel([batch_dims = node.GetInt("batch_dims")](KernelContext& context) -> Status {
    const TensorView& data = context.input(0);
    std::vector<int64_t> wide;
    ASSIGN_OR_RETURN(const int64_t* indices, WideIndices(context.input(1), wide));
    ASSIGN_OR_RETURN(const kernels::TuplePlan plan, kernels::PlanTuples(data.dims, context.input(1).dims, batch_dims));
    RETURN_IF_ERROR(CheckTuples(plan, indices));
    ASSIGN_OR_RETURN(const ElementReader reader, ElementReader::Open(data));
    ASSIGN_OR_RETURN(ElementWriter writer, ElementWriter::Open(context, 0, data.dtype, plan.out_dims));
    GatherTuples(reader.element(), plan, reader.data(), indices, writer.data(), &context.thread_pool());
    return writer.Finish();
  });
}

KernelOr CreateScatterElements(const NodeInfo& node) {
  ASSIGN_OR_RETURN(const kernels::ScatterReduction reduction, ReadReduction(node));
  return MakeKernel(
      [reduction, given_axis = node.GetInt("axis")](KernelContext& context) -> Status {
        const TensorView &data = context.input(0), &index = context.input(1), &updates = context.input(2);
        RETURN_IF_ERROR(CheckUpdates(data, updates, index.dims));
        ASSIGN_OR_RETURN(const size_t axis, ResolveAxis(given_axis, data.rank()));
        ASSIGN_OR_RETURN(const kernels::Indices indices, ReadIndices(index));
        RETURN_IF_ERROR(CheckElementsIndices(data.dims, axis, indices, index.dims));
        ASSIGN_OR_RETURN(const ElementReader reader, ElementReader::Open(updates));
        ASSIGN_OR_RETURN(ElementWriter writer, CopyOfData(context));
        RETURN_IF_ERROR(ScatterElements(data.dtype, reduction, writer.data(), data.dims, axis, indices, index.dims, reader.data()));
        return writer.Finish();
      },
      kOverData);
}

KernelOr CreateScatterND(const NodeInfo& node) {
  ASSIGN_OR_RETURN(const kernels::ScatterReduction reduction, ReadReduction(node));
  return MakeKernel(
      [reduction](KernelContext& context) -> Status {
        const TensorView &data = context.input(0), &updates = context.input(2);
        std::vector<int64_t> wide;
        ASSIGN_OR_RETURN(const int64_t* indices, WideIndices(context.input(1), wide));
        ASSIGN_OR_RETURN(const kernels::TuplePlan plan, kernels::PlanTuples(data.dims, context.input(1).dims, 0));
        RETURN_IF_ERROR(CheckUpdates(data, updates, plan.out_dims));
        RETURN_IF_ERROR(CheckTuples(plan, indices));
        ASSIGN_OR_RETURN(const ElementReader reader, ElementReader::Open(updates));
        ASSIGN_OR_RETURN(ElementWriter writer, CopyOfData(context));
        RETURN_IF_ERROR(ScatterTuples(data.dtype, reduction, plan, writer.data(), indices, reader.data()));
        return writer.Finish();
      },
      kOverData);
}

}  // namespace sardonyx::cpu
