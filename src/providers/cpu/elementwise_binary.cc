#include "kernels/elementwise/binary.h"

#include "providers/cpu/elementwise.h"

namespace sardonyx::cpu {
namespace {

using enum kernels::BinaryOp;
using kernels::BinaryOp;

// How the second input meets the first.
enum class Alignment {
  kNumpy,   // opset 7: trailing dims align, both broadcast
  kAtAxis,  // opset 1 to 6: the second one only, if `broadcast` is set, from dim `axis` on
};

bool Divides(BinaryOp op) { return op == kDiv || op == kMod || op == kFmod; }
bool IsComparison(BinaryOp op) { return op >= kEqual && op <= kGreaterOrEqual; }

kernels::RowKernel FindFor(BinaryOp op, DataType a, DataType b) {
  if (op == kPow) return kernels::FindPow(a, b);
  return a == b ? kernels::FindBinary(op, a) : kernels::RowKernel{};
}

struct BinaryBinding {
  BinaryOp op;
  std::string name;
  Alignment alignment = Alignment::kNumpy;
  bool broadcast = false;  // of kAtAxis
  int64_t axis = -1;
  Parameters parameters = {};

  StatusOr<Dims> SecondDims(const Dims& a, const Dims& b) const {
    if (alignment == Alignment::kNumpy) return b;
    if (broadcast) return kernels::AlignAtAxis(b, axis, a.rank());
    if (a == b) return b;
    return Usage(fmt::format("{}: shapes {} and {} differ, and before opset 7 only the attribute broadcast=1 lets them", name, a.ToString(),
                             b.ToString()));
  }

  Status operator()(KernelContext& context) const {
    const TensorView& a = context.input(0);
    const TensorView& b = context.input(1);
    if (op != kPow && a.dtype != b.dtype)
      return Usage(fmt::format("{}: inputs are {} and {}, not of one type", name, a.TypeString(), b.TypeString()));
    if (Divides(op) && kernels::FindZero(b.dtype, b.data, b.num_elements()))
      return Usage(fmt::format("{}: integer division by zero", name));
    ASSIGN_OR_RETURN(Dims b_dims, SecondDims(a.dims, b.dims));
    const ElementwiseInput inputs[] = {{&a, a.dims}, {&b, std::move(b_dims)}};
    return RunElementwise(context, name, FindFor(op, a.dtype, b.dtype), inputs, IsComparison(op) ? DataType::kBool : a.dtype, parameters);
  }
};

// Over an operand of as many bytes: since the result has the operands' element size, that one is not broadcast. A comparison
// has not, and an exponent need not have; over those nothing can be said.
const KernelTraits kEitherInPlace = {.in_place = {{0, 0}, {0, 1}}};
KernelTraits TraitsOf(BinaryOp op) {
  if (IsComparison(op)) return {};
  return op == kPow ? KernelTraits{.in_place = {{0, 0}}} : kEitherInPlace;
}

StatusOr<std::unique_ptr<Kernel>> MakeBinary(BinaryOp op, const NodeInfo& node) {
  BinaryBinding binding{op, node.node().op_type};
  if (node.opset_version() < 7) {
    binding.alignment = Alignment::kAtAxis;
    binding.broadcast = node.GetInt("broadcast", 0) != 0;
    binding.axis = node.GetInt("axis", -1);
  }
  return MakeKernel(std::move(binding), TraitsOf(op));
}

StatusOr<std::unique_ptr<Kernel>> MakeMod(const NodeInfo& node) {
  return MakeKernel(BinaryBinding{node.GetInt("fmod", 0) != 0 ? kFmod : kMod, "Mod"}, kEitherInPlace);
}

StatusOr<std::unique_ptr<Kernel>> MakeBitShift(const NodeInfo& node) {
  const std::string direction = node.GetString("direction");
  if (direction != "LEFT" && direction != "RIGHT") return Invalid(fmt::format("BitShift: direction is '{}', not LEFT or RIGHT", direction));
  return MakeKernel(BinaryBinding{direction == "LEFT" ? kShiftLeft : kShiftRight, "BitShift"}, kEitherInPlace);
}

StatusOr<std::unique_ptr<Kernel>> MakeSwiGlu(const NodeInfo& node) {
  return MakeKernel(
      [binding =
           BinaryBinding{.op = kSwiGlu, .name = "SwiGLU", .parameters = {node.GetFloat("alpha", 1.0f)}}](KernelContext& context) -> Status {
        if (!(context.input(0).dims == context.input(1).dims))
          return Usage(
              fmt::format("SwiGLU: inputs {} and {} must have one shape", context.input(0).TypeString(), context.input(1).TypeString()));
        return binding(context);
      },
      kEitherInPlace);
}

// Before opset 7 the slope has one element, or one a channel.
StatusOr<std::unique_ptr<Kernel>> MakePRelu(const NodeInfo& node) {
  const bool per_channel = node.opset_version() < 7;
  return MakeKernel(
      [per_channel](KernelContext& context) -> Status {
        const TensorView& x = context.input(0);
        const TensorView& slope = context.input(1);
        if (x.dtype != slope.dtype) return Usage(fmt::format("PRelu: inputs are {} and {}", x.TypeString(), slope.TypeString()));
        Dims dims = slope.dims;
        if (per_channel && slope.num_elements() == 1)
          dims = Dims();
        else if (per_channel && slope.rank() < x.rank()) {
          ASSIGN_OR_RETURN(dims, kernels::AlignAtAxis(slope.dims, 1, x.rank()));
        }
        ASSIGN_OR_RETURN(const Dims result, kernels::BroadcastShape(x.dims, dims));
        if (!(result == x.dims)) return Usage(fmt::format("PRelu: slope {} does not broadcast to {}", slope.TypeString(), x.TypeString()));
        const ElementwiseInput inputs[] = {{&x, x.dims}, {&slope, dims}};
        return RunElementwise(context, "PRelu", kernels::FindBinary(kPRelu, x.dtype), inputs, x.dtype);
      },
      {.in_place = {{0, 0}}});
}

template <BinaryOp op>
constexpr KernelEntry Row(std::string_view name) {
  return {"", name, "reference", AcceptsAll, [](const NodeInfo& node) { return MakeBinary(op, node); }};
}

}  // namespace

std::span<const KernelEntry> BinaryKernels() {
  static constexpr KernelEntry kEntries[] = {
      Row<kAdd>("Add"),
      Row<kSub>("Sub"),
      Row<kMul>("Mul"),
      Row<kDiv>("Div"),
      Row<kPow>("Pow"),
      Row<kEqual>("Equal"),
      Row<kLess>("Less"),
      Row<kLessOrEqual>("LessOrEqual"),
      Row<kGreater>("Greater"),
      Row<kGreaterOrEqual>("GreaterOrEqual"),
      Row<kAnd>("And"),
      Row<kOr>("Or"),
      Row<kXor>("Xor"),
      Row<kBitwiseAnd>("BitwiseAnd"),
      Row<kBitwiseOr>("BitwiseOr"),
      Row<kBitwiseXor>("BitwiseXor"),
      {"", "Mod", "reference", AcceptsAll, MakeMod},
      {"", "BitShift", "reference", AcceptsAll, MakeBitShift},
      {"", "PRelu", "reference", AcceptsAll, MakePRelu},
      {"", "SwiGLU", "reference", AcceptsAll, MakeSwiGlu},
  };
  return kEntries;
}

}  // namespace sardonyx::cpu
