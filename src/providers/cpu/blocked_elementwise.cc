// Element-wise operators on blocked tensors: the kernels of row-major ones, to which a blocked tensor [N, C, spatial...] is shown as
// [N, C / 16, spatial..., 16]. What stands in the padding is computed, too, and never looked at.
#include <fmt/format.h>

#include "kernels/gemm/aligned_buffer.h"
#include "kernels/pool/pool_blocked.h"
#include "providers/cpu/bind.h"
#include "providers/cpu/blocked.h"

namespace sardonyx::cpu {
namespace {

using kernels::AlignedBuffer;
using kernels::kChannelBlock;

// How an input takes part.
enum class Part {
  kOmitted,
  kBlocked,   // a tensor with all channels; reordered if it arrives row-major
  kScalar,    // one element, as it is
  kChannels,  // a constant with one number a channel, kept in blocks
};

struct Plan {
  std::vector<Part> parts;
  size_t rank = 0;
  int64_t channels = 0;
};

bool IsScalar(const ir::Type& type, size_t rank) {
  if (!type.is_tensor() || !type.shape || type.shape->rank() > rank) return false;
  for (const ir::Dim& dim : type.shape->dims())
    if (!dim.is_constant(1)) return false;
  return true;
}

// Dims that align at the right with [N, C, spatial...] of `rank` and are 1 but for the channels.
bool IsChannelVector(const Dims& dims, size_t rank, int64_t channels) {
  if (dims.rank() > rank || dims.rank() + 1 < rank || dims.num_elements() != channels) return false;
  return dims[dims.rank() + 1 - rank] == channels;
}

// The plan, or the reason why there is none.
std::string MakePlan(const NodeInfo& node, Plan* plan) {
  for (size_t i = 0; i < node.num_inputs(); ++i) {
    if (!IsBlocked(node, i)) continue;
    const std::optional<BlockedType> type = KnownChannels(node, i);
    if (!type) return "channels are not known";
    if (plan->rank != 0 && (type->rank != plan->rank || type->channels != plan->channels)) return "inputs of different ranks or channels";
    plan->rank = type->rank;
    plan->channels = type->channels;
  }
  if (plan->rank == 0) return "no input is blocked";
  for (size_t i = 0; i < node.num_inputs(); ++i) {
    const Tensor* constant = node.has_input(i) ? node.constant(i) : nullptr;
    const std::optional<BlockedType> type = KnownChannels(node, i);
    if (!node.has_input(i))
      plan->parts.push_back(Part::kOmitted);
    else if (IsBlocked(node, i))
      plan->parts.push_back(Part::kBlocked);
    else if (IsScalar(node.input_type(i), plan->rank))
      plan->parts.push_back(Part::kScalar);
    else if (constant && constant->dtype() == DataType::kFloat && IsChannelVector(constant->dims(), plan->rank, plan->channels))
      plan->parts.push_back(Part::kChannels);
    else if (!constant && type && type->rank == plan->rank && type->channels == plan->channels)
      plan->parts.push_back(Part::kBlocked);
    else
      return fmt::format("input {} does not fit blocks of channels", i);
  }
  return "";
}

// One run as the kernel of row-major tensors sees it.
class PhysicalContext final : public KernelContext {
 public:
  PhysicalContext(KernelContext& outer, std::span<const TensorView> inputs, int64_t channels)
      : outer_(outer), inputs_(inputs), channels_(channels) {}
  size_t num_inputs() const override { return outer_.num_inputs(); }
  size_t num_outputs() const override { return outer_.num_outputs(); }
  bool has_input(size_t i) const override { return i < inputs_.size() && inputs_[i].dtype != DataType::kUndefined; }
  bool has_output(size_t i) const override { return outer_.has_output(i); }
  const TensorView& input(size_t i) const override { return inputs_[i]; }
  bool input_is_tensor(size_t i) const override { return has_input(i); }
  Value input_value(size_t) const override { return Value(); }
  StatusOr<TensorView> Output(size_t i, DataType dtype, const Dims& dims) override {
    Dims logical(std::span<const int64_t>(dims).first(dims.rank() - 1));
    logical[1] = channels_;
    ASSIGN_OR_RETURN(const TensorView view, outer_.Output(i, dtype, logical));
    return PhysicalView(view);
  }
  Status OutputAlias(size_t, size_t, const Dims&) override { return Internal("a blocked tensor under other dims"); }
  Status SetOutput(size_t, Value) override { return Internal("a blocked tensor as a value"); }
  StatusOr<void*> Workspace(size_t bytes) override { return outer_.Workspace(bytes); }
  ThreadPool& thread_pool() const override { return outer_.thread_pool(); }
  runtime::Subprogram* subprogram(std::string_view attribute) override { return outer_.subprogram(attribute); }
  Status CheckInterrupted() const override { return outer_.CheckInterrupted(); }

 private:
  KernelContext& outer_;
  std::span<const TensorView> inputs_;
  int64_t channels_;
};

class BlockedElementwise final : public Kernel {
 public:
  BlockedElementwise(Plan plan, std::unique_ptr<Kernel> inner, bool multiplies)
      : plan_(std::move(plan)), inner_(std::move(inner)), multiplies_(multiplies), vectors_(plan_.parts.size()) {}

  // Keeps a constant's numbers in whole blocks.
  Status KeepChannels(size_t i, const Tensor& constant) {
    const int64_t padded = kernels::ChannelBlocks(plan_.channels) * kChannelBlock;
    vectors_[i] = AlignedBuffer<float>(padded);
    if (!vectors_[i]) return Resource("no memory for a constant in blocks");
    std::fill(std::copy_n(constant.data<float>().data(), plan_.channels, vectors_[i].data()), vectors_[i].data() + padded, 0.0f);
    return Status();
  }

  Status Run(KernelContext& context) const override {
    constexpr size_t kFew = 8;
    std::array<TensorView, kFew> few;
    std::vector<TensorView> many(plan_.parts.size() > kFew ? plan_.parts.size() : 0);
    const std::span<TensorView> views = many.empty() ? std::span(few).first(plan_.parts.size()) : std::span(many);
    for (size_t i = 0; i < views.size(); ++i) {
      ASSIGN_OR_RETURN(views[i], View(context, i));
    }
    if (multiplies_ && views.size() == 2) {
      if (IsSpatial(views[0], views[1])) return Scale(context, views[0], views[1]);
      if (IsSpatial(views[1], views[0])) return Scale(context, views[1], views[0]);
    }
    PhysicalContext physical(context, views, plan_.channels);
    return inner_->Run(physical);
  }
  bool CanRunInPlace(size_t output, size_t input) const override {
    return plan_.parts[input] == Part::kBlocked && inner_->CanRunInPlace(output, input);
  }
  Layout InputLayout(size_t i) const override {
    return i < plan_.parts.size() && plan_.parts[i] == Part::kBlocked ? Layout::kNchw16c : Layout::kPlain;
  }
  Layout OutputLayout(size_t) const override { return Layout::kNchw16c; }

 private:
  StatusOr<TensorView> View(KernelContext& context, size_t i) const {
    if (plan_.parts[i] == Part::kOmitted) return TensorView();
    if (plan_.parts[i] == Part::kChannels) {
      Dims dims(plan_.rank + 1, 1);
      dims[1] = kernels::ChannelBlocks(plan_.channels);
      dims[plan_.rank] = kChannelBlock;
      return TensorView{DataType::kFloat, dims, const_cast<float*>(vectors_[i].data())};
    }
    const TensorView& view = context.input(i);
    if (plan_.parts[i] == Part::kScalar) {
      if (view.num_elements() != 1) return Invalid(fmt::format("input {} is {}, not one element", i, view.TypeString()));
      return view;
    }
    if (view.dtype != DataType::kFloat || view.rank() != plan_.rank || view.dims[1] != plan_.channels)
      return Invalid(fmt::format("input {} is {}, not float of rank {} with {} channels", i, view.TypeString(), plan_.rank, plan_.channels));
    return PhysicalView(view);
  }

  // Whether `scale` has one number a channel, and perhaps image, of x.
  static bool IsSpatial(const TensorView& x, const TensorView& scale) {
    const size_t rank = x.rank();
    if (scale.rank() != rank || rank < 3 || scale.dims[rank - 1] != kChannelBlock || x.dims[rank - 1] != kChannelBlock) return false;
    return scale.num_elements() == scale.dims[0] * scale.dims[1] * kChannelBlock && (scale.dims[0] == 1 || scale.dims[0] == x.dims[0]) &&
           scale.dims[1] == x.dims[1];
  }
  Status Scale(KernelContext& context, const TensorView& x, const TensorView& scale) const {
    Dims dims(std::span<const int64_t>(x.dims).first(x.rank() - 1));
    dims[1] = plan_.channels;
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, dims));
    kernels::BlockedScale({.planes = x.dims[0] * x.dims[1],
                           .size = x.dims.Product(2, x.rank() - 1),
                           .x = x.ptr<float>(),
                           .scale = scale.ptr<float>(),
                           .scale_planes = scale.dims[0] * scale.dims[1],
                           .y = y.mutable_ptr<float>()},
                          context.thread_pool());
    return Status();
  }

  Plan plan_;
  std::unique_ptr<Kernel> inner_;
  bool multiplies_;
  std::vector<AlignedBuffer<float>> vectors_;  // of parts that are channels
};

std::string Declines(const NodeInfo& node) {
  if (node.node().domain.empty() && node.opset_version() < 7) return "operands align otherwise before opset 7";
  Plan plan;
  return MakePlan(node, &plan);
}

StatusOr<std::unique_ptr<Kernel>> Create(const NodeInfo& node) {
  Plan plan;
  const std::string reason = MakePlan(node, &plan);
  if (!reason.empty()) return Unsupported(reason);
  ASSIGN_OR_RETURN(std::unique_ptr<Kernel> inner, CreatePlainKernel(node));
  auto kernel = std::make_unique<BlockedElementwise>(std::move(plan), std::move(inner), node.node().op_type == "Mul");
  for (size_t i = 0; i < node.num_inputs(); ++i)
    if (kernel->InputLayout(i) == Layout::kPlain && node.has_input(i) && node.constant(i) && node.constant(i)->num_elements() != 1) {
      RETURN_IF_ERROR(kernel->KeepChannels(i, *node.constant(i)));
      node.ReleaseConstant(i);
    }
  return std::unique_ptr<Kernel>(std::move(kernel));
}

constexpr KernelEntry Row(std::string_view op, std::string_view domain = "") { return {domain, op, "nchw16c", Declines, Create}; }

constexpr KernelEntry kRows[] = {
    Row("Abs"),         Row("Neg"),      Row("Relu"),       Row("Ceil"),        Row("Floor"),
    Row("Round"),       Row("Sqrt"),     Row("Reciprocal"), Row("Exp"),         Row("Log"),
    Row("Erf"),         Row("Tanh"),     Row("Sigmoid"),    Row("LeakyRelu"),   Row("Elu"),
    Row("Celu"),        Row("Selu"),     Row("Softplus"),   Row("Softsign"),    Row("ThresholdedRelu"),
    Row("HardSigmoid"), Row("HardSwish"), Row("Mish"),      Row("Swish"),       Row("Gelu"),
    Row("Clip"),        Row("Add"),      Row("Sub"),        Row("Mul"),         Row("Div"),
    Row("Pow"),         Row("PRelu"),    Row("Max"),        Row("Min"),         Row("Sum"),
    Row("Mean"),        Row("Gelu", "com.microsoft"),       Row("QuickGelu", "com.microsoft"),
};

}  // namespace

std::span<const KernelEntry> BlockedElementwiseKernels() { return kRows; }

}  // namespace sardonyx::cpu
