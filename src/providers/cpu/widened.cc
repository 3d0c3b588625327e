#include "providers/cpu/widened.h"

#include <map>

#include "base/status_macros.h"
#include "kernels/elementwise/half_rows.h"

namespace sardonyx::cpu {
namespace {

bool IsNarrow(DataType dtype) { return dtype == DataType::kFloat16 || dtype == DataType::kBfloat16; }

void Widen(DataType dtype, const void* in, float* out, int64_t count) {
  if (dtype == DataType::kFloat16) {
    kernels::HalvesToFloats(static_cast<const Float16*>(in), count, out);
  } else {
    const auto* from = static_cast<const BFloat16*>(in);
    for (int64_t i = 0; i < count; ++i) out[i] = static_cast<float>(from[i]);
  }
}

void Narrow(DataType dtype, const float* in, void* out, int64_t count) {
  if (dtype == DataType::kFloat16) {
    kernels::FloatsToHalves(in, count, static_cast<Float16*>(out));
  } else {
    auto* to = static_cast<BFloat16*>(out);
    for (int64_t i = 0; i < count; ++i) to[i] = BFloat16(in[i]);
  }
}

// The node as the inner kernel sees it.
class WidenedNode final : public NodeInfo {
 public:
  explicit WidenedNode(const NodeInfo& outer) : outer_(outer) {
    for (size_t i = 0; i < outer.num_inputs(); ++i) input_types_.push_back(AsFloat(outer.has_input(i), outer, i, true));
    for (size_t i = 0; i < outer.num_outputs(); ++i) output_types_.push_back(AsFloat(outer.has_output(i), outer, i, false));
  }

  Status WidenConstants() {
    for (size_t i = 0; i < outer_.num_inputs(); ++i) {
      const Tensor* constant = outer_.has_input(i) ? outer_.constant(i) : nullptr;
      if (!constant || !IsNarrow(constant->dtype())) continue;
      ASSIGN_OR_RETURN(Tensor wide, Tensor::Allocate(DataType::kFloat, constant->dims()));
      Widen(constant->dtype(), constant->raw_data(), static_cast<float*>(wide.mutable_raw_data()), constant->num_elements());
      constants_[i] = std::move(wide);
    }
    return Status();
  }
  std::map<size_t, Tensor> TakeConstants() { return std::move(constants_); }

  const ir::Node& node() const override { return outer_.node(); }
  const ops::OpSchema& schema() const override { return outer_.schema(); }
  int64_t opset_version() const override { return outer_.opset_version(); }
  size_t num_inputs() const override { return outer_.num_inputs(); }
  size_t num_outputs() const override { return outer_.num_outputs(); }
  bool has_input(size_t i) const override { return outer_.has_input(i); }
  bool has_output(size_t i) const override { return outer_.has_output(i); }
  const ir::Type& input_type(size_t i) const override { return input_types_[i]; }
  const ir::Type& output_type(size_t i) const override { return output_types_[i]; }
  const Tensor* constant(size_t i) const override {
    const auto found = constants_.find(i);
    return found != constants_.end() ? &found->second : outer_.constant(i);
  }
  void ReleaseConstant(size_t i) const override {
    constants_.erase(i);
    outer_.ReleaseConstant(i);
  }
  ThreadPool& thread_pool() const override { return outer_.thread_pool(); }

 private:
  static ir::Type AsFloat(bool present, const NodeInfo& outer, size_t i, bool input) {
    if (!present) return ir::Type();
    ir::Type type = input ? outer.input_type(i) : outer.output_type(i);
    if (type.is_tensor() && IsNarrow(type.dtype)) type.dtype = DataType::kFloat;
    return type;
  }

  const NodeInfo& outer_;
  std::vector<ir::Type> input_types_, output_types_;
  mutable std::map<size_t, Tensor> constants_;  // emptied by ReleaseConstant
};

// One run as the inner kernel sees it.
class WidenedContext final : public KernelContext {
 public:
  WidenedContext(KernelContext& outer, const std::map<size_t, Tensor>& constants, const std::vector<DataType>& output_dtypes)
      : outer_(outer), output_dtypes_(output_dtypes), inputs_(outer.num_inputs()), outputs_(outer.num_outputs()) {
    for (const auto& [i, tensor] : constants)
      if (i < inputs_.size()) inputs_[i] = {DataType::kFloat, tensor.dims(), const_cast<void*>(tensor.raw_data())};
  }

  // Widens the inputs; before Run, so that input() cannot fail.
  Status Begin() {
    for (size_t i = 0; i < inputs_.size(); ++i) {
      if (inputs_[i].data || !outer_.has_input(i) || !outer_.input_is_tensor(i)) continue;
      const TensorView& narrow = outer_.input(i);
      if (!IsNarrow(narrow.dtype)) continue;
      ASSIGN_OR_RETURN(inputs_[i], Hold(narrow.dims));
      if (narrow.data) Widen(narrow.dtype, narrow.data, inputs_[i].mutable_ptr<float>(), narrow.num_elements());
    }
    return Status();
  }

  // Rounds the outputs.
  Status Finish() {
    for (size_t i = 0; i < outputs_.size(); ++i) {
      if (!outputs_[i].data) continue;
      ASSIGN_OR_RETURN(TensorView narrow, outer_.Output(i, output_dtypes_[i], outputs_[i].dims));
      Narrow(output_dtypes_[i], outputs_[i].ptr<float>(), narrow.data, narrow.num_elements());
    }
    return Status();
  }

  size_t num_inputs() const override { return outer_.num_inputs(); }
  size_t num_outputs() const override { return outer_.num_outputs(); }
  bool has_input(size_t i) const override { return outer_.has_input(i); }
  bool has_output(size_t i) const override { return outer_.has_output(i); }
  const TensorView& input(size_t i) const override { return inputs_[i].data ? inputs_[i] : outer_.input(i); }
  bool input_is_tensor(size_t i) const override { return outer_.input_is_tensor(i); }
  Value input_value(size_t i) const override { return outer_.input_value(i); }
  StatusOr<TensorView> Output(size_t i, DataType dtype, const Dims& dims) override {
    if (dtype != DataType::kFloat || i >= output_dtypes_.size() || !IsNarrow(output_dtypes_[i])) return outer_.Output(i, dtype, dims);
    ASSIGN_OR_RETURN(outputs_[i], Hold(dims));
    return outputs_[i];
  }
  Status OutputAlias(size_t i, size_t input, const Dims& dims) override { return outer_.OutputAlias(i, input, dims); }
  Status SetOutput(size_t i, Value value) override { return outer_.SetOutput(i, std::move(value)); }
  StatusOr<void*> Workspace(size_t bytes) override { return outer_.Workspace(bytes); }
  ThreadPool& thread_pool() const override { return outer_.thread_pool(); }
  runtime::Subprogram* subprogram(std::string_view attribute) override { return outer_.subprogram(attribute); }
  Status CheckInterrupted() const override { return outer_.CheckInterrupted(); }

 private:
  StatusOr<TensorView> Hold(const Dims& dims) {
    ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(DataType::kFloat, dims));
    held_.push_back(tensor);
    return TensorView{DataType::kFloat, dims, held_.back().mutable_raw_data()};
  }

  KernelContext& outer_;
  const std::vector<DataType>& output_dtypes_;
  std::vector<TensorView> inputs_;   // data null where the outer input serves
  std::vector<TensorView> outputs_;  // data null where the outer output serves
  std::vector<Tensor> held_;
};

class WidenedKernel final : public Kernel {
 public:
  WidenedKernel(std::unique_ptr<Kernel> inner, std::map<size_t, Tensor> constants, std::vector<DataType> output_dtypes)
      : inner_(std::move(inner)), constants_(std::move(constants)), output_dtypes_(std::move(output_dtypes)) {}
  Status Run(KernelContext& context) const override {
    WidenedContext widened(context, constants_, output_dtypes_);
    RETURN_IF_ERROR(widened.Begin());
    RETURN_IF_ERROR(inner_->Run(widened));
    return widened.Finish();
  }

 private:
  std::unique_ptr<Kernel> inner_;
  std::map<size_t, Tensor> constants_;
  std::vector<DataType> output_dtypes_;
};

}  // namespace

StatusOr<std::unique_ptr<Kernel>> CreateWidened(const NodeInfo& node, CreateFunction create) {
  DataType narrow = DataType::kUndefined;
  for (size_t i = 0; i < node.num_inputs(); ++i)
    if (IsNarrow(node.input_dtype(i)) && narrow == DataType::kUndefined) narrow = node.input_dtype(i);
  std::vector<DataType> output_dtypes;
  bool any_output = false;
  for (size_t i = 0; i < node.num_outputs(); ++i) {
    const DataType dtype = node.output_dtype(i);
    // An output of unknown type follows the inputs.
    output_dtypes.push_back(dtype == DataType::kUndefined ? narrow : dtype);
    any_output = any_output || IsNarrow(dtype);
  }
  if (narrow == DataType::kUndefined && !any_output) return create(node);
  WidenedNode widened(node);
  RETURN_IF_ERROR(widened.WidenConstants());
  ASSIGN_OR_RETURN(std::unique_ptr<Kernel> inner, create(widened));
  return std::unique_ptr<Kernel>(std::make_unique<WidenedKernel>(std::move(inner), widened.TakeConstants(), std::move(output_dtypes)));
}

}  // namespace sardonyx::cpu
