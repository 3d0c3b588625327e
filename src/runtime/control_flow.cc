#include "runtime/control_flow.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "base/packed_bits.h"
#include "base/status_macros.h"

namespace sardonyx::runtime {
namespace {

std::string Accepts(const NodeInfo&) { return ""; }

template <class K>
StatusOr<std::unique_ptr<Kernel>> Make(const NodeInfo& node) {
  return std::unique_ptr<Kernel>(std::make_unique<K>(node));
}

StatusOr<bool> ReadBool(const Value& value, std::string_view what) {
  if (!value.is_tensor() || value.tensor().dtype() != DataType::kBool || value.tensor().num_elements() != 1)
    return Invalid(fmt::format("{} must be one bool, not {}", what, value.TypeString()));
  return value.tensor().data<bool>()[0];
}

// https://onnx.ai/onnx/operators/onnx__If.html
class If final : public Kernel {
 public:
  explicit If(const NodeInfo&) {}
  Status Run(KernelContext& context) const override {
    if (!context.has_input(0)) return Invalid("the condition is missing");
    ASSIGN_OR_RETURN(const bool condition, ReadBool(context.input_value(0), "the condition"));
    Subprogram* branch = context.subprogram(condition ? "then_branch" : "else_branch");
    if (!branch) return Invalid(fmt::format("{} is missing", condition ? "then_branch" : "else_branch"));
    ASSIGN_OR_RETURN(std::vector<Value> outputs, branch->Run({}));
    for (size_t i = 0; i < outputs.size(); ++i) RETURN_IF_ERROR(context.SetOutput(i, std::move(outputs[i])));
    return {};
  }
};

// Copies `count` elements of `from`, which begin at element `begin`, to element `at` of `to`, which is zero and of the same type.
void CopyElements(const Tensor& from, int64_t begin, int64_t count, Tensor& to, int64_t at) {
  if (from.dtype() == DataType::kString)
    return static_cast<void>(std::copy_n(from.data<std::string>().begin() + begin, count, to.mutable_data<std::string>().begin() + at));
  const int bits = BitsPerElement(from.dtype());
  const auto* source = static_cast<const uint8_t*>(from.raw_data());
  auto* target = static_cast<uint8_t*>(to.mutable_raw_data());
  if (bits < 8) {
    for (int64_t i = 0; i < count; ++i)
      SetPackedBits(target, static_cast<size_t>(at + i), bits, PackedBits(source, static_cast<size_t>(begin + i), bits));
  } else {
    const auto width = static_cast<size_t>(bits / 8);
    std::memcpy(target + static_cast<size_t>(at) * width, source + static_cast<size_t>(begin) * width, static_cast<size_t>(count) * width);
  }
}

// Tensors of equal shape, one after the other along a new axis at `axis` of the result (which then has rank + 1).
StatusOr<Tensor> Stack(const std::vector<Value>& items, size_t axis) {
  const Tensor& first = items[0].tensor();
  for (const Value& item : items)
    if (!item.is_tensor() || item.tensor().dtype() != first.dtype() || !(item.tensor().dims() == first.dims()))
      return Invalid(fmt::format("scan outputs of unlike types: {} and {}", first.TypeString(), item.TypeString()));
  Dims dims;
  for (size_t i = 0; i < axis; ++i) dims.push_back(first.dims()[i]);
  dims.push_back(static_cast<int64_t>(items.size()));
  for (size_t i = axis; i < first.rank(); ++i) dims.push_back(first.dims()[i]);
  ASSIGN_OR_RETURN(Tensor out, Tensor::Allocate(first.dtype(), dims));
  const int64_t outer = first.dims().Product(0, axis), inner = first.dims().Product(axis, first.rank());
  const auto count = static_cast<int64_t>(items.size());
  for (int64_t n = 0; n < count; ++n) {
    const Tensor& item = items[static_cast<size_t>(n)].tensor();
    for (int64_t o = 0; o < outer; ++o) CopyElements(item, o * inner, inner, out, (o * count + n) * inner);
  }
  return out;
}

// What a loop that made no iteration scans: an empty tensor of the type the model declares.
StatusOr<Tensor> EmptyScan(const ir::Type& type, size_t axis) {
  if (!type.is_tensor() || type.dtype == DataType::kUndefined)
    return Unsupported("a loop without iterations whose scan output has no known type");
  Dims dims;
  const size_t rank = type.shape ? type.shape->rank() : 1;
  for (size_t i = 0; i < rank; ++i)
    dims.push_back(i == axis ? 0 : type.shape && (*type.shape)[i].is_constant() ? (*type.shape)[i].value() : 0);
  return Tensor::Allocate(type.dtype, dims);
}

// https://onnx.ai/onnx/operators/onnx__Loop.html
class Loop final : public Kernel {
 public:
  explicit Loop(const NodeInfo& node) {
    for (size_t i = 0; i < node.num_outputs(); ++i) output_types_.push_back(node.output_type(i));
  }
  Status Run(KernelContext& context) const override {
    Subprogram* body = context.subprogram("body");
    if (!body) return Invalid("the body is missing");
    const size_t carried_count = context.num_inputs() < 2 ? 0 : context.num_inputs() - 2;
    if (body->num_inputs() != carried_count + 2 || body->num_outputs() < carried_count + 1)
      return Invalid(fmt::format("the body has {} inputs and {} outputs for {} loop-carried values", body->num_inputs(),
                                 body->num_outputs(), carried_count));
    int64_t trips = std::numeric_limits<int64_t>::max();
    if (context.has_input(0)) {
      const Value value = context.input_value(0);
      if (!value.is_tensor() || value.tensor().dtype() != DataType::kInt64 || value.tensor().num_elements() != 1)
        return Invalid(fmt::format("the trip count must be one int64, not {}", value.TypeString()));
      trips = value.tensor().data<int64_t>()[0];
    }
    bool condition = true;
    if (context.has_input(1)) {
      ASSIGN_OR_RETURN(condition, ReadBool(context.input_value(1), "the condition"));
    }
    std::vector<Value> carried;
    for (size_t i = 0; i < carried_count; ++i) carried.push_back(context.input_value(i + 2));
    std::vector<std::vector<Value>> scans(body->num_outputs() - carried_count - 1);

    for (int64_t i = 0; i < trips && condition; ++i) {
      RETURN_IF_ERROR(context.CheckInterrupted());
      std::vector<Value> inputs = {Tensor::Scalar<int64_t>(i), Tensor::Scalar<bool>(condition)};
      inputs.insert(inputs.end(), std::make_move_iterator(carried.begin()), std::make_move_iterator(carried.end()));
      StatusOr<std::vector<Value>> outputs = body->Run(std::move(inputs));
      if (!outputs.ok()) return outputs.status().WithContext(fmt::format("iteration {}", i));
      ASSIGN_OR_RETURN(condition, ReadBool((*outputs)[0], "the body's condition"));
      carried.assign(std::make_move_iterator(outputs->begin() + 1),
                     std::make_move_iterator(outputs->begin() + 1 + static_cast<std::ptrdiff_t>(carried_count)));
      for (size_t s = 0; s < scans.size(); ++s) scans[s].push_back(std::move((*outputs)[1 + carried_count + s]));
    }
    for (size_t i = 0; i < carried_count; ++i) RETURN_IF_ERROR(context.SetOutput(i, std::move(carried[i])));
    for (size_t s = 0; s < scans.size(); ++s) {
      const size_t output = carried_count + s;
      if (!context.has_output(output)) continue;
      if (!scans[s].empty() && !scans[s][0].is_tensor()) return Invalid("a scan output must be a tensor");
      ASSIGN_OR_RETURN(Tensor stacked, scans[s].empty() ? EmptyScan(output_types_[output], 0) : Stack(scans[s], 0));
      RETURN_IF_ERROR(context.SetOutput(output, std::move(stacked)));
    }
    return {};
  }

 private:
  std::vector<ir::Type> output_types_;
};

// Slice `index` of `tensor` along `axis`; the axis goes.
StatusOr<Tensor> SliceAlong(const Tensor& tensor, size_t axis, int64_t index) {
  Dims dims;
  for (size_t i = 0; i < tensor.rank(); ++i)
    if (i != axis) dims.push_back(tensor.dims()[i]);
  const int64_t outer = tensor.dims().Product(0, axis), inner = tensor.dims().Product(axis + 1, tensor.rank()),
                length = tensor.dims()[axis];
  ASSIGN_OR_RETURN(Tensor out, Tensor::Allocate(tensor.dtype(), dims));
  for (int64_t o = 0; o < outer; ++o) CopyElements(tensor, (o * length + index) * inner, inner, out, o * inner);
  return out;
}

// https://onnx.ai/onnx/operators/onnx__Scan.html, versions 9 and later.
class Scan final : public Kernel {
 public:
  explicit Scan(const NodeInfo& node) : scan_inputs_(static_cast<size_t>(std::max<int64_t>(0, node.GetInt("num_scan_inputs")))) {
    input_axes_ = node.GetInts("scan_input_axes");
    input_directions_ = node.GetInts("scan_input_directions");
    output_axes_ = node.GetInts("scan_output_axes");
    output_directions_ = node.GetInts("scan_output_directions");
    for (size_t i = 0; i < node.num_outputs(); ++i) output_types_.push_back(node.output_type(i));
  }
  Status Run(KernelContext& context) const override {
    std::vector<Value> inputs;
    for (size_t i = 0; i < context.num_inputs(); ++i) inputs.push_back(context.input_value(i));
    ASSIGN_OR_RETURN(std::vector<Value> outputs, RunOnce(context, std::move(inputs)));
    for (size_t i = 0; i < outputs.size(); ++i) RETURN_IF_ERROR(context.SetOutput(i, std::move(outputs[i])));
    return {};
  }

 protected:
  static int64_t At(const std::vector<int64_t>& list, size_t i) { return i < list.size() ? list[i] : 0; }

  StatusOr<std::vector<Value>> RunOnce(KernelContext& context, std::vector<Value> inputs) const {
    Subprogram* body = context.subprogram("body");
    if (!body) return Invalid("the body is missing");
    if (inputs.size() < scan_inputs_ || body->num_inputs() != inputs.size())
      return Invalid(fmt::format("{} inputs, {} of them scanned, for a body with {}", inputs.size(), scan_inputs_, body->num_inputs()));
    const size_t states = inputs.size() - scan_inputs_;
    if (body->num_outputs() < states) return Invalid(fmt::format("the body has {} outputs for {} states", body->num_outputs(), states));
    std::vector<Value> state(inputs.begin(), inputs.begin() + static_cast<std::ptrdiff_t>(states));
    std::vector<size_t> axes(scan_inputs_);
    int64_t length = -1;
    for (size_t i = 0; i < scan_inputs_; ++i) {
      const Value& value = inputs[states + i];
      if (!value.is_tensor()) return Invalid("a scanned input must be a tensor");
      const auto rank = static_cast<int64_t>(value.tensor().rank());
      int64_t axis = At(input_axes_, i);
      if (axis < 0) axis += rank;
      if (axis < 0 || axis >= rank) return Invalid(fmt::format("scan axis {} of {}", At(input_axes_, i), value.TypeString()));
      axes[i] = static_cast<size_t>(axis);
      const int64_t size = value.tensor().dims()[axes[i]];
      if (length >= 0 && size != length) return Invalid(fmt::format("scanned inputs have lengths {} and {}", length, size));
      length = size;
    }
    if (length < 0) return Invalid("nothing to scan");

    std::vector<std::vector<Value>> scans(body->num_outputs() - states);
    for (int64_t step = 0; step < length; ++step) {
      RETURN_IF_ERROR(context.CheckInterrupted());
      std::vector<Value> arguments = state;
      for (size_t i = 0; i < scan_inputs_; ++i) {
        const int64_t index = At(input_directions_, i) ? length - 1 - step : step;
        ASSIGN_OR_RETURN(Tensor slice, SliceAlong(inputs[states + i].tensor(), axes[i], index));
        arguments.push_back(std::move(slice));
      }
      StatusOr<std::vector<Value>> outputs = body->Run(std::move(arguments));
      if (!outputs.ok()) return outputs.status().WithContext(fmt::format("step {}", step));
      for (size_t i = 0; i < states; ++i) state[i] = std::move((*outputs)[i]);
      for (size_t i = 0; i < scans.size(); ++i) scans[i].push_back(std::move((*outputs)[states + i]));
    }
    std::vector<Value> results = std::move(state);
    for (size_t i = 0; i < scans.size(); ++i) {
      if (!scans[i].empty() && !scans[i][0].is_tensor()) return Invalid("a scan output must be a tensor");
      const int64_t rank = scans[i].empty() ? 1 : static_cast<int64_t>(scans[i][0].tensor().rank()) + 1;
      int64_t axis = At(output_axes_, i);
      if (axis < 0) axis += rank;
      if (axis < 0 || axis >= rank) return Invalid(fmt::format("scan output axis {} of rank {}", At(output_axes_, i), rank));
      if (At(output_directions_, i)) std::reverse(scans[i].begin(), scans[i].end());
      ASSIGN_OR_RETURN(Tensor stacked, scans[i].empty()
                                           ? EmptyScan(states + i < output_types_.size() ? output_types_[states + i] : ir::Type(),
                                                       static_cast<size_t>(axis))
                                           : Stack(scans[i], static_cast<size_t>(axis)));
      results.push_back(std::move(stacked));
    }
    return results;
  }

  size_t scan_inputs_;
  std::vector<int64_t> input_axes_, input_directions_, output_axes_, output_directions_;
  std::vector<ir::Type> output_types_;
};

// Version 8: every input has a batch axis first, scanned inputs their sequence axis second; `directions` is the input
// directions; input 0 gives the length of each sequence.
class BatchedScan final : public Kernel {
 public:
  explicit BatchedScan(const NodeInfo& node)
      : scan_inputs_(static_cast<size_t>(std::max<int64_t>(0, node.GetInt("num_scan_inputs")))), directions_(node.GetInts("directions")) {}
  Status Run(KernelContext& context) const override {
    Subprogram* body = context.subprogram("body");
    if (!body) return Invalid("the body is missing");
    const size_t count = context.num_inputs() - 1;
    if (context.num_inputs() < 1 || count < scan_inputs_ || body->num_inputs() != count)
      return Invalid("the body's inputs do not match the node's");
    const size_t states = count - scan_inputs_;
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < count; ++i) {
      const Value value = context.input_value(i + 1);
      if (!value.is_tensor() || value.tensor().rank() < (i < states ? 1u : 2u))
        return Invalid(fmt::format("input {} is {}", i + 1, value.TypeString()));
      inputs.push_back(value.tensor());
    }
    if (inputs.empty()) return Invalid("nothing to scan");
    const int64_t batch = inputs[0].dims()[0];
    const int64_t longest = scan_inputs_ ? inputs[states].dims()[1] : 0;
    std::vector<std::vector<Value>> results(body->num_outputs());
    for (int64_t b = 0; b < batch; ++b) {
      int64_t length = longest;
      if (context.has_input(0)) {
        const Value lengths = context.input_value(0);
        if (lengths.tensor().dtype() != DataType::kInt64 || lengths.tensor().num_elements() != batch)
          return Invalid("sequence_lens must be int64[batch]");
        length = lengths.tensor().data<int64_t>()[b];
        if (length < 0 || length > longest) return Invalid(fmt::format("sequence length {} of {}", length, longest));
      }
      std::vector<Value> state;
      for (size_t i = 0; i < states; ++i) {
        if (inputs[i].dims()[0] != batch) return Invalid("inputs have unlike batch sizes");
        ASSIGN_OR_RETURN(Tensor slice, SliceAlong(inputs[i], 0, b));
        state.push_back(std::move(slice));
      }
      std::vector<std::vector<Value>> scans(body->num_outputs() - states);
      for (int64_t step = 0; step < length; ++step) {
        std::vector<Value> arguments = state;
        for (size_t i = 0; i < scan_inputs_; ++i) {
          ASSIGN_OR_RETURN(const Tensor sequence, SliceAlong(inputs[states + i], 0, b));
          if (inputs[states + i].dims()[0] != batch || sequence.dims()[0] < length) return Invalid("scanned inputs have unlike sizes");
          ASSIGN_OR_RETURN(Tensor slice, SliceAlong(sequence, 0, i < directions_.size() && directions_[i] ? length - 1 - step : step));
          arguments.push_back(std::move(slice));
        }
        ASSIGN_OR_RETURN(std::vector<Value> outputs, body->Run(std::move(arguments)));
        for (size_t i = 0; i < states; ++i) state[i] = std::move(outputs[i]);
        for (size_t i = 0; i < scans.size(); ++i) scans[i].push_back(std::move(outputs[states + i]));
      }
      for (size_t i = 0; i < states; ++i) results[i].push_back(std::move(state[i]));
      for (size_t i = 0; i < scans.size(); ++i) {
        if (scans[i].empty()) return Unsupported("a scan over an empty sequence");
        // Beyond a sequence's end the output is zero.
        while (static_cast<int64_t>(scans[i].size()) < longest) {
          ASSIGN_OR_RETURN(Tensor zero, Tensor::Allocate(scans[i][0].tensor().dtype(), scans[i][0].tensor().dims()));
          scans[i].push_back(std::move(zero));
        }
        ASSIGN_OR_RETURN(Tensor stacked, Stack(scans[i], 0));
        results[states + i].push_back(std::move(stacked));
      }
    }
    for (size_t i = 0; i < results.size(); ++i) {
      if (results[i].empty()) return Unsupported("a scan over an empty batch");
      ASSIGN_OR_RETURN(Tensor stacked, Stack(results[i], 0));
      RETURN_IF_ERROR(context.SetOutput(i, std::move(stacked)));
    }
    return {};
  }

 private:
  size_t scan_inputs_;
  std::vector<int64_t> directions_;
};

constexpr KernelEntry kEntries[] = {
    {"", "If", "reference", Accepts, Make<If>, 1},
    {"", "Loop", "reference", Accepts, Make<Loop>, 1},
    {"", "Scan", "batched", Accepts, Make<BatchedScan>, 8, 8},
    {"", "Scan", "reference", Accepts, Make<Scan>, 9},
};

}  // namespace

std::span<const KernelEntry> ControlFlowKernels() { return kEntries; }

}  // namespace sardonyx::runtime
