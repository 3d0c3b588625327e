// Sequences and optionals. Values are shared, so that none of these copies a tensor but the splits and joins.
#include <algorithm>

#include "kernels/movement/shape_math.h"
#include "kernels/movement/strided_copy.h"
#include "providers/cpu/movement.h"
#include "providers/cpu/movement_elements.h"

namespace sardonyx::cpu {
namespace {

StatusOr<Value> SequenceInput(KernelContext& context, size_t i) {
  if (i >= context.num_inputs() || !context.has_input(i)) return Invalid(fmt::format("input {} must be a sequence, not omitted", i));
  Value value = context.input_value(i);
  if (!value.is_sequence()) return Invalid(fmt::format("input {} must be a sequence, not {}", i, value.TypeString()));
  return value;
}

bool HasInput(const KernelContext& context, size_t i) { return i < context.num_inputs() && context.has_input(i); }

// A place in a sequence in which `count` places can be named, negative ones from the back.
StatusOr<size_t> ReadPosition(KernelContext& context, size_t input, size_t count) {
  ASSIGN_OR_RETURN(const int64_t position, ReadInteger(context.input(input), "position"));
  const auto size = static_cast<int64_t>(count);
  if (position < -size || position >= size) return Invalid(fmt::format("position {} is not in [{}, {})", position, -size, size));
  return static_cast<size_t>(position < 0 ? position + size : position);
}

KernelOr CreateSequenceEmpty(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) { return context.SetOutput(0, Value(Value::Sequence())); });
}

KernelOr CreateSequenceConstruct(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) {
    Value::Sequence items;
    for (size_t i = 0; i < context.num_inputs(); ++i) items.push_back(context.input_value(i));
    return context.SetOutput(0, Value(std::move(items)));
  });
}

KernelOr CreateSequenceAt(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const Value sequence, SequenceInput(context, 0));
    ASSIGN_OR_RETURN(const size_t at, ReadPosition(context, 1, sequence.sequence().size()));
    return context.SetOutput(0, sequence.sequence()[at]);
  });
}

KernelOr CreateSequenceInsert(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const Value sequence, SequenceInput(context, 0));
    Value::Sequence items = sequence.sequence();
    size_t at = items.size();
    if (HasInput(context, 2)) {
      // One place more than there are items (the end), but -1 still stands before the last item.
      ASSIGN_OR_RETURN(const int64_t position, ReadInteger(context.input(2), "position"));
      const auto size = static_cast<int64_t>(items.size());
      if (position < -size || position > size) return Invalid(fmt::format("position {} is not in [{}, {}]", position, -size, size));
      at = static_cast<size_t>(position < 0 ? position + size : position);
    }
    items.insert(items.begin() + static_cast<std::ptrdiff_t>(at), context.input_value(1));
    return context.SetOutput(0, Value(std::move(items)));
  });
}

KernelOr CreateSequenceErase(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const Value sequence, SequenceInput(context, 0));
    Value::Sequence items = sequence.sequence();
    if (items.empty()) return Invalid("nothing to erase from an empty sequence");
    size_t at = items.size() - 1;
    if (HasInput(context, 1)) {
      ASSIGN_OR_RETURN(at, ReadPosition(context, 1, items.size()));
    }
    items.erase(items.begin() + static_cast<std::ptrdiff_t>(at));
    return context.SetOutput(0, Value(std::move(items)));
  });
}

KernelOr CreateSequenceLength(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const Value sequence, SequenceInput(context, 0));
    ASSIGN_OR_RETURN(TensorView length, context.Output(0, DataType::kInt64, {}));
    *length.mutable_ptr<int64_t>() = static_cast<int64_t>(sequence.sequence().size());
    return {};
  });
}

// Lengths of SplitToSequence's parts: one each by default, equal ones from a scalar (the last may be smaller), or a list.
StatusOr<Dims> SplitLengths(KernelContext& context, int64_t dim) {
  // An axis may be longer than memory is large where another one is 0.
  constexpr int64_t kMostParts = int64_t{1} << 24;
  const auto too_many = [dim] { return Resource(fmt::format("an axis of {} makes too many parts", dim)); };
  if (!HasInput(context, 1)) return dim > kMostParts ? StatusOr<Dims>(too_many()) : Dims(static_cast<size_t>(dim), 1);
  const TensorView& split = context.input(1);
  if (split.rank() == 0) {
    ASSIGN_OR_RETURN(const int64_t each, ReadInteger(split, "split"));
    if (each <= 0) return Invalid(fmt::format("split {} is not positive", each));
    if (dim / each > kMostParts) return too_many();
    Dims lengths;
    for (int64_t left = dim; left > 0; left -= each) lengths.push_back(std::min(each, left));
    return lengths;
  }
  ASSIGN_OR_RETURN(const Dims lengths, ReadIntegers(split, "split"));
  int64_t left = dim;
  for (int64_t length : lengths) {
    if (length < 0 || length > left) return Invalid(fmt::format("split {} does not fit an axis of {}", lengths.ToString(), dim));
    left -= length;
  }
  if (left != 0) return Invalid(fmt::format("split {} does not cover an axis of {}", lengths.ToString(), dim));
  return lengths;
}

KernelOr CreateSplitToSequence(const NodeInfo& node) {
  return MakeKernel([given_axis = node.GetInt("axis"), keep_dims = node.GetInt("keepdims", 1) != 0](KernelContext& context) -> Status {
    const TensorView& input = context.input(0);
    ASSIGN_OR_RETURN(const size_t axis, kernels::ResolveAxis(given_axis, input.rank()));
    const int64_t dim = input.dims[axis];
    ASSIGN_OR_RETURN(const Dims lengths, SplitLengths(context, dim));
    if (kernels::IsSubByte(input.dtype))
      return Unsupported(fmt::format("SplitToSequence is not implemented for {}", DataTypeName(input.dtype)));
    const int64_t outer = input.dims.Product(0, axis), inner = input.dims.Product(axis + 1, input.rank());
    const kernels::Element element = kernels::ElementOf(input.dtype);
    const bool drop_axis = !keep_dims && !HasInput(context, 1);
    Value::Sequence items;
    int64_t place = 0;
    for (int64_t length : lengths) {
      Dims dims;
      for (size_t i = 0; i < input.rank(); ++i)
        if (i != axis || !drop_axis) dims.push_back(i == axis ? length : input.dims[i]);
      ASSIGN_OR_RETURN(Tensor part, Tensor::Allocate(input.dtype, dims));
      const Dims block{outer, length * inner}, strides{dim * inner, 1};
      CopyStrided(element, block, ElementAt(element, input.data, place), strides, part.mutable_raw_data(), kernels::RowMajorStrides(block),
                  &context.thread_pool());
      items.push_back(std::move(part));
      place += length * inner;
    }
    return context.SetOutput(0, Value(std::move(items)));
  });
}

KernelOr CreateConcatFromSequence(const NodeInfo& node) {
  return MakeKernel([given_axis = node.GetInt("axis"), new_axis = node.GetInt("new_axis") != 0](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(const Value sequence, SequenceInput(context, 0));
    std::vector<Tensor> held;  // keeps aligned copies alive
    std::vector<TensorView> views;
    for (const Value& item : sequence.sequence()) {
      if (!item.is_tensor()) return Invalid(fmt::format("the sequence must hold tensors, not {}", item.TypeString()));
      held.push_back(item.tensor().Aligned());
      TensorView view{held.back().dtype(), held.back().dims(), const_cast<void*>(held.back().raw_data())};
      if (new_axis) {
        ASSIGN_OR_RETURN(view.dims, kernels::UnsqueezedDims(view.dims, std::span(&given_axis, 1)));
      }
      views.push_back(std::move(view));
    }
    return ConcatTensors(context, views, given_axis);
  });
}

// Runs the body once an item. Further inputs are sequences as long as the first, walked alongside, or tensors that every
// run is given.
KernelOr CreateSequenceMap(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    runtime::Subprogram* body = context.subprogram("body");
    if (body == nullptr) return Invalid("the attribute body is missing");
    ASSIGN_OR_RETURN(const Value first, SequenceInput(context, 0));
    const size_t count = first.sequence().size();
    std::vector<Value> inputs;
    for (size_t i = 0; i < context.num_inputs(); ++i) {
      inputs.push_back(context.input_value(i));
      if (inputs[i].is_sequence() && inputs[i].sequence().size() != count)
        return Invalid(fmt::format("input {} has {} items, input 0 has {}", i, inputs[i].sequence().size(), count));
    }
    std::vector<Value::Sequence> outputs(context.num_outputs());
    for (size_t n = 0; n < count; ++n) {
      RETURN_IF_ERROR(context.CheckInterrupted());
      std::vector<Value> arguments;
      for (const Value& input : inputs) arguments.push_back(input.is_sequence() ? input.sequence()[n] : input);
      ASSIGN_OR_RETURN(std::vector<Value> results, body->Run(std::move(arguments)));
      if (results.size() != outputs.size())
        return Invalid(fmt::format("the body gives {} outputs, the node has {}", results.size(), outputs.size()));
      for (size_t i = 0; i < outputs.size(); ++i) outputs[i].push_back(std::move(results[i]));
    }
    for (size_t i = 0; i < outputs.size(); ++i)
      if (context.has_output(i)) RETURN_IF_ERROR(context.SetOutput(i, Value(std::move(outputs[i]))));
    return {};
  });
}

KernelOr CreateOptional(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) { return context.SetOutput(0, HasInput(context, 0) ? context.input_value(0) : Value()); });
}

KernelOr CreateOptionalHasElement(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    ASSIGN_OR_RETURN(TensorView has, context.Output(0, DataType::kBool, {}));
    *has.mutable_ptr<bool>() = HasInput(context, 0) && (context.input_is_tensor(0) || !context.input_value(0).is_none());
    return {};
  });
}

KernelOr CreateOptionalGetElement(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    Value value = HasInput(context, 0) ? context.input_value(0) : Value();
    if (value.is_none()) return Invalid("the optional has no element");
    return context.SetOutput(0, std::move(value));
  });
}

constexpr KernelEntry kSequence[] = {
    {"", "SequenceEmpty", "reference", AcceptsAll, CreateSequenceEmpty},
    {"", "SequenceConstruct", "reference", AcceptsAll, CreateSequenceConstruct},
    {"", "SequenceAt", "reference", AcceptsAll, CreateSequenceAt},
    {"", "SequenceInsert", "reference", AcceptsAll, CreateSequenceInsert},
    {"", "SequenceErase", "reference", AcceptsAll, CreateSequenceErase},
    {"", "SequenceLength", "reference", AcceptsAll, CreateSequenceLength},
    {"", "SplitToSequence", "reference", AcceptsAll, CreateSplitToSequence},
    {"", "ConcatFromSequence", "reference", AcceptsAll, CreateConcatFromSequence},
    {"", "SequenceMap", "reference", AcceptsAll, CreateSequenceMap},
    {"", "Optional", "reference", AcceptsAll, CreateOptional},
    {"", "OptionalHasElement", "reference", AcceptsAll, CreateOptionalHasElement},
    {"", "OptionalGetElement", "reference", AcceptsAll, CreateOptionalGetElement},
};

}  // namespace

std::span<const KernelEntry> SequenceKernels() { return kSequence; }

}  // namespace sardonyx::cpu
